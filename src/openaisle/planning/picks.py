"""Picks against orders: the path of a shop, with a comparison where a shop has a payment.

What a picker carries out is what the path has billed; an order says what it should be. Orders made of a recording's
truth, some changed on purpose, measure how many mistakes are found and how often a right pick is doubted.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from openaisle.core.errors import InputError
from openaisle.core.messages import ProductId, Receipt, VisitId
from openaisle.replay.truth import TrueVisit

COLUMNS: Final = ("visit_id", "product_id", "quantity")
MISTAKES: Final = ("left out", "too many", "another product")

Basket = Mapping[ProductId, int]


class PickCheck(msgspec.Struct, frozen=True, kw_only=True):
    """One picker at the gate."""

    visit_id: VisitId
    missing: dict[ProductId, int]  # ordered, not carried
    surplus: dict[ProductId, int]  # carried, not ordered

    @property
    def is_complete(self) -> bool:
        return not self.missing and not self.surplus


class PickScore(msgspec.Struct, frozen=True, kw_only=True):
    """Checks against what was planted."""

    orders: int
    planted: int  # orders that the picker did not fulfil
    found: int  # of these
    named: int  # of these, with exactly the products and numbers that differ
    false_alarms: int  # fulfilled orders that were doubted
    checks: tuple[PickCheck, ...]


def check_pick(visit_id: VisitId, carried: Basket, ordered: Basket) -> PickCheck:
    """What is missing and what is too much."""
    have, want = Counter(carried), Counter(ordered)
    return PickCheck(visit_id=visit_id, missing=dict(want - have), surplus=dict(have - want))


def check_receipts(receipts: Iterable[Receipt], orders: Mapping[VisitId, Basket]) -> list[PickCheck]:
    """Every order, in order of visits; one without a receipt was not picked at all."""
    carried: dict[VisitId, Counter[ProductId]] = {}
    for receipt in receipts:
        basket = carried.setdefault(receipt.visit_id, Counter())
        for line in receipt.lines:
            basket[line.product_id] += line.quantity
    return [
        check_pick(visit_id, carried.get(visit_id, Counter()), orders[visit_id])
        for visit_id in sorted(orders)
    ]


def plant_mistakes(
    visits: Sequence[TrueVisit], products: Sequence[ProductId], share: float, seed: int
) -> tuple[dict[VisitId, Basket], set[VisitId]]:
    """Orders that the visits of a day fulfilled, and the visits of those that were changed so that they did not."""
    rng = np.random.default_rng([seed, 101])
    orders: dict[VisitId, Basket] = {}
    planted: set[VisitId] = set()
    for visit in sorted(visits, key=lambda visit: visit.visit_id):
        if visit.is_staff or not visit.basket:
            continue
        order = Counter(visit.basket)
        if rng.random() < share:
            planted.add(visit.visit_id)
            one = sorted(order)[int(rng.integers(len(order)))]
            others = [product for product in products if product not in order]
            other = others[int(rng.integers(len(others)))]
            mistake = MISTAKES[int(rng.integers(len(MISTAKES)))]
            # What is asked for and not carried was left out; what is carried and not asked for is too many.
            if mistake == "left out":
                order[other] += 1
            elif mistake == "too many":
                order[one] -= 1
            else:
                order[one] -= 1
                order[other] += 1
        orders[visit.visit_id] = dict(+order)
    return orders, planted


def score_checks(
    checks: Sequence[PickCheck],
    orders: Mapping[VisitId, Basket],
    visits: Sequence[TrueVisit],
    planted: set[VisitId],
) -> PickScore:
    """How many planted mistakes were said, and how many right picks were doubted."""
    baskets = {visit.visit_id: visit.basket for visit in visits}
    doubted = {check.visit_id: check for check in checks if not check.is_complete}
    named = sum(
        doubted[visit_id] == check_pick(visit_id, baskets[visit_id], orders[visit_id])
        for visit_id in planted & doubted.keys()
    )
    return PickScore(
        orders=len(orders),
        planted=len(planted),
        found=len(planted & doubted.keys()),
        named=named,
        false_alarms=len(doubted.keys() - planted),
        checks=tuple(checks),
    )


def read_orders(path: Path, products: Iterable[ProductId]) -> dict[VisitId, Basket]:
    """A CSV file with the columns visit_id, product_id, quantity. InputError with file and line."""
    known = set(products)
    orders: dict[VisitId, Counter[ProductId]] = {}
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("cannot be read", file=str(path), expected="a CSV file", found=error) from error
    reader = csv.DictReader(text.splitlines())
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise InputError(
            "other columns", file=str(path), line=1, expected=",".join(COLUMNS), found=reader.fieldnames
        )
    for row in reader:
        quantity = row["quantity"] or ""
        if not quantity.isdecimal() or int(quantity) < 1:
            raise InputError(
                "no quantity",
                file=str(path),
                line=reader.line_num,
                field="quantity",
                expected="1 or more",
                found=quantity,
            )
        if row["product_id"] not in known:
            raise InputError(
                "no such product",
                file=str(path),
                line=reader.line_num,
                field="product_id",
                expected="a product of the store",
                found=row["product_id"],
            )
        orders.setdefault(row["visit_id"], Counter())[row["product_id"]] += int(quantity)
    return dict(orders)
