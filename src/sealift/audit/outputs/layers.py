"""Boxes and arrows laid out in columns, so that arrows go from left to right and cross little.

After Sugiyama's method: a box lies behind all that lead to it; an arrow over several columns gets a
lane of its own in each; columns are sorted by where neighbours lie.  The same graph gives the same
layout.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_SWEEPS = 12
_LANE = 6.0

Edge = tuple[str, str]
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything lies: left, top and width of each box, and the points of each arrow."""

    boxes: Mapping[str, tuple[float, float, float]]
    arrows: Mapping[Edge, tuple[Point, ...]]
    width: float
    height: float


def lay_out(
    sizes: Mapping[str, tuple[float, float]], edges: Sequence[Edge], *, gap: float, between: float
) -> Layout:
    """The layout of boxes with these widths and heights.

    ``gap`` is what is left free below a box, ``between`` between columns.
    """
    depth = _depths(list(sizes), edges)
    columns: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for key in sizes:
        columns[depth[key]].append(key)
    lanes: dict[Edge, list[str]] = {}
    for number, (one, other) in enumerate(edges):
        lanes[one, other] = [f"\0{number} {at}" for at in range(depth[one] + 1, depth[other])]
        for lane, column in zip(lanes[one, other], columns[depth[one] + 1 :], strict=False):
            column.append(lane)
    _sort(columns, [(one, *lanes[one, other], other) for one, other in edges])
    heights = {key: height + gap for key, (_, height) in sizes.items()}
    tallest = max((sum(heights.get(key, _LANE) for key in it) for it in columns), default=0.0)
    places: dict[str, tuple[float, float, float]] = {}
    x = 0.0
    for column in columns:
        width = max((sizes[key][0] for key in column if key in sizes), default=0.0)
        y = (tallest - sum(heights.get(key, _LANE) for key in column)) / 2
        for key in column:
            places[key] = (x, y, width)
            y += heights.get(key, _LANE)
        x += width + between
    arrows = {edge: _points(places, sizes, edge, lanes[edge]) for edge in edges}
    boxes = {key: places[key] for key in sizes}
    return Layout(boxes, arrows, max(0.0, x - between), max(0.0, tallest - gap))


def _depths(keys: Sequence[str], edges: Sequence[Edge]) -> dict[str, int]:
    """The column of each box: behind all that lead to it, arrows that close a circle left out."""
    onward: dict[str, list[str]] = {key: [] for key in keys}
    for one, other in edges:
        onward[one].append(other)
    depth = dict.fromkeys(keys, 0)
    passed: set[str] = set()
    for key in _sorted_by_arrows(keys, onward):
        passed.add(key)
        for other in onward[key]:
            if other not in passed:
                depth[other] = max(depth[other], depth[key] + 1)
    return depth


def _sorted_by_arrows(keys: Sequence[str], onward: Mapping[str, Sequence[str]]) -> list[str]:
    """``keys`` so that arrows lead forward, found by walking depth first without recursion."""
    done: list[str] = []
    seen: set[str] = set()
    for start in keys:
        if start in seen:
            continue
        seen.add(start)
        stack = [(start, iter(onward[start]))]
        while stack:
            key, rest = stack[-1]
            following = next((other for other in rest if other not in seen), None)
            if following is None:
                done.append(key)
                stack.pop()
            else:
                seen.add(following)
                stack.append((following, iter(onward[following])))
    return done[::-1]


def _sort(columns: list[list[str]], chains: Sequence[Sequence[str]]) -> None:
    """Sort each column by the mean place of what its boxes and lanes are joined to."""
    neighbours: dict[str, list[str]] = {}
    for chain in chains:
        for one, other in itertools.pairwise(chain):
            neighbours.setdefault(one, []).append(other)
            neighbours.setdefault(other, []).append(one)
    for _ in range(_SWEEPS):
        rank = {
            key: (number + 0.5) / len(column)
            for column in columns
            for number, key in enumerate(column)
        }
        for column in columns:
            means = {
                key: sum(rank[other] for other in near) / len(near)
                for key in column
                if (near := neighbours.get(key))
            }
            column.sort(key=lambda key: means.get(key, rank[key]))
            rank |= {key: (number + 0.5) / len(column) for number, key in enumerate(column)}


def _points(
    places: Mapping[str, tuple[float, float, float]],
    sizes: Mapping[str, tuple[float, float]],
    edge: Edge,
    lanes: Sequence[str],
) -> tuple[Point, ...]:
    one, other = edge
    x, y, width = places[one]
    points = [(x + width, y + sizes[one][1] / 2)]
    for lane in lanes:
        x, y, width = places[lane]
        points += [(x, y + _LANE / 2), (x + width, y + _LANE / 2)]
    x, y, _ = places[other]
    points.append((x, y + sizes[other][1] / 2))
    return tuple(points)
