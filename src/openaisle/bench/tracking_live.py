"""The live path's people and doors when things go wrong: codes never shown, cameras turned, clocks off, frames late.

Simulated days of mixed visits through the tracks' stage alone, seen as noisy skeletons. Whoever's code is withheld
walked in behind somebody or on their own; what the shop says of strangers is held against who they really were.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import msgspec
import numpy as np

from openaisle.bench import vision_people
from openaisle.core.messages import (
    CameraDetections,
    FloorTracks,
    GateTap,
    Reading,
    SensorDegraded,
    StrangerExplained,
    StrangerInside,
)
from openaisle.core.units import NS_PER_MS, NS_PER_S
from openaisle.readings.align import Timeline
from openaisle.sim.day import SimulatedDay
from openaisle.sim.plan import DayPlan
from openaisle.sim.scene import BODY_JOINT_INDEX
from openaisle.sim.scripts import plan_day
from openaisle.sim.skeletons import SkeletonCameras
from openaisle.store.load import load_store
from openaisle.store.schema import Store
from openaisle.tracks.floor import Tracks, TracksMessage

Report = Callable[[str, float], None]

STORE: Final = "corner"
DAYS: Final = 10
VISITS_A_DAY: Final = 20
WITHHELD_EVERY: Final = 5  # the code of one visit in so many never comes
FAULT_VISITS: Final = 8
TRACKS_EVERY: Final = 3
LOST_SD_M: Final = 0.29  # whoever is placed worse than this is waited for, not seen
NEAR_M_MAX: Final = 1.0  # a stranger told of is whoever really stood so near
_PELVIS: Final = BODY_JOINT_INDEX["pelvis"]


@dataclass(frozen=True, kw_only=True)
class CameraFault:
    """What is wrong from the day's beginning: with one camera, or with the line to all of them."""

    turned_deg: float = 0.0
    skew_ms: float = 0.0
    late_ms: float = 0.0  # every frame of every camera comes up to so much later, so in another order

    @property
    def reasons(self) -> tuple[str, ...]:
        """Any of which says what is wrong with the camera."""
        if self.turned_deg:
            return ("pose_drift",)
        return ("clock_skew", "clock") if self.skew_ms else ()


CAMERA_FAULTS: Final = (
    CameraFault(),
    CameraFault(turned_deg=3.0),
    CameraFault(turned_deg=5.0),
    CameraFault(turned_deg=15.0),
    CameraFault(skew_ms=100.0),
    CameraFault(skew_ms=250.0),
    CameraFault(skew_ms=-250.0),
    CameraFault(late_ms=400.0),
)
FAULT_DAYS: Final = 3


@dataclass
class _Strangers:
    """What one day said of strangers."""

    people: int = 0  # who came in on no code
    found: int = 0
    told_after_s: list[float] = field(default_factory=list)
    false: int = 0  # of somebody who had a code
    false_taken_back: int = 0
    twice: int = 0


def measure_doors(seed: int, report: Report) -> dict[str, Any]:
    """People whose code never comes, among others."""
    days = []
    visits = 0
    for number in range(DAYS):
        report(f"doors, day {seed + number}", number / DAYS)
        store = load_store(STORE)
        plan = plan_day(
            store, visit_count=VISITS_A_DAY, seed=seed + number, families="mixed", arrivals_per_minute=4.0,
            people_max=6,
        )  # fmt: skip
        visits += len(plan.visits)
        days.append(_strangers_of(store, plan))
    after_s = [seconds for day in days for seconds in day.told_after_s]
    return {
        "store": STORE,
        "seeds": [seed, seed + DAYS - 1],
        "visits": visits,
        "strangers": sum(day.people for day in days),
        "found": sum(day.found for day in days),
        "told_after_s": {
            "p50": round(float(np.median(after_s)), 1) if after_s else None,
            "max": round(max(after_s), 1) if after_s else None,
        },
        "told_twice": sum(day.twice for day in days),
        "false": sum(day.false for day in days),
        "false_taken_back": sum(day.false_taken_back for day in days),
    }


