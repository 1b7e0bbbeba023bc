"""Receipts against the truth: how many were exact, who paid for what they did not take, how soon the cart showed it.

A day gives a `Tally`; any number of tallies give one `Score`. Figures count units on lines: of a product of which three
were taken and two billed, two units are right and one is missing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
from scipy.optimize import linear_sum_assignment

from openaisle.core.messages import CartChanged, FloorTracks, ProductId, Receipt, ReviewOpened, VisitId
from openaisle.core.units import NS_PER_MS, NS_PER_S, ms_from_ns
from openaisle.replay.identity import count_id_switches
from openaisle.replay.truth import DayTruth, TrueEvent

REFLECTED_NS_MAX: Final = 10 * NS_PER_S
"""A true event that no cart shows within 10 s counts as missed, not as late."""

UP_KINDS: Final = frozenset({"take"})
DOWN_KINDS: Final = frozenset({"put_back", "put_back_wrong"})


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """From the physical event to the first cart that reflects it, in milliseconds; null where there is none."""

    p50: float | None
    p95: float | None
    p99: float | None
    max: float | None
    n: int
    missed: int  # true events that no cart reflected within 10 s


class FamilyScore(msgspec.Struct, frozen=True, kw_only=True):
    """The visits in which one family of hard cases occurs. A visit of several families counts in each."""

    visits: int
    exact_rate: float
    f1: float
    overcharged: int


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """How right a path was."""

    visits: int
    exact_receipts: int
    exact_rate: float
    line_precision: float
    line_recall: float
    line_f1: float
    overcharged_visits: int  # billed for any unit not taken; a billed visit that never was counts too
    undercharged_visits: int  # not billed for some unit taken
    reviews_per_1000: float
    reviews_by_reason: dict[str, int]
    cart_latency_ms: Latency
    families: dict[str, FamilyScore]
    id_switches_per_100_visits: float


@dataclass(frozen=True, kw_only=True)
class VisitTally:
    """One visit: units billed and taken (`right`), billed only (`extra`), taken only (`missing`)."""

    visit_id: VisitId
    families: tuple[str, ...]
    right: int
    extra: int
    missing: int
    has_receipt: bool
    billed: Mapping[ProductId, int]
    taken: Mapping[ProductId, int]

    @property
    def is_exact(self) -> bool:
        return self.has_receipt and not self.extra and not self.missing


@dataclass(frozen=True, kw_only=True)
class Tally:
    """What one day adds to a score. Tallies of several days may be summed by `score_of`."""

    visits: tuple[VisitTally, ...]
    phantoms: tuple[VisitTally, ...]  # receipts with lines for visits that never were
    latencies_ns: tuple[int, ...]
    missed: int
    review_reasons: tuple[str, ...]  # of each review
    id_switches: int


def score(
    truth: DayTruth,
    receipts: Sequence[Receipt],
    cart_events: Sequence[CartChanged],
    tracks: Sequence[FloorTracks],
    reviews: Sequence[ReviewOpened] = (),
) -> Score:
    """The score of one day."""
    return score_of([tally(truth, receipts, cart_events, tracks, reviews)])


def tally(
    truth: DayTruth,
    receipts: Sequence[Receipt],
    cart_events: Sequence[CartChanged],
    tracks: Sequence[FloorTracks],
    reviews: Sequence[ReviewOpened] = (),
) -> Tally:
    """Count one day. Staff are not scored as shoppers, but a bill for staff is a phantom."""
    billed = {receipt.visit_id: _units(receipt) for receipt in receipts}
    shoppers = [visit for visit in truth.visits if not visit.is_staff]
    known = {visit.visit_id for visit in shoppers}
    visits = tuple(
        _visit_tally(visit.visit_id, visit.families, billed.get(visit.visit_id), Counter(visit.basket))
        for visit in shoppers
    )
    phantoms = tuple(
        _visit_tally(visit_id, (), units, Counter())
        for visit_id, units in sorted(billed.items())
        if visit_id not in known and units
    )
    latencies_ns, missed = cart_latencies_ns(
        [event for event in truth.events if event.visit_id in known], cart_events
    )
    return Tally(
        visits=visits,
        phantoms=phantoms,
        latencies_ns=tuple(latencies_ns),
        missed=missed,
        review_reasons=tuple(review.reason for review in reviews),
        id_switches=count_id_switches(truth, tracks),
    )


def score_of(tallies: Iterable[Tally]) -> Score:
    """One score for all of them."""
    days = list(tallies)
    visits = [visit for day in days for visit in day.visits]
    phantoms = [visit for day in days for visit in day.phantoms]
    count = len(visits)
    reasons = Counter(reason for day in days for reason in day.review_reasons)
    exact = sum(visit.is_exact for visit in visits)
    precision, recall, f1 = _precision_recall_f1([*visits, *phantoms])
    families = sorted({family for visit in visits for family in visit.families})
    return Score(
        visits=count,
        exact_receipts=exact,
        exact_rate=_ratio(exact, count),
        line_precision=precision,
        line_recall=recall,
        line_f1=f1,
        overcharged_visits=sum(visit.extra > 0 for visit in [*visits, *phantoms]),
        undercharged_visits=sum(visit.missing > 0 for visit in visits),
        reviews_per_1000=round(_ratio(1000 * reasons.total(), count), 3),
        reviews_by_reason=dict(sorted(reasons.items())),
        cart_latency_ms=_latency(
            [ns for day in days for ns in day.latencies_ns], sum(day.missed for day in days)
        ),
        families={
            family: _family_score([visit for visit in visits if family in visit.families])
            for family in families
        },
        id_switches_per_100_visits=round(_ratio(100 * sum(day.id_switches for day in days), count), 3),
    )


def cart_latencies_ns(
    events: Sequence[TrueEvent], cart_events: Sequence[CartChanged]
) -> tuple[list[int], int]:
    """Decision time of the first cart that reflects each true event, less the event's own time; and events missed.

    A cart reflects a take when the visit's units of that product, checked or not, go up after it, and a put-back when
    they go down. Each unit of change answers one event: as many events as can be are answered, with the least delay.
    """
    changes = _cart_changes(cart_events)
    wanted: dict[tuple[VisitId, ProductId, bool], list[int]] = {}
    for event in sorted(events, key=lambda event: event.at_ns):
        if event.kind in UP_KINDS or event.kind in DOWN_KINDS:
            wanted.setdefault((event.visit_id, event.product_id, event.kind in UP_KINDS), []).append(
                event.at_ns
            )
    latencies: list[int] = []
    missed = 0
    for key, times_ns in sorted(wanted.items()):
        answered = _answered_ns(times_ns, changes.get(key, []))
        latencies += answered
        missed += len(times_ns) - len(answered)
    return latencies, missed


# --- leaves -------------------------------------------------------------------------------------------------------


def _answered_ns(happened_ns: Sequence[int], shown_ns: Sequence[int]) -> list[int]:
    """Delay of each event that has an answer within REFLECTED_NS_MAX."""
    delays_ns = np.array(shown_ns, np.int64)[None, :] - np.array(happened_ns, np.int64)[:, None]
    fits = (delays_ns >= 0) & (delays_ns <= REFLECTED_NS_MAX)
    delays_s = delays_ns / NS_PER_S
    # The small square prefers two equal delays to a short and a long one: first come, first answered.
    cost = np.where(fits, delays_s + 1e-3 * delays_s**2, 1e6)
    rows, columns = linear_sum_assignment(cost)
    return [int(delays_ns[at]) for at in zip(rows, columns, strict=True) if fits[at]]


def _cart_changes(cart_events: Sequence[CartChanged]) -> dict[tuple[VisitId, ProductId, bool], list[int]]:
    """Times at which units of a product came (True) or went (False), one entry a unit, by visit and product."""
    held: dict[VisitId, Counter[ProductId]] = {}
    changes: dict[tuple[VisitId, ProductId, bool], list[int]] = {}
    for cart in sorted(cart_events, key=lambda cart: cart.changed_ns):
        before = held.get(cart.visit_id, Counter())
        now: Counter[ProductId] = Counter()
        for line in cart.lines:
            now[line.product_id] += line.quantity
        for product_id in sorted(before.keys() | now.keys()):
            by = now[product_id] - before[product_id]
            if by:
                times_ns = changes.setdefault((cart.visit_id, product_id, by > 0), [])
                times_ns += [cart.changed_ns] * abs(by)
        held[cart.visit_id] = now
    return changes


def _units(receipt: Receipt) -> Counter[ProductId]:
    units: Counter[ProductId] = Counter()
    for line in receipt.lines:
        units[line.product_id] += line.quantity
    return units


def _visit_tally(
    visit_id: VisitId, families: tuple[str, ...], billed: Counter[ProductId] | None, taken: Counter[ProductId]
) -> VisitTally:
    units = billed if billed is not None else Counter[ProductId]()
    right = (units & taken).total()
    return VisitTally(
        visit_id=visit_id,
        families=families,
        right=right,
        extra=units.total() - right,
        missing=taken.total() - right,
        has_receipt=billed is not None,
        billed=dict(sorted(units.items())),
        taken=dict(sorted(taken.items())),
    )


def _family_score(visits: Sequence[VisitTally]) -> FamilyScore:
    _, _, f1 = _precision_recall_f1(visits)
    return FamilyScore(
        visits=len(visits),
        exact_rate=_ratio(sum(visit.is_exact for visit in visits), len(visits)),
        f1=f1,
        overcharged=sum(visit.extra > 0 for visit in visits),
    )


def _precision_recall_f1(visits: Sequence[VisitTally]) -> tuple[float, float, float]:
    """Over all units. Where nothing was billed and nothing taken, all of it was right."""
    right = sum(visit.right for visit in visits)
    extra = sum(visit.extra for visit in visits)
    missing = sum(visit.missing for visit in visits)
    precision = _ratio(right, right + extra, empty=1.0)
    recall = _ratio(right, right + missing, empty=1.0)
    f1 = _ratio(2 * right, 2 * right + extra + missing, empty=1.0)
    return precision, recall, f1


def _latency(latencies_ns: Sequence[int], missed: int) -> Latency:
    if not latencies_ns:
        return Latency(p50=None, p95=None, p99=None, max=None, n=0, missed=missed)
    ms = np.sort(np.array(latencies_ns, np.int64)) / NS_PER_MS
    # "higher": a percentile is a latency that really occurred, and never less than it was.
    p50, p95, p99 = (round(float(np.percentile(ms, q, method="higher")), 3) for q in (50, 95, 99))
    return Latency(
        p50=p50, p95=p95, p99=p99, max=round(ms_from_ns(max(latencies_ns)), 3), n=len(ms), missed=missed
    )


def _ratio(part: float, whole: float, *, empty: float = 0.0) -> float:
    return round(part / whole, 6) if whole else empty
