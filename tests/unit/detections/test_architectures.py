"""Files of foreign layouts: told by their shapes, decoded into people, or refused by one clear error."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.unit.detections import tiny_onnx

from openaisle.core.errors import InputError, ModelError
from openaisle.core.messages import JOINT_INDEX, Action, Frame
from openaisle.detections import models
from openaisle.detections.architectures import catalogue, mediapipe, openpose, vitpose
from openaisle.detections.architectures.model import BroughtModel
from openaisle.detections.runtime import SHIPPED, RuntimeSettings
from openaisle.detections.single_frames import People, SingleFrameDetector
from openaisle.detections.stages import StagedDetector
from openaisle.detections.watched import WatchedDetector

PICTURE = np.full((60, 80, 3), 90, np.uint8)


def _built(path: Path, architecture: str, **options: Any) -> Any:
    return catalogue.architecture(architecture).build(BroughtModel(path, RuntimeSettings()), options)


def _yolo(path: Path, **shapes: Any) -> Path:
    answer = np.zeros((1, 6, 3), np.float32)  # x y width height, two kinds
    answer[0, :, 0] = (32, 24, 16, 12, 0.9, 0.1)
    answer[0, :, 1] = (33, 24, 16, 12, 0.8, 0.1)  # the same once more
    answer[0, :, 2] = (10, 40, 8, 8, 0.3, 0.6)  # another kind
    return tiny_onnx.write(path, {"images": (1, 3, 64, 64), **shapes}, {"output0": answer})


def test_a_yolo_finds_people_where_the_picture_was_before_it_was_fitted(tmp_path: Path) -> None:
    people = _built(_yolo(tmp_path / "yolo.onnx"), "yolo11").people(PICTURE)
    # 80 x 60 px became 64 x 48, with 8 px of grey above and below.
    assert people.scores.tolist() == pytest.approx([0.9])
    assert people.boxes_px[0].tolist() == pytest.approx([30, 12.5, 50, 27.5])
    assert not people.keypoints_px.any()


def test_a_wrong_shape_names_the_port_what_was_expected_and_what_was_found(tmp_path: Path) -> None:
    path = _yolo(tmp_path / "yolo.onnx")
    with pytest.raises(
        ModelError, match=r"wrong shape of output 0 'output0'; expected \[1, 56, cells\], found '\[1, 6, 3\]'"
    ):
        _built(path, "yolov8-pose")
    with pytest.raises(
        ModelError, match=r"wrong shape of input 0 'images'; expected \[1, height, width, 3\]"
    ):
        _built(path, "movenet")


def test_what_a_file_leaves_open_is_checked_when_it_answers(tmp_path: Path) -> None:
    path = tiny_onnx.write(
        tmp_path / "pose.onnx", {"pixels": ("n", 3, 64, 48)}, {"maps": np.zeros((1, 17, 16, 12), np.float32)}
    )
    joints = _built(path, "vitpose")
    assert joints.joints(PICTURE, np.array([[0, 0, 40, 40]], np.float32)).shape == (1, 17, 3)
    with pytest.raises(ModelError, match=r"wrong shape of output 0 'maps'; expected \[2, 17, "):
        joints.joints(PICTURE, np.array([[0, 0, 40, 40], [10, 10, 50, 50]], np.float32))


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    path.write_bytes(b"\x80\x04cos\nsystem\n")
    with pytest.raises(ModelError, match=r"an unsafe pickle: .* it is not opened; expected an ONNX file"):
        BroughtModel(path, RuntimeSettings())


def test_what_is_no_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.onnx"
    path.write_text("a shopping list")
    with pytest.raises(ModelError, match="cannot load model; expected an ONNX file"):
        BroughtModel(path, RuntimeSettings())


def test_an_option_that_an_architecture_does_not_have_is_named(tmp_path: Path) -> None:
    path = _yolo(tmp_path / "yolo.onnx")
    with pytest.raises(InputError, match=r"field 'threshold': no such option .* expected score_min, "):
        _built(path, "yolov8", threshold=0.5)
    with pytest.raises(InputError, match="wrong option; expected float, found 'high'"):
        _built(path, "yolov8", score_min="high")


def test_an_unknown_architecture_is_named() -> None:
    with pytest.raises(InputError, match=r"expected .*yolov8.*, found 'yolo99'"):
        catalogue.architecture("yolo99")


def test_a_file_must_say_what_it_is_to_be_named(tmp_path: Path) -> None:
    _yolo(tmp_path / "mine.onnx")
    with pytest.raises(ModelError, match="does not say what it is"):
        models.build("mine", RuntimeSettings(weights=tmp_path))


def test_an_answer_of_another_size_is_told_at_the_first_picture(tmp_path: Path) -> None:
    answers = {
        "boxes": np.zeros((2, 4), np.float32),
        "labels": np.zeros(2, np.int64),
        "scores": np.zeros(3, np.float32),
    }
    path = tiny_onnx.write(tmp_path / "rcnn.onnx", {"image": (3, 60, 80)}, answers)
    with pytest.raises(ModelError, match=r"wrong outputs; expected boxes \[n, 4\], kinds \[n\]"):
        _built(path, "detectron2").people(PICTURE)


def test_an_rcnn_is_read_in_whatever_order_it_answers(tmp_path: Path) -> None:
    answers = {
        "scores": np.array([0.9, 0.8], np.float32),
        "classes": np.array([0, 3], np.int64),
        "size": np.array([60, 80], np.int64),
        "boxes": np.array([[8, 6, 40, 30], [0, 0, 9, 9]], np.float32),
    }
    path = tiny_onnx.write(tmp_path / "rcnn.onnx", {"image": (3, 60, 80)}, answers)
    people = _built(path, "detectron2").people(PICTURE)
    assert people.boxes_px.tolist() == [[8, 6, 40, 30]]
    assert people.scores.tolist() == pytest.approx([0.9])


def test_joints_that_an_rcnn_leaves_in_maps_lie_in_their_boxes(tmp_path: Path) -> None:
    maps = np.full((2, 17, 56, 56), -9.0, np.float32)
    maps[0, :, 26:28, 13] = 9.0
    answers = {
        "boxes": np.array([[8, 6, 64, 34], [0, 0, 9, 9]], np.float32),
        "classes": np.array([0, 3], np.int64),
        "maps": maps,
        "scores": np.array([0.9, 0.8], np.float32),
    }
    path = tiny_onnx.write(tmp_path / "rcnn.onnx", {"image": (3, 60, 80)}, answers)
    people = _built(path, "detectron2").people(PICTURE)
    # A box of 56 x 28 px: one cell across is one px, one cell down half of one.
    assert people.keypoints_px[0, 0].tolist() == pytest.approx([8 + 13.5, 6 + 13.5, 1.0], abs=0.01)
    answers["maps"] = maps[:, :5]
    tiny_onnx.write(path, {"image": (3, 60, 80)}, answers)
    with pytest.raises(ModelError, match=r"wrong outputs; expected .* or their maps \[n, 17, s, s\]"):
        _built(path, "detectron2").people(PICTURE)


def test_nanodet_says_the_same_grid_by_grid_and_joined(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    cells = (16, 4, 1)  # of a picture of 32 px
    kinds = [rng.uniform(0, 0.3, (1, count, 80)).astype(np.float32) for count in cells]
    sides = [rng.normal(size=(1, count, 32)).astype(np.float32) for count in cells]
    for each in sides:
        each[:, :, 1::8] += 6.0  # about one stride to each side
    kinds[0][0, 5, 0] = 0.9
    kinds[1][0, 3, 0] = 0.7
    parts = {f"k{number}": each for number, each in enumerate(kinds)}
    parts |= {f"s{number}": each for number, each in enumerate(sides)}
    joined = np.concatenate([np.concatenate(pair, axis=2) for pair in zip(kinds, sides, strict=True)], axis=1)
    shape = {"data": (1, 3, 32, 32)}
    files = [
        tiny_onnx.write(tmp_path / "a.onnx", shape, parts),
        tiny_onnx.write(tmp_path / "b.onnx", shape, {"output": joined}),
    ]
    apart, whole = (_built(each, "nanodet").people(PICTURE) for each in files)
    assert apart.scores.tolist() == pytest.approx([0.9, 0.7])
    assert np.array_equal(apart.boxes_px, whole.boxes_px)


def test_classes_and_names_must_be_as_many(tmp_path: Path) -> None:
    path = tiny_onnx.write(
        tmp_path / "clip.onnx", {"pixels": (1, 4, 3, 32, 32)}, {"logits": np.zeros((1, 3), np.float32)}
    )
    with pytest.raises(ModelError, match=r"expected 3 names: --option classes=none,approach,\.\.\., found 5"):
        _built(path, "videomae")
    model = _built(path, "videomae", classes=["none", "take", "put_back"])
    assert model.probabilities([PICTURE] * 9).tolist() == pytest.approx([1 / 3] * 3)


def test_classes_that_are_no_deed_at_a_shelf_are_nothing(tmp_path: Path) -> None:
    logits = np.log(np.array([[0.1, 0.2, 0.3, 0.4]], np.float32))
    path = tiny_onnx.write(tmp_path / "clip.onnx", {"pixels": (1, 3, 4, 32, 32)}, {"logits": logits})
    model = _built(path, "x3d", classes=["take", "dancing", "put_back", "browse"])
    assert dict(zip(Action, model.deeds([PICTURE] * 3), strict=True)) == {
        Action.NONE: pytest.approx(0.2),
        Action.APPROACH: 0.0,
        Action.TAKE: pytest.approx(0.1),
        Action.PUT_BACK: pytest.approx(0.3),
        Action.BROWSE: pytest.approx(0.4),
    }


def test_a_peak_between_cells_is_found_between_them() -> None:
    y, x = np.mgrid[0:16, 0:12]
    heat = np.exp(-((x - 5.3) ** 2 + (y - 8.6) ** 2) / 8).astype(np.float32)
    cells, heights = vitpose.peaks(heat[None, None])
    assert cells[0, 0].tolist() == pytest.approx([5.3, 8.6], abs=0.05)
    assert heights[0, 0] == pytest.approx(heat.max())


def test_limbs_join_each_joint_to_its_own_body() -> None:
    # Two people side by side, only arms: shoulders nearer to each other's elbows than to their own.
    maps, fields = np.zeros((60, 80, 18), np.float32), np.zeros((60, 80, 38), np.float32)
    for x, wrist_x in ((20, 50), (60, 30)):
        places = {1: (x, 10), 2: (x, 20), 3: ((x + wrist_x) // 2, 35), 4: (wrist_x, 50)}
        for part, (column, row) in places.items():
            maps[row, column, part] = 20.0  # smoothed later
        for start, end, channel in openpose.LIMBS:
            if start in places and end in places:
                way = np.subtract(places[end], places[start])
                for share in np.linspace(0, 1, 60):
                    column, row = np.rint(np.array(places[start]) + share * way).astype(int)
                    near = fields[row - 1 : row + 2, column - 1 : column + 2, channel : channel + 2]
                    near[:] = way / np.linalg.norm(way)
    people, scores = openpose.assembled(maps, fields, openpose.OpenPoseOptions())
    shoulders_and_wrists = {(int(person[2, 0]), int(person[4, 0])) for person in people}
    assert shoulders_and_wrists == {(20, 50), (60, 30)}
    assert (scores > 0.5).all()


def test_a_turned_square_comes_back_to_the_picture_where_it_was_cut() -> None:
    affine = mediapipe.squares(
        np.array([[30, 40]], np.float32), np.array([20], np.float32), np.array([np.pi / 2], np.float32), 224
    )[0]
    middle = np.array([111.5, 111.5], np.float32)
    assert mediapipe.moved(middle, affine).tolist() == pytest.approx([30, 40])
    # Up in a square that is turned clockwise by a quarter is right in the picture.
    assert mediapipe.moved(np.array([111.5, 0], np.float32), affine)[0] > 39


def test_a_joint_is_moved_to_the_mean_of_its_map_where_the_map_is_sure() -> None:
    values, maps = np.zeros((1, 195), np.float32), np.full((1, 64, 64, 39), -20.0, np.float32)
    values.reshape(39, 5)[:2, :2] = (101, 81)
    maps[0, 20:22, 25, 0] = 5.0  # cells of 4 px, about where the first joint is said to be
    marks = mediapipe.body_marks(values, maps)
    assert marks[0, 0, :2].tolist() == pytest.approx([100, 82], abs=0.1)
    assert marks[0, 1, :2].tolist() == [101, 81]
    assert marks[0, 0, 2] == pytest.approx(0.5)


class _Everywhere(SingleFrameDetector):
    """Somebody in the left half of every picture, whoever is there."""

    def __init__(self) -> None:
        super().__init__(0.5)
        self.asked = 0

    def people(self, pixels: np.ndarray) -> People:
        self.asked += 1
        height, width = pixels.shape[:2]
        return People.of_boxes(np.array([[0, 0, width / 2, height]], np.float32), np.array([0.9], np.float32))


def _frame(number: int, pixels: np.ndarray) -> Frame:
    return Frame("c", number * 10**9, number * 10**9, pixels)


def test_before_a_shops_cameras_an_empty_picture_costs_no_network_and_a_poster_is_nobody() -> None:
    model = _Everywhere()
    detector = WatchedDetector(model)
    detector.watch(models.camera_of_size("c", 320, 180))
    empty = np.random.default_rng(1).integers(80, 100, (360, 640, 3)).astype(np.uint8)
    for number in range(8):
        detector.detect([_frame(number, empty)])
    asked = model.asked
    assert len(detector.detect([_frame(8, empty)])[0].scores) == 0
    assert model.asked == asked
    somebody = empty.copy()
    somebody[60:300, 40:200] = 230
    found = detector.detect([_frame(9, somebody)])[0]
    assert model.asked == asked + 1
    # In px of the lens, which is half of the frame.
    assert found.boxes_image_px.tolist() == [[0, 0, 160, 180]]


def test_a_second_stage_sees_the_frame_and_answers_in_px_of_the_lens() -> None:
    class Corners:
        def joints(self, pixels: np.ndarray, boxes_px: np.ndarray) -> np.ndarray:
            assert boxes_px.tolist() == [[0, 0, 320, 360]]
            joints = np.zeros((1, 17, 3), np.float32)
            joints[0, JOINT_INDEX["nose"]] = (639.5, 359.5, 0.7)
            return joints

    first = WatchedDetector(_Everywhere())
    detector = StagedDetector(first, joints=Corners())
    detector.watch(models.camera_of_size("c", 320, 180))
    found = detector.detect([_frame(0, np.full((360, 640, 3), 9, np.uint8))])[0]
    assert found.keypoints_image_px[0, 0].tolist() == pytest.approx([319.5, 179.5, 0.7])
    assert detector.health() == []


def test_a_model_that_does_another_job_is_not_taken_for_eyes() -> None:
    with pytest.raises(InputError, match=r"no such architecture|another job"):
        models.build("people-boxes", RuntimeSettings(weights=SHIPPED))
