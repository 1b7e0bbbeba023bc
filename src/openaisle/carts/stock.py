"""Stock: what stands in which slot, as a projection of the ledger of goods.

Opening stock is not in the ledger: a slot began full unless `opening` says otherwise. A count by a person becomes a
move from or to the unexplained account, so stock is always opening plus moves, and shrinkage is a balance like others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from openaisle.carts.ledger import SLOT, SOLD, UNEXPLAINED, Ledger, slot_account
from openaisle.core.messages import Message, Move, MoveState, ProductId, SlotChanged, SlotId
from openaisle.store.schema import Store

LOW_SHARE: Final = 0.25
"""A slot with no more than this share of its capacity is low."""


@dataclass(frozen=True, kw_only=True)
class StockTask:
    """Something for staff to do at one slot."""

    kind: str  # restock | misplaced | count (the ledger says less than nothing)
    slot_id: SlotId
    product_id: ProductId
    units: int  # restock: how many are missing; misplaced: how many stand there; count: how far below zero


class Stock:
    """Counts by slot and product. Feed it every move of the ledger, in order."""

    def __init__(self, store: Store, opening: Mapping[SlotId, int] | None = None) -> None:
        """`opening`: units of its own product in each slot before the ledger's first entry."""
        self._store = store
        self._opening = {
            slot_id: slot.capacity if opening is None else opening.get(slot_id, 0)
            for slot_id, slot in store.slots.items()
        }
        self._ledger = Ledger()
        self._low: set[SlotId] = {slot_id for slot_id in store.slots if self._is_low(slot_id)}

    def step(self, messages: Iterable[Message], now_ns: int) -> list[SlotChanged]:
        """Take in the moves among what a path said; which slots have become low by them, or are not any more."""
        touched: set[SlotId] = set()
        for message in messages:
            if isinstance(message, Move):
                self.apply(message)
                touched |= {account.removeprefix(SLOT) for account in (message.source, message.target)}
        said: list[SlotChanged] = []
        for slot_id in sorted(touched & self._store.slots.keys()):
            is_low = self._is_low(slot_id)
            if is_low != (slot_id in self._low):
                self._low ^= {slot_id}
                said.append(
                    SlotChanged(
                        slot_id=slot_id,
                        product_id=self._store.slots[slot_id].product_id,
                        units=max(self.units(slot_id), 0),
                        is_low=is_low,
                        changed_ns=now_ns,
                    )
                )
        return said

    def follow(self, message: Message) -> None:
        """Take over an entry of the ledger's past, about which nothing is to be said any more."""
        if isinstance(message, Move):
            self.apply(message)
            touched = {account.removeprefix(SLOT) for account in (message.source, message.target)}
            for slot_id in touched & self._store.slots.keys():
                (self._low.add if self._is_low(slot_id) else self._low.discard)(slot_id)

    def apply(self, move: Move) -> None:
        """A move or a move's next state. LedgerDamaged if it cannot follow what is there."""
        self._ledger.apply(move)

    def units(self, slot_id: SlotId, product_id: ProductId | None = None) -> int:
        """What stands in a slot, of its own product unless another is named."""
        own = self._store.slots[slot_id].product_id
        product_id = product_id or own
        moved = self._ledger.balances.get(slot_account(slot_id), {}).get(product_id, 0)
        return moved + (self._opening[slot_id] if product_id == own else 0)

    def counts(self) -> dict[tuple[SlotId, ProductId], int]:
        """Every slot with its own product, and with any other that stands there."""
        found: dict[tuple[SlotId, ProductId], int] = {}
        for slot_id, slot in self._store.slots.items():
            others = self._ledger.balances.get(slot_account(slot_id), {})
            for product_id in sorted({slot.product_id, *others}):
                found[slot_id, product_id] = self.units(slot_id, product_id)
        return found

    def sold(self) -> dict[ProductId, int]:
        return dict(self._ledger.balances.get(SOLD, {}))

    def shrinkage(self) -> dict[ProductId, int]:
        """Units that left slots without explanation, less those that came so; below zero where more came."""
        return dict(sorted(self._ledger.balances.get(UNEXPLAINED, {}).items()))

    def shrinkage_minor(self) -> int:
        """The same at today's prices."""
        products = self._store.products
        return sum(
            units * products[product_id].price_minor
            for product_id, units in self.shrinkage().items()
            if product_id in products
        )

    def _is_low(self, slot_id: SlotId) -> bool:
        return self.units(slot_id) <= self._store.slots[slot_id].capacity * LOW_SHARE

    def tasks(self) -> list[StockTask]:
        """What to do, misplaced goods first, then the emptiest slots."""
        tasks: list[tuple[float, StockTask]] = []
        for (slot_id, product_id), units in self.counts().items():
            slot = self._store.slots[slot_id]
            if product_id != slot.product_id:
                if units > 0:
                    tasks.append((-1.0, _task("misplaced", slot_id, product_id, units)))
            elif units < 0:
                tasks.append((-0.5, _task("count", slot_id, product_id, -units)))
            elif self._is_low(slot_id):
                tasks.append(
                    (units / slot.capacity, _task("restock", slot_id, product_id, slot.capacity - units))
                )
        return [task for _, task in sorted(tasks, key=lambda each: (each[0], each[1].slot_id))]

    def correction(
        self, slot_id: SlotId, product_id: ProductId, counted: int, count_id: str, now_ns: int
    ) -> Move | None:
        """The move that makes the ledger say what a person counted; None if it does. `count_id` names the count."""
        assert counted >= 0
        missing = self.units(slot_id, product_id) - counted
        if not missing:
            return None
        slot, source = slot_account(slot_id), UNEXPLAINED
        return Move(
            move_id=f"count/{count_id}/{slot_id}/{product_id}",
            product_id=product_id,
            quantity=abs(missing),
            source=slot if missing > 0 else source,
            target=source if missing > 0 else slot,
            moved_ns=now_ns,
            decided_ns=now_ns,
            state=MoveState.POSTED,
            reason="counted",
        )

    @classmethod
    def of(cls, store: Store, moves: Iterable[Move], opening: Mapping[SlotId, int] | None = None) -> Stock:
        stock = cls(store, opening)
        for move in moves:
            stock.apply(move)
        return stock


def _task(kind: str, slot_id: SlotId, product_id: ProductId, units: int) -> StockTask:
    return StockTask(kind=kind, slot_id=slot_id, product_id=product_id, units=units)
