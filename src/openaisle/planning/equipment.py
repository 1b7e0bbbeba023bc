"""What carries the cameras: bitrates, switches and their power, nodes from measured milliseconds, storage."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from pydantic import Field

from openaisle.bench.vision_plan import BUSY_SHARE_MAX, PlanSettings, plan as seeing_plan
from openaisle.core.errors import InputError, PlanRefused, StoreError
from openaisle.planning.catalogue import CameraModel, camera_models
from openaisle.planning.place import Placement
from openaisle.planning.scope import Scope
from openaisle.store.rows import Row
from openaisle.store.schema import Point2, Point3, Store
from openaisle.store.tables import TomlFile

EQUIPMENT: Final = Path(__file__).parent / "equipment.toml"
SPEED: Final = Path(__file__).parent / "speed.json"
PATH_CORES: Final = 1.0  # of the path below the seam, until a simulation has measured it

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class SwitchRow(Row):
    ports: Annotated[int, Field(ge=4)]
    poe_watts: Positive
    own_watts: Positive
    uplink_mbps: Positive


class NodeRow(Row):
    cores: Annotated[int, Field(ge=1)]
    memory_gb: Positive
    watts: Positive
    network_mbps: Positive


class OtherRow(Row):
    section_watts: Positive
    gate_watts: Positive
    poe_efficiency: Annotated[float, Field(gt=0, le=1)]
    decode_ms_a_frame: Positive
    ledger_kb_a_visit: Positive
    spare_share: Annotated[float, Field(ge=0, lt=1)]
    compressed_s: Positive


class Equipment(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes of network, compute and power."""

    sub_mbps: float
    main_mbps: float
    camera_mbps_max: float
    switches: int
    ports: int
    poe_watts: float
    cores_seeing: float
    cores_decoding: float
    cores_path: float
    nodes: int
    cores_a_node: int
    memory_gb: float
    mains_watts: float
    ledger_gb_a_year: float
    people_at_peak: int
    ms_a_frame: float
    cameras_per_core: float
    speed_from: str  # which result the milliseconds are of

    @property
    def kwh_a_year(self) -> float:
        return self.mains_watts * 24 * 365 / 1000


def size_equipment(
    store: Store,
    scope: Scope,
    placement: Placement,
    speed: Mapping[str, Any],
    path_times_real_time: float | None = None,
) -> Equipment:
    """Of a store with cameras. PlanRefused if the building has less power than they need, with the numbers."""
    switch, node, other = _equipment()
    models = [_model(model_id) for model_id in placement.model_of.values()]
    sub_mbps, main_mbps = sum(model.sub_mbps for model in models), sum(model.main_mbps for model in models)
    poe_watts = sum(model.watts for model in models)
    keep = 1 - other.spare_share
    switches = max(
        1,
        math.ceil((len(models) + len(store.gondolas) + len(store.gates) + 1) / (switch.ports * keep)),
        math.ceil(poe_watts / (switch.poe_watts * keep)),
        math.ceil((sub_mbps + main_mbps) / (switch.uplink_mbps * keep)),
    )
    seeing = seeing_plan(PlanSettings(store=store, peak_shoppers=scope.people_at_peak, gpu=None), {**speed})
    decoding = sum(camera.fps for camera in store.cameras) * other.decode_ms_a_frame / 1e3
    path = 1.0 / path_times_real_time if path_times_real_time else PATH_CORES
    cores = (seeing["cores_busy"] + decoding + path) / BUSY_SHARE_MAX
    memory_gb = (
        seeing["memory_mb"] / 1e3
        + main_mbps * other.compressed_s / 8e3
        + 4.0  # of the operating system, broker and pages
    )
    nodes = max(
        1,
        math.ceil(cores / (node.cores * keep)),
        math.ceil(memory_gb / (node.memory_gb * keep)),
        math.ceil((sub_mbps + main_mbps) / (node.network_mbps * keep)),
    )
    mains = (
        poe_watts / other.poe_efficiency
        + switches * switch.own_watts
        + nodes * node.watts
        + len(store.shelves) * other.section_watts
        + len(store.gates) * other.gate_watts
    )
    _check_power(store, scope, poe_watts / other.poe_efficiency, mains)
    return Equipment(
        sub_mbps=round(sub_mbps, 1),
        main_mbps=round(main_mbps, 1),
        camera_mbps_max=max(model.sub_mbps + model.main_mbps for model in models),
        switches=switches,
        ports=switches * switch.ports,
        poe_watts=round(poe_watts, 1),
        cores_seeing=seeing["cores_busy"],
        cores_decoding=round(decoding, 2),
        cores_path=round(path, 2),
        nodes=nodes,
        cores_a_node=node.cores,
        memory_gb=round(memory_gb, 1),
        mains_watts=round(mains, 0),
        ledger_gb_a_year=round(
            other.ledger_kb_a_visit * scope.traffic.visits_a_day * scope.traffic.days_a_year / 1e6, 2
        ),
        people_at_peak=scope.people_at_peak,
        ms_a_frame=seeing["ms_a_frame_mean"],
        cameras_per_core=seeing["cameras_per_core"],
        speed_from=str(speed.get("of", "the file given")),
    )


def load_speed(path: Path | None) -> dict[str, Any]:
    """Measured costs of seeing: the shipped ones, or those of a result of `openaisle bench speed --json`."""
    expected = "what `openaisle bench speed --json` printed"
    try:
        speed = json.loads((path or SPEED).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError("no result", file=str(path), expected=expected, found=error) from error
    if not isinstance(speed, dict) or not {"ours_ms_mean", "memory"} <= speed.keys():
        raise InputError("no result of speed", file=str(path), expected=expected)
    return {"of": str(path), **speed} if path else speed


def _check_power(store: Store, scope: Scope, poe_watts: float, mains_watts: float) -> None:
    cameras = len(store.cameras)
    places = [_around(camera.position_floor_m) for camera in store.cameras]
    for field, needed, given, words in (
        ("power.poe_watts", poe_watts, scope.power.poe_watts, f"{cameras} cameras draw"),
        ("power.mains_watts", mains_watts, scope.power.mains_watts, "the whole draws"),
    ):
        if needed > given:
            raise PlanRefused(
                f"no power for the cameras asked: {words} {needed:.0f} W",
                field=field,
                expected=f"{needed:.0f} or more, or fewer cameras (placement.views_min, facing_px_per_m)",
                found=given,
            ).at(*places)


def _around(position_floor_m: Point3) -> list[Point2]:
    """A square about a camera, to be drawn."""
    x, y, _ = position_floor_m
    return [(x - 0.25, y - 0.25), (x + 0.25, y - 0.25), (x + 0.25, y + 0.25), (x - 0.25, y + 0.25)]


def _model(model_id: str) -> CameraModel:
    by_id = {model.model_id: model for model in camera_models()}
    if model_id not in by_id:
        raise InputError("no such camera model", field="model", expected=", ".join(by_id), found=model_id)
    return by_id[model_id]


def _equipment() -> tuple[SwitchRow, NodeRow, OtherRow]:
    problems: list[StoreError] = []
    toml = TomlFile.read(EQUIPMENT.parent, EQUIPMENT.name, ("format", "switch", "node", "other"), problems)
    assert toml is not None
    switch, node = toml.row(SwitchRow, ("switch",)), toml.row(NodeRow, ("node",))
    other = toml.row(OtherRow, ("other",))
    if problems:
        raise StoreError.of_problems(str(EQUIPMENT), problems)
    assert switch is not None
    assert node is not None
    assert other is not None
    return switch, node, other
