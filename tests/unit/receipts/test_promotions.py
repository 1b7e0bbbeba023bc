"""What promotions take off, and that they never take more than there is."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from tests.unit.carts.small_store import small_store

from openaisle.core.errors import StoreError
from openaisle.core.messages import CartClosed, CartLine
from openaisle.core.units import NS_PER_S
from openaisle.receipts.promotions import Goods, discounts
from openaisle.receipts.receipt import Receipts, receipt_text
from openaisle.store.load import load_store
from openaisle.store.schema import Promotion, Store
from openaisle.store.write import write_store

NOW = 1_780_300_800 * NS_PER_S
THREE_FOR_TWO = Promotion(promotion_id="p1", name="3 for 2", product_ids=("cola", "lemonade"), buy=3, free=1)
FIFTH_OFF = Promotion(promotion_id="p2", name="20 % off bread", product_ids=("bread",), percent=20.0)
TWO_FOR = Promotion(
    promotion_id="p3", name="2 bars for 2.00", product_ids=("chocolate",), buy=2, price_minor=200
)
BIG_SHOP = Promotion(promotion_id="p4", name="1 off from 10", spend_minor=1000, off_minor=100)


def goods(*lines: tuple[str, int, int]) -> list[Goods]:
    return [
        Goods(product_id=product_id, quantity=quantity, price_minor=minor, picked_ns=(NOW,))
        for product_id, quantity, minor in lines
    ]


def saved(lines: list[Goods], *promotions: Promotion, programmes: frozenset[str] = frozenset()) -> list[int]:
    return [each.minor for each in discounts(lines, promotions, programmes)]


def test_of_three_the_cheapest_is_free() -> None:
    assert saved(goods(("cola", 2, 150), ("lemonade", 1, 140)), THREE_FOR_TWO) == [0, 140]
    assert saved(goods(("cola", 2, 150)), THREE_FOR_TWO) == [0]
    assert saved(goods(("cola", 7, 150)), THREE_FOR_TWO) == [300]


def test_a_bundle_costs_its_price_shared_out() -> None:
    assert saved(goods(("chocolate", 3, 119)), TWO_FOR) == [38]
    assert saved(goods(("chocolate", 2, 90)), TWO_FOR) == [
        0
    ]  # Dearer together: nobody pays more for a promotion.


def test_percent_is_rounded_half_up_on_the_line() -> None:
    assert saved(goods(("bread", 1, 299)), FIFTH_OFF) == [60]


def test_a_threshold_counts_what_is_left_to_pay_and_is_shared_over_lines() -> None:
    assert saved(goods(("bread", 3, 299), ("cola", 1, 150)), BIG_SHOP) == [86, 14]
    assert saved(goods(("bread", 3, 299), ("cola", 1, 150)), BIG_SHOP, FIFTH_OFF) == [179, 0]


def test_a_unit_takes_part_in_what_saves_most_alone() -> None:
    half = replace(FIFTH_OFF, promotion_id="p5", name="half", percent=50.0)
    for order in ([FIFTH_OFF, half], [half, FIFTH_OFF]):
        (off,) = discounts(goods(("bread", 1, 300)), order, frozenset())
        assert (off.minor, off.names) == (150, ["half"])


def test_members_get_what_is_for_members() -> None:
    club = replace(FIFTH_OFF, programme="club")
    assert saved(goods(("bread", 1, 300)), club) == [0]
    assert saved(goods(("bread", 1, 300)), club, programmes=frozenset({"club"})) == [60]


def test_a_promotion_counts_if_it_was_valid_at_pick_time() -> None:
    over = replace(FIFTH_OFF, from_ns=NOW - 100, until_ns=NOW)
    assert saved(goods(("bread", 1, 300)), over) == [0]
    assert saved(goods(("bread", 1, 300)), replace(over, until_ns=NOW + 1)) == [60]


promotions = st.builds(
    Promotion,
    promotion_id=st.sampled_from(["a", "b", "c", "d"]),
    name=st.sampled_from(["one", "two"]),
    product_ids=st.lists(st.sampled_from(["cola", "bread", "chocolate"]), max_size=2).map(tuple),
).flatmap(
    lambda promotion: st.one_of(
        st.floats(0.5, 100).map(lambda percent: replace(promotion, percent=percent)),
        st.tuples(st.integers(2, 5), st.integers(1, 4)).map(
            lambda pair: replace(promotion, buy=pair[0], free=min(pair[1], pair[0] - 1))
        ),
        st.tuples(st.integers(2, 5), st.integers(1, 900)).map(
            lambda pair: replace(promotion, buy=pair[0], price_minor=pair[1])
        ),
        st.tuples(st.integers(1, 2000), st.integers(1, 5000)).map(
            lambda pair: replace(promotion, product_ids=(), spend_minor=pair[0], off_minor=pair[1])
        ),
    )
)


@given(
    st.lists(
        st.tuples(st.sampled_from(["cola", "bread", "chocolate"]), st.integers(1, 9), st.integers(0, 999)),
        max_size=4,
    ),
    st.lists(promotions, max_size=4, unique_by=lambda each: each.promotion_id),
)
def test_no_line_is_ever_below_zero_and_the_order_of_promotions_does_not_matter(
    lines: list[tuple[str, int, int]], offered: list[Promotion]
) -> None:
    found = discounts(goods(*lines), offered, frozenset())
    for off, (_, quantity, minor) in zip(found, lines, strict=True):
        assert 0 <= off.minor <= quantity * minor
    assert saved(goods(*lines), *reversed(offered)) == [each.minor for each in found]


def with_promotions(*offered: Promotion) -> Store:
    return replace(small_store(), promotions=offered)


def test_a_receipt_shows_what_was_taken_off_and_taxes_the_rest() -> None:
    store = with_promotions(FIFTH_OFF)
    line = CartLine(
        product_id="bread",
        quantity=2,
        price_minor=299,
        probability=1.0,
        pending=False,
        slot_id=None,
        picked_ns=NOW,
    )
    (receipt,) = Receipts(store).step([CartClosed(visit_id="v", closed_ns=NOW, lines=(line,))], NOW)
    assert (receipt.total_minor, receipt.lines[0].discount_minor, receipt.tax_minor) == (478, 120, 31)
    assert "    20 % off bread: 1.20 off\n" in receipt_text(receipt, store)


def test_promotions_come_back_from_their_file(tmp_path: Path) -> None:
    dated = replace(THREE_FOR_TWO, from_ns=NOW // 86_400_000_000_000 * 86_400_000_000_000)
    dated = replace(dated, until_ns=dated.from_ns + 86_400_000_000_000 * 7)
    store = replace(load_store("corner"), timezone="UTC")
    product_ids = tuple(sorted(store.products))[:2]
    offered = (
        replace(dated, product_ids=product_ids),
        replace(FIFTH_OFF, product_ids=product_ids[:1], programme="club"),
        replace(TWO_FOR, product_ids=()),
        BIG_SHOP,
    )
    store = replace(store, promotions=offered)
    write_store(store, tmp_path / "shop")
    assert load_store(tmp_path / "shop").promotions == offered


MISTAKES = {
    'id = "x"\nname = "X"\n': "no kind, or several",
    'id = "x"\nname = "X"\npercent = 10.0\nbuy = 3\nfree = 1\n': "no kind, or several",
    'id = "x"\nname = "X"\npercent = 101.0\n': "less than or equal to 100",
    'id = "x"\nname = "X"\nbuy = 3\n': "free or price beside buy",
    'id = "x"\nname = "X"\nbuy = 3\nfree = 3\n': "more is free than is bought",
    'id = "x"\nname = "X"\nspend = "20.00"\n': "off beside spend",
    'id = "x"\nname = "X"\npercent = 5.0\nproducts = ["nothing"]\n': "unknown product",
    'id = "x"\nname = "X"\npercent = 5.0\ncolour = 1\n': "unknown field",
    'id = "x"\nname = "X"\npercent = 5.0\nvalid_from = 2026-06-02\nvalid_until = 2026-06-01\n': "ends before it begins",
    'id = "x"\nname = "X"\nspend = "20.001"\noff = "1.00"\n': "at most 2 digits",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_in_the_file_is_named_with_its_line(tmp_path: Path, text: str) -> None:
    write_store(load_store("corner"), tmp_path / "shop")
    (tmp_path / "shop" / "promotions.toml").write_text(f"format = 1\n\n[[promotion]]\n{text}")
    with pytest.raises(StoreError, match=MISTAKES[text]) as refused:
        load_store(tmp_path / "shop")
    assert "promotions.toml:" in str(refused.value)
