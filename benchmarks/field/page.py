"""The page of verdicts: ``docs/field.md``, a section a system."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sealift.output import write_text

if TYPE_CHECKING:
    from benchmarks.field.answers import Answer, Row

PAGE = Path(__file__).parents[2] / "docs" / "field.md"
_VERSIONS = dict(
    line.split("==") for line in (Path(__file__).with_name("requirements.txt")).read_text().split()
)
TITLES = {
    "linux": f"Linux, against auditwheel {_VERSIONS['auditwheel']}",
    "linux-repair": "Linux, repaired",
    "macos": f"macOS, against delocate (of repairwheel {_VERSIONS['repairwheel']})",
    "windows": f"Windows, against delvewheel {_VERSIONS['delvewheel']}",
    "windows-repair": "Windows, repaired",
}
_HEAD = """\
# Verdicts in the field

What `sealift audit` says of wheels on the index and `sealift repair` makes of them, and what the
tool made for their system does. `python -m benchmarks.field linux` (or `linux-repair`, `macos`,
`windows`, `windows-repair`) makes these tables again; the wheels are named in
`benchmarks/field/wheels.toml`, the reasons in `benchmarks/field/reasons.toml`.
"""
_VERDICTS = "have the same verdict and the same libraries from outside"
_REPAIRS = "come out with the same tag and the same libraries taken in, or are refused by both"


def write_section(section: str, rows: Sequence["Row"], reasons: Mapping[str, Any]) -> None:
    """Write the section called ``section``, and keep the others."""
    sections = _sections(PAGE.read_text("utf-8")) if PAGE.exists() else {}
    sections[TITLES[section]] = "\n".join(_section(section, rows, reasons))
    ordered = [title for title in TITLES.values() if title in sections]
    parts = [_HEAD, *(f"## {title}\n\n{sections[title].strip()}\n" for title in ordered)]
    write_text(PAGE, "\n".join(parts))


def _sections(page: str) -> dict[str, str]:
    _, *parts = re.split(r"^## (.+)\n", page, flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def _section(section: str, rows: Sequence["Row"], reasons: Mapping[str, Any]) -> Iterator[str]:
    is_repair = section.endswith("-repair")
    different = {row.wheel: row for row in rows if not row.is_same}
    same = len(rows) - len(different)
    yield f"{len(rows)} wheels; {same} {_REPAIRS if is_repair else _VERDICTS}."
    verb = "takes in" if is_repair else "needs"
    for reason in reasons.values():
        yield from ("", f"### {reason['title']}", "", reason["text"].strip())
        explained = [different.pop(name) for name in reason["wheels"] if name in different]
        if explained:
            yield from ("", "| wheel | Sealift | peer |", "|---|---|---|")
        for row in explained:
            yield f"| `{row.wheel}` | {_told(row.ours, verb)} | {_told(row.peers, verb)} |"
    yield from ("", "### The same", "", f"| wheel | {'repaired' if is_repair else 'verdict'} |")
    yield "|---|---|"
    for row in rows:
        if row.is_same:
            yield f"| `{row.wheel}` | {_told(row.ours, verb)} |"


def _told(answer: "Answer", verb: str) -> str:
    if answer.problem:
        broke = "breaks off" if verb == "needs" else "refuses"
        return f"{broke}: {answer.problem.replace('|', '/')}"
    libraries = ", ".join(f"`{name}`" for name in sorted(answer.libraries))
    tag = f"`{answer.tag}`" if answer.tag else ""
    return f" {verb} ".join(part for part in (tag, libraries) if part) or "nothing"
