"""A store's own network: tried, kept under a name, found again by it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.unit.detections import tiny_onnx
from typer.testing import CliRunner

from openaisle.adapters.eyes import Eyes, shop_detector
from openaisle.cli import build_app
from openaisle.core.errors import InputError, ModelError
from openaisle.detections.runtime import RuntimeSettings
from openaisle.edge import doctor
from openaisle.edge.settings import load_edge_settings
from openaisle.store.load import load_store, store_folder


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAISLE_MODELS", str(tmp_path / "cache"))


@pytest.fixture
def network(tmp_path: Path) -> Path:
    answer = np.zeros((1, 6, 21), np.float32)
    answer[0, :, 0] = (16, 16, 8, 20, 0.9, 0.0)
    return tiny_onnx.write(tmp_path / "export.onnx", {"images": (1, 3, 32, 32)}, {"output0": answer})


def _run(*words: object) -> str:
    result = CliRunner().invoke(build_app(), ["models", *map(str, words)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_network_is_tried_kept_and_named(network: Path, tmp_path: Path) -> None:
    said = _run("add", network, "--architecture", "yolo11", "--as", "ours", "--option", "score_min=0.4")
    assert "1 people, best 0.90" in said
    rows = {row["name"]: row for row in json.loads(_run("list", "--json"))["models"]}
    assert rows["ours"]["what"] == "yolov8: boxes"
    assert rows["nanodet"]["is_here"] is False
    checked = _run("check", "ours")
    assert "input 0 'images': expected [1, 3, height, width], found [1, 3, 32, 32]" in checked
    assert "as yolov8: 1 people" in checked
    assert network.read_bytes() == (tmp_path / "cache" / "ours.onnx").read_bytes()[: network.stat().st_size]


@pytest.mark.parametrize("name", ["Ours", "../ours", "people", "nanodet"])
def test_a_name_that_cannot_be_is_refused(network: Path, name: str) -> None:
    with pytest.raises(InputError, match="--as"):
        _run("add", network, "--architecture", "yolov8", "--as", name)


def test_nothing_is_kept_of_a_file_that_does_not_fit(network: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="wrong shape of output 0"):
        _run("add", network, "--architecture", "yolov8-pose", "--as", "ours")
    assert not (tmp_path / "cache").exists()


def test_what_a_file_said_of_itself_gives_way_to_what_is_said_of_it_now(
    network: Path, tmp_path: Path
) -> None:
    _run("add", network, "--architecture", "yolov8", "--as", "first", "--option", "score_min=0.95")
    first = tmp_path / "cache" / "first.onnx"
    assert "1 people" in _run("add", first, "--architecture", "yolov8", "--as", "second")
    assert "as yolov8: 0 people" in _run("check", "first")
    assert "as yolov8: 1 people" in _run("check", "second")


def test_a_name_is_given_once(network: Path) -> None:
    _run("add", network, "--architecture", "yolov8", "--as", "ours")
    with pytest.raises(InputError, match="there is a model of this name"):
        _run("add", network, "--architecture", "yolov8", "--as", "ours")


def test_a_store_names_its_own_network_and_its_cameras_look_through_it(network: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    shutil.copytree(store_folder("corner"), store)
    _run("add", network, "--architecture", "yolov8", "--as", "ours", "--store", store)
    (store / "edge.toml").write_text('format = 1\n\n[vision]\nmodel = "ours"\n', encoding="utf-8")
    settings = load_edge_settings(store)
    assert settings.eyes == Eyes(model="ours", store=store)
    cameras = load_store(store).cameras[:1]
    detector = shop_detector(cameras, settings.eyes, settings.runtime)
    assert detector.score_min == pytest.approx(0.25)


def test_the_doctor_opens_what_a_store_names(network: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    shutil.copytree(store_folder("corner"), store)
    _run("add", network, "--architecture", "yolov8", "--as", "ours", "--store", store)
    settings = 'format = 1\n\n[vision]\nmodel = "ours"\n'
    (store / "edge.toml").write_text(settings, encoding="utf-8")
    edge = load_edge_settings(store)
    (said,) = doctor._eyes(edge)
    assert (said.state, said.text) == (doctor.State.OK, "ours of [vision] in edge.toml")
    (store / "models" / "ours.onnx").write_bytes(network.read_bytes())  # does not say what it is
    (said,) = doctor._eyes(edge)
    assert said.state is doctor.State.WRONG
    assert "does not say what it is" in said.text


def test_a_store_that_names_an_unknown_network_is_told_where(tmp_path: Path) -> None:
    store = tmp_path / "store"
    shutil.copytree(store_folder("corner"), store)
    (store / "edge.toml").write_text('format = 1\n\n[vision]\nmodel = "eyes"\n', encoding="utf-8")
    with pytest.raises(InputError, match=r"edge\.toml:4: field 'vision\.model': no such model"):
        load_edge_settings(store)


def test_what_a_store_names_must_find_people(tmp_path: Path) -> None:
    path = tiny_onnx.write(
        tmp_path / "f.onnx", {"pixels": ("n", 3, 32, 32)}, {"features": np.ones((1, 8), np.float32)}
    )
    _run("add", path, "--architecture", "features", "--as", "numbers")
    with pytest.raises(InputError, match="the model does another job; expected an architecture for people"):
        shop_detector([], Eyes(model="numbers"), RuntimeSettings())
