"""What the path below the seam costs a busy shop, and how long it takes to decide when many take at once.

Processor time of this process, skeletons in place of pixels; nothing here is a figure of rightness.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np

from openaisle.adapters.event_log_memory import MemoryEventLog
from openaisle.core.messages import (
    JOINT_INDEX,
    AnyMessage,
    FloorTracks,
    Interaction,
    Reading,
    StepStatus,
    VisitOpened,
    WeightStep,
)
from openaisle.core.units import NS_PER_MS, NS_PER_S
from openaisle.interactions.decide import Interactions
from openaisle.pipeline import Pipeline
from openaisle.sim.day import SimulatedDay
from openaisle.sim.scripts import plan_day
from openaisle.store.load import load_store
from openaisle.store.schema import Gondola, Shelf, Slot, Store

FILLING_S: Final = 45.0  # until the shop is full
ROUNDS: Final = 30  # of many taking at once
APART_S: Final = 0.05  # between one take and the next
BEFORE_M: Final = 0.42  # the shelf, where people stand


def busy_shop(
    store_name: str, people: int, seconds: float, seed: int, done: Callable[[float], None] = lambda _: None
) -> dict[str, Any]:
    """The path in a shop with so many people inside, over `seconds` of its time."""
    store = load_store(store_name)
    plan = plan_day(
        store,
        visit_count=3 * people,
        seed=seed,
        families="mixed",
        arrivals_per_minute=90.0,
        people_max=people,
    )
    path = Pipeline(store, MemoryEventLog())
    readings = SimulatedDay(store, plan, vision="skeleton").readings()
    all_ns, step_count = 0, 0
    deciding_ns: list[int] = []
    inside: list[int] = []
    for reading, since_s in _until(readings, FILLING_S + seconds):
        began_ns = time.thread_time_ns()
        said = path.step([reading], reading.received_ns)
        took_ns = time.thread_time_ns() - began_ns
        if since_s < FILLING_S:
            continue
        all_ns, step_count = all_ns + took_ns, step_count + 1
        inside += [len(message.track_ids) for message in said if isinstance(message, FloorTracks)]
        if _has_decided(said):
            deciding_ns.append(took_ns)
        done(since_s)
    return {
        "store": store_name,
        "shelves": len(store.shelves),
        "cameras": len(store.cameras),
        "people": round(float(np.mean(inside)), 1),
        "shop_s": seconds,
        "steps": step_count,
        "cpu_ms_a_second": round(all_ns / NS_PER_MS / seconds, 1),
        "deciding_steps_ms": _percentiles(deciding_ns),
    }


def many_at_once(store_name: str, events: int, seed: int) -> dict[str, Any]:
    """Deciding alone, when `events` people take from one gondola within half a second: every call once all have."""
    store = load_store(store_name)
    rng = np.random.default_rng([seed, 51])
    able = [gondola for gondola in store.gondolas if len(_slots(gondola)) >= events]
    took_ns: list[int] = []
    for number in range(ROUNDS + 1 if able else 0):
        gondola = able[int(rng.integers(len(able)))]
        slots = _slots(gondola)
        chosen = [slots[int(index)] for index in rng.permutation(len(slots))[:events]]
        found_ns = _round(store, gondola, chosen)
        took_ns += found_ns if number else []  # The first round loads what numba has compiled.
        if not number:
            gc.collect()
            gc.freeze()  # As the ledger's process does when it starts: nothing of the store is looked at again.
    gc.unfreeze()
    return {"events": events, "rounds": ROUNDS if able else 0, "deciding_ms": _percentiles(took_ns)}


def _until(readings: Iterator[Reading], seconds: float) -> Iterator[tuple[Reading, float]]:
    """Readings with their time since the first."""
    started_ns: int | None = None
    for reading in readings:
        started_ns = reading.received_ns if started_ns is None else started_ns
        since_s = (reading.received_ns - started_ns) / NS_PER_S
        if since_s >= seconds:
            return
        yield reading, since_s


def _has_decided(said: list[AnyMessage]) -> bool:
    return any(isinstance(message, WeightStep | Interaction) for message in said)


def _percentiles(took_ns: list[int]) -> dict[str, float | int | None]:
    if not took_ns:
        return {"n": 0, "p50": None, "p99": None, "max": None}
    ms = np.array(took_ns) / NS_PER_MS
    p50, p99 = (round(float(np.percentile(ms, q, method="higher")), 2) for q in (50, 99))
    return {"n": len(ms), "p50": p50, "p99": p99, "max": round(float(ms.max()), 2)}


# --- many at once -------------------------------------------------------------------------------------------------


def _slots(gondola: Gondola) -> list[tuple[Shelf, Slot]]:
    return [(shelf, slot) for shelf in gondola.shelves if shelf.plates for slot in shelf.slots]


def _round(store: Store, gondola: Gondola, chosen: list[tuple[Shelf, Slot]]) -> list[int]:
    """Processor time of each call that decides while all steps are open."""
    room = Interactions(store)
    began_ns = 1000 * NS_PER_S
    edges_ns = [began_ns + round((1.0 + APART_S * index) * NS_PER_S) for index in range(len(chosen))]
    joints = np.stack([_reaching(gondola, shelf, slot) for shelf, slot in chosen])
    names = tuple(f"p{index:02d}" for index in range(len(chosen)))
    opened = [VisitOpened(visit_id=name, gate_id="", track_id=None, opened_ns=began_ns) for name in names]
    room.step([], [], opened, {}, began_ns)
    took_ns: list[int] = []
    steps = [_taken(store, *where, edge_ns) for where, edge_ns in zip(chosen, edges_ns, strict=True)]
    for tick in range(25):
        now_ns = began_ns + tick * NS_PER_S // 10
        tracks = FloorTracks(
            captured_ns=now_ns,
            decided_ns=now_ns,
            track_ids=names,
            visit_ids=names,
            positions_floor_m=joints[:, JOINT_INDEX["left_hip"], :2].astype(np.float32),
            position_sd_m=np.full(len(names), 0.05, np.float32),
            heights_m=np.full(len(names), 1.75, np.float32),
            joints_floor_m=joints.astype(np.float32),
        )
        due = [step for step in steps if now_ns - NS_PER_S // 10 < step.edge_ns + NS_PER_S // 4 <= now_ns]
        was_ns = time.thread_time_ns()
        said = room.step(due, [tracks], [], {}, now_ns)
        if said and now_ns >= edges_ns[-1]:
            took_ns.append(time.thread_time_ns() - was_ns)
    return took_ns


def _reaching(gondola: Gondola, shelf: Shelf, slot: Slot) -> np.ndarray:
    """Joints [17, 4] of somebody before a slot with the right hand in it."""
    x = shelf.left_m + slot.left_m + slot.width_m / 2
    joints = np.full((len(JOINT_INDEX), 4), np.nan)
    local = {
        "left_shoulder": (x - 0.4, shelf.front_m - BEFORE_M, 1.4),
        "right_shoulder": (x, shelf.front_m - BEFORE_M, 1.4),
        "right_elbow": (x, shelf.front_m - 0.3, shelf.height_m + 0.12),
        "right_wrist": (x, shelf.front_m - 0.05, shelf.height_m + 0.1),
        "left_hip": (x - 0.3, shelf.front_m - BEFORE_M, 0.9),
    }
    for name, point in local.items():
        joints[JOINT_INDEX[name], :3] = gondola.floor_from_gondola.apply(np.array(point))
        joints[JOINT_INDEX[name], 3] = 0.8
    return joints


def _taken(store: Store, shelf: Shelf, slot: Slot, edge_ns: int) -> WeightStep:
    """One unit leaves the middle of its slot."""
    middle_m = slot.middle_m
    mass_g = np.zeros(len(shelf.plates), np.float32)
    nearest = min(range(len(shelf.plates)), key=lambda index: abs(_middle_m(shelf, index) - middle_m))
    mass_g[nearest] = -store.products[slot.product_id].mass_g
    return WeightStep(
        step_id=f"{slot.slot_id}/{edge_ns}",
        revision=1,
        status=StepStatus.CONFIRMED,
        shelf_id=shelf.shelf_id,
        started_ns=edge_ns - NS_PER_S // 5,
        edge_ns=edge_ns,
        settled_ns=edge_ns + NS_PER_S // 10,
        detected_ns=edge_ns + NS_PER_S // 5,
        mass_change_g=mass_g,
        noise_sd_g=np.full(len(shelf.plates), 0.8, np.float32),
    )


def _middle_m(shelf: Shelf, index: int) -> float:
    plate = shelf.plates[index]
    return plate.left_m + plate.width_m / 2
