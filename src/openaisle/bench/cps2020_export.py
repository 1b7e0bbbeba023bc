"""Scripts acted by simulated shoppers, written as the 2020 competition exported its sessions.

The shop is that of a session (its planogram and products are copied as they are); what its plates and its pose system
would have said comes from the simulator, with the quirks of the real export: batches of 12 samples that name the time
of their last one, padding, channels that stand for nothing, inches, joints that are absent, skeletons 2.3 s late.
"""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from openaisle.bench.cps2020_scripts import shop_to_act_in
from openaisle.core.messages import ScaleBatch
from openaisle.core.units import METRES_PER_INCH, NS_PER_S
from openaisle.sim.choices import Choices
from openaisle.sim.episodes import Episode
from openaisle.sim.scene import BODY_JOINT_INDEX, Floats, Scene
from openaisle.sim.scripts import plan_episode
from openaisle.sim.shop import SimulatedShop
from openaisle.store.schema import Gondola, Store

LOST_SHARE: Final = 0.01  # of batches that never came
REPEATED_SHARE: Final = 0.01
DEAD_CHANNEL_G: Final = 6067.416  # what channels without a plate say in the real export
START_NS: Final = 1_587_531_994 * NS_PER_S
BODY_ID_FIRST: Final = 3_325_379_692_103_139_200

JOINT_OF_FIELD: Final = {
    "head": "nose",
    "neck": "neck",
    "l_shoulder": "left_shoulder",
    "r_shoulder": "right_shoulder",
    "l_elbow": "left_elbow",
    "r_elbow": "right_elbow",
    "l_wrist": "left_wrist",
    "r_wrist": "right_wrist",
}


@dataclass(frozen=True, kw_only=True)
class PoseSettings:
    """How good the pose system is. The defaults are a little worse than what the one real session shows."""

    period_s: float = 0.0918
    period_sd_s: float = 0.02
    sd_m: float = 0.008  # of a joint that is seen well
    drift_sd_m: float = 0.02  # lasts from message to message
    memory: float = 0.85
    outlier_share: float = 0.02
    outlier_sd_m: float = 0.12
    absent_share: float = 0.015
    reaching_absent_share: float = 0.15  # of wrists inside a gondola: goods and boards hide them
    dropout_per_s: float = 0.02  # a body is not seen at all
    dropout_s: tuple[float, float] = (0.3, 1.5)
    swapped_per_s: float = 0.01  # two bodies near each other exchange their names for a moment
    swapped_s: tuple[float, float] = (0.2, 0.6)
    swapped_m: float = 0.7
    delay_s: tuple[float, float] = (2.23, 2.44)
    clock_s: tuple[float, float] = (-0.1, 0.1)  # against the plates', the same for a whole session


@dataclass(frozen=True)
class ActedSession:
    """What was acted and what everybody left with."""

    kind: str
    seed: int
    folder: Path
    truth: dict[str, dict[str, int]]  # body id -> {product: units}
    duration_s: float


def act(
    session: Path,
    store: Store,
    kind: str,
    episode: Callable[[Choices, str], Episode],
    seed: int,
    folder: Path,
    pose: PoseSettings | None = None,
) -> ActedSession:
    """Act one script in the shop of `session` (read as `store`) and write it to a new `folder` in the same format."""
    shop_store = shop_to_act_in(store, seed)
    plan = plan_episode(shop_store, episode, family=kind, seed=seed, start_ns=START_NS)
    shop = SimulatedShop(shop_store, plan)
    eyes = _PoseSystem(shop_store, pose or PoseSettings(), np.random.default_rng([seed, 21]))
    batches: list[ScaleBatch] = []
    messages: list[dict[str, Any]] = []
    while not shop.is_over:
        shop.advance(shop.now_ns + eyes.next_period_ns())
        batches += shop.take_scale_batches()
        messages.append(eyes.see(shop.scene(with_items=False)))
    folder.mkdir(parents=True)
    for name in ("planogram.json", "products.json"):
        shutil.copyfile(session / name, folder / name)
    numbers = {gondola.gondola_id: rank + 1 for rank, gondola in enumerate(store.gondolas)}
    gondola_of = {gondola.scale_id: gondola for gondola in shop_store.gondolas}
    lines = (
        _plate_line(b, gondola_of[b.scale_id], numbers[gondola_of[b.scale_id].gondola_id]) for b in batches
    )
    _write(folder / "plate_data.json", _carried(lines, np.random.default_rng([seed, 22])))
    _write(folder / "full_targets.json", messages)
    truth = {
        _body_name(visit.body_ids[0]): {p: n for p, n in sorted(visit.basket.items()) if n}
        for _, visit in sorted(shop.truth.visits.items())
    }
    return ActedSession(kind, seed, folder, truth, (shop.now_ns - plan.start_ns) / NS_PER_S)


