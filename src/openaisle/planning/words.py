"""Figures of a report as people read them."""

from __future__ import annotations

from collections.abc import Sequence

from openaisle.planning.bill import Line, Money, Path as Way
from openaisle.planning.document import Cell, Table


def line_table(lines: Sequence[Line]) -> Table:
    return Table(
        header=("line", "quantity", "for one", "p10", "p50", "p90"),
        rows=[
            (
                Cell(line.name, line.row_id),
                f"{line.quantity:,.4g} {line.unit}",
                Cell(f"{plain_words(line.each[0])} to {plain_words(line.each[1])}", line.row_id),
                *(
                    Cell(f"{value:,.0f}", line.row_id)
                    for value in (line.total.p10, line.total.p50, line.total.p90)
                ),
            )
            for line in lines
        ],
        widths=(36, 18, 18, 10, 10, 10),
        numbers=(2, 3, 4, 5),
    )


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927)."""
    if trials == 0:
        return (0.0, 1.0)
    z = 1.96
    share = successes / trials
    middle = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * (share * (1 - share) / trials + z * z / (4 * trials**2)) ** 0.5
    return (max(0.0, middle - half), min(1.0, middle + half))


def interval_words(successes: int, trials: int) -> str:
    low, high = wilson(successes, trials)
    return f"{low:.0%} and {high:.0%}"


def money_words(money: Money) -> str:
    return f"{short_words(money.p10)}, {short_words(money.p50)}, {short_words(money.p90)}"


def plain_words(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:g}"


def short_words(value: float) -> str:
    if abs(value) >= 1e6:
        return f"{value / 1e6:.2f} M"
    return f"{value / 1e3:.0f} k" if abs(value) >= 1e3 else f"{value:.0f}"


def payback_words(path: Way) -> str:
    years = path.payback_years
    if years.p50 is None:
        return f"{path.pays_back:.0%} of draws ever pay back"
    late = "or never" if years.p90 is None else f"{years.p90:.1f}"
    return f"years: {years.p10:.1f}, {years.p50:.1f}, {late}"


def ms_words(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.0f} ms"
