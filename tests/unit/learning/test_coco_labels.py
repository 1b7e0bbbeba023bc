"""Labels in COCO's words: what its own tools, and other people's training code, expect of them."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.unit.learning.conftest import TINY

from openaisle.core.errors import InputError
from openaisle.core.messages import JOINTS, CameraDetections
from openaisle.detections.coco import CocoDocument
from openaisle.learning.coco_labels import LABELS, CocoOut, StoreLabels, join
from openaisle.learning.enrol import read_picture
from openaisle.learning.synthesise import sights


@pytest.fixture(scope="module")
def labels(data: Path) -> dict[str, Any]:
    return json.loads((data / "coco" / LABELS).read_text())


def test_ids_are_unique_and_lead_somewhere(labels: dict[str, Any], data: Path) -> None:
    for part in ("images", "annotations", "categories"):
        assert [each["id"] for each in labels[part]] == list(range(1, len(labels[part]) + 1))
    images = {each["id"]: each for each in labels["images"]}
    categories = {each["id"] for each in labels["categories"]}
    for each in labels["annotations"]:
        assert each["image_id"] in images
        assert each["category_id"] in categories
    for each in images.values():
        for name in (each["file_name"], each["empty_file_name"]):
            assert read_picture(data / "coco" / name).shape == (each["height"], each["width"], 3)


def test_annotations_have_the_fields_that_cocos_evaluation_reads(labels: dict[str, Any]) -> None:
    assert len(labels["annotations"]) > 3
    images = {each["id"]: each for each in labels["images"]}
    for each in labels["annotations"]:
        x, y, width, height = each["bbox"]
        image = images[each["image_id"]]
        assert 0 <= x <= x + width <= image["width"]
        assert 0 <= y <= y + height <= image["height"]
        assert each["iscrowd"] in (0, 1)
        assert each["area"] >= 0
        assert 0 <= each["visibility"] <= 1
        joints = np.array(each["keypoints"]).reshape(17, 3)
        assert set(joints[:, 2]) <= {0, 1, 2}
        assert each["num_keypoints"] == (joints[:, 2] > 0).sum()
        assert not joints[joints[:, 2] == 0].any()
    assert labels["categories"][0]["keypoints"] == list(JOINTS)
    assert np.array(labels["categories"][0]["skeleton"]).min() == 1


def test_every_picture_says_which_shop_camera_and_light_it_is_of(labels: dict[str, Any]) -> None:
    for each in labels["images"]:
        assert (each["store_seed"], each["store_id"]) == (31, "random-31")
        assert each["camera"]["position_floor_m"][2] > 1.5
        assert each["light"]["level"] > 0
    assert len({each["camera"]["camera_id"] for each in labels["images"]}) == 2


def test_pictures_and_people_are_those_of_the_training_set(labels: dict[str, Any], data: Path) -> None:
    settings = replace(TINY, cameras=1, frames=2)
    for sight, image in zip(sights(31, settings), labels["images"], strict=False):
        pixels = read_picture(data / "coco" / image["file_name"])
        np.testing.assert_array_equal(pixels, sight.pixels)  # PNG loses nothing
    people = Counter(each["image_id"] for each in labels["annotations"] if not each["iscrowd"])
    boxes = np.load(data / "frames-0031" / "boxes.npy")
    assert [people[each["id"]] for each in labels["images"]] == (boxes[:, :, 4] > 0).sum(axis=1).tolist()


def test_a_detector_that_finds_just_the_truth_says_it_in_the_same_words(labels: dict[str, Any]) -> None:
    document = CocoDocument("truth")
    for image in labels["images"]:
        people = [each for each in labels["annotations"] if each["image_id"] == image["id"]]
        boxes = np.array([each["bbox"] for each in people], np.float32).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        joints = np.array([each["keypoints"] for each in people], np.float32).reshape(-1, 17, 3)
        found = CameraDetections(
            camera_id=image["camera"]["camera_id"],
            captured_ns=0,
            received_ns=0,
            boxes_image_px=boxes,
            scores=np.ones(len(people), np.float32),
            keypoints_image_px=joints * [1, 1, 0.5]
            + [0, 0, -0.01],  # visibility 2, 1, 0 to sure, unsure, none
            appearance=np.zeros((len(people), 0), np.float32),
        )
        document.add(found, image["file_name"], image["width"], image["height"], None)
    said = document.as_json()
    assert said["categories"] == labels["categories"]
    for mine, theirs in zip(said["annotations"], labels["annotations"], strict=True):
        assert mine["image_id"] == theirs["image_id"]
        assert mine["category_id"] == theirs["category_id"]
        assert mine["bbox"] == pytest.approx(theirs["bbox"], abs=0.02)
        if "keypoints" in mine:
            assert np.array(mine["keypoints"]).reshape(17, 3)[:, :2] == pytest.approx(
                np.array(theirs["keypoints"]).reshape(17, 3)[:, :2], abs=0.02
            )


def test_stores_are_joined_with_ids_of_their_own(tmp_path: Path) -> None:
    out = CocoOut(folder=tmp_path)
    for seed, name in ((5, "cola"), (6, "cola"), (7, "tea")):
        store = StoreLabels(out, seed, f"random-{seed}")
        store.add_image(np.full((20, 30, 3), seed, np.uint8))
        store.add_annotation(category_id=1, bbox=[0, 0, 3, 4])
        store.write([{"id": 1, "name": name}])
    assert join(out, (5, 6, 7), "packs") == {"images": 3, "annotations": 3, "categories": 2}
    labels = json.loads((tmp_path / LABELS).read_text())
    assert [(each["image_id"], each["category_id"]) for each in labels["annotations"]] == [
        (1, 1),
        (2, 1),
        (3, 2),
    ]


def test_another_picture_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no such picture format.*jpg or png.*bmp"):
        CocoOut(folder=tmp_path, suffix="bmp")
