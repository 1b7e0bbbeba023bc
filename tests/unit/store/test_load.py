"""A good folder becomes a store."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from openaisle.core.errors import StoreError
from openaisle.store.lenses import horizontal_fov_deg
from openaisle.store.load import load_store, shipped_names
from openaisle.store.write import write_store


def test_a_folder_says_everything_a_store_needs(kiosk: Path) -> None:
    store = load_store(kiosk)
    assert (store.store_id, store.currency, store.currency_digits) == ("kiosk", "EUR", 2)
    assert store.tax_rates == {"food": 0.07, "standard": 0.19}
    assert store.products["zero"].name == "Cola, no sugar"
    assert store.products["zero"].look_alike_of == "cola"
    assert store.products["cola"].look_alike_of is None
    assert store.products["bread"].price_minor == 250
    assert store.products["beer"].age_limit == 16
    assert [slot.slot_id for slot in store.shelves["A1"].slots] == ["A1-1", "A1-2", "A1-3"]
    assert store.gate_of["exit"].inside_floor_m == (3.0, 0.4)


def test_ids_of_shelves_and_plates_follow_from_their_places(kiosk: Path) -> None:
    gondola = load_store(kiosk).gondola_of["A"]
    assert [shelf.shelf_id for shelf in gondola.shelves] == ["A1", "A2"]
    assert gondola.shelves[0].plates[3].plate_id == "A1.04"
    assert [plate.channel for plate in gondola.plates] == list(range(12))
    assert [plate.left_m for plate in gondola.shelves[0].plates][:4] == [0.0, 0.1, 0.2, 0.3]


def test_a_lens_said_by_its_field_of_view_sees_that_much_through_its_distortion(kiosk: Path) -> None:
    lens = load_store(kiosk).camera_of["cam-1"].lens
    assert horizontal_fov_deg(lens) == pytest.approx(80.0, abs=1e-3)
    left, right = lens.rays(np.array([[-0.5, 179.5], [639.5, 179.5]]), iterations=60)
    angle = np.degrees(np.arctan(right[0]) - np.arctan(left[0]))
    assert angle == pytest.approx(80.0, abs=1e-3)


def test_columns_may_come_in_any_order_and_some_may_be_absent(kiosk: Path) -> None:
    (kiosk / "products.csv").write_text(
        "name,product_id,price,tax_class,mass_g,mass_sd_g,width_m,height_m,depth_m,shape,age_limit\n"
        + "".join(
            f"{name},{name},1,food,100,1,.1,.1,.1,box,0\n" for name in ("cola", "zero", "bread", "beer")
        )
    )
    assert load_store(kiosk).products["beer"].gtin == ""


def test_windows_line_ends_are_read(kiosk: Path) -> None:
    before = load_store(kiosk)
    for path in kiosk.iterdir():
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert load_store(kiosk) == before


def test_a_written_store_reads_back_equal(kiosk: Path, tmp_path: Path) -> None:
    store = load_store(kiosk)
    write_store(store, tmp_path / "again")
    assert load_store(tmp_path / "again") == store
    write_store(load_store(tmp_path / "again"), tmp_path / "third")
    for name in ("store.toml", "cameras.toml", "products.csv", "planogram.csv"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "third" / name).read_bytes()


@pytest.mark.parametrize("name", shipped_names())
def test_a_shipped_store_loads_and_reads_back_equal(name: str, tmp_path: Path) -> None:
    store = load_store(name)
    assert store.store_id == name
    write_store(store, tmp_path / name)
    assert load_store(tmp_path / name) == store


def test_corner_and_market_ship() -> None:
    assert {"corner", "market"} <= set(shipped_names())


def test_a_folder_goes_before_a_shipped_store_of_the_same_name(
    kiosk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kiosk.rename(kiosk.parent / "corner")
    monkeypatch.chdir(kiosk.parent)
    assert load_store("corner").store_id == "kiosk"


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(StoreError, match=r"no such store.*corner, market.*'nowhere'"):
        load_store("nowhere")


def test_loading_a_store_needs_neither_opencv_nor_numba() -> None:
    code = (
        "import sys; from openaisle.store.load import load_store; load_store('corner'); "
        "print('cv2' in sys.modules, 'numba' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
