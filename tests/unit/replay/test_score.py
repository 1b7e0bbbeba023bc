"""What a score counts, on days small enough to count by hand."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from tests.unit.carts.shop import START_NS

from openaisle.core.errors import RecordingError
from openaisle.core.messages import CartChanged, CartLine, FloorTracks, Receipt, ReceiptLine, ReviewOpened
from openaisle.core.units import NS_PER_MS, NS_PER_S
from openaisle.replay.score import Score, score, score_of, tally
from openaisle.replay.truth import DayTruth, TrueEvent, TruePositions, TrueVisit


def visit(
    visit_id: str, families: str = "single_pick", *, is_staff: bool = False, **basket: int
) -> TrueVisit:
    return TrueVisit(
        visit_id=visit_id,
        families=tuple(families.split()),
        basket=basket,
        body_ids=(ord(visit_id[0]),),
        entered_ns=START_NS,
        left_ns=START_NS + 60 * NS_PER_S,
        is_staff=is_staff,
    )


def receipt(visit_id: str, **units: int) -> Receipt:
    lines = tuple(
        ReceiptLine(
            product_id=product_id,
            gtin="",
            name=product_id,
            quantity=quantity,
            unit_price_minor=100,
            total_minor=100 * quantity,
            tax_class="food",
            tax_minor=0,
        )
        for product_id, quantity in units.items()
    )
    return Receipt(
        receipt_id=visit_id,
        visit_id=visit_id,
        store_id="small",
        issued_ns=START_NS,
        lines=lines,
        total_minor=0,
        tax_minor=0,
        currency="EUR",
    )


def cart(visit_id: str, at_ms: int, **units: int) -> CartChanged:
    lines = tuple(
        CartLine(
            product_id=product_id,
            quantity=quantity,
            price_minor=100,
            probability=0.9,
            pending=True,
            slot_id=None,
            picked_ns=START_NS,
        )
        for product_id, quantity in units.items()
    )
    return CartChanged(
        visit_id=visit_id,
        changed_ns=START_NS + at_ms * NS_PER_MS,
        happened_ns=START_NS,
        lines=lines,
        total_minor=0,
        currency="EUR",
    )


def event(visit_id: str, at_ms: int, kind: str, product_id: str) -> TrueEvent:
    return TrueEvent(
        at_ns=START_NS + at_ms * NS_PER_MS,
        kind=kind,
        visit_id=visit_id,
        slot_id="A1-1",
        product_id=product_id,
        mass_g=350.0,
    )


def latency(events: list[TrueEvent], carts: list[CartChanged]) -> tuple[list[float], int]:
    """(all latencies in ms, as far as percentiles show them; missed) of one visit."""
    found = tally(DayTruth(visits=(visit("a"),), events=tuple(events)), [], carts, [])
    return sorted(ns / NS_PER_MS for ns in found.latencies_ns), found.missed


# Receipts


def test_a_right_receipt_is_exact() -> None:
    got = score(DayTruth(visits=(visit("a", cola=2),)), [receipt("a", cola=2)], [], [])
    assert (got.visits, got.exact_receipts, got.exact_rate) == (1, 1, 1.0)
    assert (got.line_precision, got.line_recall, got.line_f1) == (1.0, 1.0, 1.0)


def test_units_too_many_are_an_overcharge_and_units_too_few_are_not() -> None:
    truth = DayTruth(visits=(visit("a", cola=2, bread=1), visit("b", cola=3)))
    got = score(truth, [receipt("a", cola=3, bread=1), receipt("b", cola=1)], [], [])
    assert (got.exact_receipts, got.overcharged_visits, got.undercharged_visits) == (0, 1, 1)
    assert got.line_precision == pytest.approx(4 / 5)
    assert got.line_recall == pytest.approx(4 / 6, abs=1e-6)
    assert got.line_f1 == pytest.approx(8 / 11, abs=1e-6)


def test_a_product_taken_for_another_is_an_overcharge() -> None:
    got = score(DayTruth(visits=(visit("a", cola=1),)), [receipt("a", lemonade=1)], [], [])
    assert (got.overcharged_visits, got.undercharged_visits, got.line_f1) == (1, 1, 0.0)


def test_a_visit_without_a_receipt_is_not_exact_even_if_nothing_was_taken() -> None:
    got = score(DayTruth(visits=(visit("a"), visit("b"))), [receipt("a")], [], [])
    assert (got.visits, got.exact_receipts) == (2, 1)
    assert (got.line_precision, got.line_recall, got.line_f1) == (1.0, 1.0, 1.0)


def test_a_bill_for_a_visit_that_never_was_is_an_overcharge() -> None:
    got = score(
        DayTruth(visits=(visit("a"),)), [receipt("a"), receipt("ghost", cola=1), receipt("z")], [], []
    )
    assert (got.visits, got.exact_receipts, got.overcharged_visits) == (1, 1, 1)
    assert got.line_precision == 0.0


def test_staff_are_not_scored_but_must_not_be_billed() -> None:
    truth = DayTruth(visits=(visit("s", is_staff=True, cola=5),))
    assert score(truth, [], [], []).visits == 0
    assert score(truth, [receipt("s", cola=5)], [], []).overcharged_visits == 1


def test_families_are_scored_apart() -> None:
    truth = DayTruth(visits=(visit("a", "crowd exchange", cola=1), visit("b", "crowd", cola=1)))
    got = score(truth, [receipt("a", cola=1), receipt("b", cola=2)], [], [])
    found = {name: (one.visits, one.exact_rate, one.overcharged) for name, one in got.families.items()}
    assert found == {"crowd": (2, 0.5, 1), "exchange": (1, 1.0, 0)}
    assert got.families["crowd"].f1 == pytest.approx(4 / 5)


def test_reviews_are_counted_per_thousand_visits() -> None:
    review = ReviewOpened(
        review_id="r", visit_id="a", interaction_id="i", reason="unsure", opened_ns=START_NS
    )
    assert score(DayTruth(visits=(visit("a"), visit("b"))), [], [], [], [review]).reviews_per_1000 == 500.0


def test_days_add_up() -> None:
    right = tally(DayTruth(visits=(visit("a", cola=1),)), [receipt("a", cola=1)], [], [])
    wrong = tally(DayTruth(visits=(visit("a", cola=1),)), [receipt("a")], [], [])
    got = score_of([right, wrong])
    assert (got.visits, got.exact_rate, got.line_recall) == (2, 0.5, 0.5)


def test_no_day_at_all_has_a_score() -> None:
    got = score_of([])
    assert (got.visits, got.exact_rate, got.cart_latency_ms.p50) == (0, 0.0, None)
    assert isinstance(got, Score)


# Latency


def test_latency_runs_from_the_event_to_the_first_cart_that_shows_it() -> None:
    events = [event("a", 0, "take", "cola"), event("a", 5_000, "put_back_wrong", "cola")]
    carts = [cart("a", 200, cola=1), cart("a", 400, cola=1), cart("a", 5_300)]
    assert latency(events, carts) == ([200, 300], 0)


def test_a_cart_that_shows_another_product_shopper_or_direction_does_not_count() -> None:
    events = [event("a", 0, "take", "cola")]
    assert latency(events, [cart("a", 100, lemonade=1), cart("a", 900, cola=1)]) == ([900], 0)
    assert latency(events, [cart("b", 100, cola=1)]) == ([], 1)
    assert latency(events, [cart("a", -500, cola=1), cart("a", 100)]) == ([], 1)


def test_a_late_cart_counts_as_late_and_a_very_late_one_as_missed() -> None:
    events = [event("a", 0, "take", "cola")]
    assert latency(events, [cart("a", 9_999, cola=1)]) == ([9_999], 0)
    assert latency(events, [cart("a", 10_001, cola=1)]) == ([], 1)


def test_units_shown_together_answer_events_one_by_one() -> None:
    events = [event("a", at, "take", "cola") for at in (0, 100, 200)]
    assert latency(events, [cart("a", 300, cola=2), cart("a", 700, cola=3)]) == ([200, 300, 500], 0)


def test_a_missed_event_does_not_make_the_next_one_late() -> None:
    events = [event("a", 0, "take", "cola"), event("a", 3_000, "take", "cola")]
    assert latency(events, [cart("a", 3_200, cola=1)]) == ([200], 1)


def test_percentiles_are_latencies_that_occurred() -> None:
    events = [event("a", 20_000 * n, "take", "cola") for n in range(100)]
    carts = [cart("a", 20_000 * n + 100 + n, cola=n + 1) for n in range(100)]
    got = score(DayTruth(visits=(visit("a"),), events=tuple(events)), [], carts, []).cart_latency_ms
    assert (got.p50, got.p95, got.p99, got.max, got.n, got.missed) == (150.0, 195.0, 199.0, 199.0, 100, 0)


# Identity


def walk(*instants: tuple[str | None, str | None]) -> tuple[DayTruth, list[FloorTracks]]:
    """Two people two metres apart, every 200 ms; which visit each is tracked under (None: unbound)."""
    people, tracks = [], []
    for number, visit_ids in enumerate(instants):
        at_ns = START_NS + number * 200 * NS_PER_MS
        people.append(
            TruePositions(at_ns=at_ns, body_ids=(97, 98), positions_floor_m=((1.0, 1.0), (3.0, 1.0)))
        )
        tracks.append(
            FloorTracks(
                captured_ns=at_ns + 40 * NS_PER_MS,
                decided_ns=at_ns,
                track_ids=("t1", "t2"),
                visit_ids=visit_ids,
                positions_floor_m=np.array([[1.1, 1.0], [3.0, 1.2]], np.float32),
                position_sd_m=np.full(2, 0.1, np.float32),
                heights_m=np.full(2, 1.7, np.float32),
                joints_floor_m=np.full((2, 17, 4), np.nan, np.float32),
            )
        )
    return DayTruth(visits=(visit("a"), visit("b")), people=tuple(people)), tracks


@pytest.mark.parametrize(
    ("instants", "switches"),
    [
        ([("a", "b"), ("a", "b"), ("a", "b")], 0),
        ([("a", "b"), ("b", "a"), ("b", "a")], 2),
        ([("a", "b"), (None, "b"), ("a", "b")], 0),
        ([("a", "b"), (None, "b"), ("c", "b")], 1),
        ([("a", "b"), ("b", "a"), ("a", "b")], 4),
    ],
)
def test_a_switch_is_a_person_tracked_under_another_visit(
    instants: list[tuple[str | None, str | None]], switches: int
) -> None:
    truth, tracks = walk(*instants)
    assert score(truth, [], [], tracks).id_switches_per_100_visits == switches * 50


def test_a_track_far_from_everybody_is_nobodys() -> None:
    truth, tracks = walk(("a", "b"), ("b", "a"))
    tracks[1].positions_floor_m[:] += 5.0
    assert score(truth, [], [], tracks).id_switches_per_100_visits == 0


# Files


def test_truth_comes_back_from_its_files(tmp_path: Path) -> None:
    walked, _ = walk(("a", "b"), ("a", "b"))
    truth = DayTruth(
        visits=(visit("a", cola=2),), events=(event("a", 0, "take", "cola"),), people=walked.people
    )
    truth.write(tmp_path)
    assert DayTruth.read(tmp_path) == truth


def test_a_damaged_truth_is_refused_with_its_line(tmp_path: Path) -> None:
    walked, _ = walk(("a", "b"), ("a", "b"))
    walked.write(tmp_path)
    path = tmp_path / "people.ndjson.gz"
    lines = gzip.decompress(path.read_bytes()).splitlines()
    path.write_bytes(gzip.compress(lines[0] + b"\n" + b'{"at_ns": "noon"}' + b"\n"))
    with pytest.raises(RecordingError, match=r"people\.ndjson\.gz:2: is no TruePositions"):
        DayTruth.read(tmp_path)
    (tmp_path / "visits.json").unlink()
    with pytest.raises(
        RecordingError, match=r"visits\.json: file is missing; expected the truth of this day"
    ):
        DayTruth.read(tmp_path)
