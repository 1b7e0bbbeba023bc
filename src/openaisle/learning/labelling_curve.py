"""How much labelling rendered pictures save: accuracy against labelled frames, from noise and from what they taught.

The box network is trained on some of a store's labelled frames, once from noise and once from a network that rendered
pictures of other shops taught before, each until the split `check` gains no more. Measured is box AP50 on the split
`held_out` by the box network alone. Frames of a smaller set are in the larger ones of its seed. What is saved is read
off the curves: how many frames the taught network needs for what the other one reaches with all of them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch  # pyright: ignore[reportMissingImports]
from torch import nn  # pyright: ignore[reportMissingImports]

from openaisle.core.errors import InputError
from openaisle.detections import decode
from openaisle.labels.dataset import CHECK, HELD_OUT, TRAIN
from openaisle.learning.average_precision import BoxTally
from openaisle.learning.people_data import Shards
from openaisle.learning.people_network import BOX_STRIDE_PX, normalised
from openaisle.learning.store_sights import shards
from openaisle.learning.train_people import FRAME_ARRAYS, Trainer, TrainSettings

NOISE: Final = "noise"
TAUGHT: Final = "rendered pictures"
_HEAT_MIN: Final = 0.02
_BOXES_MAX: Final = 24
_OVERLAP_MAX: Final = 0.65
_BATCH: Final = 32

Said = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class CurveSettings:
    frames: Sequence[int] = (25, 100, 200)
    seeds: Sequence[int] = (1, 2)
    pictures_from_noise: int = 2400  # at most; training stops before where nothing gets better
    pictures_taught: int = 480
    rate_from_noise: float = 1.5e-3
    rate_taught: float = 3e-4
    check_every: int = 160
    patience: int = 4


@dataclass(frozen=True, kw_only=True)
class Point:
    """One training run."""

    start: str  # NOISE or TAUGHT
    frames: int  # labelled, that it learned from
    seed: int
    ap50: float
    pictures: int  # seen until training stopped


def curve(
    folder: Path, out: Path, taught: Path, settings: CurveSettings, said: Said = lambda _: None
) -> dict[str, Any]:
    """Train and measure every point; runs that are finished are not made again. `taught`: a people-boxes.onnx."""
    train, check, held_out = (shards(folder, split) for split in (TRAIN, CHECK, HELD_OUT))
    there = len(Shards([train], "frames", FRAME_ARRAYS))
    if max(settings.frames) > there:
        raise InputError(
            "too few labelled frames",
            field="--frames",
            expected=f"at most {there}",
            found=max(settings.frames),
        )
    before = _zero_shot(held_out, out, taught, train)
    said(f"no frame of the store, from {TAUGHT}: AP50 {before:.3f}")
    points: list[Point] = []
    for seed in settings.seeds:
        order = np.random.default_rng([seed, 61]).permutation(there)
        for count in settings.frames:
            some = _subset(train, out / f"frames-{count}-{seed}", order[:count])
            for start in (NOISE, TAUGHT):
                points.append(
                    _point(
                        some, check, held_out, out, taught if start == TAUGHT else None, count, seed, settings
                    )
                )
                said(f"{points[-1].frames} frames, seed {seed}, from {start}: AP50 {points[-1].ap50:.3f}")
    return summary(points, before) | {"settings": asdict(settings), "frames_there": there}


def summary(points: Sequence[Point], before: float) -> dict[str, Any]:
    """Means over seeds, and what is saved. Saved is None where the curves do not say."""
    means = {
        start: {
            count: float(
                np.mean([each.ap50 for each in points if (each.start, each.frames) == (start, count)])
            )
            for count in sorted({each.frames for each in points})
        }
        for start in (NOISE, TAUGHT)
    }
    most = max(means[NOISE])
    goal = means[NOISE][most]
    needed = frames_for(goal, [(0, before), *means[TAUGHT].items()])
    return {
        "ap50_without_labels": round(before, 4),
        "ap50": {
            start: {str(count): round(value, 4) for count, value in each.items()}
            for start, each in means.items()
        },
        "points": [asdict(each) for each in points],
        "goal": {"ap50": round(goal, 4), "frames_from_noise": most},
        "frames_needed_when_taught": None if needed is None else round(needed),
        "labelling_saved": None if needed is None else round(1 - needed / most, 3),
    }


def frames_for(goal: float, reached: Sequence[tuple[int, float]]) -> float | None:
    """Frames for an accuracy, by a straight line over log(1 + frames) between the two points around it."""
    for (fewer, low), (more, high) in itertools.pairwise(reached):
        if low >= goal:
            return float(fewer)
        if high >= goal:
            share = (goal - low) / (high - low)
            a, b = math.log1p(fewer), math.log1p(more)
            return math.expm1(a + share * (b - a))
    return float(reached[-1][0]) if reached[-1][1] >= goal else None


def lines(said: dict[str, Any]) -> list[str]:
    """For people."""
    counts = list(said["ap50"][NOISE])
    seeds = sorted({each["seed"] for each in said["points"]})
    rows = [f"{'labelled frames':24}" + "".join(f"{count:>14}" for count in ("0", *counts))]
    for start in (NOISE, TAUGHT):
        cells = [f"{said['ap50_without_labels']:.3f}" if start == TAUGHT else "-"]
        for count in counts:
            every = [
                each["ap50"]
                for each in said["points"]
                if (each["start"], str(each["frames"])) == (start, count)
            ]
            cells.append(f"{np.mean(every):.3f} ±{(max(every) - min(every)) / 2:.3f}")
        rows.append(f"from {start:19}" + "".join(f"{cell:>14}" for cell in cells))
    rows.append(f"box AP50 on held-out visits; mean over seeds {seeds}, ± half of their range")
    goal = said["goal"]
    if said["labelling_saved"] is None:
        rows.append(
            "taught by rendered pictures, it does not reach what it reaches from noise: nothing is saved"
        )
    else:
        rows.append(
            f"what {goal['frames_from_noise']} frames give from noise ({goal['ap50']:.3f}) takes "
            f"{said['frames_needed_when_taught']} after rendered pictures: {said['labelling_saved']:.0%} less labelling"
        )
    return rows


def _point(
    data: Path,
    check: Path,
    held_out: Path,
    out: Path,
    taught: Path | None,
    count: int,
    seed: int,
    settings: CurveSettings,
) -> Point:
    start = NOISE if taught is None else TAUGHT
    trainer = Trainer(
        "boxes",
        [data],
        out / f"{start.split()[0]}-{count}-{seed}",
        TrainSettings(
            pictures=settings.pictures_from_noise if taught is None else settings.pictures_taught,
            rate=settings.rate_from_noise if taught is None else settings.rate_taught,
            average=0.98,
            seed=seed,
            check_every=settings.check_every,
            patience=settings.patience,
        ),
        taught,
        check=[check],
    )
    trainer.run(lambda _: None)
    ap50 = box_ap50(trainer.averaged, held_out)
    return Point(start=start, frames=count, seed=seed, ap50=round(ap50, 4), pictures=trainer.seen)


def _zero_shot(held_out: Path, out: Path, taught: Path, data: Path) -> float:
    """What the taught network reaches as it is."""
    trainer = Trainer("boxes", [data], out / "as-it-is", TrainSettings(pictures=0), taught)
    return box_ap50(trainer.averaged, held_out)


def _subset(data: Path, out: Path, rows: np.ndarray) -> Path:
    """Some frames of a data set's shards, as a shard of their own."""
    whole = Shards([data], "frames", FRAME_ARRAYS)
    folder = out / "frames-0000"
    folder.mkdir(parents=True, exist_ok=True)
    chosen = [whole[int(row)] for row in np.sort(rows)]
    for place, name in enumerate(FRAME_ARRAYS):
        np.save(folder / f"{name}.npy", np.stack([each[place] for each in chosen]))
    return out


@torch.no_grad()
def box_ap50(network: nn.Module, data: Path) -> float:
    """Of the box network alone, on the frames of shards."""
    frames = Shards([data], "frames", FRAME_ARRAYS)
    tally = BoxTally()
    for first in range(0, len(frames), _BATCH):
        some = [frames[row] for row in range(first, min(first + _BATCH, len(frames)))]
        pixels = torch.from_numpy(np.stack([each[0] for each in some]))
        heat, sides = network(normalised(pixels))
        chances = torch.sigmoid(heat.float()).numpy()
        for (_, truth), each, distances in zip(some, chances, sides.float().numpy(), strict=True):
            boxes, scores = decode.boxes(each[0], distances, BOX_STRIDE_PX, _HEAT_MIN, _BOXES_MAX)
            kept = decode.suppress(boxes, scores, _OVERLAP_MAX)
            there = truth[truth[:, 4] != 0]
            tally.add(boxes[kept], scores[kept], there[:, :4], there[:, 4] > 0)
    return tally.figures(0.5).ap50
