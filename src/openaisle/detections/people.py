"""People and their 17 joints in the frames of ceiling cameras: `openaisle.ports.Detector`.

For each camera: a picture in which nothing differs from the empty shop costs one comparison and is done. Otherwise
the box network looks at the shrunk picture and the difference, around what differs; the keypoint network at a window
on each person it proposes, and at each place where somebody was a moment ago. Cameras share batches. The score of a
person comes from both networks, the confidence of a joint from its map's peak; both are calibrated on held-out
pictures (the figures travel in the models' metadata).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openaisle.core.messages import JOINTS, CameraDetections, CameraId, Frame
from openaisle.detections import appearance, crops, decode
from openaisle.detections.background import Background, BackgroundSettings
from openaisle.detections.crops import Floats, Letterbox, Pixels
from openaisle.detections.people_networks import PeopleNetworks
from openaisle.detections.picture_health import Health, PictureHealth, PictureHealthSettings
from openaisle.detections.regions import WHOLE, Region, RegionSettings, regions
from openaisle.detections.runtime import RuntimeSettings
from openaisle.store.schema import Camera

HEALTH_MAX: Final = 1024
REMEMBER_NS: Final = 500_000_000
"""A person found this long ago is looked for again at the same place."""


@dataclass(frozen=True, kw_only=True)
class PeopleSettings:
    runtime: RuntimeSettings = field(default_factory=RuntimeSettings)
    background: BackgroundSettings = field(default_factory=BackgroundSettings)
    health: PictureHealthSettings = field(default_factory=PictureHealthSettings)
    regions: RegionSettings | None = field(default_factory=RegionSettings)  # None: always the whole picture
    score_min: float | None = None  # of a person that is reported; None: as the keypoint network's file says
    proposal_min: float = 0.1  # of a place that the keypoint network looks at
    people_max: int = 24  # of one frame; the best stay
    overlap_max: float = 0.75  # of two people's boxes
    alike_max: float = 0.6  # of two people's joints: nearer, and they are one person seen twice
    inside_max: float = 0.95  # share of a box within a better one: more, and it needs a head of its own
    head_min: float = 0.35  # confidence of a head
    foreground_min: float = 0.06  # share of a person's box that differs from the empty shop


@dataclass(kw_only=True)
class _View:
    """One camera's state, and its frame on the way through `detect`."""

    camera: Camera
    background: Background
    health: PictureHealth
    boxes_px: Floats = field(default_factory=lambda: np.zeros((0, 4), np.float32))  # people of the last frame
    seen_ns: int = 0
    letterbox: Letterbox = field(default_factory=lambda: Letterbox(1, 1))


@dataclass(frozen=True)
class _Look:
    """One frame in which something moves."""

    index: int  # of the frame in the call
    view: _View
    frame: Frame
    working: Pixels
    difference: Pixels
    gain: float


@dataclass(frozen=True)
class _Found:
    """People in one frame, in frame px."""

    boxes_px: Floats  # [n, 4]
    scores: Floats  # [n]
    keypoints_px: Floats  # [n, 17, 3]
    visibility: Floats  # [n, 17]
    looks: Floats  # [n, 32] unit vectors; [n, 0] where the network gives none
    pose_scores: Floats  # [n] expected similarity of the joints to the true ones; [0] where nobody can tell

    def rows(self, rows: np.ndarray) -> _Found:
        return _Found(
            self.boxes_px[rows],
            self.scores[rows],
            self.keypoints_px[rows],
            self.visibility[rows],
            self.looks[rows],
            self.pose_scores[rows] if len(self.pose_scores) else self.pose_scores,
        )


