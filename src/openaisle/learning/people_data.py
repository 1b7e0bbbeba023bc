"""Training pictures of people on disk, and how they are varied before a network sees them.

A data set is a folder of shards, each a folder with raw arrays that are mapped, not read:

    manifest.json                    how it was made: command, seeds, counts
    frames-0003/pixels.npy           uint8 [n, 192, 320, 4]  working picture BGR + background difference
    frames-0003/boxes.npy            float32 [n, 12, 5]      x1 y1 x2 y2 px, weight (0 = no person, -1 = do not judge)
    crops-0003/pixels.npy            uint8 [m, 160, 160, 4]  a window 1.6 times the longer side of the box
    crops-0003/joints.npy            float32 [m, 17, 3]      x y crop px, 0 outside the picture, 1 hidden, 2 visible
    crops-0003/is_person.npy         uint8 [m]
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import cv2
import numba
import numpy as np
from numpy.typing import NDArray

from openaisle.core.errors import InputError
from openaisle.detections import crops
from openaisle.detections.decode import PAIRS

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]

STORED_CROP_PX: Final = 160
STORED_MARGIN: Final = 1.6
"""Stored crops show more than the network sees, so that shifts and rotations find pixels."""
PEOPLE_MAX: Final = 12
LEFT: Final = np.array([left for left, _ in PAIRS])
RIGHT: Final = np.array([right for _, right in PAIRS])


class Shards:
    """All shards of one kind (`frames` or `crops`) of some data sets, as one list of samples."""

    def __init__(self, folders: Sequence[Path], kind: str, arrays: tuple[str, ...]) -> None:
        paths = [path for folder in folders for path in sorted(folder.glob(f"{kind}-*"))]
        if not paths:
            raise InputError(
                "no training pictures",
                file=", ".join(str(folder) for folder in folders),
                expected=f"folders {kind}-*, made by `learn synthesise`",
            )
        self._shards = [[np.load(path / f"{name}.npy", mmap_mode="r") for name in arrays] for path in paths]
        self._starts = np.cumsum([0] + [len(shard[0]) for shard in self._shards])

    def __len__(self) -> int:
        return int(self._starts[-1])

    @property
    def lengths(self) -> list[int]:
        """Samples of each shard."""
        return np.diff(self._starts).tolist()

    def __getitem__(self, index: int) -> list[NDArray[Any]]:
        shard = int(np.searchsorted(self._starts, index, side="right")) - 1
        return [array[index - self._starts[shard]] for array in self._shards[shard]]


def write_shard(folder: Path, kind: str, number: int, arrays: dict[str, NDArray[Any]]) -> None:
    """Write one shard; its folder has another name until it is whole."""
    path = shard_folder(folder, kind, number)
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        np.save(unfinished / f"{name}.npy", array)
    shutil.rmtree(path, ignore_errors=True)
    unfinished.rename(path)


def write_stores(
    write: Callable[[int], dict[str, int]],
    first_store: int,
    stores: int,
    *,
    workers: int,
    report: Callable[[int], None],
) -> dict[str, int]:
    """Have `write(seed)` make each store's shard, in `workers` processes. Returns the sums of what it counts.

    `report` hears the number of finished stores. `write` is sent to other processes: a function of a module, or a
    `partial` of one.
    """
    counts: dict[str, int] = {}
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_one_core) as pool:
        jobs = [pool.submit(write, seed) for seed in range(first_store, first_store + stores)]
        for done, job in enumerate(as_completed(jobs), start=1):
            for name, count in job.result().items():
                counts[name] = counts.get(name, 0) + count
            report(done)
    return counts


def _one_core() -> None:
    """A process that makes shards is one of many: threads of its own would only wait for each other."""
    cv2.setNumThreads(1)
    numba.set_num_threads(1)


def shard_folder(folder: Path, kind: str, number: int) -> Path:
    return folder / f"{kind}-{number:04d}"


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / "manifest.json"
    if not path.is_file():
        raise InputError("no manifest", file=str(path), expected="a data set made by `learn synthesise`")
    return json.loads(path.read_text(encoding="utf-8"))


@dataclass(frozen=True)
class CropBatch:
    """What the keypoint network learns from. Joints of a pair are ordered by image x."""

    pixels: Pixels  # [n, 128, 128, 4]
    joints: Floats  # [n, 17, 3] crop px and state, as stored
    own_left_first: Floats  # [n, 8] 1 if the first of the pair is the person's own left
    is_person: Floats  # [n]


@dataclass(frozen=True)
class FrameBatch:
    """What the box network learns from."""

    pixels: Pixels  # [n, 192, 320, 4]
    boxes: Floats  # [n, 12, 5]


def crop_batch(shards: Shards, indices: NDArray[np.intp], rng: np.random.Generator | None) -> CropBatch:
    """Samples of `crops` shards, varied by `rng`; without it, just as the detector would cut them."""
    size = crops.CROP_PX
    pixels = np.empty((len(indices), size, size, 4), np.uint8)
    joints = np.empty((len(indices), 17, 3), np.float32)
    is_person = np.empty(len(indices), np.float32)
    for row, index in enumerate(indices):
        stored, stored_joints, person = shards[int(index)]
        to_crop = _crop_placement(rng)
        cv2.warpAffine(
            np.asarray(stored),
            to_crop,
            (size, size),
            dst=pixels[row],
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=(crops.PADDING_GREY, crops.PADDING_GREY, crops.PADDING_GREY, 0),
        )
        joints[row, :, :2] = stored_joints[:, :2] @ to_crop[:, :2].T.astype(np.float32) + to_crop[:, 2]
        joints[row, :, 2] = stored_joints[:, 2]
        is_person[row] = person
        if np.linalg.det(to_crop[:, :2]) < 0:  # mirrored: the person's own left is now the right
            joints[row, LEFT], joints[row, RIGHT] = joints[row, RIGHT], joints[row, LEFT]
    if rng is not None:
        _vary(pixels, rng)
    ordered, own_left_first = ordered_by_x(joints)
    return CropBatch(pixels, ordered, own_left_first, is_person)


def frame_batch(shards: Shards, indices: NDArray[np.intp], rng: np.random.Generator | None) -> FrameBatch:
    """Samples of `frames` shards, varied by `rng`."""
    pixels = np.empty((len(indices), crops.FRAME_HEIGHT_PX, crops.FRAME_WIDTH_PX, 4), np.uint8)
    boxes = np.empty((len(indices), PEOPLE_MAX, 5), np.float32)
    for row, index in enumerate(indices):
        stored, stored_boxes = shards[int(index)]
        if rng is None:
            pixels[row], boxes[row] = stored, stored_boxes
        else:
            pixels[row], boxes[row] = _moved_frame(np.asarray(stored), np.asarray(stored_boxes), rng)
    if rng is not None:
        _vary(pixels, rng)
    return FrameBatch(pixels, boxes)


def ordered_by_x(joints: Floats) -> tuple[Floats, Floats]:
    """Joints [n, 17, 3] with each pair ordered by image x, and [n, 8] 1 where that kept the person's own order."""
    kept = joints[:, LEFT, 0] <= joints[:, RIGHT, 0]
    ordered = joints.copy()
    ordered[:, LEFT] = np.where(kept[:, :, None], joints[:, LEFT], joints[:, RIGHT])
    ordered[:, RIGHT] = np.where(kept[:, :, None], joints[:, RIGHT], joints[:, LEFT])
    return ordered, kept.astype(np.float32)


