"""Models on a photo made here, beside a publisher whose program is made here too."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from openaisle.bench import real_models
from openaisle.core.errors import MachineError
from openaisle.detections.models import NANODET


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """One photo of 80 x 60 px with somebody in its middle."""
    for folder, name in (("images", "a.png"), ("labels", "a.txt")):
        (tmp_path / "coco128" / folder).mkdir(parents=True)
        path = tmp_path / "coco128" / folder / name
        if folder == "images":
            cv2.imwrite(str(path), np.full((60, 80, 3), (10, 20, 30), np.uint8))
        else:
            path.write_text("0 0.5 0.5 0.25 0.5\n", encoding="ascii")
    return tmp_path


def _node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> Path:
    """A program in node's place, and a folder in Human's."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "node"
    program.write_text(f"#!/bin/sh\n{body}\n", encoding="ascii")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    (tmp_path / "publishers" / "node_modules" / "@vladmandic" / "human").mkdir(parents=True)
    monkeypatch.setattr(real_models, "unpack", lambda _name, folder: folder)
    return tmp_path / "publishers"


def test_a_publisher_gets_the_pictures_as_rgb_and_its_boxes_are_scored(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "sent"
    publishers = _node(
        tmp_path, monkeypatch, f'cp "$4" {copy}; echo "[[[30, 15, 50, 45, 0.9], [0, 0, 9, 9, 0.1]]]" > "$5"'
    )
    (figures,) = real_models._by_human(photos, NANODET, 1, publishers, lambda _model, _count: None)
    assert figures.model == "nanodet, decoded by Human"
    assert (figures.sizes["all"].ap50, figures.sizes["all"].recall) == (1.0, 1.0)
    assert figures.sizes["all"].false_people_per_picture == 0  # 0.1 is below what Human reports by itself
    sent = copy.read_bytes()
    assert np.frombuffer(sent[:8], "<i4").tolist() == [80, 60]
    assert np.frombuffer(sent[8:11], np.uint8).tolist() == [30, 20, 10]
    assert len(sent) == 8 + 3 * 80 * 60


def test_a_publisher_that_fails_is_told_of(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publishers = _node(tmp_path, monkeypatch, "echo 'Error: no wasm' >&2; exit 1")
    with pytest.raises(MachineError, match="Human failed on nanodet: Error: no wasm"):
        real_models._by_human(photos, NANODET, 1, publishers, lambda _model, _count: None)
    with pytest.raises(MachineError, match="run `make bench-models`"):
        real_models._by_human(photos, NANODET, 1, tmp_path / "none", lambda _model, _count: None)
