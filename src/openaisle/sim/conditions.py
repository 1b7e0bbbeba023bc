"""What is wrong with a whole day: bad plates, dead plates and lost cameras, changing light, a full shop.

These are the families of hard cases that are not deeds of anybody. A day named after one of them has ordinary visits,
tricky ones among them; what is changed is its crowd or its sensors.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from openaisle.core.units import NS_PER_S
from openaisle.sim.faults import Fault
from openaisle.sim.sensors import PlateSettings
from openaisle.sim.skeletons import SkeletonSettings
from openaisle.store.schema import Store

CONDITIONS: Final[tuple[str, ...]] = (
    "light_change",
    "sensor_fault",
    "bad_scale",
    "crowded_store",
)

# How many of many mixed days have each of them; like the rates in scripts.py a judgement, not a measurement.
CONDITION_RATES: Final[dict[str, float]] = {
    "light_change": 0.10,
    "sensor_fault": 0.03,
    "bad_scale": 0.04,
    "crowded_store": 0.03,
}
assert tuple(CONDITION_RATES) == CONDITIONS

DEAD_PLATES_SHARE: Final = 0.1
LOST_CAMERAS: Final = 2
CROWD_PER_M2: Final = 30 / 50
CROWD_ARRIVALS_PER_MINUTE: Final = 20.0
SHIFT_S: Final = 40.0  # light changes to and fro in this time


@dataclass(frozen=True, kw_only=True)
class Sensors:
    """What a day's sensors are like; None: as always."""

    plates: PlateSettings | None = None
    skeletons: SkeletonSettings | None = None
    faults: tuple[Fault, ...] = ()


def conditions_of(seed: int) -> tuple[str, ...]:
    """What is wrong with the mixed day of this seed; mostly nothing."""
    chances = np.random.default_rng([seed, 11]).random(len(CONDITION_RATES))
    return tuple(
        name for (name, rate), chance in zip(CONDITION_RATES.items(), chances, strict=True) if chance < rate
    )


def sensors_of(conditions: Sequence[str], store: Store, start_ns: int, seed: int) -> Sensors:
    """The sensors of a day with these conditions."""
    sensors = Sensors()
    if "bad_scale" in conditions:
        bad = PlateSettings(
            noise_sd_g_median=1.6,
            noise_sd_g_max=6.0,
            bad_plate_share=0.05,
            drift_g_per_h=(20.0, 120.0),
            creep_share=0.01,
            neighbour_share=(0.02, 0.05),
        )
        sensors = replace(sensors, plates=bad)
    if "light_change" in conditions:
        # What dusk, a failed lamp and flicker make of a network's answer: more noise, more people missed.
        usual = SkeletonSettings()
        dim = replace(
            usual,
            wrist_sd_px=1.4 * usual.wrist_sd_px,
            joint_sd_px=1.4 * usual.joint_sd_px,
            miss_share=2.0 * usual.miss_share,
            appearance_frame_sd=1.6 * usual.appearance_frame_sd,
        )
        sensors = replace(sensors, skeletons=dim)
    if "sensor_fault" in conditions:
        sensors = replace(sensors, faults=_faults(store, start_ns, np.random.default_rng([seed, 10])))
    return sensors


def light_at(conditions: Sequence[str], since_start_s: float) -> float:
    """Brightness of the lamps: 1 as always; on a day of changing light it wanders, and flickers now and then."""
    if "light_change" not in conditions:
        return 1.0
    slow = 0.7 + 0.3 * math.cos(2 * math.pi * since_start_s / SHIFT_S)
    is_flickering = int(since_start_s) % 17 < 2
    return slow * (0.85 + 0.15 * math.cos(60.0 * since_start_s)) if is_flickering else slow


def crowd_of(store: Store) -> int:
    """How many people a crowded shop holds: 30 in 50 m2."""
    points = np.array(store.plan_floor_m)
    x, y = points.T
    area_m2 = 0.5 * abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1)))
    return max(2, round(CROWD_PER_M2 * area_m2))


def _faults(store: Store, start_ns: int, rng: np.random.Generator) -> tuple[Fault, ...]:
    """Either a tenth of all plates is dead all day, or two cameras are lost soon."""
    forever_ns = start_ns + 24 * 3600 * NS_PER_S
    if rng.random() < 0.5 or len(store.cameras) <= LOST_CAMERAS:
        return tuple(
            Fault(
                kind="plate_dead",
                sensor_id=gondola.scale_id,
                starts_ns=start_ns,
                ends_ns=forever_ns,
                column=plate.channel,
            )
            for gondola in store.gondolas
            for plate in gondola.plates
            if rng.random() < DEAD_PLATES_SHARE
        )
    lost = rng.choice(len(store.cameras), LOST_CAMERAS, replace=False)
    return tuple(
        Fault(
            kind="camera_lost",
            sensor_id=store.cameras[int(index)].camera_id,
            starts_ns=start_ns + round(rng.uniform(5.0, 60.0) * NS_PER_S),
            ends_ns=forever_ns,
        )
        for index in sorted(lost)
    )
