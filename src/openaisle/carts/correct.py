"""From moves as they stand to transfers as they should be: post, void, reverse, move again. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final

import msgspec

from openaisle.carts.ledger import is_cart
from openaisle.carts.plan import Transfer
from openaisle.core.messages import Move, MoveState

REVERSED: Final = "/reversed"
"""A move of this ending takes back the posted move whose id stands before it."""


def corrections(
    standing: Mapping[str, list[Move]],
    wanted: Iterable[Transfer],
    revisions: Mapping[str, int],
    used_move_ids: Collection[str],
    now_ns: int,
) -> list[Move]:
    """Moves that turn `standing` (by interaction id, neither voided nor reversed) into `wanted`.

    Covers exactly the interactions named in `revisions`, which gives their newest revision. What puts goods into a
    cart comes before what takes goods out, so that no cart is below zero in between.
    """
    wanted_by_interaction: dict[str, list[Transfer]] = {}
    for transfer in wanted:
        wanted_by_interaction.setdefault(transfer.interaction_id, []).append(transfer)
    assert wanted_by_interaction.keys() <= revisions.keys()
    moves: list[Move] = []
    for interaction_id, revision in sorted(revisions.items()):
        missing = list(wanted_by_interaction.get(interaction_id, ()))
        for move in standing.get(interaction_id, ()):
            match = next((transfer for transfer in missing if transfer.goods == _goods(move)), None)
            if match is None or (move.state is MoveState.POSTED and match.is_pending):
                moves.append(_taken_back(move, now_ns))
            else:
                missing.remove(match)
                if move.state is MoveState.PENDING and not match.is_pending:
                    moves.append(_restated(move, MoveState.POSTED, match.probability, now_ns))
        taken = {move.move_id for move in moves}
        for transfer in missing:
            move_id = _free_move_id(f"{interaction_id}/{revision}", used_move_ids, taken)
            taken.add(move_id)
            moves.append(new_move(move_id, transfer, now_ns))
    return sorted(moves, key=_takes_out_of_cart)


def new_move(move_id: str, transfer: Transfer, now_ns: int) -> Move:
    """The first state of a move."""
    return Move(
        move_id=move_id,
        product_id=transfer.product_id,
        quantity=transfer.quantity,
        source=transfer.source,
        target=transfer.target,
        moved_ns=transfer.moved_ns,
        decided_ns=now_ns,
        state=MoveState.PENDING if transfer.is_pending else MoveState.POSTED,
        interaction_id=transfer.interaction_id,
        probability=transfer.probability,
        reason=transfer.reason,
        price_minor=transfer.price_minor,
    )


def _taken_back(move: Move, now_ns: int) -> Move:
    if move.state is MoveState.PENDING:
        return _restated(move, MoveState.VOIDED, move.probability, now_ns)
    return msgspec.structs.replace(
        move,
        move_id=move.move_id + REVERSED,
        source=move.target,
        target=move.source,
        decided_ns=now_ns,
        reason="corrected",
    )


def _restated(move: Move, state: MoveState, probability: float, now_ns: int) -> Move:
    return msgspec.structs.replace(move, state=state, probability=probability, decided_ns=now_ns)


def _free_move_id(stem: str, used: Collection[str], taken: Collection[str]) -> str:
    """The stem, or the first of stem.2, stem.3, ... that is free: one revision may have to move goods twice."""
    move_id, number = stem, 1
    while move_id in used or move_id in taken:
        number += 1
        move_id = f"{stem}.{number}"
    return move_id


def _takes_out_of_cart(move: Move) -> bool:
    is_undone = move.state is MoveState.VOIDED
    return is_cart(move.target if is_undone else move.source)


def _goods(move: Move) -> tuple[str, int, str, str]:
    return move.product_id, move.quantity, move.source, move.target
