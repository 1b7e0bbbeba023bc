"""What is unwise is said, and is no error."""

from collections.abc import Callable
from pathlib import Path

import pytest

from openaisle.store.load import load_store
from openaisle.store.remarks import Remark, remarks_on

Damage = Callable[..., Path]


def kinds_of(folder: Path) -> dict[str, Remark]:
    return {remark.kind: remark for remark in remarks_on(load_store(folder), folder)}


def test_same_shelf_products_of_one_mass_are_named(kiosk: Path) -> None:
    assert kinds_of(kiosk)["near_masses"].message == (
        "shelf A1: masses within 10 g, so that weight alone cannot tell slots apart: A1-1/A1-2 (0.0 g)"
    )


def test_products_of_other_shelves_do_not_count(damage: Damage) -> None:
    damage("products.csv", '"Cola, no sugar",1.19,standard,350', '"Cola, no sugar",1.19,standard,380')
    folder = damage("products.csv", "Lager,0.99,standard,525", "Lager,0.99,standard,380")
    assert "near_masses" not in kinds_of(folder)


LENS = "\n[camera.lens]\nwidth_px = 640\nheight_px = 360\nfocal"
RUN = "plate_run = { width_m = 0.1, count ="


@pytest.mark.parametrize(
    ("file", "old", "new", "kind", "words"),
    [
        ("cameras.toml", "pan_deg = 135", "pan_deg = 315", "few_views", "seen by fewer than 2 cameras: A2-1 by 1"),
        ("store.toml", f"{RUN} 10", f"{RUN} 3", "no_plate", "shelf A1: no plate under A1-2, A1-3"),
        ("store.toml", "height_m = 0.7", "height_m = 0.5", "clearance", "shelf A1 claims 0.400 m"),
        ("store.toml", 'kind = "entry"', 'kind = "exit"', "no_entry_gate", "nobody can come in"),
        ("cameras.toml", f"[1920, 1080]{LENS}", f"[1600, 1200]{LENS}", "stream_shapes", "differ in shape"),
        ("planogram.csv", "A2-1,A2,beer,0,1,10,50\n", "", "no_slot", "1 products have no slot in planogram.csv: beer"),
        ("products.csv", "0.067,0.168,", "0.067,0.468,", "does_not_fit", "higher than the clearance of 0.4 m"),
        ("products.csv", ",can,16,,", ",can,16,beer.png,", "no_picture", "no file beer.png"),
    ],
)  # fmt: skip
def test_a_weakness_is_named(damage: Damage, file: str, old: str, new: str, kind: str, words: str) -> None:
    assert words in kinds_of(damage(file, old, new))[kind].message


def test_a_slot_partly_over_plates_is_weighed(damage: Damage) -> None:
    folder = damage("store.toml", "  { left_m = 0.5, width_m = 0.5, channel = 11 },\n", "")
    assert "no_plate" not in kinds_of(folder)


def test_a_good_folder_has_only_the_weakness_it_was_given(kiosk: Path) -> None:
    assert set(kinds_of(kiosk)) == {"near_masses"}


def test_a_narrow_aisle_is_named(kiosk: Path) -> None:
    path = kiosk / "store.toml"
    text = path.read_text()
    gondola = text[text.index("[[gondola]]") :].replace('"A"', '"B"').replace("scale-A", "scale-B")
    path.write_text(text + "\n" + gondola.replace("[1.0, 2.6]", "[1.0, 1.6]"))
    assert "between gondolas A and B are 0.60 m" in kinds_of(kiosk)["narrow_aisle"].message


def test_a_store_without_cameras_is_one_remark_not_one_a_shelf(kiosk: Path) -> None:
    (kiosk / "cameras.toml").write_text("format = 1\n")
    assert set(kinds_of(kiosk)) == {"near_masses", "no_cameras"}
