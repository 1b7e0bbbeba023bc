"""`openaisle track --cameras`: files in, a table and a drawing of the floor out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.unit.tracks.test_floor_tracker import ANA, BOB, FPS, boxes_of, keypoints_of
from tests.unit.tracks.walkers import bare_room
from typer.testing import CliRunner

from openaisle.adapters.floor_files import KEYPOINT_COLUMNS, read_moments
from openaisle.adapters.motchallenge import BoxRows, write_boxes
from openaisle.cli import build_app
from openaisle.core.errors import InputError
from openaisle.store.load import load_cameras
from openaisle.store.schema import Camera

CAMERA = """
[[camera]]
id = "{camera.camera_id}"
position_m = [{x}, {y}, {z}]
pan_deg = {camera.pan_deg}
tilt_deg = {camera.tilt_deg}
fps = {camera.fps}
main_px = [1920, 1080]
[camera.lens]
width_px = {lens.width_px}
height_px = {lens.height_px}
focal_px = [{lens.focal_x_px}, {lens.focal_y_px}]
centre_px = [{lens.centre_x_px}, {lens.centre_y_px}]
distortion = {distortion}
"""


def write_cameras(path: Path, cameras: tuple[Camera, ...]) -> None:
    tables = []
    for camera in cameras:
        x, y, z = camera.position_floor_m
        distortion = list(camera.lens.distortion)
        tables.append(CAMERA.format(camera=camera, lens=camera.lens, x=x, y=y, z=z, distortion=distortion))
    path.write_text("format = 1\n" + "".join(tables))


@pytest.fixture
def filmed(tmp_path: Path) -> Path:
    """Six seconds of two people: keypoints of the first camera, boxes of the others, none of the last."""
    cameras = bare_room().cameras
    write_cameras(tmp_path / "cameras.toml", cameras)
    rng = np.random.default_rng(5)
    moments = range(1, round(6 * FPS) + 1)
    people = [
        [joints for walker in (ANA, BOB) if (joints := walker.joints_at(moment / FPS)) is not None]
        for moment in moments
    ]
    for number, camera in enumerate(cameras[:-1]):
        if number == 0:
            seen = [
                (moment, rows)
                for moment in moments
                for rows in keypoints_of(camera, people[moment - 1], 2.0, rng)
            ]
            lines = [
                ",".join([str(moment), *(f"{value:.2f}" for value in rows.ravel())]) for moment, rows in seen
            ]
            (tmp_path / f"{camera.camera_id}.csv").write_text("\n".join([",".join(KEYPOINT_COLUMNS), *lines]))
            continue
        boxes = [boxes_of(camera, people[moment - 1], 2.0, rng) for moment in moments]
        frame = np.repeat(np.array(moments), [len(rows) for rows in boxes])
        table = np.concatenate(boxes)
        rows = BoxRows(frame, np.full(len(frame), -1), table[:, :4], table[:, 4])
        write_boxes(tmp_path / f"{camera.camera_id}.txt", rows)
    return tmp_path


def test_two_people_in_files_are_two_paths_in_a_table_and_a_drawing(filmed: Path) -> None:
    out, drawing = filmed / "floor.csv", filmed / "floor.svg"
    asked = [
        "track",
        "--cameras",
        str(filmed / "cameras.toml"),
        "--detections",
        str(filmed),
        "--out",
        str(out),
    ]
    done = CliRunner().invoke(build_app(), [*asked, "--draw", str(drawing)])
    assert done.exit_code == 0, done.output
    lines = out.read_text().splitlines()
    assert lines[0] == "frame,id,x_m,y_m"
    assert {line.split(",")[1] for line in lines[1:]} == {"1", "2"}
    assert len(lines) > 1.8 * 6 * FPS
    assert "2 people, 48 moments, 6 cameras" in drawing.read_text()


def test_cameras_are_read_back_as_they_were_written(filmed: Path) -> None:
    assert load_cameras(filmed / "cameras.toml") == bare_room().cameras


def test_a_folder_without_detections_and_a_line_that_is_nobody_are_named(
    filmed: Path, tmp_path: Path
) -> None:
    cameras = bare_room().cameras
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no camera's detections.*cam-1\.txt"):
        read_moments(tmp_path / "empty", cameras)
    broken = filmed / "cam-1.csv"
    broken.write_text(broken.read_text() + "\n3,1.0,x\n")
    with pytest.raises(InputError, match=r"cam-1\.csv:\d+: the line is nobody"):
        read_moments(filmed, cameras)
