"""The product network fitted to one shop's own packs: one matrix behind its vectors, and no training.

Pictures of one product differ by light, hand and camera of the shop. Directions in which they do so much are made
shorter (within-class covariance normalisation, Hatch et al. 2006), by as much as serves on packs that were not fitted
on: shrunk towards leaving all as it is, which is one of the choices. The matrix goes into the network's last layer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openaisle.core.errors import InputError, ModelError
from openaisle.detections.products import (
    OTHERS,
    PRODUCTS_FILE,
    ProductNetwork,
    ProductSettings,
    others_of,
    packed_others,
    unit,
)
from openaisle.detections.runtime import RuntimeSettings
from openaisle.labels.dataset import CHECK, HELD_OUT, TRAIN
from openaisle.labels.folder import read_dataset
from openaisle.labels.packs import Pack, packs
from openaisle.learning.export import read_metadata, write_metadata

Floats = NDArray[np.float64]

SHRUNK: Final = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9)
"""Share of the shop's own covariance; the rest is as it is."""
LEAST_PX: Final = 24
_LAYER: Final = ("whole.weight", "whole.bias")
_TOGETHER: Final = 64


@dataclass(frozen=True)
class Seen:
    """Packs of one split."""

    vectors: Floats  # [n, 128]
    products: NDArray[np.str_]  # [n]


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """What was chosen, and what it is worth."""

    share: float  # one of SHRUNK
    packs: int  # fitted on
    products: int
    checked: int  # chosen on
    right_before: (
        float  # share of `held_out` packs (of `check` where there are none) whose product comes first
    )
    right_after: float
    measured: int  # whose product was fitted on


def fit(store_data: Path, weights: Path, out: Path, report: Callable[[int], None] = lambda _: None) -> Fitted:
    """Write `out`/products.onnx for a shop's labelled packs. Raises InputError where there are too few."""
    network = ProductNetwork(ProductSettings(runtime=RuntimeSettings(weights=weights)))
    seen = {split: _seen(store_data, split, network, report) for split in (TRAIN, CHECK, HELD_OUT)}
    train, check = seen[TRAIN], seen[CHECK]
    names, counts = np.unique(train.products, return_counts=True)
    if len(names) < 2 or counts.max() < 2 or not len(check.products):
        raise InputError(
            "too few packs",
            file=str(store_data),
            expected="labelled packs of two products and more in `train`, some twice, and some in `check`",
            found=f"{len(train.products)} of {len(names)} products, {len(check.products)} to check by",
        )
    scatter = within(train)
    # Of equally good shares the least: what nobody needs is not changed.
    share = max(SHRUNK, key=lambda each: (right(train, check, metric(scatter, each)), -each))
    matrix = metric(scatter, share)
    measured = seen[HELD_OUT] if len(seen[HELD_OUT].products) else check
    _write(weights / PRODUCTS_FILE, out / PRODUCTS_FILE, matrix, share)
    return Fitted(
        share=share,
        packs=len(train.products),
        products=len(names),
        checked=len(check.products),
        right_before=round(right(train, measured, np.eye(matrix.shape[0])), 4),
        right_after=round(right(train, measured, matrix), 4),
        measured=int(np.isin(measured.products, names).sum()),
    )


def within(seen: Seen) -> Floats:
    """Covariance [128, 128] of packs about the mean of their product, its mean variance 1."""
    _, at, counts = np.unique(seen.products, return_inverse=True, return_counts=True)
    means = np.zeros((len(counts), seen.vectors.shape[1]))
    np.add.at(means, at, seen.vectors)
    rest = seen.vectors - (means / counts[:, None])[at]
    covariance = rest.T @ rest / max(1, len(rest) - len(counts))
    return covariance / max(float(np.trace(covariance)) / len(covariance), 1e-12)


def metric(scatter: Floats, share: float) -> Floats:
    """The matrix [128, 128] that vectors are multiplied by from the right."""
    values, directions = np.linalg.eigh((1 - share) * np.eye(len(scatter)) + share * scatter)
    return (directions / np.sqrt(np.maximum(values, 1e-6))) @ directions.T


