; The part of an installer that is the same for all products; sealift/windows/nsis.py writes what
; differs: product.nsh with definitions, files.nsh, unfiles.nsh, documents.nsh, undocuments.nsh.
Unicode true
!include "product.nsh"
!include "LogicLib.nsh"
!include "MUI2.nsh"
!include "FileFunc.nsh"
!include "WinMessages.nsh"
!include "x64.nsh"

!define ARP "Software\Microsoft\Windows\CurrentVersion\Uninstall\${IDENTIFIER}"
!if ${SCOPE} == "machine"
  !define ROOT "HKLM"
  !define HIVE 0x80000002
  !define VARIABLES "SYSTEM\CurrentControlSet\Control\Session Manager\Environment"
  !define CONTEXT "all"
  !define LEVEL "admin"
  !define BASE "$PROGRAMFILES64"
!else
  !define ROOT "HKCU"
  !define HIVE 0x80000001
  !define VARIABLES "Environment"
  !define CONTEXT "current"
  !define LEVEL "user"
  !define BASE "$LOCALAPPDATA\Programs"
!endif

Name "${TITLE}" "${TITLE_IN_MENUS}"
OutFile "${OUT}"
InstallDir "${BASE}\${FOLDER}"
RequestExecutionLevel ${LEVEL}
SetDateSave off
CRCCheck on
ManifestDPIAware true
ManifestLongPathAware true
ManifestSupportedOS all
BrandingText "${TITLE_IN_MENUS} ${VERSION}"
VIProductVersion "${NUMBERS}"
VIAddVersionKey "ProductName" "${TITLE}"
VIAddVersionKey "ProductVersion" "${VERSION}"
VIAddVersionKey "FileVersion" "${VERSION}"
VIAddVersionKey "FileDescription" "${TITLE} Setup"
VIAddVersionKey "CompanyName" "${PUBLISHER}"
VIAddVersionKey "LegalCopyright" "${COPYRIGHT}"

!ifdef ICON
  !define MUI_ICON "${ICON}"
  !define MUI_UNICON "${ICON}"
!endif
!define MUI_ABORTWARNING
!insertmacro MUI_PAGE_DIRECTORY
!insertmacro MUI_PAGE_INSTFILES
!ifdef GUI
  !define MUI_FINISHPAGE_RUN "$INSTDIR\${PROGRAM}"
!endif
!insertmacro MUI_PAGE_FINISH
!insertmacro MUI_UNPAGE_CONFIRM
!insertmacro MUI_UNPAGE_INSTFILES
!insertmacro MUI_LANGUAGE "English"

; Statuses for whoever installs silently.
!define STOPPED_BY_RUNNING 3
!define STOPPED_BY_OLD 4

!macro PerUserOrMachine
  SetRegView 64
  SetShellVarContext ${CONTEXT}
!macroend

; The place of $INSTDIR in the list of folders at $3, in $6, or 0.  NSIS's own texts are cut off at
; 1024 letters, which lists of folders exceed, so that they are never taken into one.
!macro FindInPath UN
Function ${UN}FindInPath
  StrCpy $6 $3
  StrLen $7 "$INSTDIR"
  IntOp $7 $7 * 2
  again:
    System::Call 'shlwapi::StrStrIW(p r6, w "$INSTDIR") p .r6'
    ${If} $6 P= 0
      Return
    ${EndIf}
    IntPtrOp $8 $6 + $7
    System::Call '*$8(&i2 .r9)'
    ${If} $9 = 0
    ${OrIf} $9 = 59
      ${If} $6 P= $3
        Return
      ${EndIf}
      IntPtrOp $9 $6 - 2
      System::Call '*$9(&i2 .r9)'
      ${If} $9 = 59
        Return
      ${EndIf}
    ${EndIf}
    StrCpy $6 $8
    Goto again
FunctionEnd

; Key $0, type $1, size $2 and content $3 of the list of folders, with room for one more.
Function ${UN}OpenPath
  StrCpy $3 0
  System::Call 'advapi32::RegOpenKeyExW(p ${HIVE}, w "${VARIABLES}", i 0, i 0x2011F, *p .r0) i .r4'
  ${If} $4 <> 0
    Return
  ${EndIf}
  StrCpy $2 0
  System::Call 'advapi32::RegQueryValueExW(p r0, w "Path", p 0, *i .r1, p 0, *i .r2) i .r4'
  ${If} $4 <> 0
    StrCpy $1 2
    StrCpy $2 0
  ${EndIf}
  IntOp $5 $2 + 4096
  System::Alloc $5
  Pop $3
  ${If} $2 > 0
    System::Call 'advapi32::RegQueryValueExW(p r0, w "Path", p 0, *i .r1, p r3, *i r2) i .r4'
  ${EndIf}
FunctionEnd

Function ${UN}ClosePath
  System::Call 'kernel32::lstrlenW(p r3) i .r5'
  ${If} $5 = 0
    System::Call 'advapi32::RegDeleteValueW(p r0, w "Path") i .r4'
  ${Else}
    IntOp $5 $5 + 1
    IntOp $5 $5 * 2
    System::Call 'advapi32::RegSetValueExW(p r0, w "Path", i 0, i r1, p r3, i r5) i .r4'
  ${EndIf}
  System::Call 'advapi32::RegCloseKey(p r0)'
  System::Free $3
  ; Tell all windows, and wait for none that hangs.
  System::Call 'user32::SendMessageTimeoutW(p ${HWND_BROADCAST}, i ${WM_WININICHANGE}, p 0, \
    w "Environment", i 2, i 500, *p .r4)'
FunctionEnd

