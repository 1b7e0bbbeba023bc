"""Made-up stores are plausible, pass the checks, and are the same in every process."""

import os
import subprocess
import sys
from itertools import combinations

import numpy as np
import pytest

from openaisle.core.errors import InputError
from openaisle.sim.store_cameras import lens_for
from openaisle.sim.store_layout import Place, is_walkable
from openaisle.sim.stores import SHIPPED_STORES, generate_store
from openaisle.store.check import problems_of
from openaisle.store.draft import Draft
from openaisle.store.gtin import check_digit
from openaisle.store.lenses import folds_inside_picture, horizontal_fov_deg, undistortion_error_px
from openaisle.store.load import load_store
from openaisle.store.polygons import contains, polygons_distance_m, signed_area
from openaisle.store.remarks import remarks_on
from openaisle.store.schema import Product, Shelf, Slot, Store
from openaisle.store.write import write_store

SEEDS = range(30)


def small_store(seed: int) -> Store:
    """Six to fourteen gondolas on 18 to 50 m2; few cameras, which cost most of the time."""
    rng = np.random.default_rng([seed, 1])
    gondolas = int(rng.integers(4, 11))
    return generate_store(
        seed,
        area_m2=float(rng.uniform(4.2, 5.5)) * gondolas + 4,
        sku_count=int(rng.integers(10, 16)) * gondolas,
        gondola_count=gondolas,
        camera_count=int(rng.integers(3, 7)),
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_a_made_up_store_passes_every_check_and_somebody_can_walk_in_it(
    seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = small_store(seed)
    folder = tmp_path_factory.mktemp("made") / "store"
    write_store(store, folder)
    assert load_store(folder) == store
    places = [
        Place(gondola.origin_floor_m, gondola.heading_deg, gondola.width_m, gondola.depth_m)
        for gondola in store.gondolas
    ]
    assert is_walkable(store.plan_floor_m, store.gates, places)
    assert not {"narrow_aisle", "does_not_fit", "no_slot", "no_plate", "clearance", "strong_distortion"} & {
        remark.kind for remark in remarks_on(store)
    }


def test_stores_of_different_seeds_share_no_product_and_differ_in_layout() -> None:
    first, second = small_store(1), small_store(2)
    assert not first.products.keys() & second.products.keys()
    assert first.plan_floor_m != second.plan_floor_m


def test_a_store_is_the_same_in_every_process() -> None:
    code = (
        "import hashlib, sys; from pathlib import Path; from tempfile import mkdtemp\n"
        "from openaisle.sim.stores import generate_store; from openaisle.store.write import write_store\n"
        "folder = Path(mkdtemp()); write_store(generate_store(7, area_m2=20, sku_count=50, gondola_count=4,"
        " camera_count=3), folder)\n"
        "print(hashlib.sha256(b''.join((folder / name).read_bytes() for name in sorted(p.name for p in"
        " folder.iterdir()))).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "4711")
    }
    assert len(digests) == 1


@pytest.mark.parametrize("name", sorted(SHIPPED_STORES))
def test_a_shipped_store_is_what_its_command_makes(name: str) -> None:
    assert SHIPPED_STORES[name]() == load_store(name)


def test_too_many_gondolas_or_products_are_refused() -> None:
    with pytest.raises(InputError, match="found no room for 40 gondolas"):
        generate_store(1, area_m2=20.0, gondola_count=40)
    with pytest.raises(InputError, match="cannot hold 5000 products"):
        generate_store(1, sku_count=5000)
    with pytest.raises(InputError, match="at least 6 m2"):
        generate_store(1, area_m2=1.0)


@pytest.mark.parametrize("fov_deg", [62.0, 65.0, 70.0, 78.0, 90.0])
@pytest.mark.parametrize("strength", [0.7, 1.0])
def test_a_lens_is_as_wide_as_asked_and_can_be_undistorted(fov_deg: float, strength: float) -> None:
    lens = lens_for(fov_deg, strength)
    assert horizontal_fov_deg(lens) == pytest.approx(fov_deg, abs=0.01)
    assert not folds_inside_picture(lens)
    assert undistortion_error_px(lens) < 0.3


# --- what the shipped stores are meant to be ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def corner() -> Store:
    return load_store("corner")


@pytest.fixture(scope="module")
def market() -> Store:
    return load_store("market")


def pairs_of(store: Store) -> list[tuple[Shelf, Slot, Slot, Product, Product]]:
    """Pairs of different products on one shelf."""
    return [
        (shelf, first, second, store.products[first.product_id], store.products[second.product_id])
        for shelf in store.shelves.values()
        for first, second in combinations(shelf.slots, 2)
        if first.product_id != second.product_id
    ]


def test_the_corner_has_the_sizes_it_is_documented_with(corner: Store) -> None:
    assert signed_area(corner.plan_floor_m) == pytest.approx(21.0)
    assert (len(corner.gondolas), len(corner.cameras), len(corner.products)) == (6, 8, 120)
    assert all(
        len(gondola.shelves) in (4, 5) and 1.0 <= gondola.width_m <= 1.2 for gondola in corner.gondolas
    )
    assert all(plate.width_m == 0.1 for gondola in corner.gondolas for plate in gondola.plates)
    assert all(0.2 <= slot.width_m <= 0.3 for slot in corner.slots.values())
    for first, second in combinations(corner.gondolas, 2):
        footprints = [[(float(x), float(y)) for x, y in one.footprint_floor_m] for one in (first, second)]
        apart_m = polygons_distance_m(footprints[0], footprints[1])
        assert apart_m >= 1.0 or apart_m < 0.01, (first.gondola_id, second.gondola_id)


def test_the_market_has_the_sizes_it_is_documented_with(market: Store) -> None:
    assert signed_area(market.plan_floor_m) == pytest.approx(167.2)
    assert len(market.shelves) == 200
    assert len(market.products) == 500
    assert len(market.cameras) >= 120
    fronts = [(gondola, gondola.floor_from_gondola) for gondola in market.gondolas]
    for gondola, floor_from_gondola in fronts:
        for along in np.linspace(0.05, gondola.width_m - 0.05, 5):
            for before in (0.3, 0.9, 1.6):
                x, y, _ = floor_from_gondola.apply(np.array([along, -before, 0.0]))
                assert contains(market.plan_floor_m, (float(x), float(y)))
                for other in market.gondolas:
                    footprint = [(float(px), float(py)) for px, py in other.footprint_floor_m]
                    assert not contains(footprint, (float(x), float(y))), (
                        gondola.gondola_id,
                        other.gondola_id,
                    )


@pytest.mark.parametrize("name", ["corner", "market"])
def test_cameras_hang_and_look_as_in_a_real_shop(name: str) -> None:
    store = load_store(name)
    tilts = sorted(camera.tilt_deg for camera in store.cameras)
    assert tilts[0] >= 23
    assert tilts[-1] <= 69
    assert 38 <= float(np.median(tilts)) <= 46
    for camera in store.cameras:
        assert 2.4 <= camera.position_floor_m[2] <= 2.5
        assert 61.9 <= horizontal_fov_deg(camera.lens) <= 90.1
        assert -0.5 <= camera.lens.distortion[0] < 0
        assert (camera.lens.width_px, camera.lens.height_px, camera.fps) == (640, 360, 8.0)
        assert (camera.main_width_px, camera.main_height_px) == (1920, 1080)
        assert undistortion_error_px(camera.lens) < 0.3


@pytest.mark.parametrize("name", ["corner", "market"])
def test_products_are_plausible(name: str) -> None:
    store = load_store(name)
    for product in store.products.values():
        assert 20 <= product.mass_g <= 1500
        assert len(product.gtin) == 13
        assert 20 <= int(product.gtin[:2]) <= 29
        assert int(product.gtin[-1]) == check_digit(product.gtin[:-1])
        assert 0.004 * product.mass_g - 0.01 <= product.mass_sd_g <= max(0.3, 0.015 * product.mass_g + 0.01)
        assert 0 < product.price_minor < 5000
        litres = product.width_m * product.height_m * product.depth_m * 1000
        assert product.mass_g / 1000 < 2.5 * litres, product.name  # nothing is denser than a jar of honey
    assert {product.shape for product in store.products.values()} == {"box", "can", "bottle", "bag", "carton"}
    assert {product.tax_class for product in store.products.values()} == {"food", "standard"}
    assert {product.age_limit for product in store.products.values()} == {0, 16, 18}
    names = [product.name for product in store.products.values()]
    assert len(set(names)) == len(names)


def test_the_corner_has_the_hard_pairs_it_is_documented_with(corner: Store) -> None:
    pairs = pairs_of(corner)
    look_alikes = [pair for pair in pairs if pair[4].look_alike_of == pair[3].product_id]
    assert len(look_alikes) >= 10
    for _, first, second, one, other in look_alikes:
        assert second.left_m == pytest.approx(first.left_m + first.width_m)
        assert abs(one.mass_g - other.mass_g) <= 1.5
        assert (one.width_m, one.height_m, one.depth_m, one.shape) == (
            other.width_m, other.height_m, other.depth_m, other.shape,
        )  # fmt: skip
    twins = [
        pair for pair in pairs if abs(pair[3].mass_g - pair[4].mass_g) <= 1 and not pair[4].look_alike_of
    ]
    assert len(twins) >= 8
    near = [pair for pair in pairs if 2.5 <= abs(pair[3].mass_g - pair[4].mass_g) < 10]
    assert len(near) >= 4


@pytest.mark.parametrize("name", ["corner", "market"])
def test_most_products_of_a_shelf_weigh_15_g_apart(name: str) -> None:
    pairs = pairs_of(load_store(name))
    close = sum(abs(one.mass_g - other.mass_g) < 15 for _, _, _, one, other in pairs)
    assert close / len(pairs) < 0.26


def test_about_half_of_the_slot_edges_of_the_corner_lie_inside_a_plate(corner: Store) -> None:
    inner = [slot.left_m for slot in corner.slots.values() if slot.left_m > 0]
    off_seam = sum(round(left_m * 100) % 10 != 0 for left_m in inner)
    assert 0.25 < off_seam / len(inner) < 0.75


def test_packs_fit_their_slots(corner: Store) -> None:
    for shelf in corner.shelves.values():
        for slot in shelf.slots:
            product = corner.products[slot.product_id]
            assert product.width_m * slot.facings <= slot.width_m
            assert product.height_m <= shelf.clearance_m - 0.02
            assert product.depth_m <= shelf.depth_m
            assert slot.capacity >= slot.facings


def test_the_checks_of_a_folder_are_also_those_of_a_store_in_memory(corner: Store) -> None:
    assert problems_of(Draft.of(corner)) == []
