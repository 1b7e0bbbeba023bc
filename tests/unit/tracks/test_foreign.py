"""Bodies of a foreign pose system keep their identity; without gates each is a visit of its own."""

import numpy as np
import pytest
from tests.unit.tracks.walkers import START_NS, Walker, bare_room, closed, floors, opened, seconds_of, tap

from openaisle.core.messages import BodySkeletons, GateTap
from openaisle.core.units import NS_PER_MS, NS_PER_S
from openaisle.tracks.floor import Tracks, TracksMessage

PERIOD_NS = round(NS_PER_S / 10.9)
LATE_NS = 2300 * NS_PER_MS


def skeletons(
    walkers: dict[str, Walker], until_s: float, unknown: tuple[int, ...] = ()
) -> list[BodySkeletons]:
    messages: list[BodySkeletons] = []
    for captured_ns in range(START_NS, START_NS + round(until_s * NS_PER_S), PERIOD_NS):
        joints = {name: walker.joints_at(seconds_of(captured_ns)) for name, walker in walkers.items()}
        there = [name for name, points in sorted(joints.items(), reverse=True) if points is not None]
        array = np.ones((len(there), 17, 4), np.float32)
        for row, name in enumerate(there):
            array[row, :, :3] = joints[name]
        array[:, list(unknown)] = np.nan
        messages.append(
            BodySkeletons(
                source_id="poses",
                captured_ns=captured_ns,
                received_ns=captured_ns + LATE_NS,
                body_ids=tuple(there),
                joints_floor_m=array,
            )
        )
    return messages


def play(
    tracks: Tracks, messages: list[BodySkeletons], until_s: float, taps: tuple[GateTap, ...] = ()
) -> list[TracksMessage]:
    said: list[TracksMessage] = []
    for now_ns in range(START_NS, START_NS + round(until_s * NS_PER_S), 50 * NS_PER_MS):
        due = [message for message in messages if now_ns - 50 * NS_PER_MS < message.received_ns <= now_ns]
        shown = [one for one in taps if now_ns - 50 * NS_PER_MS < one.received_ns <= now_ns]
        said += tracks.step([], due, shown, now_ns)
    return said


WANDERING = {
    "7": Walker(((0.0, 2.0, 1.0), (6.0, 3.0, 3.0), (12.0, 2.0, 2.0))),
    "12": Walker(((1.0, 2.5, 3.0), (12.0, 1.0, 2.0))),
}


def test_without_gates_every_body_is_its_own_visit_until_the_recording_ends() -> None:
    tracks = Tracks(bare_room())
    said = play(tracks, skeletons(WANDERING, 12.0), 15.0)
    assert [(visit.visit_id, visit.track_id) for visit in opened(said)] == [("7", "7"), ("12", "12")]
    assert closed(said) == []
    end = tracks.finish(START_NS + 16 * NS_PER_S)
    assert sorted(visit.visit_id for visit in closed(end)) == ["12", "7"]


def test_late_skeletons_are_told_at_the_time_they_were_captured_sorted_by_track() -> None:
    said = floors(play(Tracks(bare_room()), skeletons(WANDERING, 5.0), 9.0))
    assert len(said) == len(skeletons(WANDERING, 5.0))
    for floor in said:
        assert floor.decided_ns - floor.captured_ns >= LATE_NS
        assert list(floor.track_ids) == sorted(floor.track_ids)
        assert floor.visit_ids == floor.track_ids
        for row, name in enumerate(floor.track_ids):
            truth = WANDERING[name].position_at(seconds_of(floor.captured_ns))
            assert truth is not None
            assert np.hypot(*(floor.positions_floor_m[row] - truth)) < 0.05


def test_a_body_without_hips_and_feet_is_placed_under_its_shoulders() -> None:
    said = floors(play(Tracks(bare_room()), skeletons(WANDERING, 4.0, unknown=(11, 12, 13, 14, 15, 16)), 7.0))
    place = said[20].positions_floor_m[list(said[20].track_ids).index("7")]
    truth = WANDERING["7"].position_at(seconds_of(said[20].captured_ns))
    assert truth is not None
    assert np.hypot(*(place - truth)) < 0.15
    assert said[20].heights_m[list(said[20].track_ids).index("7")] == pytest.approx(1.72, abs=0.05)


def test_a_body_last_seen_at_the_exit_ends_its_visit_and_one_that_vanished_inside_does_not() -> None:
    leaving = {
        "out": Walker(((0.0, 2.0, 2.0), (4.0, 4.0, 0.3))),
        "in": Walker(((0.0, 1.0, 3.0), (4.0, 2.0, 2.5))),
        "stays": Walker(((0.0, 2.5, 3.0), (20.0, 2.5, 2.9))),
    }
    said = play(Tracks(bare_room()), skeletons(leaving, 20.0), 20.0)
    (end,) = closed(said)
    assert (end.visit_id, end.gate_id) == ("out", "exit")
    assert seconds_of(end.closed_ns) == pytest.approx(4.0, abs=0.15)


def test_a_body_that_comes_back_after_its_visit_ended_begins_another() -> None:
    first = skeletons({"9": Walker(((0.0, 2.0, 2.0), (4.0, 4.0, 0.3)))}, 4.0)
    again = skeletons({"9": Walker(((15.0, 4.0, 0.5), (20.0, 2.0, 2.0)))}, 20.0)
    said = play(Tracks(bare_room()), first + [m for m in again if m.body_ids], 23.0)
    assert [visit.visit_id for visit in opened(said)] == ["9", "9.2"]


def test_where_codes_are_shown_a_body_gets_the_visit_of_its_own_name_or_of_the_line_it_crosses() -> None:
    through = {"9": Walker(((1.0, 1.0, -1.0), (4.0, 1.0, 1.5), (12.0, 3.0, 3.0))), "ana": WANDERING["12"]}
    taps = (tap("ana", 0.1), tap("bob", 1.5))
    said = play(Tracks(bare_room()), skeletons(through, 12.0), 15.0, taps)
    last = floors(said)[-1]
    assert dict(zip(last.track_ids, last.visit_ids, strict=True)) == {"9": "bob", "ana": "ana"}


def test_a_skeleton_that_was_overtaken_moves_nobody_back() -> None:
    messages = skeletons(WANDERING, 4.0)
    tracks = Tracks(bare_room())
    said = play(tracks, messages, 6.5)
    person = tracks._foreign.persons["7"]
    before = person.position_floor_m
    tracks.step([], [messages[3]], [], START_NS + 7 * NS_PER_S)
    assert person.position_floor_m == before
    assert len(floors(said)) == len(messages)
