"""The requirements document: everything a plan folder holds, as blocks for one HTML file and one PDF."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from openaisle.planning.advice import Advice
from openaisle.planning.bill import Bill, article_check
from openaisle.planning.costs import COSTS, CostTable, load_costs
from openaisle.planning.curve import Curve
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
from openaisle.planning.equipment import Equipment
from openaisle.planning.expected import Expected
from openaisle.planning.figures import Bar, Series, draw_bars, draw_curve, draw_phases
from openaisle.planning.folder import PlanFolder
from openaisle.planning.notes import ENTRIES, PAYMENTS, acceptance_tests, law_of, privacy_notes, risks
from openaisle.planning.place import Placement
from openaisle.planning.proof import Proof
from openaisle.planning.scales import ScalePlan
from openaisle.planning.scope import Scope
from openaisle.planning.words import (
    interval_words,
    line_table,
    money_words,
    ms_words,
    payback_words,
    plain_words,
    wilson,
)
from openaisle.store.draw import draw_plan
from openaisle.store.schema import Store

SECTION_PAIRS_MAX = 12
LOSSES_MAX = 8
DENSITIES = (0.6, 1.3)  # cameras a square metre in shops of this kind, as far as they are known


@dataclass(frozen=True, kw_only=True)
class _Results:
    scope: Scope
    store: Store
    placement: Placement
    proof: Proof
    scales: ScalePlan
    advice: Advice
    equipment: Equipment
    bill: Bill
    expected: Expected | None
    pixels: Expected | None
    curve: Curve | None
    table: CostTable


def write_report(folder: PlanFolder, costs: Path | None) -> list[Path]:
    """report.html and report.pdf of a plan folder. InputError, naming the command, for a step that was not run."""
    results = _Results(
        scope=folder.scope(),
        placement=folder.read("placement", Placement, "place"),
        proof=folder.read("proof", Proof, "place"),
        scales=folder.read("scales", ScalePlan, "place"),
        advice=folder.read("advice", Advice, "place"),
        equipment=folder.read("equipment", Equipment, "cost"),
        bill=folder.read("bill", Bill, "cost"),
        store=folder.store(),
        expected=folder.read_if_there("expected", Expected),
        pixels=folder.read_if_there("expected-pixels", Expected),
        curve=folder.read_if_there("curve", Curve),
        table=load_costs(costs or COSTS),
    )
    document = _document(results)
    html, pdf = folder.path / "report.html", folder.path / "report.pdf"
    html.write_text(as_html(document), encoding="utf-8")
    pdf.write_bytes(as_pdf(document))
    return [html, pdf]


def _document(results: _Results) -> Document:
    scope, placement = results.scope, results.placement
    document = Document(
        title=f"{scope.shop.name}: a checkout-free store",
        subtitle=f"Requirements document. {placement.area_m2:g} m², {len(results.store.products)} products, "
        f"{len(results.store.shelves)} shelf sections; trade: {scope.profile}. Money in US dollars.",
    )
    for part in (
        _summary, _scope, _cameras, _scales, _equipment, _accuracy, _cost, _timetable, _risks, _privacy, _acceptance,
        _sources,
    ):  # fmt: skip
        part(document, results)
    return document


def _summary(document: Document, results: _Results) -> None:
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


def _scope(document: Document, results: _Results) -> None:
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


def _cameras(document: Document, results: _Results) -> None:
    placement, proof, advice, asked = (
        results.placement,
        results.proof,
        results.advice,
        results.scope.placement,
    )
    left = [camera for camera in results.store.cameras if camera.camera_id != advice.losses[0].camera_id]
    kinds = ", ".join(f"{count} of {model}" for model, count in placement.models.items())
    views = ", ".join(
        f"{count} by {number}" for number, count in enumerate(proof.views_of_facings) if count and number
    )
    document.add(
        Heading("Floor and cameras"),
        Figure(
            draw_plan(results.store), "The floor, the cameras, and how many of them see a person at 1 m height."
        ),
        Paragraph(
            f"{placement.cameras} cameras ({kinds}) hang at {placement.mount_height_m:g} m. They were chosen among "
            f"{placement.candidates:,} candidates by integer programming at least cost, so that every facing is seen "
            f"by {asked.views_min} cameras at {asked.facing_px_per_m:g} px/m of their main streams past the shopper "
            "who stands there, by one past a second person at either side, and every gate and place to walk by "
            f"{asked.views_min} at {asked.person_px_per_m:g} px/m of the substreams, by one past somebody close. No "
            f"choice among them costs less than {placement.bound_usd:,.0f} USD; this one costs "
            f"{placement.cost_usd:,.0f} (gap {placement.gap:.1%})."
        ),
        Paragraph(
            f"Checked by drawing the stocked shop with people in it, {proof.pictures} pictures, and comparing depths: "
            f"{proof.facings_seen} of {proof.facings} facings ({views} cameras), {proof.beside_seen} of "
            f"{proof.beside} with somebody beside, {proof.floor_seen} of {proof.floor_points} places of gates and "
            f"walkways have the views asked. {placement.taken_back} views that the planner's geometry had promised "
            "were not in the pictures and were replaced. Views past somebody who walks close by were not drawn."
        ),
        Heading("When a camera is lost", 3),
        Paragraph(
            f"{advice.facings_blind_by_one_loss} of {proof.facings} facings would have no view left after the loss of "
            "some one camera. The worst losses:"
        ),
        Table(
            header=(
                "camera", "facings with no view", "facings below what is asked", "places with no view", "places below",
            ),
            rows=[
                (loss.camera_id, str(len(loss.facings_blind)), str(loss.facings_below), str(loss.floor_blind),
                 str(loss.floor_below))
                for loss in advice.losses[:LOSSES_MAX]
            ],
            widths=(20, 20, 20, 20, 20),
            numbers=(1, 2, 3, 4),
        ),
        Figure(
            draw_plan(replace(results.store, cameras=tuple(left))),
            f"Without {advice.losses[0].camera_id}, the worst to lose: how many cameras still see a person.",
        ),
        Heading("Height and glare", 3),
        Bullets(
            (
                advice.height,
                "No camera looks low towards a gate." if not advice.glare else
                f"Cameras that look low towards a gate, where daylight comes in: {', '.join(advice.glare)}.",
                f"A facing has {advice.views_mean:g} views on average, a place to walk {advice.people_views_mean:g}.",
            )
        ),
    )  # fmt: skip
    for kind, names in placement.short.items():
        document.add(Paragraph(f"Not even all candidates see enough of {kind}: {', '.join(names)}."))


def _scales(document: Document, results: _Results) -> None:
    scales = results.scales
    document.add(
        Heading("Shelves and scales"),
        Paragraph(
            f"Of {scales.placements} placements {scales.placements_with_twin_before} shared a shelf with another "
            f"product within 10 g, {scales.look_alikes_together_before} pairs of look-alikes stood on one shelf. With "
            f"{len(scales.swaps)} exchanges among goods of the same tax and age class "
            f"{scales.placements_with_twin} and {scales.look_alikes_together} are left. (In the one public real shop "
            "68 of 111 placements have such a neighbour.)"
        ),
        Table(
            header=("plates", "number", "slots whose plate also carries a neighbour's goods"),
            rows=[
                (
                    "one a slot" if size.width_m is None else f"{size.width_m:g} m wide",
                    f"{size.plates:,}",
                    str(size.slots_sharing),
                )
                for size in scales.plate_sizes
            ],
            widths=(30, 20, 50),
            numbers=(1, 2),
        ),
    )
    if scales.section_pairs:
        document.add(
            Paragraph("Pairs that remain, for the cameras to tell apart:"),
            Table(
                header=("slot", "slot", "grams apart"),
                rows=[
                    (first, second, f"{apart_g:.1f}")
                    for first, second, apart_g in scales.section_pairs[:SECTION_PAIRS_MAX]
                ],
                widths=(30, 30, 20),
                numbers=(2,),
            ),
        )


def _equipment(document: Document, results: _Results) -> None:
    equipment = results.equipment
    document.add(
        Heading("Bill of materials"),
        line_table(results.bill.hardware),
        Heading("Network, compute, power", 3),
        Table(
            header=("", ""),
            rows=(
                ("Streams", f"{equipment.sub_mbps:,.0f} Mbit/s of substreams, {equipment.main_mbps:,.0f} of main ones, "
                 f"at most {equipment.camera_mbps_max:g} a camera"),
                ("Switches", f"{equipment.switches} of {equipment.ports} ports; cameras {equipment.poe_watts:,.0f} W"),
                ("Compute", f"{equipment.nodes} nodes of {equipment.cores_a_node} cores: seeing keeps "
                 f"{equipment.cores_seeing:g} cores busy, decoding {equipment.cores_decoding:g}, the path "
                 f"{equipment.cores_path:g}, with {equipment.people_at_peak} people; {equipment.memory_gb:g} GB"),
                ("Measured", f"{equipment.ms_a_frame:g} ms a frame on average, {equipment.cameras_per_core:g} cameras "
                 f"a core, from {equipment.speed_from}"),
                ("Power", f"{equipment.mains_watts:,.0f} W in all, {equipment.kwh_a_year:,.0f} kWh a year"),
                ("Storage", f"{equipment.ledger_gb_a_year:g} GB of ledger a year; video is not kept"),
            ),
            widths=(18, 82),
        ),
    )  # fmt: skip


def _accuracy(document: Document, results: _Results) -> None:
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


def _cost(document: Document, results: _Results) -> None:
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


def _timetable(document: Document, results: _Results) -> None:
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


def _risks(document: Document, results: _Results) -> None:
    rows = risks(
        results.scope, results.placement, results.scales, results.advice, results.equipment, results.expected
    )
    document.add(
        Heading("Risks"),
        Table(header=("risk", "what is known here", "what is done"), rows=rows, widths=(24, 40, 36)),
    )


def _privacy(document: Document, results: _Results) -> None:
    document.add(
        Heading("Data protection"),
        Bullets(privacy_notes(results.scope)),
        Paragraph("These notes are no legal advice: let counsel of the jurisdiction read them."),
    )


def _acceptance(document: Document, results: _Results) -> None:
    document.add(
        Heading("Acceptance tests"),
        Table(
            header=("what", "how", "passed when"),
            rows=acceptance_tests(results.scope, results.placement),
            widths=(22, 40, 38),
        ),
    )


def _sources(document: Document, results: _Results) -> None:
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
