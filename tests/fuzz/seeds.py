"""Small whole files of each kind for a fuzzer to begin from."""

import io
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from tests.support.elf_files import ElfSpec, SymbolSpec, make_elf
from tests.support.macho_files import Library, MachoSpec, make_fat, make_macho
from tests.support.packages import write_deb, write_docker_image, write_rpm
from tests.support.pe_files import Dll, PeSpec, make_pe
from tests.support.wheels import honest_wheel

_ELF = ElfSpec(
    soname="libx.so.1",
    needed=("libc.so.6",),
    runpath="$ORIGIN/../lib",
    verneed={"libc.so.6": [("GLIBC_2.17", False), ("GLIBC_2.38", True)]},
    verdef=("X_1.0", "X_2.0"),
    symbols=(SymbolSpec("memcpy"), SymbolSpec("Py_IncRef")),
)
_MACHO = MachoSpec(
    libraries=(Library(name="/usr/lib/libSystem.B.dylib"),),
    rpaths=("@loader_path/../lib",),
    builds=((1, (11, 0, 0), (14, 2, 1)),),
    undefined=(("_puts", 1, False),),
    defined=("_PyInit_x",),
)
_PE = PeSpec(
    dlls=(Dll(name="kernel32.dll", symbols=("Sleep", 7)), Dll(name="later.dll", is_delayed=True)),
    exports={"PyInit_x": None, "a": "other.f"},
)
_FILES = {"usr/lib/libx.so.1": make_elf(_ELF), "usr/share/doc/x": b"x"}

Maker = Callable[[Path], None]
"""Writes seeds into a folder."""


def _elf(folder: Path) -> None:
    for name, machine, bits, order in (
        ("l", "x86_64", 64, "<"),
        ("b", "s390x", 64, ">"),
        ("s", "i686", 32, "<"),
    ):
        spec = replace(_ELF, machine=machine, bits=bits, order=order)
        (folder / name).write_bytes(make_elf(spec))


def _macho(folder: Path) -> None:
    thin = make_macho(_MACHO)
    (folder / "thin").write_bytes(thin)
    (folder / "fat").write_bytes(make_fat([("arm64", thin)], align=12))


def _pe(folder: Path) -> None:
    (folder / "long").write_bytes(make_pe(_PE))
    (folder / "short").write_bytes(make_pe(replace(_PE, bits=32, machine="x86")))


def _zip(folder: Path) -> None:
    honest_wheel(folder, "demo", files={"demo/x.so": make_elf(_ELF), "demo/__init__.py": b"x = 1"})


def _package(folder: Path) -> None:
    # Packed, every change would end in the checksum of the packing.
    write_deb(folder / "x.deb", _FILES, how="")
    write_rpm(folder / "x.rpm", _FILES, how="")
    write_docker_image(folder / "x.tar", [_FILES, {"usr/lib/.wh.libx.so.1": b""}])


def _xar(folder: Path) -> None:
    # Not above: what is imported before the readers is not watched for its coverage.
    from sealift.apple.xar import Member, write_xar

    with io.BytesIO() as made:
        members = [Member("Distribution", b"<installer/>"), Member("x.pkg/Bom", b"BOMStore")]
        write_xar(made, members, modified=0, certificate=None)
        content = made.getvalue()
    (folder / "x.xar").write_bytes(content)
    # Packed, every change of the table would end in the checksum of the packing.
    (folder / "table.xar").write_bytes(content[:4] + zlib.decompressobj().decompress(content[28:]))


SEEDS: Mapping[str, Maker] = {
    "elf": _elf, "macho": _macho, "pe": _pe, "zip": _zip, "package": _package, "xar": _xar,
}  # fmt: skip
