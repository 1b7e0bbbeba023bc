"""The requirements document: everything a plan folder holds, as blocks for one HTML file and one PDF."""

from __future__ import annotations

from pathlib import Path

from openaisle.planning.document import (
    Bullets,
    Cell,
    Document,
    Figure,
    Heading,
    Paragraph,
    Table,
    as_html,
    as_pdf,
)
from openaisle.planning.figures import draw_phases
from openaisle.planning.folder import PlanFolder
from openaisle.planning.notes import ENTRIES, PAYMENTS, acceptance_tests, law_of, privacy_notes, risks
from openaisle.planning.report_outcome import accuracy, cost
from openaisle.planning.report_shop import cameras, equipment, scales
from openaisle.planning.results import Results, read_results
from openaisle.planning.words import (
    money_words,
    ms_words,
    payback_words,
    plain_words,
)

DENSITIES = (0.6, 1.3)  # cameras a square metre in shops of this kind, as far as they are known


def write_report(folder: PlanFolder, costs: Path | None) -> list[Path]:
    """report.html and report.pdf of a plan folder. InputError, naming the command, for a step that was not run."""
    results = read_results(folder, costs)
    document = _document(results)
    html, pdf = folder.path / "report.html", folder.path / "report.pdf"
    html.write_text(as_html(document), encoding="utf-8")
    pdf.write_bytes(as_pdf(document))
    return [html, pdf]


def _document(results: Results) -> Document:
    scope, placement = results.scope, results.placement
    document = Document(
        title=f"{scope.shop.name}: a checkout-free store",
        subtitle=f"Requirements document. {placement.area_m2:g} m², {len(results.store.products)} products, "
        f"{len(results.store.shelves)} shelf sections; trade: {scope.profile}. Money in US dollars.",
    )
    for part in (
        _summary, _scope, cameras, scales, equipment, accuracy, cost, _timetable, _risks, _privacy, _acceptance,
        _sources,
    ):  # fmt: skip
        part(document, results)
    return document


def _summary(document: Document, results: Results) -> None:
    placement, proof, bill = results.placement, results.proof, results.bill
    ours = bill.paths[0]
    expected = results.expected
    document.add(
        Heading("What is proposed"),
        Table(
            header=("", ""),
            rows=(
                ("Cameras", f"{placement.cameras} ({placement.cameras_per_m2:.2f} a m²). Shops of this kind hang "
                 f"{DENSITIES[0]} to {DENSITIES[1]} a m², here {DENSITIES[0] * placement.area_m2:.0f} to "
                 f"{DENSITIES[1] * placement.area_m2:.0f}; the article's example would be {bill.article_grid_cameras}"),
                ("Proof of views", f"{proof.facings_seen} of {proof.facings} facings in at least "
                 f"{results.scope.placement.views_min} views with their shopper standing there, drawn and looked at; "
                 f"optimality gap {placement.gap:.1%}"),
                ("Expected receipts", "not simulated yet" if expected is None else
                 f"{expected.exact_rate:.1%} exact of {expected.visits} simulated visits at the busiest load, "
                 f"{expected.overcharged_visits} overcharged; shelf to cart p99 {ms_words(expected.cart_ms_p99)}"),
                ("Capital", f"{money_words(ours.capital)} (10th, 50th, 90th percentile)"),
                ("Running, a year", money_words(ours.running_a_year)),
                ("Gains, a year", money_words(ours.gains_a_year)),
                ("Payback", payback_words(ours)),
            ),
            widths=(22, 78),
        ),
        Paragraph(
            "To decide: whether to spend the first phase (calibration, a pilot on this floor) on the strength of these "
            "figures. Prices are ranges until quotes replace them; every one links to its source at the end. Expected "
            "accuracy is a simulator's and no promise."
        ),
    )  # fmt: skip


