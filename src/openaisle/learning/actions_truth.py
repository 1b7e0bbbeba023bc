"""What every simulated hand really did: reaches cut out of its true path, and what a look into it would have shown.

A reach is one approach and one deed. The approach begins when the hand sets out for the place and ends when the deed
is done: the goods are lifted, or let go, or the hand that only touched comes away. The deed lasts until half a second
after the hand left the shelf; what the hand does then is no longer of the shelf.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from openaisle.core.messages import Action, CameraDetections, CameraId, FloorTracks
from openaisle.core.units import NS_PER_S
from openaisle.sim.scene import BODY_JOINT_INDEX, Floats, Scene
from openaisle.sim.skeletons import SkeletonCameras
from openaisle.sim.truth import TruthEvent
from openaisle.store.schema import Store

ACTION_OF: Final = {
    "take": Action.TAKE,
    "put_back": Action.PUT_BACK,
    "put_back_wrong": Action.PUT_BACK,
    "touch": Action.BROWSE,
}
DEED_AFTER_NS: Final = NS_PER_S // 2
TOGETHER_NS: Final = 3 * NS_PER_S // 10  # units lifted or set down this close by one hand are one deed
APPROACH_S_MAX: Final = 1.6
LIFT_NS: Final = NS_PER_S // 5
AT_PLACE_M: Final = 0.08
BEFORE_FRONT_M: Final = 0.05  # a hand this far before the front has left the shelf
IN_HAND_M: Final = 0.35  # goods this far from a hand are in it, or on its arm
SAME_BODY_M: Final = 0.6
SWAPPED_BY_M: Final = (
    0.2  # both hands together fit this much better with the other's truth: the tracker swapped them
)
_HANDS: Final = [BODY_JOINT_INDEX["left_hand"], BODY_JOINT_INDEX["right_hand"]]
_PELVIS: Final = BODY_JOINT_INDEX["pelvis"]


@dataclass(frozen=True, kw_only=True)
class TrueReach:
    """One hand's approach and deed."""

    body_id: int
    hand: int  # 0 left, 1 right: the person's own
    gondola_id: str
    action: Action
    began_ns: int
    done_ns: int
    left_ns: int
    end_ns: int


@dataclass
class _Path:
    """All that was seen of one body."""

    times_ns: list[int]
    hands_m: list[Floats]  # each [2, 3] floor
    holds: list[tuple[bool, bool]]
    pelvis_m: list[Floats]  # each [2] floor


