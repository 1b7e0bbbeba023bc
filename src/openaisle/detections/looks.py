"""What is asked about windows of pictures, answered: `LookWanted` and pixels in, `PackLook` out.

    looker = PackLooker(recogniser)
    looks = looker.look([Window(wanted, pixels, captured_ns)], received_ns)

All windows of one call go through the network together, each against its own plausible products. No picture is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from openaisle.core.messages import LookWanted, PackLook
from openaisle.detections.products import Pixels, ProductRecogniser


@dataclass(frozen=True)
class Window:
    """A question and what is seen where it points."""

    wanted: LookWanted
    pixels: Pixels  # [side, side, 3] BGR
    captured_ns: int  # of the frame that it was cut from


class PackLooker:
    """Recognises packs in windows, against one shop's gallery."""

    def __init__(self, recogniser: ProductRecogniser) -> None:
        self._recogniser = recogniser

    def look(self, windows: Sequence[Window], received_ns: int) -> list[PackLook]:
        """One answer a window, same order."""
        if not windows:
            return []
        odds = self._recogniser.log_odds(
            [window.pixels for window in windows], [window.wanted.product_ids for window in windows]
        )
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
            )
            for window, log_odds in zip(windows, odds, strict=True)
        ]
