"""Frames of videos as a data set to be labelled, people's heads blurred where the shop's jurisdiction asks for it.

Blurring is done before a picture is written, from the people that the detector finds at a low score; whoever it misses
is not blurred, so a person looks through the frames before they leave the shop's machines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from openaisle.adapters.pictures import PictureFile, write_picture
from openaisle.core.errors import InputError
from openaisle.core.messages import JOINT_INDEX, CameraDetections, Frame
from openaisle.detections import models
from openaisle.detections.people import PeopleDetector, PeopleSettings
from openaisle.detections.runtime import RuntimeSettings
from openaisle.labels.dataset import DataSet, FrameLabels, Source
from openaisle.labels.folder import HEAD, read_dataset, write_dataset

HEADS: Final = "heads"
PEOPLE: Final = "people"
NOTHING: Final = "none"
BLURS: Final = (HEADS, PEOPLE, NOTHING)
_GDPR: Final = (
    "AT", "BE", "BG", "CH", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GB", "GR", "HR", "HU", "IE", "IS", "IT",
    "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK",
)  # fmt: skip
ASKS_FOR_BLUR: Final = frozenset({*_GDPR, "BR", "CA-QC", "JP", "KR", "US-IL", "US-TX", "US-WA"})
"""Jurisdictions (ISO 3166) whose law asks for less than a recognisable face where that serves: our reading, no advice.
"""
SCORE_MIN: Final = 0.1
"""Rather blur a shelf than leave a face."""
_CHANGED_GREY: Final = 12  # of a cell of a picture shrunk to 64x36
_CHANGED_SHARE_MIN: Final = 0.004  # of its cells between two frames kept; a still shop gives one frame
_FACE: Final = [JOINT_INDEX[name] for name in ("nose", "left_eye", "right_eye", "left_ear", "right_ear")]
_SHOULDERS: Final = [JOINT_INDEX["left_shoulder"], JOINT_INDEX["right_shoulder"]]
_JOINT_SURE: Final = 0.3
_HEAD_OF_BOX: Final = 0.34  # height of a box's upper end in which the head is, where no joint says it
_GRAIN_PX: Final = 6  # a blurred head has about so many px across


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """Which frames, and what is said of them."""

    every_s: float = 1.0
    frames_max: int = 2000  # of one video
    blur: str = HEADS  # one of BLURS
    store_id: str = ""
    camera_id: str = ""  # "" as the video's name says: CAMERA__VISIT, or both at once
    visit_id: str = ""  # "" likewise
    source: Source = Source(name="videos")  # noqa: RUF009


@dataclass(frozen=True)
class Sampled:
    frames: int
    blurred: int  # heads, or people


def blur_for(jurisdiction: str) -> str:
    """What to blur in a shop there: `store.toml` says which jurisdiction it is."""
    return HEADS if jurisdiction.upper() in ASKS_FOR_BLUR else NOTHING


def sample(
    videos: Sequence[Path],
    out: Path,
    sampling: Sampling,
    runtime: RuntimeSettings,
    report: Callable[[int], None] = lambda _: None,
) -> Sampled:
    """Add frames of videos to a data set's folder, which may be new. A frame as the one before is left out."""
    if sampling.blur not in BLURS:
        raise InputError("cannot blur that", field="--blur", expected=", ".join(BLURS), found=sampling.blur)
    dataset = read_dataset(out) if (out / HEAD).is_file() else DataSet(name=out.name)
    known = {frame.sequence_id for frame in dataset.frames}
    frames, blurred = list(dataset.frames), 0
    for video in videos:
        if video.stem in known:
            raise InputError("a video of this name is in the data set", file=str(video), found=video.stem)
        known.add(video.stem)
        for frame, count in _of_video(video, out, sampling, runtime):
            frames.append(frame)
            blurred += count
            report(len(frames) - len(dataset.frames))
    sources = (*(each for each in dataset.sources if each.name != sampling.source.name), sampling.source)
    write_dataset(
        out,
        DataSet(
            name=dataset.name,
            sources=sources,
            products=dataset.products,
            frames=tuple(frames),
            actions=dataset.actions,
        ),
    )
    return Sampled(len(frames) - len(dataset.frames), blurred)


