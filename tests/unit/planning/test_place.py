from dataclasses import replace

import numpy as np
import pytest

from openaisle.core.errors import PlanRefused
from openaisle.planning.candidates import satisfied_by
from openaisle.planning.folder import PlanFolder
from openaisle.planning.place import mount_height_m
from openaisle.planning.proof import Drawn, proof_of
from openaisle.planning.scope import Scope
from openaisle.planning.steps import Placed
from openaisle.planning.targets import targets_of
from openaisle.store.check import problems_of
from openaisle.store.coverage import views_of_slots
from openaisle.store.draft import Draft

PlacedPlan = tuple[PlanFolder, Placed]


def test_every_facing_has_two_views_in_drawn_pictures_with_its_shopper_there(placed_plan: PlacedPlan) -> None:
    _, placed = placed_plan
    assert placed.proof.facings == 24
    assert placed.proof.facings_seen == placed.proof.facings
    assert placed.proof.floor_seen == placed.proof.floor_points
    # In the corner, somebody beside may hide a hand from every place on the ceiling: then it is said.
    missed = placed.proof.beside - placed.proof.beside_seen
    assert missed <= 2
    assert (missed == 0) == (placed.placement.short == {})


def test_the_planned_store_is_a_store_and_its_empty_shop_shows_every_facing_twice(
    placed_plan: PlacedPlan,
) -> None:
    store = placed_plan[0].store()
    assert problems_of(Draft.of(store)) == []
    assert min(int(views.sum()) for views in views_of_slots(store).values()) >= 2


def test_a_placement_says_how_far_from_the_best_it_may_be(placed_plan: PlacedPlan) -> None:
    placement = placed_plan[1].placement
    assert placement.bound_usd <= placement.cost_usd
    assert placement.gap == pytest.approx(
        (placement.cost_usd - placement.bound_usd) / placement.cost_usd, abs=1e-3
    )
    assert sum(placement.models.values()) == placement.cameras == len(placed_plan[0].store().cameras)


def test_a_camera_that_is_turned_away_fails_the_proof(placed_plan: PlacedPlan) -> None:
    folder = placed_plan[0]
    store, scope = folder.store(), folder.scope()
    targets = targets_of(store, scope.placement)
    planned = satisfied_by(store, targets, store.cameras)
    drawn = Drawn(store, targets)
    camera = store.cameras[0]
    honest = drawn.rows(camera, planned[0])
    away = replace(camera, pan_deg=(camera.pan_deg + 180.0) % 360.0)
    turned = drawn.rows(away, planned[0])
    drawn_kinds = np.isin(np.array(targets.kinds), ("facing", "beside", "gate", "walk"))
    assert honest[drawn_kinds].sum() > 5
    assert turned[drawn_kinds].sum() < 0.2 * honest[drawn_kinds].sum()
    shown = np.stack([turned])
    assert proof_of(targets, shown, drawn.pictures).facings_seen == 0


def test_a_lost_camera_is_told_by_what_it_blinds(placed_plan: PlacedPlan) -> None:
    advice = placed_plan[1].advice
    assert {loss.camera_id for loss in advice.losses} == {
        camera.camera_id for camera in placed_plan[0].store().cameras
    }
    assert advice.views_mean >= 2.0


def test_a_low_ceiling_is_refused_at_the_highest_shelving(placed_plan: PlacedPlan) -> None:
    folder = placed_plan[0]
    store = folder.store()
    low = replace(store, ceiling_height_m=2.0)
    scope: Scope = folder.scope()
    with pytest.raises(PlanRefused, match="ceiling is too low") as caught:
        mount_height_m(low, scope)
    assert len(caught.value.places_floor_m) == 1
