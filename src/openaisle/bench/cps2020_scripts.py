"""Scripts of the kinds that the 2020 competition acted out, for shoppers of our simulator in the shop of a session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np

from openaisle.sim.choices import Choices
from openaisle.sim.episodes import EPISODES, Episode, Part, give_back, solo, take
from openaisle.sim.plan import Intent
from openaisle.store.schema import Gondola, Product, Shelf, Slot, Store

MASS_G_MIN: Final = 20.0  # lighter goods are not weighed (decision 0040)
PACK_WIDTHS_M: Final = (0.055, 0.15)  # the session does not say how wide goods are: bottles to bags


def shop_to_act_in(store: Store, seed: int) -> Store:
    """What can be acted in the shop of a session: weighed goods on boards with plates, in packs of different width."""
    rng = np.random.default_rng([seed, 20])
    gondolas = tuple(_with_plates(gondola, store) for gondola in store.gondolas if gondola.plates)
    slots = [slot for gondola in gondolas for shelf in gondola.shelves for slot in shelf.slots]
    return replace(
        store,
        gondolas=gondolas,
        products={
            product_id: _packed(product, [s for s in slots if s.product_id == product_id], rng)
            for product_id, product in sorted(store.products.items())
        },
    )


def _with_plates(gondola: Gondola, store: Store) -> Gondola:
    """The gondola with plates under all boards, and on them only slots whose goods can be weighed."""

    def is_weighed(slot: Slot) -> bool:
        return store.products[slot.product_id].mass_g >= MASS_G_MIN

    shelves: list[Shelf] = [
        replace(shelf, slots=tuple(filter(is_weighed, shelf.slots)))
        for shelf in gondola.shelves
        if shelf.plates
    ]
    return replace(gondola, shelves=tuple(shelves))


def _packed(product: Product, slots: list[Slot], rng: np.random.Generator) -> Product:
    width_m = float(rng.uniform(*PACK_WIDTHS_M))
    narrowest_m = min((slot.width_m / slot.facings for slot in slots), default=width_m)
    return replace(product, width_m=round(min(width_m, max(narrowest_m, 0.05)), 3))


# --- kinds --------------------------------------------------------------------------------------------------------


def _many_picks(choices: Choices, _: str) -> Episode:
    slots = sorted(choices.slot() for _ in range(choices.between(8, 12)))
    return solo(*(take(choices, slot_id, choices.pick_one([1, 1, 1, 2])) for slot_id in slots))


def _crowd(choices: Choices, label: str) -> Episode:
    """Three or four shoppers at one gondola."""
    return EPISODES["crowd"](choices, label)[: choices.between(3, 4)]


def _exchange(choices: Choices, label: str) -> Episode:
    """One takes and hands over; the other keeps it, or puts it back; both take something else too."""
    giver, taker = EPISODES["exchange"](choices, label)
    return [Part([*giver.intents, take(choices, choices.slot())]), taker]


def _simultaneous(choices: Choices, label: str) -> Episode:
    """From the same slot, or from two neighbouring ones, at the same time."""
    if choices.chance(0.5):
        return EPISODES["simultaneous_same_item"](choices, label)
    left, right = choices.slots_apart(0.1, 0.5)
    return [
        Part([take(choices, left, side_m=-0.3, hand="right", meet=f"{label}.same", look_s=0.3)]),
        Part([take(choices, right, side_m=0.3, hand="left", meet=f"{label}.same", look_s=0.3)]),
    ]


def _hold_two_take_one(choices: Choices, label: str) -> Episode:
    """Once within reach, and once more somewhere else."""
    return solo(*(i for _ in range(2) for i in EPISODES["hold_two_take_one"](choices, label)[0].intents))


def _put_back_by_another(choices: Choices, label: str) -> Episode:
    """One leaves a unit in a foreign slot; another carries it back to its own."""
    slot_id = choices.slot()
    foreign, product_id = choices.foreign_slot(slot_id), choices.product_of(slot_id)
    giver = [
        take(choices, slot_id, stow=False),
        give_back(choices, foreign, product_id, look_s=choices.seconds(0.8, 3.0), says=f"{label}.left"),
    ]
    tidier = [
        Intent(act="take", slot_id=foreign, product_id=product_id, after=f"{label}.left", stow=False),
        give_back(choices, slot_id, product_id, look_s=choices.seconds(0.8, 3.0)),
        take(choices, choices.slot()),
    ]
    return [Part(giver), Part(tidier)]


def _and_something(kind: str) -> Callable[[Choices, str], Episode]:
    """A family of hard cases, and one ordinary pick more for everybody, so that no receipt is trivially empty."""

    def episode(choices: Choices, label: str) -> Episode:
        parts = EPISODES[kind](choices, label)
        return [replace(part, intents=[*part.intents, take(choices, choices.slot())]) for part in parts]

    return episode


KINDS: Final[dict[str, Callable[[Choices, str], Episode]]] = {
    "single": EPISODES["single_pick"],
    "many_picks": _many_picks,
    "rapid": EPISODES["rapid_picks"],
    "crowd": _crowd,
    "crossing_arms": EPISODES["crossing_arms"],
    "simultaneous": _simultaneous,
    "exchange": _exchange,
    "hold_two_take_one": _hold_two_take_one,
    "long_hold": _and_something("long_hold"),
    "put_back_right": _and_something("put_back_right"),
    "put_back_wrong": EPISODES["put_back_wrong"],
    "put_back_by_another": _put_back_by_another,
    "put_back_same_weight": _and_something("put_back_same_weight"),
    "swap_same_weight": _and_something("swap_same_weight"),
    "near_weights": EPISODES["near_weights"],
    "touch_only": _and_something("touch_only"),
}
