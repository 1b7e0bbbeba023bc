"""The action network learns, stops, goes on and is exported. Needs torch, which no store does."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install torch==2.13.0 onnx")

from openaisle.core.errors import InputError  # noqa: E402
from openaisle.interactions.actions_features import FEATURES  # noqa: E402
from openaisle.interactions.actions_network import SHIPPED, ActionNetwork  # noqa: E402
from openaisle.interactions.actions_paths import TICKS  # noqa: E402
from openaisle.learning import actions_export as export  # noqa: E402
from openaisle.learning.actions_network import ArmNetwork  # noqa: E402
from openaisle.learning.train_actions import ActionTrainer, ActionTrainSettings, load_checkpoint  # noqa: E402


def test_training_learns_a_small_set_by_heart(arms: Path, tmp_path: Path) -> None:
    said: list[float] = []
    trainer = ActionTrainer([arms], tmp_path, ActionTrainSettings(samples=64 * 150, batch=64))
    trainer.run(lambda progress: said.append(progress.loss))
    assert said[-1] < 0.7 * said[0]


def test_a_stopped_training_goes_on_where_it_was(arms: Path, tmp_path: Path) -> None:
    ActionTrainer([arms], tmp_path, ActionTrainSettings(samples=64, batch=32)).run(lambda _: None)
    second = ActionTrainer([arms], tmp_path, ActionTrainSettings(samples=128, batch=32))
    assert second.seen == 64
    second.run(lambda _: None)
    assert load_checkpoint(tmp_path)["samples"] == 128


def test_the_exported_network_says_what_the_trained_one_says(arms: Path, tmp_path: Path) -> None:
    ActionTrainer([arms], tmp_path, ActionTrainSettings(samples=640, batch=64)).run(lambda _: None)
    path = export.export(tmp_path, [arms], tmp_path / "weights" / SHIPPED.name)
    network, trained = ActionNetwork(path), ArmNetwork()
    trained.load_state_dict(load_checkpoint(tmp_path)["averaged"])
    features = np.random.default_rng(1).normal(0.0, 0.5, (3, TICKS, len(FEATURES))).astype(np.float32)
    with torch.no_grad():
        wanted = trained.eval()(torch.from_numpy(features)).numpy() / network.temperature
    assert np.allclose(network.logits(features), wanted, atol=1e-4)
    before = path.read_bytes()
    assert export.export(tmp_path, [arms], path).read_bytes() == before


def test_training_without_samples_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no training samples"):
        ActionTrainer([tmp_path], tmp_path, ActionTrainSettings(samples=64))
    with pytest.raises(InputError, match="no checkpoint"):
        load_checkpoint(tmp_path / "none")
