"""How well arms are read, on days of random shops that no network was taught on.

Every true reach is judged at two moments, each from what was seen up to it: late in its approach, and `JUDGED_AFTER_S`
after the hand left the shelf. Beside them stands one moment a second at which a hand near a shelf did nothing. A hand
that the tracker lost, or saw nearer to another gondola, is judged to do nothing: that is what the shop would hear.
Figures are given of all reaches, and of those whose hand the tracker had within `TRACKED_M` of where it was.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

import numpy as np

from openaisle.core.messages import Action, FloorTracks
from openaisle.core.units import NS_PER_S
from openaisle.interactions.actions import ACTIONS, DEEDS, Actions
from openaisle.interactions.actions_network import ActionNetwork
from openaisle.interactions.actions_paths import WRISTS, ArmHistory, ArmPaths, HandLook, beyond_wrists
from openaisle.learning.actions_data import WatchedDay, action_store, by_hand, teaching_plan, true_body
from openaisle.learning.actions_looks import looked_log_odds
from openaisle.learning.actions_truth import TrueReach, WatchedEyes, action_at
from openaisle.learning.reliability import Head, reliability
from openaisle.sim.scripts import plan_day
from openaisle.store.schema import Store

JUDGED_AFTER_S: Final = 0.3
CURVE_S: Final = (-0.2, 0.0, 0.1, 0.2, 0.3, 0.5)  # after the hand left
APPROACH_SHARE: Final = 0.75  # of its time that has passed when an approach is judged
SEEN_WITHIN_NS: Final = 4 * NS_PER_S // 10  # an older judgement says nothing of now
IDLE_EVERY_NS: Final = NS_PER_S
TRACKED_NS: Final = NS_PER_S // 2
TRACKED_M: Final = 0.15
SECOND_TICKS: Final = 10
EDGE_NS: Final = (
    3 * NS_PER_S // 10
)  # this near a reach's beginning or end, to do nothing is a matter of definition
NAMED: Final = (Action.APPROACH, *DEEDS)
Days = Literal["teaching", "mixed"]


@dataclass(frozen=True, kw_only=True)
class ActionsHeldOut:
    """Stores to measure on, by seed; or named ones."""

    first_store: int = 9000
    stores: int = 6
    named: tuple[str, ...] = ()  # shipped stores instead
    visits: int = 16  # a day
    people_max: int = 5
    days: Days = "teaching"  # every family and many touches and put-backs; or ordinary days


@dataclass(frozen=True)
class Judged:
    """What was made of one moment."""

    truth: Action
    probabilities: np.ndarray  # [actions]
    is_seen: bool
    is_tracked: bool = True  # the tracker had the hand about where it was, for the half second before
    wrist_confidence: float = 0.0  # mean over the second before
    height_m: float = math.nan  # of the goods reached for; NaN where the hand does nothing


@dataclass
class Judgements:
    """All moments of some days."""

    reaches: int = 0
    moments: list[Judged] = field(default_factory=list)
    curve: dict[float, list[Judged]] = field(default_factory=lambda: {after_s: [] for after_s in CURVE_S})
    ticks: list[tuple[Action, np.ndarray]] = field(default_factory=list)  # every judgement of a known hand

    def add(self, other: Judgements) -> None:
        self.reaches += other.reaches
        self.moments += other.moments
        self.ticks += other.ticks
        for after_s, judged in other.curve.items():
            self.curve[after_s] += judged


def measure(
    network: ActionNetwork, held_out: ActionsHeldOut, report: Callable[[int], None] = lambda _: None
) -> dict[str, Any]:
    """Figures without and with looks into hands, as plain JSON values."""
    without, with_looks = judge(network, held_out, report)
    return {"without_looks": figures_of(without), "with_looks": figures_of(with_looks)}


def judge(
    network: ActionNetwork, held_out: ActionsHeldOut, report: Callable[[int], None] = lambda _: None
) -> tuple[Judgements, Judgements]:
    """All moments of all days: without and with looks. `report` hears the number of finished days."""
    without, with_looks = Judgements(), Judgements()
    for done, (store, seed) in enumerate(_stores(held_out), start=1):
        day = WatchedDay(store, _plan(store, seed, held_out))
        tracks = list(day.tracks())
        for judgements, of_day in zip(
            (without, with_looks), judge_day(day, tracks, network, seed), strict=True
        ):
            judgements.add(of_day)
        report(done)
    return without, with_looks


def _stores(held_out: ActionsHeldOut) -> list[tuple[Store, int]]:
    if held_out.named:
        from openaisle.store.load import load_store

        return [(load_store(name), held_out.first_store + index) for index, name in enumerate(held_out.named)]
    seeds = range(held_out.first_store, held_out.first_store + held_out.stores)
    return [(action_store(seed), seed) for seed in seeds]


def _plan(store: Store, seed: int, held_out: ActionsHeldOut):
    if held_out.days == "teaching":
        return teaching_plan(store, seed, held_out.visits, held_out.people_max)
    return plan_day(
        store, visit_count=held_out.visits, seed=seed, arrivals_per_minute=4.0, people_max=held_out.people_max
    )


@dataclass(frozen=True)
class _Line:
    """Everything said of one true hand, by time."""

    at_ns: list[int]
    gondola_ids: list[str]
    probabilities: list[np.ndarray]
    errors_m: list[float]  # of the tracked hand; NaN while it was not seen
    wrist_confidences: list[float]  # mean over the second before

    def is_tracked(self, at_ns: int) -> bool:
        """Whether at least half of the half second's sights of the hand, unseen ones included, were near the truth."""
        first, last = bisect_right(self.at_ns, at_ns - TRACKED_NS), bisect_right(self.at_ns, at_ns)
        errors_m = np.array(self.errors_m[first:last])
        return bool(len(errors_m)) and bool((errors_m <= TRACKED_M).mean() >= 0.5)

    def before(self, at_ns: int, gondola_id: str) -> int | None:
        """Place of the newest judgement up to a time, of one gondola; None if there is none that is young enough."""
        place = bisect_right(self.at_ns, at_ns) - 1
        if place < 0 or at_ns - self.at_ns[place] > SEEN_WITHIN_NS or self.gondola_ids[place] != gondola_id:
            return None
        return place


