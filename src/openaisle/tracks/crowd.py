"""Everybody the cameras see: found, followed, lost and found again.

Each window of frames: move everybody to its end, say which sighting shows whom, fuse all rays into joints, look for
new people among the sightings left over, let go of those unseen, and join tracks that turn out to be one person.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from openaisle.core.messages import CameraDetections
from openaisle.core.units import NS_PER_S
from openaisle.store.schema import Camera, Gate
from openaisle.tracks.appearance import Looks
from openaisle.tracks.associate import assign_frames
from openaisle.tracks.belief import Belief, Views
from openaisle.tracks.camera_errors import CameraErrors
from openaisle.tracks.camera_watch import CameraWatch
from openaisle.tracks.coverage import Coverage
from openaisle.tracks.crowd_settings import CrowdSettings
from openaisle.tracks.fusion import fit, look_again, take_in
from openaisle.tracks.mates import doubles_of_mates, doubles_of_strangers
from openaisle.tracks.misread import without_misread
from openaisle.tracks.mixups import led_astray, mixed_up
from openaisle.tracks.motion import predict
from openaisle.tracks.newcomers import Newcomers, nearest_of
from openaisle.tracks.people import Bodies, Person, exchange_bodies, rows_of
from openaisle.tracks.refinding import refound
from openaisle.tracks.sight import Sight
from openaisle.tracks.sightings import Rig, Sightings, sightings_of
from openaisle.tracks.tracklets import Tracklets
from openaisle.tracks.twins import Twins

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Crowd:
    """All people in view of the cameras. `people` are followed, `lost` are waited for."""

    def __init__(
        self,
        cameras: Sequence[Camera],
        coverage: Coverage,
        gates: Sequence[Gate] = (),
        settings: CrowdSettings | None = None,
        watch: CameraWatch | None = None,
    ) -> None:
        self.settings = settings or CrowdSettings()
        self.rig = Rig.of(cameras)
        self._watch = watch
        self.people: list[Person] = []
        self.lost: list[Person] = []
        self.bodies = Bodies(self.settings.tracks_max)
        self.looks = Looks(self.settings.tracks_max)
        self._tracklets = (
            Tracklets(self.settings.tracks_max, len(cameras)) if self.settings.continuity_weight else None
        )
        self._errors = CameraErrors(self.rig) if self.settings.learns_cameras else None
        self._index_of = self.rig.index_of()
        sight = Sight(self.rig, coverage.gondolas, coverage.plan_floor_m)
        self._belief = Belief(self.settings, coverage, sight, gates)
        self._newcomers = Newcomers(self.settings, self.bodies, self._belief)
        self._twins = Twins(self.settings, sight)
        self._named_count = 0
        self._at_ns: int | None = None

    def step(
        self, frames: Sequence[CameraDetections], until_ns: int, *, misses_somebody: bool = True
    ) -> None:
        """Follow everybody to the end of a window. `frames` in order of (captured_ns, camera).

        `misses_somebody`: people are inside of whom no track is known, so that a stranger may well be one of them.
        """
        self._newcomers.misses_somebody = misses_somebody or any(person.visit_id for person in self.lost)
        known = self._errors or self._watch
        sightings = sightings_of(
            frames, self.rig, self._index_of, until_ns, known and known.offset, known and known.factor
        )
        if self._watch:
            sightings = self._watch.heard(sightings)
        rows = rows_of(self.people)
        if self._at_ns is not None and len(rows):
            seconds = min((until_ns - self._at_ns) / 1e9, 2.0)
            bodies = self.bodies
            predict(
                rows, seconds, bodies.mean, bodies.covariance, bodies.unseen_s, bodies.root, bodies.root_var,
                bodies.height_m,
            )  # fmt: skip
        self._at_ns = until_ns
        heard = np.unique([self._index_of[frame.camera_id] for frame in frames]).astype(np.int64)
        owner, fits = self._follow(rows, sightings, until_ns)
        speaks = without_misread(sightings, owner, self.people, self.bodies)
        views = Views.of(len(rows), len(self.rig.camera_ids), sightings, speaks, fits, heard)
        self._judge(views, until_ns)
        self._hold_back(views, until_ns)
        self._find_again(sightings, owner, until_ns)
        self._newcomers.find(self.people, sightings, owner, until_ns)
        doubles, doubted = self._twins.step(self.people, rows, self.bodies, sightings, owner, heard)
        self._drop(doubles)
        for person in doubted:
            person.is_lost = True
        self._lose(until_ns)
        self._belief.note_hidden(self.lost, self.people, self.bodies, heard, until_ns)
        self._set_right()
        for person in self.people:
            x, y, vx, vy = self.bodies.root[person.row].tolist()
            person.move_to(until_ns, x, y)
            person.velocity_floor = (vx, vy)
            person.position_sd_m = math.sqrt(self.bodies.root_var[person.row, 0])

    @property
    def hidden(self) -> list[Person]:
        """Those of the lost who are where they stood, as far as anybody can see; where nobody else is now."""
        apart_m = self.settings.same_distance_m
        hidden = [person for person in self.lost if self._at_ns == person.hidden_ns]
        return [
            person
            for person in hidden
            if nearest_of(self.people, self.bodies, *person.position_floor_m)[1] >= apart_m
        ]

    @property
    def doubles_of_mates(self) -> list[Person]:
        """Of the lost, those who were somebody else of their own group."""
        return doubles_of_mates(self.people, self.lost, self.looks, self._twins.windows_at_once)

    def are_two(self, one: Person, other: Person) -> bool:
        """Whether some picture showed both, or another system says so."""
        return one.is_foreign or other.is_foreign or self._twins.windows_at_once(one.row, other.row) > 0

    def take_back(self, strangers: Sequence[Person]) -> None:
        """Strangers whose doubles have a code and are lost take up their identity."""
        for lost, stranger in doubles_of_strangers(
            strangers, self.lost, self.looks, self._twins.windows_at_once
        ):
            self.take_over(lost, stranger)

    def lead_back(self, strangers: Sequence[Person]) -> None:
        """Visitors whose tracks follow somebody else, and whom looks find among strangers, are those."""
        for astray, stranger in led_astray(self.people, strangers, self.looks):
            self.take_over(astray, stranger)

    # --- following ------------------------------------------------------------------------------------------------

    def _follow(self, rows: Ints, sightings: Sightings, until_ns: int) -> tuple[Ints, Floats]:
        """Give sightings to tracks and fuse them: owner [n] index of the track or -1, and how well they fit [n]."""
        owner = np.full(len(sightings), -1, np.int64)
        if not len(rows) or not len(sightings):
            return owner, np.zeros(len(sightings))
        benefit, labels = fit(self.bodies, rows, sightings)
        is_doubtful = np.array([not person.is_believed for person in self.people])
        benefit[is_doubtful] *= 0.7
        benefit = self._without_wrong(self.people, sightings, benefit)
        plain = self._prefer_likeness(rows, sightings, benefit)
        benefit = self._prefer_continuity(rows, sightings, plain, until_ns / NS_PER_S)
        assign_frames(benefit, sightings.frame_starts, owner)
        given = owner.copy()
        fits = take_in(self.bodies, rows, sightings, owner, labels)
        unseen = np.bincount(owner[owner >= 0], minlength=len(rows)) == 0
        missed = np.flatnonzero(unseen & ~is_doubtful)
        fits += look_again(
            self.bodies, missed, sightings, owner, rows,
            lambda _, seen, gain: self._without_wrong([self.people[index] for index in missed], seen, gain),
        )  # fmt: skip
        if self._errors:
            self._errors.learn(rows, sightings, owner, self.bodies.mean, self.bodies.covariance)
        if self._watch:
            self._watch.learn(self.bodies, rows, sightings, given, owner)
        self._learn_looks(rows, sightings, owner)
        if self._tracklets:
            self._tracklets.learn(rows, sightings, owner, until_ns / NS_PER_S, plain)
        return owner, fits

    def _hold_back(self, views: Views, until_ns: int) -> None:
        """Whom a single camera sees well and who stood a moment ago has bent down rather than gone away from it."""
        settings = self.settings
        for index, person in enumerate(self.people):
            since_ns = until_ns - person.placed_ns
            if not person.placed_stood or not 0 < since_ns <= settings.held_ns_max:
                continue
            if person.visit_id is None and self._belief.is_near_gate(*person.placed_floor_m):
                continue  # Whoever queues before a gate goes through it, though few cameras see that.
            if views.joints[index].any():
                away_m_max = settings.held_m + settings.held_m_per_s * since_ns / NS_PER_S
                origin = self.rig.origin_floor_m[views.joints[index].argmax()]
                self.bodies.hold_back(person.row, origin, person.placed_floor_m, away_m_max)

    def _without_wrong(self, people: Sequence[Person], sightings: Sightings, benefit: Floats) -> Floats:
        """Who has a code is there, however badly seen; what is taken for somebody else may be goods on a shelf."""
        is_wrong = sightings.pose_scores < self.settings.pose_score_min
        if not is_wrong.any():
            return benefit
        is_stranger = np.array([person.visit_id is None for person in people], bool)
        return np.where(is_stranger[:, None] & is_wrong, 0.0, benefit)

    def _prefer_likeness(self, rows: Ints, sightings: Sightings, benefit: Floats) -> Floats:
        """Where several people may be meant, prefer whom it looks like."""
        if not sightings.appearance.shape[1]:
            return benefit
        likeness = self.looks.likeness(rows, sightings.appearance)
        likeness[benefit <= 0] = np.nan
        known = np.isfinite(likeness)
        contested = (benefit > 0).sum(axis=0) > 1
        mean = np.where(known, likeness, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        better = np.where(known & contested, likeness - mean, 0.0)
        gain = np.clip(2.0 * better, -1.0, 1.0) * self.settings.likeness_weight
        return np.where(benefit > 0, np.maximum(benefit + gain, 1e-3), 0.0)

    def _prefer_continuity(self, rows: Ints, sightings: Sightings, benefit: Floats, until_s: float) -> Floats:
        """Where a box may mean several people, prefer whom its camera saw there last."""
        if not self._tracklets or not sightings.is_box.any():
            return benefit
        is_known = np.array([person.is_believed for person in self.people])
        contested = sightings.is_box & ((benefit[is_known] > 0).sum(axis=0) > 1)
        meant = np.where(contested & is_known[:, None], benefit, 0.0)
        gain = self.settings.continuity_weight * self._tracklets.continuity(rows, sightings, until_s, meant)
        return np.where(benefit > 0, np.maximum(benefit + gain, 1e-3), 0.0)

    def _learn_looks(self, rows: Ints, sightings: Sightings, owner: Ints) -> None:
        """Note what is seen of everybody, and remember how those look who stand by themselves."""
        if not sightings.appearance.shape[1]:
            return
        is_here = np.array([not person.has_left for person in self.people])
        sure = np.flatnonzero((owner >= 0) & is_here[np.maximum(owner, 0)] & (sightings.scores > 0.4))
        self.looks.note(rows[owner[sure]], sightings.appearance[sure])
        roots = self.bodies.root[rows, :2]
        apart = np.linalg.norm(roots[:, None] - roots[None], axis=2) + np.diag(np.full(len(rows), np.inf))
        is_alone = apart.min(axis=1, initial=np.inf) > 0.6
        alone = sure[is_alone[owner[sure]]]
        self.looks.learn(rows[owner[alone]], sightings.appearance[alone])

    def _judge(self, views: Views, until_ns: int) -> None:
        self._belief.weigh(self.people, self.bodies, views, until_ns)
        for person in self.people:
            if not person.is_believed and person.visit_id is None and self._is_convincing(person):
                self._believe(person)

    def _is_convincing(self, person: Person) -> bool:
        settings = self.settings
        if person.evidence < settings.believe_evidence:
            return False
        if self._newcomers.may_appear(*person.born_floor_m):
            return True
        walked_m = math.dist(person.born_floor_m, self.bodies.root[person.row, :2].tolist())
        return (
            person.evidence >= settings.believe_evidence_inside and walked_m >= settings.believe_path_m_inside
        )

    def _believe(self, person: Person) -> None:
        self._named_count += 1
        person.track_id = f"t{self._named_count}"
        person.is_believed = True

    # --- lost and found -------------------------------------------------------------------------------------------

    def _find_again(self, sightings: Sightings, owner: Ints, until_ns: int) -> None:
        """People who were lost a while ago and are seen where they were: they were hidden, or missed."""
        waited_for = [
            person for person in self.lost if until_ns - person.seen_ns <= self.settings.waited_for_ns_max
        ]
        if not waited_for or not len(sightings):
            return
        rows = rows_of(waited_for)
        found = np.where(owner < 0, -1, len(rows))
        look_again(
            self.bodies, np.arange(len(rows)), sightings, found, rows,
            lambda again, seen, gain: self._without_wrong(
                waited_for, seen, self._prefer_likeness(again, seen, gain)
            ),
        )  # fmt: skip
        for index, person in enumerate(waited_for):
            mine = found == index
            if np.unique(sightings.camera[mine]).size < self.settings.found_views_min:
                continue
            if self._is_unlike(person, sightings.appearance[mine]):
                continue
            owner[mine] = len(self.people)
            person.is_lost, person.seen_ns, person.hidden_ns = False, until_ns, until_ns
            self.lost.remove(person)
            self.people.append(person)

    def _is_unlike(self, person: Person, appearance: Floats) -> bool:
        """Whether views [n, features] look like somebody else, as far as looks are known."""
        likeness = self.looks.likeness(np.array([person.row]), appearance)
        known = likeness[np.isfinite(likeness)]
        return bool(len(known)) and float(known.mean()) < self.settings.found_likeness_min

    def _lose(self, until_ns: int) -> None:
        settings = self.settings
        gone: list[Person] = []
        for person in self.people:
            unseen_ns = until_ns - person.seen_ns
            is_old = until_ns - person.born_ns > settings.doubt_ns_max
            doubted = person.evidence <= 0 or (is_old and not person.is_believed)
            if doubted and person.visit_id is None:
                gone.append(person)
            elif unseen_ns >= settings.lost_after_ns:
                person.is_lost = True
        lost = [person for person in self.people if person.is_lost]
        self.lost += lost
        self.people = [person for person in self.people if not person.is_lost]
        for person in lost:
            # Where it was last seen, not where it would have walked unseen.
            person.velocity_floor = (0.0, 0.0) if person.visit_id else person.velocity_floor
        gone += [
            person
            for person in self.lost
            if person.visit_id is None
            and (
                until_ns - person.hidden_ns > settings.stranger_lost_ns_max
                or until_ns - person.seen_ns > settings.hidden_ns_max
            )
        ]
        self._drop(gone)

    def _set_right(self) -> None:
        """People whom clothes show to have been taken for each other are exchanged."""
        pair = mixed_up(self.people, self.lost, self.looks)
        if pair is None:
            return
        one, other = pair
        if other.is_lost:
            self.people[self.people.index(one)], self.lost[self.lost.index(other)] = other, one
        exchange_bodies(one, other)
        self.looks.exchange(one.row, other.row)

    def _drop(self, persons: Iterable[Person]) -> None:
        for person in persons:
            self.looks.forget(person.row)
            self._forget_tracklets(person.row)
            self._twins.forget(person.row)
            self.bodies.give_back(person.row)
            (self.lost if person.is_lost else self.people).remove(person)

    def _forget_tracklets(self, row: int) -> None:
        if self._tracklets:
            self._tracklets.forget(row)

    def rejoin(self, strangers: Sequence[Person], at_ns: int) -> None:
        """Strangers who are people we lost take up their identity again, the likeliest first."""
        found: set[int] = set()
        pairs = refound(self.people, self.lost, strangers, self.bodies, self.looks, self.settings, at_ns)
        for _, lost, stranger in sorted(
            pairs, key=lambda pair: (pair[0], pair[1].track_id, pair[2].track_id)
        ):
            if id(lost) in found or id(stranger) in found:
                continue
            found |= {id(lost), id(stranger)}
            self.take_over(lost, stranger)

    def take_over(self, lost: Person, stranger: Person) -> None:
        """The stranger is the lost person: its body, the other's identity."""
        bodies, old, new = self.bodies, lost.row, stranger.row
        if bodies.height_var[old] < bodies.height_var[new]:
            bodies.height_m[new], bodies.height_var[new] = bodies.height_m[old], bodies.height_var[old]
            bodies.bone_m[new], bodies.bone_sd_m[new] = bodies.bone_m[old], bodies.bone_sd_m[old]
            bodies.bone_seen[new] = bodies.bone_seen[old]
        self.looks.move(old, new)
        self._forget_tracklets(old)
        self._twins.forget(old)
        bodies.give_back(old)
        (self.lost if lost.is_lost else self.people).remove(lost)
        lost.row, lost.is_lost, lost.is_believed = new, False, True
        lost.seen_ns, lost.sure_ns = stranger.seen_ns, stranger.sure_ns
        lost.sure_floor_m = stranger.sure_floor_m
        lost.placed_ns, lost.placed_floor_m = stranger.placed_ns, stranger.placed_floor_m
        lost.placed_stood = stranger.placed_stood
        lost.sides, lost.entered, lost.outside_since = stranger.sides, None, stranger.outside_since
        lost.path = stranger.path
        lost.position_floor_m, lost.velocity_floor = stranger.position_floor_m, stranger.velocity_floor
        lost.position_sd_m = stranger.position_sd_m
        self.people[self.people.index(stranger)] = lost
