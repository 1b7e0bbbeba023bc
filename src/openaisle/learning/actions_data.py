"""Arm paths of simulated shoppers in random shops, with what each hand really did. Nothing is rendered.

Every random store lives one day in skeleton mode: keypoints as a good network would see them, tracked by the tracks
room itself. A sample is one hand's path as the action network gets it, labelled at its last tick. A data set is a
folder of shards, one a store:

    manifest.json                      how it was made, and how many samples of each action it has
    arms-1003/joints.npy               float16 [n, 32, 8, 4]  x y z confidence in the gondola's frame, m
    arms-1003/hands.npy                int8 [n]               0 left, 1 right
    arms-1003/boards.npy               float16 [n, 8, 2]      height and front edge of the gondola's boards, m
    arms-1003/holds.npy                bool [n, 32, 2]        whether each hand really held something
    arms-1003/actions.npy              int8 [n]               place in `Action`
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from openaisle.core.errors import InputError
from openaisle.core.messages import Action, FloorTracks
from openaisle.core.units import NS_PER_S
from openaisle.interactions.actions import ACTIONS
from openaisle.interactions.actions_paths import TICK_S, TICKS, ArmHistory, ArmPaths
from openaisle.interactions.reach import hands_of
from openaisle.learning.actions_truth import TrueReach, WatchedEyes, action_at
from openaisle.learning.people_data import (
    read_manifest,
    shard_folder,
    write_manifest,
    write_shard,
    write_stores,
)
from openaisle.learning.people_stores import fitted_store
from openaisle.sim.choices import Choices
from openaisle.sim.day import SimulatedDay
from openaisle.sim.episodes import EPISODES
from openaisle.sim.plan import DayPlan, Intent, PlannedVisit
from openaisle.sim.scripts import FAMILIES, plan_day
from openaisle.store.schema import Store
from openaisle.tracks.floor import tracks_of

KIND: Final = "arms"
ARRAYS: Final = ("joints", "hands", "boards", "holds", "actions")
MORE_OF: Final = (
    "touch_only", "touch_only", "touch_only", "touch_only", "touch_only", "put_back_right", "put_back_right",
    "put_back_wrong", "put_back_same_weight", "swap_same_weight", "hold_two_take_one", "look_alikes",
    "long_hold", "rapid_picks",
)  # fmt: skip
"""What every shopper of a teaching day does besides, drawn with equal odds."""
CAMERAS_PER_M2: Final = (0.3, 0.5)
"""`corner` has 0.4, `market` 0.7."""
MORE_DEEDS: Final = (3, 6)
_BEYOND_M: Final = 0.10


@dataclass(frozen=True, kw_only=True)
class ActionDataSettings:
    first_store: int = 1000  # seed
    stores: int = 100
    cameras: int = 0  # of each store; 0: as many as its size asks for
    visits: int = 16  # a day
    people_max: int = 5
    idle_kept: float = 0.08  # share of the moments at which a hand near a shelf does nothing
    busy_kept: float = 0.6  # of all others


class WatchedDay:
    """One simulated day: its tracks as they come, and afterwards the truth about the hands."""

    def __init__(self, store: Store, plan: DayPlan) -> None:
        self.store = store
        seed = plan.seed
        self.eyes = WatchedEyes(store, np.random.default_rng([seed, 31]))
        self._day = SimulatedDay(store, plan, vision=self.eyes)

    def tracks(self) -> Iterator[FloorTracks]:
        """Everything the tracks room says of the day. Can be run once."""
        for tracks in tracks_of(self.store, self._day.readings()):
            yield from (message for message in tracks if message.track_ids)
        self.eyes.close()

    def reaches(self) -> list[TrueReach]:
        """Once the day is over."""
        return self.eyes.reaches(self._day.shop.truth.events)


def action_store(seed: int, cameras: int = 0) -> Store:
    """The random shop of a seed: 15-32 m2, with as many cameras for its size as shops have that see hands.

    With a number of cameras, that many, whatever they see.
    """
    rng = np.random.default_rng([seed, 907])
    area_m2 = float(rng.uniform(15.0, 32.0))
    gondolas = int(rng.integers(3, 4 + int(area_m2 / 4)))
    aisle_m = float(rng.uniform(0.95, 1.6))
    cameras = cameras or round(area_m2 * rng.uniform(*CAMERAS_PER_M2))
    return fitted_store(seed, rng, area_m2=area_m2, gondolas=gondolas, aisle_m=aisle_m, cameras=cameras)


def teaching_plan(store: Store, seed: int, visits: int, people_max: int) -> DayPlan:
    """A day on which people touch and put back far more than they would: every family, and more deeds a visit."""
    # Every third day is an ordinary one, and every day begins with other families.
    families = FAMILIES[seed % len(FAMILIES) :] + FAMILIES[: seed % len(FAMILIES)]
    plan = plan_day(
        store,
        visit_count=visits,
        seed=seed,
        families="mixed" if seed % 3 == 0 else families,
        arrivals_per_minute=4.0,
        people_max=people_max,
    )
    choices = Choices(store, seed, np.random.default_rng([seed, 41]))
    return replace(plan, visits=tuple(_busier(visit, choices) for visit in plan.visits))


def _busier(visit: PlannedVisit, choices: Choices) -> PlannedVisit:
    if visit.is_staff:
        return visit
    more: list[Intent] = []
    for deed in range(choices.between(*MORE_DEEDS)):
        more += EPISODES[choices.pick_one(MORE_OF)](choices, f"{visit.visit_id}.{deed}")[0].intents
    return replace(visit, intents=(*visit.intents, *more))


@dataclass(frozen=True)
class _Moment:
    """A hand's path, not yet labelled."""

    paths: ArmPaths
    row: int
    tracks: FloorTracks