def _scope(document: Document, results: Results) -> None:
    scope = results.scope
    shop, traffic, rules = scope.shop, scope.traffic, scope.rules
    document.add(
        Heading("Scope"),
        Table(
            header=("", ""),
            rows=(
                ("Floor", f"{results.placement.area_m2:g} m², ceiling {results.store.ceiling_height_m:g} m"),
                ("Goods", f"{len(results.store.products)} products in {len(results.store.slots)} slots on "
                 f"{len(results.store.shelves)} sections of {len(results.store.gondolas)} gondolas"),
                ("Shoppers", f"{traffic.peak_shoppers_per_hour:g} in the busiest hour, shape of the peak: "
                 f"{traffic.peak_shape}; {traffic.visits_a_day:g} visits a day of {traffic.minutes_a_visit:g} min, "
                 f"{traffic.people_a_visit:g} people each; so {scope.people_at_peak} people at once"),
                ("Open", f"{traffic.opens} to {traffic.closes} ({scope.hours_a_day:g} h), "
                 f"{traffic.days_a_year} days a year"),
                ("Entry", ENTRIES[rules.entry]),
                ("Who pays", PAYMENTS[rules.payment]),
                ("Accepted latency", f"{rules.latency_ms} ms from shelf to cart"),
                ("Existing systems", f"point of sale: {scope.systems.pos}; ERP: {scope.systems.erp}; "
                 f"stock: {scope.systems.stock}"),
                ("Jurisdiction", f"{shop.jurisdiction}: {law_of(shop.jurisdiction)}"),
                ("Peculiar to this trade", rules.differs),
            ),
            widths=(22, 78),
        ),
    )  # fmt: skip


def _timetable(document: Document, results: Results) -> None:
    phases: list[tuple[str, float, float, float, float]] = [
        (row.name, row.low, row.high, round(row.low * row.remains[0], 1), round(row.high * row.remains[1], 1))
        for row in results.table.group("phase")
    ]
    total = results.table["months-total"]
    article = (sum(phase[1] for phase in phases), sum(phase[2] for phase in phases))
    low, high = sum(phase[3] for phase in phases), sum(phase[4] for phase in phases)
    document.add(
        Heading("Timetable"),
        Figure(draw_phases("Phases", phases), "One after the other, each as long as at most."),
        Paragraph(
            f"The article's phases sum to {article[0]:g} to {article[1]:g} weeks; of a whole pilot it "
            f"says {total.low:g} to {total.high:g} months. With OpenAisle the phases sum to {low:g} to {high:g} "
            "weeks; orders, building permits and contracts come on top."
        ),
        Table(
            header=("phase", "the article, weeks", "with OpenAisle, weeks", "why"),
            rows=[
                (
                    Cell(row.name, row.row_id),
                    f"{row.low:g} to {row.high:g}",
                    f"{row.low * row.remains[0]:.1f} to {row.high * row.remains[1]:.1f}",
                    row.because,
                )
                for row in results.table.group("phase")
            ],
            widths=(24, 16, 18, 42),
        ),
    )


def _risks(document: Document, results: Results) -> None:
    rows = risks(
        results.scope, results.placement, results.scales, results.advice, results.equipment, results.expected
    )
    document.add(
        Heading("Risks"),
        Table(header=("risk", "what is known here", "what is done"), rows=rows, widths=(24, 40, 36)),
    )


def _privacy(document: Document, results: Results) -> None:
    document.add(
        Heading("Data protection"),
        Bullets(privacy_notes(results.scope)),
        Paragraph("These notes are no legal advice: let counsel of the jurisdiction read them."),
    )


def _acceptance(document: Document, results: Results) -> None:
    document.add(
        Heading("Acceptance tests"),
        Table(
            header=("what", "how", "passed when"),
            rows=acceptance_tests(results.scope, results.placement),
            widths=(22, 40, 38),
        ),
    )


def _sources(document: Document, results: Results) -> None:
    table = results.table
    rows = list(table.rows.values())
    document.add(
        Heading("Sources"),
        Table(
            header=("row", "what", "range", "per", "left with OpenAisle", "source"),
            rows=[
                (
                    row.row_id,
                    row.name + (f". {row.because}" if row.because else ""),
                    f"{plain_words(row.low)} to {plain_words(row.high)}",
                    row.per,
                    "all" if row.remains == (1.0, 1.0) else f"{row.remains[0]:.0%} to {row.remains[1]:.0%}",
                    Cell(row.source, f"source-{row.source}"),
                )
                for row in rows
            ],
            widths=(15, 38, 16, 9, 12, 9),
            numbers=(2,),
            anchors=[row.row_id for row in rows],
        ),
        Table(
            header=("source", "title", "about"),
            rows=[(name, title, about) for name, (title, about) in table.sources.items()],
            widths=(10, 40, 50),
            anchors=[f"source-{name}" for name in table.sources],
        ),
    )
