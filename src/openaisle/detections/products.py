"""Which product a picture shows: retrieval from the shop's gallery, look-alikes told apart where they differ.

    recogniser = ProductRecogniser(load_gallery(path, network.sha256), network)
    look = recogniser.recognise([cut_window(main_frame, (left, top, side))], plausible=["P004", "P005"])[0]

One network turns a crop into a unit vector of the whole and one of each cell. Products are first compared by the whole:
the mean over some glances at the crop against the mean over a product's pictures (glances.py). Those that come near the
best are then compared in pairs, cell by cell: each cell of the crop is found in the pictures of both, and what it says
counts as much as the place where it is found differs between the two. Logits of both looks, and one for "none of
these", go through one softmax, whose scales were fitted on other stores. A crop shows none of a shop's products the
more likely, the more it is like some product that other shops sell (the network's file names a thousand of them), or
like a hand that holds nothing, which is told from hands with packs by one direction of the vector.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from openaisle.core.errors import InputError
from openaisle.core.messages import ProductId
from openaisle.detections import glances
from openaisle.detections.gallery import Enrolled, Gallery
from openaisle.detections.runtime import OnnxModel, RuntimeSettings

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]
Reals = NDArray[np.floating]

PRODUCTS_FILE: Final = "products.onnx"
PRODUCTS_KIND: Final = "products"
FEATURES: Final = 128
CELL_FEATURES: Final = 32
LOOK_PX: Final = 96
"""Side of the network's input."""
NEAR: Final = 0.2
RIVALS_MAX: Final = 4
"""Compared cell by cell: at most so many products, whose likeness is at most so much less than the best's."""
CENTRE_SD: Final = 0.25  # of a picture's side
PAIRS_KEPT_MAX: Final = 512


@dataclass(frozen=True, kw_only=True)
class ProductSettings:
    """How products are recognised."""

    runtime: RuntimeSettings = field(default_factory=RuntimeSettings)
    batch_max: int = 32  # crops that go through the network at once


@dataclass(frozen=True)
class Calibration:
    """From similarities to probabilities. `x` is the logarithm of the crop's side over 100 px, kept in -2..1."""

    scale: tuple[float, float] = (3.0, 0.0)  # log of the logits' scale: at x = 0, and with x
    nothing: tuple[float, float] = (0.5, 0.0)  # similarity at which "none of these" is as likely
    others: float = 0.0  # how much of its likeness to another shop's product that similarity rises by
    empty: float = 0.0  # how much more like an empty hand than like a product it must look
    empty_scale: float = 0.0  # of the likeness to an empty hand; 0: as of all others
    empty_size: float = 0.0  # by how much that changes with x
    empty_near: float = (
        0.0  # how much of the likeness to the nearest product of any shop counts for an empty hand
    )
    many: float = 0.0  # how much the logarithm of the number of plausible products counts for "none of these"
    closer: float = 20.0  # weight of the comparison by cells
    sharper: float = 1.0  # times surer which product it is, once "none of these" is weighed
    none_at: float = 0.5  # from this probability on, a decision is "none of these"
    charge_at: float = (
        0.5  # from this one on, the best product is sure enough to be charged (`learn threshold`)
    )
    empty_vector: tuple[float, ...] = ()  # the direction in which empty hands differ from those with a pack
    even: float = 1.2  # on the log odds of a product against none, where both are as likely beforehand

    @staticmethod
    def of_metadata(metadata: dict[str, Any]) -> Calibration:
        """What a weight file says of itself; what it does not say keeps its default."""
        found = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in metadata.get("calibration", {}).items()
        }
        return replace(Calibration(), **found)


class Nothing(NamedTuple):
    """How like a crop is to what no plausible product is: cosines, of one crop or [k] of several."""

    empty: float | Reals  # an empty hand; -1 where the network does not know it
    other: float | Reals  # the nearest product of other shops; 0 where the network knows none
    nearest: float | Reals = 0.0  # the nearest product of any shop, this one's too, whether plausible or not


