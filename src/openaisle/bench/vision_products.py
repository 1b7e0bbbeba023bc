"""How well products are told apart: hands with the goods of a store that nothing was trained on, by px a pack.

Simulator figures. A picture is of a shopper of the simulator taking a pack out of its slot, from the store's camera
that looks most nearly at the pack's front of those that see it well; `any_view` is from any camera that sees
some of it. Crops are off the pack's middle and of the wrong size, as a hand's window is; with noise, motion, encoder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from openaisle.core.messages import ProductId
from openaisle.detections.products import (
    NONE_SHARE,
    ProductLook,
    ProductNetwork,
    ProductRecogniser,
    ProductSettings,
    Seen,
)
from openaisle.learning.galleries import rendered_gallery
from openaisle.learning.people_stores import training_store
from openaisle.learning.products_held_out import HandPicture, HandPictures, hand_crop
from openaisle.store.schema import Store

Report = Callable[[int], None]

CURVE_PX: Final = (15, 20, 30, 40, 60, 80, 100, 150, 200)
TOP_PX: Final = 60
PAIR_PX: Final = 100
BINS: Final = 10
STEPS: Final = 4
STRANGERS_FROM: Final = 9500
"""Seed of the random store whose goods the measured store does not sell."""


def products_report(
    store: Store,
    *,
    seed: int,
    hands: int = 3,
    settings: ProductSettings | None = None,
    report: Report = lambda _: None,
) -> dict[str, Any]:
    """The figures of one store; `report` hears how many of `STEPS` are done."""
    network = ProductNetwork(settings)
    recogniser = ProductRecogniser(rendered_gallery(store, network), network)
    report(1)
    makers = HandPictures(store, seed)
    ids = sorted(store.products)
    pictures = list(makers.of_products(ids, hands))
    report(2)
    any_view = list(makers.of_products(ids, max(1, hands // 3), best=False))
    empty = list(makers.empty(max(8, len(pictures) // 10)))
    other = training_store(STRANGERS_FROM)
    strangers = list(HandPictures(other, seed).of_products(sorted(other.products)[: len(ids)], 1))
    report(3)
    rng = np.random.default_rng([seed, 41])
    looks: dict[int, list[ProductLook]] = {}
    pairs: dict[str, Any] = {}
    for px in CURVE_PX:
        seen = _look(network, pictures, px, rng)
        looks[px] = _judge(recogniser, seen)
        if px == PAIR_PX:
            pairs = _pairs(recogniser, store, seen, pictures)
    none = {
        "empty_hands": _judge(recogniser, _look(network, empty, TOP_PX, rng)),
        "strangers": _judge(recogniser, _look(network, strangers, TOP_PX, rng)),
    }
    any_looks = _judge(recogniser, _look(network, any_view, TOP_PX, rng))
    report(4)
    sixty = _figures(looks[TOP_PX], pictures)
    found_none = {name: [look.is_none for look in some] for name, some in none.items()}
    every = [one for flags in found_none.values() for one in flags]
    return {
        "store": store.store_id,
        "seed": seed,
        "products": len(recogniser.product_ids),
        "hands": len(pictures),
        "network_sha256": network.sha256,
        "top1_60px": sixty["top1"],
        "top5_60px": sixty["top5"],
        "top1_60px_front": sixty["front"],
        "any_view_top1_60px": _top(any_looks, any_view),
        "any_view_hands": len(any_view),
        "look_alikes_100px": pairs,
        "none_recall_60px": float(np.mean(every)),
        "none": {
            name: {"n": len(flags), "recall": float(np.mean(flags))} for name, flags in found_none.items()
        },
        "called_none_60px": sixty["called_none"],
        "none_threshold": recogniser.calibration.none_at,
        "top1_by_px": {str(px): _top(some, pictures) for px, some in looks.items()},
        "ece": _calibration(looks, pictures, none),
    }


def lines(figures: dict[str, Any]) -> list[tuple[str, str]]:
    """What a person reads of a report: name and value."""
    pairs, none, error = figures["look_alikes_100px"], figures["none"], figures["ece"]
    told_apart = "no pairs" if pairs["accuracy"] is None else f"{pairs['accuracy']:.3f} (n {pairs['n']})"
    return [
        ("products, hands", f"{figures['products']}, {figures['hands']}"),
        ("top-1, top-5 at 60 px a pack", f"{figures['top1_60px']:.3f}, {figures['top5_60px']:.3f}"),
        ("  from cameras before its front", f"{figures['top1_60px_front']:.3f}"),
        ("  from any camera that sees it", f"{figures['any_view_top1_60px']:.3f}"),
        ("told from its look-alike at 100 px", told_apart),
        (
            "none of these: found",
            f"{figures['none_recall_60px']:.3f} (n {sum(n['n'] for n in none.values())})",
        ),
        ("none of these: said of a known product", f"{figures['called_none_60px']:.3f}"),
        ("calibration error", f"{error['error']:.3f} (n {error['n']})"),
        ("top-1 by px", ", ".join(f"{px} {share:.2f}" for px, share in figures["top1_by_px"].items())),
    ]


def calibration_error(
    chances: NDArray[np.float64], is_right: NDArray[np.bool_], weights: NDArray[np.float64]
) -> float:
    """Expected calibration error in ten equal bins (Guo et al. 2017) of weighted answers."""
    bins = np.minimum((chances * BINS).astype(int), BINS - 1)
    total = 0.0
    for each in range(BINS):
        chosen = bins == each
        mass = weights[chosen].sum()
        if mass > 0:
            gap = (weights[chosen] * (chances[chosen] - is_right[chosen])).sum() / mass
            total += mass * abs(gap)
    return float(total / weights.sum())


def _look(
    network: ProductNetwork, pictures: Sequence[HandPicture], px: float, rng: np.random.Generator
) -> Seen:
    return network.see([hand_crop(picture, px, rng) for picture in pictures])


def _judge(recogniser: ProductRecogniser, seen: Seen) -> list[ProductLook]:
    return recogniser.judge(seen, np.arange(len(recogniser.product_ids)))


def _top(looks: Sequence[ProductLook], pictures: Sequence[HandPicture]) -> float:
    """Share of crops whose likeliest product is right; none of these is not asked."""
    return float(
        np.mean([look.top[0][0] == one.product_id for look, one in zip(looks, pictures, strict=True)])
    )


def _figures(looks: Sequence[ProductLook], pictures: Sequence[HandPicture]) -> dict[str, float]:
    right = np.array([look.top[0][0] == one.product_id for look, one in zip(looks, pictures, strict=True)])
    in_five = [
        one.product_id in [name for name, _ in look.top] for look, one in zip(looks, pictures, strict=True)
    ]
    is_front = np.array([picture.front_cos > 0.5 for picture in pictures])
    return {
        "top1": float(right.mean()),
        "top5": float(np.mean(in_five)),
        "front": float(right[is_front].mean()) if is_front.any() else float("nan"),
        "called_none": float(np.mean([look.is_none for look in looks])),
    }


def _pairs(
    recogniser: ProductRecogniser, store: Store, seen: Seen, pictures: Sequence[HandPicture]
) -> dict[str, Any]:
    """Each crop of a product with a look-alike, against those two only, with and without the look at the cells."""
    alike: dict[ProductId, ProductId] = {}
    for product_id, product in sorted(store.products.items()):
        if product.look_alike_of is not None:
            alike[product_id], alike[product.look_alike_of] = product.look_alike_of, product_id
    row_of = {product_id: row for row, product_id in enumerate(recogniser.product_ids)}
    closer: list[bool] = []
    whole: list[bool] = []
    front: list[bool] = []
    for index, picture in enumerate(pictures):
        if picture.product_id not in alike:
            continue
        rows = np.array([row_of[picture.product_id], row_of[alike[picture.product_id]]])
        one = Seen(*(array[index : index + 1] for array in (seen.vectors, seen.cells, seen.sides_px)))
        look = recogniser.judge(one, rows, top=1)[0]
        likeness = recogniser.likeness(one.vectors, rows)[0]
        closer.append(look.top[0][0] == picture.product_id)
        whole.append(bool(likeness[0] > likeness[1]))
        front.append(picture.front_cos > 0.5)
    right, is_front = np.array(closer), np.array(front)
    return {
        "n": len(closer),
        "accuracy": float(right.mean()) if len(closer) else None,
        "accuracy_front": float(right[is_front].mean()) if is_front.any() else None,
        "n_front": int(is_front.sum()),
        "accuracy_without_cells": float(np.mean(whole)) if whole else None,
    }


def _calibration(
    looks: Mapping[int, Sequence[ProductLook]],
    pictures: Sequence[HandPicture],
    none: Mapping[str, Sequence[ProductLook]],
) -> dict[str, Any]:
    """Of the likeliest answer, none included, over all sizes; crops of none weigh as beforehand."""
    answers: list[tuple[float, bool, bool]] = []  # chance, is right, shows a product
    for some in looks.values():
        for look, picture in zip(some, pictures, strict=True):
            name, chance = look.top[0]
            is_right = chance >= look.none and name == picture.product_id
            answers.append((max(chance, look.none), is_right, True))
    for some in none.values():
        answers += [(max(look.top[0][1], look.none), look.none > look.top[0][1], False) for look in some]
    chances, right, product = (np.array(column) for column in zip(*answers, strict=True))
    weights = np.where(product, (1 - NONE_SHARE) / product.sum(), NONE_SHARE / max((~product).sum(), 1))
    error = calibration_error(chances, right, weights)
    return {"error": error, "bins": BINS, "n": len(answers), "none_share": NONE_SHARE}
