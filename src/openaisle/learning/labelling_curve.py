"""How much labelling rendered pictures save: accuracy against labelled frames, from noise and from what they taught.

A network is trained on some of a store's labelled frames, once from noise and once from a network that rendered
pictures of other shops taught before, each until the split `check` gains no more. Measured is what it reaches by itself
on the split `held_out` (`curve_figures`), mean of the seeds, with 95 % intervals over visits (the bootstrap, the same
drawings for all). Frames of a smaller set are in the larger ones of its seed. What is saved is read off the curves: how
many frames the taught network needs for what the other one reaches with all of them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from openaisle.core.errors import InputError
from openaisle.labels.dataset import CHECK, HELD_OUT, TRAIN
from openaisle.learning.compared import LEVEL, drawings
from openaisle.learning.curve_figures import FIGURE_OF, Figure, figure
from openaisle.learning.store_sights import shards, sights_of, visit_shards, write_shards
from openaisle.learning.train_people import Job, Trainer, TrainSettings

NOISE: Final = "noise"
TAUGHT: Final = "rendered pictures"

Said = Callable[[str], None]
Interval = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class CurveSettings:
    frames: Sequence[int] = (25, 100, 200)
    seeds: Sequence[int] = (1, 2)
    pictures_from_noise: int = 9600  # at most; training stops before where nothing gets better
    pictures_taught: int = 480
    rate_from_noise: float = 1.5e-3
    rate_taught: float = 3e-4
    check_every: int = 160
    patience: int = 4


SETTINGS_OF: Final[Mapping[Job, CurveSettings]] = {
    "boxes": CurveSettings(),
    "keypoints": CurveSettings(pictures_taught=6400, check_every=800),
}


@dataclass(frozen=True, kw_only=True)
class Point:
    """One training run."""

    start: str  # NOISE or TAUGHT
    frames: int  # labelled, that it learned from
    seed: int
    reached: float
    pictures: int  # seen until training stopped


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """Mean over the seeds of what runs reach: on all visits, and on each drawing of them."""

    reached: float
    on_drawings: NDArray[np.float64]  # [DRAWS]

    @property
    def interval(self) -> Interval:
        return _interval(self.on_drawings)


def curve(
    folder: Path, out: Path, job: Job, taught: Path, settings: CurveSettings, said: Said = lambda _: None
) -> dict[str, Any]:
    """Train and measure every point; runs that are finished are not made again. `taught`: an exported file of `job`."""
    dataset, labelled = sights_of(folder, TRAIN)
    check, held_out = shards(folder, CHECK), visit_shards(folder, HELD_OUT)
    if max(settings.frames) > len(labelled):
        raise InputError(
            "too few labelled frames",
            field="--frames",
            expected=f"at most {len(labelled)}",
            found=max(settings.frames),
        )
    as_it_is = Trainer(job, [shards(folder, TRAIN)], out / "as-it-is", TrainSettings(pictures=0), taught)
    one, visits = figure(job, as_it_is.averaged, held_out)
    before = _drawn([one], visits)
    said(f"no frame of the store, from {TAUGHT}: {FIGURE_OF[job]} {before.reached:.3f}")
    points: list[Point] = []
    figures: dict[tuple[str, int], list[Figure]] = {}
    for seed in settings.seeds:
        order = np.random.default_rng([seed, 61]).permutation(len(labelled)).tolist()
        for count in settings.frames:
            some = [labelled[row] for row in sorted(order[:count])]
            data = write_shards(folder, dataset, [some], f"curve-{count}-{seed}")
            for start in (NOISE, TAUGHT):
                run = out / f"{start.split()[0]}-{count}-{seed}"
                trainer = _trained(job, data, check, run, taught if start == TAUGHT else None, seed, settings)
                one, _ = figure(job, trainer.averaged, held_out)
                figures.setdefault((start, count), []).append(one)
                reached = round(one(np.ones(visits)), 4)
                points.append(
                    Point(start=start, frames=count, seed=seed, reached=reached, pictures=trainer.seen)
                )
                said(f"{count} frames, seed {seed}, from {start}: {FIGURE_OF[job]} {reached:.3f}")
    means = {key: _drawn(each, visits) for key, each in figures.items()}
    return {
        "figure": FIGURE_OF[job],
        "held_out_visits": visits,
        **summary(before, means),
        "points": [asdict(each) for each in points],
        "settings": asdict(settings),
        "frames_there": len(labelled),
    }


def summary(before: Drawn, means: Mapping[tuple[str, int], Drawn]) -> dict[str, Any]:
    """What is reached and saved, by start and labelled frames. Saved is None where the curves do not say."""
    most = max(count for start, count in means if start == NOISE)
    goal = means[NOISE, most]
    taught = [
        (0, before),
        *sorted((count, each) for (start, count), each in means.items() if start == TAUGHT),
    ]
    needed = frames_for(goal.reached, [(count, each.reached) for count, each in taught])
    saved: list[float] = []
    for draw, wanted in enumerate(goal.on_drawings.tolist()):
        frames = frames_for(wanted, [(count, float(each.on_drawings[draw])) for count, each in taught])
        saved.append(0.0 if frames is None else 1 - frames / most)
    return {
        "without_labels": _told(before),
        "reached": {
            start: {str(count): _told(each) for (own, count), each in sorted(means.items()) if own == start}
            for start in (NOISE, TAUGHT)
        },
        "goal": {"reached": round(goal.reached, 4), "frames_from_noise": most},
        "frames_needed_when_taught": None if needed is None else round(needed),
        "labelling_saved": None if needed is None else round(1 - needed / most, 3),
        "labelling_saved_interval": [round(value, 3) for value in _interval(np.array(saved))],
    }


def frames_for(goal: float, reached: Sequence[tuple[int, float]]) -> float | None:
    """Frames for an accuracy, by a straight line over log(1 + frames) between the two points around it."""
    if reached[0][1] >= goal:
        return float(reached[0][0])
    for (fewer, low), (more, high) in itertools.pairwise(reached):
        if high >= goal > low:
            share = (goal - low) / (high - low)
            a, b = math.log1p(fewer), math.log1p(more)
            return math.expm1(a + share * (b - a))
    return None


def lines(said: Mapping[str, Any]) -> list[str]:
    """For people."""
    counts = list(said["reached"][NOISE])
    seeds = sorted({each["seed"] for each in said["points"]})
    rows = [f"{'labelled frames':24}" + "".join(f"{count:>24}" for count in ("0", *counts))]
    for start in (NOISE, TAUGHT):
        cells = [_cell(said["without_labels"]) if start == TAUGHT else "-"]
        cells += [_cell(said["reached"][start][count]) for count in counts]
        rows.append(f"from {start:19}" + "".join(f"{cell:>24}" for cell in cells))
    rows.append(
        f"{said['figure']} on {said['held_out_visits']} held-out visits; mean of seeds {seeds}, "
        f"{LEVEL:.0%} intervals over visits"
    )
    goal = said["goal"]
    if said["labelling_saved"] is None:
        rows.append(
            "taught by rendered pictures, it does not reach what it reaches from noise: nothing is saved"
        )
    else:
        low, high = said["labelling_saved_interval"]
        rows.append(
            f"what {goal['frames_from_noise']} frames give from noise ({goal['reached']:.3f}) takes "
            f"{said['frames_needed_when_taught']} after rendered pictures: {said['labelling_saved']:.0%} less "
            f"labelling ({low:.0%} to {high:.0%})"
        )
    return rows


def _trained(
    job: Job,
    data: Path,
    check: Path,
    out: Path,
    taught: Path | None,
    seed: int,
    settings: CurveSettings,
) -> Trainer:
    training = TrainSettings(
        pictures=settings.pictures_from_noise,
        rate=settings.rate_from_noise,
        average=0.98,
        seed=seed,
        check_every=settings.check_every,
        patience=settings.patience,
    )
    if taught is not None:
        training = replace(training, pictures=settings.pictures_taught, rate=settings.rate_taught)
    trainer = Trainer(job, [data], out, training, taught, check=[check])
    trainer.run(lambda _: None)
    return trainer


def _drawn(figures: Sequence[Figure], visits: int) -> Drawn:
    once = np.ones(visits)
    times = drawings(visits, np.random.default_rng([visits, 67]))
    return Drawn(
        reached=float(np.mean([one(once) for one in figures])),
        on_drawings=np.array([float(np.mean([one(each) for one in figures])) for each in times]),
    )


def _interval(values: NDArray[np.float64]) -> Interval:
    low, high = np.nanquantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]).tolist()
    return low, high


def _told(drawn: Drawn) -> list[float]:
    return [round(value, 4) for value in (drawn.reached, *drawn.interval)]


def _cell(told: Sequence[float]) -> str:
    return f"{told[0]:.3f} ({told[1]:.3f} to {told[2]:.3f})"
