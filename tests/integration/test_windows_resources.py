"""Resources of a program for Windows: as Windows itself reads them, and as icoutils do."""

import io
import subprocess
from pathlib import Path

import pefile
from PIL import Image

from sealift.windows.resources import with_resources
from tests.support.tools import require_tool
from tests.support.windows_products import TITLE, a_windows_image
from tests.support.windows_wheels import MINGW
from tests.support.wine import running_wine

SOURCE = r"""
#include <stdio.h>
#include <windows.h>

int main(void)
{
    static char told[65536];
    wchar_t path[MAX_PATH], *title;
    char text[200];
    VS_FIXEDFILEINFO *numbers;
    UINT size;
    GetModuleFileNameW(NULL, path, MAX_PATH);
    GetFileVersionInfoW(path, 0, sizeof told, told);
    VerQueryValueW(told, L"\\", (void **)&numbers, &size);
    VerQueryValueW(told, L"\\StringFileInfo\\040904b0\\ProductName", (void **)&title, &size);
    WideCharToMultiByte(CP_UTF8, 0, title, -1, text, sizeof text, 0, 0);
    printf("%u.%u %s\n", HIWORD(numbers->dwFileVersionMS), LOWORD(numbers->dwFileVersionMS), text);
    HANDLE icon = LoadImageA(GetModuleHandleA(NULL), MAKEINTRESOURCEA(1), IMAGE_ICON, 48, 48, 0);
    printf("icon %d, code page %u\n", icon != NULL, GetACP());
    return 0;
}
"""


def test_windows_and_icoutils_read_what_was_written(tmp_path: Path) -> None:
    (tmp_path / "told.c").write_text(SOURCE)
    compiler = require_tool(f"{MINGW}-gcc")
    subprocess.run(
        [compiler, "-s", "told.c", "-o", "told.exe", "-lversion"], cwd=tmp_path, check=True
    )
    image = a_windows_image(tmp_path, "3.14rc1")
    plain = (tmp_path / "told.exe").read_bytes()
    data = with_resources(plain, image)
    (tmp_path / "told.exe").write_bytes(data)
    with running_wine(tmp_path) as wine:
        said = wine.run(tmp_path / "told.exe").stdout.splitlines()
    # The code page is what the manifest asks for.
    assert said == [f"3.14 {TITLE}", "icon 1, code page 65001"]
    assert pefile.PE(data=data).verify_checksum()
    tool = require_tool("wrestool")
    extracted = subprocess.run(
        [tool, "-x", "-t", "14", tmp_path / "told.exe"], capture_output=True, check=True
    ).stdout
    icon = Image.open(io.BytesIO(extracted))
    assert icon.info["sizes"] == {(size, size) for size in (16, 20, 24, 32, 40, 48, 64, 128, 256)}