def judge_day(
    day: WatchedDay, tracks: Sequence[FloorTracks], network: ActionNetwork, seed: int
) -> tuple[Judgements, Judgements]:
    """Judge all moments of a day that is over: without looks into hands, and with looks drawn from the truth."""
    history, judge = ArmHistory(day.store), Actions(day.store, network)
    lines: tuple[dict[tuple[int, int], _Line], ...] = ({}, {})
    for message in tracks:
        history.add(message)
        paths = history.paths(message.track_ids, message.captured_ns)
        if not len(paths.hands):
            continue
        rows = {track_id: row for row, track_id in enumerate(message.track_ids)}
        bodies = {track_id: true_body(day.eyes, message, rows[track_id]) for track_id in set(paths.track_ids)}
        blind = replace(paths, holds_log_odds=np.full_like(paths.holds_log_odds, np.nan))
        said = [judge.judged(blind), judge.judged(paths)]
        for row, track_id in enumerate(paths.track_ids):
            body = bodies[track_id]
            if body is None:
                continue
            body_id, is_swapped = body
            truth = (body_id, int(paths.hands[row]) ^ is_swapped)
            true_m = day.eyes.hands_at(body_id, paths.at_ns)[truth[1]]
            local_m = paths.gondolas[row].floor_from_gondola.inverse().apply(true_m)
            error_m = float(np.linalg.norm(gondola_hand(paths, row) - local_m))
            wrist = paths.joints_gondola_m[row, -SECOND_TICKS:, WRISTS, 3][:, int(paths.hands[row])]
            confidence = float(np.nan_to_num(wrist).mean())
            for of_variant, probabilities in zip(lines, said, strict=True):
                line = of_variant.setdefault(truth, _Line([], [], [], [], []))
                line.wrist_confidences.append(confidence)
                line.at_ns.append(message.captured_ns)
                line.gondola_ids.append(paths.gondolas[row].gondola_id)
                line.probabilities.append(probabilities[row])
                line.errors_m.append(error_m)
            # What is seen in a hand now is known when the next tracks come.
            look = _look(day, paths, row, truth, seed)
            if look is not None:
                history.look(look)
    of_hand = by_hand(day.reaches())
    without, with_looks = (_judgements(of_variant, of_hand, day.eyes) for of_variant in lines)
    return without, with_looks


