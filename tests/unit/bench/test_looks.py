"""A benchmark answers questions about its pictures, late as a shop would and always alike."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, cast

import msgspec
import numpy as np

from openaisle.bench.looks import LOOKING_NS, WAITING_MAX, SimulatedLooks, meant_by
from openaisle.core.messages import LookWanted, PackLook
from openaisle.core.units import NS_PER_MS
from openaisle.detections.looks import PackLooker, Window
from openaisle.sim.main_streams import MainStreams, Shot
from openaisle.sim.scene import Item, Scene
from openaisle.store.load import load_store

MS = NS_PER_MS
CORNER = load_store("corner")
STORE = replace(CORNER, cameras=(replace(CORNER.cameras[0], camera_id="c"),))


@dataclass
class Moment:
    """A scene without anything."""

    at_ns: int
    item_in_hand: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))


class Streams(MainStreams):
    """Frames that are nothing but their times."""

    def __init__(self) -> None:
        super().__init__({"c": cast(Any, None)})

    def take(self, *at_ms: int) -> None:
        for ms in at_ms:
            self.show(cast(Any, Moment(ms * MS)), ["c"])

    def window(self, shot: Shot, window_main_px: tuple[int, int, int]) -> np.ndarray:
        return np.zeros((window_main_px[2],) * 2 + (3,), np.uint8)


@dataclass
class Looker:
    batches: list[int] = field(default_factory=list)
    moments: tuple[int, ...] = ()
    clips: list[int] = field(default_factory=list)

    def clip_moments(self, wanted: LookWanted) -> list[int]:
        return [wanted.captured_ns - each * MS for each in self.moments]

    def look(self, windows: list[Window], received_ns: int) -> list[PackLook]:
        self.batches.append(len(windows))
        self.clips += [len(window.clip) for window in windows]
        return [
            PackLook(
                look_id=window.wanted.look_id,
                camera_id="c",
                captured_ns=window.captured_ns,
                received_ns=received_ns,
                track_id=None,
                hand=-1,
                shelf_id="A1",
                product_ids=(),
                log_odds=np.zeros(0, np.float32),
            )
            for window in windows
        ]


def wanted(look_id: str, captured_ms: int, wanted_ms: int) -> LookWanted:
    return LookWanted(
        look_id=look_id,
        camera_id="c",
        captured_ns=captured_ms * MS,
        window_main_px=(0, 0, 8),
        track_id=None,
        hand=-1,
        shelf_id="A1",
        product_ids=(),
        wanted_ns=wanted_ms * MS,
    )


def test_an_answer_comes_a_while_after_its_question() -> None:
    streams, looker = Streams(), Looker()
    looks = SimulatedLooks(STORE, streams, cast(PackLooker, looker))
    streams.take(100, 200, 300)
    looks.ask(wanted("a", 210, 360))
    looks.ask(wanted("b", 100, 360))
    assert looks.next_ns() == 360 * MS + LOOKING_NS
    assert [(look.look_id, look.captured_ns) for look in looks.take()] == [("a", 200 * MS), ("b", 100 * MS)]
    assert looker.batches == [2]
    assert looks.next_ns() is None
    assert (looks.tally.asked, looks.tally.answered) == (2, 2)


def test_a_clip_is_as_many_pictures_as_are_still_there() -> None:
    streams, looker = Streams(), Looker(moments=(900, 400, 200, 0))
    looks = SimulatedLooks(STORE, streams, cast(PackLooker, looker))
    streams.take(200, 400, 600)
    looks.ask(wanted("a", 600, 700))
    assert looks.next_ns() is not None
    looks.take()
    assert looker.clips == [3]


def test_a_question_about_what_is_to_come_waits_for_it() -> None:
    streams = Streams()
    looks = SimulatedLooks(STORE, streams, cast(PackLooker, Looker()))
    streams.take(100, 200)
    looks.ask(wanted("a", 290, 210))
    assert looks.next_ns() is None
    streams.take(300)
    assert looks.next_ns() == 300 * MS + LOOKING_NS


def test_a_question_whose_frame_is_gone_gets_no_answer() -> None:
    streams = Streams()
    looks = SimulatedLooks(STORE, streams, cast(PackLooker, Looker()))
    streams.take(10_000)
    looks.ask(wanted("a", 5_000, 10_050))
    assert looks.next_ns() is None
    assert (looks.tally.asked, looks.tally.answered) == (1, 0)


def test_of_too_many_waiting_questions_the_oldest_is_forgotten() -> None:
    streams = Streams()
    looks = SimulatedLooks(STORE, streams, cast(PackLooker, Looker()))
    for number in range(WAITING_MAX + 1):
        looks.ask(wanted(str(number), 100, 10))
    streams.take(100)
    assert looks.next_ns() is not None
    assert [look.look_id for look in looks.take()] == [str(number) for number in range(1, WAITING_MAX + 1)]


def test_the_truth_about_a_window_is_the_pack_in_a_hand_or_the_one_that_came_and_went() -> None:
    product_id = min(STORE.products)
    camera = STORE.cameras[0]
    lens = camera.lens.scaled(camera.main_width_px, camera.main_height_px)
    place = camera.floor_from_camera.apply(np.array([0.1, 0.2, 2.0]))
    middle = place + np.array([0.0, 0.0, STORE.products[product_id].height_m / 2])
    x, y = (round(float(value)) for value in lens.project(camera.camera_from_floor.apply(middle)))
    held = Scene(
        at_ns=0,
        light=1.0,
        bodies=(),
        joints_floor_m=np.zeros((0, 24, 3)),
        items=(Item(item_id=1, product_id=product_id, mass_g=1.0),),
        item_positions_floor_m=place[None],
        item_yaw_deg=np.zeros(1),
        item_in_hand=np.ones(1, bool),
        shelf_version=0,
    )
    standing = replace(held, item_in_hand=np.zeros(1, bool))
    in_hand, on_shelf = Shot("c", held, None), Shot("c", standing, None)
    question = wanted("a", 0, 0)
    inside = msgspec.structs.replace(question, window_main_px=(x - 70, y - 20, 96))
    beside = msgspec.structs.replace(question, window_main_px=(x + 10, y - 20, 96))
    assert meant_by(STORE, inside, in_hand, None) == product_id
    assert meant_by(STORE, beside, in_hand, None) is None
    assert meant_by(STORE, inside, on_shelf, None) is None
    assert meant_by(STORE, inside, on_shelf, in_hand) == product_id
    assert meant_by(STORE, inside, on_shelf, on_shelf) is None
