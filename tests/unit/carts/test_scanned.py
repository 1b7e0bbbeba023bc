"""Shelves that are scanned: switched by staff, kept by the ledger, and billed by what is scanned alone."""

from __future__ import annotations

from dataclasses import replace

import msgspec
from tests.unit.web.counter import PRODUCT, STORE, pick_up

from openaisle.carts.scanned import ScannedShelves, is_scan_of, scan_id
from openaisle.core.messages import Interaction, ShelfSwitched

SHELF = next(slot.shelf_id for slot in STORE.slots.values() if slot.product_id == PRODUCT.product_id)


def switched(at_ns: int, *, is_scanned: bool, shelf_id: str = SHELF) -> ShelfSwitched:
    return ShelfSwitched(
        shelf_id=shelf_id, is_scanned=is_scanned, by="sam", key=str(at_ns), switched_ns=at_ns
    )


def taken(at_ns: int) -> Interaction:
    return msgspec.structs.replace(pick_up("v1", 1, 0.9), happened_ns=at_ns)


def test_what_happened_before_a_switch_goes_on_being_billed_and_what_happens_after_it_does_not() -> None:
    shelves = ScannedShelves(STORE)
    assert shelves.bills(taken(5))
    shelves.follow(switched(10, is_scanned=True))
    assert [shelves.bills(taken(at_ns)) for at_ns in (9, 10, 11)] == [True, False, False]
    shelves.follow(switched(12, is_scanned=True))  # Once more: it is scanned since 10.
    assert not shelves.bills(taken(11))
    shelves.follow(switched(20, is_scanned=False))
    assert [shelves.bills(taken(at_ns)) for at_ns in (9, 15, 20)] == [True, False, True]


def test_the_ledger_comes_before_store_toml_and_other_shelves_are_not_touched() -> None:
    gondolas = tuple(
        replace(
            gondola,
            shelves=tuple(replace(shelf, is_scanned=shelf.shelf_id == SHELF) for shelf in gondola.shelves),
        )
        for gondola in STORE.gondolas
    )
    shelves = ScannedShelves(replace(STORE, gondolas=gondolas))
    assert shelves.shelf_ids == (SHELF,)
    assert shelves.shelf_of(PRODUCT.product_id) == SHELF
    shelves.follow(switched(10, is_scanned=False))
    shelves.follow(switched(11, is_scanned=True, shelf_id="gone from the store"))
    assert shelves.shelf_ids == ()
    assert shelves.shelf_of(PRODUCT.product_id) is None


def test_a_scan_says_whose_it_is() -> None:
    mine = scan_id("v1-2", "abc")
    assert is_scan_of("v1-2", mine)
    assert not is_scan_of("v1", mine)
    assert not is_scan_of("v1", "staff-abc")
