"""Enrolment: pictures of products, from a folder or drawn as the simulator draws them, into a store's gallery."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from openaisle.core.errors import InputError
from openaisle.core.messages import ProductId
from openaisle.detections.gallery import (
    GALLERY_FILE,
    Enrolled,
    Gallery,
    enough_pictures,
    load_gallery,
    save_gallery,
)
from openaisle.detections.products import Pixels, ProductNetwork
from openaisle.sim.pack_pictures import gallery_pictures, goods_for_pictures
from openaisle.store.load import SHIPPED, store_folder
from openaisle.store.schema import Store

PICTURE_SUFFIXES: Final = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
GALLERIES: Final = Path("out") / "galleries"
"""Where galleries of shipped stores go: their own folder belongs to the package."""

Report = Callable[[int, int], None]  # products done, of how many


def gallery_path(name_or_folder: str) -> Path:
    """Where a store's gallery lies: in its folder; of a shipped store, in out/galleries."""
    folder = store_folder(name_or_folder)
    return GALLERIES / f"{folder.name}.npz" if folder.parent == SHIPPED else folder / GALLERY_FILE


def enrol(
    store: Store,
    pictures: Path | None,
    gallery_file: Path,
    network: ProductNetwork,
    *,
    only: Sequence[str] = (),
    report: Report = lambda done, total: None,
) -> dict[ProductId, Enrolled]:
    """Enrol products into the gallery file, leaving all others in it as they are. Returns what was enrolled.

    `pictures`: a folder a product; None draws them. Every picture is checked before anything is written.
    """
    _known(only, store, "--only")
    shown: Callable[[ProductId], list[Pixels]]
    if pictures is not None:
        found = read_folders(pictures, store, only)
        chosen, shown = sorted(found), found.__getitem__
    else:
        chosen = sorted({ProductId(each) for each in only}) if only else sorted(store.products)
        goods = goods_for_pictures(store)
        shown = partial(gallery_pictures, store, goods)
    before = _gallery_before(gallery_file, network, replaces_all=not only and pictures is None)
    enrolled: dict[ProductId, Enrolled] = {}
    for done, product_id in enumerate(chosen, start=1):
        enrolled[product_id] = network.enrol(shown(product_id))
        report(done, len(chosen))
    save_gallery(before.with_products(enrolled), gallery_file)
    return enrolled


def read_folders(folder: Path, store: Store, only: Sequence[str] = ()) -> Mapping[ProductId, list[Pixels]]:
    """The pictures in folders named by product id. InputError at the first that is wrong."""
    if not folder.is_dir():
        raise InputError("no such folder", file=str(folder), expected="one folder a product, named by its id")
    inside = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    if not inside:
        raise InputError("no pictures", file=str(folder), expected="one folder a product, named by its id")
    for path in inside:
        if path.name not in store.products:
            raise InputError(
                "unknown product",
                file=str(path),
                expected=f"a product id of store {store.store_id}",
                found=path.name,
            )
    chosen = [path for path in inside if not only or path.name in only]
    missing = sorted(set(only) - {path.name for path in chosen})
    if missing:
        raise InputError("no pictures", file=str(folder), expected=f"a folder {missing[0]}")
    return {ProductId(path.name): _read_folder(path) for path in chosen}


def read_picture(path: Path) -> Pixels:
    """Any picture file as uint8 [h, w, 3] BGR."""
    if not path.is_file():
        raise InputError("no such picture", file=str(path))
    pixels = cv2.imdecode(np.frombuffer(path.read_bytes() or b"\0", np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise InputError("not a picture", file=str(path), expected="JPEG, PNG, BMP or WebP")
    return np.asarray(pixels, np.uint8)


def _read_folder(path: Path) -> list[Pixels]:
    files = sorted(each for each in path.iterdir() if each.suffix.lower() in PICTURE_SUFFIXES)
    enough_pictures(path.name, len(files), str(path))
    return [read_picture(file) for file in files]


def _known(only: Sequence[str], store: Store, field: str) -> None:
    for each in only:
        if each not in store.products:
            raise InputError(
                "unknown product", field=field, expected=f"a product id of store {store.store_id}", found=each
            )


def _gallery_before(path: Path, network: ProductNetwork, *, replaces_all: bool) -> Gallery:
    """What is already enrolled. A gallery that is wholly replaced may be of another network, or damaged."""
    if replaces_all or not path.is_file():
        return Gallery(network.sha256)
    return load_gallery(path, network.sha256)
