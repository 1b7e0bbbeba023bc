"""The plan is drawn, as SVG and as PNG, from the same marks."""

import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from openaisle.core.errors import InputError
from openaisle.store.draw import draw_plan, save_plan
from openaisle.store.load import load_store
from openaisle.store.picture import Picture, Shape, Text

SVG = "{http://www.w3.org/2000/svg}"


def test_the_svg_names_every_gondola_gate_and_camera(kiosk: Path, tmp_path: Path) -> None:
    save_plan(load_store(kiosk), tmp_path / "plan.svg")
    root = ElementTree.parse(tmp_path / "plan.svg").getroot()
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert {"Kiosk", "A", "2 shelves", "entry", "exit", "cam-1", "cam-2", "1", "2", "N", "1 m"} <= set(texts)


def test_the_png_shows_the_same_page(kiosk: Path, tmp_path: Path) -> None:
    store = load_store(kiosk)
    save_plan(store, tmp_path / "plan.png")
    image = cv2.imread(str(tmp_path / "plan.png"))
    assert image is not None
    page = draw_plan(store)
    assert image.shape == (2 * page.height, 2 * page.width, 3)
    assert len(np.unique(image.astype(int) @ [1, 256, 65536])) > 500


def test_a_facing_that_one_camera_sees_is_marked(kiosk: Path) -> None:
    def warnings(store_folder: Path, camera_count: int) -> int:
        store = load_store(store_folder)
        picture = draw_plan(replace(store, cameras=store.cameras[:camera_count]))
        return sum(isinstance(mark, Shape) and mark.stroke == "#d6402b" for mark in picture.marks)

    assert warnings(kiosk, 1) == warnings(kiosk, 2) + 4


def test_a_store_without_cameras_or_gates_is_drawn(kiosk: Path) -> None:
    store = replace(load_store(kiosk), cameras=(), gates=(), zones=())
    assert "0 cameras" in draw_plan(store).svg()


def test_text_of_strangers_does_not_break_the_svg(kiosk: Path) -> None:
    store = replace(load_store(kiosk), name='<script>"&')
    root = ElementTree.fromstring(draw_plan(store).svg())
    assert root.find(f"{SVG}title") is not None
    assert not list(root.iter(f"{SVG}script"))


def test_the_same_store_gives_the_same_file(kiosk: Path) -> None:
    store = load_store(kiosk)
    assert draw_plan(store).svg() == draw_plan(load_store(kiosk)).svg()
    assert draw_plan(store).png(0.4) == draw_plan(store).png(0.4)


def test_another_kind_of_file_is_refused(kiosk: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"expected a name that ends in \.svg or \.png"):
        save_plan(load_store(kiosk), tmp_path / "plan.pdf")


def painted(*marks: Shape | Text) -> np.ndarray:
    picture = Picture(40, 30, "", [(0, 0), (20, 0), (20, 30), (0, 30)], list(marks))
    image = cv2.imdecode(np.frombuffer(picture.png(1.0), np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return image


def test_a_filled_ring_with_a_hole_is_painted_where_it_is() -> None:
    outer, hole = [(5, 5), (25, 5), (25, 25), (5, 25)], [(10, 10), (20, 10), (20, 20), (10, 20)]
    image = painted(Shape(rings=[outer, hole], fill="#ff0000"))
    assert image[7, 7].tolist() == [0, 0, 255]
    assert image[15, 15].tolist() == [255, 255, 255]
    assert image[2, 2].tolist() == [255, 255, 255]
    assert (image[:, :, 0] == 0).sum() == pytest.approx(300, abs=45)


def test_what_is_clipped_ends_at_the_plan_and_what_is_faint_is_mixed() -> None:
    page = [(0, 0), (40, 0), (40, 30), (0, 30)]
    image = painted(Shape(rings=[page], fill="#000000", opacity=0.5, is_clipped=True))
    assert image[15, 10].tolist() == [128, 128, 128]
    assert image[15, 30].tolist() == [255, 255, 255]


def test_a_dashed_line_has_gaps() -> None:
    line = [(0, 15), (40, 15)]
    dark = [
        painted(Shape(rings=[line], stroke="#000000", width=2, dash=dash, is_closed=False))[15, :, 0] < 128
        for dash in (None, (4.0, 6.0))
    ]
    assert dark[0].all()
    assert 12 <= dark[1].sum() <= 28
    assert np.count_nonzero(np.diff(dark[1].astype(int)) == 1) == 3


def test_text_is_painted_at_its_anchor() -> None:
    columns: list[np.ndarray] = []
    for anchor in ("start", "middle", "end"):
        image = painted(Text(text="HH", at=(20, 20), size=10, colour="#000000", anchor=anchor))
        columns.append(np.flatnonzero((image < 200).any((0, 2))))
    assert columns[0].min() >= 19
    assert columns[2].max() <= 20
    assert abs(columns[1].mean() - 19.5) <= 1.5
