"""Plates weigh like the plates that were measured."""

import dataclasses
from itertools import pairwise

import numpy as np
import pytest

from openaisle.core.messages import ScaleBatch
from openaisle.core.units import NS_PER_MS, NS_PER_S
from openaisle.sim.sensors import Plates, PlateSettings
from openaisle.store.schema import Store

SHELF = "A3"
ALONG_M = 0.35  # in the middle of a plate


def recorded(plates: Plates, store: Store, seconds: float) -> tuple[np.ndarray, np.ndarray, list[ScaleBatch]]:
    """Times [n] s and grams [n, plates of SHELF], and the batches of its scale."""
    shelf = store.shelves[SHELF]
    scale_id = store.gondola_of[shelf.gondola_id].scale_id
    batches = [batch for _, batch in plates.batches(seconds) if batch.scale_id == scale_id]
    batches.sort(key=lambda batch: batch.sequence)
    columns = [plate.channel for plate in shelf.plates]
    times = np.concatenate(
        [batch.device_ns / NS_PER_S + np.arange(len(batch.grams)) / batch.rate_hz for batch in batches]
    )
    return times, np.concatenate([batch.grams for batch in batches])[:, columns], batches


def plates_of(store: Store, seed: int = 1, **settings: object) -> Plates:
    return Plates(
        store,
        0,
        np.random.SeedSequence(seed),
        dataclasses.replace(PlateSettings(), **settings),  # type: ignore[arg-type]
    )


def level(times: np.ndarray, grams: np.ndarray, start_s: float, end_s: float) -> np.ndarray:
    return grams[(times >= start_s) & (times < end_s)].mean(axis=0)


def test_a_take_changes_the_shelf_by_the_items_mass_once_it_has_settled(corner: Store) -> None:
    plates = plates_of(corner)
    plates.press(4.7, 5.03, SHELF, ALONG_M, 0.08, 50.0)
    plates.change(5.0, 0.15, SHELF, ALONG_M, 0.08, -500.0)
    times, grams, _ = recorded(plates, corner, 10.0)
    change = level(times, grams, 5.7, 6.7) - level(times, grams, 3.0, 4.5)
    assert change.sum() == pytest.approx(-500.0, abs=3.0)


def test_the_hand_presses_before_the_lift_and_the_shelf_rings_after_it(corner: Store) -> None:
    plates = plates_of(corner, noise_sd_g_median=0.05, bad_plate_share=0.0)
    plates.press(4.7, 5.03, SHELF, ALONG_M, 0.08, 50.0)
    plates.change(5.0, 0.15, SHELF, ALONG_M, 0.08, -500.0)
    times, grams, _ = recorded(plates, corner, 10.0)
    total = grams.sum(axis=1)
    before, after = level(times, total[:, None], 3.0, 4.5)[0], level(times, total[:, None], 5.8, 6.5)[0]
    pressed = total[(times > 4.7) & (times < 5.0)].max() - before
    rung = after - total[(times > 5.1) & (times < 5.4)].min()
    assert 35 < pressed < 70
    assert 3 < rung < 60
    assert np.abs(total[(times > 5.75) & (times < 6.0)] - after).max() < 2.5


def test_goods_set_down_land_with_an_overshoot_shorter_than_80_ms(corner: Store) -> None:
    plates = plates_of(corner, noise_sd_g_median=0.05, bad_plate_share=0.0)
    plates.change(5.0, 0.08, SHELF, ALONG_M, 0.08, 400.0)
    times, grams, _ = recorded(plates, corner, 10.0)
    total = grams.sum(axis=1) - level(times, grams, 3.0, 4.5).sum()
    peak = total[(times > 5.0) & (times < 5.3)].max()
    assert 440 < peak < 600
    assert np.ptp(times[total > 440]) < 0.1


