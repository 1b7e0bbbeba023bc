"""What the two people networks say of simulated frames before anything is calibrated: what calibration is fitted on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openaisle.detections import crops, decode
from openaisle.detections.background import Background
from openaisle.detections.crops import Floats, Letterbox, Pixels
from openaisle.detections.people import PeopleSettings
from openaisle.detections.people_networks import PeopleNetworks, Seen
from openaisle.detections.regions import WHOLE
from openaisle.detections.runtime import RuntimeSettings
from openaisle.learning.evaluate import picture_size, similarities
from openaisle.learning.people_data import of_stores
from openaisle.learning.synthesise import Sight, SynthesiseSettings, clipped_box, is_judged, sights
from openaisle.sim.labels import PersonLabel

HEAT_MIN: Final = 0.05
PROPOSALS_MAX: Final = 24
_NEAR: Final = 0.3  # overlap of boxes or similarity of joints from which on a proposal is about somebody


@dataclass(frozen=True)
class Proposals:
    """What was proposed in one frame, what the keypoint network says of it, and who is there."""

    people: Sequence[PersonLabel]
    size_px: tuple[int, int]  # width and height of the frame
    boxes_px: Floats  # [n, 4]
    heats: Floats  # [n]
    windows_px: Floats  # [n, 3]
    points_px: Floats  # [n, 17, 2]
    seen: Seen

    @property
    def truth_px(self) -> Floats:
        """Whole boxes of the people [m, 4] as far as they are in the picture."""
        return np.array([clipped_box(each, *self.size_px) for each in self.people], np.float32).reshape(-1, 4)

    @property
    def is_judged(self) -> NDArray[np.bool_]:
        """[m]: enough of them can be seen."""
        return np.array([is_judged(each) for each in self.people], bool)

    def matches(self, boxes_px: Floats, overlap_min: float) -> list[int | None]:
        """Whom each box [n, 4] is about, by overlap; None where nobody."""
        if not self.people:
            return [None] * len(boxes_px)
        overlap = decode.overlaps(boxes_px, self.truth_px)
        best = overlap.argmax(axis=1)
        return [
            int(each) if overlap[row, each] >= overlap_min else None for row, each in enumerate(best.tolist())
        ]

    def meant(self) -> tuple[NDArray[np.intp], Floats]:
        """Whom each proposal is about, by its box and its joints: number [n], -1 nobody; the joints' similarity [n]."""
        if not self.people:
            return np.full(len(self.boxes_px), -1), np.zeros(len(self.boxes_px), np.float32)
        alike = np.nan_to_num(similarities(self.people, self.points_px))
        overlap = decode.overlaps(self.boxes_px, self.truth_px)
        is_near = (alike >= _NEAR) | (overlap >= _NEAR)
        likely = np.where(is_near, alike + 0.5 * overlap, 0.0)
        best = likely.argmax(axis=1)
        rows = np.arange(len(best))
        somebody = likely[rows, best] > 0
        similar = np.where(somebody, alike[rows, best], 0.0)
        return np.where(somebody, best, -1), similar.astype(np.float32)


def of_random_stores(
    runtime: RuntimeSettings,
    settings: SynthesiseSettings,
    report: Callable[[int], None] = lambda _: None,
    *,
    workers: int = 1,
) -> Iterator[Proposals]:
    """Every frame of random stores in which something was proposed. `report` hears the number of finished stores."""
    work = partial(_of_store, runtime, settings)
    for store in of_stores(work, settings.first_store, settings.stores, workers=workers, report=report):
        yield from store


def _of_store(runtime: RuntimeSettings, settings: SynthesiseSettings, seed: int) -> list[Proposals]:
    networks = PeopleNetworks(runtime)
    looked = (proposals_in(networks, sight, has_empty=True) for sight in sights(seed, settings))
    return [each for each in looked if each is not None]


def proposals_in(networks: PeopleNetworks, sight: Sight, *, has_empty: bool) -> Proposals | None:
    """None where nothing was proposed. `has_empty`: the empty picture is known."""
    size = picture_size(sight)
    letterbox = Letterbox(*size)
    working, difference, gain = _prepared(letterbox, sight, has_empty)
    pixels = crops.box_input(working, difference, gain)
    boxes, heats = networks.propose([pixels], [[WHOLE]], HEAT_MIN, PROPOSALS_MAX)[0]
    kept = decode.suppress(boxes, heats, PeopleSettings.overlap_max)
    if not len(kept):
        return None
    boxes, heats = boxes[kept] / np.float32(letterbox.scale), heats[kept]
    windows = crops.windows_of_boxes(boxes)
    seen = networks.look(
        np.stack([crops.cut(sight.pixels, working, difference, window, gain=gain) for window in windows])
    )
    points = crops.frame_from_crop(seen.points_crop_px, windows)
    return Proposals(sight.people, size, boxes, heats, windows, points, seen)


def _prepared(letterbox: Letterbox, sight: Sight, has_empty: bool) -> tuple[Pixels, Pixels, float]:
    background = Background()
    if has_empty:
        background.start_from(letterbox.shrink(sight.empty), sight.at_ns)
    working = letterbox.shrink(sight.pixels)
    return working, background.compare(working, sight.at_ns), background.gain
