"""Code that runs whenever the interpreter starts: ``.pth`` lines and ``.start`` files (PEP 829)."""

import re
from collections.abc import Iterator

from sealift.audit.finding import Finding
from sealift.audit.inventory import Inventory
from sealift.audit.subject import Kind
from sealift.audit.verdict import Verdict

_IMPORT = ("import ", "import\t")
_SITE = re.compile(r"(?:^|/)(?:site-packages|dist-packages)/[^/]+$")
_SCHEME = re.compile(r"^[^/]+\.data/(?:purelib|platlib)/[^/]+$")
_SHOWN = 160


def code_at_start(inventory: Inventory, _: Verdict) -> Iterator[Finding]:
    """Each line that is run, where it lies in a folder that :mod:`site` reads."""
    for path, text in inventory.texts.items():
        if not _is_read(inventory, path):
            continue
        lines = enumerate(text.removeprefix("\ufeff").splitlines(), start=1)
        for number, line in lines:
            if path.endswith(".pth") and line.startswith(_IMPORT):
                yield _finding("startup-code", path, number, line)
            elif path.endswith(".start") and line.strip() and not line.startswith("#"):
                yield _finding("startup-call", path, number, line)


def _is_read(inventory: Inventory, path: str) -> bool:
    if inventory.kind is Kind.WHEEL:
        return "/" not in path or bool(_SCHEME.match(path))
    return bool(_SITE.search(path))


def _finding(rule: str, path: str, number: int, line: str) -> Finding:
    shown = line.strip() if len(line) <= _SHOWN else f"{line[:_SHOWN].strip()}…"
    return Finding(
        rule=rule,
        message=f"line {number} runs {shown!r}",
        file=path,
        details={"line": number, "code": line[:65536]},
    )
