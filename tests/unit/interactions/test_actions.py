"""Arms read at a shelf: by hand-made paths before the one gondola of the weight tests' shop."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from tests.unit.interactions.people import START_NS, at_ns
from tests.unit.weight_steps.plates import shop

from openaisle.core.errors import ModelError
from openaisle.core.messages import JOINT_INDEX, Action, ArmAction, FloorTracks, decode, encode
from openaisle.interactions.actions import ACTIONS, Actions
from openaisle.interactions.actions_features import FEATURES, features_of
from openaisle.interactions.actions_network import SHIPPED, ActionNetwork
from openaisle.interactions.actions_paths import KEPT, TICKS, ArmHistory, HandLook, PathSettings

HANGS = np.array([0.22, -0.42, 0.75])
CARRIES = np.array([0.13, -0.18, 1.08])  # before the chest
AT_GOODS = np.array([0.1, -0.06, 1.02])
Path3 = Callable[[float], np.ndarray]


def path(*stops: tuple[float, np.ndarray]) -> Path3:
    """A wrist that is at each place at its time, and moves evenly eased between them."""

    def at(seconds: float) -> np.ndarray:
        if seconds <= stops[0][0]:
            return stops[0][1]
        for (from_s, here), (to_s, there) in pairwise(stops):
            if seconds <= to_s:
                share = (seconds - from_s) / (to_s - from_s)
                return here + (there - here) * share**3 * (10 - 15 * share + 6 * share**2)
        return stops[-1][1]

    return at


TAKES = path((2.0, HANGS), (2.7, AT_GOODS), (3.1, AT_GOODS), (3.7, CARRIES), (5.0, CARRIES), (5.6, HANGS))
PUTS_BACK = path((2.0, CARRIES), (2.7, AT_GOODS), (3.0, AT_GOODS), (3.6, HANGS))


def body(right_wrist: np.ndarray, *, is_left_handed: bool = False) -> np.ndarray:
    """Joints [17, 4] of somebody before the middle of the gondola, 0.5 m from its front."""
    middle = np.array([0.6, -0.5, 0.0])
    joints = np.full((17, 4), np.nan, np.float32)
    joints[:, 3] = 0.0
    elbow = (np.array([0.18, 0.0, 1.42]) + right_wrist - [0.0, -0.5, 0.0]) / 2 + [0.05, -0.05, -0.12]
    places = {
        "shoulder": (np.array([-0.18, 0.0, 1.42]), np.array([0.18, 0.0, 1.42])),
        "elbow": (np.array([-0.22, 0.0, 1.1]), elbow),
        "wrist": (np.array([-0.22, 0.03, 0.82]), right_wrist - [0.0, -0.5, 0.0]),
        "hip": (np.array([-0.1, 0.0, 0.92]), np.array([0.1, 0.0, 0.92])),
    }
    for name, (left, right) in places.items():
        if is_left_handed:
            left, right = right * [-1, 1, 1], left * [-1, 1, 1]
        joints[JOINT_INDEX[f"left_{name}"]] = [*(middle + left), 0.8]
        joints[JOINT_INDEX[f"right_{name}"]] = [*(middle + right), 0.8]
    return joints


def tracks(bodies: Sequence[np.ndarray], seconds: float) -> FloorTracks:
    count = len(bodies)
    return FloorTracks(
        captured_ns=at_ns(seconds),
        decided_ns=at_ns(seconds + 0.1),
        track_ids=tuple(f"t{number}" for number in range(count)),
        visit_ids=tuple(f"v{number}" for number in range(count)),
        positions_floor_m=np.tile(np.array([[0.6, -0.5]], np.float32), (count, 1)),
        position_sd_m=np.full(count, 0.05, np.float32),
        heights_m=np.full(count, 1.75, np.float32),
        joints_floor_m=np.array(bodies, np.float32).reshape(-1, 17, 4),
    )


def run(wrist: Path3, *, is_left_handed: bool = False, rate_hz: float = 10.0) -> list[ArmAction]:
    room = Actions(shop())
    said: list[ArmAction] = []
    for tick in range(round(6.0 * rate_hz)):
        seconds = tick / rate_hz
        message = tracks([body(wrist(seconds), is_left_handed=is_left_handed)], seconds)
        said += room.step([message], at_ns(seconds + 0.1))
    return said + room.finish(at_ns(6.2))


# What is said


def test_a_hand_that_comes_back_bent_took_something() -> None:
    said = run(TAKES)
    assert said[0].verdict is Action.APPROACH
    assert said[0].began_ns < at_ns(2.7)
    assert said[-1].verdict is Action.TAKE
    assert said[-1].is_over
    assert {message.hand for message in said} == {1}


def test_a_hand_that_comes_bent_and_goes_hanging_put_something_back() -> None:
    assert Action.PUT_BACK in {message.verdict for message in run(PUTS_BACK)}


def test_the_deed_is_said_three_tenths_of_a_second_after_the_hand_left() -> None:
    early = [message for message in run(TAKES) if message.at_ns <= at_ns(3.35 + 0.3)]
    assert early[-1].verdict is Action.TAKE


def test_a_clip_beside_the_joints_is_weighed_for_its_hand_and_for_a_moment() -> None:
    def touched(looks: Sequence[HandLook], seconds: float) -> tuple[float, ...]:
        room = Actions(shop())
        said: list[ArmAction] = []
        for tick in range(round(seconds * 10) + 1):
            told = [look for look in looks if look.at_ns == at_ns(tick / 10)]
            said += room.step([tracks([body(TAKES(tick / 10))], tick / 10)], at_ns(tick / 10 + 0.1), told)
        return said[-1].probabilities

    browses = tuple(0.96 if action is Action.BROWSE else 0.01 for action in ACTIONS)
    clip = HandLook("t0", 1, at_ns(3.4), 0.5, browses)
    place = ACTIONS.index(Action.BROWSE)
    alone = touched([HandLook("t0", 1, at_ns(3.4), 0.5)], 3.6)
    assert touched([clip], 3.6)[place] > 3 * alone[place]
    assert sum(touched([clip], 3.6)) == pytest.approx(1.0, abs=1e-3)
    other_hand = HandLook("t0", 0, at_ns(3.4), 0.5, browses)
    assert touched([other_hand], 3.6)[place] < 2 * alone[place]


def test_the_left_hand_is_read_like_the_right_one() -> None:
    right, left = run(TAKES), run(TAKES, is_left_handed=True)
    assert [message.verdict for message in left] == [message.verdict for message in right]
    assert {message.hand for message in left} == {0}


def test_a_hanging_hand_says_nothing() -> None:
    assert run(lambda _: HANGS) == []


def test_a_reach_keeps_its_id_and_counts_its_revisions() -> None:
    said = run(TAKES)
    assert len({message.action_id for message in said}) == 1
    assert [message.revision for message in said] == list(range(len(said)))
    assert said[-1].shelf_id == shop().gondolas[0].shelves[0].shelf_id
    assert all(abs(sum(message.probabilities) - 1.0) < 1e-3 for message in said)


def test_the_same_tracks_give_the_same_bytes() -> None:
    assert [encode(message) for message in run(TAKES)] == [encode(message) for message in run(TAKES)]
    assert decode(encode(run(TAKES)[0])) == run(TAKES)[0]


def test_a_message_that_comes_late_changes_nothing() -> None:
    room = Actions(shop())
    room.step([tracks([body(TAKES(2.5))], 2.5)], at_ns(2.6))
    assert room.step([tracks([body(TAKES(2.4))], 2.4)], at_ns(2.7)) == []


def test_a_hand_that_is_lost_is_said_to_be_over() -> None:
    room = Actions(shop())
    said: list[ArmAction] = []
    for tick in range(36):
        bodies = [body(TAKES(tick / 10))] if tick < 28 else []
        said += room.step([tracks(bodies, tick / 10)], at_ns(tick / 10))
    assert said[-1].is_over
    assert said[-1].verdict is Action.APPROACH


# Paths and features


def history_of(wrist: Path3, times_s: Sequence[float]) -> ArmHistory:
    history = ArmHistory(shop())
    for seconds in times_s:
        history.add(tracks([body(wrist(seconds))], seconds))
    return history


def test_uneven_sights_are_put_on_an_even_clock() -> None:
    rng = np.random.default_rng(3)
    uneven = np.cumsum(rng.uniform(0.04, 0.13, 80))
    uneven = [*uneven[uneven < 3.4].tolist(), 3.4]
    even = [tick / 10 for tick in range(35)]
    a = history_of(TAKES, uneven).paths(["t0"], at_ns(3.4))
    b = history_of(TAKES, even).paths(["t0"], at_ns(3.4))
    assert a.hands.tolist() == b.hands.tolist() == [1]
    assert np.nanmax(np.abs(a.joints_gondola_m - b.joints_gondola_m)) < 0.03


def test_nothing_is_made_up_in_a_gap() -> None:
    joints = history_of(TAKES, [0.0, 0.1, 1.0, 1.1, 2.6, 2.7]).paths(["t0"], at_ns(2.7)).joints_gondola_m[0]
    assert np.isnan(joints[: TICKS - 2, 0, 0]).sum() == TICKS - 2 - 4
    assert np.isfinite(joints[-2:, 0, 0]).all()


def test_unknown_joints_are_zero_and_say_so() -> None:
    paths = history_of(TAKES, [2.5, 2.6, 2.7]).paths(["t0"], at_ns(2.7))
    joints = paths.joints_gondola_m.copy()
    joints[:, -1, KEPT.index("right_wrist")] = np.nan
    features = features_of(joints, paths.hands, paths.boards_m, paths.holds_log_odds)
    assert np.isfinite(features).all()
    assert features[0, -1, FEATURES.index("hand_seen")] == 0.0
    assert features[0, -2, FEATURES.index("hand_seen")] == 1.0


def test_a_look_into_a_hand_counts_for_a_moment_and_for_that_hand() -> None:
    history = history_of(TAKES, [2.5, 2.6, 2.7])
    history.look(HandLook("t0", 1, at_ns(2.6), 0.9))
    history.look(HandLook("nobody", 1, at_ns(2.6), 0.9))
    odds = history.paths(["t0"], at_ns(2.7)).holds_log_odds[0]
    assert np.isnan(odds[:, 0]).all()
    assert np.isnan(odds[-3, 1])
    assert odds[-2:, 1] == pytest.approx([np.log(9.0)] * 2)


def test_memory_of_tracks_is_bounded() -> None:
    history = ArmHistory(shop(), PathSettings(tracks_max=3))
    history.add(tracks([body(HANGS)] * 5, 1.0))
    assert len(history.paths([f"t{number}" for number in range(5)], at_ns(1.0)).track_ids) <= 2 * 3
    assert at_ns(1.0) > START_NS


# The network's file


def test_the_shipped_network_says_what_it_is() -> None:
    network = ActionNetwork()
    assert network.metadata["kind"] == "arm-actions"
    assert sum(array.size for array in network._weights.values()) < 200_000
    said = network.probabilities(np.zeros((2, TICKS, len(FEATURES)), np.float32))
    assert said.shape == (2, len(ACTIONS))
    assert said.sum(axis=1) == pytest.approx(1.0)


def test_another_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such model file"):
        ActionNetwork(tmp_path / "none.npz")
    (tmp_path / "damaged.npz").write_bytes(SHIPPED.read_bytes()[:1000])
    with pytest.raises(ModelError, match="cannot load model"):
        ActionNetwork(tmp_path / "damaged.npz")
    metadata = np.frombuffer(json.dumps({"kind": "other"}).encode(), np.uint8)
    np.savez(tmp_path / "other.npz", metadata=metadata)
    with pytest.raises(ModelError, match="wrong model"):
        ActionNetwork(tmp_path / "other.npz")
