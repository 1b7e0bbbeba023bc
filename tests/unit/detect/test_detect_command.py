"""`openaisle detect` as people call it, on pictures made here."""

import json
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from openaisle.cli import build_app
from openaisle.core.errors import InputError, ModelError
from openaisle.core.units import NS_PER_S
from openaisle.learning.synthesise import Sight, SynthesiseSettings, sights
from openaisle.sim.video import VideoWriter


@pytest.fixture(scope="module")
def sight() -> Sight:
    """A rendered ceiling view with somebody clearly in it."""
    for each in sights(9003, SynthesiseSettings(cameras=2, frames=6)):
        if any(person.visible_fraction > 0.8 and person.visible_px > 4000 for person in each.people):
            return each
    raise AssertionError("nobody came")


def _detect(*words: object) -> str:
    done = CliRunner().invoke(build_app(), ["detect", *map(str, words)], catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


def test_a_picture_becomes_a_coco_document_and_an_overlay(sight: Sight, tmp_path: Path) -> None:
    picture = tmp_path / "view.png"
    cv2.imwrite(str(picture), sight.pixels)
    found = json.loads(_detect(picture, "--json", "--draw", tmp_path / "drawn.png", "--score-min", "0.1"))
    assert [(each["file_name"], each["width"], each["height"]) for each in found["images"]] == [
        (str(picture), 640, 360)
    ]
    assert found["annotations"]
    for person in found["annotations"]:
        x, y, width, height = person["bbox"]
        assert 0 <= x <= x + width <= 640.01
        assert 0 <= y <= y + height <= 360.01
        assert len(person["keypoints"]) == 51
    drawn = cv2.imread(str(tmp_path / "drawn.png"))
    assert drawn is not None
    assert drawn.shape == sight.pixels.shape
    assert not np.array_equal(drawn, sight.pixels)


def test_a_picture_says_the_same_whatever_came_before_it(sight: Sight, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), sight.pixels)
    cv2.imwrite(str(tmp_path / "b.png"), sight.empty)
    alone = json.loads(_detect(tmp_path / "a.png", "--json"))["annotations"]
    after = json.loads(_detect(tmp_path / "b.png", tmp_path / "a.png", "--json"))["annotations"]
    after = [each for each in after if each["file_name"].endswith("a.png")]
    assert [(each["bbox"], each["score"]) for each in alone] == [
        (each["bbox"], each["score"]) for each in after
    ]


def test_a_video_is_drawn_into_a_video_of_as_many_frames(sight: Sight, tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "view.mp4", 640, 360, 5, has_times=False) as video:
        for number in range(12):
            video.write(sight.empty if number < 8 else sight.pixels, number * NS_PER_S // 5)
    out = _detect(tmp_path / "view.mp4", "--json", "--every", "2", "--draw", tmp_path / "out")
    found = json.loads(out)
    assert [each["frame_index"] for each in found["images"]] == [0, 2, 4, 6, 8, 10]
    assert [each["time_s"] for each in found["images"]] == [0.0, 0.4, 0.8, 1.2, 1.6, 2.0]
    with av.open(str(tmp_path / "out" / "view.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == 6
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["view.mp4"]


def test_bad_words_are_named(sight: Sight, tmp_path: Path) -> None:
    picture = tmp_path / "view.png"
    cv2.imwrite(str(picture), sight.pixels)
    with pytest.raises(InputError, match=r"expected people, or a file .*eyes.onnx"):
        _detect(picture, "--model", "eyes")
    with pytest.raises(InputError, match=r"none\.jpg: there is no such file"):
        _detect(picture, tmp_path / "none.jpg")
    with pytest.raises(InputError, match="several files cannot be drawn into one"):
        _detect(picture, picture, "--draw", tmp_path / "one.png")


def test_a_model_that_was_not_fetched_says_how(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAISLE_MODELS", str(tmp_path))
    with pytest.raises(ModelError, match="`openaisle models fetch nanodet` to be run once"):
        _detect(tmp_path / "a.png", "--model", "nanodet")
