"""Nobody is known by their looks once their visit is over: the whole state of the path is searched for them."""

from __future__ import annotations

import gc
import types
from collections.abc import Iterator

import numpy as np
import pytest
from tests.unit.tracks.test_floor import THROUGH
from tests.unit.tracks.walkers import Walker, World, bare_room, closed, play_path, seconds_of, tap

from openaisle.adapters.event_log_memory import MemoryEventLog
from openaisle.core.messages import CameraDetections
from openaisle.pipeline import Pipeline

LOOK = tuple(np.random.default_rng(8).normal(size=24).tolist())
OTHER = tuple(np.random.default_rng(9).normal(size=24).tolist())
STAYS = Walker(((1.5, 1.0, -1.0), (3.5, 1.0, 1.0), (6.0, 2.2, 2.0), (90.0, 2.4, 2.2)), look=OTHER)


def arrays_in(root: object) -> Iterator[np.ndarray]:
    """Every array that can be reached from an object."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        found = waiting.pop()
        if id(found) in seen or isinstance(found, type | types.ModuleType | types.FunctionType):
            continue
        seen.add(id(found))
        if isinstance(found, np.ndarray):
            yield found
            waiting += [found.base] if found.base is not None else []
        if gc.is_tracked(found) or isinstance(found, dict | list | tuple | set):
            waiting += gc.get_referents(found)


def places_of(look: tuple[float, ...], root: object) -> int:
    """How many stretches of numbers in reachable arrays point the way a look does."""
    unit = np.array(look) / np.linalg.norm(look)
    count = 0
    for array in arrays_in(root):
        if array.dtype.kind != "f" or array.size < len(unit):
            continue
        numbers = np.nan_to_num(array.astype(np.float64).ravel(), posinf=0.0, neginf=0.0)
        stretches = np.lib.stride_tricks.sliding_window_view(numbers, len(unit))
        norms = np.linalg.norm(stretches, axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            count += int(np.nansum(stretches @ unit / norms > 0.9))
    return count


@pytest.mark.parametrize("leaves", [True, False], ids=["by the exit", "pressing out, unseen"])
def test_a_minute_after_the_exit_nothing_in_memory_looks_like_who_left(leaves: bool) -> None:
    ana = Walker(THROUGH.points if leaves else THROUGH.points[:4], look=LOOK)
    world = World(bare_room(), [ana, STAYS], seed=11)
    taps = [tap("ana", 0.6), tap("bob", 2.2)]
    if not leaves:
        taps.append(tap("ana", 9.0, direction="exit"))
    pipeline = Pipeline(world.store, MemoryEventLog())
    frames: list[CameraDetections] = world.film(80.0)
    arrived = [frame for frame in frames if seconds_of(frame.received_ns) <= 7.0]
    play_path(pipeline, arrived, taps[:2], 7.0)
    assert places_of(LOOK, pipeline) > 0, "the search finds whoever is in the shop"

    said = []
    for frame in sorted([*frames[len(arrived) :], *taps[2:]], key=lambda reading: reading.received_ns):
        said += pipeline.step([frame], frame.received_ns)
    (end,) = closed(said)
    assert end.visit_id == "ana"
    assert 60.0 < 80.0 - seconds_of(end.closed_ns) < 70.0
    assert places_of(LOOK, pipeline) == 0
    assert places_of(OTHER, pipeline) > 0, "who is still there is still known"


def test_of_whoever_leaves_the_measures_of_the_body_are_wiped_too() -> None:
    world = World(bare_room(), [THROUGH], seed=11)
    pipeline = Pipeline(world.store, MemoryEventLog())
    play_path(pipeline, world.film(20.0), [tap("ana", 0.6)], 20.0)
    bodies = pipeline._tracks._crowd.bodies
    assert bodies.free_count == bodies.tracks_max
    assert not bodies.bone_m.any()
    assert not bodies.height_m.any()