def _write(path: Path, documents: Iterator[dict[str, Any]] | Sequence[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for document in documents:
            file.write(json.dumps(document, separators=(",", ":")) + "\n")


def _body_name(body_id: int) -> str:
    return str(BODY_ID_FIRST + body_id)


def _iso(at_ns: int) -> str:
    at = datetime.fromtimestamp(at_ns // NS_PER_S, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at_ns % NS_PER_S // 1000:06d}Z"


def _carried(lines: Iterator[dict[str, Any]], rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    """What a busy network makes of a stream of batches."""
    for line in lines:
        chance = rng.random()
        if chance >= LOST_SHARE:
            yield line
        if chance >= 1.0 - REPEATED_SHARE:
            yield line


# --- plates -------------------------------------------------------------------------------------------------------


def _plate_line(batch: ScaleBatch, gondola: Gondola, number: int) -> dict[str, Any]:
    """A batch with row and column 0 as padding and two channels too many, of which one repeats a plate."""
    samples = len(batch.grams)
    levels = max(shelf.level for shelf in gondola.shelves)
    places = max(_place(plate.plate_id) for plate in gondola.plates)
    grams = np.full((samples, levels + 1, places + 3), np.nan, np.float32)
    grams[:, 1:, places + 1 :] = DEAD_CHANNEL_G
    for shelf in gondola.shelves:
        for plate in shelf.plates:
            grams[:, shelf.level, _place(plate.plate_id)] = batch.grams[:, plate.channel]
        grams[:, shelf.level, places + 2] = batch.grams[:, shelf.plates[-1].channel]
    last_ns = batch.device_ns + round((samples - 1) / batch.rate_hz * NS_PER_S)
    return {
        "timestamp": last_ns / NS_PER_S,
        "date_time": {"$date": _iso(batch.received_ns)},
        "document": {
            "header": {"t_origin": _iso(last_ns)},
            "plate_data": {
                "plate_id": {"shelf_id": {"gondola_id": {"id": number}}},
                "freq_samp": batch.rate_hz,
                "values": {
                    "data": base64.b64encode(np.ascontiguousarray(grams, "<f4").tobytes()).decode(),
                    "shape": list(grams.shape),
                    "type": "DATATYPE_FLOAT32",
                },
            },
        },
    }


def _place(plate_id: str) -> int:
    return int(plate_id.rsplit(".", 1)[1])


# --- skeletons ----------------------------------------------------------------------------------------------------


@dataclass
class _PoseSystem:
    """Turns scenes into messages of a pose system that is good but not perfect."""

    store: Store
    settings: PoseSettings
    rng: np.random.Generator
    _drift: dict[int, Floats] = field(default_factory=dict[int, Floats])  # body -> [joints, 3]
    _hidden_until_ns: dict[int, int] = field(default_factory=dict[int, int])
    _swapped_until_ns: dict[int, tuple[int, int]] = field(default_factory=dict[int, tuple[int, int]])
    _last_ns: int = 0
    _clock_ns: int = field(init=False)

    def __post_init__(self) -> None:
        self._clock_ns = round(self.rng.uniform(*self.settings.clock_s) * NS_PER_S)

    def next_period_ns(self) -> int:
        period_s = max(0.01, self.rng.normal(self.settings.period_s, self.settings.period_sd_s))
        return round(period_s * 1e6) * 1000

    def see(self, scene: Scene) -> dict[str, Any]:
        """One line of full_targets.json."""
        passed_s = (scene.at_ns - self._last_ns) / NS_PER_S if self._last_ns else 0.0
        self._last_ns = scene.at_ns
        body_ids = [body.body_id for body in scene.bodies]
        joints = scene.joints_floor_m[:, [BODY_JOINT_INDEX[name] for name in JOINT_OF_FIELD.values()]]
        names = self._names(body_ids, joints, scene.at_ns, passed_s)
        targets: list[dict[str, Any]] = []
        for row, body_id in enumerate(body_ids):
            spoiled, absent = self._spoiled(body_id, joints[row])
            if not self._is_hidden(body_id, scene.at_ns, passed_s):
                targets.append(self._target(names[body_id], spoiled, absent))
        captured_ns = scene.at_ns + self._clock_ns
        received_ns = scene.at_ns + round(self.rng.uniform(*self.settings.delay_s) * NS_PER_S)
        return {
            "timestamp": captured_ns / NS_PER_S,
            "date_time": {"$date": _iso(received_ns)},
            "document": {
                "header": {"t_origin": _iso(captured_ns)},
                "targets": {"targets": targets} if targets else {},
            },
        }

    def _is_hidden(self, body_id: int, at_ns: int, passed_s: float) -> bool:
        if self.rng.random() < self.settings.dropout_per_s * passed_s:
            self._hidden_until_ns[body_id] = at_ns + round(
                self.rng.uniform(*self.settings.dropout_s) * NS_PER_S
            )
        return at_ns < self._hidden_until_ns.get(body_id, 0)

    def _names(self, body_ids: list[int], joints: Floats, at_ns: int, passed_s: float) -> dict[int, int]:
        """Under whose id each body is reported: its own, but for moments when two near each other are confused."""
        chance = self.rng.random()
        if len(body_ids) > 1 and chance < self.settings.swapped_per_s * passed_s * len(body_ids):
            a = int(self.rng.integers(len(body_ids)))
            away = np.linalg.norm(joints[:, 0, :2] - joints[a, 0, :2], axis=1)
            away[a] = np.inf
            b = int(np.argmin(away))
            if away[b] < self.settings.swapped_m:
                until_ns = at_ns + round(self.rng.uniform(*self.settings.swapped_s) * NS_PER_S)
                self._swapped_until_ns[body_ids[a]] = (until_ns, body_ids[b])
                self._swapped_until_ns[body_ids[b]] = (until_ns, body_ids[a])
        names: dict[int, int] = {}
        for body_id in body_ids:
            until_ns, other = self._swapped_until_ns.get(body_id, (0, body_id))
            is_swapped = at_ns < until_ns and other in body_ids
            names[body_id] = other if is_swapped else body_id
        return names if len(set(names.values())) == len(names) else {one: one for one in body_ids}

    def _spoiled(self, body_id: int, joints: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        """Joints [8, 3] with noise, and which of them [8] are absent."""
        settings, rng = self.settings, self.rng
        drift = self._drift.get(body_id, np.zeros_like(joints))
        fresh = np.sqrt(1 - settings.memory**2) * settings.drift_sd_m
        drift = self._drift[body_id] = settings.memory * drift + rng.normal(0.0, fresh, joints.shape)
        spoiled = joints + drift + rng.normal(0.0, settings.sd_m, joints.shape)
        is_out = rng.random(len(joints)) < settings.outlier_share
        spoiled += is_out[:, None] * rng.normal(0.0, settings.outlier_sd_m, joints.shape)
        chances = np.full(len(joints), settings.absent_share)
        for wrist in (6, 7):
            if self._is_inside(joints[wrist]):
                chances[wrist] = settings.reaching_absent_share
        return spoiled, rng.random(len(joints)) < chances

    def _is_inside(self, point_floor_m: Floats) -> bool:
        for gondola in self.store.gondolas:
            x, y, _ = gondola.floor_from_gondola.inverse().apply(point_floor_m)
            if 0 < x < gondola.width_m and 0 < y < gondola.depth_m:
                return True
        return False

    def _target(self, body_id: int, joints: Floats, absent: NDArray[np.bool_]) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        for row, name in enumerate(JOINT_OF_FIELD):
            fields[name] = {"point": {}} if absent[row] else _point(joints[row], self.rng)
        hands = [fields[name] for name in ("r_wrist", "l_wrist") if fields[name]["point"]]
        return {
            "target_id": {"id": _body_name(body_id)},
            "target_state": "TARGETSTATE_VALID_ENTRANCE",
            **fields,
            **({"hands": hands} if hands else {}),
        }


def _point(joint: Floats, rng: np.random.Generator) -> dict[str, Any]:
    x, y, z = (round(float(value) / METRES_PER_INCH, 5) for value in joint)
    return {"point": {"x": x, "y": y, "z": z}, "score": round(float(rng.uniform(0.6, 1.0)), 4)}
