"""A store's own labels on their way to training, measuring and people: small, with the networks that ship."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from openaisle.cli import build_app
from openaisle.core.errors import InputError
from openaisle.core.messages import CameraDetections
from openaisle.detections.runtime import SHIPPED, RuntimeSettings
from openaisle.labels.dataset import CHECK, HELD_OUT, SPLITS, TRAIN, VISIBLE
from openaisle.labels.folder import read_dataset, write_dataset
from openaisle.learning import compare, video_frames
from openaisle.learning.compared import (
    ALL,
    BETTER,
    CANNOT_TELL,
    WORSE,
    Compared,
    Interval,
    interval,
    note,
    verdict,
)
from openaisle.learning.people_data import Shards
from openaisle.learning.proposals import chosen, entropy, proposed
from openaisle.learning.store_sights import shards, store_sights

RUNTIME = RuntimeSettings(weights=SHIPPED, precision="f32")


def run(*arguments: object) -> Any:
    done = CliRunner().invoke(build_app(), [str(argument) for argument in arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six visits of two seconds before two cameras, in the look that the networks know."""
    folder = tmp_path_factory.mktemp("shop")
    small = (
        "--visits",
        6,
        "--cameras",
        2,
        "--seconds",
        3,
        "--people",
        2,
        "--look",
        "live",
        "--store-seed",
        9601,
    )
    counts = json.loads(run("learn", "synthesise", "videos", "--out", folder / "videos", *small, "--json"))
    assert counts["frames"] == 36
    videos = sorted((folder / "videos").glob("*.mp4"))
    words = ("--source", "rendered", "--licence", "Apache-2.0", "--basis", "synthetic", "--blur", "none")
    run("learn", "frames", *videos, "--out", folder / "data", *words)
    run("learn", "import", "coco", folder / "videos" / "labels.json", "--onto", folder / "data")
    return folder / "data"


def test_frames_of_videos_say_where_they_are_from(shop: Path) -> None:
    dataset = read_dataset(shop)
    assert {frame.visit_ids[0] for frame in dataset.frames} == {
        f"visit{number:02d}" for number in range(1, 7)
    }
    assert all(
        frame.camera_id and frame.is_checked and (shop / frame.file).is_file() for frame in dataset.frames
    )
    assert sum(len(frame.labels) for frame in dataset.frames) > 10
    assert dataset.sources[-1].licence == "Apache-2.0"


def test_a_split_data_set_becomes_training_pictures_once(shop: Path) -> None:
    run("learn", "split", shop, "--check", 0.3, "--held-out", 0.3)
    dataset = read_dataset(shop)
    made = shards(shop, TRAIN)
    assert shards(shop, TRAIN) == made
    assert len(Shards([made], "frames", ("pixels", "boxes"))) == len(dataset.part(TRAIN))
    pixels, boxes = Shards([made], "frames", ("pixels", "boxes"))[0]
    assert pixels.shape == (192, 320, 4)
    assert boxes.shape == (12, 5)
    # Each camera has frames enough for their median to be its empty shop.
    assert all(each.has_empty for each in store_sights(shop, dataset, dataset.frames))
    assert {frame.split for frame in dataset.frames} == set(SPLITS)


def test_a_model_is_no_better_than_itself(shop: Path) -> None:
    run("learn", "split", shop, "--check", 0.2, "--held-out", 0.3)
    frames = tuple(replace(frame, split=HELD_OUT) for frame in read_dataset(shop).frames)
    every = replace(read_dataset(shop), frames=frames)
    before = read_dataset(shop)
    write_dataset(shop, every)
    try:
        compared = compare.compare(shop, RUNTIME, RUNTIME)
    finally:
        write_dataset(shop, before)
    whole = compared[0].figures["box AP50"]
    assert verdict(compared, compare.DECIDING) == CANNOT_TELL
    assert whole.new == whole.old > 0.5
    assert (whole.gain, whole.low, whole.high) == (0, 0, 0)
    assert compared[0].groups == 6
    card = note(compared, "shipped", compare.DECIDING, "people")
    assert "6 visits), beside shipped: cannot tell." in card
    assert "| all | " in card


