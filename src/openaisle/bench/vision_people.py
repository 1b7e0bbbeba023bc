"""People and arms: found in pictures of shops never taught on, and in 3-D over all cameras of a whole store.

In pictures: `learning.evaluate` on random stores. In space: a simulated day is drawn, seen and tracked; every window of
tracks is compared with the bodies that were there at that moment. These are the simulator's figures.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from openaisle.bench.keypoint_errors import KeypointErrors
from openaisle.bench.pixels import PixelCameras
from openaisle.core.messages import WRISTS, CameraDetections, CameraId, FloorTracks, GateTap
from openaisle.core.units import NS_PER_MS, NS_PER_S
from openaisle.detections.runtime import RuntimeSettings
from openaisle.learning import evaluate
from openaisle.sim.day import Eyes, SimulatedDay
from openaisle.sim.labels import VISIBLE
from openaisle.sim.scene import BODY_JOINT_INDEX, Scene
from openaisle.sim.scripts import plan_day
from openaisle.store.polygons import contains
from openaisle.store.schema import Store
from openaisle.tracks.floor import Tracks

Floats = NDArray[np.float64]

HELD_OUT_STORES: Final = 6
DAYS: Final = 3  # in space, of seeds one after the other
VISITS: Final = 4  # a day
STEPS: Final = HELD_OUT_STORES + DAYS * VISITS

MATCH_M_MAX: Final = 0.6
"""A track farther than this from everybody is nobody."""
TRUTH_NS_MAX: Final = 70 * NS_PER_MS
SURE_MIN: Final = 0.5
"""Confidence of a wrist that is called sure."""
VIEWS_WELL_SEEN: Final = 3
"""Cameras in whose pictures nothing hides a wrist that is called well seen."""
_BODY_WRISTS: Final = (BODY_JOINT_INDEX["left_wrist"], BODY_JOINT_INDEX["right_wrist"])


def people_report(
    store: Store,
    *,
    seed: int,
    runtime: RuntimeSettings | None = None,
    report: Callable[[int], None] = lambda _: None,
) -> dict[str, Any]:
    """Figures in pictures of random stores 9000 and up, and in space of days of `store`, with their N."""
    held_out = evaluate.HeldOut(stores=HELD_OUT_STORES)
    pictures = evaluate.evaluate(runtime or RuntimeSettings(), held_out, report)
    space = in_space(
        store,
        range(seed, seed + DAYS),
        lambda day_seed: PixelCameras(store, day_seed),
        lambda over: report(HELD_OUT_STORES + over),
    )
    return {"pictures": evaluate.figures_json(pictures, held_out), "space": space}


def lines(report: dict[str, Any]) -> list[tuple[str, str]]:
    """The report for a person."""
    space = report["space"]
    wrist, sure = space["wrist_cm"], space["sure_wrist_cm"]
    rows = dict(report["pictures"])
    held_out = rows.pop("held_out")
    figures = evaluate.PeopleFigures(**rows)
    return [
        ("random stores", f"{held_out['stores']} from seed {held_out['first_store']}"),
        *evaluate.lines(figures),
        ("after tracking: instants, people there", f"{space['instants']}, {space['people']}"),
        ("  people tracked", f"{space['tracked_rate']:.1%}"),
        ("  nobody tracked, per 1,000 frames", f"{space['false_people_per_1000_frames']:.2f}"),
        ("  place: median, p90", f"{space['place_cm']['median']} cm, {space['place_cm']['p90']} cm"),
        (
            "  wrist: median, p90",
            f"{wrist['median']} cm, {wrist['p90']} cm (n {wrist['n']}; days {space['wrist_cm_of_each_day']})",
        ),
        ("  sure wrist: median, p90", f"{sure['median']} cm, {sure['p90']} cm (n {sure['n']})"),
        *(
            (
                f"  wrist that {VIEWS_WELL_SEEN} cameras see: median, p90",
                f"{row['median']} cm, {row['p90']} cm (n {row['n']})",
            )
            for row in [space.get("well_seen_wrist_cm")]
            if row
        ),
        ("keypoints err by", "share of the person's size, power of the doubt"),
        *(
            (f"  {joint}", f"{row['share']}, {row['power']} (median {row['off_px']} px, n {row['n']})")
            for joint, row in space["keypoints"].items()
        ),
    ]


def in_space(
    store: Store,
    seeds: Sequence[int],
    eyes_of: Callable[[int], Eyes],
    report: Callable[[int], None] = lambda _: None,
) -> dict[str, Any]:
    """Days of up to three shoppers at a time, looked at by all cameras at once, and tracked.

    `report` hears of how many visits are over.
    """
    tally, errors = _SpaceTally(store), KeypointErrors()
    frames = 0
    each_wrist_cm: list[float | None] = []
    for number, seed in enumerate(seeds):
        own = _SpaceTally(store)
        frames += _day_in_space(
            store,
            seed,
            _Witness(eyes_of(seed), store, errors),
            own,
            lambda over, n=number: report(n * VISITS + over),
        )
        each_wrist_cm.append(own.figures(1)["wrist_cm"]["median"])
        tally.take(own)
    return {
        "store": store.store_id,
        "seeds": [seeds[0], seeds[-1]],
        "visits": VISITS * len(seeds),
        "frames": frames,
        **tally.figures(frames),
        "wrist_cm_of_each_day": each_wrist_cm,
        "keypoints": errors.figures(),
    }


def _day_in_space(
    store: Store, seed: int, witness: _Witness, tally: _SpaceTally, report: Callable[[int], None]
) -> int:
    """One day into `tally`; how many frames were looked at."""
    plan = plan_day(
        store, visit_count=VISITS, seed=seed, families="mixed", arrivals_per_minute=3.0, people_max=3
    )
    day = SimulatedDay(store, plan, vision=witness)
    tracks = Tracks(store)
    frames = 0
    waiting: list[FloorTracks] = []
    for reading in day.readings():
        detections = [reading] if isinstance(reading, CameraDetections) else []
        taps = [reading] if isinstance(reading, GateTap) else []
        frames += len(detections)
        if detections or taps:
            said = tracks.step(detections, [], taps, reading.received_ns)
            waiting += [each for each in said if isinstance(each, FloorTracks)]
        # Where people were at a moment is known once there is a later one.
        while waiting and waiting[0].captured_ns < witness.until_ns:
            claim = waiting.pop(0)
            if (truth := witness.at(claim.captured_ns)) is not None:
                tally.add(claim, truth)
        report(len(day.shop.truth.visits))
    return frames


@dataclass(frozen=True)
class _Moment:
    """Where everybody really was."""

    at_ns: int
    body_ids: tuple[int, ...]
    joints_floor_m: Floats  # [bodies, 24, 3]
    wrist_views: NDArray[np.int64] | None  # [bodies, 2] cameras that see each wrist; None: nothing was drawn


class _Witness:
    """Hands scenes on to the eyes, and remembers how far keypoints err and where everybody was in the last seconds."""

    def __init__(self, eyes: Eyes, store: Store, errors: KeypointErrors) -> None:
        self._eyes = eyes
        self._camera_of = store.camera_of
        self._errors = errors
        self._seen: list[_Moment] = []
        # Of each camera's last frame: whose wrists it shows, [2] each.
        self._shown: dict[CameraId, dict[int, NDArray[np.bool_]]] = {}

    def detect(self, scene: Scene, camera_ids: Sequence[CameraId]) -> list[CameraDetections]:
        found = self._eyes.detect(scene, camera_ids)
        views = (
            self._wrist_views(self._eyes, scene, camera_ids) if isinstance(self._eyes, PixelCameras) else None
        )
        ids = tuple(body.body_id for body in scene.bodies)
        self._seen.append(_Moment(scene.at_ns, ids, scene.joints_floor_m.copy(), views))
        oldest_ns = scene.at_ns - 3 * NS_PER_S
        while self._seen[0].at_ns < oldest_ns:
            self._seen.pop(0)
        for seen in found:
            self._errors.add(seen, self._camera_of[seen.camera_id], scene.joints_floor_m)
        return found

    @property
    def until_ns(self) -> int:
        return self._seen[-1].at_ns if self._seen else -1

    def at(self, at_ns: int) -> _Moment | None:
        """Where everybody was at a time, between the two remembered moments about it; None if none is near."""
        place = bisect_right(self._seen, at_ns, key=lambda each: each.at_ns)
        about = self._seen[max(place - 1, 0) : place + 1]
        near = min(about, key=lambda each: abs(each.at_ns - at_ns), default=None)
        if near is None or abs(near.at_ns - at_ns) > TRUTH_NS_MAX:
            return None
        if len({each.body_ids for each in about}) > 1 or len(about) == 1:
            return near
        before, after = about
        share = (at_ns - before.at_ns) / (after.at_ns - before.at_ns)
        joints = (1 - share) * before.joints_floor_m + share * after.joints_floor_m
        return replace(near, at_ns=at_ns, joints_floor_m=joints)

    def _wrist_views(
        self, eyes: PixelCameras, scene: Scene, camera_ids: Sequence[CameraId]
    ) -> NDArray[np.int64]:
        """How many cameras' last frames show each wrist [bodies, 2]; frames of different cameras are taken in turn."""
        for camera_id in camera_ids:
            labels = eyes.renderers[camera_id].labels(scene, eyes.drawn[camera_id])
            self._shown[camera_id] = {
                label.body_id: label.keypoints_px[list(WRISTS), 2] == VISIBLE for label in labels
            }
        views = np.zeros((len(scene.bodies), 2), np.int64)
        for row, body in enumerate(scene.bodies):
            for shown in self._shown.values():
                views[row] += shown.get(body.body_id, False)
        return views


