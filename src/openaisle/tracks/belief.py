"""Whether somebody is there: what cameras see of them speaks for it, what they should see and do not against it.

The odds of each window are added up and bounded (a Bernoulli filter's, Ristic et al. 2013, without its fading): a view
says the more, the more of a body it shows, since what networks take for people is mostly a joint or two on a shelf.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openaisle.store.schema import Gate
from openaisle.tracks.coverage import Coverage
from openaisle.tracks.crowd_settings import CrowdSettings
from openaisle.tracks.people import Bodies, Person, rows_of
from openaisle.tracks.sight import SHARE_SEEN_MIN, Sight
from openaisle.tracks.sightings import Sightings

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PLACED_TRUST_MIN: Final = 0.9  # rays that a joint was lately seen by
STANDING_M_PER_S: Final = 0.5  # who was slower than this stays where they were, for all one knows


@dataclass(frozen=True)
class Views:
    """What one window shows of each of the people followed. Arrays have one row a person."""

    count: Ints
    of_boxes: Ints  # of `count`
    joints: Floats  # [people, cameras] keypoints that fit, each as far as it is trusted: of the view that shows most
    cameras: Ints  # rows of the rig that sent a frame

    @classmethod
    def of(
        cls, count: int, camera_count: int, sightings: Sightings, owner: Ints, fits: Floats, heard: Ints
    ) -> Views:
        """owner [n] index of the person or -1, fits [n] 0 to 1."""
        seen = np.flatnonzero(owner >= 0)
        whose, camera = owner[seen], sightings.camera[seen]
        joints = np.zeros((count, camera_count))
        np.maximum.at(joints, (whose, camera), fits[seen] * sightings.confidence[seen].sum(axis=1))
        return cls(
            count=np.bincount(whose, minlength=count),
            of_boxes=np.bincount(whose[sightings.is_box[seen]], minlength=count),
            joints=joints,
            cameras=heard,
        )


class Belief:
    """Who is believed to be there, and whom nobody can see."""

    def __init__(
        self, settings: CrowdSettings, coverage: Coverage, sight: Sight, gates: Sequence[Gate]
    ) -> None:
        self._settings = settings
        self._coverage = coverage
        self._sight = sight
        self._gates = tuple(gate.centre_floor_m for gate in gates)

    def is_near_gate(self, x_m: float, y_m: float) -> bool:
        return any(math.dist((x_m, y_m), gate) <= self._settings.gate_distance_m for gate in self._gates)

    def can_stand(self, x_m: float, y_m: float) -> bool:
        """On the plan or near it, and not inside of a shelf."""
        return self._coverage.is_near_plan(x_m, y_m) and not self._sight.solids.contain(x_m, y_m)

    def weigh(self, people: Sequence[Person], bodies: Bodies, views: Views, until_ns: int) -> None:
        """Note who was seen, and add up what the window says of everybody without a visit."""
        well_seen = (views.joints > self._settings.view_joints_even).sum(axis=1).tolist()
        for index, (person, count) in enumerate(zip(people, views.count.tolist(), strict=True)):
            if not count:
                continue
            x, y, vx, vy = bodies.root[person.row].tolist()
            person.seen_ns = person.hidden_ns = until_ns
            person.stood = math.hypot(vx, vy) < STANDING_M_PER_S
            if count >= 2 or self._coverage.views_at(x, y) <= 2:
                person.sure_ns, person.sure_floor_m = until_ns, (x, y)
            if well_seen[index] >= 2:
                person.placed_ns, person.placed_floor_m, person.placed_stood = until_ns, (x, y), person.stood
                is_known = bodies.trust[person.row] > PLACED_TRUST_MIN
                bodies.placed[person.row] = np.where(
                    is_known[:, None], bodies.mean[person.row, :, :3], np.nan
                )
        asked = [index for index, person in enumerate(people) if person.visit_id is None]
        if not asked:
            return
        strangers = [people[index] for index in asked]
        misses = self._misses(strangers, people, bodies, views.cameras, views.joints[asked])
        for index, missed in zip(asked, misses.tolist(), strict=True):
            person = people[index]
            person.evidence += self._evidence_of(person, bodies, views, index, missed)
            if person.is_believed:
                person.evidence = min(person.evidence, self._settings.evidence_max)

    def note_hidden(
        self, lost: Sequence[Person], people: Sequence[Person], bodies: Bodies, cameras: Ints, until_ns: int
    ) -> None:
        """Of the lost, those who stood still where now no camera has a free sight are hidden, not gone."""
        waiting = [person for person in lost if person.stood and person.visit_id is None]
        if not waiting:
            return
        shares = self._sight.shares(bodies, rows_of(waiting), self._in_the_way(people), cameras)
        in_sight = np.any(shares >= SHARE_SEEN_MIN, axis=1)
        for person, is_in_sight in zip(waiting, in_sight.tolist(), strict=True):
            if not is_in_sight and self._coverage.views_at(*person.position_floor_m):
                person.hidden_ns = until_ns

    def _in_the_way(self, people: Sequence[Person]) -> Ints:
        return rows_of([person for person in people if person.is_believed])

    def _misses(
        self,
        asked: Sequence[Person],
        people: Sequence[Person],
        bodies: Bodies,
        cameras: Ints,
        joints: Floats,
    ) -> Floats:
        """Cameras [asked] that should see somebody and do not, each by the share that it should see."""
        misses = np.zeros(len(asked))
        # Whom cameras see well is not asked after.
        doubted = np.flatnonzero(self._said_by(joints) < 1.0)
        if not len(doubted):
            return misses
        rows = rows_of([asked[index] for index in doubted.tolist()])
        shares = self._sight.shares(bodies, rows, self._in_the_way(people), cameras)
        shares[(shares < SHARE_SEEN_MIN) | (joints[doubted][:, cameras] > 0.0)] = 0.0
        misses[doubted] = shares.sum(axis=1)
        return misses

    def _said_by(self, joints: Floats) -> Floats:
        """What views [people, cameras] say for each of the people; a view of few joints speaks against them."""
        settings = self._settings
        said = (joints - settings.view_joints_even) / settings.view_joints_sure
        said = np.clip(said, settings.view_doubt, 1.0)
        return np.where(joints > 0.0, said, 0.0).sum(axis=1)

    def _evidence_of(self, person: Person, bodies: Bodies, views: Views, index: int, missed: float) -> float:
        """What a window says for somebody without a visit."""
        settings = self._settings
        count, of_boxes = int(views.count[index]), int(views.of_boxes[index])
        x, y = bodies.root[person.row, :2].tolist()
        if self._sight.solids.contain(x, y):
            return settings.miss_evidence
        if not count:
            return 0.0 if person.is_believed else settings.miss_evidence
        expected = self._coverage.views_at(x, y)
        if 2 * of_boxes > count:
            if settings.views_share and expected > 2:
                agreeing = (count / expected - settings.views_share) / 0.2
                return min(max(agreeing, settings.few_views_doubt), 1.0)
            if count >= 2:
                return 1.0
            if expected <= 2 or self.is_near_gate(x, y):
                return settings.single_view_evidence_alone
            return settings.single_view_doubt if person.is_believed else settings.single_view_evidence
        said = float(self._said_by(views.joints[index : index + 1])[0]) - settings.denial * missed
        return min(
            max(said, settings.few_views_doubt), 1.0 if count >= 2 else settings.single_view_evidence_alone
        )
