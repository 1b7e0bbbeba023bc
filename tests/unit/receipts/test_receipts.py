"""Money is whole, tax adds up, and a visit has one receipt."""

from fractions import Fraction

import pytest
from hypothesis import given, strategies as st
from tests.unit.carts.small_store import small_store

from openaisle.core.messages import CartClosed, CartLine, encode
from openaisle.receipts.receipt import Receipts
from openaisle.receipts.tax import round_half_up, shares_minor, tax_minor

ISSUED_NS = 1_700_000_000_000_000_000


def line(product_id: str, quantity: int, price_minor: int, *ids: str) -> CartLine:
    return CartLine(
        product_id=product_id,
        quantity=quantity,
        price_minor=price_minor,
        probability=0.99,
        pending=False,
        slot_id=None,
        picked_ns=ISSUED_NS,
        interaction_ids=ids,
    )


def closed(*lines: CartLine) -> CartClosed:
    return CartClosed(visit_id="visit-1", closed_ns=ISSUED_NS, lines=lines, review_ids=("r",))


BASKET = (line("cola", 2, 150, "i1"), line("bread", 1, 299, "i2"), line("cola", 1, 150, "i3"))


def test_lines_of_a_product_at_one_price_are_one_line_with_all_its_evidence() -> None:
    (receipt,) = Receipts(small_store()).step([closed(*BASKET)], ISSUED_NS)
    assert [(at.product_id, at.quantity, at.total_minor, at.evidence) for at in receipt.lines] == [
        ("bread", 1, 299, ("i2",)),
        ("cola", 3, 450, ("i1", "i3")),
    ]
    assert receipt.total_minor == 749


def test_the_price_is_that_of_the_pick_up_not_of_today() -> None:
    (receipt,) = Receipts(small_store()).step([closed(line("cola", 1, 99), line("cola", 1, 150))], ISSUED_NS)
    assert [(at.quantity, at.unit_price_minor) for at in receipt.lines] == [(1, 99), (1, 150)]


def test_included_tax_is_inside_the_total() -> None:
    (receipt,) = Receipts(small_store()).step([closed(*BASKET)], ISSUED_NS)
    # 450 at 19 %: 71.85; 299 at 7 %: 19.56
    assert [(at.tax_class, at.tax_minor) for at in receipt.lines] == [("food", 20), ("drinks", 72)]
    assert (receipt.total_minor, receipt.tax_minor) == (749, 92)


def test_excluded_tax_is_added_to_the_total() -> None:
    store = small_store(prices_include_tax=False)
    (receipt,) = Receipts(store).step([closed(*BASKET)], ISSUED_NS)
    # 450 at 19 %: 85.5, rounded half up; 299 at 7 %: 20.93
    assert [at.tax_minor for at in receipt.lines] == [21, 86]
    assert (receipt.total_minor, receipt.tax_minor) == (749 + 107, 107)


def test_tax_is_rounded_once_a_class_not_once_a_line() -> None:
    store = small_store(prices_include_tax=False, drinks_rate=0.05)
    (receipt,) = Receipts(store).step([closed(line("cola", 1, 110), line("lemonade", 1, 110))], ISSUED_NS)
    # Each line alone would be 5.5 and round to 6.
    assert receipt.tax_minor == 11
    assert [at.tax_minor for at in receipt.lines] == [6, 5]


def test_an_empty_cart_has_a_receipt_of_no_lines() -> None:
    (receipt,) = Receipts(small_store()).step([closed()], ISSUED_NS)
    assert (receipt.lines, receipt.total_minor, receipt.tax_minor) == ((), 0, 0)


def test_a_visit_has_one_receipt_however_often_it_is_priced() -> None:
    store = small_store()
    first, second = (Receipts(store).step([closed(*BASKET)], ISSUED_NS)[0] for _ in range(2))
    assert first.receipt_id == "small/visit-1"
    assert encode(first) == encode(second)


@pytest.mark.parametrize(
    ("amount", "rounded"), [("0.5", 1), ("1.5", 2), ("2.5", 3), ("2.4999", 2), ("-0.5", 0), ("7", 7)]
)
def test_half_is_rounded_up(amount: str, rounded: int) -> None:
    assert round_half_up(Fraction(amount)) == rounded


def test_a_rate_is_the_decimal_it_is_written_as() -> None:
    # 0.07 * 50 is 3.5000000000000004 in floats, and 0.29 * 50 is 14.499999999999998.
    assert tax_minor(50, 0.07, is_included=False) == 4
    assert tax_minor(50, 0.29, is_included=False) == 15


@given(st.integers(0, 10**6), st.lists(st.integers(0, 10**5), min_size=1, max_size=8))
def test_shares_add_up_and_are_fair(whole_minor: int, weights: list[int]) -> None:
    shares = shares_minor(whole_minor, weights)
    if sum(weights) == 0:
        assert shares == [0] * len(weights)
        return
    assert sum(shares) == whole_minor
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share - Fraction(whole_minor * weight, sum(weights))) < 1


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["cola", "lemonade", "bread", "chocolate"]),
            st.integers(1, 9),
            st.integers(0, 999),
        ),
        max_size=6,
    ),
    st.booleans(),
)
def test_a_receipt_always_adds_up(basket: list[tuple[str, int, int]], is_included: bool) -> None:
    store = small_store(prices_include_tax=is_included)
    (receipt,) = Receipts(store).step([closed(*(line(*each) for each in basket))], ISSUED_NS)
    goods_minor = sum(quantity * price for _, quantity, price in basket)
    assert sum(at.total_minor for at in receipt.lines) == goods_minor
    assert sum(at.tax_minor for at in receipt.lines) == receipt.tax_minor
    assert receipt.total_minor == goods_minor + (0 if is_included else receipt.tax_minor)
    assert all(at.quantity * at.unit_price_minor == at.total_minor for at in receipt.lines)
