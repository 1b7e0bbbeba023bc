"""The one public real session, made harder in ways that other real sessions are: the answer must stay."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest

from openaisle.adapters.cps2020 import Session, read_session
from openaisle.adapters.event_log_memory import MemoryEventLog
from openaisle.core.messages import (
    BodySkeletons,
    CartChanged,
    FloorTracks,
    Interaction,
    InteractionKind,
    Reading,
    ScaleBatch,
    VisitOpened,
    WeightStep,
)
from openaisle.core.units import NS_PER_S
from openaisle.detections.weight_steps import WeightSteps
from openaisle.interactions.decide import Interactions
from openaisle.pipeline import Pipeline
from openaisle.replay.player import play

WATER = "071142008582"
SHOPPER = "3325379692103139202"
SHELF, PLATE = "A5", 10  # the eleventh plate


@pytest.fixture(scope="module")
def session(shared_data: Path) -> Session:
    folder = shared_data / "cps_iot_2020_benchmark1"
    if not folder.is_dir():
        pytest.skip(f"no session at {folder}")
    return read_session(folder)


def with_batches(session: Session, change: Callable[[ScaleBatch], ScaleBatch]) -> list[Reading]:
    return [change(r) if isinstance(r, ScaleBatch) else r for r in session.readings]


def replayed(session: Session, readings: Sequence[Reading]) -> tuple[list[dict[str, int]], list[CartChanged]]:
    """(carts at the end, cart events)."""
    arrived = sorted(readings, key=lambda r: r.received_ns)
    result = play(arrived, Pipeline(session.store, MemoryEventLog()))
    carts = [{line.product_id: line.quantity for line in receipt.lines} for receipt in result.receipts]
    return carts, result.cart_events


def test_the_hand_was_at_the_shelf_when_the_plate_fell(session: Session) -> None:
    """The planogram's frame is the skeletons' frame: otherwise no arm would ever fit."""
    gondola = session.store.gondolas[0]
    shelf = session.store.shelves[SHELF]
    column = shelf.plates[PLATE].channel
    batches = [r for r in session.readings if isinstance(r, ScaleBatch) and r.scale_id == gondola.scale_id]
    grams = np.concatenate([batch.grams[:, column] for batch in batches])
    fell = int(np.argmax(np.abs(np.convolve(grams, np.r_[np.ones(6), -np.ones(6)], "valid")))) + 6
    at_ns = batches[0].device_ns + round(fell / 60 * NS_PER_S)
    bodies = [r for r in session.readings if isinstance(r, BodySkeletons) and r.body_ids]
    nearest = min(bodies, key=lambda body: abs(body.captured_ns - at_ns))
    wrist = gondola.floor_from_gondola.inverse().apply(nearest.joints_floor_m[0, 10, :3].astype(float))
    assert abs(wrist[0] - shelf.plates[PLATE].left_m - 0.05) < 0.15
    assert -0.1 < wrist[1] < 0.1  # at the shelf's front edge
    assert 0.0 < wrist[2] - shelf.height_m < 0.25


def test_three_percent_more_mass_is_the_same_bottle(session: Session) -> None:
    def heavier(batch: ScaleBatch) -> ScaleBatch:
        return msgspec.structs.replace(batch, grams=batch.grams * np.float32(1.03))

    carts, events = replayed(session, with_batches(session, heavier))
    assert carts == [{WATER: 1}]
    assert len(events) == 1


def test_a_tenth_of_the_batches_lost_and_a_tenth_repeated_change_nothing(session: Session) -> None:
    for seed in range(4):
        rng = np.random.default_rng(seed)
        readings: list[Reading] = []
        for reading in session.readings:
            fate = rng.random() if isinstance(reading, ScaleBatch) else 1.0
            if fate >= 0.1:
                readings.append(reading)
            if 0.1 <= fate < 0.2:
                late_ns = reading.received_ns + int(rng.integers(0, 400_000_000))
                readings.append(msgspec.structs.replace(reading, received_ns=late_ns))
        assert replayed(session, readings)[0] == [{WATER: 1}]


@pytest.mark.parametrize("shift_ms", [-200, 200])
def test_skeletons_whose_clock_is_off_still_say_who(session: Session, shift_ms: int) -> None:
    def shifted(reading: Reading) -> Reading:
        if not isinstance(reading, BodySkeletons):
            return reading
        return msgspec.structs.replace(reading, captured_ns=reading.captured_ns + shift_ms * 1_000_000)

    carts, _ = replayed(session, [shifted(reading) for reading in session.readings])
    assert carts == [{WATER: 1}]


def test_plates_that_drift_bring_nothing_into_the_cart(session: Session) -> None:
    start_ns = session.readings[0].received_ns

    def drifting(batch: ScaleBatch) -> ScaleBatch:
        hours = (batch.device_ns - start_ns) / NS_PER_S / 3600
        rates = 500.0 * np.cos(np.arange(batch.grams.shape[1]))  # a hundred times what was measured
        return msgspec.structs.replace(batch, grams=batch.grams + (rates * hours).astype(np.float32))

    assert replayed(session, with_batches(session, drifting))[0] == [{WATER: 1}]


def test_a_second_shopper_elsewhere_is_not_billed(session: Session) -> None:
    """The same body once more, two metres to the side."""

    def doubled(reading: Reading) -> Reading:
        if not isinstance(reading, BodySkeletons) or not reading.body_ids:
            return reading
        beside = reading.joints_floor_m.copy()
        beside[:, :, 0] += 2.0
        joints = np.concatenate([reading.joints_floor_m, beside])
        return msgspec.structs.replace(reading, body_ids=(SHOPPER, "9"), joints_floor_m=joints)

    result = play([doubled(r) for r in session.readings], Pipeline(session.store, MemoryEventLog()))
    bills = {r.visit_id: {line.product_id: line.quantity for line in r.lines} for r in result.receipts}
    assert bills == {SHOPPER: {WATER: 1}, "9": {}}


def test_the_session_run_backwards_is_a_put_back(session: Session) -> None:
    """Time reversed, the bottle comes. The shopper must have had it: we say that they took it before."""
    end_ns = max(r.received_ns for r in session.readings)

    def backwards(batch: ScaleBatch, last: int) -> ScaleBatch:
        first_ns = end_ns - batch.device_ns - round(11 / 60 * NS_PER_S)
        return msgspec.structs.replace(
            batch,
            device_ns=first_ns,
            received_ns=first_ns + 300_000_000,
            sequence=last - batch.sequence,
            grams=batch.grams[::-1].copy(),
        )

    batches = [r for r in session.readings if isinstance(r, ScaleBatch)]
    last = max(batch.sequence for batch in batches)
    steps_room, decide_room = WeightSteps(session.store), Interactions(session.store)
    readings: list[Reading] = [backwards(batch, last) for batch in batches]
    for body in session.readings:
        if isinstance(body, BodySkeletons):
            at_ns = end_ns - body.captured_ns
            readings.append(msgspec.structs.replace(body, captured_ns=at_ns, received_ns=at_ns + 100_000_000))
    said: dict[str, Interaction] = {}
    known = {SHOPPER: {WATER: 1}}
    for reading in sorted(readings, key=lambda r: (r.received_ns, str(type(r)))):
        now_ns = reading.received_ns
        steps: list[WeightStep] = []
        tracks: list[FloorTracks] = []
        if isinstance(reading, ScaleBatch):
            steps = [m for m in steps_room.step([reading], now_ns) if isinstance(m, WeightStep)]
        elif isinstance(reading, BodySkeletons):
            tracks = [tracks_of(reading)]
        for interaction in decide_room.step(steps, tracks, [], known, now_ns):
            said[interaction.interaction_id] = interaction
    for interaction in decide_room.finish(end_ns):
        said[interaction.interaction_id] = interaction
    moved = [i for i in said.values() if i.product_id is not None and not i.withdrawn]
    assert [(i.kind, i.product_id, i.quantity, i.visit_id) for i in moved] == [
        (InteractionKind.PUT_BACK, WATER, 1, SHOPPER)
    ]
    assert moved[0].probability > 0.9


def test_nobody_in_sight_is_nobody_billed(session: Session) -> None:
    blind = [reading for reading in session.readings if isinstance(reading, ScaleBatch)]
    result = play(blind, Pipeline(session.store, MemoryEventLog()))
    assert result.of(VisitOpened) == []
    assert result.receipts == []
    (interaction,) = [i for i in result.of(Interaction) if i.kind is InteractionKind.PICK_UP]
    assert (interaction.product_id, interaction.visit_id) == (WATER, None)


def tracks_of(body: BodySkeletons) -> FloorTracks:
    count = len(body.body_ids)
    return FloorTracks(
        captured_ns=body.captured_ns,
        decided_ns=body.received_ns,
        track_ids=tuple(f"t{body_id}" for body_id in body.body_ids),
        visit_ids=body.body_ids,
        positions_floor_m=body.joints_floor_m[:, 0, :2],
        position_sd_m=np.full(count, 0.1, np.float32),
        heights_m=np.full(count, np.nan, np.float32),
        joints_floor_m=body.joints_floor_m,
    )
