"""The page of cross-built wheels, written from the cells that were made."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

PAGE = Path("docs/crosswheels.md")


def write_page(
    packages: Mapping[str, Any], targets: Sequence[str], cells: Mapping[str, Mapping[str, Any]]
) -> None:
    """Write ``docs/crosswheels.md``; cells that were not made are told as such."""
    PAGE.write_text("\n".join(_lines(packages, targets, cells)) + "\n", encoding="utf-8")


def _lines(
    packages: Mapping[str, Any], targets: Sequence[str], cells: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    known = [cells[f"{n} {t}"] for n in packages for t in targets if f"{n} {t}" in cells]
    good = [cell for cell in known if cell["good"]]
    share = 100 * len(good) / len(known) if known else 0
    yield "# Wheels built for other machines"
    yield ""
    yield f"{len(packages)} packages with native code × {len(targets)} targets, for CPython 3.13"
    yield "(3.11 for s390x and ppc64le), built on one x86-64 machine without emulation:"
    yield "`python -m benchmarks.crosswheels` makes"
    yield f"this page. **{len(good)} of {len(known)} cells are good ({share:.0f} %).**"
    yield ""
    yield "A cell has the oldest system that the wheel runs on, as audited. Those for Linux were"
    yield "imported and put to work by Debian's Python for that CPU, under qemu, those for Windows"
    yield "with a ✓ by CPython for Windows under wine 8; those for macOS were audited. Letters are"
    yield "reasons, below; a cell with – was not made yet."
    if rust := [name for name, row in packages.items() if "crates" in row]:
        yield ""
        yield f"{' and '.join(rust)} are in Rust. Neither crates.io nor rustup's server could be"
        yield "reached: they were built by Debian's rustc, with its library for the target (for"
        yield "Windows and macOS one that was built from Debian's source) and crates of Debian's"
        yield "packages, in other versions than the projects' `Cargo.lock` has. Elsewhere cargo"
        yield "gets its own. To save time they were optimized little or not at all. wine 8 lacks a"
        yield "library of Windows 10 that they need, for which a small one of the benchmark stood."
    yield ""
    yield f"| package | {' | '.join(targets)} |"
    yield f"|---|{'---|' * len(targets)}"
    reasons: list[tuple[str, str]] = []
    for name, row in packages.items():
        shown = [_cell(cells.get(f"{name} {target}"), reasons) for target in targets]
        yield f"| {name} {row['version']} | {' | '.join(shown)} |"
    yield ""
    for number, (package, reason) in enumerate(reasons):
        yield f"- **{_letter(number)}** {package}: {reason}"


def _cell(cell: Mapping[str, Any] | None, reasons: list[tuple[str, str]]) -> str:
    if cell is None:
        return "–"
    if cell["good"]:
        return _floor(str(cell["tag"]), tried=bool(cell["tried"]))
    key = (str(cell["package"]), str(cell["reason"]).replace(f" for {cell['target']}", ""))
    if key not in reasons:
        reasons.append(key)
    return f"**{_letter(reasons.index(key))}**"


def _floor(tag: str, *, tried: bool = True) -> str:
    """The system in a tag.

    >>> _floor("manylinux_2_17_aarch64"), _floor("win_amd64"), _floor("macosx_11_0_arm64")
    ('glibc 2.17', '✓', 'macOS 11.0')
    """
    family, *rest = tag.split("_")
    names = {"manylinux": "glibc", "musllinux": "musl", "macosx": "macOS"}
    if family in names:
        return f"{names[family]} {rest[0]}.{rest[1]}"
    return "✓" if tried else "audited"


def _letter(number: int) -> str:
    first, second = divmod(number, 26)
    return (chr(96 + first) if first else "") + chr(97 + second)
