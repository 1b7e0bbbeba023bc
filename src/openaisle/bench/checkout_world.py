"""Shoppers, shelves and a processor for `bench checkout`: what truly happened, and a real library's way to it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import stripe

from openaisle.core.messages import (
    Interaction,
    InteractionKind,
    PaymentMethod,
    SlotId,
    VisitClosed,
    VisitId,
    VisitOpened,
)
from openaisle.core.units import NS_PER_S
from openaisle.sim import processor_stripe
from openaisle.sim.processor import ConnectionLost, Processor
from openaisle.store.schema import Store

PICKS_MAX: Final = 6
PUT_BACK_SHARE: Final = 0.2
UNSURE_SHARE: Final = 0.1
SHARED_PAYER_SHARE: Final = 0.3
PAYERS: Final = 500
REFILL_SHARE: Final = 0.3


class SteppedClock:
    """`openaisle.ports.Clock` that stands still until it is moved."""

    def __init__(self, now_ns: int) -> None:
        self._now_ns = now_ns

    def now_ns(self) -> int:
        return self._now_ns

    def sleep_until(self, at_ns: int) -> None:
        self._now_ns = max(self._now_ns, at_ns)

    def advance(self, seconds: float) -> int:
        self._now_ns += round(seconds * NS_PER_S)
        return self._now_ns


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One shopper's visit as it happened."""

    visit_id: VisitId
    method: PaymentMethod
    interactions: tuple[Interaction, ...]
    took: Mapping[str, int]  # product to units carried out


class Shoppers:
    """Makes visits, and knows what stands on the shelves."""

    def __init__(self, store: Store, seed: int) -> None:
        self._store = store
        self._random = random.Random(f"shoppers {seed}")
        self.opening = {slot_id: slot.capacity for slot_id, slot in store.slots.items()}
        self.units: dict[SlotId, int] = dict(self.opening)
        self.took: dict[VisitId, Mapping[str, int]] = {}
        self._slot_ids = sorted(store.slots)

    def visit(self, number: int, now_ns: int) -> Visit:
        """The next shopper; takes things from the shelves."""
        chance = self._random
        visit_id = f"v{number:07d}"
        interactions: list[Interaction] = []
        taken: list[SlotId] = []
        for _ in range(chance.randrange(PICKS_MAX + 1)):
            if taken and chance.random() < PUT_BACK_SHARE:
                slot_id = taken.pop(chance.randrange(len(taken)))
                self.units[slot_id] += 1
                kind = InteractionKind.PUT_BACK
            else:
                slot_id = chance.choice(self._slot_ids)
                if self.units[slot_id] < 1:
                    continue
                self.units[slot_id] -= 1
                taken.append(slot_id)
                kind = InteractionKind.PICK_UP
            happened_ns = now_ns + len(interactions) * NS_PER_S // 10
            interactions.append(self._interaction(visit_id, len(interactions), kind, slot_id, 1, happened_ns))
        took = Counter(self._store.slots[slot_id].product_id for slot_id in taken)
        self.took[visit_id] = took
        return Visit(
            visit_id=visit_id, method=self._method(visit_id), interactions=tuple(interactions), took=took
        )

    def refill(self, number: int, now_ns: int) -> list[Interaction]:
        """A member of staff fills up what is nearly empty."""
        moved: list[Interaction] = []
        for slot_id in self._slot_ids:
            capacity = self._store.slots[slot_id].capacity
            if self.units[slot_id] <= capacity * REFILL_SHARE:
                added = capacity - self.units[slot_id]
                self.units[slot_id] = capacity
                moved.append(
                    self._interaction(
                        f"staff{number}", len(moved), InteractionKind.PUT_BACK, slot_id, added, now_ns
                    )
                )
        return moved

    def _interaction(
        self, visit_id: VisitId, index: int, kind: InteractionKind, slot_id: SlotId, units: int, at_ns: int
    ) -> Interaction:
        slot = self._store.slots[slot_id]
        is_unsure = kind is InteractionKind.PICK_UP and self._random.random() < UNSURE_SHARE
        return Interaction(
            interaction_id=f"{visit_id}-{index}",
            revision=1,
            kind=kind,
            shelf_id=slot.shelf_id,
            slot_id=slot_id,
            product_id=slot.product_id,
            quantity=units,
            visit_id=visit_id,
            probability=0.75 if is_unsure else 0.99,
            happened_ns=at_ns,
            decided_ns=at_ns,
        )

    def _method(self, visit_id: VisitId) -> PaymentMethod:
        payer_id = visit_id
        if self._random.random() < SHARED_PAYER_SHARE:
            payer_id = f"regular{self._random.randrange(PAYERS)}"
        return PaymentMethod(
            kind="card", payer_id=payer_id, token=f"pm_{payer_id}", customer=f"cus_{payer_id}"
        )


def opened(visit_id: VisitId, now_ns: int, *, is_staff: bool = False) -> VisitOpened:
    return VisitOpened(visit_id=visit_id, gate_id="entry", track_id=None, opened_ns=now_ns, is_staff=is_staff)


def closed(visit_id: VisitId, now_ns: int) -> VisitClosed:
    return VisitClosed(visit_id=visit_id, gate_id="exit", closed_ns=now_ns)


class DirectClient(stripe.HTTPClient):
    """Stripe's own library on the simulated processor, without a socket in between: for long runs."""

    name = "direct"

    def __init__(self, processor: Processor) -> None:
        super().__init__()
        self._processor = processor

    def request(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        **_: Any,
    ) -> tuple[bytes, int, Mapping[str, str]]:
        parts = urlsplit(url)
        body = post_data if isinstance(post_data, bytes) else (post_data or "").encode()
        named = {name.lower(): str(value) for name, value in (headers or {}).items()}
        try:
            reply = processor_stripe.answer(
                self._processor, method.upper(), parts.path, parts.query, named, body
            )
        except ConnectionLost:
            raise stripe.APIConnectionError("the simulated connection broke") from None
        return reply.body, reply.status, {}

    def close(self) -> None:
        pass
