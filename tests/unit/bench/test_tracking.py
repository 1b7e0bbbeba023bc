from pathlib import Path

import numpy as np
import pytest

from openaisle.bench.peers import peers_python
from openaisle.bench.trackeval_there import sequence_data, similarity
from openaisle.bench.tracking_crowds import CrowdSettings, make_crowd
from openaisle.bench.tracking_live import CameraFault, faulty_day
from openaisle.bench.tracking_runs import Sequence, follow, pack, unpack
from openaisle.core.errors import MachineError


def test_boxes_are_alike_by_overlap_and_points_by_distance() -> None:
    boxes = np.array([[0.0, 0.0, 10.0, 10.0], [20.0, 20.0, 30.0, 30.0]])
    moved = boxes + np.array([5.0, 0.0, 5.0, 0.0])
    np.testing.assert_allclose(similarity(boxes, moved), [[1 / 3, 0.0], [0.0, 1 / 3]])
    np.testing.assert_allclose(similarity(np.zeros((1, 2)), np.array([[1.0, 0.0], [3.0, 0.0]])), [[0.5, 0.0]])


def test_frames_that_only_one_side_has_count() -> None:
    place = np.array([[0.0, 0.0], [1.0, 1.0]])
    data = sequence_data(np.array([1, 2]), np.array([7, 7]), place, np.array([2, 3]), np.array([4, 9]), place)
    assert data["num_timesteps"] == 3
    assert [len(each) for each in data["tracker_ids"]] == [0, 1, 1]


def test_sequences_come_back_from_a_file_as_they_were() -> None:
    boxes = np.array([[0.0, 0.0, 5.0, 9.0, 0.5], [1.0, 0.0, 6.0, 9.0, 0.75]])
    back = unpack(pack([Sequence("one", 12.5, 640, 480, np.array([1, 3]), boxes, 3)]))[0]
    assert (back.name, back.fps, back.width_px, back.height_px, back.frames) == ("one", 12.5, 640, 480, 3)

    class Counting:
        def prepare(self, boxes, number):
            return boxes, number

        def update(self, prepared):
            return prepared

        def rows(self, returned):
            boxes, number = returned
            return np.column_stack([boxes[:, :4], np.full(len(boxes), number)])

    rows, took_ms = follow(lambda _sequence: Counting(), back)
    assert rows[:, 0].tolist() == [1.0, 3.0]
    assert rows[:, 5].tolist() == [1.0, 3.0]
    assert len(took_ms) == 3


def test_one_seed_gives_one_crowd_and_ids_are_in_a_frame_once() -> None:
    crowd = make_crowd(CrowdSettings(people=6, seed=9000, frames=20, is_carried=True))
    again = make_crowd(CrowdSettings(people=6, seed=9000, frames=20, is_carried=True))
    np.testing.assert_array_equal(crowd.detections.boxes_image_px, again.detections.boxes_image_px)
    pairs = list(zip(crowd.truth.frame.tolist(), crowd.truth.id.tolist(), strict=True))
    assert len(pairs) == len(set(pairs))
    assert crowd.truth.frame_count == 20


def test_an_environment_without_peers_says_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="make bench-tracking"):
        peers_python(tmp_path)


def test_a_shop_is_followed_as_well_with_a_wrong_clock_or_late_frames() -> None:
    well = faulty_day(CameraFault(), 9000, visits=4)
    for fault in (CameraFault(skew_ms=250.0), CameraFault(skew_ms=-250.0), CameraFault(late_ms=400.0)):
        ill = faulty_day(fault, 9000, visits=4)
        assert ill.wrong == 0
        assert (ill.found_after_s is not None) == bool(fault.skew_ms)
        assert np.median(ill.errors_m) < 1.5 * np.median(well.errors_m)


def test_a_turned_camera_is_found_once_and_its_clock_is_left_alone() -> None:
    day = faulty_day(CameraFault(turned_deg=5.0), 9002)
    assert day.found_after_s is not None
    assert day.wrong == 0
