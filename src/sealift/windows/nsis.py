"""Installers by NSIS: what differs of its script for one product.

The rest of the script is ``data/installer.nsi``.  Format: the reference of NSIS 3.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from sealift.windows.installer import Installer

SCRIPT = Path(__file__).parents[1] / "data" / "installer.nsi"

# LZMA takes ten times as long as the others, on one CPU, for a quarter less of bytes.
_COMPRESSORS = {"fast": "zlib", "balanced": "/SOLID bzip2", "small": "/SOLID lzma"}
_DICTIONARY = 64  # MiB, of LZMA; what unpacks it needs as much


def write_script(installer: Installer, folder: Path, compression: str, sign: str | None) -> Path:
    """The script of ``installer`` in ``folder``; it writes ``setup.exe`` beside itself.

    ``sign`` is a command for a shell that signs the file behind it, for the uninstaller, which
    exists only while the script is compiled.
    """
    parts: Mapping[str, Iterator[str]] = {
        "product": _definitions(installer, folder, compression, sign),
        "files": _files(installer),
        "unfiles": _unfiles(installer),
        "documents": _documents(installer),
        "undocuments": _undocuments(installer),
    }
    for name, lines in parts.items():
        text = "".join(f"{line}\n" for line in lines)
        (folder / f"{name}.nsh").write_text(text, encoding="utf-8")
    script = folder / SCRIPT.name
    shutil.copyfile(SCRIPT, script)
    return script


def _definitions(
    installer: Installer, folder: Path, compression: str, sign: str | None
) -> Iterator[str]:
    app = installer.image.application
    values: dict[str, str] = {
        "IDENTIFIER": app.identifier,
        "TITLE": app.title,
        "TITLE_IN_MENUS": app.title.replace("&", "&&"),
        "FOLDER": installer.folder,
        "PROGRAM": installer.program,
        "VERSION": installer.image.version,
        "NUMBERS": ".".join(map(str, installer.numbers)),
        "PUBLISHER": app.publisher,
        "COPYRIGHT": app.copyright,
        "HOMEPAGE": app.homepage,
        "KILOBYTES": str(installer.size // 1024),
        "SCOPE": installer.options.scope,
    }
    flags = {
        "GUI": installer.image.entry.gui,
        "START_MENU": installer.has_menu_entry,
        "ON_PATH": installer.is_on_path,
    }
    # Sequences of a dollar and a brace are replaced wherever they stand, but for what that gives.
    yield '!define DOLLAR "$$"'
    yield '!define PLAIN_DOLLAR "$"'
    yield f"SetCompressor {_COMPRESSORS[compression]}"
    yield f"SetCompressorDictSize {_DICTIONARY}"
    yield from (f"!define {name} {_text(value)}" for name, value in values.items())
    yield from (f"!define {name}" for name, is_on in flags.items() if is_on)
    if installer.icon:
        yield f"!define ICON {_source(installer.icon)}"
    yield f"!define OUT {_source(folder / 'setup.exe')}"
    if sign:
        yield f"!uninstfinalize '{sign} \"%1\"' = 0"


def _files(installer: Installer) -> Iterator[str]:
    """Commands that write every file; one folder after the other."""
    last = None
    for path in installer.files:
        folder, _, name = path.rpartition("/")
        if folder != last:
            yield f"SetOutPath {_installed(folder)}"
            last = folder
        yield f"File {_text(f'/oname={name}')} {_source(installer.root / path)}"


def _unfiles(installer: Installer) -> Iterator[str]:
    """Commands that remove these files, and the folders that are empty then."""
    yield from (f"Delete {_installed(path)}" for path in installer.files)
    yield from (f"RMDir {_installed(folder)}" for folder in reversed(installer.folders))


def _documents(installer: Installer) -> Iterator[str]:
    """Commands that offer the program for documents, and take those nobody else opens."""
    program = f"$INSTDIR\\{installer.program}"
    command = _text(f'"{program}" "%1"', kept="$INSTDIR")
    for document in installer.image.application.documents:
        kind = installer.kind_of(document)
        icon = _text(f"{program},{installer.icon_index(document)}", kept="$INSTDIR")
        yield _write(_class(kind), "", _text(document.title))
        yield _write(_class(kind, "DefaultIcon"), "", icon)
        yield _write(_class(kind, "shell", "open", "command"), "", command)
        for extension in document.extensions:
            key = _class(f".{extension}")
            yield _write(_class(f".{extension}", "OpenWithProgids"), kind, '""')
            yield from _only_if(key, "", "", _write(key, "", _text(kind)))


def _undocuments(installer: Installer) -> Iterator[str]:
    """Commands that take back what :func:`_documents` wrote, and nothing of others."""
    for document in installer.image.application.documents:
        kind = installer.kind_of(document)
        for extension in document.extensions:
            key = _class(f".{extension}")
            offers = _class(f".{extension}", "OpenWithProgids")
            yield f"DeleteRegValue ${{ROOT}} {offers} {_text(kind)}"
            yield from _only_if(key, "", kind, f'DeleteRegValue ${{ROOT}} {key} ""')
        yield f"DeleteRegKey ${{ROOT}} {_class(kind)}"


def _write(key: str, name: str, value: str) -> str:
    return f"WriteRegStr ${{ROOT}} {key} {_text(name)} {value}"


def _only_if(key: str, name: str, value: str, command: str) -> Sequence[str]:
    return (
        f"ReadRegStr $0 ${{ROOT}} {key} {_text(name)}",
        f"${{If}} $0 == {_text(value)}",
        f"  {command}",
        "${EndIf}",
    )


def _class(*path: str) -> str:
    return _text("\\".join(("Software", "Classes", *path)))


def _installed(path: str) -> str:
    windows = path.replace("/", "\\")
    return _text(f"$INSTDIR\\{windows}" if path else "$INSTDIR", kept="$INSTDIR")


def _text(text: str, *, kept: str = "") -> str:
    r"""``text`` as a string of NSIS; ``kept``, at its beginning or in quotes, is a variable.

    >>> _text('a "b" $c'), _text("$INSTDIR/$x", kept="$INSTDIR")
    ('"a $\\"b$\\" ${DOLLAR}c"', '"$INSTDIR/${DOLLAR}x"')
    """
    before, found, after = text.partition(kept) if kept else ("", "", text)
    return f'"{_escaped(before)}{found}{_escaped(after)}"'


def _escaped(text: str) -> str:
    return text.replace('"', '$\\"').replace("$", "${DOLLAR}").replace('${DOLLAR}\\"', '$\\"')


def _source(path: Path) -> str:
    """A path of this machine, in which nothing is replaced but what the preprocessor does."""
    return '"' + str(path).replace("$", "${PLAIN_DOLLAR}") + '"'
