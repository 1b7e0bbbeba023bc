"""A day's floor as a picture: heat, ways between areas, and the shop they lie in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from openaisle.analytics.areas import areas_of
from openaisle.analytics.report import FloorReport
from openaisle.store.picture import Picture, Shape, Text
from openaisle.store.polygons import edges
from openaisle.store.schema import Point2, Store

PLAN_PX: Final = 760.0
MARGIN_PX: Final = 40.0
HEAD_PX: Final = 76.0
FOOT_PX: Final = 56.0
INK, SOFT, PAPER, WAY = "#22303a", "#66757f", "#ffffff", "#1c4f8a"
HEAT: Final = ("#fff3d6", "#fedd9a", "#fdb863", "#f4874b", "#dd513a", "#a8203a")
LEGEND_PX: Final = 26.0


def draw_report(store: Store, report: FloorReport) -> Picture:
    """The floor, redder where more time was spent; white where too little is known to tell."""
    plan = np.array(store.plan_floor_m, float)
    low, high = plan.min(axis=0), plan.max(axis=0)
    px_per_m = PLAN_PX / float((high - low).max())
    wide, deep = ((high - low) * px_per_m).tolist()

    def at(x_m: float, y_m: float) -> tuple[float, float]:
        return MARGIN_PX + (x_m - low[0]) * px_per_m, HEAD_PX + deep - (y_m - low[1]) * px_per_m

    outline = [at(x, y) for x, y in store.plan_floor_m]
    width, height = max(round(wide + 2 * MARGIN_PX), 520), round(deep + HEAD_PX + MARGIN_PX + FOOT_PX)
    title = f"{store.name}, {report.day}: where time was spent"
    picture = Picture(width, height, title, outline)
    marks = picture.marks
    marks.append(Shape(rings=[[(0, 0), (width, 0), (width, height), (0, height)]], fill=PAPER))
    marks.append(Text(text=title, at=(MARGIN_PX, 34), size=19, colour=INK, weight=600))
    marks.append(Text(text=_facts(report), at=(MARGIN_PX, 56), size=13, colour=SOFT))
    for colour, ring in _cells(report):
        marks.append(Shape(rings=[[at(*corner) for corner in ring]], fill=colour, is_clipped=True))
    for gondola in store.gondolas:
        footprint = [at(float(x), float(y)) for x, y in gondola.footprint_floor_m]
        marks.append(Shape(rings=[footprint], fill="#eef0ee", stroke=SOFT, width=1.2))
        x, y = np.mean(footprint, axis=0).tolist()
        name = gondola.gondola_id
        marks.append(Text(text=name, at=(x, y + 5), size=14, colour=INK, weight=600, anchor="middle"))
    for side in [*edges(store.plan_floor_m), *store.walls_floor_m]:
        marks.append(Shape(rings=[[at(*end) for end in side]], stroke=INK, width=3.0, is_closed=False))
    for gate in store.gates:
        ends = [at(*gate.left_floor_m), at(*gate.right_floor_m)]
        marks.append(Shape(rings=[ends], stroke=PAPER, width=4.0, is_closed=False))
        marks.append(Shape(rings=[ends], stroke="#1c8a5a", width=2.0, dash=(5, 4), is_closed=False))
        marks.append(Text(text=gate.gate_id, at=(ends[0][0], ends[0][1] + 16), size=12, colour="#1c8a5a"))
    _draw_ways(picture, store, report, at)
    _draw_legend(picture, report, height - FOOT_PX + 18)
    return picture


def _facts(report: FloorReport) -> str:
    if report.epsilon == 0.0:
        return f"{report.visits} simulated visits, exact"
    return (
        f"about {report.visits} visits; differential privacy by visit, epsilon {report.epsilon:g} for the day; "
        f"nothing of fewer than {report.visits_min} visits"
    )


def _levels(report: FloorReport) -> list[float]:
    """Lower bounds of the colours, in seconds: equal steps of the square root, up to the hottest cell."""
    hottest = max((seconds for seconds in report.heat_s if seconds is not None), default=0)
    return [hottest * (step / len(HEAT)) ** 2 for step in range(len(HEAT))]


def _cells(report: FloorReport) -> list[tuple[str, list[Point2]]]:
    levels = _levels(report)
    cells: list[tuple[str, list[Point2]]] = []
    for index, seconds in enumerate(report.heat_s):
        if seconds is None:
            continue
        row, column = divmod(index, report.columns)
        x, y = report.low_m[0] + column * report.cell_m, report.low_m[1] + row * report.cell_m
        level = int(np.searchsorted(levels, seconds, side="right")) - 1
        side = report.cell_m
        cells.append((HEAT[level], [(x, y), (x + side, y), (x + side, y + side), (x, y + side)]))
    return cells


def _draw_ways(
    picture: Picture, store: Store, report: FloorReport, at: Callable[[float, float], tuple[float, float]]
) -> None:
    """Lines between the middles of areas, wider for more visits."""
    middles = {area.area_id: np.mean(area.polygon_floor_m, axis=0) for area in areas_of(store)}
    most = max((way.visits for way in report.ways), default=1)
    for way in report.ways:
        ends = [at(*middles[area_id].tolist()) for area_id in way.area_ids]
        width = 1.0 + 7.0 * way.visits / most
        picture.marks.append(Shape(rings=[ends], stroke=WAY, width=width, opacity=0.45, is_closed=False))
    for area in report.areas:
        if area.visits is not None:
            x, y = at(*middles[area.area_id].tolist())
            label = f"{area.visits} · {area.dwell_s_mean:.0f} s"
            picture.marks.append(
                Text(text=label, at=(x, y + 4), size=12, colour=INK, weight=600, anchor="middle", halo=PAPER)
            )


def _draw_legend(picture: Picture, report: FloorReport, top: float) -> None:
    levels = _levels(report)
    x = MARGIN_PX
    if levels[-1] <= 0:
        words = "Too few visits to tell where they were."
        picture.marks.append(Text(text=words, at=(x, top + 13), size=13, colour=SOFT))
        return
    unit, unit_s = ("minutes", 60.0) if levels[-1] > 180.0 else ("seconds", 1.0)
    for colour, level in zip(HEAT, levels, strict=True):
        box = [(x, top), (x + LEGEND_PX, top), (x + LEGEND_PX, top + 14), (x, top + 14)]
        picture.marks.append(Shape(rings=[box], fill=colour))
        picture.marks.append(Text(text=f"{level / unit_s:.0f}", at=(x, top + 28), size=11, colour=SOFT))
        x += LEGEND_PX + 8
    words = f"person-{unit} a cell; lines: ways between areas; numbers: visits and mean stay"
    picture.marks.append(Text(text=words, at=(x + 6, top + 12), size=12, colour=SOFT))
