"""Who needs whom, as a picture: boxes for files, arrows from left to right.

Files of the same needs that nothing asks for share a box; what a box needs of the system stands in
it.  A library that no tag promises is a box of its own, in red.  The same report gives the same
bytes.
"""

import posixpath
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from xml.sax.saxutils import escape as escaped

from sealift.audit.needs import Needs, roots_of
from sealift.audit.outputs.layers import Edge, Point, lay_out
from sealift.audit.report import Report, missing_libraries

_CHAR, _LINE, _PAD, _GAP, _BETWEEN, _MARGIN, _TITLE = 6.65, 15, 7, 12, 60, 20, 30
_MOST_NAMES, _LONGEST = 8, 56
_STYLE = """\
text{font:11px ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace;fill:#1d2733}
.title{font-size:13px;font-weight:bold}
.system{fill:#6b7685}
rect{rx:4;stroke-width:1}
.paper{fill:#fff;stroke:none}
.own{fill:#e8f1fb;stroke:#5b8fc7}
.alien{fill:#fdecea;stroke:#d0483b}
path{fill:none;stroke:#8793a1;stroke-width:1.2}
.bad{stroke:#d0483b}"""


@dataclass(frozen=True, slots=True)
class _Box:
    """Files that are drawn as one, ``names`` their names, ``system`` what they need outside."""

    names: tuple[str, ...]
    system: tuple[str, ...]
    title: str
    kind: str

    @property
    def lines(self) -> tuple[str, ...]:
        return (*self.names, *self.system)

    @property
    def size(self) -> tuple[float, float]:
        width = max(map(len, self.lines)) * _CHAR + 2 * _PAD
        return width, float(_LINE * len(self.lines) + 2 * _PAD)


def svg(report: Report) -> str:
    """The picture of ``report``."""
    boxes, edges = _graph(report)
    sizes = {key: box.size for key, box in boxes.items()}
    layout = lay_out(sizes, edges, gap=_GAP, between=_BETWEEN)
    name = escaped(_shown(report.name))
    width = max(layout.width, len(report.name) * 8.0) + 2 * _MARGIN
    height = layout.height + _TITLE + 2 * _MARGIN
    size = f'width="{width:.0f}" height="{height:.0f}"'
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {width:.0f} {height:.0f}">',
        f"<title>{name}</title><style>{_STYLE}</style>",
        f'<rect class="paper" {size}/>',
        f'<text class="title" x="{_MARGIN}" y="{_MARGIN + 6}">{name}</text>',
        f'<g transform="translate({_MARGIN} {_MARGIN + _TITLE})">',
    ]
    for edge, points in layout.arrows.items():
        kind = ' class="bad"' if boxes[edge[1]].kind == "alien" else ""
        out.append(f'<path{kind} d="{_curve(points)}"/>')
    for key, box in boxes.items():
        out += _drawn(box, *layout.boxes[key])
    return "\n".join([*out, "</g>", "</svg>"]) + "\n"


def _graph(report: Report) -> tuple[dict[str, _Box], list[Edge]]:
    """Boxes by key, and who needs whom among them."""
    needs = report.needs
    missing = missing_libraries(report)
    groups = list(_alike(needs))
    grouped = {path for group in groups for path in group}
    groups += [[path] for path in needs if path not in grouped]
    boxes = {
        group[0]: _Box(
            _names(group), _system(needs[group[0]], needs, missing), _title(group), "own"
        )
        for group in groups
    }
    of = {path: group[0] for group in groups for path in group}
    edges: dict[Edge, None] = {}
    for path, needed in needs.items():
        for name in needed:
            if name in missing:
                boxes.setdefault(name, _Box((_short(name),), (), name, "alien"))
            if name in missing or (name in of and of[name] != of[path]):
                edges[of[path], of.get(name, name)] = None
    return boxes, list(edges)


def _alike(needs: Needs) -> Iterator[list[str]]:
    """Files that nothing asks for, those with the same needs together."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for path in roots_of(needs):
        groups.setdefault(tuple(sorted(needs[path])), []).append(path)
    yield from groups.values()


def _names(group: Sequence[str]) -> tuple[str, ...]:
    names = [_short(path) for path in group[:_MOST_NAMES]]
    more = [f"and {len(group) - _MOST_NAMES} more"] if len(group) > _MOST_NAMES else []
    return (*names, *more)


def _system(needed: Sequence[str], needs: Needs, missing: AbstractSet[str]) -> tuple[str, ...]:
    """Lines that name what comes from the system."""
    lines: list[str] = []
    for name in needed:
        if name in needs or name in missing:
            continue
        short = _short(name)
        if lines and len(lines[-1]) + len(short) < _LONGEST:
            lines[-1] += f" {short}"
        else:
            lines.append(short)
    return tuple(lines)


def _short(path: str) -> str:
    name = _shown(posixpath.basename(path) or path)
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST // 2]}…{name[-_LONGEST // 2 :]}"


def _shown(text: str) -> str:
    """``text`` with only what may stand in XML."""
    return "".join(char if char.isprintable() else "\ufffd" for char in text)


def _title(group: Sequence[str]) -> str:
    return "\n".join(map(_shown, group))


def _curve(points: Sequence[Point]) -> str:
    """A path through ``points``: bends between columns, straight in a lane."""
    (x, y), *rest = points
    out = [f"M{x:.1f} {y:.1f}"]
    for number, (to_x, to_y) in enumerate(rest):
        if number % 2:
            out.append(f"L{to_x:.1f} {to_y:.1f}")
        else:
            bend = max(30.0, (to_x - x) / 2)
            out.append(
                f"C{x + bend:.1f} {y:.1f} {to_x - bend:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"
            )
        x, y = to_x, to_y
    return "".join(out)


def _drawn(box: _Box, x: float, y: float, width: float) -> Iterator[str]:
    yield f"<g><title>{escaped(box.title)}</title>"
    place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{box.size[1]:.1f}"'
    yield f'<rect class="{box.kind}" {place}/>'
    for number, line in enumerate(box.lines):
        at = y + _PAD + _LINE * number + 11
        style = ' class="system"' if number >= len(box.names) else ""
        yield f'<text{style} x="{x + _PAD:.1f}" y="{at:.1f}">{escaped(line)}</text>'
    yield "</g>"