def _judgements(
    lines: Mapping[tuple[int, int], _Line],
    of_hand: Mapping[tuple[int, int], Sequence[TrueReach]],
    eyes: WatchedEyes,
) -> Judgements:
    found = Judgements(reaches=sum(map(len, of_hand.values())))
    for truth, reaches in sorted(of_hand.items()):
        _judge_reaches(found, lines.get(truth, _Line([], [], [], [], [])), reaches, eyes)
    for truth, line in sorted(lines.items()):
        _judge_ticks(found, line, of_hand.get(truth, []))
    return found


def gondola_hand(paths: ArmPaths, row: int) -> np.ndarray:
    """Where the tracker has a hand [3] now, in its gondola's frame; NaN where it does not see it."""
    return beyond_wrists(paths.joints_gondola_m[row, -1], 0.10)[int(paths.hands[row])]


def _judge_reaches(found: Judgements, line: _Line, reaches: Sequence[TrueReach], eyes: WatchedEyes) -> None:
    for reach, following in zip(reaches, [*reaches[1:], None], strict=True):
        height_m = float(eyes.hands_at(reach.body_id, reach.done_ns)[reach.hand, 2])
        late_ns = reach.began_ns + round(APPROACH_SHARE * (reach.done_ns - reach.began_ns))
        approach = _judged(Action.APPROACH, line, late_ns, reach.gondola_id)
        found.moments.append(replace(approach, height_m=height_m))
        for after_s in CURVE_S:
            at_ns = reach.left_ns + round(after_s * NS_PER_S)
            if following is not None:  # whose hand is on its way again is judged before it is
                at_ns = max(min(at_ns, following.began_ns), reach.done_ns)
            judged = replace(_judged(reach.action, line, at_ns, reach.gondola_id), height_m=height_m)
            found.curve[after_s].append(judged)
            if after_s == JUDGED_AFTER_S:
                found.moments.append(judged)


def _judge_ticks(found: Judgements, line: _Line, reaches: Sequence[TrueReach]) -> None:
    idle_ns = 0
    for at_ns, gondola_id, probabilities, confidence in zip(
        line.at_ns, line.gondola_ids, line.probabilities, line.wrist_confidences, strict=True
    ):
        action, index = action_at(reaches, at_ns)
        if index >= 0 and reaches[index].gondola_id != gondola_id:
            continue
        found.ticks.append((action, probabilities))
        if action is not Action.NONE or at_ns - idle_ns < IDLE_EVERY_NS:
            continue
        if all(action_at(reaches, at_ns + off_ns)[1] < 0 for off_ns in (-EDGE_NS, EDGE_NS)):
            idle_ns = at_ns
            found.moments.append(Judged(action, probabilities, True, wrist_confidence=confidence))


def _judged(truth: Action, line: _Line, at_ns: int, gondola_id: str) -> Judged:
    place = line.before(at_ns, gondola_id)
    is_tracked = line.is_tracked(at_ns)
    if place is None:
        return Judged(truth, np.array([1.0] + [0.0] * (len(ACTIONS) - 1)), False, is_tracked)
    return Judged(truth, line.probabilities[place], True, is_tracked, line.wrist_confidences[place])


