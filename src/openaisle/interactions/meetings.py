"""Hands of two people that met away from the shelves: where goods are passed from one to the other.

No scale notices a hand-over, only arms do. Two hands come together in the air between two bodies, forearms raised and
pointing at each other, for some tenths of a second. Hands that hang side by side, cross before a shelf or pass by look
otherwise. What is in the hands nobody can tell from joints: who carries what decides that (handovers.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations, product
from typing import Final

import numpy as np

from openaisle.core.messages import FloorTracks, TrackId
from openaisle.core.units import NS_PER_S
from openaisle.interactions.reach import ELBOWS, SHOULDERS, WRISTS, Floats, hands_of
from openaisle.interactions.settings import MeetingSettings
from openaisle.interactions.shelving import Shelving
from openaisle.store.schema import Store

LATE_MAX: Final = 8  # glimpses that may be overtaken by later ones


@dataclass(frozen=True)
class Hand:
    """One hand of one person."""

    track_id: TrackId
    side: int  # 0 left, 1 right


@dataclass(frozen=True)
class Meeting:
    """Two hands that met and parted."""

    hands: tuple[Hand, Hand]
    at_ns: int  # when they were nearest
    log_odds: float  # that something was passed, against that they only happened to be near
    features: tuple[float, ...] = ()  # what that was judged by, in the order of `MeetingSettings.weights`

    @property
    def meeting_id(self) -> str:
        a, b = self.hands
        return f"{a.track_id}.{a.side}+{b.track_id}.{b.side}/{self.at_ns}"


@dataclass
class _Sight:
    """One glimpse of two hands near each other."""

    at_ns: int
    distance_m: float  # of the two hands, or of the two wrists if these are nearer
    facing: float  # cosine between one forearm and the other turned round: 1 where they point at each other
    aside_m: float  # from the line between the two bodies, on the floor
    lowered: float  # how far down the lower forearm points, 0 level, 1 hanging
    reach_m: float  # of the less extended arm, on the floor
    doubt: float  # of the wrist that is seen worse: 0 sure, 1 not seen
    crowd: float  # log of 1 + how many others stand about: hands of many meet by accident


@dataclass
class _Near:
    """All glimpses of one meeting; they may come out of order."""

    sights: list[_Sight] = field(default_factory=list[_Sight])

    @property
    def until_ns(self) -> int:
        return max(sight.at_ns for sight in self.sights[-LATE_MAX:])


class Meetings:
    """Follows all pairs of hands."""

    def __init__(self, store: Store, settings: MeetingSettings) -> None:
        self._shelving = Shelving(store)
        self._settings = settings
        self._near: dict[tuple[Hand, Hand], _Near] = {}
        self._latest_ns = 0

    def step(self, tracks: Sequence[FloorTracks]) -> list[Meeting]:
        """Meetings that are over and may have been hand-overs."""
        if not tracks:
            return []
        for message in tracks:
            self._follow(message)
            self._latest_ns = max(self._latest_ns, message.captured_ns)
        over_ns = self._latest_ns - round(self._settings.parted_s * NS_PER_S)
        over = [pair for pair, near in self._near.items() if near.until_ns < over_ns]
        return self._judged(over)

    def finish(self) -> list[Meeting]:
        """Nothing more will be seen."""
        return self._judged(list(self._near))

    # --- following ----------------------------------------------------------------------------------------------------

    def _follow(self, message: FloorTracks) -> None:
        count = len(message.track_ids)
        if count < 2:
            return
        settings = self._settings
        joints = message.joints_floor_m.astype(np.float64)
        hands = hands_of(message.joints_floor_m, settings.hand_beyond_wrist_m)  # [people, 2, 3]
        wrists = joints[:, WRISTS, :3]
        forearms = wrists - joints[:, ELBOWS, :3]
        forearms /= np.maximum(np.linalg.norm(forearms, axis=2, keepdims=True), 0.05)
        with np.errstate(invalid="ignore"):
            bodies = joints[:, SHOULDERS, :2].mean(axis=1)
        bodies = np.where(np.isfinite(bodies), bodies, message.positions_floor_m)
        hands[self._shelving.reached(hands, settings.edge_m)] = (
            np.nan
        )  # A wrist alone is no hand in the air, either: NaN stays NaN.
        order = sorted(range(count), key=lambda row: message.track_ids[row])
        doubt = 1.0 - np.nan_to_num(joints[:, WRISTS, 3])
        apart_m = np.minimum(_apart_m(hands), _apart_m(wrists))
        is_near = apart_m < settings.near_m
        for a, b in combinations(order, 2):
            if not is_near[a, b].any():
                continue
            middle = (bodies[a] + bodies[b]) / 2
            about = np.linalg.norm(bodies - middle, axis=1) < settings.crowd_m
            crowd = math.log1p(max(0, int(about.sum()) - 2))
            for side_a, side_b in product((0, 1), (0, 1)):
                if not is_near[a, b, side_a, side_b]:
                    continue
                pair = (Hand(message.track_ids[a], side_a), Hand(message.track_ids[b], side_b))
                sight = _sight(
                    message.captured_ns,
                    float(apart_m[a, b, side_a, side_b]),
                    (hands[a, side_a], hands[b, side_b]),
                    (forearms[a, side_a], forearms[b, side_b]),
                    (bodies[a], bodies[b]),
                    max(float(doubt[a, side_a]), float(doubt[b, side_b])),
                    crowd,
                )
                near = self._near.setdefault(pair, _Near())
                near.sights.append(sight)
                del near.sights[: -settings.sights_max]
        while len(self._near) > settings.pairs_max:
            self._near.pop(next(iter(self._near)))

    # --- judging ------------------------------------------------------------------------------------------------------

    def _judged(self, pairs: Sequence[tuple[Hand, Hand]]) -> list[Meeting]:
        """A logistic model of what the nearest glimpses show."""
        settings = self._settings
        found: list[Meeting] = []
        for pair in pairs:
            near = self._near.pop(pair)
            if len(near.sights) < settings.sights_min:
                continue
            nearest = sorted(near.sights, key=lambda sight: sight.distance_m)[: settings.glimpses]
            features = _features(nearest)
            log_odds = sum(weight * value for weight, value in zip(settings.weights, features, strict=True))
            if log_odds >= settings.log_odds_min:
                found.append(Meeting(pair, nearest[0].at_ns, log_odds, features))
        return sorted(found, key=lambda meeting: (meeting.at_ns, meeting.meeting_id))


def _features(nearest: Sequence[_Sight]) -> tuple[float, ...]:
    """What is judged, in the order of `MeetingSettings.weights`."""
    return (
        1.0,
        _mean([sight.distance_m for sight in nearest]),
        _mean([sight.facing for sight in nearest]),
        _mean([sight.aside_m for sight in nearest]),
        _mean([sight.lowered for sight in nearest]),
        _mean([sight.reach_m for sight in nearest]),
        _mean([sight.doubt for sight in nearest]),
        _mean([sight.crowd for sight in nearest]),
    )


def _sight(
    at_ns: int,
    distance_m: float,
    hands: tuple[Floats, Floats],
    forearms: tuple[Floats, Floats],
    bodies: tuple[Floats, Floats],
    doubt: float,
    crowd: float,
) -> _Sight:
    between = bodies[1] - bodies[0]
    middle = (hands[0] + hands[1])[:2] / 2 - bodies[0]
    length = max(float(np.linalg.norm(between)), 1e-6)
    reach_m = [float(np.linalg.norm(hand[:2] - body)) for hand, body in zip(hands, bodies, strict=True)]
    return _Sight(
        at_ns=at_ns,
        distance_m=distance_m,
        facing=_known(-float(forearms[0] @ forearms[1])),
        aside_m=_known(abs(float(between[0] * middle[1] - between[1] * middle[0])) / length),
        lowered=_known(max(0.0, -float(min(forearms[0][2], forearms[1][2])))),
        reach_m=_known(min(reach_m)),
        doubt=doubt,
        crowd=crowd,
    )


def _apart_m(points_m: Floats) -> Floats:
    """Distances [people, people, 2, 2] of everybody's points [people, 2, 3] from everybody else's."""
    return np.linalg.norm(points_m[:, None, :, None] - points_m[None, :, None, :], axis=-1)


def _known(value: float) -> float:
    return value if math.isfinite(value) else 0.0


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
