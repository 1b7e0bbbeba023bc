"""What shoppers set out to do: the families of hard cases as plans, drawn from a seed.

A plan says intentions only. What comes of them (a slot is empty, a partner late) is decided by the simulated shop and
recorded in its truth.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

import numpy as np

from openaisle.core.errors import InputError
from openaisle.core.units import NS_PER_S, ns_from_s
from openaisle.sim.choices import Choices
from openaisle.sim.people import draw_body
from openaisle.sim.scene import Body
from openaisle.store.schema import SlotId, Store

Act = Literal["take", "put_back", "touch", "look"]

DEFAULT_START_NS: Final = 1_780_300_800 * NS_PER_S  # 1 June 2026, 08:00 UTC


@dataclass(frozen=True, kw_only=True)
class Intent:
    """One thing a shopper means to do at a shelf. Seconds are of the shopper's own time, before noise of any kind."""

    act: Act
    slot_id: SlotId
    product_id: str = ""  # take: "" = the slot's own product; put_back: what to give back
    quantity: int = 1
    at_once: int = 1  # units lifted in one grasp
    stow: bool = True  # take: into the bag straight away; False: stays in the hand for now
    side_m: float = 0.0  # stand this far to the right of the slot (as the shopper sees it)
    look_s: float = 0.6  # stands and looks before reaching
    press_s: float = 0.0  # the hand rests on the goods before anything moves
    hover_s: float = 0.0  # the hand waits beside the shelf after the lift
    style: str = ""  # touch: press | nudge | lift
    hand: str = ""  # left | right | "" = as it comes
    is_hasty: bool = False  # do not wait for the other hand; move faster
    meet: str = ""  # begin the reach together with the partner who names the same meeting
    after: str = ""  # not before this was said
    says: str = ""  # said when done


@dataclass(frozen=True, kw_only=True)
class PlannedVisit:
    """One visit of one shopper."""

    visit_id: str
    family: str
    families: tuple[str, ...]
    enters_ns: int  # when they come to the gate, if the shop is not full
    body: Body
    speed_m_s: float
    is_left_handed: bool
    intents: tuple[Intent, ...]
    people_count: int = 1
    is_staff: bool = False


@dataclass(frozen=True, kw_only=True)
class DayPlan:
    """What is meant to happen on one day. Everything else of the day follows from it and the store."""

    store_id: str
    seed: int
    start_ns: int
    people_max: int  # nobody is let in while so many are inside
    visits: tuple[PlannedVisit, ...]  # by enters_ns


# One episode is what one or two shoppers do; a builder gives each of them their intents.
Episode = list[list[Intent]]

FAMILIES: Final[tuple[str, ...]] = (
    "single_pick", "many_picks", "rapid_picks", "put_back_right", "put_back_wrong", "put_back_same_weight",
    "swap_same_weight", "near_weights", "look_alikes", "hold_two_take_one", "long_hold", "touch_only",
    "crossing_arms", "simultaneous_same_item",
)  # fmt: skip

ORDINARY: Final = "ordinary"  # family of a mixed visit in which nothing tricky was planned

TRICKY_SHARE: Final = 0.4  # of the actions of a mixed day
MANY_PICKS_SHARE: Final = 0.04  # of the visits of a mixed day

# How tricky actions divide. No public statistics of such acts exist: these are our judgement of a busy small shop
# (people often put things back, touch and reconsider; two people rarely meet at one slot), not a measurement. An
# episode of two makes two visits.
TRICKY_RATES: Final[dict[str, float]] = {
    "rapid_picks": 0.12,
    "put_back_right": 0.17,
    "put_back_wrong": 0.06,
    "put_back_same_weight": 0.04,
    "swap_same_weight": 0.03,
    "near_weights": 0.12,
    "look_alikes": 0.10,
    "hold_two_take_one": 0.09,
    "long_hold": 0.08,
    "touch_only": 0.11,
    "crossing_arms": 0.015,
    "simultaneous_same_item": 0.02,
}
PARTNERED: Final = ("put_back_wrong", "crossing_arms", "simultaneous_same_item")