def synthesise(
    out: Path,
    settings: ActionDataSettings,
    *,
    workers: int = 1,
    report: Callable[[int], None] = lambda _: None,
) -> dict[str, Any]:
    """Write a data set, or what it still lacks; `report` hears the number of finished stores. Returns the manifest."""
    out.mkdir(parents=True, exist_ok=True)
    write = partial(_write_store, out, settings)
    counts = write_stores(write, settings.first_store, settings.stores, workers=workers, report=report)
    manifest = {"settings": asdict(settings), "counts": counts}
    write_manifest(out, manifest)
    return manifest


def _write_store(out: Path, settings: ActionDataSettings, seed: int) -> dict[str, int]:
    """The shard of one store, unless it is there already: a run that was stopped goes on."""
    folder = shard_folder(out, KIND, seed)
    if not folder.is_dir():
        write_shard(out, KIND, seed, samples_of(seed, settings))
    actions = np.load(folder / "actions.npy")
    return {action.value: int((actions == place).sum()) for place, action in enumerate(ACTIONS)}


def samples_of(seed: int, settings: ActionDataSettings) -> dict[str, np.ndarray]:
    """The samples of one store's day, as arrays by name."""
    store = action_store(seed, settings.cameras)
    day = WatchedDay(store, teaching_plan(store, seed, settings.visits, settings.people_max))
    history = ArmHistory(day.store)
    rng = np.random.default_rng([seed, 37])
    moments: list[_Moment] = []
    for tracks in day.tracks():
        history.add(tracks)
        paths = history.paths(tracks.track_ids, tracks.captured_ns)
        moments += [
            _Moment(paths, row, tracks)
            for row in range(len(paths.hands))
            if rng.random() < settings.busy_kept
        ]
    of_hand = by_hand(day.reaches())
    kept: list[tuple[_Moment, Action, np.ndarray]] = []
    idle_kept = settings.idle_kept / settings.busy_kept
    for moment in moments:
        found = _truth_of(moment, day.eyes, of_hand)
        if found is not None and (found[0] is not Action.NONE or rng.random() < idle_kept):
            kept.append((moment, *found))
    rows = [(moment.paths, moment.row) for moment, _, _ in kept]
    return {
        "joints": np.array([p.joints_gondola_m[r] for p, r in rows], np.float16).reshape(-1, TICKS, 8, 4),
        "hands": np.array([p.hands[r] for p, r in rows], np.int8),
        "boards": np.array([p.boards_m[r] for p, r in rows], np.float16).reshape(-1, 8, 2),
        "holds": np.array([holds for _, _, holds in kept], bool).reshape(-1, TICKS, 2),
        "actions": np.array([ACTIONS.index(action) for _, action, _ in kept], np.int8),
    }


def load_samples(data: Sequence[Path]) -> dict[str, np.ndarray]:
    """All samples of some data sets, by array name."""
    folders = [shard for folder in data for shard in sorted(folder.glob(f"{KIND}-*"))]
    if not folders:
        raise InputError(
            "no training samples",
            file=", ".join(str(folder) for folder in data),
            expected=f"folders {KIND}-*, made by `learn synthesise actions`",
        )
    return {name: np.concatenate([np.load(shard / f"{name}.npy") for shard in folders]) for name in ARRAYS}


def idle_weight(data: Sequence[Path]) -> float:
    """For how many moments one in which a hand does nothing stands, against all others."""
    settings = [read_manifest(folder)["settings"] for folder in data]
    weights = {each["busy_kept"] / each["idle_kept"] for each in settings}
    if len(weights) != 1:
        raise InputError(
            "data sets do not go together",
            field="--data",
            expected="the same busy_kept / idle_kept",
            found=weights,
        )
    return weights.pop()


def by_hand(reaches: Sequence[TrueReach]) -> dict[tuple[int, int], list[TrueReach]]:
    """Reaches of each body and hand, by time."""
    found: dict[tuple[int, int], list[TrueReach]] = {}
    for reach in sorted(reaches, key=lambda reach: (reach.done_ns, reach.body_id, reach.hand)):
        found.setdefault((reach.body_id, reach.hand), []).append(reach)
    return found


def true_body(eyes: WatchedEyes, tracks: FloorTracks, row: int) -> tuple[int, bool] | None:
    """Whose body a track really is, and whether its left hand is the right one; None where nobody is."""
    body_id = eyes.body_of(tracks, row)
    if body_id is None:
        return None
    tracked = hands_of(tracks.joints_floor_m[row : row + 1], _BEYOND_M)[0]
    return body_id, eyes.is_swapped(body_id, tracks.captured_ns, tracked)


def _truth_of(
    moment: _Moment, eyes: WatchedEyes, of_hand: dict[tuple[int, int], list[TrueReach]]
) -> tuple[Action, np.ndarray] | None:
    """What the hand does at the last tick, and what the track's left and right hand held [TICKS, 2]."""
    paths, row = moment.paths, moment.row
    body = true_body(eyes, moment.tracks, moment.tracks.track_ids.index(paths.track_ids[row]))
    if body is None:
        return None
    body_id, is_swapped = body
    reaches = of_hand.get((body_id, int(paths.hands[row]) ^ is_swapped), [])
    action, index = action_at(reaches, paths.at_ns)
    if index >= 0 and reaches[index].gondola_id != paths.gondolas[row].gondola_id:
        return None  # it reaches into another gondola than the one it seems nearest to
    grid_ns = paths.at_ns - np.round(np.arange(TICKS - 1, -1, -1) * TICK_S * NS_PER_S).astype(np.int64)
    holds = eyes.holds_at(body_id, grid_ns)
    return action, holds[:, ::-1] if is_swapped else holds
