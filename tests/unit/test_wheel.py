"""A wheel is believed when its content and its RECORD agree."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealift import store
from sealift.entry import EntryPoint
from sealift.errors import ArchiveError
from sealift.wheel import is_native, make_wheel, read_wheel, unpack_wheel, verify_wheel
from tests.support.wheels import honest_wheel, plain_files, recorded, write_zip

INFO = "demo-1.0.dist-info"
NAME = "demo-1.0-py3-none-any.whl"


@pytest.fixture(autouse=True)
def own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEALIFT_CACHE_DIR", str(tmp_path / "store"))


def changed(tmp_path: Path, **changes: bytes | None) -> Path:
    """A wheel whose RECORD was written before ``changes`` (of RECORD itself: after)."""
    files = recorded(plain_files(), INFO)
    for name, data in changes.items():
        place = name.replace("INFO", INFO)
        if data is None:
            del files[place]
        else:
            files[place] = data
    return write_zip(tmp_path / NAME, files)


def test_an_honest_wheel_tells_itself(tmp_path: Path) -> None:
    files = plain_files()
    files[f"{INFO}/METADATA"] += (
        b"Requires-Python: >=3.9\nRequires-Dist: click>=8; extra == 'cli'\nProvides-Extra: cli\n"
    )
    files[f"{INFO}/entry_points.txt"] = (
        b"[console_scripts]\ndemo = demo:main [cli]\nbad = not a module\n"
        b"[gui_scripts]\nDemo-GUI=demo.gui:App.run\n[other]\nx = y\n"
    )
    wheel = verify_wheel(write_zip(tmp_path / NAME, recorded(files, INFO)))
    assert (wheel.name, wheel.version, wheel.requires_python) == ("demo", "1.0", ">=3.9")
    assert wheel.requires == ("click>=8; extra == 'cli'",)
    assert wheel.extras == ("cli",)
    assert wheel.entry_points == (
        EntryPoint("demo", "demo", "main"),
        EntryPoint("Demo-GUI", "demo.gui", "App.run", gui=True),
    )


def test_what_a_wheel_tells_is_in_utf_8_and_in_one_line(tmp_path: Path) -> None:
    files = plain_files()
    files[f"{INFO}/METADATA"] += (
        "Author: Antonín Dvořák\nSummary: Náš\n        program\nLicense: MIT\n".encode()
    )
    wheel = read_wheel(write_zip(tmp_path / NAME, recorded(files, INFO)))
    assert (wheel.author, wheel.summary, wheel.license) == ("Antonín Dvořák", "Náš program", "MIT")
    files[f"{INFO}/METADATA"] += 'Author-email: "Müller, Jörg" <j@example.org>\n'.encode()
    files[f"{INFO}/METADATA"] = files[f"{INFO}/METADATA"].replace(b"Author: ", b"X-Author: ")
    wheel = read_wheel(write_zip(tmp_path / NAME, recorded(files, INFO)))
    assert wheel.author == "Müller, Jörg"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"demo.py": b"x = 2\n"}, "another hash for 'demo.py'"),
        ({"demo.py": None}, "names 'demo.py', which is not in the wheel"),
        ({"extra.py": b""}, "does not name 'extra.py'"),
        ({"extra.py": b"", "evil.py": b""}, "does not name 'evil.py' and 1 more"),
        ({"INFO/RECORD": b"demo.py,,\n"}, "does not name"),
        ({"INFO/RECORD": b"a,b\n"}, "a line that is damaged"),
        ({"INFO/RECORD": None}, "RECORD is missing"),
        ({"INFO/METADATA": None}, "METADATA is missing"),
        ({"INFO/WHEEL": b"Wheel-Version: 2.0\n"}, "wheel format 2.0"),
        ({"other-1.0.dist-info/METADATA": b""}, "2 dist-info folders"),
    ],
)
def test_a_wheel_that_lies_is_refused(
    changes: dict[str, bytes | None], reason: str, tmp_path: Path
) -> None:
    path = changed(tmp_path, **changes)
    with pytest.raises(ArchiveError, match=reason) as caught:
        verify_wheel(path)
    assert NAME in caught.value.message
    with pytest.raises(ArchiveError, match=reason):
        unpack_wheel(path, store.file_sha256(path))
    assert list((tmp_path / "store").rglob("demo.py")) == []


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"sha256=", b"md5=", "md5, which proves nothing"),
        (b",6\n", b",7\n", "another size for 'demo.py'"),
        (b"demo.py,", b"demo.py,,\ndemo.py,", "there twice"),
    ],
)
def test_records_are_checked_one_by_one(
    old: bytes, new: bytes, reason: str, tmp_path: Path
) -> None:
    record = recorded(plain_files(), INFO)[f"{INFO}/RECORD"].replace(old, new, 1)
    with pytest.raises(ArchiveError, match=reason):
        verify_wheel(changed(tmp_path, **{"INFO/RECORD": record}))


def test_a_file_without_a_hash_is_refused(tmp_path: Path) -> None:
    record = recorded(plain_files(), INFO)[f"{INFO}/RECORD"]
    first, _, rest = record.partition(b"\n")
    assert first.startswith(b"demo.py")
    with pytest.raises(ArchiveError, match=r"no hash for 'demo\.py'"):
        verify_wheel(changed(tmp_path, **{"INFO/RECORD": b"demo.py,,\n" + rest}))


@pytest.mark.parametrize(
    "name",
    ["demo.whl", "demo-1.0.whl", "demo-x-py3-none-any.whl", "de mo-1.0-py3-none-any.whl"],
)
def test_a_name_that_is_none_is_refused(name: str, tmp_path: Path) -> None:
    path = write_zip(tmp_path / name, recorded(plain_files(), INFO))
    with pytest.raises(ArchiveError, match="its name is not a wheel's"):
        read_wheel(path)


@pytest.mark.parametrize("name", ["other-1.0-py3-none-any.whl", "demo-1.1-py3-none-any.whl"])
def test_a_dist_info_of_another_is_refused(name: str, tmp_path: Path) -> None:
    path = write_zip(tmp_path / name, recorded(plain_files(), INFO))
    with pytest.raises(ArchiveError, match="belongs to another distribution"):
        read_wheel(path)


def test_schemes_are_spread_and_modes_kept(tmp_path: Path) -> None:
    data = "demo-1.0.data"
    files = plain_files() | {
        f"{data}/purelib/pure.py": b"",
        f"{data}/platlib/sub/plat.py": b"",
        f"{data}/scripts/run": b"#!python\n",
        f"{data}/data/share/x.txt": b"x",
        f"{data}/headers/x.h": b"",
    }
    path = write_zip(tmp_path / NAME, recorded(files, INFO), mode=0o755)
    folder = unpack_wheel(path, store.file_sha256(path))
    found = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert {"lib/demo.py", "lib/pure.py", "lib/sub/plat.py", f"lib/{INFO}/RECORD"} <= found
    assert {"scripts/run", "data/share/x.txt", "headers/x.h"} <= found
    assert (folder / "scripts/run").stat().st_mode & 0o777 == 0o755
    assert unpack_wheel(path, store.file_sha256(path)) == folder


@pytest.mark.parametrize(
    ("place", "reason"),
    [("demo-1.0.data/nowhere/x", "no scheme"), ("demo-1.0.data/purelib/demo.py", "same file")],
)
def test_schemes_may_not_clash(place: str, reason: str, tmp_path: Path) -> None:
    path = write_zip(tmp_path / NAME, recorded(plain_files() | {place: b""}, INFO))
    with pytest.raises(ArchiveError, match=reason):
        unpack_wheel(path, store.file_sha256(path))


def test_the_same_wheel_has_the_same_bytes(tmp_path: Path) -> None:
    points = [EntryPoint("demo", "demo", "main"), EntryPoint("ü main", "demo_script")]
    first = honest_wheel(tmp_path / "a", "demo", entry_points=points, requires=["click"])
    second = honest_wheel(tmp_path / "b", "demo", entry_points=points, requires=["click"])
    assert first.read_bytes() == second.read_bytes()
    wheel = verify_wheel(first)
    assert set(wheel.entry_points) == set(points)
    assert wheel.requires == ("click",)


@settings(deadline=None)
@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,4}(/[a-zé,\" ]{1,4}){0,2}\.py", fullmatch=True),
        st.binary(max_size=40),
        max_size=6,
    )
)
def test_what_is_written_verifies(files: dict[str, bytes]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = make_wheel("a-b", "2.0", files, out=Path(folder))
        wheel = verify_wheel(path)
    assert set(files) <= set(wheel.files)


@pytest.mark.parametrize(
    ("name", "native"),
    [
        ("a/b.so", True),
        ("a/libx.so.1.2", True),
        ("a/b.cp313-win_amd64.pyd", True),
        ("a/b.py", False),
        ("a/so.txt", False),
        ("so", False),
    ],
)
def test_native_names(name: str, native: bool) -> None:  # noqa: FBT001
    assert is_native(name) is native