def plan_day(
    store: Store,
    *,
    visit_count: int,
    seed: int,
    families: Sequence[str] | Literal["mixed"] = "mixed",
    start_ns: int = DEFAULT_START_NS,
    arrivals_per_minute: float = 2.0,
    people_max: int = 6,
) -> DayPlan:
    """Plan `visit_count` visits. With a list of families, visits take turns through it; "mixed" draws natural rates.

    A family of two shoppers plans both visits together; where only one visit is left to plan, it is a single pick.
    The same arguments give the same plan. Raises InputError for an unknown family.
    """
    if visit_count < 1 or people_max < 2 or arrivals_per_minute <= 0:
        raise InputError(
            "a day needs visits, room for two people and arrivals",
            field="visit_count, people_max, arrivals_per_minute",
            expected=">= 1, >= 2, > 0",
            found=(visit_count, people_max, arrivals_per_minute),
        )
    unknown = [] if families == "mixed" else sorted(set(families) - set(FAMILIES))
    if unknown or not families:
        raise InputError(
            "no such family of cases",
            field="families",
            expected="mixed, or some of " + ", ".join(FAMILIES),
            found=unknown,
        )
    rng = np.random.default_rng([seed, 1])
    choices = Choices(store, seed, rng)
    drafts: list[_Draft] = []
    turn = 0
    while len(drafts) < visit_count:
        left = visit_count - len(drafts)
        if families == "mixed":
            drafts.extend(_mixed_visits(choices, rng, len(drafts), left))
        else:
            drafts.extend(_family_visits(choices, families[turn % len(families)], left, len(drafts)))
        turn += 1
    visits: list[PlannedVisit] = []
    enters_s = 2.0
    for number, draft in enumerate(drafts):
        gap_s = rng.exponential(60.0 / arrivals_per_minute)
        enters_s += draft.follows_s if draft.follows_s is not None else max(gap_s, 1.5)
        visits.append(
            PlannedVisit(
                visit_id=f"v{number + 1:04d}",
                family=draft.family,
                families=tuple(dict.fromkeys(draft.families)),
                enters_ns=start_ns + ns_from_s(enters_s),
                body=draw_body(rng, number + 1),
                speed_m_s=round(float(rng.uniform(0.75, 1.35)), 3),
                is_left_handed=bool(rng.random() < 0.11),
                intents=tuple(draft.intents),
            )
        )
    return DayPlan(
        store_id=store.store_id, seed=seed, start_ns=start_ns, people_max=people_max, visits=tuple(visits)
    )


@dataclass
class _Draft:
    family: str
    intents: list[Intent]
    families: list[str] = field(default_factory=list)
    follows_s: float | None = None  # enters this long after the visit before; None: whenever


def _family_visits(choices: Choices, family: str, left: int, number: int) -> list[_Draft]:
    """The visits of one turn of one family."""
    if family in PARTNERED and left < 2:
        family = "single_pick"
    episode = EPISODES[family](choices, f"m{number}")
    drafts = [_Draft(family, intents, [family]) for intents in episode]
    for draft in drafts[1:]:
        draft.follows_s = float(choices.rng.uniform(2.0, 6.0))
    return drafts


def _mixed_visits(choices: Choices, rng: np.random.Generator, number: int, left: int) -> list[_Draft]:
    """One visit, or two that meet, at natural rates plus tricky actions."""
    if rng.random() < MANY_PICKS_SHARE:
        return [_Draft("many_picks", EPISODES["many_picks"](choices, f"m{number}")[0], ["many_picks"])]
    draft, partner = _Draft(ORDINARY, []), _Draft(ORDINARY, [])
    names, weights = list(TRICKY_RATES), np.array(list(TRICKY_RATES.values()))
    for action in range(1 + min(int(rng.poisson(2.2)), 7)):
        family = str(rng.choice(names, p=weights / weights.sum())) if rng.random() < TRICKY_SHARE else "pick"
        if family in PARTNERED and (left < 2 or partner.intents):
            family = "put_back_right"
        if family == "pick":
            draft.intents += _pick(choices)
            continue
        episode = EPISODES[family](choices, f"m{number}.{action}")
        _add(draft, family, episode[0])
        if len(episode) > 1:
            # Meetings come first, so that nobody waits long for the other.
            draft.intents = episode[0] + draft.intents[: -len(episode[0])]
            _add(partner, family, episode[1])
            partner.follows_s = float(rng.uniform(2.0, 6.0))
    if draft.family == ORDINARY and len({intent.slot_id for intent in draft.intents}) == 1:
        draft.family, draft.families = "single_pick", ["single_pick"]
    if not partner.intents:
        return [draft]
    for _ in range(int(rng.poisson(1.5))):
        partner.intents += _pick(choices)
    return [draft, partner]


