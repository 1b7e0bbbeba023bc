"""Packs can be told apart, look-alikes only just."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from openaisle.sim.pack_shapes import pack_shape
from openaisle.sim.packs import pack_front, pack_texture
from openaisle.store.schema import Product, Store

ORIGINAL = Product(
    product_id="A1", gtin="", name="Larkmoor Lemonade Elder", price_minor=149, tax_class="food", mass_g=330,
    mass_sd_g=2, width_m=0.066, height_m=0.115, depth_m=0.066, shape="can",
)  # fmt: skip
LOOK_ALIKE = dataclasses.replace(ORIGINAL, product_id="A2", name="Larkmoor Lemonade Mint", look_alike_of="A1")
RENAMED = dataclasses.replace(LOOK_ALIKE, name="Imitator Lemonade Mint")
OTHER = dataclasses.replace(ORIGINAL, product_id="A3", name="Tarnwell Cola Zero")


def test_a_look_alike_differs_little_but_it_differs() -> None:
    original, look_alike, other = (pack_front(p).astype(int) for p in (ORIGINAL, LOOK_ALIKE, OTHER))
    little = (np.abs(original - look_alike).max(axis=2) > 16).mean()
    much = (np.abs(original - other).max(axis=2) > 16).mean()
    assert 0.02 < little < 0.45
    assert much > 0.6


def test_a_look_alike_of_another_brand_follows_the_original_it_is_given() -> None:
    original, renamed = pack_front(ORIGINAL).astype(int), pack_front(RENAMED, ORIGINAL).astype(int)
    assert (np.abs(original - renamed).max(axis=2) > 16).mean() < 0.5


def test_the_same_number_in_another_shop_is_another_pack() -> None:
    elsewhere = dataclasses.replace(ORIGINAL, name="Kestrelby Water Still")
    assert (np.abs(pack_front(ORIGINAL).astype(int) - pack_front(elsewhere)).max(axis=2) > 16).mean() > 0.6


def test_every_product_of_a_shop_has_a_pack_of_its_own(store: Store) -> None:
    fronts = {product_id: pack_front(product) for product_id, product in store.products.items()}
    assert len({front.tobytes() for front in fronts.values()}) == len(fronts)


@pytest.mark.parametrize("shape", ["box", "can", "bottle", "bag", "carton"])
def test_a_shape_fills_its_size_and_faces_outwards(shape: str) -> None:
    product = dataclasses.replace(ORIGINAL, shape=shape, width_m=0.08, height_m=0.2, depth_m=0.05)
    mesh = pack_shape(product)
    low, high = mesh.points_m.min(axis=0), mesh.points_m.max(axis=0)
    np.testing.assert_allclose(high - low, [0.08, 0.05, 0.2], rtol=0.06)
    np.testing.assert_allclose(low[2], 0.0, atol=1e-9)
    a, b, c = (mesh.points_m[mesh.triangles[:, k]] for k in range(3))
    outwards = np.cross(b - a, c - a)
    area = np.linalg.norm(outwards, axis=1)
    middle = (a + b + c) / 3 - [0, 0, 0.1]
    facing = np.einsum("ij,ij->i", outwards, middle)[area > 1e-8]
    assert (facing > -1e-9).mean() > 0.8  # a bottle's shoulders look up from below its middle
    smooth = mesh.normals[mesh.triangles].mean(axis=1)
    assert (np.einsum("ij,ij->i", outwards, smooth)[area > 1e-8] > 0).all()
    assert (mesh.uv >= 0).all()
    assert (mesh.uv <= 1).all()


def test_a_wrap_is_drawn_from_the_row_alone() -> None:
    pack_texture.__globals__["_wrap"].cache_clear()
    first = pack_texture(ORIGINAL).copy()
    pack_texture.__globals__["_wrap"].cache_clear()
    assert (pack_texture(dataclasses.replace(ORIGINAL)) == first).all()
