"""Grams to steps, against plates in numbers that behave as the measured ones do."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from tests.unit.weight_steps.plates import Bench, heard, press, ramp, seconds_of, shop

from openaisle.core.messages import StepStatus, encode
from openaisle.detections.weight_steps import WeightSteps


def test_a_pick_is_seen_within_half_a_second_and_measured_when_it_has_settled() -> None:
    bench = Bench()
    bench.add(press(4.7, 5.03, 50.0), 5)
    bench.add(ramp(5.0, 0.2, -620.0), 5)
    result = bench.run(9)
    (step,) = result.final
    first = result.first(step)
    assert first.status is StepStatus.PROVISIONAL
    assert (first.detected_ns - first.edge_ns) / 1e6 < 500
    assert step.status is StepStatus.CONFIRMED
    assert float(step.mass_change_g.sum()) == pytest.approx(-620.0, abs=4.0)
    assert int(np.argmin(step.mass_change_g)) == 5
    assert seconds_of(step.edge_ns) == pytest.approx(5.1, abs=0.05)
    assert 4.5 < seconds_of(step.started_ns) < 5.0
    assert step.pressed_g == pytest.approx(55.0, abs=12.0)
    assert [s.revision for s in result.said] == sorted({s.revision for s in result.said})


def test_a_small_loss_is_seen_before_it_has_rung_out() -> None:
    def ringing(t: np.ndarray) -> np.ndarray:
        after = np.clip(t - 5.2, 0.0, None)
        return ramp(5.0, 0.2, -80.0)(t) - 5.0 * np.exp(-after / 0.4) * np.sin(2 * np.pi * 5 * after)

    bench = Bench()
    bench.add(ringing, 5)
    result = bench.run(9)
    (step,) = result.final
    first = result.first(step)
    assert (first.detected_ns - first.edge_ns) / 1e6 < 400
    assert float(step.mass_change_g.sum()) == pytest.approx(-80.0, abs=2.0)


def test_goods_on_a_seam_are_one_step_over_their_plates() -> None:
    bench = Bench()
    bench.add(ramp(5.0, 0.15, -300.0), {4: 0.18, 5: 0.57, 6: 0.25})
    (step,) = bench.run(9).final
    np.testing.assert_allclose(step.mass_change_g[4:7], [-54, -171, -75], atol=2.5)
    assert np.abs(step.mass_change_g[:3]).max() == 0.0


def test_a_light_snack_is_seen_on_a_good_plate() -> None:
    bench = Bench()
    bench.add(press(4.8, 5.03, 25.0), 2)
    bench.add(ramp(5.0, 0.15, -30.5), 2)
    (mass_g,) = bench.run(9).masses_g
    assert mass_g == pytest.approx(-30.5, abs=3.0)


def test_picks_a_third_of_a_second_apart_are_separate() -> None:
    bench = Bench()
    for n, plate in enumerate((5, 5, 6, 2)):
        bench.add(ramp(5.0 + 0.45 * n, 0.12, -250.0 - 40 * n), plate)
    masses_g = bench.run(10).masses_g
    assert masses_g == pytest.approx([-250, -290, -330, -370], abs=9.0)


def test_what_began_before_another_step_had_settled_is_as_unsure_as_that_ones_end() -> None:
    def sd_of_second_g(after_s: float) -> float:
        bench = Bench()
        bench.add(ramp(5.0, 0.12, -400.0), 5)
        bench.add(ramp(5.0 + after_s, 0.12, -420.0), 5)
        return float(np.sqrt((bench.run(12).final[1].noise_sd_g ** 2).sum()))

    assert sd_of_second_g(0.45) > sd_of_second_g(4.0) + 2.0


def test_of_two_steps_on_neighbouring_plates_neither_is_measured_on_the_others() -> None:
    bench = Bench()
    bench.add(ramp(5.0, 0.15, -450.0), 5)
    bench.add(ramp(5.35, 0.1, 440.0), 6)
    bench.add(press(5.4, 5.9, 25.0), 6)  # the hand lets go of it while the first still settles
    assert bench.run(9).masses_g == pytest.approx([-450.0, 440.0], abs=3.0)


def test_a_lift_that_falters_is_one_pick() -> None:
    bench = Bench()
    bench.add(ramp(5.0, 0.06, -124.0), 5)
    bench.add(ramp(5.16, 0.06, -67.0), 5)
    bench.add(ramp(6.0, 0.15, -190.0), 6)
    assert bench.run(10).masses_g == pytest.approx([-191.0, -190.0], abs=6.0)


def test_picks_at_one_moment_far_apart_on_a_shelf_are_separate() -> None:
    bench = Bench()
    bench.add(ramp(5.0, 0.15, -400.0), 1)
    bench.add(ramp(5.01, 0.15, -200.0), 9)
    result = bench.run(9)
    places = {
        int(np.argmin(step.mass_change_g)): round(float(step.mass_change_g.sum())) for step in result.final
    }
    assert places == {1: pytest.approx(-400, abs=4), 9: pytest.approx(-200, abs=4)}


def test_a_put_back_overshoots_and_is_measured_right() -> None:
    bench = Bench()
    bench.add(ramp(5.0, 0.1, 540.0), 7)
    bench.add(press(5.05, 5.17, 160.0, tremor=0.0), 7)  # the thud
    bench.add(press(5.15, 5.45, 30.0), 7)  # the hand lets go later
    (mass_g,) = bench.run(9).masses_g
    assert mass_g == pytest.approx(540.0, abs=5.0)


@pytest.mark.parametrize("grams", [20.0, 45.0, 90.0])
@pytest.mark.parametrize("seconds", [0.3, 1.0, 4.0, 7.0])
def test_a_hand_that_rests_and_goes_leaves_nothing_standing(grams: float, seconds: float) -> None:
    bench = Bench()
    bench.add(press(5.0, 5.0 + seconds, grams, tremor=0.2), 5)
    assert sum(bench.run(15).masses_g) == pytest.approx(0.0, abs=4.0)


def test_a_resting_hand_then_a_pick_adds_up_to_the_goods() -> None:
    bench = Bench()
    bench.add(press(5.0, 9.0, 40.0, tremor=0.2), 5)
    bench.add(ramp(9.0, 0.15, -350.0), 5)
    (mass_g,) = bench.run(13).masses_g
    assert mass_g == pytest.approx(-350.0, abs=5.0)


def test_the_next_hand_is_not_measured_with_what_was_taken_before() -> None:
    bench = Bench()
    bench.add(ramp(5.0, 0.2, -1000.0), 5)
    bench.add(press(5.75, 6.75, 20.0, tremor=0.0), 5)
    bench.add(ramp(6.7, 0.1, -700.0), 5)
    first_g, second_g = bench.run(10).masses_g
    assert first_g == pytest.approx(-1000.0, abs=6.0)
    assert first_g + second_g == pytest.approx(-1700.0, abs=6.0)


def test_a_pack_nudged_over_a_seam_is_no_step() -> None:
    bench = Bench()
    bench.add(ramp(5.0, 0.3, -150.0), {5: 1.0})
    bench.add(ramp(5.0, 0.3, 150.0), {6: 1.0})
    assert bench.run(10).masses_g == []


def test_goods_lifted_and_set_down_at_once_leave_nothing_and_something_else_of_their_mass_does() -> None:
    """What of the two it was is for those to say who know whose hands were there."""
    for put_down_g in (450.0, 452.0):
        bench = Bench()
        bench.add(ramp(5.0, 0.15, -450.0), 5)
        bench.add(ramp(5.4, 0.1, put_down_g), 5)
        loss_g, gain_g = bench.run(10).masses_g
        assert loss_g < 0 < gain_g
        assert loss_g + gain_g == pytest.approx(put_down_g - 450.0, abs=1.5)


def test_a_vibrating_gondola_hides_no_pick_and_makes_none() -> None:
    bench = Bench()
    for plate in range(12):
        phase = float(plate)
        bench.add(
            lambda t, phase=phase: 25 * ((t > 4) & (t < 9)) * np.sin(2 * np.pi * 13 * t + phase), {plate: 1.0}
        )
    assert bench.run(11).masses_g == []
    bench.add(ramp(6.0, 0.15, -500.0), 5)
    (mass_g,) = bench.run(11).masses_g
    assert mass_g == pytest.approx(-500.0, abs=15.0)


def test_drift_and_creep_are_no_steps() -> None:
    bench = Bench()
    for plate in range(12):
        bench.add(lambda t, rate=(-1) ** plate * 30.0: rate * t / 60, {plate: 1.0})  # 30 g a minute
    assert bench.run(40).masses_g == []


def test_nothing_is_computed_across_a_reboot() -> None:
    bench = Bench()
    bench.add(ramp(5.0, 0.15, -620.0), 5)
    batches = bench.batches(12)
    rebooted = [
        msgspec.structs.replace(
            b, boot_id="c" if b.sequence >= 27 else "b", grams=b.grams + 5000 * (b.sequence >= 27)
        )
        for b in batches
    ]
    result = heard(bench.store, rebooted)
    assert result.masses_g == pytest.approx([-620.0], abs=25.0)
    # A tare jump at the moment of the pick: nothing can be said, and nothing is.
    at_once = [
        msgspec.structs.replace(
            b, boot_id="c" if b.sequence >= 25 else "b", grams=b.grams + 5000 * (b.sequence >= 25)
        )
        for b in batches
        if b.sequence not in (25, 26)
    ]
    assert heard(bench.store, at_once).masses_g == []


def test_a_pick_within_a_short_gap_is_found_after_it() -> None:
    bench = Bench()
    bench.add(ramp(5.05, 0.1, -300.0), 3)
    batches = [batch for batch in bench.batches(9) if batch.sequence not in (25, 26)]
    assert heard(bench.store, batches).masses_g == pytest.approx([-300.0], abs=4.0)


def test_dead_and_missing_plates_are_reported_and_do_not_disturb_their_neighbours() -> None:
    bench = Bench()
    bench.add(ramp(5.0, 0.15, -400.0), 5)
    batches = bench.batches(9)
    for batch in batches:
        batch.grams[:, 8] = np.nan
    result = heard(bench.store, batches)
    assert result.masses_g == pytest.approx([-400.0], abs=4.0)
    assert [(h.sensor_id, h.reason) for h in result.health] == [("A1.09", "dead_plate")]


def test_a_step_says_to_its_last_revision_which_plates_say_nothing() -> None:
    bench = Bench()
    bench.add(ramp(5.0, 0.15, -400.0), {5: 0.5, 6: 0.5})
    batches = bench.batches(9)
    for batch in batches:
        batch.grams[:, 6] = np.nan
    said = heard(bench.store, batches).said
    assert len(said) > 1
    assert all(np.flatnonzero(np.isnan(step.noise_sd_g)).tolist() == [6] for step in said)


@pytest.mark.parametrize("silent_from", range(22, 30))
@pytest.mark.parametrize("silent_for", [1, 2, 4, 40])
def test_what_a_plate_said_before_it_fell_silent_keeps_how_sure_it_was(
    silent_from: int, silent_for: int
) -> None:
    """Taken at 5 s, batch 25: silent at any moment of the step's life, for a moment or for good."""
    bench = Bench()
    bench.add(ramp(5.0, 0.15, -500.0), {5: 0.6, 6: 0.4})
    batches = bench.batches(14)
    for batch in batches[silent_from : silent_from + silent_for]:
        batch.grams[:, 6] = np.nan
    for step in heard(bench.store, batches).said:
        assert np.isfinite(step.mass_change_g).all()
        assert np.isfinite(step.noise_sd_g[step.mass_change_g != 0.0]).all()


