"""Fifty frames to a real Label Studio, corrected there, and back: nothing lost. `make test-labels` installs it."""

import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest
from msgspec.structs import replace
from tests.contracts.label_studio_server import TOKEN, label_studio

from openaisle.adapters.label_studio import LabelStudioServer
from openaisle.core.errors import InputError, PortUnavailable
from openaisle.core.messages import JOINTS
from openaisle.labels import label_studio as label_studio_format
from openaisle.labels.dataset import (
    PRODUCT,
    DataSet,
    FrameLabels,
    Label,
    Product,
    Source,
    box,
    joint,
    placed,
)
from openaisle.labels.folder import read_dataset, write_dataset
from openaisle.labels.hand_over import fetch, send

COMMAND = os.environ.get("OPENAISLE_LABEL_STUDIO", "")
pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(not COMMAND, reason="a real Label Studio is asked for by `make test-labels`"),
]
FRAMES = 50


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with label_studio(Path(COMMAND), tmp_path_factory.mktemp("label-studio")) as address:
        yield address


def proposals(frames: int) -> DataSet:
    """Frames with people and packs as our networks propose them: scores, hidden joints, tracks, visits."""
    rng = np.random.default_rng(5)
    made: list[FrameLabels] = []
    for number in range(frames):
        labels: list[Label] = []
        for person in range(int(rng.integers(0, 4))):
            x, y = rng.uniform(0, 200, 2)
            wide, high = rng.uniform(20, 100, 2)
            joints = [
                joint(x + wide * rng.random(), y + high * rng.random(), int(rng.integers(0, 3)))
                for _ in JOINTS
            ]
            labels.append(
                Label(
                    box_px=box(x, y, x + wide, y + high),
                    joints_px=placed(joints),
                    track_id=f"person{person}",
                    visit_id=f"v{number // 10}",
                    in_view=round(float(rng.random()), 3),
                    is_ignored=bool(rng.random() < 0.1),
                    score=round(float(rng.random()), 3),
                )
            )
        if number % 5 == 0:
            labels.append(Label(box_px=box(5, 5, 25, 30), kind=PRODUCT, product_id="P1", score=0.5))
        made.append(
            FrameLabels(
                file=f"pictures/{number:04d}.png",
                width_px=320,
                height_px=180,
                camera_id="cam-1",
                visit_ids=(f"v{number // 10}",),
                captured_ns=number * 10**9,
                source="own",
                labels=tuple(labels),
            )
        )
    source = Source(name="own", licence="CC-BY-4.0", keep_until="2030-01-31", basis="consent")
    return DataSet(name="fifty", sources=(source,), products=(Product(product_id="P1"),), frames=tuple(made))


def write(folder: Path, dataset: DataSet) -> None:
    write_dataset(folder, dataset)
    for number, frame in enumerate(dataset.frames):
        path = folder / frame.file
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.full((frame.height_px, frame.width_px, 3), 40 + 4 * (number % 50), np.uint8)
        cv2.imwrite(str(path), pixels)


def corrected(result: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What somebody does in the browser: move each box by 2 % to the right, throw the last joint away."""
    joints = [each["id"] for each in result if each["type"] == "keypointlabels"]
    gone = joints[-1:]
    kept = [each for each in result if each["id"] not in gone]
    return [
        each | {"value": each["value"] | {"x": each["value"]["x"] + 2}}
        if each["from_name"] == "box"
        else each
        for each in kept
    ]


def test_fifty_frames_come_back_corrected_and_nothing_is_lost(url: str, tmp_path: Path) -> None:
    before = proposals(FRAMES)
    write(tmp_path, before)
    with LabelStudioServer(url, TOKEN) as studio:
        sent = send(tmp_path, studio)
        assert (sent.frames, sent.labels) == (FRAMES, sum(len(frame.labels) for frame in before.frames))
        with pytest.raises(InputError, match="no frame to send"):
            send(tmp_path, studio)
        tasks = studio.tasks(sent.project)
        assert len(tasks) == FRAMES
        pictures = {task["data"]["openaisle"]["file"]: task["data"]["image"] for task in tasks}
        for frame in before.frames[::10]:  # each task shows its own frame
            answer = httpx.get(f"{url}{pictures[frame.file]}", headers={"Authorization": f"Token {TOKEN}"})
            assert answer.content == (tmp_path / frame.file).read_bytes()
        # Nobody has said anything yet, so nothing changes.
        assert fetch(tmp_path, studio).frames == 0
        assert read_dataset(tmp_path) == before
        for task in tasks[: FRAMES - 10]:
            results = [each["result"] for each in task["predictions"]]
            studio.annotate(task["id"], corrected(list(itertools.chain(*results))))
        done = fetch(tmp_path, studio)
        assert done.frames == FRAMES - 10
        for task in tasks[FRAMES - 10 :]:  # confirmed as they are
            results = [each["result"] for each in task["predictions"]]
            studio.annotate(task["id"], list(itertools.chain(*results)))
        assert fetch(tmp_path, studio).frames == FRAMES
    after = read_dataset(tmp_path)
    assert after.sources == before.sources
    assert all(frame.is_checked for frame in after.frames)
    touched = {task["data"]["openaisle"]["file"] for task in tasks[: FRAMES - 10]}
    for old, new in zip(before.frames, after.frames, strict=True):
        expected = [_moved(label) for label in old.labels] if old.file in touched else list(old.labels)
        if old.file in touched and any(label.joints_px for label in old.labels):
            expected = _without_the_last_joint(expected)
        assert new.labels == tuple(replace(label, score=None) for label in expected)
        assert replace(new, labels=(), is_checked=False) == replace(old, labels=())


def test_a_wrong_token_and_a_shut_door_are_one_sentence(url: str, tmp_path: Path) -> None:
    write(tmp_path, proposals(1))
    with (
        LabelStudioServer(url, "0" * 40) as studio,
        pytest.raises(InputError, match="does not know this token"),
    ):
        send(tmp_path, studio)
    with (
        LabelStudioServer("http://127.0.0.1:9", TOKEN) as studio,
        pytest.raises(PortUnavailable, match=r"no Label Studio at http://127\.0\.0\.1:9"),
    ):
        send(tmp_path, studio)
    with LabelStudioServer(url, TOKEN) as studio, pytest.raises(InputError, match="nothing was sent there"):
        fetch(tmp_path, studio)


def test_a_personal_access_token_serves_as_well(url: str) -> None:
    made = httpx.post(f"{url}/api/token/", headers={"Authorization": f"Token {TOKEN}"}).json()["token"]
    assert made.count(".") == 2
    with LabelStudioServer(url, made) as studio:
        number = studio.create_project("by token", label_studio_format.config(["person"]))
        assert studio.project(number)["title"] == "by token"


def _moved(label: Label) -> Label:
    x1, y1, x2, y2 = label.box_px
    return replace(label, box_px=box(x1 + 6.4, y1, x2 + 6.4, y2))  # 2 % of 320 px


def _without_the_last_joint(labels: list[Label]) -> list[Label]:
    """The last joint that the last person with joints has."""
    at = max(place for place, label in enumerate(labels) if label.joints_px)
    joints = list(labels[at].joints_px)
    last = max(place for place, each in enumerate(joints) if each[2])
    joints[last] = joint(0, 0, 0)
    labels[at] = replace(labels[at], joints_px=placed(joints))
    return labels
