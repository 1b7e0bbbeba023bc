"""The requirements document on what comes of it: accuracy before buying, cost and payback."""

from __future__ import annotations

from openaisle.planning.bill import article_check
from openaisle.planning.document import (
    Cell,
    Document,
    Figure,
    Heading,
    Paragraph,
    Table,
)
from openaisle.planning.figures import Bar, Series, draw_bars, draw_curve
from openaisle.planning.results import Results
from openaisle.planning.words import (
    interval_words,
    line_table,
    money_words,
    ms_words,
    payback_words,
    wilson,
)


def accuracy(document: Document, results: Results) -> None:
    """Simulated receipts of the planned shop, by family, and over the number of cameras."""
    document.add(Heading("Expected accuracy"))
    if results.expected is None:
        document.add(Paragraph("Not simulated yet: openaisle plan expect."))
    for expected in (results.expected, results.pixels):
        if expected is None:
            continue
        eyes = (
            "noisy skeletons stand for the networks"
            if expected.vision == "skeleton"
            else "the shop is drawn and the real networks look"
        )
        document.add(
            Paragraph(
                f"{expected.visits} simulated visits (seed {expected.seed}; {eyes}), {expected.arrivals_per_minute:g} "
                f"a minute, up to {expected.people_max} people inside, 40 % of the actions tricky: "
                f"{expected.exact_receipts} receipts exact ({expected.exact_rate:.1%}, 95 % between "
                f"{interval_words(expected.exact_receipts, expected.visits)}), "
                f"{expected.overcharged_visits} overcharged, {expected.undercharged_visits} undercharged, "
                f"{expected.reviews_per_1000:.0f} reviews per 1,000; "
                f"shelf to cart p50 {ms_words(expected.cart_ms_p50)}, p99 {ms_words(expected.cart_ms_p99)} (asked: "
                f"{results.scope.rules.latency_ms} ms)."
            ),
            Table(
                header=("family of hard cases", "visits", "exact", "F1 of lines", "overcharged"),
                rows=[
                    (name, str(family.visits), f"{family.exact_rate:.0%}", f"{family.f1:.3f}", str(family.overcharged))
                    for name, family in sorted(expected.families.items())
                ],
                widths=(40, 14, 14, 16, 16),
                numbers=(1, 2, 3, 4),
            ),
        )  # fmt: skip
    if results.curve is not None:
        curve = results.curve
        document.add(
            Figure(
                draw_curve(
                    "Exact receipts against cameras",
                    [
                        Series(
                            name,
                            [
                                (point.cameras, point.exact_rate, *wilson(point.exact, point.visits))
                                for point in curve.points
                                if point.way == name
                            ],
                        )
                        for name in dict.fromkeys(point.way for point in curve.points)
                    ],
                    f"cameras on {curve.area_m2:g} m²",
                    "exact receipts",
                ),
                f"{curve.visits} simulated visits a point, seed {curve.seed}, the same visits for all; bars: 95 % "
                "intervals (Wilson).",
            )
        )


def cost(document: Document, results: Results) -> None:
    """What it costs to build and to run, on each of three ways, and when it pays back."""
    bill, table = results.bill, results.table
    colours = {"openaisle": "#1c8a5a"}
    document.add(
        Heading("Cost"),
        Paragraph(
            f"{bill.draws:,} draws (seed {bill.seed}): prices log-uniform within their ranges, shares uniform; figures "
            "are the 10th, 50th and 90th percentile. Other ways hang cameras at the article's density "
            f"({bill.article_grid_cameras}). What no public figure is known of, above all a vendor's fee, is our "
            "judgement and marked so among the sources: a quote decides."
        ),
        Table(
            header=("way", "hardware", "development", "running, a year", f"{bill.years} years in all", "payback"),
            rows=[
                (
                    path.name, money_words(path.hardware), money_words(path.development),
                    money_words(path.running_a_year), money_words(path.total_over_years), payback_words(path),
                )
                for path in bill.paths
            ],
            widths=(15, 15, 19, 17, 20, 14),
            numbers=(1, 2, 3, 4),
        ),
        Figure(
            draw_bars(
                f"Capital and {bill.years} years of running",
                [
                    Bar(
                        path.name, path.total_over_years.p10, path.total_over_years.p50, path.total_over_years.p90,
                        money_words(path.total_over_years), colours.get(path.path_id, "#2f6db3"),
                    )
                    for path in bill.paths
                ],
                "US dollars, from the 10th to the 90th percentile; tick: median",
            ),
            "Build, partner, license, or OpenAisle.",
        ),
        Heading("Development that is left with OpenAisle", 3),
        line_table(bill.development),
        Heading("What OpenAisle removes from each line", 3),
        line_table(bill.removed),
        Heading("Running, a year", 3),
        line_table(bill.running),
        Heading("Gains, a year", 3),
        line_table(bill.gains),
        Heading("The article's own examples, computed from its rows", 3),
        Table(
            header=("example", "the article says", "computed: p10, p50, p90", "draws within"),
            rows=[
                (
                    Cell(table[example.row_id].name, example.row_id),
                    f"{example.says[0]:,.0f} to {example.says[1]:,.0f}",
                    f"{example.computed.p10:,.0f}, {example.computed.p50:,.0f}, {example.computed.p90:,.0f}",
                    f"{example.share_within:.0%}",
                )
                for example in article_check(table, bill.seed)
            ],
            widths=(40, 22, 28, 12),
            numbers=(1, 2, 3),
        ),
    )  # fmt: skip
