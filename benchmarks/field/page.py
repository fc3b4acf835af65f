"""The page of verdicts: ``docs/field.md``, a section a system."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sealift.output import write_text

if TYPE_CHECKING:
    from benchmarks.field.__main__ import Answer, Row

PAGE = Path(__file__).parents[2] / "docs" / "field.md"
_VERSIONS = dict(
    line.split("==") for line in (Path(__file__).with_name("requirements.txt")).read_text().split()
)
TITLES = {
    "linux": f"Linux, against auditwheel {_VERSIONS['auditwheel']}",
    "macos": f"macOS, against delocate (of repairwheel {_VERSIONS['repairwheel']})",
    "windows": f"Windows, against delvewheel {_VERSIONS['delvewheel']}",
}
_HEAD = """\
# Verdicts in the field

What `sealift audit` says of wheels on the index, and what the tool made for their system says.
`python -m benchmarks.field linux` (or `macos`, `windows`) makes these tables again; the wheels are
named in `benchmarks/field/wheels.toml`, the reasons in `benchmarks/field/reasons.toml`.
"""


def write_section(system: str, rows: Sequence["Row"], reasons: Mapping[str, Any]) -> None:
    """Write the section of ``system``, and keep the others."""
    sections = _sections(PAGE.read_text("utf-8")) if PAGE.exists() else {}
    sections[TITLES[system]] = "\n".join(_section(rows, reasons))
    ordered = [title for title in TITLES.values() if title in sections]
    parts = [_HEAD, *(f"## {title}\n\n{sections[title].strip()}\n" for title in ordered)]
    write_text(PAGE, "\n".join(parts))


def _sections(page: str) -> dict[str, str]:
    _, *parts = re.split(r"^## (.+)\n", page, flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def _section(rows: Sequence["Row"], reasons: Mapping[str, Any]) -> Iterator[str]:
    different = {row.wheel: row for row in rows if not row.is_same}
    same = len(rows) - len(different)
    yield f"{len(rows)} wheels; {same} have the same verdict and the same libraries from outside."
    for reason in reasons.values():
        yield from ("", f"### {reason['title']}", "", reason["text"].strip())
        explained = [different.pop(name) for name in reason["wheels"] if name in different]
        if explained:
            yield from ("", "| wheel | Sealift | peer |", "|---|---|---|")
        for row in explained:
            yield f"| `{row.wheel}` | {_told(row.ours)} | {_told(row.peers)} |"
    yield from ("", "### The same", "", "| wheel | verdict |", "|---|---|")
    for row in rows:
        if row.is_same:
            yield f"| `{row.wheel}` | {_told(row.ours)} |"


def _told(answer: "Answer") -> str:
    if answer.problem:
        return f"breaks off: {answer.problem.replace('|', '/')}"
    libraries = ", ".join(f"`{name}`" for name in sorted(answer.externals))
    tag = f"`{answer.tag}`" if answer.tag else ""
    return " needs ".join(part for part in (tag, libraries) if part) or "nothing"
