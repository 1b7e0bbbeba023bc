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
from openaisle.core.units import ns_from_s
from openaisle.sim.choices import Choices
from openaisle.sim.conditions import CONDITION_RATES, CONDITIONS, CROWD_ARRIVALS_PER_MINUTE, crowd_of
from openaisle.sim.episodes import EPISODES, Episode, Part, pick
from openaisle.sim.people import draw_body, draw_child, draw_staff
from openaisle.sim.plan import DEFAULT_START_NS, DayPlan, Intent, Member, PlannedVisit
from openaisle.store.schema import Store

__all__ = [
    "DEFAULT_START_NS",
    "FAMILIES",
    "ORDINARY",
    "TRICKY_RATES",
    "DayPlan",
    "Intent",
    "PlannedVisit",
    "plan_day",
    "plan_episode",
]

FAMILIES: Final[tuple[str, ...]] = (
    "single_pick", "many_picks", "rapid_picks", "put_back_right", "put_back_wrong", "put_back_same_weight",
    "swap_same_weight", "near_weights", "look_alikes", "hold_two_take_one", "long_hold", "touch_only",
    "crossing_arms", "simultaneous_same_item", "crowd", "exchange", "floor_item", "group", "staff",
    "lookalike_people", "foreign_object", "occluded", *CONDITIONS,
)  # fmt: skip
assert (*EPISODES, *CONDITIONS) == FAMILIES

ORDINARY: Final = "ordinary"  # family of a mixed visit in which nothing tricky was planned

TRICKY_SHARE: Final = 0.4  # of the actions of a mixed day
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
    "foreign_object": 0.02,
}
# How often a mixed day goes on with a whole episode of one of these: the same judgement.
EPISODE_RATES: Final[dict[str, float]] = {
    "many_picks": 0.04,
    "group": 0.05,
    "staff": 0.02,
    "occluded": 0.015,
    "exchange": 0.012,
    "floor_item": 0.012,
    "lookalike_people": 0.006,
    "crowd": 0.004,
}
assert {*TRICKY_RATES, *EPISODE_RATES, *CONDITION_RATES, "single_pick"} == {*FAMILIES}
PARTNERED: Final[dict[str, int]] = {
    "put_back_wrong": 2,
    "crossing_arms": 2,
    "simultaneous_same_item": 2,
    "crowd": 4,
    "lookalike_people": 3,
    "exchange": 2,
    "floor_item": 2,
    "staff": 2,
    "occluded": 2,
}
# How many visits an episode takes.


BUSY_HANDS: Final = frozenset({"rapid_picks", "many_picks"})
"""Families for which people bring a bag: they need both hands, or take more than an arm holds."""


