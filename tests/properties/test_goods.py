"""Goods are moved, never created or destroyed, and the log alone rebuilds the carts."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from tests.unit.carts.shop import SLOT_OF, START_NS
from tests.unit.carts.small_store import small_store

from openaisle.adapters.event_log_memory import MemoryEventLog
from openaisle.carts.cart import Carts
from openaisle.core.errors import LedgerDamaged
from openaisle.core.messages import (
    Candidate,
    CartClosed,
    Interaction,
    InteractionKind,
    Move,
    MoveState,
    VisitClosed,
    VisitOpened,
    decode,
    encode,
)
from openaisle.core.units import NS_PER_S

STORE = small_store()
VISITS = ("ana", "ben", "staff")
KINDS = (
    InteractionKind.PICK_UP,
    InteractionKind.PICK_UP,
    InteractionKind.PUT_BACK,
    InteractionKind.PUT_BACK_WRONG,
    InteractionKind.TOUCH_RETURN,
    InteractionKind.UNEXPLAINED,
)


@st.composite
def interactions(draw: st.DrawFn) -> Interaction:
    """One of six interactions in one of a few revisions: later ones may say something else entirely."""
    number = draw(st.integers(0, 5))
    product_id = draw(st.sampled_from(["cola", "lemonade", "bread"]))
    return Interaction(
        interaction_id=f"i{number}",
        revision=draw(st.integers(0, 3)),
        kind=draw(st.sampled_from(KINDS)),
        shelf_id="A1",
        slot_id=draw(st.sampled_from([SLOT_OF[product_id], "A2-2", None])),
        product_id=product_id,
        quantity=draw(st.integers(0, 3)),
        visit_id=draw(st.sampled_from([*VISITS, None, "stranger"])),
        probability=draw(st.sampled_from([0.2, 0.6, 0.7, 0.99])),
        happened_ns=START_NS + number * NS_PER_S,
        decided_ns=START_NS + number * NS_PER_S,
        mass_change_g=draw(st.sampled_from([-300.0, 300.0])),
        withdrawn=draw(st.booleans()),
        alternatives=tuple(
            Candidate(product_id=other, quantity=1, visit_id="ana", probability=0.45)
            for other in draw(st.lists(st.sampled_from(["cola", "lemonade", None]), max_size=2))
        ),
    )


steps = st.lists(
    st.one_of(st.lists(interactions(), min_size=1, max_size=3), st.sampled_from(VISITS)), max_size=14
)


def run(carts: Carts, what: list[Any], wait_ns: int = NS_PER_S) -> list[Any]:
    """Lists are interactions of one step; a name leaves. Everybody is in from the start."""
    opened = [
        VisitOpened(
            visit_id=name, gate_id="entry", track_id=None, opened_ns=START_NS, is_staff=name == "staff"
        )
        for name in VISITS
    ]
    now_ns = START_NS
    said: list[Any] = list(carts.step((), opened, now_ns))
    for step in what:
        now_ns += wait_ns
        if isinstance(step, str):
            said += carts.step((), (VisitClosed(visit_id=step, gate_id="exit", closed_ns=now_ns),), now_ns)
        else:
            said += carts.step(step, (), now_ns)
    return said


def totals(carts: Carts) -> Counter[str]:
    sums: Counter[str] = Counter()
    for held in carts.ledger.balances.values():
        sums.update(held)
    return sums


def state(carts: Carts) -> dict[str, Any]:
    """All that decides what a shop's carts do next."""
    names = ("_visits", "_loose", "_owner", "_prices_minor", "_standing", "_review_ids")
    found = {name: getattr(carts, name) for name in names}
    found["balances"] = {account: held for account, held in carts.ledger.balances.items() if held}
    found["_standing"] = {at: moves for at, moves in found["_standing"].items() if moves}
    found["settled"] = {at: settled.visit_id for at, settled in carts._settled.items()}
    return found


