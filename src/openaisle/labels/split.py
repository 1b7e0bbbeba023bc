"""Parts of a data set to learn from, to check by and to measure on, apart by visit or by whole store.

Frames of one visit look alike: were some of them learned from, those measured on would be no test. So whatever shares a
visit (or a store) goes to one part, frames without a visit by their video. Groups are dealt by iterative
stratification (Sechidis et al. 2011): the rarest edge case first, to whichever part still lacks it most.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from msgspec.structs import replace

from openaisle.core.errors import InputError
from openaisle.labels.dataset import CHECK, HELD_OUT, SPLITS, TRAIN, DataSet, FrameLabels
from openaisle.labels.edge_cases import EdgeCases

FRAMES: Final = "frames"
BY: Final = ("visit", "store")


@dataclass(frozen=True)
class Dealt:
    """How a data set was split."""

    dataset: DataSet
    counts: Mapping[str, Mapping[str, int]]  # of each split: frames, and frames of each edge case
    groups: Mapping[str, int]  # visits or stores of each split


def split(dataset: DataSet, *, by: str, check: float, held_out: float, seed: int) -> Dealt:
    """Give every checked frame a split; others get none. Shares are of frames. Raises InputError."""
    if by not in BY:
        raise InputError("cannot split so", field="--by", expected=" or ".join(BY), found=by)
    if min(check, held_out) < 0 or check + held_out >= 1:
        raise InputError(
            "wrong shares",
            field="--check, --held-out",
            expected="less than 1 together",
            found=(check, held_out),
        )
    edge_cases = EdgeCases(dataset)
    places = [place for place, frame in enumerate(dataset.frames) if frame.is_checked]
    groups = _groups([dataset.frames[place] for place in places], by)
    wanted = {HELD_OUT: held_out, CHECK: check, TRAIN: 1.0 - check - held_out}
    wanted = {name: share for name, share in wanted.items() if share > 0}
    if len(groups) < len(wanted):
        raise InputError(
            f"too few {by}s to keep apart",
            field="--by",
            expected=f"{len(wanted)} or more, labelled",
            found=len(groups),
        )
    contents = [
        Counter({FRAMES: len(rows)})
        + Counter(name for row in rows for name in edge_cases.of_frame(dataset.frames[places[row]]))
        for rows in groups
    ]
    part_of = _dealt(contents, wanted, np.random.default_rng(seed))
    frames = [replace(frame, split="") for frame in dataset.frames]
    for rows, part in zip(groups, part_of, strict=True):
        for row in rows:
            frames[places[row]] = replace(frames[places[row]], split=part)
    counts = {
        name: dict(
            sum((each for each, part in zip(contents, part_of, strict=True) if part == name), Counter[str]())
        )
        for name in SPLITS
    }
    return Dealt(replace(dataset, frames=tuple(frames)), counts, dict(Counter(part_of)))


def _dealt(
    contents: Sequence[Counter[str]], wanted: Mapping[str, float], rng: np.random.Generator
) -> list[str]:
    """The part of each group."""
    total = sum(contents, Counter[str]())
    need = {part: {name: share * count for name, count in total.items()} for part, share in wanted.items()}
    part_of = [""] * len(contents)
    left = rng.permutation(len(contents)).tolist()
    while left:
        # Every part gets something before the rest is dealt by need.
        bare = [part for part in wanted if part not in part_of]
        open_parts = bare if len(bare) >= len(left) else list(wanted)
        remaining = sum((contents[group] for group in left), Counter[str]())
        rarest = min(remaining, key=lambda name: (name == FRAMES, remaining[name], name))
        group = max(left, key=lambda at: contents[at][rarest])
        part = max(open_parts, key=lambda each: (need[each][rarest], need[each][FRAMES]))
        part_of[group] = part
        for name, count in contents[group].items():
            need[part][name] -= count
        left.remove(group)
    return part_of


def _groups(frames: Sequence[FrameLabels], by: str) -> list[list[int]]:
    """Rows of frames that must stay together, each in order."""
    root = list(range(len(frames)))

    def find(row: int) -> int:
        while root[row] != row:
            root[row] = root[root[row]]
            row = root[row]
        return row

    first: dict[tuple[str, str], int] = {}
    for row, frame in enumerate(frames):
        for key in _keys(frame, by):
            root[find(row)] = find(first.setdefault(key, row))
    groups: dict[int, list[int]] = {}
    for row in range(len(frames)):
        groups.setdefault(find(row), []).append(row)
    return list(groups.values())


def _keys(frame: FrameLabels, by: str) -> list[tuple[str, str]]:
    if by == "store":
        return [("store", frame.store_id)]
    visits = {*frame.visit_ids, *(label.visit_id for label in frame.labels)} - {""}
    if visits:
        return [(f"visit {frame.store_id}", visit) for visit in sorted(visits)]
    return [("video", frame.sequence_id or frame.file)]
