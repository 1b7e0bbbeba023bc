"""Hands to be measured on: how much of a picture tells a pack from its look-alike."""

from openaisle.core.messages import ProductId
from openaisle.learning.people_stores import training_store
from openaisle.learning.products_held_out import HandPictures, look_alikes
from openaisle.store.schema import Store


def pair(store: Store) -> tuple[ProductId, ProductId]:
    return next(
        (product_id, product.look_alike_of)
        for product_id, product in sorted(store.products.items())
        if product.look_alike_of is not None
    )


def test_look_alikes_are_each_others_and_only_among_those_asked_for() -> None:
    store = training_store(35)
    one, other = pair(store)
    assert look_alikes(store, [one, other]) == {one: other, other: one}
    assert look_alikes(store, [one]) == {}


def test_a_picture_says_how_much_of_it_tells_a_pack_from_its_look_alike() -> None:
    store = training_store(35)
    one, other = pair(store)
    plain = next(each for each in sorted(store.products) if each not in look_alikes(store, store.products))
    pictures = list(HandPictures(store, 3).of_products([one, other, plain], 3))
    shares = [picture.marked for picture in pictures if picture.product_id != plain]
    assert shares
    assert all(share is not None and 0 <= share < 1 for share in shares)
    assert max(share or 0.0 for share in shares) > 0.005
    assert all(picture.marked is None for picture in pictures if picture.product_id == plain)
