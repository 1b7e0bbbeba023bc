"""Detections in COCO's words."""

import numpy as np

from openaisle.core.messages import CameraDetections
from openaisle.detections.coco import CocoDocument
from openaisle.detections.overlay import draw


def _detections(joint_confidence: float) -> CameraDetections:
    keypoints = np.zeros((1, 17, 3), np.float32)
    keypoints[0, :, 0], keypoints[0, :, 1], keypoints[0, :, 2] = 50, 60, joint_confidence
    keypoints[0, 0, 2] = 0.3 if joint_confidence else 0.0
    return CameraDetections(
        camera_id="any",
        captured_ns=1_500_000_000,
        received_ns=1_500_000_000,
        boxes_image_px=np.array([[-5, 10, 40, 200]], np.float32),
        scores=np.array([0.87654321], np.float32),
        keypoints_image_px=keypoints,
        appearance=np.zeros((1, 0), np.float32),
    )


def test_a_box_is_x_y_width_height_within_the_picture() -> None:
    document = CocoDocument("people")
    document.add(_detections(0.9), "a.jpg", 100, 150, None)
    person = document.as_json()["annotations"][0]
    assert person["bbox"] == [0, 10, 40, 140]
    assert person["area"] == 5600
    assert (person["category_id"], person["category"], person["image_id"]) == (1, "person", 1)
    assert person["score"] == 0.8765
    assert "frame_index" not in person


def test_joints_are_flat_with_visibility_that_says_how_sure() -> None:
    document = CocoDocument("people")
    document.add(_detections(0.9), "a.jpg", 100, 150, None)
    person = document.as_json()["annotations"][0]
    assert len(person["keypoints"]) == 51
    assert person["keypoints"][:6] == [50, 60, 1, 50, 60, 2]
    assert person["num_keypoints"] == 16


def test_a_model_without_joints_says_nothing_of_them() -> None:
    document = CocoDocument("nanodet")
    document.add(_detections(0.0), "a.jpg", 100, 150, None)
    assert "keypoints" not in document.as_json()["annotations"][0]


def test_a_video_frame_carries_its_index_and_time_and_empty_ones_are_listed() -> None:
    document = CocoDocument("people")
    document.add(_detections(0.9), "a.mp4", 100, 150, 15)
    nobody = _detections(0.9)
    document.add(
        CameraDetections(
            camera_id="any",
            captured_ns=2_000_000_000,
            received_ns=2_000_000_000,
            boxes_image_px=nobody.boxes_image_px[:0],
            scores=nobody.scores[:0],
            keypoints_image_px=nobody.keypoints_image_px[:0],
            appearance=nobody.appearance[:0],
        ),
        "a.mp4",
        100,
        150,
        20,
    )
    found = document.as_json()
    assert [(each["frame_index"], each["time_s"]) for each in found["images"]] == [(15, 1.5), (20, 2.0)]
    assert (found["annotations"][0]["frame_index"], found["annotations"][0]["time_s"]) == (15, 1.5)
    assert document.lines()[-1] == "a.mp4 frame 20 at 2.00 s: nobody"
    assert len(found["categories"][0]["keypoints"]) == 17


def test_an_overlay_is_a_copy_that_differs_at_the_box() -> None:
    pixels = np.zeros((150, 100, 3), np.uint8)
    drawn = draw(pixels, _detections(0.9))
    assert drawn.shape == pixels.shape
    assert not pixels.any()
    assert drawn[100, 39:42].any()
