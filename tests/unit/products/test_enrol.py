"""Enrolment from folders and from the simulator's designs, and the pictures that it draws."""

from pathlib import Path
from typing import cast

import cv2
import numpy as np
import pytest
from tests.unit.products.shop import BLUE, GREEN, RED, ColourNetwork, pack

from openaisle.core.errors import InputError
from openaisle.detections.gallery import load_gallery
from openaisle.detections.products import ProductNetwork
from openaisle.learning.enrol import GALLERIES, enrol, gallery_path, read_folders, read_picture
from openaisle.sim.pack_pictures import GALLERY_PX, as_streamed, gallery_pictures, goods_for_pictures
from openaisle.store.load import load_store
from openaisle.store.schema import Store

NETWORK = cast(ProductNetwork, ColourNetwork())


@pytest.fixture(scope="module")
def corner() -> Store:
    return load_store("corner")


def photograph(folder: Path, product_id: str, colour: tuple[int, int, int], count: int = 3) -> None:
    (folder / product_id).mkdir(parents=True)
    for number in range(count):
        cv2.imwrite(str(folder / product_id / f"{number}.png"), pack(colour))


def test_a_folder_a_product_becomes_a_gallery(corner: Store, tmp_path: Path) -> None:
    photograph(tmp_path / "pictures", "P001", RED)
    photograph(tmp_path / "pictures", "P002", GREEN, count=5)
    enrolled = enrol(corner, tmp_path / "pictures", tmp_path / "gallery.npz", NETWORK)
    assert {name: len(each.vectors) for name, each in enrolled.items()} == {"P001": 3, "P002": 5}
    assert sorted(load_gallery(tmp_path / "gallery.npz", NETWORK.sha256).products) == ["P001", "P002"]


def test_a_new_pack_is_enrolled_without_the_others(corner: Store, tmp_path: Path) -> None:
    photograph(tmp_path / "old", "P001", RED)
    photograph(tmp_path / "old", "P002", GREEN)
    photograph(tmp_path / "new", "P001", BLUE, count=4)
    path = tmp_path / "gallery.npz"
    enrol(corner, tmp_path / "old", path, NETWORK)
    before = load_gallery(path, NETWORK.sha256)
    assert list(enrol(corner, tmp_path / "new", path, NETWORK)) == ["P001"]
    after = load_gallery(path, NETWORK.sha256)
    assert len(after.products["P001"].vectors) == 4
    np.testing.assert_array_equal(after.products["P002"].vectors, before.products["P002"].vectors)


def test_without_pictures_packs_are_drawn(corner: Store, tmp_path: Path) -> None:
    enrolled = enrol(corner, None, tmp_path / "gallery.npz", NETWORK, only=["P004", "P005"])
    assert sorted(enrolled) == ["P004", "P005"]
    assert all(3 <= len(each.vectors) <= 10 for each in enrolled.values())


def test_drawn_pictures_show_the_whole_pack_and_are_always_the_same(corner: Store) -> None:
    goods = goods_for_pictures(corner)
    pictures = gallery_pictures(corner, goods, "P004")
    again = gallery_pictures(corner, goods, "P004")
    assert all(np.array_equal(one, other) for one, other in zip(pictures, again, strict=True))
    for picture in pictures:
        assert picture.shape == (GALLERY_PX, GALLERY_PX, 3)
        edge = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
        assert np.ptp(edge, axis=0).max() == 0  # nothing but the table
        assert (picture != picture[0, 0]).any(axis=2).mean() > 0.1


def test_a_look_alike_differs_in_some_places_only(corner: Store) -> None:
    goods = goods_for_pictures(corner)
    one, other = (
        gallery_pictures(corner, goods, product_id)[0].astype(int) for product_id in ("P063", "P064")
    )
    ground = [picture[0, 0] for picture in (one, other)]
    packs = [(picture != colour).any(axis=2) for picture, colour in zip((one, other), ground, strict=True)]
    assert (packs[0] == packs[1]).mean() > 0.95
    differs = (np.abs(one - other).max(axis=2) > 40) & packs[0]
    assert 0.002 < differs.sum() / packs[0].sum() < 0.5


@pytest.mark.parametrize(
    ("folder", "count", "message"),
    [("P999", 3, r"unknown product.*P999"), ("P001", 2, "3 to 10 pictures of product P001, found 2")],
)
def test_a_wrong_folder_is_one_clear_error(
    corner: Store, tmp_path: Path, folder: str, count: int, message: str
) -> None:
    photograph(tmp_path, folder, RED, count)
    with pytest.raises(InputError, match=message):
        read_folders(tmp_path, corner)


def test_an_unreadable_picture_changes_nothing(corner: Store, tmp_path: Path) -> None:
    photograph(tmp_path / "pictures", "P001", RED)
    (tmp_path / "pictures" / "P001" / "1.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"1\.png: not a picture"):
        enrol(corner, tmp_path / "pictures", tmp_path / "gallery.npz", NETWORK)
    assert not (tmp_path / "gallery.npz").exists()


def test_an_empty_folder_and_a_missing_one_are_errors(corner: Store, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no pictures"):
        read_folders(tmp_path, corner)
    with pytest.raises(InputError, match="no such folder"):
        read_folders(tmp_path / "nowhere", corner)
    with pytest.raises(InputError, match="no such picture"):
        read_picture(tmp_path / "nothing.png")
    with pytest.raises(InputError, match=r"'--only'.*unknown product"):
        enrol(corner, None, tmp_path / "gallery.npz", NETWORK, only=["P999"])


def test_a_gallery_lies_in_the_store_folder_unless_the_store_ships_with_the_package(tmp_path: Path) -> None:
    assert gallery_path(str(tmp_path)) == tmp_path / "gallery.npz"
    assert gallery_path("corner") == GALLERIES / "corner.npz"


def test_a_stream_of_fewer_pixels_is_averaged_smeared_and_encoded() -> None:
    picture = np.zeros((90, 90, 3), np.uint8)
    picture[:, 45:] = 200
    assert as_streamed(picture, 30).shape == (30, 30, 3)
    assert as_streamed(picture, 90) is picture
    smeared = as_streamed(picture, 90, blur_px=9.0)
    assert 0 < smeared[45, 43, 0] < 200
    assert not np.array_equal(as_streamed(picture, 90, quality=30), picture)