class _SpaceTally:
    """Tracks against bodies, instant by instant."""

    def __init__(self, store: Store) -> None:
        self._plan_floor_m = store.plan_floor_m
        self._instants = self._people = self._tracked = self._nobodies = 0
        self._place_m: list[float] = []
        self._wrists: list[tuple[float, float]] = []  # metres off, confidence
        self._well_seen_m: list[float] = []  # metres off, of those that are well seen

    def add(self, tracks: FloorTracks, truth: _Moment) -> None:
        """A track that says it does not know where somebody is (lost) is no claim.

        Nobodies are counted inside of the shop: whoever walks out is soon no longer simulated.
        """
        bodies_floor_m = truth.joints_floor_m
        self._instants += 1
        self._people += len(bodies_floor_m)
        feet = bodies_floor_m[:, [BODY_JOINT_INDEX["left_ankle"], BODY_JOINT_INDEX["right_ankle"]], :2]
        places = feet.mean(axis=1)
        claimed = np.flatnonzero(np.isfinite(tracks.joints_floor_m[:, :, 0]).any(axis=1))
        found = tracks.positions_floor_m[claimed].astype(np.float64)
        distance_m = np.linalg.norm(places[:, None] - found[None], axis=2)
        rows, columns = linear_sum_assignment(np.minimum(distance_m, MATCH_M_MAX))
        pairs = [(row, column) for row, column in zip(rows, columns, strict=True)
                 if distance_m[row, column] < MATCH_M_MAX]  # fmt: skip
        self._tracked += len(pairs)
        matched = {column for _, column in pairs}
        self._nobodies += sum(
            column not in matched and contains(self._plan_floor_m, (x, y), 0.0)
            for column, (x, y) in enumerate(found.tolist())
        )
        for row, column in pairs:
            self._place_m.append(float(distance_m[row, column]))
            wrists = tracks.joints_floor_m[claimed[column], list(WRISTS)]
            off_m = np.linalg.norm(wrists[:, :3] - bodies_floor_m[row, list(_BODY_WRISTS)], axis=1)
            known = np.isfinite(off_m)
            self._wrists += zip(off_m[known].tolist(), wrists[known, 3].tolist(), strict=True)
            if truth.wrist_views is not None:
                self._well_seen_m += off_m[known & (truth.wrist_views[row] >= VIEWS_WELL_SEEN)].tolist()

    def take(self, other: _SpaceTally) -> None:
        """Add what another day came to."""
        self._instants += other._instants
        self._people += other._people
        self._tracked += other._tracked
        self._nobodies += other._nobodies
        self._place_m += other._place_m
        self._wrists += other._wrists
        self._well_seen_m += other._well_seen_m

    def figures(self, frames: int) -> dict[str, Any]:
        wrists = np.array(self._wrists).reshape(-1, 2)
        well_seen = {"well_seen_wrist_cm": _spread(np.array(self._well_seen_m))} if self._well_seen_m else {}
        return {
            "instants": self._instants,
            "people": self._people,
            "tracked_rate": round(self._tracked / max(self._people, 1), 4),
            "false_people_per_1000_frames": round(1000 * self._nobodies / max(frames, 1), 3),
            "place_cm": _spread(np.array(self._place_m)),
            "wrist_cm": _spread(wrists[:, 0]),
            "sure_wrist_cm": _spread(wrists[wrists[:, 1] >= SURE_MIN, 0]),
            **well_seen,
        }


def _spread(metres: Floats) -> dict[str, Any]:
    if not len(metres):
        return {"median": None, "p90": None, "n": 0}
    median, p90 = np.quantile(100 * metres, [0.5, 0.9])
    return {"median": round(float(median), 1), "p90": round(float(p90), 1), "n": len(metres)}
