"""Bad plans are refused with the reason, and the place drawn."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from openaisle.core.errors import InputError, PlanRefused
from openaisle.planning import steps
from openaisle.store.load import load_store
from openaisle.store.schema import Store
from openaisle.store.write import write_store

SCOPE = 'format = 1\nprofile = "convenience"\n[shop]\nfloor_plan = "floor"\n'


def start_on(home: Path, store: Store) -> Path:
    write_store(store, home / "floor")
    steps.start(SCOPE, home, home / "plan")
    return home / "plan"


def with_gondola(store: Store, gondola_id: str, **changes: object) -> Store:
    return replace(
        store,
        gondolas=tuple(
            replace(gondola, **changes) if gondola.gondola_id == gondola_id else gondola  # type: ignore[arg-type]
            for gondola in store.gondolas
        ),
    )


def red_shapes(drawing: Path) -> int:
    return len(re.findall(r'fill="#d6402b" opacity="0.35"', drawing.read_text(encoding="utf-8")))


def test_a_good_floor_plan_is_taken_with_its_goods(home: Path) -> None:
    corner = load_store("corner")
    folder = start_on(home, corner)
    floor = load_store(folder / "floor")
    assert floor.cameras == ()
    assert floor.slots == corner.slots


def test_two_gondolas_that_overlap_are_drawn(home: Path) -> None:
    corner = load_store("corner")
    x, y = corner.gondola_of["B"].origin_floor_m
    with pytest.raises(PlanRefused, match=r"gondolas C and B overlap by 0\.\d+ m") as caught:
        start_on(home, with_gondola(corner, "C", origin_floor_m=(x + 0.5, y)))
    assert len(caught.value.places_floor_m) == 2
    assert red_shapes(home / "plan" / steps.REFUSED) == 2


def test_a_gondola_that_nobody_can_walk_to_is_drawn(home: Path) -> None:
    corner = load_store("corner")
    with pytest.raises(PlanRefused, match="nobody can walk to gondola D") as caught:
        start_on(home, replace(corner, walls_floor_m=(((4.1, 0.9), (4.1, 3.3)), ((4.1, 0.9), (5.0, 0.9)))))
    assert len(caught.value.places_floor_m) == 1
    assert red_shapes(home / "plan" / steps.REFUSED) == 1


def test_a_shelf_out_of_reach_is_refused(home: Path) -> None:
    corner = load_store("corner")
    gondola = corner.gondola_of["A"]
    top = replace(gondola.shelves[-1], height_m=2.1, clearance_m=0.3)
    high = with_gondola(corner, "A", height_m=2.5, shelves=(*gondola.shelves[:-1], top))
    with pytest.raises(PlanRefused, match=f"shelf {top.shelf_id} is out of reach"):
        start_on(home, high)


def test_a_ceiling_that_is_too_low_is_drawn(home: Path) -> None:
    folder = start_on(home, replace(load_store("corner"), ceiling_height_m=2.0))
    with pytest.raises(PlanRefused, match="the ceiling is too low"):
        steps.place_cameras(
            steps.PlanFolder(folder), seconds=1.0, costs=None, keeps_planogram=True, say=lambda words: None
        )
    assert red_shapes(folder / steps.REFUSED) == 1


def test_a_folder_with_something_in_it_is_not_written_over(home: Path, tiny_scope: str) -> None:
    (home / "plan").mkdir()
    (home / "plan" / "diary.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="is there already"):
        steps.start(tiny_scope, home, home / "plan")
    assert [path.name for path in (home / "plan").iterdir()] == ["diary.txt"]
