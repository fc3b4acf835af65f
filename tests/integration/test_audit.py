"""``sealift audit`` as users call it."""

import json
import stat
from pathlib import Path

import pytest

from sealift.errors import ArchiveError, ConfigError, FindingsError, OutputError, PolicyError
from tests.support.command import sealift
from tests.support.elf_files import ElfSpec, make_elf
from tests.support.wheels import honest_wheel

TAG = "cp312-cp312-manylinux_2_17_x86_64"


def native_wheel(folder: Path, version: str, *, tag: str = TAG, stack: int = 6) -> Path:
    """A wheel with one extension that asks for ``version`` of glibc."""
    spec = ElfSpec(
        needed=["libc.so.6"], verneed={"libc.so.6": [(version, False)]},
        segments=[(0x6474E551, stack, 16, b"")], load_flags=5,
    )  # fmt: skip
    return honest_wheel(folder, "demo", files={"demo.abi3.so": make_elf(spec)}, tag=tag)


def test_one_wheel_is_told_all_about(tmp_path: Path) -> None:
    done = sealift("audit", native_wheel(tmp_path, "GLIBC_2.17"), cwd=tmp_path)
    assert done.status == 0, done.err
    assert "runs on  manylinux_2_17_x86_64" in done.out
    assert "GLIBC_2.17" in done.out


def test_the_check_of_a_wheelhouse_in_one_line(tmp_path: Path) -> None:
    house = tmp_path / "wheelhouse"
    honest_wheel(house, "pure")
    native_wheel(house, "GLIBC_2.5", tag="cp312-cp312-manylinux1_x86_64")
    check = ("audit", "--allow", "manylinux_2_17", "--allow", "any", "wheelhouse/")
    good = sealift(*check, cwd=tmp_path)
    assert good.status == 0, good.err
    assert "2 of 2 without errors" in good.out
    native_wheel(house, "GLIBC_2.28", tag="cp312-cp312-manylinux_2_28_x86_64")
    bad = sealift(*check, cwd=tmp_path)
    assert bad.status == PolicyError.exit_status
    assert "1 of 3 subjects, demo-1.0-cp312-cp312-manylinux_2_28_x86_64.whl" in bad.err


def test_a_claim_that_is_not_kept_fails(tmp_path: Path) -> None:
    wheel = native_wheel(tmp_path, "GLIBC_2.28")
    done = sealift("audit", "--allow", "manylinux_2_17", wheel, cwd=tmp_path)
    assert done.status == FindingsError.exit_status
    assert "tag-not-kept" in done.out


def test_a_policy_asks_the_files(tmp_path: Path) -> None:
    wheel = native_wheel(tmp_path, "GLIBC_2.28", tag="cp312-cp312-linux_x86_64")
    kept = sealift("audit", "--policy", "manylinux_2_28", wheel, cwd=tmp_path)
    assert kept.status == 0, kept.err
    broken = sealift("audit", "--policy", "manylinux_2_17_x86_64", wheel, cwd=tmp_path)
    assert broken.status == PolicyError.exit_status
    assert "GLIBC_2.28" in broken.out


@pytest.mark.parametrize(
    ("fail_on", "status"), [("error", 0), ("warning", FindingsError.exit_status), ("never", 0)]
)
def test_what_to_fail_on(fail_on: str, status: int, tmp_path: Path) -> None:
    wheel = native_wheel(tmp_path, "GLIBC_2.17", tag="cp312-cp312-linux_x86_64")
    assert sealift("audit", "--fail-on", fail_on, wheel, cwd=tmp_path).status == status


def test_machines_get_documents(tmp_path: Path) -> None:
    wheel = native_wheel(tmp_path, "GLIBC_2.17")
    value = sealift("audit", "--json", wheel, cwd=tmp_path).result
    assert value["reports"][0]["best"] == "manylinux_2_17_x86_64"
    log = json.loads(sealift("audit", "--sarif", wheel.name, cwd=tmp_path).out)
    assert log["runs"][0]["artifacts"][0]["location"]["uri"] == wheel.name
    assert "## `demo-1.0" in sealift("audit", "--markdown", wheel, cwd=tmp_path).out


def test_a_tree_and_a_picture(tmp_path: Path) -> None:
    wheel = native_wheel(tmp_path, "GLIBC_2.17")
    done = sealift("audit", "--tree", "--svg", "needs.svg", wheel, cwd=tmp_path)
    assert "└── demo.abi3.so\n    └── libc.so.6" in done.out
    assert (tmp_path / "needs.svg").read_text().startswith("<svg")
    nowhere = sealift("audit", "--svg", "nowhere/x.svg", wheel, cwd=tmp_path)
    assert nowhere.status == OutputError.exit_status
    assert "name another folder with --svg" in nowhere.err
    two = sealift("audit", "--svg", "needs.svg", wheel, wheel, cwd=tmp_path)
    assert two.status == ConfigError.exit_status


def test_bad_input_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "odd.whl").write_bytes(b"no wheel")
    for arguments, status in (
        (["nothing.whl"], ArchiveError.exit_status),
        (["odd.whl"], FindingsError.exit_status),
        (["--allow", "manilinux", "odd.whl"], ConfigError.exit_status),
        (["--policy", "any", "/dev/null"], ArchiveError.exit_status),
    ):
        done = sealift("audit", *arguments, cwd=tmp_path)
        assert done.status == status, done.err
        assert "Traceback" not in done.err
        assert "error:" in done.err


def test_this_machines_own_programs_can_be_audited(tmp_path: Path) -> None:
    program = Path("/bin/sh").resolve()
    assert stat.S_ISREG(program.stat().st_mode)
    report = sealift("audit", "--json", "--fail-on", "never", program, cwd=tmp_path).result
    assert report["reports"][0]["natives"] == [program.name]


def test_one_that_cannot_be_read_leaves_the_others_their_reports(tmp_path: Path) -> None:
    native_wheel(tmp_path / "house", "GLIBC_2.17")
    (tmp_path / "house/gone.whl").symlink_to("nowhere.whl")
    done = sealift("audit", "house", cwd=tmp_path)
    assert done.status == FindingsError.exit_status
    assert "not-audited" in done.out
    assert "runs on manylinux_2_17_x86_64" in done.out
    assert "1 of 2 without errors" in done.out


def test_what_was_found_is_explained(tmp_path: Path) -> None:
    wheel = native_wheel(tmp_path, "GLIBC_2.17", stack=7)
    done = sealift("audit", wheel, cwd=tmp_path)
    assert "sealift audit --explain executable-stack" in done.err
    told = sealift("audit", "--explain", "executable-stack", cwd=tmp_path)
    assert told.status == 0, told.err
    assert told.out.startswith("executable-stack (error): An executable stack\n")
    assert "Remedy: Most often" in told.out
    family = sealift("audit", "--json", "--explain", "stable-abi", cwd=tmp_path).result
    assert {rule["name"] for rule in family} >= {"abi3-outside", "abi3-too-new"}
    wrong = sealift("audit", "--explain", "executable-stock", cwd=tmp_path)
    assert wrong.status == ConfigError.exit_status
    assert "did you mean executable-stack?" in wrong.err
    assert sealift("audit", cwd=tmp_path).status == 2
