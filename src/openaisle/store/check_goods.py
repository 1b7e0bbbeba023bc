"""What is impossible about goods: products.csv and planogram.csv."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

from openaisle.core.errors import StoreError
from openaisle.store.check_things import TOLERANCE_M, end_of, grouped, twice
from openaisle.store.draft import Draft
from openaisle.store.gtin import GTIN_LENGTHS, check_digit

# --- products.csv -------------------------------------------------------------------------------------------------


def products(draft: Draft) -> Iterator[StoreError]:
    yield from twice(draft.products, "product", "product_id", lambda product: product.product_id)
    known = {placed.value.product_id for placed in draft.products}
    gtins: dict[str, str] = {}
    for placed in draft.products:
        product = placed.value
        if product.gtin:
            yield from _gtin(placed.problem, product.gtin)
            if gtins.setdefault(product.gtin, product.product_id) != product.product_id:
                yield placed.problem(
                    f"products {gtins[product.gtin]} and {product.product_id} have the same GTIN",
                    "gtin",
                    expected="a number of its own, or none",
                    found=product.gtin,
                )
        if draft.tax_rates is not None:
            classes = draft.tax_rates.value
            if product.tax_class not in classes and not draft.is_left_out("tax", product.tax_class):
                yield placed.problem(
                    "unknown tax class",
                    "tax_class",
                    expected=f"one of {', '.join(sorted(classes))} of [tax] in store.toml",
                    found=product.tax_class,
                )
        like = product.look_alike_of
        is_known = like in known or like is None or draft.is_left_out("product", like)
        if not is_known or like == product.product_id:
            yield placed.problem(
                "looks like no other product",
                "look_alike_of",
                expected="the id of another product",
                found=product.look_alike_of,
            )
        if product.pack_picture and draft.folder is not None:
            yield from _picture(placed.problem, product.pack_picture, draft)


def _gtin(problem: Callable[..., StoreError], gtin: str) -> Iterator[StoreError]:
    if not (gtin.isascii() and gtin.isdigit() and len(gtin) in GTIN_LENGTHS):
        yield problem("not a GTIN", "gtin", expected="8, 12, 13 or 14 digits, or nothing", found=gtin)
    elif int(gtin[-1]) != check_digit(gtin[:-1]):
        expected = f"{check_digit(gtin[:-1])} as the last digit"
        yield problem("wrong check digit", "gtin", expected=expected, found=gtin)


def _picture(problem: Callable[..., StoreError], name: str, draft: Draft) -> Iterator[StoreError]:
    assert draft.folder is not None
    folder = draft.folder.resolve()
    path = (folder / name).resolve()
    if not path.is_relative_to(folder):
        yield problem("leads out of the store folder", "pack_picture", expected="a file in it", found=name)


# --- planogram.csv ------------------------------------------------------------------------------------------------


def slots(draft: Draft) -> Iterator[StoreError]:
    yield from twice(draft.slots, "slot", "slot_id", lambda slot: slot.slot_id)
    shelves = {placed.value.shelf_id: placed.value for placed in draft.shelves}
    products = {placed.value.product_id for placed in draft.products}
    for placed in draft.slots:
        slot = placed.value
        if slot.shelf_id not in shelves and not draft.is_left_out("shelf", slot.shelf_id):
            yield placed.problem(
                "unknown shelf", "shelf_id", expected="a shelf of store.toml", found=slot.shelf_id
            )
        if slot.product_id not in products and not draft.is_left_out("product", slot.product_id):
            yield placed.problem(
                "unknown product", "product_id", expected="a product of products.csv", found=slot.product_id
            )
        if slot.capacity < slot.facings:
            yield placed.problem(
                f"slot {slot.slot_id} holds less than one unit a facing",
                "capacity",
                expected=f"{slot.facings} or more",
                found=slot.capacity,
            )
        shelf = shelves.get(slot.shelf_id)
        if shelf is not None and slot.left_m + slot.width_m > shelf.width_m + TOLERANCE_M:
            yield placed.problem(
                f"slot {slot.slot_id} ends beyond shelf {shelf.shelf_id}",
                "width_m",
                expected=f"an end at {shelf.width_m} m or less",
                found=end_of(slot),
            )
    for _, on_shelf in grouped(draft.slots, lambda slot: slot.shelf_id):
        on_shelf.sort(key=lambda placed: (placed.value.left_m, placed.value.slot_id))
        for left, right in pairwise(on_shelf):
            if right.value.left_m < left.value.left_m + left.value.width_m - TOLERANCE_M:
                yield right.problem(
                    f"slots {left.value.slot_id} and {right.value.slot_id} overlap",
                    "left_m",
                    expected=f"{end_of(left.value)} m or more",
                    found=right.value.left_m,
                )
