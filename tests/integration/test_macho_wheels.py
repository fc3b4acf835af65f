"""Real libraries for macOS, from wheels of the index: as Apple's linkers and codesign made them.

They are for Intel, ARM and both.  Versions are pinned: the numbers are facts of these files.
"""

import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sealift.binary.macho import MachoFacts, facts_of, read_macho
from sealift.binary.macho_edit import MachoEdit, edited
from sealift.binary.macho_layout import LC_CODE_SIGNATURE, Commands, read_slices
from sealift.binary.macho_sign import default_identifier, resigned, signed
from sealift.binary.macho_symbols import symbols_of
from sealift.binary.macho_verify import verify_signature
from sealift.binary.view import View
from sealift.tools import UV

pytestmark = pytest.mark.network

WHEELS = {
    "aarch64-apple-darwin": ("charset-normalizer==3.5.2", "psycopg2-binary==2.9.13"),
    "x86_64-apple-darwin": ("psycopg2-binary==2.9.13",),
}


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Every Mach-O file of the wheels."""
    found: list[Path] = []
    for platform, requirements in WHEELS.items():
        folder = tmp_path_factory.mktemp(platform)
        command = [str(UV.require()), "pip", "install", "--no-deps", "--only-binary", ":all:"]
        command += ["--python-platform", platform, "--python-version", "3.12"]
        command += ["--target", str(folder), *requirements]
        subprocess.run(command, check=True, capture_output=True)
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        found += [path for path in paths if read_macho(path)]
    return found


def slices(paths: list[Path]) -> Iterator[tuple[Path, MachoFacts]]:
    for path in paths:
        for found in read_macho(path) or ():
            yield path, found


def test_facts_of_every_slice(libraries: list[Path]) -> None:
    found = list(slices(libraries))
    assert len(libraries) == 24
    assert len(found) == 26
    assert {facts.cpu for _, facts in found} == {"x86_64", "arm64"}
    assert {facts.kind for _, facts in found} == {"dylib", "bundle"}
    for path, facts in found:
        assert facts.platform == "macos"
        assert facts.uuid
        assert facts.is_two_level
        assert not facts.is_truncated
        assert any("libSystem" in dependency.name for dependency in facts.dependencies)
        assert (facts.install_name is None) == (facts.kind == "bundle"), path
    (module,) = {p for p, f in found if p.name.startswith("_psycopg") and f.cpu == "arm64"}
    (facts,) = read_macho(module) or ()
    assert "@loader_path/.dylibs/libpq.5.dylib" in [d.name for d in facts.dependencies]


def test_symbols_bind_to_the_library_that_defines_them(libraries: list[Path]) -> None:
    for path in libraries:
        if path.name.startswith("_psycopg"):
            (symbols,) = symbols_of(View(path.read_bytes(), path.name))
            libraries_of = {symbol.name: symbol.library for symbol in symbols.undefined}
            assert libraries_of["_PQexec"] == "@loader_path/.dylibs/libpq.5.dylib"
            assert libraries_of["_malloc"] == "/usr/lib/libSystem.B.dylib"
            assert libraries_of["_PyLong_FromLong"] is None
            assert "_PyInit__psycopg" in symbols.defined


def test_their_signatures_fit(libraries: list[Path]) -> None:
    makers = {"linker": 0, "codesign": 0, "none": 0}
    for path in libraries:
        for check in verify_signature(path.read_bytes(), path.name):
            assert check.problems == (), path
            if check.signature is None:
                assert check.cpu == "x86_64"
                makers["none"] += 1
            else:
                assert check.signature.is_adhoc
                makers["linker" if check.signature.is_linker_signed else "codesign"] += 1
    assert makers == {"linker": 2, "codesign": 22, "none": 2}


def test_signing_as_the_linker_did_gives_its_bytes(libraries: list[Path]) -> None:
    """But for one field: Apple's newer linker counts code without the padding of __TEXT."""
    compared = 0
    for path in libraries:
        data = path.read_bytes()
        checks = verify_signature(data, path.name)
        if any(check.signature and check.signature.is_linker_signed for check in checks):
            compared += 1
            assert without_code_size(resigned(data, path.name)) == without_code_size(data)
    assert compared == 2


def without_code_size(data: bytes) -> bytes:
    out = bytearray(data)
    for piece in read_slices(View(data, "library")):
        commands = Commands(piece.part)
        for command in commands.of(LC_CODE_SIGNATURE):
            (offset,) = commands.fields(command, 8, "I")
            (directory,) = struct.unpack_from(">I", data, piece.offset + offset + 16)
            struct.pack_into(">Q", out, piece.offset + offset + directory + 72, 0)
    return bytes(out)


def test_identifiers_are_those_that_codesign_gives(libraries: list[Path]) -> None:
    compared = 0
    for path, facts in slices(libraries):
        if facts.signature and not facts.signature.is_linker_signed:
            compared += 1
            assert default_identifier(path.name, facts.uuid) == facts.signature.identifier
    assert compared == 22


def test_signatures_of_our_own_fit(libraries: list[Path]) -> None:
    for path in libraries:
        after = signed(path.read_bytes(), path.name)
        assert all(check.fits for check in verify_signature(after, path.name))
        assert signed(after, path.name) == after


def test_edits_are_read_back(libraries: list[Path]) -> None:
    for path in libraries:
        data = path.read_bytes()
        before = facts_of(View(data, path.name))
        moved = {
            d.name: f"@loader_path/../p.dylibs/{Path(d.name).name}"
            for facts in before
            for d in facts.dependencies
            if not d.name.startswith("/usr/lib/")
        }
        change = MachoEdit(
            install_name=f"/DLC/p/{path.name}" if before[0].install_name else None,
            renamed=moved,
            rpaths={rpath: None for facts in before for rpath in facts.rpaths},
            added_rpaths=("@loader_path/../lib",),
        )
        after = resigned(edited(data, change, path.name), path.name)
        for old, new in zip(before, facts_of(View(after, path.name)), strict=True):
            assert [d.name for d in new.dependencies] == [
                moved.get(d.name, d.name) for d in old.dependencies
            ]
            assert new.rpaths == ("@loader_path/../lib",)
            assert new.install_name == change.install_name
            assert (new.uuid, new.builds, new.flags) == (old.uuid, old.builds, old.flags)
            assert new.is_signed == old.is_signed
        assert not any(check.problems for check in verify_signature(after, path.name))