def plan_day(
    store: Store,
    *,
    visit_count: int,
    seed: int,
    families: Sequence[str] | Literal["mixed"] = "mixed",
    start_ns: int = DEFAULT_START_NS,
    arrivals_per_minute: float = 2.0,
    people_max: int = 6,
    conditions: Sequence[str] = (),
) -> DayPlan:
    """Plan `visit_count` visits. With a list of families, visits take turns through it; "mixed" draws natural rates.

    A family of several shoppers plans their visits together; where too few visits are left to plan, or the shop is
    too small for them, it is a single pick. A family that is a condition of the day has visits as on a mixed day;
    what else is wrong with a mixed day, `conditions` says.
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
    if families != "mixed":
        conditions = tuple(name for name in families if name in CONDITIONS)
    if "crowded_store" in conditions:
        people_max = max(people_max, crowd_of(store))
        arrivals_per_minute = max(arrivals_per_minute, CROWD_ARRIVALS_PER_MINUTE)
    choices = Choices(store, seed, rng)
    drafts: list[_Draft] = []
    turn = 0
    while len(drafts) < visit_count:
        left = visit_count - len(drafts)
        if families == "mixed":
            mixed = _mixed_visits(choices, rng, len(drafts), left, people_max)
            for draft in mixed:
                draft.families += conditions
            drafts.extend(mixed)
        else:
            family, room = families[turn % len(families)], min(left, people_max)
            if family in CONDITIONS:
                drafts.extend(_under(family, _mixed_visits(choices, rng, len(drafts), left, people_max)))
            else:
                drafts.extend(_family_visits(choices, family, room, len(drafts)))
        turn += 1
    visits: list[PlannedVisit] = []
    enters_s = 2.0
    for number, draft in enumerate(drafts):
        gap_s = rng.exponential(60.0 / arrivals_per_minute)
        enters_s += draft.follows_s if draft.follows_s is not None else max(gap_s, 1.5)
        visits.append(_visit(draft, number, visit_count, start_ns + ns_from_s(enters_s), rng, visits))
    return DayPlan(
        store_id=store.store_id,
        seed=seed,
        start_ns=start_ns,
        people_max=people_max,
        visits=tuple(visits),
        conditions=tuple(conditions),
    )


def plan_episode(
    store: Store,
    episode: Callable[[Choices, str], Episode],
    *,
    family: str,
    seed: int,
    start_ns: int = DEFAULT_START_NS,
) -> DayPlan:
    """One episode and nothing else: everybody in it comes in, one behind the other."""
    rng = np.random.default_rng([seed, 1])
    drafts = _drafts(episode(Choices(store, seed, rng), "m0"), family)
    visits: list[PlannedVisit] = []
    enters_s = 1.0
    for number, draft in enumerate(drafts):
        enters_s += float(rng.uniform(0.5, 2.5))
        visits.append(_visit(draft, number, len(drafts), start_ns + ns_from_s(enters_s), rng, visits))
    return DayPlan(
        store_id=store.store_id, seed=seed, start_ns=start_ns, people_max=len(visits), visits=tuple(visits)
    )


@dataclass
class _Draft:
    family: str
    intents: list[Intent]
    families: list[str] = field(default_factory=list)
    follows_s: float | None = None  # enters this long after the visit before; None: whenever
    part: Part | None = None  # who else comes, whether it is staff, what they bring


def _visit(
    draft: _Draft,
    number: int,
    visit_count: int,
    enters_ns: int,
    rng: np.random.Generator,
    before: Sequence[PlannedVisit],
) -> PlannedVisit:
    part = draft.part or Part(draft.intents)
    draw = draw_staff if part.is_staff else draw_body
    body = draw(rng, number + 1)
    if part.is_alike and before:
        body = replace(before[-1].body, body_id=body.body_id)
    if not BUSY_HANDS.isdisjoint(draft.families):
        body = replace(body, has_bag=True)
    speed_m_s = round(float(rng.uniform(0.75, 1.35)), 3)
    is_left_handed = bool(rng.random() < 0.11)
    companions = tuple(
        Member(
            # Numbers beyond those of the visits, so that everybody has their own.
            body=(draw_child if companion.is_child else draw_body)(
                rng, (index + 1) * visit_count + number + 1
            ),
            speed_m_s=speed_m_s,
            is_left_handed=bool(rng.random() < 0.11),
            intents=tuple(companion.intents),
        )
        for index, companion in enumerate(part.companions)
    )
    return PlannedVisit(
        visit_id=f"v{number + 1:04d}",
        family=draft.family,
        families=tuple(dict.fromkeys(draft.families)),
        enters_ns=enters_ns,
        body=body,
        speed_m_s=speed_m_s,
        is_left_handed=is_left_handed,
        intents=tuple(draft.intents),
        people_count=1 + len(companions),
        is_staff=part.is_staff,
        companions=companions,
        crate=tuple(part.crate),
    )


def _family_visits(choices: Choices, family: str, room: int, number: int) -> list[_Draft]:
    """The visits of one turn of one family."""
    if PARTNERED.get(family, 1) > room:
        family = "single_pick"
    drafts = _drafts(EPISODES[family](choices, f"m{number}"), family)
    for draft in drafts[1:]:
        draft.follows_s = float(choices.rng.uniform(2.0, 6.0))
    return drafts


def _drafts(episode: Episode, family: str) -> list[_Draft]:
    return [_Draft(family, part.intents, [family], part=part) for part in episode]


def _under(family: str, drafts: list[_Draft]) -> list[_Draft]:
    """Visits of a mixed day that are counted for a condition of the day."""
    for draft in drafts:
        draft.family = family
        draft.families.insert(0, family)
    return drafts


def _mixed_visits(
    choices: Choices, rng: np.random.Generator, number: int, left: int, people_max: int
) -> list[_Draft]:
    """One visit, or several that meet, at natural rates plus tricky actions."""
    chance = float(rng.random())
    for family, rate in EPISODE_RATES.items():
        if chance < rate and PARTNERED.get(family, 1) <= min(left, people_max):
            return _family_visits(choices, family, left, number)
        chance -= rate
    draft, partner = _Draft(ORDINARY, []), _Draft(ORDINARY, [])
    names, weights = list(TRICKY_RATES), np.array(list(TRICKY_RATES.values()))
    for action in range(1 + min(int(rng.poisson(2.2)), 7)):
        family = str(rng.choice(names, p=weights / weights.sum())) if rng.random() < TRICKY_SHARE else "pick"
        if family in PARTNERED and (left < 2 or partner.intents):
            family = "put_back_right"
        if family == "pick":
            draft.intents += pick(choices)
            continue
        episode = EPISODES[family](choices, f"m{number}.{action}")
        first = episode[0].intents
        _add(draft, family, first)
        if len(episode) > 1:
            # Meetings come first, so that nobody waits long for the other.
            draft.intents = first + draft.intents[: -len(first)]
            _add(partner, family, episode[1].intents)
            partner.follows_s = float(rng.uniform(2.0, 6.0))
    if draft.family == ORDINARY and len({intent.slot_id for intent in draft.intents}) == 1:
        draft.family, draft.families = "single_pick", ["single_pick"]
    if not partner.intents:
        return [draft]
    for _ in range(int(rng.poisson(1.5))):
        partner.intents += pick(choices)
    return [draft, partner]


def _add(draft: _Draft, family: str, intents: list[Intent]) -> None:
    if draft.family == ORDINARY:
        draft.family = family
    draft.families.append(family)
    draft.intents += intents