def _add(draft: _Draft, family: str, intents: list[Intent]) -> None:
    if draft.family == ORDINARY:
        draft.family = family
    draft.families.append(family)
    draft.intents += intents


# --- episodes -----------------------------------------------------------------------------------------------------


def _pick(choices: Choices) -> list[Intent]:
    """An ordinary pick: mostly one unit."""
    slot_id = choices.slot()
    quantity = 1 if choices.chance(0.8) else choices.between(2, 3)
    return [_take(choices, slot_id, quantity)]


def _take(choices: Choices, slot_id: SlotId, quantity: int = 1, **more: object) -> Intent:
    quantity = choices.reserve(slot_id, quantity)
    at_once = 2 if quantity > 1 and choices.is_small(slot_id) and choices.chance(0.4) else 1
    intent = Intent(act="take", slot_id=slot_id, quantity=quantity, at_once=at_once, look_s=choices.look_s())
    return replace(intent, **more)  # type: ignore[arg-type]


def _give_back(choices: Choices, slot_id: SlotId, product_id: str, **more: object) -> Intent:
    intent = Intent(act="put_back", slot_id=slot_id, product_id=product_id, look_s=choices.look_s())
    return replace(intent, **more)  # type: ignore[arg-type]


def _single_pick(choices: Choices, _: str) -> Episode:
    quantity = choices.pick_one([1, 1, 1, 2, 2, 3, 4])
    return [[_take(choices, choices.slot(quantity), quantity)]]


def _many_picks(choices: Choices, _: str) -> Episode:
    intents: list[Intent] = []
    wanted = choices.between(20, 26)
    while sum(intent.quantity for intent in intents) < wanted:
        intents.append(_take(choices, choices.slot(), choices.pick_one([1, 1, 1, 2])))
    # Shoppers walk the shop in order rather than to and fro.
    return [sorted(intents, key=lambda intent: intent.slot_id)]


def _rapid_picks(choices: Choices, _: str) -> Episode:
    cluster = choices.cluster(choices.between(2, 4), within_m=0.7)
    hands = ["right", "left"] if choices.chance(0.8) else ["right", "right"]
    intents = [
        _take(choices, slot_id, hand=hands[index % 2], is_hasty=index > 0, look_s=0.5 if index == 0 else 0.0)
        for index, slot_id in enumerate(cluster)
    ]
    return [intents]


def _put_back_right(choices: Choices, _: str) -> Episode:
    slot_id = choices.slot()
    product_id = choices.product_of(slot_id)
    kept = choices.chance(0.5)
    take = _take(choices, slot_id, 2 if kept else 1, stow=False, at_once=1)
    intents = [replace(take, look_s=choices.look_s())]
    if choices.chance(0.4):  # walks off with it and comes back
        intents.append(Intent(act="look", slot_id=choices.slot(), look_s=choices.seconds(1.0, 4.0)))
    intents.append(_give_back(choices, slot_id, product_id, look_s=choices.seconds(0.8, 5.0)))
    return [intents]


def _put_back_wrong(choices: Choices, label: str) -> Episode:
    slot_id = choices.slot()
    foreign = choices.foreign_slot(slot_id)
    product_id = choices.product_of(slot_id)
    giver = [
        _take(choices, slot_id, stow=False),
        _give_back(choices, foreign, product_id, look_s=choices.seconds(0.8, 3.0), says=f"{label}.left"),
    ]
    finder = [
        Intent(
            act="take",
            slot_id=foreign,
            product_id=product_id,
            after=f"{label}.left",
            look_s=choices.seconds(0.5, 2.0),
        )
    ]
    return [giver, finder]


def _put_back_same_weight(choices: Choices, _: str) -> Episode:
    slot_id, twin = choices.same_weight_pair()
    product_id = choices.product_of(slot_id)
    intents = [
        _take(choices, slot_id, stow=False),
        _give_back(choices, twin, product_id, look_s=choices.seconds(0.8, 3.0)),
    ]
    if choices.chance(0.5):
        intents.append(_take(choices, choices.slot()))
    return [intents]


