"""What the products of a shop look like to the product network: some pictures of each, as vectors, in one file.

The file (docs/FORMATS.md) names the network that it was made with; another network's vectors mean something else.
Enrolling a product replaces its pictures and leaves all others as they are.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from openaisle.core.errors import InputError, ModelError
from openaisle.core.messages import ProductId

Floats = NDArray[np.float32]

GALLERY_FILE: Final = "gallery.npz"
FORMAT: Final = "openaisle-gallery"
VERSION: Final = 2  # since vectors are means of several glances
PICTURES_MIN: Final = 3
PICTURES_MAX: Final = 10
_CELL_STEPS: Final = 127.0


@dataclass(frozen=True)
class Enrolled:
    """One product's pictures."""

    vectors: Floats  # [pictures, 128] unit, each the mean of some glances
    cells: Floats  # [pictures, cells, 32] unit


@dataclass(frozen=True)
class Gallery:
    """All enrolled products of a shop."""

    network_sha256: str
    products: Mapping[ProductId, Enrolled] = field(default_factory=dict[ProductId, Enrolled])

    def with_products(self, enrolled: Mapping[ProductId, Enrolled]) -> Gallery:
        """The gallery with these products added, or their pictures replaced."""
        return Gallery(self.network_sha256, {**self.products, **enrolled})


def enough_pictures(product_id: str, count: int, where: str) -> None:
    """Raise InputError unless a product has as many pictures as it takes."""
    if not PICTURES_MIN <= count <= PICTURES_MAX:
        expected = f"{PICTURES_MIN} to {PICTURES_MAX} pictures of product {product_id}"
        raise InputError("wrong number of pictures", file=where, expected=expected, found=count)


def save_gallery(gallery: Gallery, path: Path) -> None:
    """Write the file; it has another name until it is whole."""
    ids = sorted(gallery.products)
    about = {
        "format": FORMAT,
        "version": VERSION,
        "network_sha256": gallery.network_sha256,
        "products": ids,
        "pictures": [len(gallery.products[product_id].vectors) for product_id in ids],
    }
    each = [gallery.products[product_id] for product_id in ids]
    vectors = np.concatenate([one.vectors for one in each]) if each else np.zeros((0, 0))
    cells = np.concatenate([one.cells for one in each]) if each else np.zeros((0, 0, 0))
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    with unfinished.open("wb") as file:
        np.savez_compressed(
            file,
            about=np.array(json.dumps(about, sort_keys=True)),
            vectors=vectors.astype(np.float16),
            cells=np.rint(cells * _CELL_STEPS).astype(np.int8),
        )
    unfinished.replace(path)


def load_gallery(path: Path, network_sha256: str) -> Gallery:
    """The gallery in a file. InputError if there is none or it is damaged, ModelError if another network made it."""
    if not path.is_file():
        raise InputError("no product gallery", file=str(path), expected="one made by `openaisle enrol STORE`")
    about, vectors, cells = _read(path)
    made_with = about["network_sha256"]
    if made_with != network_sha256:
        raise ModelError(
            "the gallery was made with another product network; enrol the store again",
            file=str(path),
            field="network_sha256",
            expected=network_sha256[:16],
            found=str(made_with)[:16],
        )
    starts = np.cumsum([0, *about["pictures"]])
    products = {
        ProductId(product_id): Enrolled(vectors[begin:end], cells[begin:end])
        for product_id, begin, end in zip(about["products"], starts[:-1], starts[1:], strict=True)
    }
    return Gallery(network_sha256, products)


def _read(path: Path) -> tuple[dict[str, Any], Floats, Floats]:
    expected = f"a product gallery, {FORMAT} version {VERSION}"
    try:
        with np.load(path, allow_pickle=False) as arrays:
            about = json.loads(str(arrays["about"]))
            vectors = arrays["vectors"].astype(np.float32)
            cells = arrays["cells"].astype(np.float32) / _CELL_STEPS
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise InputError("damaged gallery", file=str(path), expected=expected, found=str(error)) from error
    if not isinstance(about, dict) or about.get("format") != FORMAT or about.get("version") != VERSION:
        raise InputError(
            "not a gallery that this version reads; enrol the store again", file=str(path), expected=expected
        )
    pictures: Sequence[int] = about.get("pictures", ())
    if not sum(pictures) == len(vectors) == len(cells) or len(pictures) != len(about.get("products", ())):
        raise InputError(
            "damaged gallery", file=str(path), expected=f"{sum(pictures)} pictures", found=len(vectors)
        )
    return about, vectors, cells
