"""What is left to say about a placement: what the loss of each camera costs, heights, glare, and spare pixels."""

from __future__ import annotations

import math
from typing import Final

import msgspec
import numpy as np

from openaisle.planning.candidates import satisfied_by
from openaisle.planning.targets import Targets
from openaisle.store.polygons import edges
from openaisle.store.schema import Camera, Store

GLARE_DEG: Final = 40.0  # between a camera's view and the way to a gate, where daylight comes in
GLARE_M: Final = 6.0
HEIGHT_M: Final = (2.3, 3.2)  # between which the people network was trained and measured
LOW_TILT_DEG: Final = 38.0


class Loss(msgspec.Struct, frozen=True, kw_only=True):
    """What is blind when one camera is lost."""

    camera_id: str
    facings_below: int  # facings with fewer views than asked
    facings_blind: tuple[str, ...]  # slots that no camera sees any more, past their shopper
    floor_below: int  # places of gates and walkways with fewer views than asked
    floor_blind: int


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """Of one placement."""

    losses: tuple[Loss, ...]  # the worst first
    facings_blind_by_one_loss: int  # facings that the loss of some one camera blinds
    glare: tuple[str, ...]  # camera ids
    height: str
    views_mean: float  # of facings, past their shopper
    people_views_mean: float  # of a person on the floor, at 1.0 m


def advise(store: Store, targets: Targets) -> Advice:
    """Of a store with cameras."""
    seen = satisfied_by(store, targets, store.cameras)
    kinds = np.array(targets.kinds)
    facing, floor = kinds == "facing", np.isin(kinds, ("walk", "gate"))
    views = seen.sum(axis=0)
    names = np.array(targets.names)
    losses: list[Loss] = []
    blinded = np.zeros(len(targets), bool)
    for index, camera in enumerate(store.cameras):
        left = views - seen[index]
        hurt = seen[index] & (left < targets.needed)
        blind = seen[index] & (left == 0)
        blinded |= blind
        losses.append(
            Loss(
                camera_id=camera.camera_id,
                facings_below=int((hurt & facing).sum()),
                facings_blind=tuple(str(name) for name in names[blind & facing]),
                floor_below=int((hurt & floor).sum()),
                floor_blind=int((blind & floor).sum()),
            )
        )
    losses.sort(key=lambda loss: (-len(loss.facings_blind), -loss.facings_below, loss.camera_id))
    return Advice(
        losses=tuple(losses),
        facings_blind_by_one_loss=int((blinded & facing).sum()),
        glare=tuple(camera.camera_id for camera in store.cameras if _faces_daylight(store, camera)),
        height=_height(store),
        views_mean=round(float(views[facing].mean()), 2),
        people_views_mean=round(float(views[kinds == "walk"].mean()), 2),
    )


def _faces_daylight(store: Store, camera: Camera) -> bool:
    """Whether a camera that looks far ahead looks at a gate, where doors and shop windows are."""
    if camera.tilt_deg > LOW_TILT_DEG:
        return False
    x, y, _ = camera.position_floor_m
    for gate in store.gates:
        gx, gy = gate.centre_floor_m
        apart = (math.degrees(math.atan2(gy - y, gx - x)) - camera.pan_deg + 180.0) % 360.0 - 180.0
        if abs(apart) <= GLARE_DEG and math.hypot(gx - x, gy - y) <= GLARE_M:
            return True
    return False


def _height(store: Store) -> str:
    height_m = store.cameras[0].position_floor_m[2]
    low, high = HEIGHT_M
    if height_m < low:
        return f"{height_m:.2f} m is low: heads near a camera fill its picture. The networks know {low} to {high} m."
    if height_m > high:
        return f"{height_m:.2f} m is high: people are small. The networks know {low} to {high} m; check on a recording."
    longest_m = max(math.dist(*side) for side in edges(store.plan_floor_m))
    return f"{height_m:.2f} m, within what the networks know ({low} to {high} m); longest sight line {longest_m:.1f} m."