class PeopleDetector:
    """Pixels to people, for the cameras of one shop."""

    def __init__(self, cameras: Sequence[Camera], *, settings: PeopleSettings | None = None) -> None:
        """Raises ModelError when a weight file is missing or wrong."""
        self._settings = settings or PeopleSettings()
        self._views: dict[CameraId, _View] = {}
        for camera in cameras:
            self.watch(camera)
        self._health: deque[Health] = deque(maxlen=HEALTH_MAX)
        self._networks = PeopleNetworks(self._settings.runtime)

    @property
    def score_min(self) -> float:
        """Of a person that is reported."""
        wished = self._settings.score_min
        return self._networks.score_min if wished is None else wished

    def watch(self, camera: Camera) -> None:
        """Look through this camera from now on; whatever was known of one with its id is forgotten."""
        self._views[camera.camera_id] = _View(
            camera=camera,
            background=Background(self._settings.background),
            health=PictureHealth(camera.camera_id, self._settings.health),
        )

    def show_empty(self, backgrounds: Mapping[CameraId, Pixels], at_ns: int) -> None:
        """Tell what the cameras see when nobody is there (frames uint8 [h, w, 3] BGR). Otherwise it is learned."""
        for camera_id, pixels in sorted(backgrounds.items()):
            letterbox = Letterbox(pixels.shape[1], pixels.shape[0])
            self._views[camera_id].background.start_from(letterbox.shrink(pixels), at_ns)

    def detect(self, frames: Sequence[Frame]) -> list[CameraDetections]:
        """One result a frame, same order. Each camera's frames come in the order of their time."""
        found: list[_Found] = [NOBODY] * len(frames)
        # A camera's background takes one frame at a time: frames of one camera go in successive rounds.
        for round_ in _rounds(frames):
            looks = [look for index in round_ if (look := self._look(index, frames[index])) is not None]
            for look, people in zip(looks, self._people(looks), strict=True):
                found[look.index] = people
            for index in round_:
                self._remember(frames[index], found[index])
        return [self._message(frame, people) for frame, people in zip(frames, found, strict=True)]

    def health(self) -> list[Health]:
        """What began or ended to be wrong with pictures since the last call; the oldest is lost first."""
        said = list(self._health)
        self._health.clear()
        return said

    def _look(self, index: int, frame: Frame) -> _Look | None:
        """None if nothing in the frame differs from the empty shop and nobody was there."""
        assert frame.pixels.ndim == 3
        view = self._views[frame.camera_id]
        view.letterbox = Letterbox(frame.pixels.shape[1], frame.pixels.shape[0])
        working = view.letterbox.shrink(frame.pixels)
        difference = view.background.compare(working, frame.captured_ns)
        self._health.extend(view.health.step(view.background, frame.captured_ns))
        if not view.background.has_motion() and not len(view.boxes_px):
            return None
        return _Look(index, view, frame, working, difference, view.background.gain)

    def _people(self, looks: Sequence[_Look]) -> list[_Found]:
        if not looks:
            return []
        centres = self._networks.propose(
            [crops.box_input(look.working, look.difference, look.gain) for look in looks],
            [self._regions(look.view) for look in looks],
            self._settings.proposal_min,
            2 * self._settings.people_max,
        )
        proposals = [self._proposals(look, *found) for look, found in zip(looks, centres, strict=True)]
        windows = [
            crops.windows_of_boxes(boxes, grid_px=1 / look.view.letterbox.scale)
            for look, (boxes, _) in zip(looks, proposals, strict=True)
        ]
        cut = [
            crops.cut(look.frame.pixels, look.working, look.difference, window, gain=look.gain)
            for look, rows in zip(looks, windows, strict=True)
            for window in rows
        ]
        if not cut:
            return [NOBODY] * len(looks)
        seen = self._networks.look(np.stack(cut))
        calibration = self._networks.calibration
        found: list[_Found] = []
        start = 0
        for look, (boxes, heats), rows in zip(looks, proposals, windows, strict=True):
            mine = seen.rows(slice(start, start + len(boxes)))
            start += len(boxes)
            scores = calibration.person(heats, mine.person_logits)
            confidence = calibration.joint(mine.mass, mine.spread_cells, mine.visible_logits)
            points = crops.frame_from_crop(mine.points_crop_px, rows)
            height_px, width_px = look.frame.pixels.shape[:2]
            whole, pose_scores = calibration.whole_bodies(boxes, heats, rows, mine, (width_px, height_px))
            keypoints = np.concatenate([points, confidence[:, :, None]], axis=2)
            visibility = calibration.visible(mine.visible_logits)
            looks_like = calibration.looks(mine.looks)
            people = _Found(whole, scores, keypoints, visibility, looks_like, pose_scores)
            found.append(self._chosen(look, people))
        return found

    def _regions(self, view: _View) -> list[Region]:
        settings = self._settings.regions
        if settings is None or not self._networks.sees_parts or not view.background.is_trusted:
            return [WHOLE]
        return regions(view.background.block_shares, view.boxes_px * view.letterbox.scale, settings)

    def _proposals(self, look: _Look, boxes: Floats, scores: Floats) -> tuple[Floats, Floats]:
        """Boxes [n, 4] in frame px and their heat [n]: the box network's, then those who were there a moment ago."""
        settings, view = self._settings, look.view
        kept = decode.suppress(boxes, scores, settings.overlap_max)[: settings.people_max]
        boxes, scores = boxes[kept] / view.letterbox.scale, scores[kept]
        if look.frame.captured_ns - view.seen_ns <= REMEMBER_NS and len(view.boxes_px):
            best = decode.overlaps(view.boxes_px, boxes).max(axis=1, initial=0.0)
            lost = view.boxes_px[best < 0.3]
            boxes = np.concatenate([boxes, lost])
            scores = np.concatenate([scores, np.full(len(lost), settings.proposal_min, np.float32)])
        return boxes, scores

    def _chosen(self, look: _Look, found: _Found) -> _Found:
        """Those who are sure enough, stand out from the empty shop, and are not somebody else once more."""
        settings, view = self._settings, look.view
        shares = view.background.foreground_shares(found.boxes_px * view.letterbox.scale)
        sure = np.flatnonzero((found.scores >= self.score_min) & (shares >= settings.foreground_min))
        rows = different_people(found.boxes_px, found.scores, found.keypoints_px, sure, settings)
        return found.rows(rows[: settings.people_max])

    def _remember(self, frame: Frame, people: _Found) -> None:
        view = self._views[frame.camera_id]
        view.boxes_px, view.seen_ns = people.boxes_px, frame.captured_ns
        view.background.learn(people.boxes_px * view.letterbox.scale, frame.captured_ns)

    def _message(self, frame: Frame, people: _Found) -> CameraDetections:
        view = self._views[frame.camera_id]
        return in_lens_px(
            frame,
            view.camera,
            view.background,
            people.boxes_px,
            people.scores,
            people.keypoints_px,
            people.visibility,
            people.looks,
            people.pose_scores,
        )


