"""Labelled packs cut out of their frames: to enrol a store's products by, a folder a product, or to learn from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openaisle.adapters.pictures import write_picture
from openaisle.core.errors import InputError
from openaisle.labels.dataset import HELD_OUT, DataSet, FrameLabels, Label
from openaisle.labels.folder import read_dataset, read_pixels

MARGIN: Final = 0.06  # of a pack's longer side around it
IN_VIEW_MIN: Final = 0.6


@dataclass(frozen=True)
class Pack:
    """One labelled pack, most of it in view."""

    frame: FrameLabels
    label: Label
    pixels: NDArray[np.uint8]  # [h, w, 3] BGR

    @property
    def product_id(self) -> str:
        return self.label.product_id


def packs(source: Path, dataset: DataSet, splits: Collection[str], least_px: int) -> Iterator[Pack]:
    """Of checked frames in these splits, in order; packs below `least_px` on their longer side are left out."""
    for frame in dataset.frames:
        if not frame.is_checked or frame.split not in splits or not (source / frame.file).is_file():
            continue
        shown = [
            label
            for label in frame.labels
            if label.product_id
            and not label.is_ignored
            and (label.in_view is None or label.in_view >= IN_VIEW_MIN)
        ]
        pixels = read_pixels(source, frame.file) if shown else None
        for label in shown:
            assert pixels is not None
            x1, y1, x2, y2 = label.box_px
            side = max(x2 - x1, y2 - y1)
            around = MARGIN * side
            left, top = max(0, round(x1 - around)), max(0, round(y1 - around))
            cut = pixels[top : max(top, round(y2 + around)), left : max(left, round(x2 + around))]
            if side >= least_px and cut.size:
                yield Pack(frame, label, cut)


def export_packs(source: Path, out: Path, least_px: int) -> dict[str, int]:
    """Pictures of every product that people labelled; how many of each.

    What is held out to measure on is not enrolled. Raises InputError where there are none.
    """
    counts: Counter[str] = Counter()
    dataset = read_dataset(source)
    splits = {frame.split for frame in dataset.frames} - {HELD_OUT}
    for pack in packs(source, dataset, splits, least_px):
        counts[pack.product_id] += 1
        path = out / pack.product_id / f"{counts[pack.product_id]:04d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_picture(path, pack.pixels)
    if not counts:
        expected = f"checked labels of products, {least_px} px or more on their longer side"
        raise InputError("no packs", file=str(source), expected=expected)
    return dict(counts)
