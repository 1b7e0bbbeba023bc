"""From raw video to a network in service by the commands of docs/WORKSHOP.md, as they stand. `make test-workshop`."""

import glob
import json
import os
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

if not os.environ.get("OPENAISLE_WORKSHOP"):
    pytest.skip("minutes of training: asked for by `make test-workshop`", allow_module_level=True)
pytest.importorskip("torch", reason="training needs torch: pip install torch==2.13.0 onnx")
pytest.importorskip("onnx", reason="training needs onnx: pip install torch==2.13.0 onnx")

from openaisle.cli import build_app
from openaisle.labels.folder import read_dataset

REPOSITORY = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.timeout(3600)


def documented() -> list[list[str]]:
    """The commands of the page's first block, as words."""
    page = (REPOSITORY / "docs" / "WORKSHOP.md").read_text(encoding="utf-8")
    block = re.search(r"^```\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert block is not None
    lines = [line for line in block[1].splitlines() if line and not line.startswith("#")]
    assert all(line.startswith("openaisle ") for line in lines)
    return [shlex.split(line)[1:] for line in lines]


def run(words: list[str]) -> str:
    found = [name for word in words for name in (sorted(glob.glob(word)) or [word])]
    done = CliRunner().invoke(build_app(), found)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_shop_of_another_look_gets_networks_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for words in documented():
        said = run(words)
        with capsys.disabled():
            print(f"\n$ openaisle {shlex.join(words)}\n{said}", end="", flush=True)
    dataset = read_dataset(Path("out/labels"))
    assert {frame.split for frame in dataset.frames} == {"train", "check", "held_out"}
    compared = json.loads(Path("out/compared.json").read_text())
    whole = compared["families"][0]
    assert whole["family"] == "all"
    assert set(whole["figures"]) == {"box AP50", "joints' AP", "found", "false a frame", "wrist px"}
    assert "frames of" in Path("out/networks/MODEL_CARD.md").read_text()
    # A small shop need not gain; it must not lose unseen.
    assert not compared["verdict"].startswith("worse")
    # In service: the store takes its networks from the folder that was made.
    Path("out/shop/store/edge.toml").write_text('format = 1\n\n[vision]\nweights = "../../networks"\n')
    from openaisle.detections.people import PeopleDetector, PeopleSettings
    from openaisle.edge.settings import load_edge_settings

    edge = load_edge_settings(Path("out/shop/store"))
    assert edge.runtime.weights.resolve() == Path("out/networks").resolve()
    assert PeopleDetector([], settings=PeopleSettings(runtime=edge.runtime)).score_min > 0
