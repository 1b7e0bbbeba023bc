"""Plans of days are what they say they are."""

from itertools import pairwise

import pytest

from openaisle.core.errors import InputError
from openaisle.sim.scripts import FAMILIES, PARTNERED, TRICKY_RATES, PlannedVisit, plan_day
from openaisle.store.schema import Store


def visits_of(store: Store, family: str, count: int = 8) -> tuple[PlannedVisit, ...]:
    return plan_day(store, visit_count=count, seed=4, families=[family]).visits


def test_the_same_arguments_plan_the_same_day_and_another_seed_another(corner: Store) -> None:
    one, two, other = (plan_day(corner, visit_count=20, seed=seed) for seed in (7, 7, 8))
    assert one == two
    assert one.visits != other.visits


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_plans_as_many_visits_as_asked_for(corner: Store, family: str) -> None:
    visits = visits_of(corner, family)
    assert len(visits) == 8
    assert {visit.family for visit in visits} == {family}
    assert all(visit.intents for visit in visits)
    assert all(a.enters_ns < b.enters_ns for a, b in pairwise(visits))
    assert len({visit.visit_id for visit in visits}) == 8


@pytest.mark.parametrize("family", PARTNERED)
def test_partners_are_planned_together_and_soon_after_each_other(corner: Store, family: str) -> None:
    visits = visits_of(corner, family)
    for one, other in zip(visits[::2], visits[1::2], strict=True):
        assert other.enters_ns - one.enters_ns < 10e9
        labels = {intent.meet or intent.says for intent in one.intents} - {""}
        assert labels == {intent.meet or intent.after for intent in other.intents} - {""}
        assert labels


def test_a_partner_left_over_makes_a_single_pick(corner: Store) -> None:
    visits = visits_of(corner, "crossing_arms", count=3)
    assert [visit.family for visit in visits] == ["crossing_arms", "crossing_arms", "single_pick"]


def test_many_picks_means_twenty_or_more(corner: Store) -> None:
    for visit in visits_of(corner, "many_picks"):
        assert sum(intent.quantity for intent in visit.intents if intent.act == "take") >= 20


def test_twins_weigh_the_same_and_look_alikes_look_alike(corner: Store) -> None:
    for visit in visits_of(corner, "put_back_same_weight"):
        taken, put = visit.intents[:2]
        mine = corner.products[corner.slots[taken.slot_id].product_id]
        theirs = corner.products[corner.slots[put.slot_id].product_id]
        assert mine.product_id != theirs.product_id
        assert abs(mine.mass_g - theirs.mass_g) <= 3.0
    for visit in visits_of(corner, "look_alikes"):
        product = corner.products[corner.slots[visit.intents[0].slot_id].product_id]
        twins = {other.look_alike_of for other in corner.products.values()}
        assert product.look_alike_of or product.product_id in twins


def test_a_mixed_day_has_about_forty_percent_tricky_actions(corner: Store) -> None:
    visits = plan_day(corner, visit_count=300, seed=5).visits
    tricky = sum(family in TRICKY_RATES for visit in visits for family in visit.families)
    plain = sum(len(visit.intents) for visit in visits if not visit.families)
    assert tricky > 150
    assert plain > 50
    assert {visit.family for visit in visits} >= set(TRICKY_RATES)


def test_an_unknown_family_is_refused_by_name(corner: Store) -> None:
    with pytest.raises(InputError, match="juggling"):
        plan_day(corner, visit_count=2, seed=1, families=["single_pick", "juggling"])
    with pytest.raises(InputError, match="families"):
        plan_day(corner, visit_count=2, seed=1, families=[])
    with pytest.raises(InputError, match="visit"):
        plan_day(corner, visit_count=0, seed=1)
