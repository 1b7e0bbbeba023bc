"""Training learns, stops, goes on and exports. Needs torch, which no store does: skipped without it."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install torch==2.13.0 onnx")
pytest.importorskip("onnx", reason="exporting needs onnx: pip install torch==2.13.0 onnx")

from openaisle.core.errors import InputError, ModelError  # noqa: E402
from openaisle.detections.people_networks import PeopleNetworks  # noqa: E402
from openaisle.detections.regions import WHOLE  # noqa: E402
from openaisle.detections.runtime import SHIPPED, RuntimeSettings  # noqa: E402
from openaisle.learning import export, precision, train_people  # noqa: E402
from openaisle.learning.people_data import (  # noqa: E402
    CROP_ARRAYS,
    FRAME_ARRAYS,
    Shards,
    crop_batch,
    frame_batch,
)
from openaisle.learning.people_on_device import OnDevice  # noqa: E402
from openaisle.learning.quantise import quantise  # noqa: E402
from openaisle.learning.train_people import Job, Trainer, TrainSettings  # noqa: E402
from openaisle.learning.training import Shuffled  # noqa: E402

SHORT = TrainSettings(pictures=8 * 40, batch=8, seed=3, bf16=False)


@pytest.mark.parametrize("job", ["boxes", "keypoints"])
def test_training_learns_a_small_set_by_heart(job: Job, data: Path, tmp_path: Path) -> None:
    said: list[float] = []
    Trainer(job, [data], tmp_path, SHORT).run(lambda progress: said.append(progress.loss))
    assert said[-1] < 0.9 * said[0]


def test_a_stopped_training_goes_on_where_it_was(data: Path, tmp_path: Path) -> None:
    first = Trainer("keypoints", [data], tmp_path, TrainSettings(pictures=16, batch=8))
    first.run(lambda _: None)
    second = Trainer("keypoints", [data], tmp_path, TrainSettings(pictures=32, batch=8))
    assert second.seen == 16
    second.run(lambda _: None)
    assert Trainer("keypoints", [data], tmp_path, TrainSettings(pictures=32, batch=8)).seen == 32


def test_what_belongs_together_comes_in_runs_and_once() -> None:
    batches = Shuffled(10, 10, [1], together=[6, 4], run=3)
    order = batches[0]
    assert sorted(order) == list(range(10))
    changes = np.count_nonzero(np.diff(order >= 6))
    assert changes <= 3  # Runs of 3 and 3, and of 3 and 1.


def test_every_sample_comes_once_before_any_comes_again() -> None:
    batches = Shuffled(10, 4, [1])
    seen = np.concatenate([batches[number] for number in range(5)])
    assert sorted(seen[:10]) == list(range(10))
    assert sorted(seen[10:]) == list(range(10))
    assert np.array_equal(Shuffled(10, 4, [1])[4], seen[16:])


@pytest.mark.parametrize("job", ["boxes", "keypoints"])
def test_processes_that_make_batches_change_nothing(job: Job, data: Path, tmp_path: Path) -> None:
    alone, helped = (
        Trainer(job, [data], tmp_path / str(workers), TrainSettings(pictures=48, batch=8, workers=workers))
        for workers in (0, 2)
    )
    alone.run(lambda _: None)
    helped.run(lambda _: None)
    for mine, theirs in zip(alone.averaged.parameters(), helped.averaged.parameters(), strict=True):
        assert torch.equal(mine, theirs)


def test_training_ends_with_its_time(data: Path, tmp_path: Path) -> None:
    trainer = Trainer("keypoints", [data], tmp_path, TrainSettings(pictures=10**9, batch=8, minutes=0.01))
    trainer.run(lambda _: None)
    assert 0 < trainer.seen < 10**6
    assert trainer.share_done >= 1.0


def test_a_checkpoint_of_the_other_network_is_refused(data: Path, tmp_path: Path) -> None:
    Trainer("keypoints", [data], tmp_path, TrainSettings(pictures=8, batch=8)).run(lambda _: None)
    with pytest.raises(InputError, match=r"wrong checkpoint.*expected of job 'boxes', found 'keypoints'"):
        export.export("boxes", tmp_path, tmp_path)
    with pytest.raises(InputError, match="no checkpoint"):
        export.export("boxes", tmp_path / "none", tmp_path)


def test_the_exported_networks_say_what_the_trained_ones_say(data: Path, tmp_path: Path) -> None:
    for job in ("boxes", "keypoints"):
        Trainer(job, [data], tmp_path / job, TrainSettings(pictures=64, batch=8)).run(lambda _: None)
        export.export(job, tmp_path / job, tmp_path)
    networks = PeopleNetworks(RuntimeSettings(weights=tmp_path))
    pixels = np.random.default_rng(1).integers(0, 255, (2, 128, 128, 4), dtype=np.uint8)
    state = train_people.load_checkpoint(tmp_path / "keypoints", "keypoints")
    network = train_people.network_for("keypoints")
    network.load_state_dict(state["averaged"])
    from openaisle.learning.people_network import normalised

    with torch.no_grad():
        person = network.eval()(normalised(torch.from_numpy(pixels)))[3].numpy()[:, 0]
    assert np.allclose(networks.look(pixels).person_logits, person, atol=1e-3)
    assert networks.sees_parts  # The box network takes pictures of any size.
    assert len(networks.propose([np.zeros((192, 320, 4), np.uint8)], [[WHOLE]], 0.0, 5)[0][0]) <= 5


def test_an_int8_copy_runs_and_is_smaller(data: Path, tmp_path: Path) -> None:
    for job in ("boxes", "keypoints"):
        Trainer(job, [data], tmp_path / job, TrainSettings(pictures=16, batch=8)).run(lambda _: None)
        whole = export.export(job, tmp_path / job, tmp_path)
        small = quantise(job, tmp_path, data, tmp_path / "int8", samples=8)
        assert small.stat().st_size < 0.5 * whole.stat().st_size
    networks = PeopleNetworks(RuntimeSettings(weights=tmp_path, precision="int8"))
    assert networks.look(np.zeros((1, 128, 128, 4), np.uint8)).mass.shape == (1, 17)


def test_targets_mark_the_middle_of_each_box() -> None:
    boxes = np.zeros((1, 12, 5), np.float32)
    boxes[0, 0] = (40, 40, 80, 120, 1)
    boxes[0, 1] = (200, 60, 240, 100, -1)  # not judged
    targets = train_people.box_targets(torch.from_numpy(boxes), 48, 80)
    heat, judged, target, weight = (each.numpy() for each in targets)
    assert np.unravel_index(heat[0].argmax(), heat[0].shape) == (20, 15)
    assert heat[0, 20, 15] == pytest.approx(1.0)
    assert heat[0, :, 45:].max() < 1e-3
    assert judged[0, 20, 55] == 0
    assert judged[0, 20, 15] == 1
    assert target[0, :, 20, 15].tolist() == [40, 40, 80, 120]
    assert weight[0, 20, 15] > 0.9


def test_of_two_boxes_the_smaller_has_the_cell() -> None:
    boxes = np.zeros((1, 12, 5), np.float32)
    boxes[0, 0] = (60, 60, 80, 90, 1)
    boxes[0, 1] = (30, 30, 110, 120, 1)
    _, _, target, _ = train_people.box_targets(torch.from_numpy(boxes), 48, 80)
    assert target[0, :, 18, 17].tolist() == [60, 60, 80, 90]


@pytest.mark.parametrize("seed", [None, 1, 2])
def test_pictures_are_varied_on_the_device_as_processors_vary_them(data: Path, seed: int | None) -> None:
    def rng() -> np.random.Generator | None:
        return None if seed is None else np.random.default_rng(seed)

    crops, frames = Shards([data], "crops", CROP_ARRAYS), Shards([data], "frames", FRAME_ARRAYS)
    rows = np.arange(len(crops))
    made, expected = OnDevice(crops, "cpu").crops(rows, rng()), vars(crop_batch(crops, rows, rng()))
    assert made.keys() == expected.keys()
    for name, array in expected.items():
        # OpenCV moves pictures by fractions of 1/32 px and cuts what it rounds.
        assert np.abs(made[name].numpy().astype(float) - array).max() <= (6 if name == "pixels" else 1e-4)
    rows = np.arange(len(frames))
    pixels, boxes = OnDevice(frames, "cpu").frames(rows, rng())
    batch = frame_batch(frames, rows, rng())
    assert np.abs(pixels.numpy().astype(float) - batch.pixels).mean() < 1
    assert np.allclose(boxes, batch.boxes, atol=1e-3)


def test_looks_are_pulled_together_of_one_person_and_apart_of_two_of_one_store() -> None:
    look = torch.nn.functional.normalize(torch.randn(6, 32, generator=torch.manual_seed(1)), dim=1)
    who = torch.tensor([64, 64, 65, 65, 128, -1])
    look.requires_grad_()
    loss = train_people._look_loss(look, who)
    loss.backward()
    assert look.grad is not None
    moved = look.detach() - 0.05 * look.grad
    assert moved[0] @ moved[1] > look[0] @ look[1]
    assert moved[0] @ moved[2] < look[0] @ look[2]
    assert (look.grad[4:] == 0).all()  # Alone in a store, or unknown.
    assert train_people._look_loss(look.detach(), torch.full((6,), -1)) == 0


@pytest.mark.parametrize("job", ["boxes", "keypoints"])
def test_training_from_an_exported_file_begins_with_what_the_file_says(
    job: Job, data: Path, tmp_path: Path
) -> None:
    Trainer(job, [data], tmp_path / "first", TrainSettings(pictures=64, batch=8)).run(lambda _: None)
    exported = export.export(job, tmp_path / "first", tmp_path)
    first = train_people.network_for(job)
    first.load_state_dict(train_people.load_checkpoint(tmp_path / "first", job)["averaged"])
    second = Trainer(job, [data], tmp_path / "second", TrainSettings(pictures=8, batch=8), exported)
    inputs = torch.randn(2, 4, 128, 128)
    with torch.no_grad():
        for mine, theirs in zip(second.network.eval()(inputs), first.eval()(inputs), strict=True):
            assert torch.allclose(mine, theirs, atol=1e-3)


def test_training_does_not_begin_from_another_network(data: Path, tmp_path: Path) -> None:
    Trainer("boxes", [data], tmp_path, TrainSettings(pictures=8, batch=8)).run(lambda _: None)
    exported = export.export("boxes", tmp_path, tmp_path)
    with pytest.raises(ModelError, match="another network"):
        Trainer("keypoints", [data], tmp_path / "second", SHORT, exported)


def test_training_stops_where_held_out_pictures_gain_no_more_and_keeps_the_best(
    data: Path, tmp_path: Path
) -> None:
    # With no learning rate nothing can get better.
    still = TrainSettings(pictures=8 * 40, batch=8, rate=0.0, bf16=False, check_every=8, patience=2)
    trainer = Trainer("boxes", [data], tmp_path / "still", still, SHIPPED / "people-boxes.onnx", check=[data])
    trainer.run(lambda _: None)
    assert trainer.is_stopped
    assert trainer.seen < still.pictures
    again = Trainer("boxes", [data], tmp_path / "still", still, check=[data])
    again.run(lambda _: None)
    assert again.seen == trainer.seen
    # One that spoils what it knew keeps what it began with.
    wild = TrainSettings(
        pictures=8 * 6, batch=8, rate=0.3, bf16=False, average=0.0, check_every=8, patience=9
    )
    spoiled = Trainer("boxes", [data], tmp_path / "wild", wild, SHIPPED / "people-boxes.onnx", check=[data])
    began = {name: value.clone() for name, value in spoiled.averaged.state_dict().items()}
    spoiled.run(lambda _: None)
    assert min(loss for _, loss in spoiled.checks) == spoiled.checks[0][1]
    kept = train_people.load_checkpoint(tmp_path / "wild", "boxes")["averaged"]
    assert all(torch.equal(kept[name], value) for name, value in began.items())


def test_a_batch_has_its_share_of_the_stores_own_pictures(data: Path, tmp_path: Path) -> None:
    settings = TrainSettings(pictures=8, batch=8, store_share=0.25)
    trainer = Trainer("boxes", [data, data], tmp_path, settings, own=[data])
    own = len(trainer._shards) // 3
    for number in range(5):
        batch = trainer.rows(number)
        assert (batch < own).sum() == 2
        assert len(batch) == 8


def test_rounding_to_bfloat16_changes_a_little(data: Path, tmp_path: Path) -> None:
    for file in ("people-boxes.onnx", "people-keypoints.onnx"):
        precision.round_to_bfloat16(SHIPPED / file, tmp_path / file)
    pixels = np.load(next(data.glob("frames-*")) / "pixels.npy")[:1]
    whole, half = (
        PeopleNetworks(RuntimeSettings(weights=folder, precision="f32"))._boxes.run(pixels=pixels)[0]
        for folder in (SHIPPED, tmp_path)
    )
    assert 0 < np.abs(whole - half).max() < 0.1