def right(gallery: Seen, asked: Seen, matrix: Floats) -> float:
    """Share of packs whose own product comes first, of those that the gallery has."""
    places = ranks(gallery, asked, matrix)
    known = places >= 0
    return float((places[known] == 0).mean()) if known.any() else float("nan")


def ranks(gallery: Seen, asked: Seen, matrix: Floats) -> NDArray[np.int64]:
    """How many of the gallery's products [n] are nearer, by their means, than a pack's own; -1 where it is unknown."""
    names, at = np.unique(gallery.products, return_inverse=True)
    known = np.isin(asked.products, names)
    found = np.full(len(known), -1)
    if not known.any():
        return found
    placed = _unit(gallery.vectors @ matrix)
    means = np.zeros((len(names), placed.shape[1]))
    np.add.at(means, at, placed)
    likeness = _unit(asked.vectors[known] @ matrix) @ _unit(means).T
    own = likeness[np.arange(len(likeness)), np.searchsorted(names, asked.products[known])]
    found[known] = (likeness >= own[:, None]).sum(axis=1) - 1  # who is as near as its own is nearer
    return found


def _unit(vectors: Floats) -> Floats:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


def _seen(store_data: Path, split: str, network: ProductNetwork, report: Callable[[int], None]) -> Seen:
    return vectors_of(packs(store_data, read_dataset(store_data), (split,), LEAST_PX), network, report)


def vectors_of(some: Iterable[Pack], network: ProductNetwork, report: Callable[[int], None]) -> Seen:
    """`report` hears how many were seen."""
    vectors: list[NDArray[np.float32]] = []
    products: list[str] = []
    pictures: list[NDArray[np.uint8]] = []
    for pack in some:
        pictures.append(pack.pixels)
        products.append(pack.product_id)
        if len(pictures) == _TOGETHER:
            vectors.append(network.see(pictures).vectors)
            report(len(products))
            pictures.clear()
    if pictures:
        vectors.append(network.see(pictures).vectors)
    every = np.concatenate(vectors).astype(np.float64) if vectors else np.zeros((0, 128))
    return Seen(every, np.array(products, np.str_))


def _write(source: Path, out: Path, matrix: Floats, share: float) -> None:
    """A copy of the network whose vectors went through the matrix, with all that its file says of vectors."""
    import onnx  # pyright: ignore[reportMissingImports]
    from onnx import numpy_helper  # pyright: ignore[reportMissingImports]

    model = onnx.load(str(source))
    layer = {each.name: each for each in model.graph.initializer if each.name in _LAYER}
    gemm = next((node for node in model.graph.node if _LAYER[0] in node.input), None)
    if len(layer) != len(_LAYER) or gemm is None:
        found = sorted(layer)
        raise ModelError("wrong model", file=str(source), expected=f"a last layer {_LAYER}", found=found)
    is_turned = any(each.name == "transB" and each.i for each in gemm.attribute)
    weight, bias = (numpy_helper.to_array(layer[name]).astype(np.float64) for name in _LAYER)
    weight = matrix.T @ weight if is_turned else weight @ matrix
    for name, values in zip(_LAYER, (weight, bias @ matrix), strict=True):
        layer[name].CopyFrom(numpy_helper.from_array(values.astype(np.float32), name))
    out.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(out))
    metadata = read_metadata(source)
    calibration = dict(metadata["calibration"])
    if calibration.get("empty_vector"):
        empty = _unit(np.array([calibration["empty_vector"]], np.float64) @ matrix)[0]
        calibration["empty_vector"] = [round(float(value), 4) for value in empty]
    others = {
        name: packed_others(
            unit((others_of({name: metadata[name]}).astype(np.float64) @ matrix).astype(np.float32))
        )
        for name in OTHERS
        if name in metadata
    }
    made = metadata["made"] | {"fitted_share": share}
    said = metadata | others | {"calibration": calibration, "made": made}
    write_metadata(out, said)
