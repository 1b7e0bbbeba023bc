"""Shelves as staff see them: which are scanned, and which had better be.

A shelf is in trouble when too many of its plates are, or when the path has not been sure of what was taken there: bad
plates, a look-alike beside it and a camera that is gone all show in that, whatever the cause.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from openaisle.carts.scanned import ScannedShelves
from openaisle.core.messages import (
    AnyMessage,
    Interaction,
    SensorDegraded,
    SensorRecovered,
    ShelfId,
    ShelfSwitched,
)
from openaisle.store.schema import Store

REMEMBERED: Final = 40
"""Interactions of one shelf that count, the newest."""
JUDGED_FROM: Final = 10
SURE_MIN: Final = 0.85
"""A shelf that is less sure on average, over so many, is doubtful."""


@dataclass(frozen=True, kw_only=True)
class ShelfState:
    """One shelf now."""

    shelf_id: ShelfId
    is_scanned: bool
    trouble: str  # "" | "bad_plates" | "doubt"
    sure: float | None  # mean probability of its newest interactions; None: too few


class Shelves:
    """Written by one thread, read by others."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._scanned = ScannedShelves(store)
        self._bad_plates: set[ShelfId] = set()
        self._sure: dict[ShelfId, OrderedDict[str, float]] = {
            shelf_id: OrderedDict() for shelf_id in store.shelves
        }

    def accept(self, message: AnyMessage) -> None:
        """Take in one message of the path, or of the ledger."""
        with self._lock:
            match message:
                case ShelfSwitched():
                    self._scanned.follow(message)
                case SensorDegraded(kind="shelf"):
                    self._bad_plates.add(message.sensor_id)
                case SensorRecovered(kind="shelf"):
                    self._bad_plates.discard(message.sensor_id)
                case Interaction() if message.step_ids and message.shelf_id in self._sure:
                    self._note(self._sure[message.shelf_id], message)
                case _:
                    pass

    @property
    def scanned_ids(self) -> tuple[ShelfId, ...]:
        with self._lock:
            return self._scanned.shelf_ids

    def scanned_shelf_of(self, product_id: str) -> ShelfId | None:
        """The first shelf that is scanned and sells this."""
        with self._lock:
            return self._scanned.shelf_of(product_id)

    def states(self) -> list[ShelfState]:
        """Every shelf, in the store's order."""
        with self._lock:
            return [self._state(shelf_id) for shelf_id in self._store.shelves]

    def _state(self, shelf_id: ShelfId) -> ShelfState:
        probabilities = self._sure[shelf_id].values()
        sure = sum(probabilities) / len(probabilities) if len(probabilities) >= JUDGED_FROM else None
        trouble = "bad_plates" if shelf_id in self._bad_plates else ""
        if not trouble and sure is not None and sure < SURE_MIN:
            trouble = "doubt"
        return ShelfState(
            shelf_id=shelf_id, is_scanned=self._scanned.is_scanned(shelf_id), trouble=trouble, sure=sure
        )

    @staticmethod
    def _note(known: OrderedDict[str, float], interaction: Interaction) -> None:
        """The newest revision of an interaction is the one that counts; a withdrawn one never was."""
        known.pop(interaction.interaction_id, None)
        if not interaction.withdrawn:
            known[interaction.interaction_id] = interaction.probability
        while len(known) > REMEMBERED:
            known.popitem(last=False)