class WatchedEyes:
    """Skeleton cameras beside which somebody writes down what is really there."""

    def __init__(self, store: Store, rng: np.random.Generator) -> None:
        self._cameras = SkeletonCameras(store, rng)
        self._store = store
        self._paths: dict[int, _Path] = {}
        self._arrays: dict[int, tuple[np.ndarray, Floats, np.ndarray, Floats]] = {}

    def detect(self, scene: Scene, camera_ids: Sequence[CameraId]) -> list[CameraDetections]:
        hands = scene.joints_floor_m[:, _HANDS]
        held_m = scene.item_positions_floor_m[scene.item_in_hand]
        apart = np.linalg.norm(hands[:, :, None] - held_m, axis=-1)  # [bodies, 2, held]
        # Each unit is in the hand that is nearest to it.
        holds = np.zeros(hands.shape[:2], bool)
        for unit in range(len(held_m)):
            body, hand = np.unravel_index(apart[:, :, unit].argmin(), holds.shape)
            holds[body, hand] |= bool(apart[body, hand, unit] < IN_HAND_M)
        for row, body in enumerate(scene.bodies):
            path = self._paths.setdefault(body.body_id, _Path([], [], [], []))
            path.times_ns.append(scene.at_ns)
            path.hands_m.append(hands[row])
            path.holds.append((bool(holds[row, 0]), bool(holds[row, 1])))
            path.pelvis_m.append(scene.joints_floor_m[row, _PELVIS, :2])
        return self._cameras.detect(scene, camera_ids)

    # What was there

    def close(self) -> None:
        """The day is over: nothing more will be written down."""
        self._arrays = {
            body_id: (
                np.array(path.times_ns, np.int64),
                np.array(path.hands_m),
                np.array(path.holds, bool),
                np.array(path.pelvis_m),
            )
            for body_id, path in sorted(self._paths.items())
        }

    def hands_at(self, body_id: int, at_ns: int | np.ndarray) -> Floats:
        """True hands [..., 2, 3] of a body; NaN while it was not there."""
        times_ns, hands, _, _ = self._arrays[body_id]
        return _between(times_ns, hands, np.asarray(at_ns))

    def holds_at(self, body_id: int, at_ns: np.ndarray) -> np.ndarray:
        """Whether each hand held something [n, 2] at those times."""
        times_ns, _, holds, _ = self._arrays[body_id]
        return holds[np.searchsorted(times_ns, at_ns).clip(max=len(times_ns) - 1)]

    def body_of(self, tracks: FloorTracks, row: int) -> int | None:
        """Whose body a track really follows: the nearest, if any is near."""
        position = tracks.positions_floor_m[row].astype(np.float64)
        best: tuple[float, int] | None = None
        for body_id, (times_ns, _, _, pelvis) in self._arrays.items():
            if times_ns[0] <= tracks.captured_ns <= times_ns[-1]:
                there = _between(times_ns, pelvis, np.asarray(tracks.captured_ns))
                apart = float(np.linalg.norm(there - position))
                if apart < SAME_BODY_M and (best is None or apart < best[0]):
                    best = (apart, body_id)
        return best[1] if best else None

    def is_swapped(self, body_id: int, at_ns: int, tracked_hands_m: Floats) -> bool:
        """Whether the tracker's left hand [2, 3] is the body's right one."""
        true = self.hands_at(body_id, at_ns)
        straight = np.linalg.norm(tracked_hands_m - true, axis=-1).sum()
        crossed = np.linalg.norm(tracked_hands_m - true[::-1], axis=-1).sum()
        return bool(crossed + SWAPPED_BY_M < straight)  # False where a hand is not known

    def reaches(self, events: Sequence[TruthEvent]) -> list[TrueReach]:
        """All reaches to shelves, by time."""
        found: list[TrueReach] = []
        last_of: dict[tuple[int, int], tuple[int, TruthEvent]] = {}
        for event in sorted(events, key=lambda event: (event.at_ns, event.body_id)):
            if event.kind not in ACTION_OF or event.body_id not in self._arrays:
                continue
            hand = 0 if event.is_left_hand else 1
            last = last_of.get((event.body_id, hand))
            is_same = last is not None and last[1].kind == event.kind
            if last is not None and is_same and event.at_ns - last[1].at_ns < TOGETHER_NS:
                continue
            reach = self._reach(event, hand, after_ns=last[0] if last else 0)
            last_of[event.body_id, hand] = (reach.left_ns, event)
            found.append(reach)
        return found

    def _reach(self, event: TruthEvent, hand: int, after_ns: int) -> TrueReach:
        times_ns, hands, _, _ = self._arrays[event.body_id]
        shelf = self._store.shelves[self._store.slots[event.slot_id].shelf_id]
        gondola = self._store.gondola_of[shelf.gondola_id]
        path = hands[:, hand]
        # Goods are taken when the hand has all of their weight: by then it has already been moving.
        lift_ns = LIFT_NS if event.kind == "take" else 0
        place = _between(times_ns, path, np.asarray(max(event.at_ns - lift_ns, int(times_ns[0]))))
        away = np.linalg.norm(path - place, axis=-1)
        into = gondola.floor_from_gondola.inverse().apply(path)[:, 1]
        at = int(np.searchsorted(times_ns, event.at_ns - lift_ns).clip(max=len(times_ns) - 1))
        done = at
        if ACTION_OF[event.kind] is Action.BROWSE:
            while done + 1 < len(away) and away[done + 1] <= AT_PLACE_M:
                done += 1
        arrived = at
        while arrived > 0 and away[arrived - 1] <= AT_PLACE_M and times_ns[arrived - 1] > after_ns:
            arrived -= 1
        earliest_ns = max(times_ns[arrived] - round(APPROACH_S_MAX * NS_PER_S), after_ns)
        first = min(int(np.searchsorted(times_ns, earliest_ns)), arrived)
        far = away[first : arrived + 1]
        # Sets out: the last moment at which it was about as far as it ever was just before.
        began = first + int(np.flatnonzero(far >= 0.9 * far.max())[-1])
        done = int(np.searchsorted(times_ns, max(times_ns[done], event.at_ns)).clip(max=len(times_ns) - 1))
        out = np.flatnonzero((into[done:] < -BEFORE_FRONT_M) | (away[done:] > 0.35))
        left = done + int(out[0]) if len(out) else len(times_ns) - 1
        return TrueReach(
            body_id=event.body_id,
            hand=hand,
            gondola_id=gondola.gondola_id,
            action=ACTION_OF[event.kind],
            began_ns=int(times_ns[began]),
            done_ns=max(int(times_ns[done]), event.at_ns),
            left_ns=int(times_ns[left]),
            end_ns=int(times_ns[left]) + DEED_AFTER_NS,
        )


def action_at(reaches: Sequence[TrueReach], at_ns: int) -> tuple[Action, int]:
    """What a hand with these reaches (by time) does, and which reach that is (-1: none). A new approach ends a deed."""
    for index in range(len(reaches) - 1, -1, -1):
        reach = reaches[index]
        if reach.began_ns <= at_ns < reach.end_ns:
            return (Action.APPROACH if at_ns < reach.done_ns else reach.action), index
    return Action.NONE, -1


def _between(times_ns: np.ndarray, values: Floats, at_ns: np.ndarray) -> Floats:
    """Values [n, ...] at times, linearly; NaN before the first and after the last."""
    after = np.searchsorted(times_ns, at_ns).clip(1, max(len(times_ns) - 1, 1)).clip(max=len(times_ns) - 1)
    before = np.maximum(after - 1, 0)
    share = (at_ns - times_ns[before]) / np.maximum(times_ns[after] - times_ns[before], 1)
    share = np.where((at_ns < times_ns[0]) | (at_ns > times_ns[-1]), np.nan, share)
    share = share.reshape(share.shape + (1,) * (values.ndim - 1))
    return values[before] + share * (values[after] - values[before])
