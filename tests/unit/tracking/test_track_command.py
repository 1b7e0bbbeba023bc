from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.unit.tracking.walkers import walk
from typer.testing import CliRunner

from openaisle.adapters.motchallenge import BoxRows, read_boxes, write_boxes
from openaisle.adapters.pictures import PictureFile
from openaisle.cli import build_app
from openaisle.core.errors import InputError


@pytest.fixture
def detections(tmp_path: Path) -> Path:
    frames = walk(20, [(60.0, 200.0), (300.0, 120.0)], [(5.0, 0.0), (-4.0, 1.0)])
    table = np.concatenate(frames)
    frame = np.repeat(np.arange(1, 21), 2)
    write_boxes(tmp_path / "det.txt", BoxRows(frame, np.full(40, -1), table[:, :4], table[:, 4]))
    return tmp_path / "det.txt"


def run(*arguments: str) -> str:
    result = CliRunner().invoke(build_app(), ["track", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_boxes_of_a_file_get_ids(detections: Path, tmp_path: Path) -> None:
    said = run("--detections", str(detections), "--out", str(tmp_path / "res.txt"), "--fps", "10")
    tracks = read_boxes(tmp_path / "res.txt", needs_ids=True)
    assert "2 tracks" in said
    assert set(tracks.id.tolist()) == {1, 2}
    assert tracks.frame_count == 20


@pytest.mark.parametrize("strategy", ["bytetrack", "deepsort", "strongsort"])
def test_a_strategy_is_chosen_by_name(detections: Path, tmp_path: Path, strategy: str) -> None:
    run("--detections", str(detections), "--out", str(tmp_path / "res.txt"), "--strategy", strategy)
    assert len(set(read_boxes(tmp_path / "res.txt", needs_ids=True).id.tolist())) == 2


def test_tracks_are_drawn_as_a_video_and_as_paths(detections: Path, tmp_path: Path) -> None:
    arguments = ["--detections", str(detections), "--out", str(tmp_path / "res.txt"), "--size", "401x301"]
    run(*arguments, "--draw", str(tmp_path / "paths.png"))
    paths = cv2.imread(str(tmp_path / "paths.png"))
    assert paths is not None
    assert paths.shape == (301, 401, 3)
    assert len(np.unique(paths.reshape(-1, 3), axis=0)) > 2
    run(*arguments, "--draw", str(tmp_path / "walk.mp4"), "--pictures", str(tmp_path / "paths.png"))
    shots = list(PictureFile.open(tmp_path / "walk.mp4").shots())
    assert len(shots) == 20
    assert shots[0].pixels.shape == (302, 402, 3)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--strategy", "luck"], "field '--strategy': no such strategy"),
        (["--size", "big"], "field '--size': no size"),
        (["--draw", "walk.txt"], "field '--draw': neither a video nor a picture"),
    ],
)
def test_what_cannot_be_is_named(detections: Path, tmp_path: Path, more: list[str], message: str) -> None:
    with pytest.raises(InputError) as caught:
        run("--detections", str(detections), "--out", str(tmp_path / "res.txt"), *more)
    assert message in str(caught.value)


def test_a_file_without_boxes_gives_a_file_without_tracks(tmp_path: Path) -> None:
    (tmp_path / "det.txt").write_text("")
    said = run("--detections", str(tmp_path / "det.txt"), "--out", str(tmp_path / "res.txt"))
    assert said.startswith("0 tracks of 0 boxes in 0 frames")
    assert (tmp_path / "res.txt").read_text() == ""