NOBODY: Final = _Found(
    np.zeros((0, 4), np.float32),
    np.zeros(0, np.float32),
    np.zeros((0, len(JOINTS), 3), np.float32),
    np.zeros((0, len(JOINTS)), np.float32),
    np.zeros((0, 0), np.float32),
    np.zeros(0, np.float32),
)


def in_lens_px(
    frame: Frame,
    camera: Camera,
    background: Background,
    boxes_px: Floats,
    scores: Floats,
    keypoints_px: Floats,
    visibility: Floats | None = None,
    looks: Floats | None = None,
    pose_scores: Floats | None = None,
) -> CameraDetections:
    """People of a frame, in its px, in substream px of the camera's lens, whatever size the frame had; with what they
    look like: `looks` [n, 32] of a network that says so, else the colours of their clothes."""
    vectors = np.zeros((0, appearance.FEATURES), np.float32)
    if len(scores) and looks is not None and looks.shape[1]:
        vectors = looks
    elif len(scores):
        vectors = appearance.describe(frame.pixels, keypoints_px, background.colour_mean)
    lens = camera.lens
    height, width = frame.pixels.shape[:2]
    scale = np.array([lens.width_px / width, lens.height_px / height], np.float32)
    keypoints = keypoints_px.astype(np.float32)
    keypoints[:, :, :2] = (keypoints[:, :, :2] + 0.5) * scale - 0.5
    return CameraDetections(
        camera_id=frame.camera_id,
        captured_ns=frame.captured_ns,
        received_ns=frame.received_ns,
        boxes_image_px=boxes_px.astype(np.float32) * np.tile(scale, 2),
        scores=scores.astype(np.float32),
        keypoints_image_px=keypoints,
        appearance=vectors,
        visibility=np.zeros((0, 0), np.float32) if visibility is None else visibility,
        pose_scores=np.zeros(0, np.float32) if pose_scores is None else pose_scores,
    )


def different_people(
    boxes_px: Floats, scores: Floats, keypoints_px: Floats, rows: NDArray[np.intp], settings: PeopleSettings
) -> NDArray[np.intp]:
    """Of the rows of boxes [n, 4], scores [n] and keypoints [n, 17, 3] those that are nobody else once more, surest
    first."""
    rows = rows[decode.suppress(boxes_px[rows], scores[rows], settings.overlap_max)]
    rows = rows[decode.different_people(keypoints_px[rows], boxes_px[rows], settings.alike_max)]
    return rows[
        decode.whole_people(keypoints_px[rows], boxes_px[rows], settings.inside_max, settings.head_min)
    ]


def _rounds(frames: Sequence[Frame]) -> list[list[int]]:
    """Indices of frames, grouped so that no group holds a camera twice and each camera's order is kept."""
    rounds: list[list[int]] = []
    seen: dict[CameraId, int] = {}
    for index, frame in enumerate(frames):
        turn = seen.get(frame.camera_id, 0)
        seen[frame.camera_id] = turn + 1
        if turn == len(rounds):
            rounds.append([])
        rounds[turn].append(index)
    return rounds
