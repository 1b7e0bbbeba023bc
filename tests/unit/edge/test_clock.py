from __future__ import annotations

import time

import pytest
from hypothesis import given, strategies as st

from openaisle.core.units import NS_PER_MS, NS_PER_S
from openaisle.edge.clock import ShopClock


class Machine:
    """The machine's clock, set by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_ns = 5_000
        monkeypatch.setattr(time, "monotonic_ns", lambda: self.now_ns)


@given(
    steps=st.lists(
        st.tuples(st.integers(0, 10**10), st.sampled_from([0.0, 0.05, 0.3, 0.8, 1.0, 1.05])), max_size=30
    )
)
def test_shop_time_is_the_sum_of_its_stretches_whatever_the_rate_does(steps: list[tuple[int, float]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        machine = Machine(patch)
        clock = ShopClock(1_000)
        expected, rate, before_ns = 1_000.0, 0.0, 1_000
        for elapsed_ns, next_rate in steps:
            machine.now_ns += elapsed_ns
            expected += elapsed_ns * rate
            now_ns = clock.now_ns()
            assert before_ns <= now_ns
            assert abs(now_ns - expected) <= len(steps)
            rate, before_ns = next_rate, now_ns
            clock.set_rate(rate)


def test_a_clock_stands_still_until_it_is_set_going(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch)
    clock = ShopClock(42)
    machine.now_ns += NS_PER_S
    assert clock.now_ns() == 42


def test_wall_time_is_followed_smoothly_and_never_by_a_jump(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch)
    clock = ShopClock(0)
    clock.set_rate(1.0)
    wall_ns = 2 * NS_PER_S  # somebody set the machine's clock two seconds forward
    before_ns = clock.now_ns()
    for _ in range(200):
        clock.follow(wall_ns)
        machine.now_ns += NS_PER_S
        wall_ns += NS_PER_S
        now_ns = clock.now_ns()
        assert 0.94 * NS_PER_S < now_ns - before_ns < 1.06 * NS_PER_S
        before_ns = now_ns
    assert abs(wall_ns - clock.now_ns()) < NS_PER_MS


def test_a_sleeper_wakes_when_the_clock_is_set_faster() -> None:
    clock = ShopClock(0)
    clock.set_rate(0.05)
    began = time.monotonic()
    clock.set_rate(1.0)
    clock.sleep_until(80 * NS_PER_MS)
    assert time.monotonic() - began < 0.4
    assert clock.now_ns() >= 80 * NS_PER_MS


def test_shop_time_stands_at_what_is_allowed_and_goes_on_from_there(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch)
    clock = ShopClock(1_000)
    clock.set_rate(0.5)
    clock.allow(1_000 + 100)
    machine.now_ns += 1_000
    assert clock.now_ns() == 1_100
    assert clock.allow(1_000 + 200) == 800  # real time for which it stood
    machine.now_ns += 100
    assert clock.now_ns() == 1_150
    assert clock.allow(5_000) == 0
    machine.now_ns += 100
    assert clock.now_ns() == 1_200
