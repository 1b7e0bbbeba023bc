"""Where people were a window ago: pictures taken after a moment say as much of it as those before.

Joints are smoothed over one window (fixed-lag smoothing); a second one adds next to nothing. How sure they are said to
be is what it was before: a joint that few saw then is few's word still.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openaisle.core.messages import FloorTracks, TrackId, VisitId
from openaisle.core.units import NS_PER_S
from openaisle.tracks.motion import predict, smooth
from openaisle.tracks.people import Bodies, Person, rows_of
from openaisle.tracks.skeleton import joints_for_others

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LOST_SPREAD_M_PER_S: Final = 0.7
LOST_SPREAD_M_MAX: Final = 5.0
LOOK_BACK_S_MAX: Final = 0.5  # after a longer silence nothing is said of what was before


@dataclass(kw_only=True)
class Told:
    """People at a window's end, until they are told of. Arrays have one row a person."""

    until_ns: int
    back_ns: int  # they are described as of so long before the window's end
    people: Sequence[Person]
    track_ids: tuple[TrackId, ...]
    visit_ids: tuple[VisitId | None, ...]
    is_lost: NDArray[np.bool_]
    rows: Ints  # of Bodies
    mean: Floats  # [n, 17, 6], as the rest of Bodies
    covariance: Floats
    unseen_s: Floats
    trust: Floats
    root: Floats
    root_var: Floats
    height_m: Floats
    height_var: Floats
    positions_floor_m: Floats  # [n, 2], as of then
    position_sd_m: Floats

    @classmethod
    def of(cls, people: Sequence[Person], bodies: Bodies, until_ns: int, back_ns: int) -> Told:
        """`people` in the order in which they are told of."""
        rows = rows_of(people)
        is_lost = np.array([person.is_lost for person in people], bool)
        back_s = np.where(is_lost, 0.0, back_ns / NS_PER_S)
        positions = np.array([person.position_floor_m for person in people]).reshape(-1, 2)
        velocities = np.array([person.velocity_floor for person in people]).reshape(-1, 2)
        return cls(
            until_ns=until_ns,
            back_ns=back_ns,
            people=people,
            track_ids=tuple(person.track_id for person in people),
            visit_ids=tuple(person.visit_id for person in people),
            is_lost=is_lost,
            rows=rows,
            mean=bodies.mean[rows],
            covariance=bodies.covariance[rows],
            unseen_s=bodies.unseen_s[rows],
            trust=bodies.trust[rows],
            root=bodies.root[rows],
            root_var=bodies.root_var[rows],
            height_m=bodies.height_m[rows],
            height_var=bodies.height_var[rows],
            positions_floor_m=positions - back_s[:, None] * velocities,
            position_sd_m=np.array([_spread_m(person, until_ns) for person in people]),
        )

    def look_back(self, people: Sequence[Person], bodies: Bodies, now_ns: int) -> None:
        """Let joints of those who are still followed, by the same body, say where they had been."""
        seconds = (now_ns - self.until_ns) / NS_PER_S
        followed = {id(person) for person in people}
        same = np.array(
            [
                index
                for index, person in enumerate(self.people)
                if id(person) in followed and person.row == self.rows[index] and not self.is_lost[index]
            ],
            np.int64,
        )
        if not len(same) or seconds > LOOK_BACK_S_MAX:
            return
        rows = self.rows[same]
        expected, spread = self.mean[same], self.covariance[same]
        predict(
            np.arange(len(same)), seconds, expected, spread, self.unseen_s[same], self.root[same],
            self.root_var[same], self.height_m[same],
        )  # fmt: skip
        mean = self.mean[same]
        smooth(mean, self.covariance[same], expected, spread, bodies.mean[rows], seconds)
        self.mean[same] = mean

    def message(self, now_ns: int, joint_unseen_s_max: float) -> FloorTracks:
        """Older joints than `joint_unseen_s_max` are unknown."""
        joints = joints_for_others(
            self.mean[:, :, :3] - self.back_ns / NS_PER_S * self.mean[:, :, 3:],
            self.covariance,
            self.unseen_s,
            self.trust,
            joint_unseen_s_max,
        )
        joints[self.is_lost] = np.nan
        return FloorTracks(
            captured_ns=self.until_ns - self.back_ns,
            decided_ns=now_ns,
            track_ids=self.track_ids,
            visit_ids=self.visit_ids,
            positions_floor_m=self.positions_floor_m.astype(np.float32),
            position_sd_m=self.position_sd_m.astype(np.float32),
            heights_m=np.where(self.height_var < 0.1**2, self.height_m, np.nan).astype(np.float32),
            joints_floor_m=joints,
        )


def _spread_m(person: Person, at_ns: int) -> float:
    """How far from the given position the person may be."""
    if not person.is_lost:
        return person.position_sd_m
    return min(0.3 + LOST_SPREAD_M_PER_S * (at_ns - person.seen_ns) / NS_PER_S, LOST_SPREAD_M_MAX)
