"""Diagrams of a report: reliability of every probability, and bars of every figure by family."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from openaisle.learning.reliability import Head
from openaisle.store.draw import FRONT, INK, PAPER, SOFT, WARN
from openaisle.store.picture import Picture, Points, Shape, Text

if TYPE_CHECKING:
    from openaisle.learning.report import Family

MARGIN_PX: Final = 40.0
HEAD_PX: Final = 84.0
PLOT_PX: Final = 240.0  # side of a reliability diagram
COUNTS_PX: Final = 48.0  # height of the bars below it
COLUMNS_MAX: Final = 4
LABEL_PX: Final = 200.0
BAR_PX: Final = 210.0
ROW_PX: Final = 26.0
_BARS: Final = "#a9c6e8"
_FEW: Final = 30  # cases; a figure of fewer is drawn pale


def draw_reliability(title: str, heads: Sequence[Head]) -> bytes:
    """PNG: for each head how often it was right against what it said, and how many answers that rests on."""
    columns = min(len(heads), COLUMNS_MAX)
    rows = math.ceil(len(heads) / COLUMNS_MAX)
    across, down = PLOT_PX + 84, PLOT_PX + COUNTS_PX + 124
    page = _page(2 * MARGIN_PX + columns * across - 30, HEAD_PX + rows * down - 24, title)
    words = "bars: share that was right; line: where a probability that is what it says would be"
    page.marks.append(Text(text=words, at=(MARGIN_PX, 64), size=14, colour=SOFT))
    for number, head in enumerate(heads):
        left = MARGIN_PX + 34 + (number % COLUMNS_MAX) * across
        top = HEAD_PX + 34 + (number // COLUMNS_MAX) * down
        _draw_head(page, head, left, top)
    return page.png(1.5)


def _draw_head(page: Picture, head: Head, left: float, top: float) -> None:
    bottom = top + PLOT_PX
    error = "no answers" if not head.bins else f"error {head.error:.3f}, {head.count:,} answers"
    page.marks += [
        Text(text=head.name, at=(left, top - 26), size=15, colour=INK, weight=600),
        Text(text=error, at=(left, top - 9), size=12, colour=SOFT),
    ]
    for each in head.bins:
        bin_ = min(int(each.said * 10), 9)
        x, width = left + bin_ * PLOT_PX / 10, PLOT_PX / 10
        opacity = 1.0 if each.count >= _FEW else 0.45
        height = each.right * PLOT_PX
        page.marks.append(
            Shape(rings=[_box(x + 1, bottom - height, width - 2, height)], fill=_BARS, opacity=opacity)
        )
        # The gap between said and right, in red.
        said = (left + each.said * PLOT_PX, bottom - each.said * PLOT_PX)
        page.marks.append(
            Shape(
                rings=[[said, (said[0], bottom - height)]], stroke=WARN, width=2.5, is_closed=False,
                opacity=opacity,
            )
        )  # fmt: skip
        share = each.share * COUNTS_PX
        page.marks.append(
            Shape(rings=[_box(x + 1, bottom + 14 + COUNTS_PX - share, width - 2, share)], fill=SOFT)
        )
    page.marks += [
        Shape(rings=[[(left, bottom), (left + PLOT_PX, top)]], stroke=INK, width=1, is_closed=False),
        Shape(rings=[_box(left, top, PLOT_PX, PLOT_PX)], stroke=INK, width=1),
        Shape(
            rings=[[(left, bottom + 14 + COUNTS_PX), (left + PLOT_PX, bottom + 14 + COUNTS_PX)]],
            stroke=SOFT, width=1, is_closed=False,
        ),
        Text(text="said", at=(left + PLOT_PX, bottom + 32 + COUNTS_PX), size=12, colour=SOFT, anchor="end"),
        Text(text="share of answers", at=(left, bottom + 32 + COUNTS_PX), size=12, colour=SOFT),
    ]  # fmt: skip
    for tenth in (0, 5, 10):
        y = bottom - tenth * PLOT_PX / 10
        page.marks.append(
            Text(text=f"{tenth / 10:g}", at=(left - 6, y + 4), size=12, colour=SOFT, anchor="end")
        )


def draw_families(title: str, families: Sequence[Family]) -> bytes:
    """PNG: a block a family, a column a figure. Figures up to 1 are drawn to 1, others to the largest there is."""
    columns = [
        list(dict.fromkeys(name for row in family.rows for name in row.figures)) for family in families
    ]
    names = {name for some in columns for name in some}
    heights = [ROW_PX * len(family.rows) + 74 for family in families]
    largest = {name: _scale_of(name, families) for name in names}
    width = 2 * MARGIN_PX + LABEL_PX + 80 + max(map(len, columns)) * (BAR_PX + 70)
    page = _page(width, HEAD_PX + sum(heights) + 10, title)
    words = f"pale: fewer than {_FEW} cases"
    page.marks.append(Text(text=words, at=(MARGIN_PX, 64), size=14, colour=SOFT))
    top = HEAD_PX + 34
    for family, own, height in zip(families, columns, heights, strict=True):
        _draw_family(page, family, own, largest, top)
        top += height
    return page.png(1.5)


def _draw_family(
    page: Picture, family: Family, names: Sequence[str], largest: dict[str, float], top: float
) -> None:
    count_x = MARGIN_PX + LABEL_PX + 50
    page.marks += [
        Text(text=f"by {family.name}", at=(MARGIN_PX, top - 18), size=15, colour=INK, weight=600),
        Text(text=family.cases, at=(count_x, top), size=12, colour=SOFT, anchor="end"),
    ]
    lefts = {name: count_x + 30 + at * (BAR_PX + 70) for at, name in enumerate(names)}
    page.marks += [Text(text=name, at=(lefts[name], top), size=12, colour=SOFT) for name in names]
    for number, row in enumerate(family.rows):
        y = top + 10 + number * ROW_PX
        page.marks += [
            Text(text=row.label, at=(MARGIN_PX, y + 16), size=14, colour=INK),
            Text(text=f"{row.count:,}", at=(count_x, y + 16), size=13, colour=SOFT, anchor="end"),
        ]
        for name in names:
            value = row.figures.get(name, math.nan)
            left = lefts[name]
            page.marks.append(
                Shape(rings=[[(left, y), (left, y + ROW_PX)]], stroke=SOFT, width=0.8, is_closed=False)
            )
            words = "-"
            if math.isfinite(value):
                long = BAR_PX * min(1.0, value / largest[name])
                opacity = 1.0 if row.count >= _FEW else 0.35
                page.marks.append(
                    Shape(rings=[_box(left, y + 4, long, ROW_PX - 8)], fill=FRONT, opacity=0.75 * opacity)
                )
                words = f"{value:.3f}" if largest[name] <= 1 else f"{value:.1f}"
                left += long
            page.marks.append(Text(text=words, at=(left + 6, y + 17), size=12, colour=INK))


def _scale_of(name: str, families: Sequence[Family]) -> float:
    values = [row.figures.get(name, math.nan) for family in families for row in family.rows]
    top = max((value for value in values if math.isfinite(value)), default=1.0)
    return max(1.0, top)


def _page(width: float, height: float, title: str) -> Picture:
    page = Picture(round(width), round(height), title, _box(0, 0, width, height))
    page.marks += [
        Shape(rings=[_box(0, 0, page.width, page.height)], fill=PAPER),
        Text(text=title, at=(MARGIN_PX, 42), size=22, colour=INK, weight=600),
    ]
    return page


def _box(x: float, y: float, width: float, height: float) -> Points:
    return [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
