"""The stages of seeing people, one after another, each with its processor time: what `PeopleDetector` does inside.

The same parts in the same order, without what the detector keeps between frames but the background; a network's time
has the decoding of its answers in it. It is checked against the detector's own time: `whole` of the benchmark is the
detector, the sum of the stages must come near it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

import numpy as np

from openaisle.core.messages import CameraId, Frame
from openaisle.core.units import NS_PER_MS
from openaisle.detections import appearance, crops, decode
from openaisle.detections.background import Background
from openaisle.detections.crops import Letterbox, Pixels
from openaisle.detections.people import PeopleSettings, different_people
from openaisle.detections.people_networks import SCORE_MIN, PeopleNetworks
from openaisle.detections.regions import WHOLE, regions
from openaisle.detections.runtime import RuntimeSettings

STAGES: Final[tuple[str, ...]] = (
    "background_and_gate",
    "regions",
    "box_network",
    "crops",
    "keypoint_network",
    "decode",
    "appearance",
    "learn_background",
)


class StagedSight:
    """Looks at frames stage by stage."""

    def __init__(self, runtime: RuntimeSettings) -> None:
        self._settings = PeopleSettings(runtime=runtime)
        self._networks = PeopleNetworks(runtime)
        self._backgrounds: dict[CameraId, Background] = {}

    def show_empty(self, backgrounds: Mapping[CameraId, Pixels], at_ns: int) -> None:
        for camera_id, pixels in sorted(backgrounds.items()):
            self._backgrounds[camera_id] = Background()
            letterbox = Letterbox(pixels.shape[1], pixels.shape[0])
            self._backgrounds[camera_id].start_from(letterbox.shrink(pixels), at_ns)

    def look(self, frame: Frame) -> tuple[dict[str, float], int]:
        """Milliseconds of processor time of each stage (those that the gate left out took none), windows looked at."""
        clock = _Clock()
        settings, background = self._settings, self._backgrounds[frame.camera_id]
        letterbox = Letterbox(frame.pixels.shape[1], frame.pixels.shape[0])
        working = letterbox.shrink(frame.pixels)
        difference = background.compare(working, frame.captured_ns)
        is_moving = background.has_motion()
        clock.stop("background_and_gate")
        boxes, heats = np.zeros((0, 4), np.float32), np.zeros(0, np.float32)
        if is_moving:
            pixels = crops.box_input(working, difference, background.gain)
            looked_at = [WHOLE]
            if self._networks.sees_parts and background.is_trusted and settings.regions is not None:
                looked_at = regions(background.block_shares, boxes, settings.regions)
            clock.stop("regions")
            boxes, heats = self._networks.propose(
                [pixels], [looked_at], settings.proposal_min, 2 * settings.people_max
            )[0]
            clock.stop("box_network")
            kept = decode.suppress(boxes, heats, settings.overlap_max)[: settings.people_max]
            boxes, heats = boxes[kept] / np.float32(letterbox.scale), heats[kept]
            clock.stop("decode")
        windows = len(boxes)
        if windows:
            places = crops.windows_of_boxes(boxes, grid_px=1 / letterbox.scale)
            gain = background.gain
            cut = np.stack(
                [crops.cut(frame.pixels, working, difference, place, gain=gain) for place in places]
            )
            clock.stop("crops")
            seen = self._networks.look(cut)
            clock.stop("keypoint_network")
            calibration = self._networks.calibration
            scores = calibration.person(heats, seen.person_logits)
            confidence = calibration.joint(seen.mass, seen.spread_cells, seen.visible_logits)
            points = crops.frame_from_crop(seen.points_crop_px, places)
            height_px, width_px = frame.pixels.shape[:2]
            boxes, _ = calibration.whole_bodies(boxes, heats, places, seen, (width_px, height_px))
            keypoints = np.concatenate([points, confidence[:, :, None]], axis=2)
            sure = np.flatnonzero(scores >= SCORE_MIN)
            rows = different_people(boxes, scores, keypoints, sure, settings)
            boxes, keypoints = boxes[rows], keypoints[rows]
            clock.stop("decode")
            appearance.describe(frame.pixels, keypoints, background.colour_mean)
            clock.stop("appearance")
        background.learn(boxes * letterbox.scale, frame.captured_ns)
        clock.stop("learn_background")
        return clock.ms, windows


class _Clock:
    """Processor time of one thread's work and of the threads that a network starts."""

    def __init__(self) -> None:
        self.ms: dict[str, float] = dict.fromkeys(STAGES, 0.0)
        self._before_ns = time.process_time_ns()

    def stop(self, stage: str) -> None:
        """What was done since the last stop belongs to this stage."""
        now_ns = time.process_time_ns()
        self.ms[stage] += (now_ns - self._before_ns) / NS_PER_MS
        self._before_ns = now_ns
