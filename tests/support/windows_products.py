"""Small products for Windows: a program by MinGW amid files, as a launcher would be."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sealift.application import Document
from sealift.entry import EntryPoint
from sealift.image import Image
from sealift.launcher.tree import TreeFile, bytes_piece
from sealift.target import parse_target
from sealift.windows.resources import with_resources
from tests.support.entries import an_application, an_image
from tests.support.icons import png
from tests.support.tools import require_tool
from tests.support.windows_wheels import MINGW

TITLE = "Démo & Co"
IDENTIFIER = "org.example.demo"
SOURCE = r"""
#include <stdio.h>
#include <string.h>
#include <windows.h>

int main(int count, char **arguments)
{
    if (count > 1 && !strcmp(arguments[1], "wait"))
        Sleep(60000);
    char path[MAX_PATH], *end;
    GetModuleFileNameA(NULL, path, sizeof path);
    end = strrchr(path, '\\');
    strcpy(end, "\\Lib\\version.txt");
    FILE *file = fopen(path, "r");
    char text[80] = "nothing";
    if (file)
        fgets(text, sizeof text, file);
    printf("demo %s\n", text);
    return 0;
}
"""


def a_program(folder: Path) -> bytes:
    """A program that tells what ``Lib/version.txt`` beside it says, or waits for a minute."""
    (folder / "demo.c").write_text(SOURCE)
    compiler = require_tool(f"{MINGW}-gcc")
    subprocess.run([compiler, "-s", "-O1", "demo.c", "-o", "demo.exe"], cwd=folder, check=True)
    return (folder / "demo.exe").read_bytes()


def a_windows_image(folder: Path, version: str = "1.0", **changes: Any) -> Image:
    """An image whose parts nobody looks at but for what installers take from it."""
    icon = folder / "icon.png"
    icon.write_bytes(png(256, 256))
    document = Document(
        name="sheet", title="Demo sheet", extensions=("dmo",), mime="text/x-demo", icon=None
    )
    fields: dict[str, Any] = {
        "name": "demo",
        "version": version,
        "target": parse_target("windows-x86_64"),
        "entry": EntryPoint("demo", "demo", "main", gui=True),
        "application": an_application(
            title=TITLE, identifier=IDENTIFIER, publisher="Example", icon=icon,
            homepage="https://example.org/", documents=(document,),
        ),
    }  # fmt: skip
    return an_image(folder, {}, **{**fields, **changes})


def a_tree(program: bytes, image: Image, extra: Mapping[str, bytes]) -> list[TreeFile]:
    """The files of ``image`` around ``program``, and some ``extra`` ones."""
    launcher = with_resources(program, image)
    files = {
        f"{image.name}.exe": launcher,
        "python.exe": launcher,
        "Lib/version.txt": image.version.encode(),
        "Lib/ü/$INSTDIR ${VERSION}.txt": b"kept",
        **extra,
    }
    return [
        TreeFile(path=path, mode=0o644, origin="", pieces=(bytes_piece(content),))
        for path, content in files.items()
    ]
