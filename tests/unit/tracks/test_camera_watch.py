"""Cameras that are turned, frozen, lost, late or on another clock: noticed on the whole path, and set right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from tests.unit.tracks.walkers import START_NS, Walker, World, bare_room, floors, play_path, seconds_of

from openaisle.adapters.event_log_memory import MemoryEventLog
from openaisle.core.messages import AnyMessage, CameraDetections, SensorDegraded, SensorRecovered
from openaisle.core.units import NS_PER_MS, NS_PER_S
from openaisle.pipeline import Pipeline

CORNERS = ((1.0, 1.0), (1.2, 3.2), (4.0, 3.0), (3.9, 1.2))


def laps(step: int, height_m: float = 1.72) -> Walker:
    """Round and round the room: corner after corner forwards (1) or backwards (-1)."""
    points = tuple((2.2 * number, *CORNERS[(number * step) % 4]) for number in range(60))
    return Walker(points, height_m=height_m)


WALKERS = (laps(1), laps(-1, 1.82))


def path_of(
    world: World, until_s: float, frames: Sequence[CameraDetections] | None = None
) -> list[AnyMessage]:
    pipeline = Pipeline(world.store, MemoryEventLog())
    return play_path(pipeline, world.film(until_s) if frames is None else frames, [], until_s)


def health_of(said: Sequence[AnyMessage], reason: str) -> list[tuple[str, bool, float, str]]:
    """(camera, whether it began, second, detail) of every message of health with that reason."""
    return [
        (m.sensor_id, True, seconds_of(m.since_ns), m.detail)
        if isinstance(m, SensorDegraded)
        else (m.sensor_id, False, seconds_of(m.recovered_ns), "")
        for m in said
        if isinstance(m, SensorDegraded | SensorRecovered) and m.reason == reason
    ]


def errors_m(said: Sequence[AnyMessage], after_s: float) -> np.ndarray:
    """How far the nearest track is from each walker, at every moment after `after_s`."""
    found = []
    for floor in floors(said):
        at_s = seconds_of(floor.captured_ns)
        if at_s > after_s:
            for walker in WALKERS:
                place = np.array(walker.position_at(at_s))
                apart = np.linalg.norm(floor.positions_floor_m - place, axis=1)
                found.append(apart.min(initial=9.0))
    return np.array(found)


def test_of_cameras_that_are_well_nothing_is_said_and_nothing_is_changed() -> None:
    said = path_of(World(bare_room(), WALKERS, seed=1), 40.0)
    assert [m for m in said if isinstance(m, SensorDegraded | SensorRecovered)] == []


@pytest.mark.parametrize("turned_deg", [4.0, 8.0])
def test_a_camera_that_was_turned_is_reported_with_advice_and_people_are_where_they_were(
    turned_deg: float,
) -> None:
    world = World(
        bare_room(),
        WALKERS,
        seed=2,
        turned_deg=lambda camera_id, at_s: turned_deg if camera_id == "cam-2" and at_s > 10.0 else 0.0,
    )
    said = path_of(world, 80.0)
    (told,) = health_of(said, "pose_drift")
    assert told[:2] == ("cam-2", True)
    assert 10.0 < told[2] < 62.0
    assert "calibrate it anew" in told[3]
    assert np.median(errors_m(said, 65.0)) < 0.03
    assert np.percentile(errors_m(said, 65.0), 95) < 0.10


def test_a_camera_that_was_knocked_far_away_is_left_out_and_heard_again_when_it_is_put_right() -> None:
    world = World(
        bare_room(),
        WALKERS,
        seed=2,
        turned_deg=lambda camera_id, at_s: 12.0 if camera_id == "cam-2" and 5.0 < at_s < 60.0 else 0.0,
    )
    said = path_of(world, 110.0)
    began, ended = health_of(said, "pose_drift")
    assert (began[:2], ended[:2]) == (("cam-2", True), ("cam-2", False))
    assert "left out" in began[3]
    assert ended[2] > 60.0
    late = [floor for floor in floors(said) if seconds_of(floor.captured_ns) > 100.0]
    assert {len(floor.track_ids) for floor in late} == {2}


@pytest.mark.parametrize("skew_ms", [250.0, -250.0, 120.0])
def test_a_clock_that_is_off_is_found_from_people_who_walk_and_set_right(skew_ms: float) -> None:
    world = World(bare_room(), WALKERS, seed=2, skews_ms={"cam-2": skew_ms})
    pipeline = Pipeline(world.store, MemoryEventLog())
    said = play_path(pipeline, world.film(80.0), [], 80.0)
    told = [each for each in health_of(said, "clock_skew") if each[1]]
    # A clock that is ahead by more than the way takes is roughly set right by that alone already.
    by_arrival = [each for each in health_of(said, "clock") if each[1]]
    assert {each[0] for each in told + by_arrival} == {"cam-2"}
    assert np.median(errors_m(said, 65.0)) < 0.02
    assert np.percentile(errors_m(said, 65.0), 95) < 0.08


def test_a_frozen_camera_is_noticed_and_nobody_is_left_standing_in_its_picture() -> None:
    world = World(bare_room(), WALKERS, seed=3)
    still: dict[str, CameraDetections] = {}
    frames = []
    for frame in world.film(20.0):
        if frame.camera_id == "cam-3" and frame.captured_ns > START_NS + 8 * NS_PER_S and len(frame.scores):
            held = still.setdefault(frame.camera_id, frame)
            frame = msgspec.structs.replace(
                held, captured_ns=frame.captured_ns, received_ns=frame.received_ns
            )
        frames.append(frame)
    said = path_of(world, 20.0, frames)
    (told,) = health_of(said, "frozen")
    assert told[:2] == ("cam-3", True)
    assert told[2] == pytest.approx(8.1, abs=0.2)
    late = [floor for floor in floors(said) if seconds_of(floor.captured_ns) > 12.0]
    assert {len(floor.track_ids) for floor in late} == {2}
    assert np.percentile(errors_m(said, 12.0), 95) < 0.10


def test_a_lost_camera_is_noticed_within_a_second_and_people_are_followed_by_the_others() -> None:
    world = World(
        bare_room(),
        WALKERS,
        seed=3,
        blind_cameras=lambda camera_id, at_s: camera_id == "cam-3" and at_s > 8.0,
    )
    said = path_of(world, 16.0)
    (told,) = health_of(said, "silent")
    assert told[0] == "cam-3"
    assert told[2] == pytest.approx(8.1, abs=0.2)
    assert np.percentile(errors_m(said, 9.5), 95) < 0.10


def test_frames_that_come_late_twice_and_out_of_order_lead_nobody_astray() -> None:
    world = World(bare_room(), WALKERS, seed=4)
    rng = np.random.default_rng(4)
    frames = []
    for frame in world.film(25.0):
        frames.append(frame)
        if rng.random() < 0.1:
            late_ns = round(rng.uniform(100, 1500)) * NS_PER_MS
            frames[-1] = msgspec.structs.replace(frame, received_ns=frame.received_ns + late_ns)
        if rng.random() < 0.1:
            frames.append(msgspec.structs.replace(frame, received_ns=frame.received_ns + 40 * NS_PER_MS))
    said = path_of(world, 25.0, sorted(frames, key=lambda frame: frame.received_ns))
    late = [floor for floor in floors(said) if seconds_of(floor.captured_ns) > 5.0]
    assert len({track_id for floor in late for track_id in floor.track_ids}) == 2
    assert np.percentile(errors_m(said, 5.0), 95) < 0.10


def test_a_shop_with_two_cameras_is_not_told_which_of_them_is_wrong() -> None:
    # Two always agree with what they say together.
    store = replace(bare_room(), cameras=bare_room().cameras[:2])
    world = World(
        store, WALKERS, seed=5, turned_deg=lambda camera_id, at_s: 2.0 if camera_id == "cam-2" else 0.0
    )
    assert health_of(path_of(world, 30.0), "pose_drift") == []