def _of_video(
    video: Path, out: Path, sampling: Sampling, runtime: RuntimeSettings
) -> Iterator[tuple[FrameLabels, int]]:
    """Frames kept, their pictures written, and how many people or heads were blurred in each."""
    opened = PictureFile.open(video)
    if not opened.is_video:
        raise InputError("not a video", file=str(video), expected="a video; pictures come by `learn import`")
    every = max(1, round(sampling.every_s * opened.fps))
    detector = PeopleDetector([], settings=PeopleSettings(runtime=runtime, score_min=SCORE_MIN))
    camera, _, visit = video.stem.partition("__")
    camera_id, visit_id = sampling.camera_id or camera, sampling.visit_id or visit or video.stem
    before: NDArray[np.int16] | None = None
    kept = 0
    for shot in opened.shots(every):
        assert shot.frame_index is not None
        height, width = shot.pixels.shape[:2]
        if before is None:
            detector.watch(models.camera_of_size(camera_id, width, height))
        small = cv2.resize(shot.pixels, (64, 36), interpolation=cv2.INTER_AREA).astype(np.int16)
        pixels, count = shot.pixels, 0
        if sampling.blur != NOTHING:  # every frame, so that the detector learns the empty shop
            found = detector.detect([Frame(camera_id, shot.time_ns, shot.time_ns, pixels)])[0]
            pixels, count = blurred_picture(pixels, found, sampling.blur)
        if before is not None:
            changed = np.abs(small - before).max(axis=2) > _CHANGED_GREY
            if changed.mean() < _CHANGED_SHARE_MIN:
                continue
        before = small
        file = f"pictures/{video.stem}/{shot.frame_index:06d}.jpg"
        (out / file).parent.mkdir(parents=True, exist_ok=True)
        write_picture(out / file, pixels)
        yield (
            FrameLabels(
                file=file,
                width_px=width,
                height_px=height,
                store_id=sampling.store_id,
                camera_id=camera_id,
                visit_ids=(visit_id,),
                sequence_id=video.stem,
                frame_index=shot.frame_index,
                captured_ns=shot.time_ns,
                mean_grey=round(float(pixels.mean()), 1),
                source=sampling.source.name,
            ),
            count,
        )
        kept += 1
        if kept == sampling.frames_max:
            return


def blurred_picture(
    pixels: NDArray[np.uint8], detections: CameraDetections, blur: str
) -> tuple[NDArray[np.uint8], int]:
    """A copy [h, w, 3] with heads or whole people made unrecognisable, and how many."""
    done = pixels.copy()
    height, width = pixels.shape[:2]
    for row in range(len(detections.scores)):
        box = detections.boxes_image_px[row]
        region = box if blur == PEOPLE else head_of(box, detections.keypoints_image_px[row])
        x1, y1 = (max(0, int(np.floor(value))) for value in region[:2])
        x2, y2 = min(width, int(np.ceil(region[2]))), min(height, int(np.ceil(region[3])))
        if x2 <= x1 or y2 <= y1:
            continue
        part = done[y1:y2, x1:x2]
        grain = max(1, round((x2 - x1) / _GRAIN_PX)) if blur == HEADS else max(1, round((x2 - x1) / 3))
        size = (max(1, (x2 - x1) // grain), max(1, (y2 - y1) // grain))
        coarse = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
        smooth = cv2.resize(coarse, (x2 - x1, y2 - y1), interpolation=cv2.INTER_LINEAR)
        if blur == HEADS:
            mask = np.zeros((y2 - y1, x2 - x1), np.uint8)
            middle = ((x2 - x1) // 2, (y2 - y1) // 2)
            cv2.ellipse(mask, middle, (middle[0] + 1, middle[1] + 1), 0, 0, 360, 255, -1)
            part[mask > 0] = smooth[mask > 0]
        else:
            part[:] = smooth
    return done, len(detections.scores)


def head_of(box_px: NDArray[np.floating], joints_px: NDArray[np.floating]) -> NDArray[np.float64]:
    """Where somebody's head is: box [4] of a box [4] and joints [17, 3]. Rather too large than too small."""
    x1, y1, x2, y2 = (float(value) for value in box_px)
    sure = joints_px[_FACE][joints_px[_FACE, 2] >= _JOINT_SURE]
    shoulders = joints_px[_SHOULDERS]
    wide = min(x2 - x1, (y2 - y1) * 0.5)
    if len(sure):
        middle = np.median(sure[:, :2], axis=0).astype(np.float64)
        reach = max(0.22 * wide, float(np.ptp(sure[:, :2], axis=0).max()) * 1.1, 6.0)
        if (shoulders[:, 2] >= _JOINT_SURE).all():
            across = float(np.linalg.norm(shoulders[0, :2] - shoulders[1, :2]))
            reach = max(reach, 0.45 * across)
        # Joints that are all over the picture say nothing about how large a head is.
        reach = min(reach, max(0.55 * wide, 8.0))
        return np.concatenate([middle - reach, middle + reach])
    high = _HEAD_OF_BOX * (y2 - y1)
    return np.array([x1, y1 - 0.1 * high, x2, y1 + high])
