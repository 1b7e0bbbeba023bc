"""What is asked about windows of pictures, answered: `LookWanted` and pixels in, `PackLook` out.

    looker = PackLooker(recogniser)
    looks = looker.look([Window(wanted, pixels, captured_ns)], received_ns)

All windows of one call go through the network together, each against its own plausible products. Where it is asked
what changed, the place that did is looked at; where none did, every answer is as likely as every other. No picture is
kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from openaisle.core.messages import LookWanted, PackLook
from openaisle.core.units import NS_PER_S
from openaisle.detections.architectures.clips import ClipModel
from openaisle.detections.changes import changed_square
from openaisle.detections.products import LOOK_PX, Pixels, ProductRecogniser, cut_window

CLIP_NS: Final = 3 * NS_PER_S // 2
"""A reach lasts about so long."""
CLIP_PICTURES: Final = 8
"""Of a clip, whatever its network asks for: each is decoded for it alone."""


@dataclass(frozen=True)
class Window:
    """A question and what is seen where it points."""

    wanted: LookWanted
    pixels: Pixels  # [side, side, 3] BGR
    captured_ns: int  # of the frame that it was cut from
    without: Pixels | None = None  # the same window when the pack was not there, where that was asked
    clip: tuple[
        Pixels, ...
    ] = ()  # the same window over the seconds before, where somebody names deeds in clips


class PackLooker:
    """Recognises packs in windows, against one shop's gallery."""

    def __init__(self, recogniser: ProductRecogniser, clips: ClipModel | None = None) -> None:
        """`clips`: a store's own network that names what the hand does; without it nobody looks at clips."""
        self._recogniser = recogniser
        self._clips = clips

    def rehearse(self) -> None:
        """Run the network once, so that the first question does not wait for it to be warm."""
        self._recogniser.log_odds([np.zeros((LOOK_PX, LOOK_PX, 3), np.uint8)], [()])

    def clip_moments(self, wanted: LookWanted) -> list[int]:
        """When the pictures of a clip are from that this question needs besides; none where nobody looks at clips."""
        if self._clips is None or wanted.track_id is None:
            return []
        return [
            wanted.captured_ns - CLIP_NS + CLIP_NS * step // (CLIP_PICTURES - 1)
            for step in range(CLIP_PICTURES)
        ]

    def look(self, windows: Sequence[Window], received_ns: int) -> list[PackLook]:
        """One answer a window, same order."""
        meant = [_meant(window) for window in windows]
        seen = [index for index, pixels in enumerate(meant) if pixels is not None]
        found = (
            self._recogniser.log_odds(
                [pixels for pixels in meant if pixels is not None],
                [windows[index].wanted.product_ids for index in seen],
            )
            if seen
            else []
        )
        odds = [np.zeros(len(window.wanted.product_ids), np.float32) for window in windows]
        for index, log_odds in zip(seen, found, strict=True):
            odds[index] = log_odds
        return [
            PackLook(
                look_id=window.wanted.look_id,
                camera_id=window.wanted.camera_id,
                captured_ns=window.captured_ns,
                received_ns=received_ns,
                track_id=window.wanted.track_id,
                hand=window.wanted.hand,
                shelf_id=window.wanted.shelf_id,
                product_ids=window.wanted.product_ids,
                log_odds=log_odds,
                deeds=self._clips.deeds(window.clip) if self._clips and len(window.clip) > 1 else (),
            )
            for window, log_odds in zip(windows, odds, strict=True)
        ]


def _meant(window: Window) -> Pixels | None:
    """The part of a window that was asked about; None where nothing changed though a change was asked for."""
    if window.without is None:
        return window.pixels
    square = changed_square(window.pixels, window.without)
    return None if square is None else cut_window(window.pixels, square)
