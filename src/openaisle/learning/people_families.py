"""People who were there to be found, by what makes that hard, and pictures of those who were not found."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from openaisle.core.messages import WRISTS, CameraDetections
from openaisle.detections.crops import Floats
from openaisle.learning.coco_labels import light_level
from openaisle.learning.report import Family, FamilyRow, cut
from openaisle.learning.sheets import EXAMPLES_KEPT_MAX, Example, window
from openaisle.learning.synthesise import Sight
from openaisle.sim.labels import VISIBLE, PersonLabel
from openaisle.store.schema import Camera

CAMERA_ANGLE: Final = "camera angle (degrees below level)"
LIGHTS: Final = ((0.8, 1.2), ("dark (below 0.8)", "usual", "bright (1.2 and up)"))
"""Edges and names of lamp power times exposure."""


@dataclass
class PeopleCases:
    """Collects people and mistakes, frame by frame."""

    _people: list[_Expected] = field(default_factory=list["_Expected"])
    _lights: list[tuple[float, int]] = field(
        default_factory=list[tuple[float, int]]
    )  # a frame's, false people in it
    _missed: list[Example] = field(default_factory=list[Example])
    _false: list[Example] = field(default_factory=list[Example])

    def add_frame(self, sight: Sight, detections: CameraDetections, false_rows: Sequence[int]) -> None:
        """`false_rows`: of those reported, who is nobody."""
        self._lights.append((light_level(sight.appearance), len(false_rows)))
        for row in false_rows:
            if len(self._false) < EXAMPLES_KEPT_MAX:
                self._false.append(_false_example(sight, detections, row))

    def add_person(
        self,
        sight: Sight,
        label: PersonLabel,
        box_px: Floats,
        detections: CameraDetections,
        row: int | None,
        similarity: float,
    ) -> None:
        """Somebody who should be found, and was as a row of the detections or was not.

        `similarity` is NaN if not, or where nobody labelled joints.
        """
        person = _expected(sight, label, box_px, detections, row, similarity)
        self._people.append(person)
        if row is None and len(self._missed) < EXAMPLES_KEPT_MAX:
            self._missed.append(_missed_example(sight, box_px, person))

    def families(self) -> list[Family]:
        """People by how much of them is seen, how large they are, from how steep above, in what light."""
        people, frames = self._people, self._lights
        in_light = cut([light for light, _ in frames], *LIGHTS)
        false = {
            label: float(np.mean([count for (_, count), is_in in zip(frames, chosen, strict=True) if is_in]))
            if chosen.any()
            else math.nan
            for label, chosen in in_light
        }
        return [
            _family(
                "occlusion (share of the body in view)", people, [each.visible for each in people],
                (0.25, 0.5, 0.75), ("below 0.25", "0.25 to 0.5", "0.5 to 0.75", "0.75 and up"),
            ),
            _family(
                "size (px of the longer side)", people, [each.size_px for each in people],
                (40, 80, 120, 200), ("below 40", "40 to 80", "80 to 120", "120 to 200", "200 and up"),
            ),
            _family(
                CAMERA_ANGLE, people, [each.steepness_deg for each in people],
                (30, 45, 60), ("below 30", "30 to 45", "45 to 60", "60 and up"),
            ),
            _family(
                "light (lamps times exposure)", people, [each.light for each in people], *LIGHTS, more=false
            ),
        ]  # fmt: skip

    def examples(self) -> dict[str, list[Example]]:
        return {"missed people": self._missed, "false people": self._false}


@dataclass(frozen=True, kw_only=True)
class _Expected:
    """One person who was there to be found."""

    visible: float  # share of the body
    size_px: float
    steepness_deg: float
    light: float
    is_found: bool
    similarity: float  # NaN where not found, or joints are not labelled
    wrists_px: tuple[float, ...]  # of wrists in view


def _expected(
    sight: Sight,
    label: PersonLabel,
    box_px: Floats,
    detections: CameraDetections,
    row: int | None,
    similarity: float,
) -> _Expected:
    middle = (box_px[:2] + box_px[2:]) / 2
    wrists: list[float] = []
    if row is not None:
        found = detections.keypoints_image_px[row]
        seen = [joint for joint in WRISTS if label.keypoints_px[joint, 2] == VISIBLE]
        wrists = np.linalg.norm(found[seen, :2] - label.keypoints_px[seen, :2], axis=1).tolist()
    return _Expected(
        visible=label.visible_fraction,
        size_px=float((label.amodal_box_px[2:] - label.amodal_box_px[:2]).max()),
        steepness_deg=steepness_deg(sight.camera, middle),
        light=light_level(sight.appearance),
        is_found=row is not None,
        similarity=similarity,
        wrists_px=tuple(wrists),
    )


def steepness_deg(camera: Camera, point_px: np.ndarray) -> float:
    """How far below the horizon the camera looks at a point [2] of its picture; 90 = straight down."""
    ray = camera.floor_from_camera.rotation @ camera.lens.rays(np.asarray(point_px, np.float64))
    return math.degrees(math.asin(float(-ray[2] / np.linalg.norm(ray))))


def _family(
    name: str,
    people: Sequence[_Expected],
    values: Sequence[float],
    edges: Sequence[float],
    labels: Sequence[str],
    more: Mapping[str, float] | None = None,
) -> Family:
    rows: list[FamilyRow] = []
    for label, chosen in cut(values, edges, labels):
        some = [person for person, is_in in zip(people, chosen, strict=True) if is_in]
        found = [person for person in some if person.is_found]
        wrists = [px for person in found for px in person.wrists_px]
        figures = {
            "found": _mean([person.is_found for person in some]),
            "OKS of those found": _mean(
                [person.similarity for person in found if not math.isnan(person.similarity)]
            ),
            "wrist px, median": float(np.median(wrists)) if wrists else math.nan,
        }
        if more is not None:
            figures["false a frame"] = more[label]
        rows.append(FamilyRow(label=label, count=len(some), figures=figures))
    return Family(name=name, cases="people", rows=tuple(rows))


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else math.nan


def _missed_example(sight: Sight, box_px: Floats, person: _Expected) -> Example:
    caption = (
        f"{person.visible:.0%} in view, {person.size_px:.0f} px",
        f"{person.steepness_deg:.0f} deg down, light {person.light:.2f}",
    )
    return Example((window(sight.pixels, box_px),), caption)


def _false_example(sight: Sight, detections: CameraDetections, row: int) -> Example:
    box, score = detections.boxes_image_px[row], float(detections.scores[row])
    return Example((window(sight.pixels, box),), (f"score {score:.2f}", sight.camera.camera_id))
