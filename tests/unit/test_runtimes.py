"""Libraries of compilers are shipped with what asks for them, and only then."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from sealift.runtimes import unasked
from tests.support.pe_files import Dll, PeSpec, make_pe


@pytest.fixture(autouse=True)
def own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEALIFT_CACHE_DIR", str(tmp_path / "store"))


def dll(path: Path, *asks: str) -> Path:
    path.write_bytes(make_pe(PeSpec(dlls=[Dll(name=name) for name in asks])))
    return path


def left_out(tmp_path: Path, natives: dict[str, Sequence[str]]) -> set[str]:
    libraries = {
        "msvcp140.dll": dll(tmp_path / "msvcp140.dll", "VCRUNTIME140.dll"),
        "msvcp140_1.dll": dll(tmp_path / "msvcp140_1.dll", "MSVCP140.dll"),
        "vcomp140.dll": dll(tmp_path / "vcomp140.dll"),
    }
    files = {
        path: dll(tmp_path / f"{number}.pyd", *asks)
        for number, (path, asks) in enumerate(natives.items())
    }
    return set(unasked(libraries, [("a", files)]))


@pytest.mark.parametrize(
    ("natives", "expected"),
    [
        ({"a.pyd": ["KERNEL32.dll"]}, {"msvcp140.dll", "msvcp140_1.dll", "vcomp140.dll"}),
        ({"a.pyd": ["MSVCP140.dll"]}, {"msvcp140_1.dll", "vcomp140.dll"}),
        ({"a.pyd": ["msvcp140_1.dll"]}, {"vcomp140.dll"}),  # with what that asks for
        (
            {"a.pyd": ["MSVCP140.dll"], "a.libs/msvcp140.dll": []},  # it brings its own
            {"msvcp140.dll", "msvcp140_1.dll", "vcomp140.dll"},
        ),
    ],
)
def test_what_nobody_asks_for_is_left_out(
    tmp_path: Path, natives: dict[str, Sequence[str]], expected: set[str]
) -> None:
    assert left_out(tmp_path, natives) == expected


def test_without_libraries_nothing_is_read() -> None:
    assert unasked({}, [("a", {"a.pyd": Path("/nowhere")})]) == frozenset()
