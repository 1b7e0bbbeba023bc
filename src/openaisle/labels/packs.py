"""Labelled packs cut out of their frames: the pictures that enrolment takes, a folder a product."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Final

from openaisle.adapters.pictures import write_picture
from openaisle.core.errors import InputError
from openaisle.labels.dataset import HELD_OUT
from openaisle.labels.folder import read_dataset, read_pixels

_MARGIN: Final = 0.06  # of a pack's longer side around it
_IN_VIEW_MIN: Final = 0.6


def export_packs(source: Path, out: Path, least_px: int) -> dict[str, int]:
    """Pictures of every product that people labelled, most of it in view; how many of each.

    What is held out to measure on is not enrolled. Raises InputError where there are none.
    """
    counts: Counter[str] = Counter()
    for frame in read_dataset(source).frames:
        if not frame.is_checked or frame.split == HELD_OUT or not (source / frame.file).is_file():
            continue
        packs = [
            label
            for label in frame.labels
            if label.product_id
            and not label.is_ignored
            and (label.in_view is None or label.in_view >= _IN_VIEW_MIN)
        ]
        pixels = read_pixels(source, frame.file) if packs else None
        for label in packs:
            assert pixels is not None
            x1, y1, x2, y2 = label.box_px
            side = max(x2 - x1, y2 - y1)
            if side < least_px:
                continue
            around = _MARGIN * side
            left, top = max(0, round(x1 - around)), max(0, round(y1 - around))
            cut = pixels[top : max(top, round(y2 + around)), left : max(left, round(x2 + around))]
            if not cut.size:
                continue
            counts[label.product_id] += 1
            path = out / label.product_id / f"{counts[label.product_id]:04d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_picture(path, cut)
    if not counts:
        raise InputError(
            "no packs",
            file=str(source),
            expected=f"checked labels of products, {least_px} px or more on their longer side",
        )
    return dict(counts)
