"""Results as Markdown for people and JSON for machines."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sealift.bench.measure import Report, Result
from sealift.console import size
from sealift.output import write_text
from sealift.process import Timing

YARDSTICK = "pyinstaller onefile"
COLUMNS = (
    "program", "warm min", "warm median", "ratio", "first start", "ratio", "memory",
    "size", "build", f"to {YARDSTICK}", "build memory",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Built:
    """A product: how to start it, its size in bytes, and its build."""

    name: str
    start: tuple[str, ...]
    size: int
    build: Timing


@dataclass(frozen=True, slots=True)
class Measured:
    """An application in all its forms."""

    app: str
    products: tuple[Built, ...]
    warm: Report
    cold: Report

    def to_json(self) -> Any:
        """JSON form."""
        return {
            "app": self.app,
            "products": [asdict(product) for product in self.products],
            "warm": self.warm.to_json(),
            "cold": self.cold.to_json(),
        }


def write_results(measured: Sequence[Measured], out: Path, *, about: str) -> None:
    """Write ``startup.md`` and ``startup.json`` below ``out``, and print the first."""
    out.mkdir(parents=True, exist_ok=True)
    text = "\n".join(line for each in measured for line in markdown(each, about))
    data = [each.to_json() for each in measured]
    write_text(out / "startup.json", json.dumps({"about": about, "apps": data}, indent=1) + "\n")
    write_text(out / "startup.md", text + "\n")
    print(text)


def markdown(measured: Measured, about: str) -> Iterator[str]:
    """The table of one application."""
    warm, cold = measured.warm, measured.cold
    yield f"### {measured.app}"
    yield ""
    yield f"{about}; {warm.rounds} warm and {cold.rounds} cold rounds of `--help`. "
    yield f"Ratios are to `python -m`; differences below {warm.noise:.0%} may be chance."
    yield ""
    yield from table(COLUMNS, rows(measured))
    yield ""


def table(columns: Sequence[str], lines: Sequence[Sequence[str]]) -> Iterator[str]:
    """A Markdown table: text on the left, figures on the right."""
    yield f"| {' | '.join(columns)} |"
    yield f"|---|{'---:|' * (len(columns) - 1)}"
    for line in lines:
        yield f"| {' | '.join(line)} |"


def rows(measured: Measured) -> list[tuple[str, ...]]:
    """One line a program, under :data:`COLUMNS`."""
    products = {product.name: product for product in measured.products}
    yardstick = products.get(YARDSTICK)
    pairs = zip(
        (*measured.warm.results, measured.warm.control),
        (*measured.cold.results, measured.cold.control),
        strict=True,
    )
    return [
        (*_times(warm, cold), *_build(products.get(warm.subject.name), yardstick))
        for warm, cold in pairs
    ]


def _times(warm: Result, cold: Result) -> tuple[str, ...]:
    return (
        warm.subject.name,
        milliseconds(warm.minimum),
        milliseconds(warm.median),
        f"{warm.ratio:.2f}",
        milliseconds(cold.median),
        f"{cold.ratio:.2f}",
        size(warm.peak),
    )


def _build(product: Built | None, yardstick: Built | None) -> tuple[str, ...]:
    if product is None:
        return ("", "", "", "")
    ratio = f"{product.build.wall / yardstick.build.wall:.2f}" if yardstick else ""
    seconds = f"{product.build.wall:.1f} s"
    return (size(product.size), seconds, ratio, size(product.build.peak))


def milliseconds(seconds: float) -> str:
    """A duration as the tables show it."""
    return f"{seconds * 1000:.0f} ms"
