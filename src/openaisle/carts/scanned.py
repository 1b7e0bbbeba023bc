"""Scan-to-confirm: shelves whose plates bill nobody, because somebody scans what leaves them.

A shelf is scanned because its store.toml says so (`scan_to_confirm`), or since staff switched it; the last switch in
the ledger counts. What plates say there goes on being told to staff.
"""

from __future__ import annotations

from typing import Final

from openaisle.core.messages import Interaction, Message, ProductId, ShelfId, ShelfSwitched, VisitId
from openaisle.store.schema import Store

_NEVER_NS: Final = 1 << 62
SCAN: Final = "scan-"
STAFF: Final = "staff-"
"""What the ids of interactions begin with that a person told, and no shelf."""


def scan_id(visit_id: VisitId, unique: str) -> str:
    """The interaction id of one unit that is scanned in a visit; `unique` has no hyphen."""
    return f"{SCAN}{visit_id}-{unique}"


def is_scan_of(visit_id: VisitId, interaction_id: str) -> bool:
    """Whether that is something scanned in this visit."""
    return interaction_id.rpartition("-")[0] == f"{SCAN}{visit_id}"


class ScannedShelves:
    """Which shelves are scanned, and since when. Follows the ledger."""

    def __init__(self, store: Store) -> None:
        self._store = store
        # When the newest spell of scanning began and ended. What happened in it bills nobody, however late it is told.
        self._spells: dict[ShelfId, tuple[int, int]] = {
            shelf.shelf_id: (0, _NEVER_NS) for shelf in store.shelves.values() if shelf.is_scanned
        }

    def follow(self, message: Message) -> None:
        """Take over one entry of the ledger; those about shelves that are not in the store any more change nothing."""
        if not isinstance(message, ShelfSwitched) or message.shelf_id not in self._store.shelves:
            return
        began_ns, _ = self._spells.get(message.shelf_id, (message.switched_ns, 0))
        if not message.is_scanned:
            self._spells[message.shelf_id] = began_ns, message.switched_ns
        elif not self.is_scanned(message.shelf_id):
            self._spells[message.shelf_id] = message.switched_ns, _NEVER_NS

    @property
    def shelf_ids(self) -> tuple[ShelfId, ...]:
        """Those that are scanned now, in the store's order."""
        return tuple(shelf_id for shelf_id in self._store.shelves if self.is_scanned(shelf_id))

    def is_scanned(self, shelf_id: ShelfId) -> bool:
        """Whether what leaves this shelf has to be scanned now."""
        return self._spells.get(shelf_id, (0, 0))[1] == _NEVER_NS

    def bills(self, interaction: Interaction) -> bool:
        """Whether what plates say of it may change a cart."""
        began_ns, ended_ns = self._spells.get(interaction.shelf_id, (0, 0))
        return not began_ns <= interaction.happened_ns < ended_ns

    def shelf_of(self, product_id: ProductId) -> ShelfId | None:
        """The first shelf that is scanned and sells this; None: nobody has to scan it."""
        for shelf_id in self.shelf_ids:
            if any(slot.product_id == product_id for slot in self._store.shelves[shelf_id].slots):
                return shelf_id
        return None
