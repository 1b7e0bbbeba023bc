"""A simulated shop's gallery is drawn once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from tests.unit.products.shop import ColourNetwork

from openaisle.core.messages import ProductId
from openaisle.detections.products import ProductNetwork
from openaisle.learning import galleries
from openaisle.learning.galleries import rendered_gallery, simulated_gallery
from openaisle.store.load import load_store
from openaisle.store.schema import Store


@pytest.fixture(scope="module")
def store() -> Store:
    corner = load_store("corner")
    few = sorted(corner.products)[:3]
    return replace(corner, products={product_id: corner.products[product_id] for product_id in few})


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OPENAISLE_MODELS", str(tmp_path))
    return tmp_path / "galleries"


def network() -> ProductNetwork:
    return cast(ProductNetwork, ColourNetwork())


def test_it_is_kept_and_taken_again(store: Store, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = simulated_gallery(store, network())
    assert sorted(first.products) == sorted(store.products)
    drawn = rendered_gallery(store, network())
    for product_id, enrolled in drawn.products.items():
        np.testing.assert_allclose(first.products[product_id].vectors, enrolled.vectors, atol=2e-3)
    monkeypatch.setattr(galleries, "rendered_gallery", None)
    again = simulated_gallery(store, network())
    for product_id in store.products:
        assert (again.products[product_id].cells == first.products[product_id].cells).all()
    assert len(list(cache.iterdir())) == 1


def test_another_assortment_has_another_file(store: Store, cache: Path) -> None:
    simulated_gallery(store, network())
    product_id = ProductId(min(store.products))
    renamed = replace(store.products[product_id], name="Plain Oats")
    simulated_gallery(replace(store, products={**store.products, product_id: renamed}), network())
    assert len(list(cache.iterdir())) == 2


def test_a_damaged_file_is_made_anew(store: Store, cache: Path) -> None:
    simulated_gallery(store, network())
    (file,) = cache.iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[:100])
    simulated_gallery(store, network())
    assert file.read_bytes() == whole


def test_nowhere_to_keep_it_is_no_trouble(store: Store, cache: Path) -> None:
    cache.write_text("a file where the folder should be")
    assert sorted(simulated_gallery(store, network()).products) == sorted(store.products)
