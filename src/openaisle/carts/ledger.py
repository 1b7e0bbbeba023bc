"""Double entry for goods: each unit sits in one account, and a move takes units from one account to another.

A move is born pending or posted. Pending becomes posted or voided; posted and voided are for ever, so a posted move is
corrected by a further move the other way. A move that comes twice is refused: a log that posts one twice does not
rebuild, although every sum in it is still right.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from openaisle.core.errors import LedgerDamaged
from openaisle.core.messages import AccountId, Move, MoveState, ProductId, SlotId, VisitId

SLOT: Final = "slot:"
SOLD: Final = "sold"
STAFF: Final = "staff"
UNEXPLAINED: Final = "unexplained"
HANDED: Final = "handed"  # between the hands of two shoppers: what one gave the other has got

_NEXT_STATES: Final[Mapping[MoveState | None, frozenset[MoveState]]] = {
    None: frozenset({MoveState.PENDING, MoveState.POSTED}),
    MoveState.PENDING: frozenset({MoveState.POSTED, MoveState.VOIDED}),
    MoveState.POSTED: frozenset(),
    MoveState.VOIDED: frozenset(),
}


def slot_account(slot_id: SlotId | None) -> AccountId:
    """The account of a slot; of goods that nobody can place, the unexplained one."""
    return UNEXPLAINED if slot_id is None else f"{SLOT}{slot_id}"


def cart_account(visit_id: VisitId) -> AccountId:
    return f"cart:{visit_id}"


def is_cart(account: AccountId) -> bool:
    return account.startswith("cart:")


class Ledger:
    """Balances and the moves they come from.

    Pending moves count in the balances: the goods have most likely moved. Opening stock is not entered, so a slot's
    balance is what came and went since the ledger began and may be below zero; a cart's never is.
    """

    def __init__(self) -> None:
        self.moves: dict[str, Move] = {}
        self.balances: dict[AccountId, dict[ProductId, int]] = {}

    def apply(self, move: Move) -> None:
        """Take over a move or a move's next state. LedgerDamaged if it cannot follow what is there."""
        before = self.moves.get(move.move_id)
        state = before.state if before else None
        if move.state not in _NEXT_STATES[state]:
            raise LedgerDamaged(f"move {move.move_id} is {move.state} after it was {state or 'unknown'}")
        if before and _goods(before) != _goods(move):
            raise LedgerDamaged(
                f"move {move.move_id} changed its goods from {_goods(before)} to {_goods(move)}"
            )
        if move.quantity <= 0 or move.source == move.target:
            raise LedgerDamaged(f"move {move.move_id} moves nothing: {_goods(move)}")
        if before is None:
            self._shift(move, move.quantity)
        elif move.state is MoveState.VOIDED:
            self._shift(move, -move.quantity)
        self.moves[move.move_id] = move

    def forget(self, move_ids: list[str]) -> None:
        """Drop moves that nothing will refer to again. The log keeps them."""
        for move_id in move_ids:
            del self.moves[move_id]

    def close_account(self, account: AccountId) -> None:
        """Drop an account that nothing will move to again. It must be empty."""
        left = self.balances.pop(account, {})
        assert not left, f"{account} still holds {left}"

    def _shift(self, move: Move, quantity: int) -> None:
        self._add(move.source, move.product_id, -quantity)
        self._add(move.target, move.product_id, quantity)

    def _add(self, account: AccountId, product_id: ProductId, quantity: int) -> None:
        held = self.balances.setdefault(account, {})
        count = held.get(product_id, 0) + quantity
        if count < 0 and is_cart(account):
            raise LedgerDamaged(f"{account} would hold {count} of {product_id}")
        if count:
            held[product_id] = count
        else:
            held.pop(product_id, None)


def _goods(move: Move) -> tuple[ProductId, int, AccountId, AccountId]:
    return move.product_id, move.quantity, move.source, move.target
