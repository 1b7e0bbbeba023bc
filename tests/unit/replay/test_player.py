"""The player keeps the shop's time, and a comparison finds the first difference."""

from dataclasses import dataclass, field

import numpy as np
from tests.unit.carts.shop import START_NS

from openaisle.core.messages import (
    AnyMessage,
    GateTap,
    LookWanted,
    PackLook,
    Reading,
    Receipt,
    VisitOpened,
)
from openaisle.core.units import NS_PER_MS, NS_PER_S
from openaisle.replay.compare import first_difference
from openaisle.replay.player import SILENCE_TICKS_MAX, play


def tap(at_ms: int, visit_id: str = "a") -> GateTap:
    at_ns = START_NS + at_ms * NS_PER_MS
    return GateTap(gate_id="entry", direction="entry", visit_id=visit_id, tapped_ns=at_ns, received_ns=at_ns)


@dataclass
class Listener:
    """A path that notes when it was called with what, and answers each tap."""

    calls: list[tuple[int, int]] = field(default_factory=list)
    finished_ms: int | None = None

    def step(self, readings: list[Reading], now_ns: int) -> list[AnyMessage]:
        self.calls.append(((now_ns - START_NS) // NS_PER_MS, len(readings)))
        return [
            VisitOpened(visit_id=reading.visit_id, gate_id="entry", track_id=None, opened_ns=now_ns)
            for reading in readings
            if isinstance(reading, GateTap)
        ]

    def finish(self, now_ns: int) -> list[AnyMessage]:
        self.finished_ms = (now_ns - START_NS) // NS_PER_MS
        return []


def test_readings_of_the_same_moment_go_in_together() -> None:
    path = Listener()
    replayed = play([tap(0, "a"), tap(0, "b"), tap(50, "c")], path)
    assert path.calls == [(0, 2), (50, 1)]
    assert path.finished_ms == 50
    assert (replayed.reading_count, replayed.started_ns) == (3, START_NS)
    assert [opened.visit_id for opened in replayed.of(VisitOpened)] == ["a", "b", "c"]
    assert [said.at_ns for said in replayed.said] == [START_NS, START_NS, START_NS + 50 * NS_PER_MS]


def test_timers_run_while_nothing_arrives() -> None:
    path = Listener()
    play([tap(0), tap(350), tap(450)], path)
    assert path.calls == [(0, 1), (100, 0), (200, 0), (300, 0), (350, 1), (450, 1)]


def test_a_night_is_passed_over_after_a_minute_of_it() -> None:
    path = Listener()
    play([tap(0), tap(8 * 3_600_000)], path)
    assert len(path.calls) == SILENCE_TICKS_MAX + 2
    assert path.calls[-2:] == [(60_000, 0), (8 * 3_600_000, 1)]


def test_nothing_recorded_is_nothing_said() -> None:
    path = Listener()
    assert play([], path).said == ()


def test_only_what_is_kept_is_collected_but_everything_is_heard() -> None:
    heard: list[int] = []
    replayed = play(
        [tap(0)], Listener(), keep=lambda message: False, hear=lambda message, at_ns: heard.append(at_ns)
    )
    assert replayed.said == ()
    assert heard == [START_NS]


def test_a_replay_may_end_with_one_visits_receipt() -> None:
    class Shop(Listener):
        def step(self, readings: list[Reading], now_ns: int) -> list[AnyMessage]:
            return [
                Receipt(
                    receipt_id=f"r{opened.visit_id}",
                    visit_id=opened.visit_id,
                    store_id="s",
                    issued_ns=now_ns,
                    lines=(),
                    total_minor=0,
                    tax_minor=0,
                    currency="EUR",
                )
                for opened in super().step(readings, now_ns)
                if isinstance(opened, VisitOpened)
            ]

    path = Shop()
    replayed = play([tap(0, "a"), tap(50, "b"), tap(90, "c")], path, until_visit="b")
    assert [receipt.visit_id for receipt in replayed.receipts] == ["a", "b"]
    assert path.finished_ms is None


@dataclass
class Photographer:
    """Answers every question 30 ms later."""

    due_ns: list[int] = field(default_factory=list)

    def ask(self, wanted: LookWanted) -> None:
        self.due_ns.append(wanted.wanted_ns + 30 * NS_PER_MS)

    def next_ns(self) -> int | None:
        return min(self.due_ns, default=None)

    def take(self) -> list[Reading]:
        at_ns = min(self.due_ns)
        self.due_ns.remove(at_ns)
        return [look(at_ns)]


@dataclass
class Curious(Listener):
    """Asks about whatever it hears of, answers excepted."""

    kinds: list[type] = field(default_factory=list)

    def step(self, readings: list[Reading], now_ns: int) -> list[AnyMessage]:
        super().step(readings, now_ns)
        self.kinds += [type(reading) for reading in readings]
        return [question(now_ns) for reading in readings if not isinstance(reading, PackLook)]


def test_answers_go_in_among_the_readings_as_they_arrive() -> None:
    path = Curious()
    play([tap(0), tap(10), tap(30), tap(35)], path, answers=Photographer())
    assert path.calls == [(0, 1), (10, 1), (30, 2), (35, 1), (40, 1), (60, 1), (65, 1)]
    assert path.kinds[2:4] == [GateTap, PackLook]
    assert path.finished_ms == 65


def test_what_timers_ask_in_a_silence_is_answered_in_it() -> None:
    class Timed(Listener):
        def step(self, readings: list[Reading], now_ns: int) -> list[AnyMessage]:
            super().step(readings, now_ns)
            return [question(now_ns)] if now_ns == START_NS + 200 * NS_PER_MS else []

    path = Timed()
    play([tap(0), tap(450)], path, answers=Photographer())
    assert path.calls == [(0, 1), (100, 0), (200, 0), (230, 1), (330, 0), (430, 0), (450, 1)]


def question(now_ns: int) -> LookWanted:
    return LookWanted(
        look_id=f"look-{now_ns}",
        camera_id="c",
        captured_ns=now_ns,
        window_main_px=(0, 0, 8),
        track_id=None,
        hand=-1,
        shelf_id="A1",
        product_ids=(),
        wanted_ns=now_ns,
    )


def look(received_ns: int) -> PackLook:
    return PackLook(
        look_id="look",
        camera_id="c",
        captured_ns=received_ns,
        received_ns=received_ns,
        track_id=None,
        hand=-1,
        shelf_id="A1",
        product_ids=(),
        log_odds=np.zeros(0, np.float32),
    )


def test_equal_runs_have_no_difference() -> None:
    assert first_difference([tap(0), tap(1)], [tap(0), tap(1)]) is None


def test_the_first_difference_is_named() -> None:
    found = first_difference([tap(0), tap(1), tap(2)], [tap(0), tap(1, "b"), tap(9)])
    assert found is not None
    assert (found.index, found.fields) == (1, ("visit_id",))
    assert str(found).startswith("the runs part at entry 2 in visit_id\n  first:  {")


def test_a_run_that_ends_early_differs() -> None:
    found = first_difference([tap(0)], [tap(0), tap(NS_PER_S)])
    assert found is not None
    assert (found.index, found.first) == (1, "nothing")
