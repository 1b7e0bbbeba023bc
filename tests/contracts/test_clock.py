"""A clock never goes back, and a sleeper wakes no sooner than asked."""

from collections.abc import Callable

import pytest

from openaisle.adapters.clock import SimulatedClock, WallClock
from openaisle.core.units import NS_PER_S
from openaisle.ports import Clock

CLOCKS: dict[str, Callable[[], Clock]] = {
    "wall": WallClock,
    "simulated": lambda: SimulatedClock(1_700_000_000 * NS_PER_S),
}


@pytest.fixture(params=CLOCKS)
def clock(request: pytest.FixtureRequest) -> Clock:
    return CLOCKS[request.param]()


def test_time_never_goes_back(clock: Clock) -> None:
    times = [clock.now_ns() for _ in range(1_000)]
    assert times == sorted(times)


def test_a_sleeper_wakes_no_sooner_than_asked(clock: Clock) -> None:
    for wait_ns in (5_000_000, 0, -NS_PER_S):
        at_ns = clock.now_ns() + wait_ns
        clock.sleep_until(at_ns)
        assert clock.now_ns() >= at_ns


class Machine:
    """A machine whose wall clock is set by hand."""

    def __init__(self) -> None:
        self.wall = 1_000 * NS_PER_S
        self.monotonic = 0

    def run(self, seconds: float) -> None:
        self.wall += round(seconds * NS_PER_S)
        self.monotonic += round(seconds * NS_PER_S)


def test_wall_time_set_back_is_caught_up_with_slowly() -> None:
    machine = Machine()
    clock = WallClock(lambda: machine.wall, lambda: machine.monotonic)
    before_ns = clock.now_ns()
    machine.wall -= 2 * NS_PER_S
    assert clock.now_ns() == before_ns
    machine.run(10)
    assert clock.now_ns() - before_ns == pytest.approx(9.5 * NS_PER_S, rel=1e-6)
    for _ in range(10):
        machine.run(10)
        clock.now_ns()
    assert clock.now_ns() == machine.wall


def test_wall_time_set_forward_is_followed_at_once() -> None:
    machine = Machine()
    clock = WallClock(lambda: machine.wall, lambda: machine.monotonic)
    machine.wall += 3_600 * NS_PER_S
    assert clock.now_ns() == machine.wall
