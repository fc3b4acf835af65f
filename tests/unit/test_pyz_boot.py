"""What the boot code of an application zip decides, on machines that are not this one."""

import os
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from sealift import pyz_boot, pyz_unpack

HERE = "x86_64-linux-gnu.so"


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """CPython 3.13 on x86-64 Linux with glibc 2.31."""
    be(monkeypatch, platform="linux", python=(3, 13), suffix=f".cpython-313-{HERE}")
    monkeypatch.setattr(os, "confstr", lambda _: "glibc 2.31")


def be(
    monkeypatch: pytest.MonkeyPatch,
    *,
    platform: str,
    python: tuple[int, int],
    suffix: str,
    machine: str = "x86_64",
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(sys, "version_info", (*python, 2, "final", 0))
    fake = SimpleNamespace(extension_suffixes=lambda: [suffix, ".abi3.so"])
    monkeypatch.setattr(pyz_boot, "_imp", fake)
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(machine=machine))


def variant(**changed: Any) -> dict[str, Any]:
    facts = {
        "target": "linux-x86_64",
        "system": "linux",
        "machine": "x86_64",
        "python": (3, 13),
        "any_newer": False,
        "native": True,
        "suffix": f".cpython-313-{HERE}",
        "floor": (2, 17),
    }
    return {**facts, **changed}


def test_exact_match_is_taken() -> None:
    assert pyz_boot.refusal(variant()) is None


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"system": "macos"}, "needs macos"),
        ({"python": (3, 12)}, "needs CPython 3.12"),
        ({"python": (3, 14), "any_newer": True}, "needs CPython 3.14"),
        ({"suffix": ".cpython-313t-x86_64-linux-gnu.so"}, "needs native modules named"),
        ({"suffix": ".cpython-313-x86_64-linux-musl.so"}, "needs native modules named"),
        ({"machine": "aarch64"}, "needs a CPU aarch64"),
        ({"floor": (2, 34)}, "needs glibc 2.34, this is glibc 2.31"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_reason(changed: dict[str, Any], reason: str) -> None:
    told = pyz_boot.refusal(variant(**changed))
    assert told is not None
    assert told.startswith(reason)


def test_stable_interface_serves_newer_pythons_on_the_same_platform() -> None:
    old = variant(python=(3, 11), any_newer=True, suffix=f".cpython-311-{HERE}")
    assert pyz_boot.refusal(old) is None
    musl = variant(python=(3, 11), any_newer=True, suffix=".cpython-311-x86_64-linux-musl.so")
    assert pyz_boot.refusal(musl) == "needs x86_64-linux-musl.so"


def test_code_without_native_files_runs_on_any_cpu() -> None:
    pure = variant(native=False, machine="aarch64", suffix=".cpython-313-aarch64-linux-gnu.so")
    assert pyz_boot.refusal(pure) is None


def test_macos_tells_its_cpu_apart_from_the_suffix(monkeypatch: pytest.MonkeyPatch) -> None:
    suffix = ".cpython-313-darwin.so"
    be(monkeypatch, platform="darwin", python=(3, 13), suffix=suffix, machine="arm64")
    mac = variant(system="macos", suffix=suffix, floor=None, machine="x86_64")
    assert pyz_boot.refusal(mac) == "needs a CPU x86_64"
    assert pyz_boot.refusal({**mac, "machine": "arm64"}) is None
    assert pyz_boot.refusal({**mac, "machine": ""}) is None  # universal2


def test_windows_is_told_by_the_suffix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pyz_boot, "_ON_WINDOWS", True)
    be(monkeypatch, platform="win32", python=(3, 13), suffix=".cp313-win_amd64.pyd")
    windows = variant(system="windows", suffix=".cp313-win_amd64.pyd", floor=None, machine="AMD64")
    assert pyz_boot.refusal(windows) is None
    assert pyz_boot.refusal({**windows, "suffix": ".cp313-win_arm64.pyd"}) is not None


def test_newest_python_that_fits_is_chosen_and_refusals_are_listed() -> None:
    variants = [
        variant(python=(3, 11), any_newer=True, native=False),
        variant(python=(3, 13)),
        variant(python=(3, 12), any_newer=True, native=False),
    ]
    assert pyz_boot.choose({"variants": variants})["python"] == (3, 13)
    others = [variant(python=(3, 12)), variant(target="macos-arm64", system="macos")]
    with pytest.raises(pyz_boot.RefusedError) as caught:
        pyz_boot.choose({"variants": others})
    (first, *lines) = str(caught.value).splitlines()
    assert first.startswith("cannot run with ")
    assert "CPython 3.13.2 (.cpython-313-x86_64-linux-gnu.so) on linux" in first
    assert lines == [
        "  linux-x86_64, CPython 3.12: needs CPython 3.12",
        "  macos-arm64, CPython 3.13: needs macos",
    ]


def test_trees_of_other_content_or_interpreters_have_other_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    facts = {"name": "app", "version": "1.0"}
    names = []
    for base, key in (("/usr/bin/python3", "a" * 32), ("/opt/python3", "a" * 32), ("", "b" * 32)):
        monkeypatch.setattr(sys, "_base_executable", base, raising=False)
        names.append(pyz_boot.tree_name(facts, variant(key=key)))
    assert len(set(names)) == 3
    assert all(name.startswith("app-1.0-") and "/" not in name for name in names)


def test_name_of_a_tree_tells_its_product() -> None:
    tree = ""
    for name in ("app", "app-extra", "app-1.0"):
        tree = pyz_boot.tree_name({"name": name, "version": "1.0_1"}, variant(key="a" * 32))
        for suffix in ("", ".lock", ".0123456789ab.new"):
            found = pyz_unpack.NAMES.fullmatch(tree + suffix)
            assert found
            assert (found["product"], found["tree"], found["kind"]) == (name, tree, suffix)
    assert not pyz_unpack.NAMES.fullmatch(f"{tree}.swp")