def _crop_placement(rng: np.random.Generator | None) -> NDArray[np.float64]:
    """crop_from_stored [2, 3]: the detector's window in the middle of a stored crop, moved as its boxes are wrong."""
    scale = (crops.CROP_PX / STORED_CROP_PX) * (STORED_MARGIN / crops.WINDOW_MARGIN)
    angle, flip, shift = 0.0, 1.0, np.zeros(2)
    if rng is not None:
        scale *= float(np.exp(np.clip(rng.normal(0.0, 0.1), -0.25, 0.25)))
        angle = float(np.radians(rng.uniform(-12, 12)))
        flip = -1.0 if rng.random() < 0.5 else 1.0
        shift = np.clip(rng.normal(0.0, 0.04, 2), -0.12, 0.12) * crops.CROP_PX
    cos, sin = np.cos(angle) * scale, np.sin(angle) * scale
    linear = np.array([[cos * flip, -sin], [sin * flip, cos]])
    middle_stored = np.full(2, (STORED_CROP_PX - 1) / 2)
    middle = np.full(2, (crops.CROP_PX - 1) / 2) + shift
    return np.column_stack([linear, middle - linear @ middle_stored])


def _moved_frame(stored: Pixels, boxes: Floats, rng: np.random.Generator) -> tuple[Pixels, Floats]:
    """Mirrored, scaled and shifted. A box that mostly leaves the picture is not judged."""
    width, height = crops.FRAME_WIDTH_PX, crops.FRAME_HEIGHT_PX
    scale = float(
        np.exp(rng.uniform(-0.65, 0.25))
    )  # people far off are rare in small shops, not in large ones
    flip = -1.0 if rng.random() < 0.5 else 1.0
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    linear = np.array([[scale * flip, 0.0], [0.0, scale]])
    offset = middle + rng.uniform(-0.08, 0.08, 2) * width - linear @ middle
    pixels = cv2.warpAffine(
        stored,
        np.column_stack([linear, offset]),
        (width, height),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(crops.PADDING_GREY, crops.PADDING_GREY, crops.PADDING_GREY, 0),
    )
    moved = boxes.copy()
    x = boxes[:, [0, 2]] * (scale * flip) + offset[0]
    y = boxes[:, [1, 3]] * scale + offset[1]
    moved[:, 0], moved[:, 2] = x.min(axis=1), x.max(axis=1)
    moved[:, 1], moved[:, 3] = y.min(axis=1), y.max(axis=1)
    whole = (moved[:, 2] - moved[:, 0]) * (moved[:, 3] - moved[:, 1])
    moved[:, [0, 2]] = moved[:, [0, 2]].clip(0, width - 1)
    moved[:, [1, 3]] = moved[:, [1, 3]].clip(0, height - 1)
    inside = (moved[:, 2] - moved[:, 0]) * (moved[:, 3] - moved[:, 1])
    is_left_over = (boxes[:, 4] > 0) & (inside < 0.3 * np.maximum(whole, 1))
    moved[is_left_over, 4] = -1.0
    moved[is_left_over & (inside < 9)] = 0.0
    return np.asarray(pixels, np.uint8), moved