def test_a_stores_labels_are_reported_on_by_family_but_not_by_an_angle_that_nobody_knows(
    shop: Path, tmp_path: Path
) -> None:
    run("learn", "split", shop, "--check", 0.2, "--held-out", 0.3)
    said = json.loads(
        run(
            "learn", "evaluate", "people", "--store-data", shop, "--split", TRAIN, "--out", tmp_path, "--json"
        )
    )
    assert said["frames"] == len(read_dataset(shop).part(TRAIN))
    assert [name.split(" (")[0] for name in said["families"]] == ["occlusion", "size", "light"]
    assert (tmp_path / "report.md").is_file()


def test_a_difference_is_told_only_where_the_interval_leaves_zero_out() -> None:
    assert interval(0.8, 0.6, [0.1, 0.2, 0.3] * 50, 10).verdict == BETTER
    assert interval(0.6, 0.8, [-0.1, -0.2, -0.3] * 50, 10).verdict == WORSE
    assert interval(0.8, 0.6, [-0.1, 0.2, 0.3] * 50, 10).verdict == CANNOT_TELL
    assert interval(0.8, 0.6, [0.1, 0.2, 0.3] * 50, 3).verdict == CANNOT_TELL


def compared(family: str, boxes: str, joints: str) -> Compared:
    figures = {
        name: Interval(new=0.5, old=0.5, gain=0, low=0, high=0, verdict=said)
        for name, said in ((compare.BOXES, boxes), (compare.JOINTS, joints))
    }
    return Compared(family=family, cases=9, frames=9, groups=9, figures=figures)


def test_who_is_better_at_joints_and_worse_at_boxes_is_worse() -> None:
    def said(*families: Compared) -> str:
        return verdict(families, compare.DECIDING)

    assert said(compared(ALL, CANNOT_TELL, BETTER)) == BETTER
    assert said(compared(ALL, CANNOT_TELL, CANNOT_TELL)) == CANNOT_TELL
    assert said(compared(ALL, WORSE, BETTER)) == "worse at box AP50, better at joints' AP"
    hidden = compared("occlusion", BETTER, WORSE)
    assert said(compared(ALL, BETTER, CANNOT_TELL), hidden) == "better, but worse at occlusion"


def test_joints_that_nobody_labelled_are_no_figure(shop: Path, tmp_path: Path) -> None:
    run("learn", "split", shop, "--check", 0.2, "--held-out", 0.3)
    dataset = read_dataset(shop)
    bare = [
        replace(frame, labels=tuple(replace(label, joints_px=()) for label in frame.labels))
        for frame in dataset.frames
    ]
    write_dataset(tmp_path, replace(dataset, frames=tuple(bare)))
    (tmp_path / "pictures").symlink_to(shop / "pictures")
    with_joints, people = compare.precisions(shop, RUNTIME, TRAIN)
    without, as_many = compare.precisions(tmp_path, RUNTIME, TRAIN)
    assert people == as_many
    assert without[compare.BOXES] == with_joints[compare.BOXES]
    assert with_joints[compare.JOINTS] > 0.1
    assert np.isnan(without[compare.JOINTS])
    said = json.loads(
        run("learn", "evaluate", "people", "--store-data", tmp_path, "--split", TRAIN, "--json")
    )
    assert said["box_ap50"] > 0.5
    assert said["wrist_px_median"] is None


