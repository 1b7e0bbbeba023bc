"""Are hand-overs told from hands that only came near? Measured on random shops; and the weights, fitted again.

A meeting (interactions/meetings.py) is judged by a logistic model of a few numbers. Its weights are fitted here, by
ridge regression, to meetings of simulated shoppers whose truth is known.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from openaisle.core.messages import TrackId, VisitId
from openaisle.core.units import NS_PER_S
from openaisle.interactions.meetings import Meeting, Meetings
from openaisle.interactions.settings import MeetingSettings
from openaisle.learning.actions_data import action_store
from openaisle.sim.day import SimulatedDay
from openaisle.sim.scripts import plan_day
from openaisle.tracks.floor import tracks_of

Floats = NDArray[np.float64]

FAMILIES: Final = ("exchange", "staff", "exchange", "group", "exchange", "crowd", "occluded", "crossing_arms")
CROWDED: Final = "crowded_store"  # every other shop is: there hands meet by accident all the time
VISITS: Final = 16  # a shop
NEAR_NS: Final = NS_PER_S  # between a meeting and the moment at which goods changed hands
RIDGE: Final = 1.0
NAMES: Final = ("bias", "distance_m", "facing", "aside_m", "lowered", "reach_m", "doubt", "crowd")
DISTANCE: Final = NAMES.index("distance_m")


@dataclass(frozen=True)
class Judged:
    """Meetings of two people of different visits."""

    features: Floats  # [meetings, 8], in the order of NAMES
    are_passings: NDArray[np.bool_]  # [meetings]


def meetings_of(seed: int) -> Judged:
    """All meetings of one day in the random shop of a seed, and which of them passed something on."""
    store = action_store(seed)
    families = (*FAMILIES, CROWDED) if seed % 2 else FAMILIES
    plan = plan_day(
        store, visit_count=VISITS, seed=seed, families=families, arrivals_per_minute=4.0, people_max=5
    )
    day = SimulatedDay(store, plan, vision="skeleton")
    meetings = Meetings(store, replace(MeetingSettings(), log_odds_min=-np.inf))
    found: list[Meeting] = []
    visit_of: dict[TrackId, VisitId] = {}
    for tracks in tracks_of(store, day.readings()):
        for message in tracks:
            pairs = zip(message.track_ids, message.visit_ids, strict=True)
            visit_of |= {track_id: visit_id for track_id, visit_id in pairs if visit_id}
        found += meetings.step(tracks)
    found += meetings.finish()
    given = [event for event in day.shop.truth.events if event.kind in ("give", "get")]
    judged: list[Meeting] = []
    passed: dict[int, tuple[int, ...]] = {}  # index of a meeting: which of `given` it was
    for meeting in found:
        visits = {visit_of.get(hand.track_id) for hand in meeting.hands}
        if None in visits or len(visits) < 2:
            continue
        near = [at for at, event in enumerate(given) if abs(event.at_ns - meeting.at_ns) < NEAR_NS]
        if visits <= {given[at].visit_id for at in near}:
            passed[len(judged)] = tuple(at for at in near if given[at].visit_id in visits)
        judged.append(meeting)
    # Of the four pairs of hands of two people who pass something the nearest one does; the others say nothing.
    nearest = {
        min(
            (index for index in passed if passed[index] == which),
            key=lambda at: judged[at].features[DISTANCE],
        )
        for which in set(passed.values())
    }
    kept = [index for index in range(len(judged)) if index in nearest or index not in passed]
    features = [judged[index].features for index in kept]
    return Judged(
        np.array(features).reshape(-1, len(NAMES)), np.array([index in nearest for index in kept], bool)
    )


def gather(first_store: int, stores: int, done: Callable[[int], None] = lambda _: None) -> Judged:
    """Meetings of several shops."""
    days: list[Judged] = []
    for number in range(stores):
        days.append(meetings_of(first_store + number))
        done(number + 1)
    return Judged(
        np.concatenate([day.features for day in days]), np.concatenate([day.are_passings for day in days])
    )


def fitted(judged: Judged) -> tuple[float, ...]:
    """Weights by logistic ridge regression (Newton's method), features brought to one scale; the bias is free."""
    features, wanted = judged.features, judged.are_passings.astype(np.float64)
    mean, sd = features.mean(axis=0), features.std(axis=0)
    mean[0], sd[0] = 0.0, 1.0
    scaled = (features - mean) / np.maximum(sd, 1e-9)
    ridge = np.diag([0.0, *[RIDGE] * (len(NAMES) - 1)])
    weights = np.zeros(len(NAMES))
    for _ in range(50):
        share = _share(scaled @ weights)
        slope = scaled.T @ (share - wanted) + ridge @ weights
        curve = (scaled * (share * (1 - share))[:, None]).T @ scaled + ridge
        weights = weights - np.linalg.solve(curve + 1e-9 * np.eye(len(NAMES)), slope)
    raw = weights / np.maximum(sd, 1e-9)
    raw[0] -= float((weights[1:] * mean[1:] / np.maximum(sd[1:], 1e-9)).sum())
    return tuple(round(float(weight), 2) for weight in raw)


def figures(judged: Judged, weights: tuple[float, ...]) -> dict[str, Any]:
    """How well weights tell hand-overs: surprise in nats, and what is found and falsely found at even odds."""
    share = np.clip(_share(judged.features @ np.array(weights)), 1e-6, 1.0 - 1e-6)
    wanted = judged.are_passings
    said = share >= 0.5
    return {
        "meetings": len(wanted),
        "hand_overs": int(wanted.sum()),
        "log_loss": round(float(-np.log(np.where(wanted, share, 1.0 - share)).mean()), 4),
        "found": int((said & wanted).sum()),
        "falsely_found": int((said & ~wanted).sum()),
        "weights": dict(zip(NAMES, weights, strict=True)),
    }


def _share(log_odds: Floats) -> Floats:
    return 1.0 / (1.0 + np.exp(-np.clip(log_odds, -30.0, 30.0)))
