"""The job graph as a picture: a box for each stage with its jobs, arrows from what it reads. Text, not pixels."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from itertools import pairwise

from polytune.report.stages import Stage

WIDTH, HEIGHT = 132, 44
"""Of a box."""
LANE = 8
"""Width that an arrow takes in a row which it passes."""
ACROSS, DOWN = 18, 34
"""Between boxes beside and below each other."""
Passing = tuple[str, str]
"""Where an arrow passes a row: from which stage to which."""
Row = list[str | Passing]
Places = dict[tuple[int, str | Passing], float]
"""The middle of everything in each row."""


def draw_graph(stages: Mapping[str, Stage]) -> str:
    """Return the graph as SVG; colours come from the page's style sheet. Stages that no study uses have no box."""
    depth = _depths(stages)
    edges = [(other, name) for name in stages for other in _reads(name, stages)]
    rows = _rows(depth, edges)
    width = max((_width(row) for row in rows), default=0.0)
    height = len(rows) * (HEIGHT + DOWN) - DOWN
    places = _places(rows, width)
    arrows = [_arrow(edge, depth, places) for edge in edges]
    boxes = [_box(stage, places[depth[name], name], depth[name]) for name, stage in stages.items()]
    title = f"<title>{len(stages)} stages of the workflow and their jobs</title>"
    head = (
        f'<svg class="graph" role="img" viewBox="-2 -2 {width + 4:g} {height + 4:g}" '
        f'style="max-width:{width + 4:g}px" xmlns="http://www.w3.org/2000/svg">'
    )
    marker = (
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" markerHeight="6" orient="auto">'
        '<path d="M0 0 L8 4 L0 8 z"/></marker></defs>'
    )
    return "".join([head, title, marker, *arrows, *boxes, "</svg>"])


def _reads(name: str, stages: Mapping[str, Stage]) -> list[str]:
    """Return the stages that a stage reads, without those that follow from others."""
    direct = stages[name].reads
    before = set().union(*(_all_before(other, stages) for other in direct))
    return [one for one in stages if one in direct - before]


def _all_before(name: str, stages: Mapping[str, Stage]) -> set[str]:
    return stages[name].reads.union(*(_all_before(other, stages) for other in stages[name].reads))


def _depths(stages: Mapping[str, Stage]) -> dict[str, int]:
    """Return the row of each stage: below all that it reads, and right above its reader where it reads nothing."""
    depth: dict[str, int] = {}
    for name in stages:
        depth[name] = max((depth[other] + 1 for other in stages[name].reads), default=0)
    for name, stage in stages.items():
        readers = [depth[other] for other in stages if name in stages[other].reads]
        if not stage.reads and readers:
            depth[name] = max(0, min(readers) - 1)
    return depth


def _rows(depth: Mapping[str, int], edges: list[tuple[str, str]]) -> list[Row]:
    """Return stages and passing arrows row by row, each below the middle of what it comes from."""
    last = max(depth.values(), default=-1)
    rows: list[Row] = [[name for name in depth if depth[name] == row] for row in range(last + 1)]
    for edge in edges:
        for row in range(depth[edge[0]] + 1, depth[edge[1]]):
            rows[row].append(edge)
    for above, row in pairwise(rows):
        row.sort(key=lambda one, above=above: _middle(one, above, edges))
    return rows


def _middle(one: str | Passing, above: Row, edges: list[tuple[str, str]]) -> float:
    """Return where, from 0 to 1 in the row above, that is which leads to a stage or passing arrow; 1 for nothing."""
    ends = [edge for edge in edges if edge[1] == one] if isinstance(one, str) else [one]
    found = [place for edge in ends for place, other in enumerate(above) if other in (edge, edge[0])]
    return sum(found) / len(found) / max(len(above) - 1, 1) if found else 1.0


def _width(row: Row) -> float:
    return sum(WIDTH if isinstance(one, str) else LANE for one in row) + ACROSS * (len(row) - 1)


def _places(rows: list[Row], width: float) -> Places:
    places: Places = {}
    for number, row in enumerate(rows):
        left = (width - _width(row)) / 2
        for one in row:
            wide = WIDTH if isinstance(one, str) else LANE
            places[number, one] = left + wide / 2
            left += wide + ACROSS
    return places


def _arrow(edge: tuple[str, str], depth: Mapping[str, int], places: Places) -> str:
    """Return an arrow that bends between the rows and is straight beside the boxes that it passes."""
    first, last = depth[edge[0]], depth[edge[1]]
    x = places[first, edge[0]]
    path = f"M{x:g} {first * (HEIGHT + DOWN) + HEIGHT:g}"
    for row in range(first + 1, last + 1):
        to_x, to_y = places[row, edge if row < last else edge[1]], row * (HEIGHT + DOWN)
        path += f" C{x:g} {to_y - DOWN / 2:g} {to_x:g} {to_y - DOWN / 2:g} {to_x:g} {to_y:g}"
        if row < last:
            path += f" V{to_y + HEIGHT:g}"
        x = to_x
    return f'<path class="edge" marker-end="url(#tip)" d="{path}"/>'


def _box(stage: Stage, middle: float, row: int) -> str:
    state, count, y = ("owed" if stage.owed else "done"), len(stage.jobs), row * (HEIGHT + DOWN)
    jobs = f"{stage.done:,} of {count:,} jobs" if stage.owed else f"{count:,} job{'s' * (count != 1)}"
    return (
        f'<g class="{state}"><rect x="{middle - WIDTH / 2:g}" y="{y:g}" width="{WIDTH}" height="{HEIGHT}" rx="6"/>'
        f'<text x="{middle:g}" y="{y + 18:g}">{escape(stage.name)}</text>'
        f'<text class="jobs" x="{middle:g}" y="{y + 34:g}">{escape(jobs)}</text></g>'
    )
