"""A shop told as a story: who entered, took, put back and left. What the tests of carts speak."""

from typing import Any, TypeVar

import msgspec
from tests.unit.carts.small_store import small_store

from openaisle.adapters.event_log_memory import MemoryEventLog
from openaisle.carts.cart import CartMessage, Carts
from openaisle.carts.plan import CartSettings
from openaisle.core.messages import (
    Candidate,
    CartChanged,
    CartClosed,
    CartLine,
    Interaction,
    InteractionKind,
    Move,
    ReviewOpened,
    VisitClosed,
    VisitOpened,
)
from openaisle.core.units import NS_PER_MS, NS_PER_S
from openaisle.ports import EventLog

T = TypeVar("T")

START_NS = 1_700_000_000 * NS_PER_S
SLOT_OF = {slot.product_id: slot.slot_id for slot in small_store().slots.values()}


class Story:
    """Every verb happens a second after the one before and is decided 150 ms later."""

    def __init__(self, event_log: EventLog | None = None, settings: CartSettings | None = None) -> None:
        self.event_log = event_log or MemoryEventLog()
        self.carts = Carts(small_store(), self.event_log, settings)
        self.said: list[CartMessage] = []
        self.now_ns = START_NS
        self._count = 0

    def enter(self, visit_id: str, *, is_staff: bool = False) -> None:
        self.now_ns += NS_PER_S
        opened = VisitOpened(
            visit_id=visit_id, gate_id="entry", track_id=None, opened_ns=self.now_ns, is_staff=is_staff
        )
        self.said += self.carts.step((), (opened,), self.now_ns)

    def take(self, visit_id: str | None, product_id: str, quantity: int = 1, **more: Any) -> Interaction:
        return self.decide(visit_id, product_id, quantity, kind=InteractionKind.PICK_UP, **more)

    def put_back(self, visit_id: str | None, product_id: str, quantity: int = 1, **more: Any) -> Interaction:
        return self.decide(visit_id, product_id, quantity, kind=InteractionKind.PUT_BACK, **more)

    def decide(
        self,
        visit_id: str | None,
        product_id: str | None,
        quantity: int = 1,
        *,
        kind: InteractionKind,
        probability: float = 0.99,
        slot_id: str | None = "own",
        happened_ns: int | None = None,
        mass_change_g: float = -100.0,
        alternatives: tuple[Candidate, ...] = (),
    ) -> Interaction:
        self.now_ns += NS_PER_S
        self._count += 1
        if slot_id == "own":
            slot_id = SLOT_OF[product_id] if product_id else None
        interaction = Interaction(
            interaction_id=f"i{self._count}",
            revision=0,
            kind=kind,
            shelf_id="A1",
            slot_id=slot_id,
            product_id=product_id,
            quantity=quantity,
            visit_id=visit_id,
            probability=probability,
            happened_ns=happened_ns or self.now_ns,
            decided_ns=self.now_ns + 150 * NS_PER_MS,
            mass_change_g=mass_change_g,
            alternatives=alternatives,
        )
        self.hear(interaction)
        return interaction

    def revise(self, interaction: Interaction, **changes: Any) -> Interaction:
        self.now_ns += NS_PER_S
        changes = {"revision": interaction.revision + 1, **changes}
        revised: Interaction = msgspec.structs.replace(interaction, **changes)
        self.hear(revised)
        return revised

    def hear(self, *interactions: Interaction) -> None:
        self.now_ns += 150 * NS_PER_MS
        self.said += self.carts.step(interactions, (), self.now_ns)

    def leave(self, visit_id: str) -> CartClosed:
        self.start_leaving(visit_id)
        return self.wait_for_close(visit_id)

    def start_leaving(self, visit_id: str) -> None:
        self.now_ns += NS_PER_S
        closed = VisitClosed(visit_id=visit_id, gate_id="exit", closed_ns=self.now_ns)
        self.said += self.carts.step((), (closed,), self.now_ns)

    def wait_for_close(self, visit_id: str) -> CartClosed:
        self.wait(2.0)
        (closed,) = (cart for cart in self.of(CartClosed) if cart.visit_id == visit_id)
        return closed

    def wait(self, seconds: float) -> None:
        self.now_ns += round(seconds * NS_PER_S)
        self.said += self.carts.step((), (), self.now_ns)

    def of(self, kind: type[T]) -> list[T]:
        return [message for message in self.said if isinstance(message, kind)]

    @property
    def moves(self) -> list[Move]:
        return self.of(Move)

    @property
    def reasons(self) -> list[str]:
        return [review.reason for review in self.of(ReviewOpened)]

    @property
    def last_cart(self) -> list[tuple[str, int, bool]]:
        return short(self.of(CartChanged)[-1].lines)

    def balance(self, account: str) -> dict[str, int]:
        return self.carts.ledger.balances.get(account, {})


def short(lines: tuple[CartLine, ...]) -> list[tuple[str, int, bool]]:
    """(product, quantity, pending) of each line."""
    return [(line.product_id, line.quantity, line.pending) for line in lines]
