"""Plans of days are what they say they are."""

from itertools import pairwise

import pytest

from openaisle.core.errors import InputError
from openaisle.sim.conditions import conditions_of
from openaisle.sim.scripts import FAMILIES, TRICKY_RATES, PlannedVisit, plan_day
from openaisle.store.schema import Store


def visits_of(store: Store, family: str, count: int = 8) -> tuple[PlannedVisit, ...]:
    return plan_day(store, visit_count=count, seed=4, families=[family]).visits


def test_the_same_arguments_plan_the_same_day_and_another_seed_another(corner: Store) -> None:
    one, two, other = (plan_day(corner, visit_count=20, seed=seed) for seed in (7, 7, 8))
    assert one == two
    assert one.visits != other.visits


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_plans_as_many_visits_as_asked_for(corner: Store, family: str) -> None:
    visits = visits_of(corner, family, 12)  # of twos, threes and fours
    assert len(visits) == 12
    assert len({member.body.body_id for visit in visits for member in visit.members}) == sum(
        visit.people_count for visit in visits
    )
    assert {visit.family for visit in visits} == {family}
    assert all(visit.intents for visit in visits)
    assert all(a.enters_ns < b.enters_ns for a, b in pairwise(visits))
    assert len({visit.visit_id for visit in visits}) == 12


@pytest.mark.parametrize("family", ["put_back_wrong", "crossing_arms", "simultaneous_same_item", "exchange"])
def test_partners_are_planned_together_and_soon_after_each_other(corner: Store, family: str) -> None:
    visits = visits_of(corner, family)
    for one, other in zip(visits[::2], visits[1::2], strict=True):
        assert other.enters_ns - one.enters_ns < 10e9
        labels = {intent.meet or intent.says for intent in one.intents} - {""}
        assert labels <= {intent.meet or intent.after for intent in other.intents}
        assert labels


def test_a_partner_left_over_makes_a_single_pick(corner: Store) -> None:
    visits = visits_of(corner, "crossing_arms", count=3)
    assert [visit.family for visit in visits] == ["crossing_arms", "crossing_arms", "single_pick"]


def test_a_shop_too_small_for_a_crowd_sees_single_picks(corner: Store) -> None:
    plan = plan_day(corner, visit_count=6, seed=4, families=["crowd"], people_max=3)
    assert {visit.family for visit in plan.visits} == {"single_pick"}


def test_a_crowd_is_four_shoppers_and_thirty_actions_at_one_gondola(corner: Store) -> None:
    visits = visits_of(corner, "crowd")[:4]
    slot_ids = {intent.slot_id for visit in visits for intent in visit.intents}
    assert len({corner.shelves[corner.slots[slot_id].shelf_id].gondola_id for slot_id in slot_ids}) == 1
    assert sum(intent.quantity for visit in visits for intent in visit.intents) >= 28


def test_groups_share_a_code_and_staff_bring_goods(corner: Store) -> None:
    assert all(visit.people_count == 1 + len(visit.companions) > 1 for visit in visits_of(corner, "group"))
    staff = [visit for visit in visits_of(corner, "staff") if visit.is_staff]
    assert len(staff) == 4
    assert all(visit.crate for visit in staff)
    given = [intent.product_id for intent in staff[0].intents if intent.act == "put_back"]
    assert set(staff[0].crate) <= set(given)


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


def test_mixed_days_draw_from_all_families(corner: Store) -> None:
    found: set[str] = set()
    for seed in range(40):
        conditions = conditions_of(seed)
        visits = plan_day(corner, visit_count=20, seed=seed, conditions=conditions).visits
        assert all({*conditions} <= {*visit.families} for visit in visits)
        found.update(*(visit.families for visit in visits))
    assert found == set(FAMILIES)


def test_an_unknown_family_is_refused_by_name(corner: Store) -> None:
    with pytest.raises(InputError, match="juggling"):
        plan_day(corner, visit_count=2, seed=1, families=["single_pick", "juggling"])
    with pytest.raises(InputError, match="families"):
        plan_day(corner, visit_count=2, seed=1, families=[])
    with pytest.raises(InputError, match="visit"):
        plan_day(corner, visit_count=0, seed=1)


def test_who_takes_much_goes_round_the_shop_from_wherever_they_begin(corner: Store) -> None:
    ways = [[intent.slot_id for intent in visit.intents] for visit in visits_of(corner, "many_picks", 12)]
    for way in ways:
        turns = sum(one > other for one, other in pairwise(way))
        assert min(turns, sum(one < other for one, other in pairwise(way))) <= 1
    assert len({way[0][0] for way in ways}) >= 4  # of six gondolas