@given(steps)
@settings(max_examples=150, deadline=None)
def test_no_unit_is_created_or_destroyed_and_no_cart_is_below_zero(what: list[Any]) -> None:
    carts = Carts(STORE, MemoryEventLog())
    said = run(carts, what)
    balances: dict[str, Counter[str]] = {}
    states: dict[str, MoveState] = {}
    for move in (message for message in said if isinstance(message, Move)):
        is_new = move.move_id not in states
        states[move.move_id] = move.state
        if not is_new and move.state is not MoveState.VOIDED:
            continue
        sign = 1 if is_new else -1
        balances.setdefault(move.source, Counter())[move.product_id] -= sign * move.quantity
        balances.setdefault(move.target, Counter())[move.product_id] += sign * move.quantity
        for account, held in balances.items():
            assert not account.startswith("cart:") or min(held.values()) >= 0, (account, move)
    # Worked out from what was said alone, the accounts are the ledger's.
    mine = {
        account: {product: count for product, count in held.items() if count}
        for account, held in balances.items()
    }
    theirs = {account: held for account, held in carts.ledger.balances.items() if held}
    assert {account: held for account, held in mine.items() if held} == theirs
    assert not any(totals(carts).values())


@given(steps)
@settings(max_examples=150, deadline=None)
def test_replaying_the_log_rebuilds_the_same_state(what: list[Any]) -> None:
    log = MemoryEventLog()
    carts = Carts(STORE, log)
    run(carts, what)
    again = Carts(STORE, log)
    assert state(again) == state(carts)
    end_ns = START_NS + 1_000 * NS_PER_S
    assert [encode(message) for message in again.finish(end_ns)] == [
        encode(message) for message in carts.finish(end_ns)
    ]


@given(steps, st.data())
@settings(max_examples=100, deadline=None)
def test_a_move_posted_twice_breaks_the_replay(what: list[Any], data: st.DataObject) -> None:
    log = MemoryEventLog()
    run(Carts(STORE, log), [*what, "ana", "ben", [], [], []])
    entries = [entry for _, entry in log.read()]
    posted = [
        entry
        for entry in entries
        if isinstance(move := decode(entry), Move) and move.state is MoveState.POSTED
    ]
    if not posted:
        return
    twice = data.draw(st.sampled_from(posted))
    at = entries.index(twice)
    spoiled = MemoryEventLog()
    spoiled.append([*entries[: at + 1], twice, *entries[at + 1 :]])
    with pytest.raises(LedgerDamaged, match="contradicts"):
        Carts(STORE, spoiled)


@given(st.lists(interactions(), max_size=6, unique_by=lambda i: i.interaction_id), st.randoms())
@settings(max_examples=150, deadline=None)
def test_the_bill_does_not_depend_on_the_order_of_decisions(
    happened: list[Interaction], shuffle: Any
) -> None:
    shuffled = list(happened)
    shuffle.shuffle(shuffled)
    ends: list[str] = [*VISITS]
    first = run(Carts(STORE, MemoryEventLog()), [*([i] for i in happened), *ends, [], []])
    second = run(Carts(STORE, MemoryEventLog()), [*([i] for i in shuffled), *ends, [], []])
    assert bills(first) == bills(second)


@given(steps)
@settings(max_examples=100, deadline=None)
def test_staff_and_strangers_are_never_billed(what: list[Any]) -> None:
    said = run(Carts(STORE, MemoryEventLog()), [*what, *VISITS, [], []])
    assert {cart.visit_id for cart in said if isinstance(cart, CartClosed)} <= {"ana", "ben"}


def bills(said: list[Any]) -> dict[str, list[tuple[str, int]]]:
    carts = [message for message in said if isinstance(message, CartClosed)]
    return {cart.visit_id: sorted((line.product_id, line.quantity) for line in cart.lines) for cart in carts}


def test_a_log_of_the_same_day_has_the_same_digest() -> None:
    first, second = MemoryEventLog(), MemoryEventLog()
    for log in (first, second):
        run(Carts(STORE, log), [])
    assert first.digest() == second.digest()
    third = MemoryEventLog()
    run(Carts(STORE, third), ["ana"])
    assert third.digest() != first.digest()
