"""Fits what turns likeness into probabilities, on random stores that were neither trained on nor are measured on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar

from openaisle.detections.products import (
    Calibration,
    Nothing,
    ProductNetwork,
    ProductRecogniser,
    ProductSettings,
    Seen,
    logits,
    probabilities,
)
from openaisle.learning.galleries import rendered_gallery
from openaisle.learning.people_stores import training_store
from openaisle.learning.products_held_out import HandPicture, HandPictures, hand_crop

PACK_PX: Final = (15.0, 200.0)
NONE_SHARE: Final = 0.2
"""Of crops that show none of the plausible products: `ProductLook` says so to whoever reads its probabilities."""
NONE_RECALL: Final = 0.965
NONE_PX_MIN: Final = 40.0
"""The threshold for "none of these" is set on packs of so many px and more, for this recall."""
CROPS_A_HAND: Final = 4
PRODUCTS_MAX: Final = 60  # of a store


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """Which random stores, and how many hands with each product."""

    first_store: int = 8000
    stores: int = 4
    hands: int = 1


@dataclass(frozen=True)
class Example:
    """One crop against some plausible products."""

    likeness: NDArray[np.float32]  # [n]
    evidence: NDArray[np.float32]  # [n]
    nothing: Nothing
    side_px: float
    pack_px: float
    truth: int  # index among the plausible, n = none of them


def calibrate(
    settings: ProductSettings, held_out: HeldOut, report: Callable[[int], None] = lambda _: None
) -> dict[str, Any]:
    """The metadata entry `calibration` for the weights in use."""
    network = ProductNetwork(settings)
    examples = collect(network, held_out, report)
    fitted = fit(examples, network.calibration)
    return {"calibration": asdict(fitted), "calibrated_on": asdict(held_out) | {"crops": len(examples)}}


def collect(
    network: ProductNetwork, held_out: HeldOut, report: Callable[[int], None] = lambda _: None
) -> list[Example]:
    """Crops of every store against its own gallery, and those of its empty hands and of the store before it."""
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
        seen, pack_px = _seen(network, pictures, rng)
        truth = [row_of[picture.product_id] for picture in pictures if picture.product_id] * CROPS_A_HAND
        examples += _examples(recogniser, seen, pack_px, truth, rng)
        nobody = [_seen(network, list(hands.empty(round(0.1 * len(pictures)))), rng)]
        nobody += [strangers] if strangers else []
        for none_seen, none_px in nobody:
            examples += _examples(recogniser, none_seen, none_px, [-1] * len(none_px), rng)
        kept = slice(0, round(0.15 * len(pack_px)))
        shuffled = rng.permutation(len(pack_px))[kept]
        strangers = (
            Seen(seen.vectors[shuffled], seen.cells[shuffled], seen.sides_px[shuffled]),
            [pack_px[index] for index in shuffled.tolist()],
        )
        report(number + 1)
    return examples


def fit(examples: list[Example], start: Calibration) -> Calibration:
    """The calibration of least surprise (log loss), with `NONE_SHARE` of the weight on crops of none."""
    is_none = np.array([example.truth == len(example.likeness) for example in examples])
    weight = np.where(
        is_none, NONE_SHARE / max(is_none.sum(), 1), (1 - NONE_SHARE) / max((~is_none).sum(), 1)
    )

    def made(numbers: NDArray[np.float64]) -> Calibration:
        s0, s1, t0, t1, others, empty, closer = (float(value) for value in numbers)
        return replace(
            start,
            scale=(s0, s1), nothing=(t0, t1), others=others, empty=empty * 10, closer=float(np.exp(closer)),
        )  # fmt: skip

    def surprise(numbers: NDArray[np.float64]) -> float:
        calibration = made(numbers)
        chance = np.array([_chances(calibration, example)[example.truth] for example in examples])
        return float(-(weight * np.log(np.maximum(chance, 1e-9))).sum())

    found = minimize(
        surprise,
        np.array([2.7, 0.1, 0.3, 0.05, 0.5, 0.0, 2.5]),
        method="Nelder-Mead",
        options={"maxiter": 900},
    )
    fitted = made(found.x)
    none = [
        _chances(fitted, example)[-1]
        for example, none in zip(examples, is_none, strict=True)
        if none and example.pack_px >= NONE_PX_MIN
    ]
    threshold = float(np.quantile(none, 1 - NONE_RECALL)) if none else fitted.none_at
    return replace(fitted, none_at=round(threshold, 4), even=round(fit_even(fitted, examples), 3))


def fit_even(calibration: Calibration, examples: Sequence[Example]) -> float:
    """What log odds against "none of these" lack for all to be as likely as each other beforehand.

    One number, whatever the number of plausible products: a likelihood does not depend on its rivals.
    """
    found = [
        (logits(calibration, one.likeness, one.evidence, one.nothing, one.side_px), one.truth)
        for one in examples
    ]
    log_odds = [(values[:-1] - values[-1], truth) for values, truth in found]
    is_none = np.array([truth == len(odds) for odds, truth in log_odds])
    counts = np.array([len(odds) for odds, _ in log_odds])
    weight = np.where(
        is_none, 1 / (counts + 1) / max(is_none.sum(), 1), counts / (counts + 1) / max((~is_none).sum(), 1)
    )

    def surprise(even: float) -> float:
        lost = [
            np.logaddexp.reduce(np.append(odds + even, 0.0)) - np.append(odds + even, 0.0)[truth]
            for odds, truth in log_odds
        ]
        return float((weight * np.array(lost)).sum())

    found: Any = minimize_scalar(surprise, bounds=(-5.0, 5.0), method="bounded")
    return float(found.x)


def _chances(calibration: Calibration, example: Example) -> NDArray[np.float64]:
    return probabilities(calibration, example.likeness, example.evidence, example.nothing, example.side_px)


def _seen(
    network: ProductNetwork, pictures: list[HandPicture], rng: np.random.Generator
) -> tuple[Seen, list[float]]:
    low, high = np.log(PACK_PX)
    pack_px = np.exp(rng.uniform(low, high, CROPS_A_HAND * len(pictures))).tolist()
    crops = [
        hand_crop(picture, px, rng) for picture, px in zip(pictures * CROPS_A_HAND, pack_px, strict=True)
    ]
    return network.see(crops), pack_px


def _examples(
    recogniser: ProductRecogniser,
    seen: Seen,
    pack_px: list[float],
    truth: list[int],
    rng: np.random.Generator,
) -> list[Example]:
    """Each crop against all products or some; rows of `truth`, -1 = none."""
    count = len(recogniser.product_ids)
    examples: list[Example] = []
    for index, row in enumerate(truth):
        few = min(count, int(np.exp(rng.uniform(np.log(3), np.log(count + 1)))))
        rows = rng.permutation(count)[:few]
        if row >= 0 and row not in rows:
            rows[0] = row
        likeness = recogniser.likeness(seen.vectors[index : index + 1], rows)[0]
        evidence = recogniser.closer_look(seen.cells[index], likeness, rows)
        at = int(np.flatnonzero(rows == row)[0]) if row >= 0 else few
        nothing = recogniser.nothing(seen.vectors[index])
        side = float(seen.sides_px[index])
        examples.append(Example(likeness, evidence, nothing, side, pack_px[index], at))
    return examples
