"""Labels of real pictures are read as their makers meant them. The pictures here are made, but for one test."""

import os
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from openaisle.core.errors import InputError
from openaisle.detections.runtime import RuntimeSettings
from openaisle.learning import real_pictures
from openaisle.learning.real_pictures import evaluate_real, lines, note
from openaisle.learning.synthesise import SynthesiseSettings, clipped_box, is_judged, sights

PEOPLE = [("people", RuntimeSettings())]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few rendered frames in the layouts of coco128 and PETS 2009."""
    folder = tmp_path_factory.mktemp("real")
    images, labels = folder / "coco128/images/some", folder / "coco128/labels/some"
    video_folder = folder / "pets2009_s2l1"
    for each in (images, labels, video_folder):
        each.mkdir(parents=True)
    mot: list[str] = []
    with av.open(str(video_folder / "vtest.avi"), mode="w") as video:
        stream = video.add_stream("mpeg4", rate=8)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 640, 360, "yuv420p", 4_000_000
        for number, sight in enumerate(sights(9003, SynthesiseSettings(cameras=1, frames=6))):
            cv2.imwrite(str(images / f"{number:03}.png"), sight.pixels)
            video.mux(stream.encode(av.VideoFrame.from_ndarray(sight.pixels, format="bgr24")))
            boxes = [clipped_box(person, 640, 360) for person in sight.people if is_judged(person)]
            rows = ["16 0.5 0.5 0.1 0.1"]  # a dog
            for x1, y1, x2, y2 in np.array(boxes, float).reshape(-1, 4):
                rows.append(f"0 {(x1 + x2) / 1280} {(y1 + y2) / 720} {(x2 - x1) / 640} {(y2 - y1) / 360}")
                left, top, width, height = np.array([x1, y1, x2 - x1, y2 - y1]) * 768 / 640
                mot.append(f"{number + 1},1,{left},{top},{width},{height},1,-1,-1,-1")
            (labels / f"{number:03}.txt").write_text("\n".join(rows), encoding="ascii")
        video.mux(stream.encode(None))
    (video_folder / "S2L1-gt-mot.txt").write_text("\n".join(mot), encoding="ascii")
    return folder


def test_photos_and_video_give_figures_and_a_table(folder: Path) -> None:
    figures = evaluate_real(folder, PEOPLE)
    assert [each.data for each in figures] == ["coco128", "pets2009_s2l1"]
    photos, video = (each.sizes["all"] for each in figures)
    assert photos.pictures == video.pictures == 6
    assert photos.people == video.people > 0
    assert (
        photos.ap50 > 0.2
    )  # rendered people without a background: not their best, but the boxes must lie right
    assert all(line.startswith("|") for line in lines(figures))
    assert "On real pictures" in note(figures)


def test_a_folder_without_known_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match="no real pictures; expected a folder coco128 or a folder pets2009_s2l1"
    ):
        evaluate_real(tmp_path, PEOPLE)


def test_a_wrong_label_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("0 0.5 0.5 0.2 0.2\n0 wide\n", encoding="ascii")
    with pytest.raises(InputError, match=r"a\.txt:2: wrong label"):
        real_pictures._yolo_people(path)


def test_real_photos_are_measured_where_they_are() -> None:
    where = os.environ.get("OPENAISLE_REAL_PICTURES")
    if not where:
        pytest.skip("no real pictures here: set OPENAISLE_REAL_PICTURES to a folder with coco128 in it")
    figures = evaluate_real(Path(where), PEOPLE, every=40)
    assert all(each.sizes["all"].people > 0 for each in figures)