@dataclass(frozen=True)
class ProductLook:
    """What one crop says. Probabilities of all plausible products and of `none` sum to 1.

    They hold where every plausible product is as likely as any other beforehand, and where one crop in five shows
    none of them, however many are plausible. Whoever knows better multiplies by his own prior over that one.
    """

    top: tuple[tuple[ProductId, float], ...]  # best first
    none: float
    is_none: bool  # `none` has reached the threshold that the model card names
    is_sure: bool = False  # the best one has reached the threshold chosen for the cost of a wrong charge

    @property
    def best(self) -> ProductId | None:
        """The likeliest product, None where "none of these" is decided."""
        return None if self.is_none or not self.top else self.top[0][0]


@dataclass(frozen=True)
class Seen:
    """Crops after the network."""

    vectors: Floats  # [n, 128]
    cells: Floats  # [n, cells, 32]
    sides_px: Floats  # [n] of the crops as they came


class ProductNetwork:
    """The network alone: what enrolment and recognition share."""

    def __init__(self, settings: ProductSettings | None = None) -> None:
        """Raises ModelError when the weight file is missing or wrong."""
        self._settings = settings or ProductSettings()
        path = self._settings.runtime.weights / PRODUCTS_FILE
        self._model = OnnxModel(
            path,
            kind=PRODUCTS_KIND,
            inputs={"pixels": (None, None, None, 3)},
            outputs=("vectors", "cells"),
            settings=self._settings.runtime,
        )
        self.sha256 = file_sha256(path)
        self.metadata = self._model.metadata
        self.calibration = Calibration.of_metadata(self._model.metadata)
        self.others = others_of(self._model.metadata)

    def see(self, crops: Sequence[Pixels]) -> Seen:
        """Crops uint8 [h, w, 3] BGR of any size to unit vectors, each the mean of some glances."""
        sides = np.array([max(crop.shape[:2]) for crop in crops], np.float32)
        return Seen(*self._glance(crops, glances.OF_CROPS), sides)

    def enrol(self, pictures: Sequence[Pixels]) -> Enrolled:
        """Pictures of one product, the pack filling most of each, to what a gallery keeps."""
        return Enrolled(*self._glance(pictures, glances.OF_PICTURES))

    def _glance(self, pictures: Sequence[Pixels], how: Sequence[glances.Glance]) -> tuple[Floats, Floats]:
        """Mean unit vectors [n, 128] of all glances, and cells [n, cells, 32] of the first."""
        seen = [squared(picture) for picture in glances.glanced_at(pictures, how)]
        vectors = np.zeros((len(seen), FEATURES), np.float32)
        cells = np.zeros((len(pictures), (LOOK_PX // 8) ** 2, CELL_FEATURES), np.float32)
        for begin in range(0, len(seen), self._settings.batch_max):
            part = slice(begin, begin + self._settings.batch_max)
            vectors[part], found = self._model.run(pixels=np.stack(seen[part]))
            firsts = np.arange(begin, begin + len(found)) % len(how) == 0
            cells[(begin + np.flatnonzero(firsts)) // len(how)] = found[firsts]
        return unit(vectors.reshape(len(pictures), len(how), FEATURES).sum(axis=1)), cells


class ProductRecogniser:
    """Crops to products, for one gallery. Keeps no pictures and no state but what it has worked out of the gallery."""

    def __init__(
        self,
        gallery: Gallery,
        network: ProductNetwork | None = None,
        *,
        calibration: Calibration | None = None,
    ) -> None:
        """`calibration` instead of the network's own, for fitting one."""
        self._network = network or ProductNetwork()
        assert gallery.network_sha256 == self._network.sha256
        self.calibration = calibration or self._network.calibration
        self.product_ids = tuple(sorted(gallery.products))
        self._row_of = {product_id: row for row, product_id in enumerate(self.product_ids)}
        self._enrolled = [gallery.products[product_id] for product_id in self.product_ids]
        sums = [enrolled.vectors.sum(axis=0) for enrolled in self._enrolled]
        self._vectors = unit(np.array(sums, np.float32).reshape(-1, FEATURES))
        self._pairs: dict[tuple[int, int], tuple[Floats, Floats]] = {}

    def recognise(
        self, crops: Sequence[Pixels], plausible: Sequence[ProductId] | None = None, *, top: int = 5
    ) -> list[ProductLook]:
        """What each crop (uint8 [h, w, 3] BGR, any size) shows, among the plausible products or all enrolled ones.

        Plausible products that are not enrolled are a mistake (InputError): nothing can be said about them.
        """
        rows = self._rows(plausible)
        if not crops:
            return []
        return self.judge(self._network.see(crops), rows, top=top)

    def log_odds(self, crops: Sequence[Pixels], plausible: Sequence[Sequence[ProductId]]) -> list[Floats]:
        """Of each plausible product of each crop against "none of these", all as likely as each other beforehand.

        Every crop has its own products; all go through the network together. Of a product that is not enrolled nothing
        is known but that the crop shows none of the others: it is as likely as "none of these", so 0.
        """
        assert len(crops) == len(plausible)
        seen = self._network.see(crops)
        return [self._log_odds(seen, index, products) for index, products in enumerate(plausible)]

    def _log_odds(self, seen: Seen, index: int, products: Sequence[ProductId]) -> Floats:
        odds = np.zeros(len(products), np.float32)
        enrolled = [at for at, product_id in enumerate(products) if product_id in self._row_of]
        if enrolled:
            rows = np.array([self._row_of[products[at]] for at in enrolled], np.intp)
            found = self.logits(seen, index, rows)
            odds[enrolled] = found[:-1] - found[-1] + self.calibration.even
        return odds

    def judge(self, seen: Seen, rows: NDArray[np.intp], *, top: int = 5) -> list[ProductLook]:
        """What crops show that the network has seen already."""
        looks: list[ProductLook] = []
        for index in range(len(seen.vectors)):
            chances = _chances(self.calibration, self.logits(seen, index, rows))
            order = np.argsort(-chances[:-1], kind="stable")[:top]
            named = tuple((self.product_ids[rows[at]], float(chances[at])) for at in order)
            none = float(chances[-1])
            is_sure = bool(named) and named[0][1] >= self.calibration.charge_at
            looks.append(ProductLook(named, none, none >= self.calibration.none_at, is_sure))
        return looks

    def logits(self, seen: Seen, index: int, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Calibrated, of one crop: of the products [rows] and, last, of none of them."""
        likeness = self.likeness(seen.vectors[index : index + 1], rows)[0]
        return logits(
            self.calibration,
            likeness,
            self.closer_look(seen.cells[index], likeness, rows),
            self.nothing(seen.vectors[index]),
            float(seen.sides_px[index]),
        )

    def likeness(self, vectors: Floats, rows: NDArray[np.intp]) -> Floats:
        """Cosine [n, rows] of each crop to the mean of each product's pictures."""
        return vectors @ self._vectors[rows].T

    def closer_look(self, cells: Floats, likeness: Floats, rows: NDArray[np.intp]) -> Floats:
        """Evidence [rows] of one crop's cells [c, 32] for those that come near the best; 0 for the others."""
        evidence = np.zeros(len(rows), np.float32)
        order = np.argsort(-likeness, kind="stable")[:RIVALS_MAX]
        near = [int(at) for at in order if likeness[order[0]] - likeness[at] <= NEAR]
        if len(near) < 2:
            return evidence
        found = {at: self._find(cells, int(rows[at])) for at in near}
        for first in range(len(near)):
            for second in range(first + 1, len(near)):
                one, other = near[first], near[second]
                differs = self._differences(int(rows[one]), int(rows[other]))
                more = compare_cells(found[one], found[other], *differs)
                evidence[one] += more / (len(near) - 1)
                evidence[other] -= more / (len(near) - 1)
        return evidence

    def _find(self, cells: Floats, row: int) -> tuple[Floats, NDArray[np.intp]]:
        """How like [c] each cell is to the product's cell that is most like it, and which [c] that is."""
        likeness = cells @ self._enrolled[row].cells.reshape(-1, CELL_FEATURES).T
        at = likeness.argmax(axis=1)
        return likeness[np.arange(len(cells)), at], at

    def _differences(self, one: int, other: int) -> tuple[Floats, Floats]:
        """How much each cell of both products' pictures differs from all of the other's; kept for the next time."""
        key = (min(one, other), max(one, other))
        if key not in self._pairs:
            if len(self._pairs) >= PAIRS_KEPT_MAX:
                del self._pairs[next(iter(self._pairs))]
            first, second = (self._enrolled[row].cells.reshape(-1, CELL_FEATURES) for row in key)
            between = first @ second.T
            self._pairs[key] = (
                _in_the_middle(1 - between.max(axis=1), self._enrolled[key[0]]),
                _in_the_middle(1 - between.max(axis=0), self._enrolled[key[1]]),
            )
        first, second = self._pairs[key]
        return (first, second) if one == key[0] else (second, first)

    def nothing(self, vector: Floats) -> Nothing:
        """How like a crop [128] is to what none of the plausible products is."""
        empty, others = self.calibration.empty_vector, self._network.others
        other = float((others @ vector).max(initial=0.0))
        return Nothing(
            empty=float(vector @ np.asarray(empty, np.float32)) if empty else -1.0,
            other=other,
            nearest=float((self._vectors @ vector).max(initial=other)),
        )

    def _rows(self, plausible: Sequence[ProductId] | None) -> NDArray[np.intp]:
        if plausible is None:
            return np.arange(len(self.product_ids))
        unknown = sorted({product_id for product_id in plausible if product_id not in self._row_of})
        if unknown:
            raise InputError("product not enrolled", expected="one of the gallery's products", found=unknown)
        return np.array([self._row_of[product_id] for product_id in dict.fromkeys(plausible)], np.intp)


def probabilities(
    calibration: Calibration, likeness: Reals, evidence: Reals, nothing: Nothing, side_px: float | Reals
) -> NDArray[np.float64]:
    """Chances [..., n + 1] of n products and, last, of none of them; shapes as of `logits`."""
    return _chances(calibration, logits(calibration, likeness, evidence, nothing, side_px))


def logits(
    calibration: Calibration, likeness: Reals, evidence: Reals, nothing: Nothing, side_px: float | Reals
) -> NDArray[np.float64]:
    """Logarithms of how likely a crop is [..., n + 1] if it shows each of n products or none, but for a common term.

    Of one crop (likeness and evidence [n]) or several ([k, n]; -inf where there are fewer products). What is said of
    one product does not depend on which others are plausible.
    """
    x = _log_side(side_px)
    scale = np.exp(calibration.scale[0] + calibration.scale[1] * x)
    products = scale[..., None] * likeness.astype(np.float64) + calibration.closer * evidence
    unlike = scale * (
        calibration.nothing[0] + calibration.nothing[1] * x + calibration.others * nothing.other
    )
    empty = (
        (calibration.empty_scale or scale) * nothing.empty
        + (calibration.empty + calibration.empty_size * x)
        + calibration.empty_near * scale * nothing.nearest
    )
    return np.concatenate([products, np.logaddexp(unlike, empty)[..., None]], axis=-1)


def _chances(calibration: Calibration, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Chances of logits [..., n + 1]: none is as likely beforehand however many products are plausible, and takes its
    part first. What it leaves goes to the products."""
    count = np.maximum(np.isfinite(values[..., :-1]).sum(axis=-1), 1)
    values = values.copy()
    values[..., -1] += calibration.many * np.log(count)
    none = _softmax(values)[..., -1:]
    return np.concatenate([(1 - none) * _softmax(calibration.sharper * values[..., :-1]), none], axis=-1)


def _softmax(values: NDArray[np.float64]) -> NDArray[np.float64]:
    shares = np.exp(values - values.max(axis=-1, keepdims=True, initial=-np.finfo(np.float64).max))
    return shares / np.maximum(shares.sum(axis=-1, keepdims=True), np.finfo(np.float64).tiny)


def _log_side(side_px: float | Reals) -> NDArray[np.float64]:
    return np.clip(np.log(np.maximum(np.asarray(side_px, np.float64), 1.0) / 100.0), -2.0, 1.0)


def compare_cells(
    own: tuple[Floats, NDArray[np.intp]],
    rival: tuple[Floats, NDArray[np.intp]],
    own_differs: Floats,
    rival_differs: Floats,
) -> float:
    """How much more a crop's cells are like one product than like its rival, where the two differ.

    `own`, `rival`: likeness [c] and place [c] of each cell in both products' pictures; `*_differs`: of each place.
    """
    centre = centre_weights(round(len(own[0]) ** 0.5)).ravel()
    weight = centre * np.maximum(own_differs[own[1]], rival_differs[rival[1]])
    return float((weight * (own[0] - rival[0])).mean())


@lru_cache(maxsize=8)
def centre_weights(cells: int) -> Floats:
    """How much the cells [cells, cells] of a picture count: the pack is in the middle."""
    place = (np.arange(cells) + 0.5) / cells - 0.5
    bell = np.exp(-(place**2) / (2 * CENTRE_SD**2))
    return np.asarray(bell[:, None] * bell[None], np.float32)


def _in_the_middle(differs: Floats, enrolled: Enrolled) -> Floats:
    pictures, cells = enrolled.cells.shape[:2]
    return differs * np.tile(centre_weights(round(cells**0.5)).ravel(), pictures)


def unit(vectors: Floats) -> Floats:
    """Vectors [n, k] brought to length 1."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.float32(1e-9))


def squared(crop: Pixels) -> Pixels:
    """Any picture [h, w, 3] as the network's input [96, 96, 3]: squared by its edges, then scaled."""
    height, width = crop.shape[:2]
    side = max(height, width)
    if height != width:
        top, left = (side - height) // 2, (side - width) // 2
        crop = np.asarray(
            cv2.copyMakeBorder(
                crop, top, side - height - top, left, side - width - left, cv2.BORDER_REPLICATE
            ),
            np.uint8,
        )
    if side == LOOK_PX:
        return crop
    how = cv2.INTER_AREA if side > LOOK_PX else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(crop, (LOOK_PX, LOOK_PX), interpolation=how), np.uint8)


def cut_window(frame: Pixels, window_px: tuple[int, int, int]) -> Pixels:
    """The part [h, w, 3] of a frame in a window; what lies outside repeats the frame's edge."""
    left, top, side = window_px
    height, width = frame.shape[:2]
    rows = np.clip(np.arange(top, top + side), 0, height - 1)
    columns = np.clip(np.arange(left, left + side), 0, width - 1)
    return frame[rows[:, None], columns]


OTHERS: Final = ("others", "others_enrolled")
"""Entries of a weight file that name products of other shops: of those it was taught on, and of shops it never saw."""


def others_of(metadata: dict[str, Any]) -> Floats:
    """Unit vectors [n, 128] of products that other shops sell, as a weight file names them; of older files none."""
    packed = b"".join(base64.b64decode(metadata.get(name, "")) for name in OTHERS)
    return unit(np.frombuffer(packed, np.int8).reshape(-1, FEATURES).astype(np.float32))


def packed_others(vectors: Floats) -> str:
    """The same [n, 128] for a file's metadata: a byte a number."""
    return base64.b64encode(np.rint(unit(vectors) * 127).astype(np.int8).tobytes()).decode()


def file_sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