def test_goods_set_down_across_a_seam_are_seen_as_soon_as_elsewhere() -> None:
    """Each plate carries less than a hand can press, both together more."""
    first_ms: list[float] = []
    for plates in ({5: 1.0}, {5: 0.5, 6: 0.5}):
        bench = Bench()
        bench.add(ramp(5.0, 0.15, 164.0), plates)
        result = bench.run(9)
        (step,) = result.final
        first_ms.append((result.first(step).detected_ns - step.edge_ns) / 1e6)
    assert first_ms[1] <= first_ms[0] + 1


def test_a_plate_that_goes_silent_for_a_moment_starts_anew() -> None:
    bench = Bench()
    batches = bench.batches(12)
    for batch in batches[20:35]:
        batch.grams[:, 5] = np.nan
    for batch in batches[35:]:
        batch.grams[:, 5] += 800.0  # replaced, or reset: nobody knows what happened in between
    result = heard(bench.store, batches)
    assert result.masses_g == []


def test_other_sample_rates_work() -> None:
    for rate_hz in (10.0, 30.0, 80.0):
        bench = Bench()
        bench.add(ramp(6.0, 0.15, -500.0), 5)
        t = np.arange(int(12 * rate_hz)) / rate_hz
        rng = np.random.default_rng(1)
        grams = 2000 + 0.8 * rng.standard_normal((len(t), 12))
        for course, plates in bench.loads:
            for column, share in plates.items():
                grams[:, column] += share * course(t)
        like = bench.batches(1)[0]
        size = max(1, round(0.2 * rate_hz))
        batches = [
            msgspec.structs.replace(
                like,
                sequence=n,
                rate_hz=rate_hz,
                device_ns=like.device_ns + round(n * size / rate_hz * 1e9),
                received_ns=like.device_ns + round((n + 1) * size / rate_hz * 1e9) + 10**8,
                grams=grams[n * size : (n + 1) * size].astype(np.float32),
            )
            for n in range(len(t) // size)
        ]
        assert heard(shop(rate_hz=rate_hz), batches).masses_g == pytest.approx([-500.0], abs=6.0), rate_hz


def test_the_same_batches_give_the_same_bytes() -> None:
    bench = Bench(noise_sd_g=2.0)
    bench.add(ramp(5.0, 0.15, -400.0), 5)
    bench.add(ramp(5.7, 0.15, 300.0), 8)
    assert [encode(s) for s in bench.run(9).said] == [encode(s) for s in bench.run(9).said]


def test_how_batches_are_grouped_into_calls_changes_nothing_that_stands() -> None:
    bench = Bench()
    bench.add(ramp(5.0, 0.15, -400.0), 5)
    batches = bench.batches(9)
    room = WeightSteps(bench.store)
    together = [
        m for n in range(0, 45, 5) for m in room.step(batches[n : n + 5], batches[min(n + 4, 44)].received_ns)
    ]
    assert float(together[-1].mass_change_g.sum()) == bench.run(9).final[0].mass_change_g.sum()  # type: ignore[union-attr]


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**16),
    mass_g=st.floats(60, 1500),
    over_s=st.floats(0.08, 0.35),
    plate=st.integers(1, 10),
    noise_sd_g=st.floats(0.3, 3.0),
    at_s=st.floats(4.0, 4.4),
)
def test_whatever_is_taken_the_steps_add_up_to_it(
    seed: int, mass_g: float, over_s: float, plate: int, noise_sd_g: float, at_s: float
) -> None:
    bench = Bench(seed=seed, noise_sd_g=noise_sd_g)
    bench.add(ramp(at_s, over_s, -mass_g), plate)
    masses_g = bench.run(8).masses_g
    assert len(masses_g) == 1
    assert masses_g[0] == pytest.approx(-mass_g, abs=4.0 + 2 * noise_sd_g + 0.01 * mass_g)
