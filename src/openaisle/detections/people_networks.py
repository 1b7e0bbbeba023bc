"""The two people networks, and what turns their figures into probabilities.

The box network proposes places, the keypoint network looks at each. Their calibration was fitted on held-out pictures
and travels in the keypoint network's metadata.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from openaisle.core.messages import JOINTS
from openaisle.detections import crops, decode
from openaisle.detections.bodies import Bodies, terms
from openaisle.detections.crops import Floats, Pixels
from openaisle.detections.regions import Region
from openaisle.detections.runtime import RuntimeSettings, load_model, runs_on_cpu

BOXES_FILE: Final = "people-boxes.onnx"
BOXES_KIND: Final = "people-boxes"
KEYPOINTS_FILE: Final = "people-keypoints.onnx"
KEYPOINTS_KIND: Final = "people-keypoints"
SCORE_MIN: Final = 0.5
"""Score of a person that is reported, where no threshold was chosen for what mistakes cost (`learn threshold`)."""
JOINT_TERMS: Final = 5


@dataclass(frozen=True)
class Seen:
    """What the keypoint network says of n crops."""

    points_crop_px: Floats  # [n, 17, 2], the person's own left and right
    mass: Floats  # [n, 17] of each map about its peak
    spread_cells: Floats  # [n, 17]
    person_logits: Floats  # [n]
    visible_logits: Floats  # [n, 17]
    looks: Floats  # [n, 32] unit vectors of what people look like; [n, 0] of a file without

    def rows(self, rows: slice) -> Seen:
        return Seen(
            self.points_crop_px[rows],
            self.mass[rows],
            self.spread_cells[rows],
            self.person_logits[rows],
            self.visible_logits[rows],
            self.looks[rows],
        )

    def body_terms(
        self, boxes_px: Floats, heats: Floats, windows_px: Floats, size_px: tuple[int, int]
    ) -> Floats:
        """What `Bodies` reads [n, TERMS]: of proposals [n, 4] with heats [n], their windows [n, 3]."""
        return terms(
            boxes_px,
            windows_px,
            self.points_crop_px,
            self.mass,
            self.spread_cells,
            self.visible_logits,
            self.person_logits,
            heats,
            size_px,
        )


class PeopleNetworks:
    """The two networks and what is known of their mistakes. Raises ModelError when a file is missing or wrong."""

    def __init__(self, runtime: RuntimeSettings) -> None:
        self._boxes = load_model(
            BOXES_FILE,
            kind=BOXES_KIND,
            inputs={"pixels": (None, crops.FRAME_HEIGHT_PX, crops.FRAME_WIDTH_PX, 4)},
            outputs=("heat", "sides"),
            settings=runtime,
        )
        self._keypoints = load_model(
            KEYPOINTS_FILE,
            kind=KEYPOINTS_KIND,
            inputs={"pixels": (None, crops.CROP_PX, crops.CROP_PX, 4)},
            outputs=("maps", "pair_logits", "person_logit", "visible_logits"),
            settings=runtime,
            optional=("looks",),
        )
        self.score_min = float(self._keypoints.metadata.get("score_min", SCORE_MIN))
        self.calibration = Calibration.of(self._keypoints.metadata)
        # Where every new size is planned or compiled anew, parts would cost more than they spare.
        self.sees_parts = runs_on_cpu(runtime) and self._boxes.sizes["pixels"][1:3] == [None, None]

    def propose(
        self,
        pictures: Sequence[Pixels],
        looked_at: Sequence[Sequence[Region]],
        heat_min: float,
        boxes_max: int,
    ) -> list[tuple[Floats, Floats]]:
        """Of each `crops.box_input` [192, 320, 4], within its regions: boxes [k, 4] in its px and heat [k], best first.

        Regions of one size share a batch.
        """
        by_size: dict[tuple[int, int], list[tuple[int, Region]]] = {}
        for index, rows in enumerate(looked_at):
            for region in rows:
                size = (region.bottom - region.top, region.right - region.left)
                by_size.setdefault(size, []).append((index, region))
        found: list[list[tuple[Floats, Floats]]] = [[] for _ in pictures]
        for (_, width_px), places in sorted(by_size.items()):
            parts = [
                pictures[index][region.top : region.bottom, region.left : region.right]
                for index, region in places
            ]
            heat, sides = self._boxes.run(pixels=np.stack(parts))
            stride = width_px // heat.shape[3]
            for (index, region), each, distances in zip(places, heat, sides, strict=True):
                boxes, scores = decode.boxes(each[0], distances, stride, heat_min, boxes_max)
                corner = np.array([region.left, region.top] * 2, np.float32)
                found[index].append((boxes + corner, scores))
        return [_best(each, boxes_max) for each in found]

    def look(self, pixels: Pixels) -> Seen:
        """Crops [n, 128, 128, 4] of `crops.cut`."""
        maps, pair_logits, person_logit, visible_logits, *looks = self._keypoints.run(pixels=pixels)
        points, mass, spread, visible = decode.joints(maps, pair_logits, visible_logits, crops.CROP_PX)
        look = looks[0] if looks else np.zeros((len(pixels), 0), np.float32)
        return Seen(points, mass, spread, person_logit[:, 0], visible, look)


@dataclass(frozen=True)
class Calibration:
    """From what the networks say to probabilities: logistic curves fitted on held-out pictures (Platt 1999)."""

    person_weights: Floats  # [3] of heat logit, crop logit, 1
    joint_weights: Floats  # [17, JOINT_TERMS] of `joint_terms`
    visible_weights: Floats  # [2] of the logit, 1
    bodies: Bodies | None  # None: boxes stay as proposed, and nothing is said of poses
    look_mean: Floats  # [32] of what people look like; [0] where that is not known

    @classmethod
    def of(cls, metadata: Mapping[str, object]) -> Calibration:
        """As the keypoint network's metadata says; sensible curves where it says nothing."""
        person = metadata.get("person_weights", (0.5, 0.5, 0.0))
        # Files from before the last two terms have three.
        joint = np.zeros((len(JOINTS), JOINT_TERMS), np.float32)
        fitted = np.array(metadata.get("joint_weights", ((2.0, -0.5, 2.0),) * len(JOINTS)), np.float32)
        joint[:, : fitted.shape[1]] = fitted
        visible = metadata.get("visible_weights", (1.0, 0.0))
        return cls(
            np.array(person, np.float32),
            joint,
            np.array(visible, np.float32),
            Bodies.of(metadata),
            np.array(metadata.get("look_mean", ()), np.float32),
        )

    def person(self, heats: Floats, person_logits: Floats) -> Floats:
        """Probability [n] that it is a person, from the centre's heat [n] and the crop's logit [n]."""
        clipped = np.clip(heats, 1e-4, 1 - 1e-4)
        terms = np.stack(
            [np.log(clipped / (1 - clipped)), person_logits, np.ones_like(person_logits)], axis=1
        )
        return _sigmoid(terms @ self.person_weights)

    def joint(self, mass: Floats, spread_cells: Floats, visible_logits: Floats) -> Floats:
        """Probability [n, 17] that a joint is where its map peaks: within 6 % of the window's side."""
        terms = joint_terms(mass, spread_cells, visible_logits)
        return _sigmoid((terms * self.joint_weights[None]).sum(axis=2))

    def visible(self, visible_logits: Floats) -> Floats:
        """Probability [n, 17] that a joint in the picture is in view and not behind something."""
        return _sigmoid(visible_logits * self.visible_weights[0] + self.visible_weights[1])

    def looks(self, looks: Floats) -> Floats:
        """Unit vectors [n, 32] without the usual look: the cosine of two people's is about 0 (decision 0160)."""
        if not looks.shape[1]:
            return looks
        special = looks - (self.look_mean if len(self.look_mean) else 0.0)
        length = np.linalg.norm(special, axis=1, keepdims=True)
        return (special / np.maximum(length, 1e-6)).astype(np.float32)

    def whole_bodies(
        self, boxes_px: Floats, heats: Floats, windows_px: Floats, seen: Seen, size_px: tuple[int, int]
    ) -> tuple[Floats, Floats]:
        """Whole bodies' boxes [n, 4] in a frame of width and height `size_px`, from proposed ones with heats [n], their
        windows [n, 3] and the joints found there; and the expected similarity [n] of these to the true joints."""
        if self.bodies is None:
            return boxes_px, np.zeros(0, np.float32)
        told = seen.body_terms(boxes_px, heats, windows_px, size_px)
        return self.bodies.read(told, boxes_px, windows_px, size_px)


def joint_terms(mass: Floats, spread_cells: Floats, visible_logits: Floats) -> Floats:
    """What tells whether a joint is where its map peaks [n, 17, JOINT_TERMS], from what a network says of it [n, 17].

    The mass itself beside its logarithm: sharp maps are right more often than the logarithm alone can say.
    """
    log_mass = np.log(np.maximum(mass, 1e-4))
    seen = np.clip(visible_logits, -8, 8) * np.float32(0.25)
    return np.stack([log_mass, spread_cells, np.ones_like(mass), mass, seen], axis=2)


def _best(found: Sequence[tuple[Floats, Floats]], boxes_max: int) -> tuple[Floats, Floats]:
    """Boxes [n, 4] and scores [n] of several regions, best first."""
    if len(found) == 1:
        return found[0]
    boxes = np.concatenate([np.zeros((0, 4), np.float32), *(boxes for boxes, _ in found)])
    scores = np.concatenate([np.zeros(0, np.float32), *(scores for _, scores in found)])
    best = np.argsort(-scores, kind="stable")[:boxes_max]
    return boxes[best], scores[best]


def _sigmoid(logits: Floats) -> Floats:
    return (1.0 / (1.0 + np.exp(-np.clip(logits, -30, 30)))).astype(np.float32)
