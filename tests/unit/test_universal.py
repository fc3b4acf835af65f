"""Wheels for two kinds of Mac made one."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from sealift.cross.universal import halves, merge_wheels
from sealift.errors import BuildError
from sealift.target import parse_target
from sealift.wheel import make_wheel, verify_wheel
from tests.support.macho_files import MachoSpec, make_macho

INTEL = make_macho(MachoSpec(cpu="x86_64", install_name="/a"))
APPLE = make_macho(MachoSpec(cpu="arm64", install_name="/a"))
SAME = {"pkg/__init__.py": b"one = 1\n"}


def wheel(
    out: Path, platform: str, files: Mapping[str, bytes], *, python: str = "cp313-cp313"
) -> Path:
    return make_wheel("pkg", "1.0", {**SAME, **files}, out=out, tag=f"{python}-{platform}")


def both(
    tmp_path: Path, intel: Mapping[str, bytes], apple: Mapping[str, bytes]
) -> tuple[Path, Path]:
    return (
        wheel(tmp_path / "i", "macosx_10_13_x86_64", intel),
        wheel(tmp_path / "a", "macosx_11_0_arm64", apple),
    )


def test_native_files_are_merged_and_all_else_stays(tmp_path: Path) -> None:
    pair = both(tmp_path, {"pkg/_c.so": INTEL}, {"pkg/_c.so": APPLE})
    made = merge_wheels(*pair, tmp_path / "out")
    assert made.name == "pkg-1.0-cp313-cp313-macosx_10_13_universal2.whl"
    told = verify_wheel(made)  # RECORD holds
    assert {str(tag) for tag in told.tags} == {"cp313-cp313-macosx_10_13_universal2"}
    with zipfile.ZipFile(made) as archive:
        data = archive.read("pkg/_c.so")
        assert INTEL in data
        assert APPLE in data
        assert archive.read("pkg/__init__.py") == SAME["pkg/__init__.py"]
    again = merge_wheels(*pair, tmp_path / "again")
    assert again.read_bytes() == made.read_bytes()
    assert [path.name for path in (tmp_path / "out").iterdir()] == [made.name]


@pytest.mark.parametrize(
    ("intel", "apple", "tag"),
    [
        ("macosx_10_9_x86_64", "macosx_11_0_arm64", "macosx_10_9_universal2"),
        ("macosx_11_0_x86_64", "macosx_11_0_arm64", "macosx_11_0_universal2"),
        ("macosx_10_13_x86_64", "macosx_12_0_arm64", "macosx_12_0_universal2"),
        ("macosx_13_0_x86_64", "macosx_12_0_arm64", "macosx_13_0_universal2"),
    ],
)
def test_the_tag_tells_the_newer_macos(tmp_path: Path, intel: str, apple: str, tag: str) -> None:
    made = merge_wheels(
        wheel(tmp_path, intel, {"a.so": INTEL}), wheel(tmp_path, apple, {"a.so": APPLE}), tmp_path
    )
    assert made.name.endswith(f"-{tag}.whl")


def test_all_that_differs_is_named(tmp_path: Path) -> None:
    pair = both(
        tmp_path,
        {"pkg/_c.so": INTEL, "pkg/config.json": b'["x86_64"]', "pkg/sse.so": INTEL},
        {"pkg/_c.so": APPLE, "pkg/config.json": b'["arm64"]', "pkg/neon.so": APPLE},
    )
    with pytest.raises(BuildError, match="differ in what cannot be made one") as caught:
        merge_wheels(*pair, tmp_path / "out")
    assert list(caught.value.details) == [
        "pkg/config.json differs",
        "pkg/neon.so is only in the one for arm64",
        "pkg/sse.so is only in the one for x86_64",
    ]
    assert "-t macos-x86_64 -t macos-arm64" in str(caught.value.hint)
    assert list((tmp_path / "out").iterdir()) == []


def test_wheels_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    intel, apple = both(tmp_path, {"a.so": INTEL}, {"a.so": APPLE})
    with pytest.raises(BuildError, match="is not for macOS on x86_64"):
        merge_wheels(apple, intel, tmp_path / "out")
    other = wheel(tmp_path, "macosx_11_0_arm64", {"a.so": APPLE}, python="cp312-cp312")
    with pytest.raises(BuildError, match="for different Pythons"):
        merge_wheels(intel, other, tmp_path / "out")
    later = make_wheel("pkg", "2.0", {}, out=tmp_path, tag="cp313-cp313-macosx_11_0_arm64")
    with pytest.raises(BuildError, match="for different releases"):
        merge_wheels(intel, later, tmp_path / "out")


def test_each_half_has_the_floor_as_far_as_it_goes() -> None:
    target = parse_target("macos-universal2")
    assert [half.name for half in halves(target)] == ["macos-x86_64", "macos-arm64"]
    assert [half.floor for half in halves(target)] == [None, None]
    bound = halves(target.with_floor("10.15"))
    assert [half.floor for half in bound] == [(10, 15), (11, 0)]


def test_bills_of_materials_are_kept_side_by_side(tmp_path: Path) -> None:
    bill = "pkg-1.0.dist-info/sboms/pkg.cyclonedx.json"
    made = merge_wheels(
        *both(
            tmp_path,
            {"pkg/_c.so": INTEL, bill: b'{"cpu": "x86_64"}'},
            {"pkg/_c.so": APPLE, bill: b'{"cpu": "arm64"}'},
        ),
        tmp_path / "out",
    )
    verify_wheel(made)
    with zipfile.ZipFile(made) as archive:
        assert archive.read(bill) == b'{"cpu": "x86_64"}'
        other = bill.replace("pkg.cyclonedx", "arm64-pkg.cyclonedx")
        assert archive.read(other) == b'{"cpu": "arm64"}'