def test_a_touch_leaves_nothing_behind(corner: Store) -> None:
    plates = plates_of(corner)
    plates.press(5.0, 6.0, SHELF, ALONG_M, 0.08, 80.0)
    times, grams, _ = recorded(plates, corner, 9.0)
    assert level(times, grams, 5.3, 5.7).sum() - level(times, grams, 3.0, 4.8).sum() > 40
    change = level(times, grams, 6.1, 8.0) - level(times, grams, 3.0, 4.8)
    assert change.sum() == pytest.approx(0.0, abs=2.5)


def test_a_load_on_a_seam_is_split_by_its_footprint_and_neighbours_feel_little(corner: Store) -> None:
    plates = plates_of(corner, noise_sd_g_median=0.05, bad_plate_share=0.0)
    # 0.17 m wide about 0.34 m: plates of 0.1 m from 0.2 m on feel 45/100/25 mm of it.
    plates.change(5.0, 0.15, SHELF, 0.34, 0.17, -1000.0)
    times, grams, _ = recorded(plates, corner, 9.0)
    change = level(times, grams, 6.0, 8.0) - level(times, grams, 3.0, 4.8)
    share = change / change.sum()
    lefts = [plate.left_m for plate in corner.shelves[SHELF].plates]
    overlap = np.clip([min(left + 0.1, 0.425) - max(left, 0.255) for left in lefts], 0, None) / 0.17
    assert share == pytest.approx(overlap, abs=0.025)
    assert change.sum() == pytest.approx(-1000.0, abs=6.0)


def test_batches_hold_12_samples_every_200_ms_and_arrive_as_measured(corner: Store) -> None:
    _, _, batches = recorded(plates_of(corner), corner, 400.0)
    assert all(batch.grams.shape == (12, batch.grams.shape[1]) for batch in batches)
    assert {b.device_ns - a.device_ns for a, b in pairwise(batches)} == {200 * NS_PER_MS}
    assert [batch.sequence for batch in batches] == list(range(len(batches)))
    delays = [
        (batch.received_ns - batch.device_ns) / NS_PER_MS - 11 * 1000 / batch.rate_hz for batch in batches
    ]
    assert np.percentile(delays, 50) == pytest.approx(98, abs=4)
    assert np.percentile(delays, 95) == pytest.approx(138, abs=6)
    assert max(delays) <= 188.1


def test_quiet_plates_are_as_noisy_as_the_measured_ones(corner: Store) -> None:
    sds = []
    for seed in range(6):
        _, grams, _ = recorded(plates_of(corner, seed), corner, 20.0)
        sds += list(grams.std(axis=0))
    assert 0.5 < np.median(sds) < 1.2
    assert 1.1 < np.percentile(sds, 95) < 4.2
    assert max(sds) < 7


def test_baselines_are_arbitrary_and_readings_are_tenths_of_grams(corner: Store) -> None:
    _, grams, _ = recorded(plates_of(corner), corner, 2.0)
    assert np.ptp(grams[0]) > 1000
    assert grams.dtype == np.float32
    assert np.abs(grams * 10 - np.round(grams * 10)).max() < 0.02


def test_old_changes_are_remembered_as_standing_load(corner: Store) -> None:
    plates = plates_of(corner)
    plates.change(5.0, 0.15, SHELF, ALONG_M, 0.08, -500.0)
    times, grams, _ = recorded(plates, corner, 400.0)
    change = level(times, grams, 390.0, 399.0) - level(times, grams, 1.0, 4.5)
    assert change.sum() == pytest.approx(-500.0, abs=8.0)  # creep and drift included


def test_asking_in_pieces_gives_the_same_batches(corner: Store) -> None:
    whole, pieces = plates_of(corner), plates_of(corner)
    for plates in (whole, pieces):
        plates.change(5.0, 0.15, SHELF, ALONG_M, 0.08, -500.0)
    all_at_once = [batch for _, batch in whole.batches(20.0)]
    in_pieces = [batch for second in range(1, 21) for _, batch in pieces.batches(float(second))]
    key = {(batch.scale_id, batch.sequence): batch for batch in all_at_once}
    assert len(key) == len(in_pieces)
    for batch in in_pieces:
        assert np.array_equal(batch.grams, key[batch.scale_id, batch.sequence].grams, equal_nan=True)