; Ask for the end of a program that would keep its file; silently, give up.
Function ${UN}CheckRunning
  again:
  ${If} ${FileExists} "$INSTDIR\${PROGRAM}"
    ClearErrors
    FileOpen $0 "$INSTDIR\${PROGRAM}" a
    ${If} ${Errors}
      MessageBox MB_RETRYCANCEL|MB_ICONEXCLAMATION \
        "${TITLE} is running, or its files cannot be written. Close it, then try again." \
        /SD IDCANCEL IDRETRY again
      SetErrorLevel ${STOPPED_BY_RUNNING}
      Quit
    ${EndIf}
    FileClose $0
  ${EndIf}
FunctionEnd
!macroend
!insertmacro FindInPath ""
!insertmacro FindInPath "un."

Function AddToPath
  Call OpenPath
  ${If} $3 P= 0
    Return
  ${EndIf}
  Call FindInPath
  ${If} $6 P= 0
    System::Call 'kernel32::lstrlenW(p r3) i .r5'
    ${If} $5 > 0
      System::Call 'kernel32::lstrcatW(p r3, w ";")'
    ${EndIf}
    System::Call 'kernel32::lstrcatW(p r3, w "$INSTDIR")'
  ${EndIf}
  Call ClosePath
FunctionEnd

Function un.RemoveFromPath
  Call un.OpenPath
  ${If} $3 P= 0
    Return
  ${EndIf}
  Call un.FindInPath
  ${If} $6 P<> 0
    IntPtrOp $8 $6 + $7
    System::Call '*$8(&i2 .r9)'
    ${If} $9 = 59
      IntPtrOp $8 $8 + 2
    ${ElseIf} $6 P<> $3
      IntPtrOp $6 $6 - 2
    ${EndIf}
    System::Call 'kernel32::lstrlenW(p r8) i .r9'
    IntOp $9 $9 + 1
    IntOp $9 $9 * 2
    System::Call 'ntdll::memmove(p r6, p r8, p r9)'
  ${EndIf}
  Call un.ClosePath
FunctionEnd

Function .onInit
  !insertmacro PerUserOrMachine
  ; Where an older version is, unless /D says where to.
  ReadRegStr $0 ${ROOT} "${ARP}" "InstallLocation"
  ${If} $0 != ""
  ${AndIf} $INSTDIR == "${BASE}\${FOLDER}"
    StrCpy $INSTDIR $0
  ${EndIf}
FunctionEnd

Function un.onInit
  !insertmacro PerUserOrMachine
FunctionEnd

; An older version knows which files it has: it takes them away itself.
Function RemoveOld
  ReadRegStr $0 ${ROOT} "${ARP}" "InstallLocation"
  ${If} $0 != ""
  ${AndIf} ${FileExists} "$0\uninstall.exe"
    ExecWait '"$0\uninstall.exe" /S _?=$0' $1
    ${If} $1 <> 0
      MessageBox MB_OK|MB_ICONSTOP "The older version of ${TITLE} cannot be removed." /SD IDOK
      SetErrorLevel ${STOPPED_BY_OLD}
      Quit
    ${EndIf}
    Delete "$0\uninstall.exe"
    RMDir "$0"
  ${EndIf}
FunctionEnd

Section
  Call CheckRunning
  Call RemoveOld
  ClearErrors
  !include "files.nsh"
  SetOutPath "$INSTDIR"
  WriteUninstaller "$INSTDIR\uninstall.exe"
  ${If} ${Errors}
    MessageBox MB_OK|MB_ICONSTOP "Not all files of ${TITLE} could be written." /SD IDOK
    SetErrorLevel 2
    Quit
  ${EndIf}
  WriteRegStr ${ROOT} "${ARP}" "DisplayName" "${TITLE}"
  WriteRegStr ${ROOT} "${ARP}" "DisplayVersion" "${VERSION}"
!if "${PUBLISHER}" != ""
  WriteRegStr ${ROOT} "${ARP}" "Publisher" "${PUBLISHER}"
!endif
  WriteRegStr ${ROOT} "${ARP}" "DisplayIcon" "$INSTDIR\${PROGRAM},0"
  WriteRegStr ${ROOT} "${ARP}" "InstallLocation" "$INSTDIR"
  WriteRegStr ${ROOT} "${ARP}" "UninstallString" '"$INSTDIR\uninstall.exe"'
  WriteRegStr ${ROOT} "${ARP}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
!if "${HOMEPAGE}" != ""
  WriteRegStr ${ROOT} "${ARP}" "URLInfoAbout" "${HOMEPAGE}"
!endif
  WriteRegDWORD ${ROOT} "${ARP}" "EstimatedSize" ${KILOBYTES}
  WriteRegDWORD ${ROOT} "${ARP}" "NoModify" 1
  WriteRegDWORD ${ROOT} "${ARP}" "NoRepair" 1
!ifdef START_MENU
  CreateShortcut "$SMPROGRAMS\${FOLDER}.lnk" "$INSTDIR\${PROGRAM}" "" "$INSTDIR\${PROGRAM}" 0
!endif
!ifdef ON_PATH
  Call AddToPath
!endif
  !include "documents.nsh"
  System::Call 'shell32::SHChangeNotify(i 0x8000000, i 0, p 0, p 0)'
SectionEnd

Section "Uninstall"
  Call un.CheckRunning
  !include "unfiles.nsh"
  Delete "$INSTDIR\uninstall.exe"
  SetOutPath "$TEMP"
  RMDir "$INSTDIR"
!ifdef START_MENU
  Delete "$SMPROGRAMS\${FOLDER}.lnk"
!endif
!ifdef ON_PATH
  Call un.RemoveFromPath
!endif
  !include "undocuments.nsh"
  DeleteRegKey ${ROOT} "${ARP}"
  System::Call 'shell32::SHChangeNotify(i 0x8000000, i 0, p 0, p 0)'
SectionEnd
