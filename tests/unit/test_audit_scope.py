"""What is not asked for is not read, and what is asked for is found all the same."""

import struct
from pathlib import Path

import pytest

from sealift.audit import scope as scopes
from sealift.audit.allowance import Allowance
from sealift.audit.finding import load_rules
from sealift.audit.inventory import take_inventory
from sealift.audit.report import make_report
from sealift.audit.scope import Scope, scope_of
from tests.support.elf_files import ElfSpec, make_elf
from tests.support.wheels import plain_files, recorded, write_zip

V2_NOTE = struct.pack("<III4sIIII", 4, 16, 5, b"GNU\0", 0xC0008002, 4, 3, 0)
LIBRARY = make_elf(
    ElfSpec(needed=["libc.so.6", "libfoo.so.1"], segments=[(0x6474E553, 4, 8, V2_NOTE)])
)
LEAST = Scope(content=False, named=False, code=False)


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    files = {
        **plain_files(),
        "demo/core.so": LIBRARY,
        "demo/load.py": b'import ctypes\nctypes.CDLL("libbar.so.2")\n',
        "demo.pth": b"import demo\n",
        "demo/changed.py": b"x = 1\n",
        "demo/broken.so": LIBRARY[:70],
    }
    listed = recorded(files, "demo-1.0.dist-info")
    changed = {"demo/changed.py": b"x = 2\n", "demo/unlisted.py": b""}
    return write_zip(tmp_path / "demo-1.0-py3-none-linux_x86_64.whl", {**listed, **changed})


def findings(wheel: Path, scope: Scope, rule: str) -> list[tuple[str, str | None]]:
    report = make_report(take_inventory(wheel, scope), Allowance())
    return [(finding.message, finding.file) for finding in report.findings if finding.rule == rule]


def test_what_is_asked_for_is_found_in_the_least_scope(wheel: Path) -> None:
    report = make_report(take_inventory(wheel), Allowance())
    told = {finding.rule for finding in report.findings}
    assert told > {
        "record-wrong-hash", "record-unlisted-file", "loads-library", "needs-x86-64-v2",
        "startup-code", "damaged-native", "external-library",
    }  # fmt: skip
    for rule in told:
        assert findings(wheel, scope_of({rule}), rule) == findings(wheel, Scope(), rule)


def test_what_is_not_asked_for_is_not_read(wheel: Path) -> None:
    whole, least = take_inventory(wheel), take_inventory(wheel, LEAST)
    assert whole.loads
    assert whole.natives[0].x86
    assert least.loads == ()
    assert least.natives[0].x86 is None
    assert {problem.rule for problem in least.problems} == {"damaged-native"}
    assert (least.members, least.texts, least.wheel) == (whole.members, whole.texts, whole.wheel)


def test_a_verdict_needs_the_least(wheel: Path) -> None:
    assert scope_of({"tag-not-kept", "external-library"}) == LEAST
    whole, least = (make_report(take_inventory(wheel, s), Allowance()) for s in (Scope(), LEAST))
    assert whole.verdict == least.verdict


def test_scopes_name_rules_that_are_there() -> None:
    assert load_rules().keys() >= scopes.CONTENT | scopes.NAMED | scopes.CODE
