"""Crops that likeness is turned into probabilities by: of random stores neither trained on nor measured on.

What other shops sell is named here too: packs of more random stores, enrolled as a shop enrols its own. The network
was not taught on them, so that they lie where packs it has never seen lie, and not where it was taught to put its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import numpy as np

from openaisle.detections.products import (
    Floats,
    ProductNetwork,
    ProductRecogniser,
    ProductSettings,
    Seen,
    others_of,
    packed_others,
    unit,
)
from openaisle.learning.galleries import rendered_gallery
from openaisle.learning.people_stores import training_store
from openaisle.learning.products_held_out import HandPicture, HandPictures, hand_crop
from openaisle.learning.products_odds import Example, fit
from openaisle.sim.pack_pictures import gallery_pictures, goods_for_pictures

PACK_PX: Final = (15.0, 200.0)
CROPS_A_HAND: Final = 4
CROPS_EMPTY: Final = 2  # of the same hand without its pack
STRANGERS_SHARE: Final = 0.4  # of a store's crops, shown to the next one
PRODUCTS_MAX: Final = 60  # of a store
OTHERS_FROM: Final = 8100
"""Seed of the first store whose products are what other shops sell."""
OTHERS_STORES: Final = 40
OTHERS_VIEWS: Final = (0, 3)
"""Of a product's enrolment pictures: its front, from above and from farther above. All eight serve hardly better."""


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """Which random stores, and how many hands with each product."""

    first_store: int = 8000
    stores: int = 4
    hands: int = 1


def calibrate(
    settings: ProductSettings,
    held_out: HeldOut,
    report: Callable[[int], None] = lambda _: None,
    *,
    others: int = OTHERS_STORES,
) -> dict[str, Any]:
    """The metadata entries `others_enrolled` and `calibration` for the weights in use; without `others` stores the
    former stays.

    `report` hears how many stores are done, those of the others among them.
    """
    network = ProductNetwork(settings)
    said: dict[str, Any] = {}
    if others:
        enrolled = other_shops(network, OTHERS_FROM, others, report)
        said = {"others_enrolled": packed_others(enrolled), "others_of": [OTHERS_FROM, others]}
        network.others = others_of({"others": network.metadata.get("others", "")} | said)
    examples = collect(network, held_out, lambda done: report(others + done))
    fitted = fit(examples, network.calibration)
    return said | {
        "calibration": asdict(fitted),
        "calibrated_on": asdict(held_out) | {"crops": sum(not each.is_long for each in examples)},
    }


def other_shops(
    network: ProductNetwork, first_store: int, stores: int, report: Callable[[int], None] = lambda _: None
) -> Floats:
    """Unit vectors [n, 128] of the products of some random stores, much as a gallery has them."""
    found: list[Floats] = []
    for number in range(stores):
        store = training_store(first_store + number)
        goods = goods_for_pictures(store)
        for product_id in sorted(store.products):
            pictures = gallery_pictures(store, goods, product_id)
            found.append(network.enrol([pictures[view] for view in OTHERS_VIEWS]).vectors.sum(axis=0))
        report(number + 1)
    return unit(np.array(found, np.float32))


def collect(
    network: ProductNetwork, held_out: HeldOut, report: Callable[[int], None] = lambda _: None
) -> list[Example]:
    """Crops of every store against its own gallery, those of the same hands without their packs, and of the store
    before it."""
    examples: list[Example] = []
    strangers: tuple[Seen, list[float]] | None = None
    for number in range(held_out.stores):
        seed = held_out.first_store + number
        rng = np.random.default_rng([seed, 5])
        store = training_store(seed)
        hands = HandPictures(store, seed)
        chosen = sorted(store.products)[:PRODUCTS_MAX]
        recogniser = ProductRecogniser(rendered_gallery(store, network, chosen), network)
        row_of = {product_id: row for row, product_id in enumerate(recogniser.product_ids)}
        pictures = list(hands.of_products(chosen, held_out.hands))
        seen, pack_px = _seen(network, pictures, rng, CROPS_A_HAND)
        truth = [row_of[picture.product_id] for picture in pictures if picture.product_id] * CROPS_A_HAND
        examples += _examples(recogniser, seen, pack_px, truth, rng, number)
        empty = [replace(each, product_id=None, pixels=each.without) for each in pictures]
        empty_seen, empty_px = _seen(network, empty, rng, CROPS_EMPTY)
        none = [-1] * len(empty_px)
        examples += _examples(recogniser, empty_seen, empty_px, none, rng, number, holds=False)
        if strangers:
            none = [-1] * len(strangers[1])
            examples += _examples(recogniser, *strangers, none, rng, number)
        shuffled = rng.permutation(len(pack_px))[: round(STRANGERS_SHARE * len(pack_px))]
        strangers = (
            Seen(seen.vectors[shuffled], seen.cells[shuffled], seen.sides_px[shuffled]),
            [pack_px[index] for index in shuffled.tolist()],
        )
        report(number + 1)
    return examples


def _seen(
    network: ProductNetwork, pictures: list[HandPicture], rng: np.random.Generator, times: int
) -> tuple[Seen, list[float]]:
    """Each picture so many times, every time from another distance."""
    low, high = np.log(PACK_PX)
    pack_px = np.exp(rng.uniform(low, high, times * len(pictures))).tolist()
    crops = [hand_crop(picture, px, rng) for picture, px in zip(pictures * times, pack_px, strict=True)]
    return network.see(crops), pack_px


def _examples(
    recogniser: ProductRecogniser,
    seen: Seen,
    pack_px: list[float],
    truth: list[int],
    rng: np.random.Generator,
    store: int,
    *,
    holds: bool = True,
) -> list[Example]:
    """Each crop against some products and against all, as rivals of a short and of a long list differ; rows of `truth`,
    -1 = none."""
    count = len(recogniser.product_ids)
    examples: list[Example] = []
    for index, row in enumerate(truth):
        few = min(count, int(np.exp(rng.uniform(np.log(3), np.log(count + 1)))))
        some = rng.permutation(count)[:few]
        if row >= 0 and row not in some:
            some[0] = row
        vector, side = seen.vectors[index], float(seen.sides_px[index])
        nothing = recogniser.nothing(vector)
        for rows, is_long in ((some, False), (np.arange(count), True)):
            likeness = recogniser.likeness(vector[None], rows)[0]
            evidence = recogniser.closer_look(seen.cells[index], likeness, rows)
            at = int(np.flatnonzero(rows == row)[0]) if row >= 0 else len(rows)
            examples.append(
                Example(likeness, evidence, nothing, side, pack_px[index], at, vector, store, holds, is_long)
            )
    return examples
