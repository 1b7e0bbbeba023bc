"""What a cart is told about promotions while it fills."""

from tests.unit.receipts.test_promotions import (
    BIG_SHOP,
    FIFTH_OFF,
    NOW,
    THREE_FOR_TWO,
    TWO_FOR,
    with_promotions,
)

from openaisle.core.messages import CartClosed, CartLine
from openaisle.receipts.offers import Offer, offers
from openaisle.receipts.receipt import Receipts
from openaisle.store.schema import Promotion

ALL = (THREE_FOR_TWO, FIFTH_OFF, TWO_FOR, BIG_SHOP)


def cart(*lines: tuple[str, int, int]) -> list[CartLine]:
    return [
        CartLine(
            product_id=product_id,
            quantity=quantity,
            price_minor=minor,
            probability=0.99,
            pending=False,
            slot_id=None,
            picked_ns=NOW,
        )
        for product_id, quantity, minor in lines
    ]


def told(
    lines: list[CartLine], *promotions: Promotion, programmes: frozenset[str] = frozenset()
) -> list[Offer]:
    return offers(lines, promotions or ALL, programmes, NOW)


def test_a_percentage_applies_at_once() -> None:
    (offer,) = told(cart(("bread", 2, 299)), FIFTH_OFF)
    assert (offer.applies, offer.saves_minor) == (True, 120)


def test_what_one_more_would_bring_is_said_and_then_applies() -> None:
    (offer,) = told(cart(("cola", 2, 150)), THREE_FOR_TWO)
    assert (offer.applies, offer.missing_units, offer.saves_minor) == (False, 1, 150)
    (offer,) = told(cart(("cola", 1, 150)), THREE_FOR_TWO)
    assert offer.missing_units == 2
    (offer,) = told(cart(("cola", 2, 150), ("lemonade", 1, 150)), THREE_FOR_TWO)
    assert (offer.applies, offer.saves_minor) == (True, 150)


def test_a_threshold_is_mentioned_from_half_of_it_on() -> None:
    assert told(cart(("bread", 1, 299)), BIG_SHOP) == []
    (offer,) = told(cart(("bread", 2, 299)), BIG_SHOP)
    assert (offer.missing_minor, offer.saves_minor) == (402, 100)
    (offer,) = told(cart(("bread", 4, 299)), BIG_SHOP)
    assert (offer.applies, offer.saves_minor) == (True, 100)


def test_what_counts_towards_a_threshold_is_what_is_left_to_pay() -> None:
    (applies, near) = told(cart(("bread", 3, 299)), FIFTH_OFF, BIG_SHOP)
    assert (applies.promotion_id, near.missing_minor) == ("p2", 1000 - 897 + 179)


def test_nothing_in_the_cart_is_no_offer_and_neither_is_what_ended() -> None:
    assert told([]) == []
    over = Promotion(promotion_id="old", name="old", product_ids=("cola",), buy=2, free=1, until_ns=NOW)
    assert told(cart(("cola", 1, 150)), over) == []


def test_members_alone_are_told_of_theirs() -> None:
    club = Promotion(promotion_id="club", name="club", product_ids=("bread",), percent=10.0, programme="club")
    assert told(cart(("bread", 1, 299)), club) == []
    assert told(cart(("bread", 1, 299)), club, programmes=frozenset({"club"}))[0].applies


def test_what_applies_is_what_the_receipt_takes_off() -> None:
    lines = cart(("cola", 4, 150), ("bread", 1, 299), ("bread", 2, 299), ("chocolate", 3, 119))
    store = with_promotions(*ALL)
    closed = CartClosed(visit_id="v", closed_ns=NOW, lines=tuple(lines))
    (receipt,) = Receipts(store).step([closed], NOW)
    saved = sum(offer.saves_minor for offer in told(lines) if offer.applies)
    assert saved == sum(line.discount_minor for line in receipt.lines) > 0
