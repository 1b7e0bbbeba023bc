"""Training pictures of people on disk, and batches of them.

A data set is a folder of shards, each a folder with raw arrays that are mapped, not read:

    manifest.json                    how it was made: command, seeds, counts
    frames-0003/pixels.npy           uint8 [n, 192, 320, 4]  working picture BGR + background difference
    frames-0003/boxes.npy            float32 [n, 12, 5]      x1 y1 x2 y2 px, weight (0 = no person, -1 = do not judge)
    crops-0003/pixels.npy            uint8 [m, 160, 160, 4]  a window 1.6 times the longer side of the box
    crops-0003/joints.npy            float32 [m, 17, 3]      x y crop px, 0 outside the picture, 1 hidden, 2 visible
    crops-0003/is_person.npy         uint8 [m]
    crops-0003/who.npy               int32 [m]               who of the store's people it is, -1 nobody or nobody known
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final, TypeVar

import cv2
import numba
import numpy as np
from numpy.typing import NDArray

from openaisle.core.errors import InputError
from openaisle.detections import crops
from openaisle.learning.people_variation import (
    LEFT,
    RIGHT,
    Variation,
    crop_placements,
    frame_placements,
    moved_boxes,
    moved_joints,
    place,
    vary,
)

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]
Result = TypeVar("Result")

PEOPLE_MAX: Final = 12
FRAME_ARRAYS: Final = ("pixels", "boxes")
CROP_ARRAYS: Final = ("pixels", "joints", "is_person", "who")


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
        self._shards = [[_mapped(path / f"{name}.npy") for name in arrays] for path in paths]
        self._starts = np.cumsum([0] + [len(shard[0]) for shard in self._shards])

    def __len__(self) -> int:
        return int(self._starts[-1])

    @property
    def lengths(self) -> list[int]:
        """Samples of each shard."""
        return np.diff(self._starts).tolist()

    @property
    def array_count(self) -> int:
        """Arrays of each sample."""
        return len(self._shards[0])

    def arrays(self, index: int) -> list[NDArray[Any]]:
        """One of the arrays, of each shard."""
        return [shard[index] for shard in self._shards]

    def __getitem__(self, index: int) -> list[NDArray[Any]]:
        shard = int(np.searchsorted(self._starts, index, side="right")) - 1
        return [array[index - self._starts[shard]] for array in self._shards[shard]]


def _mapped(path: Path) -> NDArray[Any]:
    if not path.is_file():
        raise InputError("not in the data set", file=str(path), expected="made anew by `learn synthesise`")
    return np.load(path, mmap_mode="r")


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
    for found in of_stores(write, first_store, stores, workers=workers, report=report):
        for name, count in found.items():
            counts[name] = counts.get(name, 0) + count
    return counts


def of_stores(
    work: Callable[[int], Result],
    first_store: int,
    stores: int,
    *,
    workers: int,
    report: Callable[[int], None],
) -> Iterator[Result]:
    """What `work(seed)` returns of each store, in the order of seeds, made in `workers` processes.

    `report` hears the number of finished stores. `work` is sent to other processes: a function of a module, or a
    `partial` of one.
    """
    seeds = range(first_store, first_store + stores)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_one_core) as pool:
        for done, result in enumerate(pool.map(work, seeds), start=1):
            yield result
            report(done)


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
    who: NDArray[np.int64]  # [n] a number of its own for each of a store's people, -1 unknown


@dataclass(frozen=True)
class FrameBatch:
    """What the box network learns from."""

    pixels: Pixels  # [n, 192, 320, 4]
    boxes: Floats  # [n, 12, 5]


def crop_batch(shards: Shards, indices: NDArray[np.intp], rng: np.random.Generator | None) -> CropBatch:
    """Samples of `crops` shards, varied by `rng`; without it, just as the detector would cut them."""
    size = crops.CROP_PX
    pixels = np.empty((len(indices), size, size, 4), np.uint8)
    stored_joints = np.empty((len(indices), 17, 3), np.float32)
    is_person = np.empty(len(indices), np.float32)
    who = np.empty(len(indices), np.int64)
    to_crop = crop_placements(len(indices), rng)
    for row, index in enumerate(indices):
        stored, stored_joints[row], is_person[row], who[row] = shards[int(index)]
        place(stored, to_crop[row], pixels[row])
    if rng is not None:
        vary(pixels, Variation.drawn(rng, *pixels.shape[:3]))
    ordered, own_left_first = ordered_by_x(moved_joints(stored_joints, to_crop))
    return CropBatch(pixels, ordered, own_left_first, is_person, who)


def frame_batch(shards: Shards, indices: NDArray[np.intp], rng: np.random.Generator | None) -> FrameBatch:
    """Samples of `frames` shards, varied by `rng`."""
    pixels = np.empty((len(indices), crops.FRAME_HEIGHT_PX, crops.FRAME_WIDTH_PX, 4), np.uint8)
    boxes = np.empty((len(indices), PEOPLE_MAX, 5), np.float32)
    to_frame = None if rng is None else frame_placements(len(indices), rng)
    for row, index in enumerate(indices):
        stored, boxes[row] = shards[int(index)]
        if to_frame is None:
            pixels[row] = stored
        else:
            place(stored, to_frame[row], pixels[row])
    if rng is not None and to_frame is not None:
        boxes = moved_boxes(boxes, to_frame)
        vary(pixels, Variation.drawn(rng, *pixels.shape[:3]))
    return FrameBatch(pixels, boxes)


def ordered_by_x(joints: Floats) -> tuple[Floats, Floats]:
    """Joints [n, 17, 3] with each pair ordered by image x, and [n, 8] 1 where that kept the person's own order."""
    kept = joints[:, LEFT, 0] <= joints[:, RIGHT, 0]
    ordered = joints.copy()
    ordered[:, LEFT] = np.where(kept[:, :, None], joints[:, LEFT], joints[:, RIGHT])
    ordered[:, RIGHT] = np.where(kept[:, :, None], joints[:, RIGHT], joints[:, LEFT])
    return ordered, kept.astype(np.float32)
