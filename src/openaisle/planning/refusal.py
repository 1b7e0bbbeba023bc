"""Floors that cannot work, refused with the reason and the place, before anything is placed on them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from openaisle.core.errors import PlanRefused, StoreError
from openaisle.planning.place import outline_of_gondola
from openaisle.planning.targets import places_of
from openaisle.sim.store_layout import out_of_reach
from openaisle.store.check import problems_of
from openaisle.store.draft import CAMERAS_FILE, Draft
from openaisle.store.draw import WARN, draw_plan, floor_line
from openaisle.store.load import store_folder
from openaisle.store.picture import Picture, Shape, Text
from openaisle.store.read import read_folder
from openaisle.store.schema import Point2, Store

REACH_M: Final = 1.9  # the highest surface that a hand reaches


def check_floor(store: Store) -> None:
    """PlanRefused for a shop in which somebody cannot get to a gate, a front or a shelf."""
    lost = out_of_reach(store.plan_floor_m, store.gates, places_of(store), store.walls_floor_m)
    gates, gondolas = lost[: len(store.gates)], lost[len(store.gates) :]
    if stuck := [gondola for gondola, is_lost in zip(store.gondolas, gondolas, strict=True) if is_lost]:
        names = ", ".join(gondola.gondola_id for gondola in stuck)
        raise PlanRefused(
            f"nobody can walk to gondola {names}",
            field="gondola.origin_m",
            expected="0.8 m of free floor from the entry to before its front",
        ).at(*(outline_of_gondola(gondola) for gondola in stuck))
    if any(gates):
        gate = store.gates[gates.index(True)]
        raise PlanRefused(
            f"nobody can walk from gate {store.gates[0].gate_id} to gate {gate.gate_id}",
            field="gate",
            expected="0.8 m of free floor between them",
        ).at([gate.left_floor_m, gate.right_floor_m, gate.inside_floor_m])
    for gondola in store.gondolas:
        for shelf in gondola.shelves:
            if shelf.slots and shelf.height_m > REACH_M:
                raise PlanRefused(
                    f"shelf {shelf.shelf_id} is out of reach",
                    field="gondola.shelf.height_m",
                    expected=f"{REACH_M} m or less",
                    found=shelf.height_m,
                ).at(outline_of_gondola(gondola))


def read_floor_plan(folder: Path) -> tuple[Store, PlanRefused | None]:
    """The shop of a store folder without its cameras, if it has any, and what is wrong with it.

    StoreError if not even the floor can be read.
    """
    draft, problems = read_folder(store_folder(folder))
    draft.cameras = []
    problems = [problem for problem in problems if problem.file != CAMERAS_FILE] + problems_of(draft)
    if not problems:
        return draft.store(), None
    refused = PlanRefused(str(StoreError.of_problems(str(folder), problems)))
    if draft.shop is None or draft.plan is None or draft.tax_rates is None:
        raise StoreError.of_problems(str(folder), problems)
    draft.products, draft.slots = [], []
    return draft.store(), refused.at(*_places(draft, problems))


def draw_refusal(store: Store, refused: PlanRefused) -> Picture:
    """The floor with the places in red and the reason below."""
    page = draw_plan(store)
    for place in refused.places_floor_m:
        line = floor_line(store, place)
        page.marks.append(Shape(rings=[line], fill=WARN, opacity=0.35))
        page.marks.append(Shape(rings=[line], stroke=WARN, width=4))
    words = str(refused).splitlines()[-1].strip()
    for number, part in enumerate(_wrapped(words, 150)[:3]):
        at = (64.0, page.height - 52.0 + 18 * number)
        page.marks.append(Text(text=part, at=at, size=15, colour=WARN, weight=600, halo="#ffffff"))
    return page


def _places(draft: Draft, problems: list[StoreError]) -> list[list[Point2]]:
    """Outlines of the gondolas and gates that the problems name."""
    named = {word for problem in problems for word in re.findall(r"[A-Za-z0-9][\w.-]*", problem.message)}
    places = [
        outline_of_gondola(placed.value) for placed in draft.gondolas if placed.value.gondola_id in named
    ]
    places += [
        [placed.value.left_floor_m, placed.value.right_floor_m, placed.value.inside_floor_m]
        for placed in draft.gates
        if placed.value.gate_id in named
    ]
    return places


def _wrapped(words: str, width: int) -> list[str]:
    lines = [""]
    for word in words.split():
        if lines[-1] and len(lines[-1]) + len(word) > width:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else word
    return lines
