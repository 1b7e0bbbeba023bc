"""Training pictures hold what is said about them, and are varied without losing it."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.unit.learning.conftest import TINY

from openaisle.core.errors import InputError
from openaisle.detections import crops
from openaisle.learning import people_data, synthesise
from openaisle.learning.people_data import CROP_ARRAYS, Shards, crop_batch, frame_batch
from openaisle.learning.people_scenes import CAST_MAX, Cast
from openaisle.learning.people_variation import LEFT, RIGHT


@pytest.fixture(scope="session")
def crop_shards(data: Path) -> Shards:
    return Shards([data], "crops", CROP_ARRAYS)


@pytest.fixture(scope="session")
def frame_shards(data: Path) -> Shards:
    return Shards([data], "frames", ("pixels", "boxes"))


def everything(shards: Shards) -> np.ndarray:
    return np.arange(len(shards))


def test_the_manifest_counts_what_is_there(data: Path, crop_shards: Shards, frame_shards: Shards) -> None:
    counts = people_data.read_manifest(data)["counts"]
    assert counts["frames"] == len(frame_shards) == TINY.cameras * TINY.frames
    assert counts["crops"] == len(crop_shards) == counts["people"] + counts["false_crops"]
    assert counts["people"] > 3


def test_the_same_seed_gives_the_same_pictures(data: Path, tmp_path: Path) -> None:
    synthesise.synthesise(tmp_path, TINY)
    for array in sorted(data.rglob("*.npy")):
        assert array.read_bytes() == (tmp_path / array.relative_to(data)).read_bytes(), array.name


def test_joints_that_can_be_seen_lie_where_the_empty_shop_is_covered(crop_shards: Shards) -> None:
    """The truth and the pictures agree: under most visible joints the difference to the empty shop is large."""
    batch = crop_batch(crop_shards, everything(crop_shards), None)
    covered: list[bool] = []
    for pixels, joints, person in zip(batch.pixels, batch.joints, batch.is_person, strict=True):
        for x, y, state in joints if person else ():
            if state == 2 and 1 < x < 126 and 1 < y < 126:
                near = pixels[int(y) - 1 : int(y) + 2, int(x) - 1 : int(x) + 2, 3]
                covered.append(bool(near.max() > 12))
    assert len(covered) > 30
    assert np.mean(covered) > 0.8


def test_a_crop_without_a_person_has_no_joints(crop_shards: Shards) -> None:
    batch = crop_batch(crop_shards, everything(crop_shards), None)
    assert (batch.joints[batch.is_person == 0, :, 2] == 0).all()


@pytest.mark.parametrize("seed", [None, 1, 2])
def test_pairs_are_ordered_by_x_and_say_whose_left_comes_first(crop_shards: Shards, seed: int | None) -> None:
    rng = None if seed is None else np.random.default_rng(seed)
    batch = crop_batch(crop_shards, everything(crop_shards), rng)
    assert (batch.joints[:, LEFT, 0] <= batch.joints[:, RIGHT, 0]).all()
    assert batch.pixels.shape[1:] == (crops.CROP_PX, crops.CROP_PX, 4)
    if rng is None:
        stored = np.stack([crop_shards[index][1] for index in range(len(crop_shards))])
        kept = stored[:, LEFT, 0] <= stored[:, RIGHT, 0]
        assert np.array_equal(batch.own_left_first, kept.astype(np.float32))


def test_mirroring_a_person_exchanges_left_and_right() -> None:
    """A mirrored right-hander is a left-hander: x order turns round and so do the names, so the answer stays."""
    rng = np.random.default_rng(8)
    joints = np.concatenate([rng.uniform(40, 120, (1, 17, 2)), np.full((1, 17, 1), 2.0)], axis=2).astype(
        np.float32
    )
    folder = [[np.zeros((1, 160, 160, 4), np.uint8), joints, np.ones(1, np.uint8), np.zeros(1, np.int32)]]
    shards = Shards.__new__(Shards)
    shards._shards, shards._starts = folder, np.array([0, 1])  # pyright: ignore[reportPrivateUsage]
    plain = crop_batch(shards, np.array([0]), None)
    answers = {
        tuple(crop_batch(shards, np.array([0]), np.random.default_rng(seed)).own_left_first[0].tolist())
        for seed in range(12)
    }
    far = (
        np.abs(joints[0, LEFT, 0] - joints[0, RIGHT, 0]) > 25
    )  # small turns do not change the order of these
    for answer in answers:
        assert np.array_equal(np.array(answer)[far], plain.own_left_first[0][far])


def test_moved_frames_keep_their_boxes_on_the_people(frame_shards: Shards) -> None:
    rng = np.random.default_rng(5)
    batch = frame_batch(frame_shards, everything(frame_shards), rng)
    inside = batch.boxes[batch.boxes[:, :, 4] > 0]
    assert len(inside) > 3
    assert (inside[:, 2] > inside[:, 0]).all()
    assert (inside[:, :4].min() >= 0) & (inside[:, [0, 2]].max() < 320) & (inside[:, [1, 3]].max() < 192)


def test_a_crop_says_who_of_the_stores_people_it_shows(crop_shards: Shards) -> None:
    batch = crop_batch(crop_shards, everything(crop_shards), None)
    assert (batch.who[batch.is_person == 0] == synthesise.NOBODY_KNOWN).all()
    of_people = batch.who[batch.is_person == 1]
    assert set(of_people // CAST_MAX) == {TINY.first_store}
    assert len(set(of_people)) < len(of_people)  # Some come again.


def test_nobody_is_twice_in_a_scene() -> None:
    rng = np.random.default_rng(2)
    cast = Cast(12, 5)
    for _ in range(3):
        assert len({cast.draw(rng, number).body_id for number in range(12)}) == 12


def test_a_cast_that_is_too_small_for_a_crowd_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--cast.*expected 0 or 12 to 64, found 5"):
        synthesise.synthesise(tmp_path, synthesise.SynthesiseSettings(cast=5))


def test_data_of_before_is_refused_by_name(data: Path, tmp_path: Path) -> None:
    shutil.copytree(data, tmp_path / "old")
    lacking = next((tmp_path / "old").glob("crops-*")) / "who.npy"
    lacking.unlink()
    with pytest.raises(InputError, match=r"who\.npy.*made anew by `learn synthesise`"):
        Shards([tmp_path / "old"], "crops", CROP_ARRAYS)


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no training pictures.*made by `learn synthesise`"):
        Shards([tmp_path], "crops", CROP_ARRAYS)
    with pytest.raises(InputError, match="no manifest"):
        people_data.read_manifest(tmp_path)