def test_proposals_come_with_scores_and_are_for_unchecked_frames_only(shop: Path, tmp_path: Path) -> None:
    dataset = read_dataset(shop)
    frames = [replace(frame, is_checked=number > 3, labels=()) for number, frame in enumerate(dataset.frames)]
    write_dataset(tmp_path, replace(dataset, frames=tuple(frames)))
    (tmp_path / "pictures").symlink_to(shop / "pictures")
    said = json.loads(run("learn", "propose", tmp_path, "--json"))
    after = read_dataset(tmp_path).frames
    assert said == {"frames": 4, "labels": sum(len(frame.labels) for frame in after[:4])}
    assert said["labels"] > 0
    assert all(label.score is not None for frame in after[:4] for label in frame.labels)
    assert not any(frame.labels for frame in after[4:])
    names = tmp_path / "next.txt"
    found = json.loads(run("learn", "next", tmp_path, "--count", 2, "--out", names, "--json"))
    assert {each["file"] for each in found} <= {frame.file for frame in after[:4]}
    assert names.read_text().split() == [each["file"] for each in found]


def test_the_next_frame_is_doubtful_and_far_from_what_is_known() -> None:
    looks = np.array([[0.0], [0.1], [5.0], [5.1], [9.0]])
    labelled = np.array([True, False, False, False, False])
    sure, doubtful = np.zeros(5), np.array([0.0, 0.0, 0.0, 1.0, 0.0])
    assert [row for row, _ in chosen(looks, sure, labelled, ~labelled, 2)] == [4, 2]
    assert [row for row, _ in chosen(looks, doubtful, labelled, ~labelled, 2)] == [3, 4]
    assert len(chosen(looks, sure, labelled, ~labelled, 9)) == 4
    assert entropy(np.array([0.5])) == pytest.approx(1.0)
    assert entropy(np.array([0.999])) < 0.02


def detection(box: tuple[float, float, float, float], confidence: float) -> CameraDetections:
    keypoints = np.zeros((1, 17, 3), np.float32)
    keypoints[0, :, 0] = (box[0] + box[2]) / 2
    keypoints[0, :, 1] = np.linspace(box[1] + 8, box[3], 17)
    keypoints[0, :, 2] = confidence
    return CameraDetections(
        camera_id="c",
        captured_ns=0,
        received_ns=0,
        boxes_image_px=np.array([box], np.float32),
        scores=np.array([0.8], np.float32),
        keypoints_image_px=keypoints,
        appearance=np.zeros((1, 0), np.float32),
        visibility=np.full((1, 17), 0.9, np.float32),
    )


def test_a_sure_joint_is_proposed_and_an_unsure_one_left_to_people() -> None:
    (label,) = proposed(detection((10, 10, 60, 140), 0.9))
    assert {sight for _, _, sight in label.joints_px} == {VISIBLE}
    assert proposed(detection((10, 10, 60, 140), 0.1))[0].joints_px == ()
    assert proposed(detection((10, 10, 10.2, 140), 0.9)) == ()


@pytest.mark.parametrize("confidence", [0.9, 0.05])
def test_a_head_is_blurred_and_the_rest_left(confidence: float) -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (200, 200, 3), dtype=np.uint8)
    done, count = video_frames.blurred_picture(pixels, detection((60, 40, 120, 180), confidence), "heads")
    assert count == 1
    head, legs = (slice(50, 60), slice(85, 95)), (slice(140, 180), slice(60, 120))
    assert done[head].std() < 0.5 * pixels[head].std()
    assert np.array_equal(done[legs], pixels[legs])
    whole, _ = video_frames.blurred_picture(pixels, detection((60, 40, 120, 180), confidence), "people")
    assert whole[legs].std() < 0.5 * pixels[legs].std()


def test_the_shops_jurisdiction_decides_whether_heads_are_blurred(tmp_path: Path) -> None:
    assert video_frames.blur_for("DE") == "heads"
    assert video_frames.blur_for("US-NV") == "none"
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((20, 20, 3), np.uint8))
    with pytest.raises(InputError, match="not a video"):
        run("learn", "frames", tmp_path / "a.png", "--out", tmp_path / "out")


def test_a_split_without_labels_says_what_to_do(shop: Path, tmp_path: Path) -> None:
    write_dataset(tmp_path, replace(read_dataset(shop), frames=()))
    with pytest.raises(
        InputError, match="no checked frames of the split check; expected labels that a person"
    ):
        shards(tmp_path, CHECK)