NOISE_SDS: Final = (1.5, 3.0, 5.0, 8.0)  # grey values
_grain: dict[
    int, list[NDArray[np.int16]]
] = {}  # by picture height: drawing noise anew costs more than a network


def _vary(pixels: Pixels, rng: np.random.Generator) -> None:
    """In place: light, contrast, colour cast, noise, blur, and a background difference that may be missing or wrong."""
    levels = np.arange(256, dtype=np.float32)[:, None] / 255
    count, height, width = pixels.shape[:3]
    if height not in _grain:
        shape = (2 * height, 2 * width, 3)
        _grain[height] = [np.rint(rng.normal(0, sd, shape)).astype(np.int16) for sd in NOISE_SDS]
    differences = pixels[..., 3].copy()
    for row in range(count):
        gamma = np.exp(rng.uniform(-0.35, 0.35))
        gains = np.exp(rng.uniform(-0.35, 0.3)) * np.exp(rng.normal(0, 0.06, 3))
        curve = 255 * np.clip(levels**gamma * gains + rng.uniform(-0.05, 0.08), 0, 1)
        picture = cv2.LUT(np.ascontiguousarray(pixels[row, :, :, :3]), curve.astype(np.uint8)[None])
        if rng.random() < 0.15:
            picture = cv2.GaussianBlur(picture, (3, 3), rng.uniform(0.4, 1.2))
        if rng.random() < 0.5:
            noise = _grain[height][int(rng.integers(len(NOISE_SDS)))]
            top, left = int(rng.integers(height)), int(rng.integers(width))
            picture = cv2.add(picture, noise[top : top + height, left : left + width], dtype=cv2.CV_8U)
        if rng.random() < 0.08:
            picture = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
        pixels[row, :, :, :3] = picture
        pixels[row, :, :, 3] = _spoiled(differences, row, rng)


def _spoiled(differences: Pixels, row: int, rng: np.random.Generator) -> Any:
    """One of the differences [n, h, w]: as it is (but for contrast) in three of four, else missing or wrong."""
    difference = differences[row]
    draw = rng.random()
    if draw < 0.12:
        return np.zeros_like(difference)
    if draw < 0.17:  # somebody else's shadow on it
        other = differences[int(rng.integers(len(differences)))]
        return np.maximum(difference, other[:, ::-1])
    if draw < 0.21:  # a patch learned into the background
        height, width = difference.shape
        difference = difference.copy()
        y, x = int(rng.integers(height)), int(rng.integers(width))
        difference[y : y + height // 2, x : x + width // 2] //= 8
        return difference
    if draw < 0.25:  # the light jumped
        return cv2.convertScaleAbs(difference, alpha=1.0, beta=float(rng.uniform(5, 60)))
    return cv2.convertScaleAbs(difference, alpha=float(np.exp(rng.uniform(-0.4, 0.4))))