def _swap_same_weight(choices: Choices, _: str) -> Episode:
    slot_id, twin = choices.same_weight_pair()
    return [
        [
            _take(choices, slot_id, stow=False, hand="left"),
            _take(choices, twin, hand="right", stow=False, look_s=choices.seconds(0.3, 1.0)),
            _give_back(
                choices, twin, choices.product_of(slot_id), look_s=choices.seconds(0.0, 0.8), is_hasty=True
            ),
        ]
    ]


def _near_weights(choices: Choices, _: str) -> Episode:
    slot_ids = choices.near_weight_slots()
    count = choices.between(1, min(2, len(slot_ids)))
    return [[_take(choices, slot_id, choices.pick_one([1, 1, 2])) for slot_id in slot_ids[:count]]]


def _look_alikes(choices: Choices, _: str) -> Episode:
    slot_id, twin = choices.look_alike_pair()
    if choices.chance(0.5):
        return [[_take(choices, slot_id)]]
    both = [_take(choices, slot_id, stow=False), _take(choices, twin, stow=False, look_s=0.3)]
    if choices.chance(0.5):
        both.append(_give_back(choices, twin, choices.product_of(twin), look_s=choices.seconds(1.0, 3.0)))
    return [both]


def _hold_two_take_one(choices: Choices, _: str) -> Episode:
    first, second = choices.cluster(2, within_m=0.8)
    given = first if choices.chance(0.5) else second
    return [
        [
            _take(choices, first, stow=False, hand="left"),
            _take(choices, second, stow=False, hand="right", look_s=choices.seconds(0.0, 0.6)),
            _give_back(choices, given, choices.product_of(given), look_s=choices.seconds(1.0, 4.0)),
        ]
    ]


def _long_hold(choices: Choices, _: str) -> Episode:
    before = choices.chance(0.6)
    press_s = choices.seconds(2.0, 7.0) if before else 0.0
    hover_s = 0.0 if before else choices.seconds(1.5, 5.0)
    return [[_take(choices, choices.slot(), at_once=1, press_s=press_s, hover_s=hover_s)]]


def _touch_only(choices: Choices, _: str) -> Episode:
    touches = [
        Intent(
            act="touch",
            slot_id=choices.slot(),
            style=choices.pick_one(["press", "press", "nudge", "lift"]),
            press_s=choices.seconds(0.2, 2.0),
            look_s=choices.look_s(),
        )
        for _ in range(choices.between(1, 2))
    ]
    return [touches]


def _crossing_arms(choices: Choices, label: str) -> Episode:
    left, right = choices.slots_apart(0.25, 0.7)
    # Each stands before the other's slot and reaches across.
    apart = choices.distance_m(left, right) / 2 + 0.08
    return [
        [_take(choices, right, side_m=-apart, hand="right", meet=f"{label}.cross", look_s=0.3, stow=True)],
        [_take(choices, left, side_m=apart, hand="left", meet=f"{label}.cross", look_s=0.3, stow=True)],
    ]


def _simultaneous_same_item(choices: Choices, label: str) -> Episode:
    slot_id = choices.slot(2)
    return [
        [_take(choices, slot_id, side_m=-0.3, hand="right", meet=f"{label}.same", look_s=0.3)],
        [_take(choices, slot_id, side_m=0.3, hand="left", meet=f"{label}.same", look_s=0.3)],
    ]


EPISODES: Final[dict[str, Callable[[Choices, str], Episode]]] = {
    "single_pick": _single_pick,
    "many_picks": _many_picks,
    "rapid_picks": _rapid_picks,
    "put_back_right": _put_back_right,
    "put_back_wrong": _put_back_wrong,
    "put_back_same_weight": _put_back_same_weight,
    "swap_same_weight": _swap_same_weight,
    "near_weights": _near_weights,
    "look_alikes": _look_alikes,
    "hold_two_take_one": _hold_two_take_one,
    "long_hold": _long_hold,
    "touch_only": _touch_only,
    "crossing_arms": _crossing_arms,
    "simultaneous_same_item": _simultaneous_same_item,
}
assert tuple(EPISODES) == FAMILIES