def _look(day: WatchedDay, paths: ArmPaths, row: int, truth: tuple[int, int], seed: int) -> HandLook | None:
    """A look into a hand, where it can be looked into; what is wrong about looks stays for a second."""
    body_id, true = truth
    holds = day.eyes.holds_at(body_id, np.array([paths.at_ns]))[:, None, [true, true]]
    rng = np.random.default_rng([seed, 43, body_id, true, paths.at_ns])
    staying = np.random.default_rng([seed, 47, body_id, true, paths.at_ns // NS_PER_S])
    hand = int(paths.hands[row])
    drawn = looked_log_odds(holds, paths.joints_gondola_m[row : row + 1, -1:], rng, staying)[0, 0, hand]
    if not np.isfinite(drawn):
        return None
    return HandLook(paths.track_ids[row], hand, paths.at_ns, float(1.0 / (1.0 + np.exp(-drawn))))


# --- figures ------------------------------------------------------------------------------------------------------


def figures_of(found: Judgements) -> dict[str, Any]:
    """Of all moments, and of those at which the hand was tracked."""
    tracked = [judged for judged in found.moments if judged.is_tracked]
    tick_truths = np.array([ACTIONS.index(action) for action, _ in found.ticks])
    tick_said = np.array([probabilities for _, probabilities in found.ticks]).reshape(-1, len(ACTIONS))
    return {
        "reaches": found.reaches,
        **_of_moments(found.moments),
        "deed_macro_f1_after_s": {
            str(after_s): _rounded(deed_f1([each for each in judged if each.is_seen]))
            for after_s, judged in found.curve.items()
        },
        "tracked": _of_moments(tracked),
        "ticks": len(tick_truths),
        "calibration_error_ticks": _rounded(answers("every tick", tick_truths, tick_said).error),
    }


def _of_moments(moments: Sequence[Judged]) -> dict[str, Any]:
    truths = np.array([ACTIONS.index(judged.truth) for judged in moments])
    said = np.array([judged.probabilities for judged in moments]).reshape(-1, len(ACTIONS))
    seen = np.array([judged.is_seen for judged in moments], bool)
    confusion = confusion_of(truths, said.argmax(axis=1))
    f1 = f1_of(confusion)
    head = answers("action", truths[seen], said[seen])
    return {
        "moments": len(truths),
        "not_seen": int((~seen).sum()),
        "macro_f1": _rounded(np.mean([f1[ACTIONS.index(action)] for action in NAMED])),
        "f1": {action.value: _rounded(f1[place]) for place, action in enumerate(ACTIONS)},
        "confusion": {  # truth -> said -> moments
            row.value: {column.value: int(confusion[i, j]) for j, column in enumerate(ACTIONS)}
            for i, row in enumerate(ACTIONS)
        },
        "calibration_error": _rounded(head.error),
        "reliability": [{"count": each.count, "said": each.said, "right": each.right} for each in head.bins],
    }


def deed_f1(judged: Sequence[Judged]) -> float:
    """Macro-F1 of the deed alone, whatever else the hand may be said to do: which of the three is likeliest."""
    first = ACTIONS.index(DEEDS[0])
    truths = np.array([ACTIONS.index(each.truth) for each in judged])
    said = np.array([each.probabilities for each in judged]).reshape(-1, len(ACTIONS))[:, first:]
    place = np.where(said.sum(axis=1) > 0.0, first + said.argmax(axis=1), 0)
    return float(np.mean(f1_of(confusion_of(truths, place))[first:]))


def confusion_of(truths: np.ndarray, said: np.ndarray) -> np.ndarray:
    """Counts [truth, said]."""
    table = np.zeros((len(ACTIONS), len(ACTIONS)), np.int64)
    np.add.at(table, (truths, said), 1)
    return table


def f1_of(confusion: np.ndarray) -> np.ndarray:
    """F1 of each class; 0 for one that neither came nor was said."""
    right = np.diag(confusion)
    both = confusion.sum(axis=0) + confusion.sum(axis=1)
    return np.where(both > 0, 2 * right / np.maximum(both, 1), 0.0)


def answers(name: str, truths: np.ndarray, said: np.ndarray) -> Head:
    """How far the likeliest action's probability [n, actions] holds, with places of the truth [n]."""
    if not len(truths):
        return reliability(name, [], [])
    return reliability(name, said.max(axis=1), said.argmax(axis=1) == truths)


def _rounded(value: float | np.floating) -> float:
    return round(float(value), 4)
