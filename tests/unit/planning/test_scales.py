from collections import Counter

from openaisle.planning.floor import floor_of
from openaisle.planning.scales import plan_scales
from openaisle.planning.scope import scope_of
from openaisle.store.check import problems_of
from openaisle.store.draft import Draft
from openaisle.store.remarks import remarks_on


def test_a_better_planogram_parts_twins_and_look_alikes_and_keeps_every_product() -> None:
    store = floor_of(scope_of("campus"))
    better, plan = plan_scales(store)
    assert plan.placements_with_twin_before > 20
    assert plan.placements_with_twin < 0.2 * plan.placements_with_twin_before
    assert plan.look_alikes_together < plan.look_alikes_together_before
    before = Counter(slot.product_id for slot in store.slots.values())
    assert Counter(slot.product_id for slot in better.slots.values()) == before
    assert problems_of(Draft.of(better)) == []
    assert [remark for remark in remarks_on(better) if remark.kind == "does_not_fit"] == []


def test_wider_plates_are_fewer_and_shared_by_more() -> None:
    _, plan = plan_scales(floor_of(scope_of("hospital")))
    sizes = {size.width_m: size for size in plan.plate_sizes}
    assert sizes[0.1].plates > sizes[0.2].plates > sizes[0.4].plates
    assert sizes[None].plates == plan.placements
    assert sizes[None].slots_sharing == 0
    assert sizes[0.4].slots_sharing > sizes[0.1].slots_sharing
