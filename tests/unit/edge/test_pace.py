from __future__ import annotations

from openaisle.core.units import NS_PER_MS, NS_PER_S
from openaisle.edge.pace import RATE_MIN, Pace, Speedometer

PERIOD_NS = 125 * NS_PER_MS


def run(cost_s: float, frames: int, pace: Pace) -> tuple[float, float]:
    """A machine that needs `cost_s` for each frame: the last rate, and the share of time the clock stood."""
    stood_s = real_s = 0.0
    for _ in range(frames):
        period_s = PERIOD_NS / NS_PER_S / pace.rate
        waits_s = max(0.0, cost_s - period_s)
        stood_s += waits_s
        real_s += period_s + waits_s
        pace.next_rate(round(waits_s * NS_PER_S), 0, 0)
    return pace.rate, stood_s / real_s


def test_a_machine_that_keeps_up_is_not_slowed() -> None:
    assert run(0.05, 400, Pace(PERIOD_NS)) == (1.0, 0.0)


def test_a_machine_half_as_fast_as_needed_settles_at_about_half_the_pace() -> None:
    rate, stood = run(0.25, 600, Pace(PERIOD_NS))
    assert 0.4 < rate < 0.6
    assert stood < 0.1


def test_frames_that_vision_skips_slow_the_shop_and_calm_brings_it_back() -> None:
    pace = Pace(PERIOD_NS)
    for _ in range(5):
        pace.next_rate(0, 0, skipped=2)
    assert pace.rate < 0.4
    for _ in range(150):
        pace.next_rate(0, 0, skipped=0)
    assert pace.rate == 1.0


def test_the_shop_never_stops_altogether() -> None:
    pace = Pace(PERIOD_NS)
    for _ in range(500):
        assert pace.next_rate(10 * PERIOD_NS, 10 * PERIOD_NS, skipped=9) >= RATE_MIN


def test_the_slowest_five_seconds_are_remembered() -> None:
    speed = Speedometer()
    shop_ns = real_ns = 0
    for rate, seconds in ((1.0, 10), (0.5, 10), (1.0, 20)):
        for _ in range(seconds * 10):
            real_ns += NS_PER_S // 10
            shop_ns += round(rate * NS_PER_S / 10)
            speed.read(shop_ns, real_ns)
    assert abs(speed.slowest - 0.5) < 0.02
    assert abs(speed.now - 1.0) < 0.02
    assert abs(speed.mean - 35 / 40) < 0.01
