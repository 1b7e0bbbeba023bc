"""Questions about packs find the pictures, and their answers core, whatever else goes on."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from tests.contracts.doors import wait_for
from tests.unit.products.shop import BLUE, RED, ColourNetwork, gallery_of, pack

from openaisle.core.messages import LookWanted, PackLook, decode
from openaisle.core.units import NS_PER_S
from openaisle.detections.looks import PackLooker, Window
from openaisle.detections.products import ProductNetwork, ProductRecogniser
from openaisle.edge.board import Board, Cell
from openaisle.edge.bus import Inlet, Outlet
from openaisle.edge.looks import OLD_NS, LookDesk
from openaisle.edge.questions import Questions
from openaisle.edge.settings import EdgeSettings, ShopSettings
from openaisle.edge.wire import DETECTIONS, LOOK
from openaisle.edge.worker import Context
from openaisle.ports import Regions
from openaisle.store.load import load_store


@dataclass
class Clock:
    at_ns: int = 100 * NS_PER_S

    def now_ns(self) -> int:
        return self.at_ns


@dataclass
class Stream:
    """A main stream in which every picture is red from 50 s on, and blue before."""

    camera_id: str
    seen_ns: int = 100 * NS_PER_S
    fetched: list[int] = field(default_factory=list)

    def newest_ns(self) -> int:
        return self.seen_ns

    def regions(self, captured_ns: int, windows_main_px: Sequence[tuple[int, int, int]]) -> Regions | None:
        self.fetched.append(captured_ns)
        if captured_ns < 10 * NS_PER_S:
            return None
        pixels = pack(RED if captured_ns >= 50 * NS_PER_S else BLUE)
        return Regions(captured_ns, (pixels,) * len(windows_main_px))

    def close(self) -> None: ...


class Shop:
    """Core's inlet, a vision worker's desk, and what lies between."""

    def __init__(self, folder: Path) -> None:
        self.board = Board(["core", "vision-1"])
        self.clock = Clock()
        self.store = load_store("corner")
        self.stream = Stream(self.store.cameras[0].camera_id)
        self.core = self.context("core", folder)
        self.vision = self.context("vision-1", folder)
        self.inlet = Inlet(self.core.core_socket, 100)
        self.to_core = Outlet(self.core.core_socket, 100)
        self.questions = Questions(self.core, self.store)
        self.desk: LookDesk | None = None

    def context(self, name: str, folder: Path) -> Context:
        settings = ShopSettings(store_name="corner", state_folder=folder, edge=EdgeSettings(vision_workers=1))
        return Context(
            name=name,
            settings=settings,
            board=self.board,
            clock=cast(Any, self.clock),
            sockets=folder,
            broker_port=0,
            gate_address=("127.0.0.1", 0),
            started_ns=0,
            restarts=0,
            channel=cast(Any, None),
        )

    def open(self, looker: PackLooker | None = None) -> None:
        gallery = gallery_of({"red": pack(RED), "blue": pack(BLUE)})
        own = PackLooker(ProductRecogniser(gallery, cast(ProductNetwork, ColourNetwork())))
        self.desk = LookDesk(self.vision, looker or own, {self.stream.camera_id: self.stream}, self.to_core)

    def ask(self, look_id: str, captured_s: float, wanted_s: float = 100.0, without_s: float = 0.0) -> None:
        self.questions.ask(
            LookWanted(
                look_id=look_id,
                camera_id=self.stream.camera_id,
                captured_ns=round(captured_s * NS_PER_S),
                window_main_px=(0, 0, 64),
                track_id="t",
                hand=0,
                shelf_id="A1",
                product_ids=("blue", "red"),
                wanted_ns=round(wanted_s * NS_PER_S),
                without_ns=round(without_s * NS_PER_S),
            )
        )

    def heard(self, count: int, timeout_s: float = 5.0) -> list[PackLook]:
        got: list[PackLook] = []
        until = time.monotonic() + timeout_s
        while len(got) < count and time.monotonic() < until:
            got += [
                cast(PackLook, decode(payload)) for kind, payload in self.inlet.take(0.05) if kind == LOOK
            ]
        return got

    def counted(self, cell: Cell) -> int:
        return self.board.total(cell)

    def close(self) -> None:
        self.board.stop()
        self.questions.close()
        if self.desk:
            self.desk.close()
        self.to_core.close()
        self.inlet.close()


@pytest.fixture
def shop() -> Iterator[Shop]:
    with tempfile.TemporaryDirectory() as folder:
        one = Shop(Path(folder))
        yield one
        one.close()


def test_a_question_comes_back_answered(shop: Shop) -> None:
    shop.open()
    shop.ask("now", 99.0)
    shop.ask("before", 20.0)
    looks = {look.look_id: look for look in shop.heard(2)}
    assert looks["now"].log_odds[1] > looks["now"].log_odds[0]
    assert looks["before"].log_odds[0] > looks["before"].log_odds[1]
    assert looks["before"].captured_ns == 20 * NS_PER_S
    assert (shop.counted(Cell.LOOKS_ASKED), shop.counted(Cell.LOOKS_ANSWERED)) == (2, 2)


def test_how_long_answers_take_is_a_fact_of_the_day(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    facts: dict[str, Any] = {}
    monkeypatch.setattr(shop.core, "facts", lambda **found: facts.update(found))
    shop.open()
    shop.ask("now", 99.0, wanted_s=99.9)
    for look in shop.heard(1):
        shop.questions.hear(look)
    shop.questions.close()
    assert facts == {"look_ms": {"p50": 100.0, "p95": 100.0, "n": 1}}


def test_a_question_may_be_asked_before_anybody_answers(shop: Shop) -> None:
    shop.ask("early", 99.0)
    time.sleep(0.15)
    shop.open()
    assert [look.look_id for look in shop.heard(1)] == ["early"]


def test_a_moment_that_is_to_come_is_waited_for(shop: Shop) -> None:
    shop.open()
    shop.ask("soon", 100.5)
    assert shop.heard(1, timeout_s=0.3) == []
    shop.stream.seen_ns = round(100.6 * NS_PER_S)
    assert [look.look_id for look in shop.heard(1)] == ["soon"]


def test_one_picture_is_fetched_once_for_all_its_windows(shop: Shop) -> None:
    for number in range(4):
        shop.ask(str(number), 99.0)
    time.sleep(0.15)  # All are in the outlet before the desk opens.
    shop.open()
    assert len(shop.heard(4)) == 4
    assert len(shop.stream.fetched) < 4


def test_a_change_is_looked_at_once_both_its_pictures_are_there(shop: Shop) -> None:
    class Eager:
        def clip_moments(self, _: LookWanted) -> list[int]:
            return []

        def look(self, windows: Sequence[Window], received_ns: int) -> list[PackLook]:
            seen.extend(windows)
            return []

    seen: list[Window] = []
    shop.open(cast(PackLooker, Eager()))
    shop.ask("change", 20.0, without_s=100.5)
    shop.ask("gone before", 99.0, without_s=5.0)
    assert wait_for(lambda: shop.counted(Cell.LOOKS_DROPPED) == 1, 3.0)
    assert seen == []
    shop.stream.seen_ns = 101 * NS_PER_S
    assert wait_for(lambda: len(seen) == 1, 3.0)
    assert seen[0].captured_ns == 20 * NS_PER_S
    assert (seen[0].pixels == pack(BLUE)).all()
    assert seen[0].without is not None
    assert (seen[0].without == pack(RED)).all()


def test_what_is_too_late_or_gone_is_dropped_and_counted(shop: Shop) -> None:
    shop.open()
    shop.ask("gone", 5.0)
    shop.ask("late", 101.0, wanted_s=100.0)
    shop.clock.at_ns += OLD_NS + 1
    shop.ask("good", 99.0, wanted_s=102.0)
    assert [look.look_id for look in shop.heard(1)] == ["good"]
    assert wait_for(lambda: shop.counted(Cell.LOOKS_DROPPED) == 2, 3.0)
    assert shop.counted(Cell.LOOKS_ASKED) == 3


def test_a_slow_look_holds_nobody_back(shop: Shop) -> None:
    is_looking, may_go_on = threading.Event(), threading.Event()

    class Slow:
        def clip_moments(self, _: LookWanted) -> list[int]:
            return []

        def look(self, windows: Sequence[Window], received_ns: int) -> list[PackLook]:
            if windows:
                is_looking.set()
                may_go_on.wait(5)
            return []

    shop.open(cast(PackLooker, Slow()))
    shop.ask("slow", 99.0)
    assert is_looking.wait(5)
    assert shop.to_core.send(DETECTIONS, b"people")
    assert wait_for(lambda: (DETECTIONS, b"people") in shop.inlet.take(0.05), 3.0)
    may_go_on.set()


def test_a_look_that_fails_is_said_once_and_the_next_is_answered(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    monkeypatch.setattr(shop.vision, "line", lines.append)
    monkeypatch.setattr(shop.vision, "traceback", lambda text: None)
    whole = shop.stream.regions
    broken = [True, True]

    def regions(captured_ns: int, windows: Sequence[tuple[int, int, int]]) -> Regions | None:
        assert not broken or broken.pop() is None, "as if by accident"
        return whole(captured_ns, windows)

    monkeypatch.setattr(shop.stream, "regions", regions)
    shop.open()
    for look_id in ("a", "b", "c"):
        shop.ask(look_id, 99.0)
        time.sleep(0.2)
    assert [look.look_id for look in shop.heard(1)] == ["c"]
    assert len(lines) == 1
    assert "as if by accident" in lines[0]


def test_pixels_never_leave_the_process_that_looks(shop: Shop) -> None:
    shop.open()
    shop.ask("now", 99.0)
    kinds: list[tuple[int, int]] = []
    assert wait_for(
        lambda: bool(kinds) or bool(kinds.extend((k, len(p)) for k, p in shop.inlet.take(0.1))), 5
    )
    assert all(length < 1000 for _, length in kinds)
    assert np.prod(pack(RED).shape) > 1000
