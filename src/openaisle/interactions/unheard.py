"""Takes and put-backs over plates that say nothing: no scale notices them, arms do.

A hand was in a shelf and no step came of it. Over plates that speak it took nothing. Over silent ones it may have, as
likely as its path says, and as likely as goods of the slot it was at stand where nobody feels them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

import msgspec

from openaisle.core.messages import (
    Action,
    ArmAction,
    Interaction,
    InteractionKind,
    PlateId,
    SensorDegraded,
    SensorRecovered,
    ShelfId,
    SlotId,
)
from openaisle.interactions.actions import ACTIONS
from openaisle.interactions.carried import Lot
from openaisle.interactions.memory import Memory
from openaisle.interactions.places import Silent
from openaisle.interactions.settings import UnheardSettings
from openaisle.interactions.weigh import Weigher
from openaisle.store.schema import Store

Health: TypeAlias = SensorDegraded | SensorRecovered

SILENT: Final = "dead_plate"


@dataclass(frozen=True)
class _Deed:
    """One thing that the hand may have done."""

    kind: InteractionKind
    slot_id: SlotId
    weight: float


class Unheard:
    """Knows which plates say nothing, and what may have happened over them."""

    def __init__(self, store: Store, weigher: Weigher, memory: Memory, settings: UnheardSettings) -> None:
        self._store = store
        self._weigher = weigher
        self._memory = memory
        self._settings = settings
        self._silent: set[PlateId] = set()

    def hear(self, health: Iterable[Health]) -> None:
        """What is wrong with plates, and what no longer is."""
        for message in health:
            if message.reason != SILENT:
                continue
            if isinstance(message, SensorDegraded):
                self._silent.add(message.sensor_id)
            else:
                self._silent.discard(message.sensor_id)

    def instead(self, stay: Interaction, reach: ArmAction | None) -> Interaction:
        """What a stay that no step explains was, if it was probably more than a look; else as it was."""
        if reach is None or not self._silent or stay.visit_id is None:
            return stay
        if self._memory.is_staff(stay.visit_id) or reach.shelf_id not in self._store.shelves:
            return stay
        deeds = list(self._deeds(stay, reach))
        nothing = 1.0 - _probability(reach, Action.TAKE) - _probability(reach, Action.PUT_BACK)
        total = sum(deed.weight for deed in deeds) + max(nothing, 1e-3)
        best = max(deeds, key=lambda deed: (deed.weight, deed.slot_id), default=None)
        if best is None or best.weight / total < self._settings.probability_min:
            return stay
        return self._said(stay, reach, best, best.weight / total)

    def _deeds(self, stay: Interaction, reach: ArmAction) -> Iterable[_Deed]:
        """Every slot of the board that the hand was over, goods taken from it or brought back to it."""
        assert stay.visit_id is not None
        silent = self._silent_of(reach.shelf_id)
        if not any(silent):
            return
        carried = self._memory.carried(stay.visit_id, stay.happened_ns, {stay.interaction_id}, {})
        had = {lot.product_id for lot in carried}
        slots = self._store.shelves[reach.shelf_id].slots
        places = [
            _log_within(reach.along_m, slot.left_m, slot.width_m, self._settings.along_sd_m) for slot in slots
        ]
        most = max(places, default=0.0)
        shares = [math.exp(place - most) for place in places]
        for slot, share in zip(slots, shares, strict=True):
            where = share / sum(shares) * self._weigher.missed(reach.shelf_id, slot.slot_id, silent)
            yield _Deed(InteractionKind.PICK_UP, slot.slot_id, where * _probability(reach, Action.TAKE))
            if slot.product_id in had:
                back = where * _probability(reach, Action.PUT_BACK)
                yield _Deed(InteractionKind.PUT_BACK, slot.slot_id, back)

    def _silent_of(self, shelf_id: ShelfId) -> Silent:
        return tuple(plate.plate_id in self._silent for plate in self._store.shelves[shelf_id].plates)

    def _said(self, stay: Interaction, reach: ArmAction, deed: _Deed, probability: float) -> Interaction:
        product_id = self._store.slots[deed.slot_id].product_id
        message = msgspec.structs.replace(
            stay,
            kind=deed.kind,
            shelf_id=reach.shelf_id,
            slot_id=deed.slot_id,
            product_id=product_id,
            quantity=1,
            probability=round(probability, 4),
        )
        mass_g, variance_g2 = (
            self._memory.masses.mean_g(product_id),
            self._memory.masses.variance_g2(product_id, 1),
        )
        lot = Lot("", product_id, 1, deed.slot_id, mass_g, math.sqrt(variance_g2), probability)
        self._memory.pass_on(message, lot, reach.hand)
        self._memory.contents.take(
            message.interaction_id, deed.slot_id, 1 if deed.kind is InteractionKind.PICK_UP else -1
        )
        return message


def _probability(reach: ArmAction, action: Action) -> float:
    return reach.probabilities[ACTIONS.index(action)]


def _log_within(along_m: float, left_m: float, width_m: float, sd_m: float) -> float:
    """Log likelihood of a hand seen there of somebody who reached into this stretch."""
    off_m = max(left_m - along_m, along_m - left_m - width_m, 0.0)
    return -0.5 * (off_m / sd_m) ** 2
