"""The report on the network that reads arms: figures, the same by family, reliability."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from openaisle.core.messages import Action
from openaisle.interactions.actions import ACTIONS, DEEDS
from openaisle.interactions.actions_network import ActionNetwork
from openaisle.learning.actions_measure import (
    JUDGED_AFTER_S,
    ActionsHeldOut,
    Days,
    Judged,
    Judgements,
    answers,
    figures_of,
    judge,
)
from openaisle.learning.reliability import Head, reliability
from openaisle.learning.report import Family, FamilyRow, Report, cut, store_seeds

DAYS: Final[tuple[Days, ...]] = ("teaching", "mixed")
_TAKE: Final = ACTIONS.index(Action.TAKE)


def examine(
    network: ActionNetwork,
    *,
    first_store: int = 9000,
    stores: int = 5,
    visits: int = 16,
    report: Callable[[int], None] = lambda _: None,
) -> Report:
    """Days of every family and ordinary ones in random stores; `report` hears the number of finished days.

    Families and reliability are of the days of every family, the arm alone.
    """
    parts: dict[str, Any] = {}
    judged: dict[str, tuple[Judgements, Judgements]] = {}
    for number, days in enumerate(DAYS):
        held_out = ActionsHeldOut(first_store=first_store, stores=stores, visits=visits, days=days)
        judged[days] = judge(network, held_out, lambda done, before=number * stores: report(before + done))
        without, with_looks = judged[days]
        parts[f"random_{days}"] = {
            "without_looks": figures_of(without),
            "with_looks": figures_of(with_looks),
        }
    figures = {
        "judged_after_s": JUDGED_AFTER_S,
        "temperature": network.temperature,
        "parts": parts,
    }
    return Report(
        subject="Arms",
        on=store_seeds(first_store, stores),
        held_out={"first_store": first_store, "stores": stores, "visits": visits},
        figures=figures,
        lines=lines(parts),
        families=families(judged),
        heads=heads(judged["teaching"][0]),
    )


def lines(parts: dict[str, Any]) -> list[tuple[str, str]]:
    """The main figures for people to read."""
    rows: list[tuple[str, str]] = []
    for part, both in parts.items():
        for looks, found in both.items():
            f1 = ", ".join(f"{action} {value:.3f}" for action, value in found["f1"].items())
            name = f"{part.removeprefix('random_')} days, {looks.replace('_', ' ')}"
            rows += [
                (f"{name}: macro-F1", f"{found['macro_f1']:.3f}  ({f1}; {found['reaches']} reaches)"),
                (f"{name}: calibration error", f"{found['calibration_error']:.3f}"),
            ]
    return rows


def heads(found: Judgements) -> list[Head]:
    """The likeliest action at judged moments and at every tick, and the probability of a take by itself."""
    moments = [each for each in found.moments if each.is_seen]
    truths, said = _arrays([(each.truth, each.probabilities) for each in moments])
    tick_truths, tick_said = _arrays(found.ticks)
    return [
        answers("action, judged moments", truths, said),
        answers("action, every tick", tick_truths, tick_said),
        reliability("take, judged moments", said[:, _TAKE], truths == _TAKE),
    ]


def families(judged: dict[str, tuple[Judgements, Judgements]]) -> list[Family]:
    """By what the hand does, how much of the arm is seen, where the goods stand, what is known of the hand."""
    moments = judged["teaching"][0].moments
    reaches = [each for each in moments if each.truth is not Action.NONE]
    truths, said = _arrays([(each.truth, each.probabilities) for each in moments])
    chosen = said.argmax(axis=1)
    actions: list[FamilyRow] = []
    for place, action in enumerate(ACTIONS):
        is_true, is_said = truths == place, chosen == place
        both = float((is_true & is_said).sum())
        actions.append(
            FamilyRow(
                label=action.value.replace("_", " "),
                count=int(is_true.sum()),
                figures={"found": _over(both, is_true.sum()), "right when said": _over(both, is_said.sum())},
            )
        )
    sureness = cut(
        [each.wrist_confidence for each in reaches],
        (0.3, 0.5, 0.7),
        ("below 0.3", "0.3 to 0.5", "0.5 to 0.7", "0.7 and up"),
    )
    heights = cut(
        [each.height_m for each in reaches], (0.6, 1.3), ("below 0.6 m", "0.6 to 1.3 m", "1.3 m and up")
    )
    tracked = [
        _row(label, [each for each in reaches if each.is_tracked is wanted])
        for label, wanted in (("within 15 cm", True), ("lost or elsewhere", False))
    ]
    known = [
        _row(f"{days} days, {looks}", [each for each in found.moments if each.truth is not Action.NONE])
        for days, both in judged.items()
        for looks, found in zip(("arm alone", "with looks"), both, strict=True)
    ]
    rows = {
        "what the hand does": ("moments", actions),
        "occlusion (confidence of the wrist, a second's mean)": (
            "moments",
            [_row(label, _chosen(reaches, each)) for label, each in sureness],
        ),
        "height of the goods": ("moments", [_row(label, _chosen(reaches, each)) for label, each in heights]),
        "where the tracker has the hand": ("moments", tracked),
        "days, and looks into hands": ("moments", known),
    }
    return [Family(name=name, cases=cases, rows=tuple(some)) for name, (cases, some) in rows.items()]


def _row(label: str, moments: Sequence[Judged]) -> FamilyRow:
    approaches = [each for each in moments if each.truth is Action.APPROACH]
    deeds = [each for each in moments if each.truth in DEEDS]
    figures = {
        "approach found": _right(approaches),
        "deed right": _right(deeds),
        "deed heard at all": _over(sum(each.is_seen for each in deeds), len(deeds)),
    }
    return FamilyRow(label=label, count=len(moments), figures=figures)


def _right(moments: Sequence[Judged]) -> float:
    right = sum(ACTIONS[int(each.probabilities.argmax())] is each.truth for each in moments)
    return _over(right, len(moments))


def _over(part: float, whole: float) -> float:
    return float(part) / float(whole) if whole else math.nan


def _chosen(moments: Sequence[Judged], chosen: np.ndarray) -> list[Judged]:
    return [each for each, is_in in zip(moments, chosen, strict=True) if is_in]


def _arrays(said: Sequence[tuple[Action, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Places of the true actions [n] and probabilities [n, actions]."""
    truths = np.array([ACTIONS.index(truth) for truth, _ in said], np.int64)
    return truths, np.array([probabilities for _, probabilities in said]).reshape(-1, len(ACTIONS))