def _strangers_of(store: Store, plan: DayPlan) -> _Strangers:
    withheld = {visit.visit_id for visit in plan.visits[WITHHELD_EVERY // 2 :: WITHHELD_EVERY]}
    outcome = _Strangers(
        people=sum(visit.people_count for visit in plan.visits if visit.visit_id in withheld)
    )
    seen: set[int] = set()
    false_alerts: set[str] = set()

    def spoil(reading: Reading) -> Reading | None:
        return None if isinstance(reading, GateTap) and reading.visit_id in withheld else reading

    day = SimulatedDay(store, plan, vision="skeleton")
    for message in _said(store, day, spoil):
        if isinstance(message, StrangerInside):
            body_id = _body_at(day, message.position_floor_m)
            visit = None if body_id is None else _visit_of(day, body_id)
            if body_id is None or visit not in withheld:
                outcome.false += 1
                false_alerts.add(message.alert_id)
            elif body_id in seen:
                outcome.twice += 1
            else:
                seen.add(body_id)
                outcome.found += 1
                outcome.told_after_s.append((message.told_ns - message.entered_ns) / NS_PER_S)
        elif isinstance(message, StrangerExplained) and message.alert_id in false_alerts:
            outcome.false_taken_back += message.outcome == "bound"
    return outcome


def measure_joints(seed: int, report: Report) -> dict[str, Any]:
    """Where people and their wrists are, against where they really are, from noisy skeletons."""
    store = load_store(STORE)
    steps = vision_people.DAYS * vision_people.VISITS
    return vision_people.in_space(
        store,
        range(seed, seed + vision_people.DAYS),
        lambda day_seed: SkeletonCameras(store, np.random.default_rng([day_seed, 6])),
        lambda over: report("joints", over / steps),
    )


def measure_cameras(seed: int, report: Report) -> dict[str, Any]:
    """One camera turned or with a clock that is off, or all frames late: whether it is found, when, what it costs."""
    rows = []
    for number, fault in enumerate(CAMERA_FAULTS):
        report(f"cameras, {_name(fault)}", number / len(CAMERA_FAULTS))
        rows.append(
            _summary(fault, [faulty_day(fault, day_seed) for day_seed in range(seed, seed + FAULT_DAYS)])
        )
    return {"store": STORE, "seeds": [seed, seed + FAULT_DAYS - 1], "visits": FAULT_VISITS, "faults": rows}


@dataclass
class FaultyDay:
    """What a day with a fault came to."""

    found_after_s: float | None
    wrong: int  # other cameras, or this one of something else
    errors_m: list[float]
    late_errors_m: list[float]  # of the day's second half


def faulty_day(fault: CameraFault, seed: int, visits: int = FAULT_VISITS) -> FaultyDay:
    """A day in STORE with that fault."""
    store = load_store(STORE)
    plan = plan_day(
        store, visit_count=visits, seed=seed, families="mixed", arrivals_per_minute=6.0, people_max=6
    )
    bad = store.cameras[seed % len(store.cameras)]
    as_it_is = replace(bad, pan_deg=bad.pan_deg + fault.turned_deg)
    cameras = tuple(as_it_is if camera is bad else camera for camera in store.cameras)
    day = SimulatedDay(replace(store, cameras=cameras), plan, vision="skeleton")

    rng = np.random.default_rng([seed, 11])

    def spoil(reading: Reading) -> Reading:
        if not isinstance(reading, CameraDetections):
            return reading
        late_ns = round(rng.uniform(0.0, fault.late_ms) * NS_PER_MS)
        skew_ns = round(fault.skew_ms * NS_PER_MS) if reading.camera_id == bad.camera_id else 0
        return msgspec.structs.replace(
            reading, captured_ns=reading.captured_ns + skew_ns, received_ns=reading.received_ns + late_ns
        )

    found_after_s, wrong = None, 0
    tracks: list[FloorTracks] = []
    for message in _said(store, day, spoil):
        if isinstance(message, SensorDegraded):
            if message.sensor_id == bad.camera_id and message.reason in fault.reasons:
                found_after_s = found_after_s or (message.since_ns - plan.start_ns) / NS_PER_S
            elif message.reason in ("pose_drift", "clock_skew", "clock"):
                wrong += 1
        elif isinstance(message, FloorTracks):
            tracks.append(message)
    errors = _errors_m(day, tracks[::TRACKS_EVERY])
    half_ns = (plan.start_ns + day.shop.now_ns) // 2
    return FaultyDay(
        found_after_s, wrong, [error for _, error in errors], [e for at, e in errors if at > half_ns]
    )


def _summary(fault: CameraFault, days: Sequence[FaultyDay]) -> dict[str, Any]:
    found = [day.found_after_s for day in days if day.found_after_s is not None]
    errors = [error for day in days for error in day.errors_m]
    late = [error for day in days for error in day.late_errors_m]
    return {
        "fault": _name(fault),
        "days": len(days),
        "found": len(found),
        "found_after_s": [round(seconds) for seconds in found],
        "wrong": sum(day.wrong for day in days),
        "error_m": {"p50": _percentile(errors, 50), "p95": _percentile(errors, 95)},
        "second_half_error_m": {"p50": _percentile(late, 50), "p95": _percentile(late, 95)},
    }


def _percentile(values: Sequence[float], share: float) -> float | None:
    return round(float(np.percentile(values, share)), 3) if values else None


def _name(fault: CameraFault) -> str:
    if fault.turned_deg:
        return f"turned by {fault.turned_deg:g} degrees"
    if fault.late_ms:
        return f"all frames up to {fault.late_ms:g} ms late"
    return f"clock off by {fault.skew_ms:+g} ms" if fault.skew_ms else "none"


# --- a day ---------------------------------------------------------------------------------------------------------


def _said(
    store: Store, day: SimulatedDay, spoil: Callable[[Reading], Reading | None]
) -> Iterator[TracksMessage | SensorDegraded]:
    """What timeline and tracks say of a day whose readings went through `spoil`."""
    timeline, tracks = Timeline(store), Tracks(store)
    for spoilt in _by_arrival(day.readings(), spoil):
        aligned = timeline.step([spoilt], spoilt.received_ns)
        yield from (message for message in aligned.health if isinstance(message, SensorDegraded))
        yield from tracks.step(aligned.detections, [], aligned.taps, spoilt.received_ns)


def _by_arrival(
    readings: Iterable[Reading], spoil: Callable[[Reading], Reading | None]
) -> Iterator[CameraDetections | GateTap]:
    """What cameras and gates say, spoilt, in the order in which it then comes in."""
    waiting: list[tuple[int, int, CameraDetections | GateTap]] = []
    for number, reading in enumerate(readings):
        while waiting and waiting[0][0] <= reading.received_ns:
            yield heapq.heappop(waiting)[2]
        spoilt = spoil(reading)
        if isinstance(spoilt, CameraDetections | GateTap):
            heapq.heappush(waiting, (spoilt.received_ns, number, spoilt))
    while waiting:
        yield heapq.heappop(waiting)[2]


def _body_at(day: SimulatedDay, place_floor_m: tuple[float, float]) -> int | None:
    scene = day.shop.scene(with_items=False)
    near = [
        (math.dist(place_floor_m, joints[_PELVIS, :2].tolist()), body.body_id)
        for body, joints in zip(scene.bodies, scene.joints_floor_m, strict=True)
    ]
    return min(near)[1] if near and min(near)[0] <= NEAR_M_MAX else None


def _visit_of(day: SimulatedDay, body_id: int) -> str | None:
    return next((v.visit_id for v in day.shop.truth.visits.values() if body_id in v.body_ids), None)


class _TruePlaces:
    """Where everybody stood: the truth's instants (5 Hz), interpolated."""

    def __init__(self, day: SimulatedDay) -> None:
        times, bodies, points = day.shop.truth.positions()
        self._walks = [(times[bodies == body], points[bodies == body]) for body in np.unique(bodies).tolist()]

    def at(self, at_ns: int) -> np.ndarray:
        """[people, 2] floor metres."""
        here = [
            [np.interp(at_ns, times, points[:, axis]) for axis in range(2)]
            for times, points in self._walks
            if times[0] <= at_ns <= times[-1]
        ]
        return np.array(here).reshape(-1, 2)


def _errors_m(day: SimulatedDay, tracks: Sequence[FloorTracks]) -> list[tuple[int, float]]:
    """(when, how far it was from the nearest body) of every track of a visit."""
    truth = _TruePlaces(day)
    errors: list[tuple[int, float]] = []
    for seen in tracks:
        bodies = truth.at(seen.captured_ns)
        for place, visit_id, sd_m in zip(
            seen.positions_floor_m, seen.visit_ids, seen.position_sd_m.tolist(), strict=True
        ):
            if visit_id is not None and len(bodies) and sd_m < LOST_SD_M:
                errors.append((seen.captured_ns, float(np.linalg.norm(bodies - place, axis=1).min())))
    return errors


def doors_lines(measured: dict[str, Any]) -> Iterator[str]:
    first, last = measured["seeds"]
    after_s = measured["told_after_s"]
    yield (
        f"strangers in {measured['store']}, days {first}-{last}, {measured['visits']} visits: {measured['found']} of "
        f"{measured['strangers']} who came in on no code were told of, {after_s['p50']} s after they came in (at most "
        f"{after_s['max']}); {measured['told_twice']} twice; {measured['false']} alerts of visitors with a code, "
        f"{measured['false_taken_back']} of them taken back"
    )


def joints_lines(measured: dict[str, Any]) -> Iterator[str]:
    place, wrist = measured["place_cm"], measured["wrist_cm"]
    yield (
        f"joints in {measured['store']}, seed {measured['seed']}, {measured['visits']} visits: people off by "
        f"{place['median']} cm (p90 {place['p90']}, n {place['n']}), wrists by {wrist['median']} cm "
        f"(p90 {wrist['p90']}, n {wrist['n']})"
    )


def cameras_lines(measured: dict[str, Any]) -> Iterator[str]:
    first, last = measured["seeds"]
    yield f"cameras of {measured['store']}, days {first}-{last}, {measured['visits']} visits each"
    for row in measured["faults"]:
        error, late = row["error_m"], row["second_half_error_m"]
        yield (
            f"  {row['fault']:24} found on {row['found']} of {row['days']} days, after {row['found_after_s']} s; "
            f"{row['wrong']} wrong reports; tracks off by {error['p50']} m (p95 {error['p95']}), in the second half "
            f"{late['p50']} (p95 {late['p95']})"
        )
