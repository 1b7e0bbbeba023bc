"""How well detectors of people see on real pictures that somebody has: photos with YOLO labels, a video with MOT truth.

Nothing of them comes with OpenAisle. Folders that are looked for in a folder of data:

    coco128/images/**/NAME.jpg, coco128/labels/**/NAME.txt     YOLO: kind, centre x, y, width, height as shares
    pets2009_s2l1/vtest.avi, pets2009_s2l1/*gt-mot.txt         MOT: frame (from 1), id, left, top, width, height, ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from openaisle.adapters.pictures import PictureFile, Shot
from openaisle.core.errors import InputError
from openaisle.core.messages import Frame
from openaisle.detections import models
from openaisle.detections.crops import Floats
from openaisle.detections.models import PeopleModel
from openaisle.detections.runtime import RuntimeSettings
from openaisle.learning.average_precision import SIZES, BoxFigures, BoxTally

PHOTOS: Final = "coco128"
VIDEO: Final = "pets2009_s2l1"
SCORE_MIN: Final = 0.02
"""Curves are drawn down to this score."""
_VIDEO_FILE: Final = "vtest.avi"
_TRUTH_WIDTH_PX: Final = 768
"""The truth of PETS 2009 is in px of its 768x576 originals; copies of the video are smaller."""


@dataclass(frozen=True, kw_only=True)
class RealFigures:
    """One model on one set of pictures."""

    model: str
    data: str
    sizes: dict[str, BoxFigures]  # by SIZES


@dataclass(frozen=True)
class _Labelled:
    shot: Shot
    truth_px: Floats  # [n, 4]
    is_new: bool  # not the same camera as the one before


def evaluate_real(
    folder: Path,
    runtimes: Sequence[tuple[str, RuntimeSettings]],
    *,
    every: int = 1,
    report: Callable[[str, int], None] = lambda _model, _count: None,
    build: Callable[..., PeopleModel] = models.build,
) -> list[RealFigures]:
    """Models (name, runtime) on each set in `folder`. `every`: of the video's frames; `build`: as `models.build`.

    Photos are seen one by one; the video with the background that its own frames teach. Raises InputError if no set
    is there.
    """
    sets = {PHOTOS: _photos, VIDEO: _video}
    found = {name: read for name, read in sets.items() if (folder / name).is_dir()}
    if not found:
        raise InputError(
            "no real pictures", file=str(folder), expected=" or ".join(f"a folder {name}" for name in sets)
        )
    figures: list[RealFigures] = []
    for model, runtime in runtimes:
        reported_min = build(model, runtime).score_min
        for name, read in found.items():
            detector = build(model, runtime, SCORE_MIN)
            tally = BoxTally()
            for number, labelled in enumerate(read(folder / name, every)):
                _add(tally, detector, labelled)
                report(f"{model}: {name}", number + 1)
            sizes = {size: tally.figures(reported_min, size) for size in SIZES}
            figures.append(RealFigures(model=model, data=name, sizes=sizes))
    return figures


def lines(figures: Sequence[RealFigures]) -> list[str]:
    """A table in Markdown."""
    rows = [
        "| pictures | model | people | AP50 | AP .50:.95 | AP50 small, medium, large | recall | false a picture |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for each in figures:
        whole = each.sizes["all"]
        by_size = ", ".join(f"{each.sizes[size].ap50:.3f}" for size in ("small", "medium", "large"))
        rows.append(
            f"| {each.data} ({whole.pictures}) | {each.model} | {whole.people} | {whole.ap50:.3f} | {whole.ap:.3f} "
            f"| {by_size} | {whole.recall:.3f} | {whole.false_people_per_picture:.2f} |"
        )
    return rows


def as_json(figures: Sequence[RealFigures]) -> list[dict[str, Any]]:
    return [asdict(each) for each in figures]


def note(figures: Sequence[RealFigures]) -> str:
    """For a model card."""
    return (
        "On real pictures, which no network here was made for or shown: photos one by one, the video with the "
        "background learned from its own frames; recall and false people at the model's usual score.\n\n"
        + "\n".join(lines(figures))
    )


def _add(tally: BoxTally, detector: PeopleModel, labelled: _Labelled) -> None:
    pixels = labelled.shot.pixels
    height, width = pixels.shape[:2]
    if labelled.is_new:
        detector.watch(models.camera_of_size("real", width, height))
    at_ns = labelled.shot.time_ns
    found = detector.detect([Frame("real", at_ns, at_ns, pixels)])[0]
    limits = np.array([width, height, width, height], np.float32)
    tally.add(found.boxes_image_px.clip(0, limits), found.scores, labelled.truth_px.clip(0, limits))


def _photos(folder: Path, every: int) -> Iterator[_Labelled]:
    """Each photo with its people; a photo without a file of labels shows none."""
    photos = sorted(path for path in (folder / "images").rglob("*") if path.is_file())
    if not photos:
        raise InputError("no photos", file=str(folder / "images"), expected="pictures")
    for photo in photos:
        shot = next(PictureFile.open(photo).shots())
        label = folder / "labels" / photo.relative_to(folder / "images").with_suffix(".txt")
        height, width = shot.pixels.shape[:2]
        yield _Labelled(shot, _yolo_people(label) * np.array([width, height, width, height]), True)


def _yolo_people(path: Path) -> Floats:
    """Boxes [n, 4] x1 y1 x2 y2 in shares of the picture, of kind 0."""
    rows = [] if not path.is_file() else path.read_text(encoding="ascii").splitlines()
    boxes: list[tuple[float, float, float, float]] = []
    for number, row in enumerate(rows, start=1):
        try:
            kind, x, y, width, height = (float(each) for each in row.split()[:5])
        except ValueError:
            raise InputError(
                "wrong label", file=str(path), line=number, expected="kind x y width height", found=row
            ) from None
        if kind == 0:
            boxes.append((x - width / 2, y - height / 2, x + width / 2, y + height / 2))
    return np.array(boxes, np.float32).reshape(-1, 4)


def _video(folder: Path, every: int) -> Iterator[_Labelled]:
    truths = sorted(folder.glob("*gt-mot.txt"))
    if not truths:
        raise InputError("no truth", file=str(folder), expected="a file *gt-mot.txt")
    truth = _mot_people(truths[0])
    for number, shot in enumerate(PictureFile.open(folder / _VIDEO_FILE).shots(every)):
        assert shot.frame_index is not None
        scale = shot.pixels.shape[1] / _TRUTH_WIDTH_PX
        boxes = truth.get(shot.frame_index + 1, np.zeros((0, 4), np.float32))
        yield _Labelled(shot, (boxes * scale).astype(np.float32), number == 0)


def _mot_people(path: Path) -> dict[int, Floats]:
    """Boxes [n, 4] x1 y1 x2 y2 by frame, counted from 1."""
    try:
        rows = np.loadtxt(path, delimiter=",", usecols=range(7), ndmin=2)
    except ValueError as error:
        raise InputError("wrong truth", file=str(path), expected="MOT's columns", found=error) from error
    boxes = np.concatenate([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]], axis=1).astype(np.float32)
    frames, counts = rows[:, 0].astype(int), rows[:, 6] > 0
    return {int(frame): boxes[(frames == frame) & counts] for frame in np.unique(frames)}
