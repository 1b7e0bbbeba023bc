"""The gallery file: written, read, changed, refused."""

from pathlib import Path

import numpy as np
import pytest
from tests.unit.products.shop import BLUE, GREEN, RED, SHA256, ColourNetwork, gallery_of, pack

from openaisle.core.errors import InputError, ModelError
from openaisle.core.messages import ProductId
from openaisle.detections.gallery import Gallery, enough_pictures, load_gallery, save_gallery


def test_a_gallery_reads_back_as_it_was_written(tmp_path: Path) -> None:
    gallery = gallery_of({"red": pack(RED), "green": pack(GREEN)}, pictures=4)
    save_gallery(gallery, tmp_path / "gallery.npz")
    again = load_gallery(tmp_path / "gallery.npz", SHA256)
    assert sorted(again.products) == ["green", "red"]
    for product_id, enrolled in gallery.products.items():
        np.testing.assert_allclose(again.products[product_id].vectors, enrolled.vectors, atol=1e-3)
        np.testing.assert_allclose(again.products[product_id].cells, enrolled.cells, atol=5e-3)


def test_enrolling_one_product_leaves_the_others_as_they_are() -> None:
    gallery = gallery_of({"red": pack(RED), "green": pack(GREEN)})
    changed = gallery.with_products({ProductId("red"): ColourNetwork().enrol([pack(BLUE)] * 5)})
    assert len(changed.products[ProductId("red")].vectors) == 5
    assert changed.products[ProductId("green")] is gallery.products[ProductId("green")]


def test_a_gallery_of_another_network_is_refused(tmp_path: Path) -> None:
    save_gallery(gallery_of({"red": pack(RED)}), tmp_path / "gallery.npz")
    with pytest.raises(ModelError, match="another product network; enrol the store again"):
        load_gallery(tmp_path / "gallery.npz", "6" * 64)


def test_no_gallery_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="openaisle enrol"):
        load_gallery(tmp_path / "gallery.npz", SHA256)


@pytest.mark.parametrize("keep", [0, 20, 0.9])
def test_a_damaged_gallery_is_refused(tmp_path: Path, keep: float) -> None:
    path = tmp_path / "gallery.npz"
    save_gallery(gallery_of({"red": pack(RED)}), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: keep if isinstance(keep, int) else int(keep * len(whole))])
    with pytest.raises(InputError, match="damaged gallery"):
        load_gallery(path, SHA256)


def test_another_npz_file_is_no_gallery(tmp_path: Path) -> None:
    path = tmp_path / "gallery.npz"
    np.savez(path, about=np.array("{}"), vectors=np.zeros((0, 0)), cells=np.zeros((0, 0, 0)))
    with pytest.raises(InputError, match="not a gallery"):
        load_gallery(path, SHA256)


def test_an_empty_gallery_reads_back(tmp_path: Path) -> None:
    save_gallery(Gallery(SHA256), tmp_path / "gallery.npz")
    assert load_gallery(tmp_path / "gallery.npz", SHA256).products == {}


@pytest.mark.parametrize("count", [0, 2, 11])
def test_too_few_or_too_many_pictures_are_refused(count: int) -> None:
    with pytest.raises(InputError, match="3 to 10 pictures of product P001"):
        enough_pictures("P001", count, "pictures/P001")
