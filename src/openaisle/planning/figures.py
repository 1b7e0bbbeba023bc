"""Drawings of a report: money as bars from the tenth to the ninetieth percentile, phases, the curve over cameras."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from openaisle.store.draw import ENTRY, EXIT, FRONT, INK, PAPER, SOFT, WARN
from openaisle.store.picture import Picture, Points, Shape, Text

WIDTH_PX: Final = 1180.0
LABEL_PX: Final = 250.0
MARGIN_PX: Final = 40.0
ROW_PX: Final = 34.0
COLOURS: Final = (FRONT, EXIT, ENTRY, WARN, SOFT)


@dataclass(frozen=True)
class Bar:
    """One row: from `low` to `high`, a tick at `middle`."""

    label: str
    low: float
    middle: float
    high: float
    words: str
    colour: str = FRONT


def draw_bars(title: str, bars: Sequence[Bar], unit: str) -> Picture:
    """Ranges below each other on one scale that begins at 0."""
    page = _page(title, 96 + ROW_PX * len(bars) + 40)
    left, right = MARGIN_PX + LABEL_PX, WIDTH_PX - MARGIN_PX - 190
    most = max((bar.high for bar in bars), default=1.0) or 1.0
    step = _step(most)
    at = 0.0
    bottom = 84 + ROW_PX * len(bars)
    while at <= most * 1.001:
        x = left + (right - left) * at / most
        page.marks.append(
            Shape(rings=[[(x, 76), (x, bottom)]], stroke=SOFT, width=0.8, opacity=0.5, is_closed=False)
        )
        page.marks.append(Text(text=f"{at:,.0f}", at=(x, bottom + 18), size=12, colour=SOFT, anchor="middle"))
        at += step
    page.marks.append(Text(text=unit, at=(left, bottom + 36), size=12, colour=SOFT))
    for row, bar in enumerate(bars):
        y = 84 + ROW_PX * row
        x0, xm, x1 = (left + (right - left) * value / most for value in (bar.low, bar.middle, bar.high))
        page.marks += [
            Text(text=bar.label, at=(MARGIN_PX, y + 19), size=14, colour=INK),
            Shape(rings=[_box(x0, y + 6, max(2.0, x1 - x0), 17)], fill=bar.colour, opacity=0.75),
            Shape(rings=[_box(xm - 1.5, y + 2, 3, 25)], fill=INK),
            Text(text=bar.words, at=(right + 14, y + 19), size=12, colour=INK),
        ]
    return page


@dataclass(frozen=True)
class Series:
    """One line of a curve: (cameras, value, low, high) in order."""

    name: str
    points: Sequence[tuple[float, float, float, float]]


def draw_curve(title: str, series: Sequence[Series], x_words: str, y_words: str) -> Picture:
    """Values from 0 to 1 over a count, with the range that each may lie in."""
    height = 560.0
    page = _page(title, height)
    left, right, top, bottom = MARGIN_PX + 46, WIDTH_PX - 260, 84.0, height - 70
    most = max((point[0] for line in series for point in line.points), default=1.0)
    least = min((point[2] for line in series for point in line.points), default=0.0)
    floor = max(0.0, math.floor(least * 10 - 0.2) / 10)

    def place(x: float, y: float) -> tuple[float, float]:
        return (left + (right - left) * x / most, bottom - (bottom - top) * (y - floor) / (1 - floor))

    tenth = floor
    while tenth <= 1.0001:
        y = place(0, tenth)[1]
        page.marks += [
            Shape(rings=[[(left, y), (right, y)]], stroke=SOFT, width=0.8, opacity=0.4, is_closed=False),
            Text(text=f"{tenth:.0%}", at=(left - 8, y + 4), size=12, colour=SOFT, anchor="end"),
        ]
        tenth += 0.1
    at, step = 0.0, _step(most)
    while at <= most * 1.001:
        x = place(at, floor)[0]
        page.marks.append(Text(text=f"{at:.0f}", at=(x, bottom + 20), size=12, colour=SOFT, anchor="middle"))
        at += step
    page.marks += [
        Text(text=x_words, at=((left + right) / 2, bottom + 44), size=13, colour=INK, anchor="middle"),
        Text(text=y_words, at=(left - 40, top - 12), size=13, colour=INK),
    ]
    for index, line in enumerate(series):
        colour = COLOURS[index % len(COLOURS)]
        dots = [place(x, y) for x, y, _, _ in line.points]
        for (x, _, low, high), dot in zip(line.points, dots, strict=True):
            ends = [place(x, low), place(x, high)]
            page.marks += [
                Shape(rings=[ends], stroke=colour, width=1.4, opacity=0.6, is_closed=False),
                Shape(rings=[_disc(dot, 5.0)], fill=colour),
            ]
        if len(dots) > 1:
            page.marks.append(Shape(rings=[dots], stroke=colour, width=2.4, is_closed=False))
        y = top + 26 * index
        page.marks += [
            Shape(rings=[[(right + 24, y), (right + 52, y)]], stroke=colour, width=3, is_closed=False),
            Text(text=line.name, at=(right + 60, y + 5), size=13, colour=INK),
        ]
    return page


def draw_phases(title: str, phases: Sequence[tuple[str, float, float, float, float]]) -> Picture:
    """Phases one after the other: (name, weeks low, weeks high) of the article, then of this plan, in weeks."""
    page = _page(title, 112 + 2 * ROW_PX * len(phases))
    left, right = MARGIN_PX + LABEL_PX, WIDTH_PX - MARGIN_PX - 70
    weeks = max(sum(high for _, _, high, _, _ in phases), 1.0)
    px = (right - left) / weeks
    begins = [0.0, 0.0]
    for row, (name, *ranges) in enumerate(phases):
        y = 84 + 2 * ROW_PX * row
        page.marks.append(Text(text=name, at=(MARGIN_PX, y + 22), size=14, colour=INK))
        for way, (low, high) in enumerate(((ranges[0], ranges[1]), (ranges[2], ranges[3]))):
            x = left + begins[way] * px
            top = y + way * 26
            colour = SOFT if way == 0 else FRONT
            page.marks += [
                Shape(rings=[_box(x, top, low * px, 20)], fill=colour, opacity=0.85),
                Shape(rings=[_box(x + low * px, top, (high - low) * px, 20)], fill=colour, opacity=0.35),
                Text(
                    text=f"{low:g} to {high:g} weeks",
                    at=(x + high * px + 8, top + 15),
                    size=12,
                    colour=INK,
                ),
            ]
            begins[way] += high
    page.marks.append(
        Text(
            text="grey: as the article says; blue: with OpenAisle; pale: at most",
            at=(MARGIN_PX, 64), size=12, colour=SOFT,
        )
    )  # fmt: skip
    return page


def _step(most: float) -> float:
    """A round step that divides a scale into four to ten."""
    if most <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(most))
    return next(step * power for step in (0.1, 0.2, 0.25, 0.5, 1.0, 2.0) if most / (step * power) <= 8)


def _page(title: str, height: float) -> Picture:
    page = Picture(round(WIDTH_PX), round(height), title, _box(0, 0, WIDTH_PX, height))
    page.marks += [
        Shape(rings=[_box(0, 0, WIDTH_PX, height)], fill=PAPER),
        Text(text=title, at=(MARGIN_PX, 40), size=20, colour=INK, weight=600),
    ]
    return page


def _box(x: float, y: float, width: float, height: float) -> Points:
    return [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]


def _disc(at: tuple[float, float], radius: float) -> Points:
    return [
        (at[0] + radius * math.cos(step * math.pi / 12), at[1] + radius * math.sin(step * math.pi / 12))
        for step in range(24)
    ]
