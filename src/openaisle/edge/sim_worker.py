"""The process that is the world in a demo: the simulator behind real doors.

Cameras are video streams on loopback, scales publish to the broker, shoppers show signed codes at the gate's port. The
world waits until every part of the shop is there, and slows the shop's clock where this machine cannot keep up.
"""

from __future__ import annotations

import http.client
import json
import queue
import threading
import time
from dataclasses import replace
from typing import Any, Final

import cv2

from openaisle.adapters.entry_codes import CodeIssuer
from openaisle.adapters.mqtt import BrokerSettings, MqttConnection
from openaisle.adapters.scale_payload import encode_binary_payload, scale_topic
from openaisle.core.errors import PortUnavailable
from openaisle.core.messages import GateTap, ScaleBatch, StoreId, VisitId
from openaisle.core.units import NS_PER_MS, NS_PER_S
from openaisle.detections.products import LOOK_PX
from openaisle.edge.board import Cell, State
from openaisle.edge.keys import code_issuer
from openaisle.edge.pace import Pace, Speedometer
from openaisle.edge.settings import LOOPBACK, Simulation
from openaisle.edge.sim_cards import TappedCards
from openaisle.edge.sim_regions import RegionServer
from openaisle.edge.worker import Context
from openaisle.replay.truth import truth_of_simulation
from openaisle.sim.live import LiveShop
from openaisle.sim.live_video import VideoStream
from openaisle.sim.main_streams import MainStreams
from openaisle.sim.render import Renderer
from openaisle.sim.scripts import plan_day
from openaisle.sim.shop import SimulatedShop
from openaisle.store.schema import Store

DAY_VISITS: Final = 40  # of an endless demo, after which the shelves are full again
EMPTY_NS: Final = (
    4 * NS_PER_S
)  # an empty shop before the first shopper, from which cameras learn what empty is
SLACK_PARTS: Final = 4
"""The clock may run ahead of the next frame by this part of a period; what is due meanwhile is at most so late."""
EYES_S_MAX: Final = 3.0  # without any frame seen
DRAIN_S: Final = 0.5  # without a frame or a step: everything has arrived
SLOW_RATE: Final = 0.95
SAY_CHANGE: Final = 0.2  # of the pace, worth a line
SAY_S_MIN: Final = 20.0
GATE_TRIES: Final = 20
GATE_RETRY_S: Final = 1.0


def run(context: Context) -> None:
    cv2.setNumThreads(1)
    simulation = context.settings.simulation
    assert simulation is not None
    store = context.settings.store()
    world = _World(context, store, simulation)
    world.rehearse()
    world.wait_until_open()
    day = 0
    while not context.is_stopping:
        world.run_day(day)
        if simulation.visits:
            break
        day += 1
    world.close()


class _World:
    def __init__(self, context: Context, store: Store, simulation: Simulation) -> None:
        self._context, self._store, self._simulation = context, store, simulation
        self._renderers: dict[str, Renderer] = {}
        self._main_streams = MainStreams({})
        self._regions = RegionServer(context.regions_socket)
        self._streams = {
            camera.camera_id: VideoStream(
                camera.camera_id,
                camera.lens.width_px,
                camera.lens.height_px,
                simulation.fps,
                LOOPBACK,
                port=int(camera.source.rsplit(":", 1)[1]),
            )
            for camera in store.cameras
        }
        broker = context.settings.edge.broker or BrokerSettings(host=LOOPBACK, port=context.broker_port)
        self._mqtt = MqttConnection(broker)
        if not self._mqtt.wait_until_up(10.0):
            raise PortUnavailable(f"no broker at {broker.address}")
        self._phones = _Phones(context, store.store_id)
        self._pace = Pace(round(NS_PER_S / simulation.fps))
        self._speed = Speedometer()
        self._said_rate, self._said_at = 1.0, 0.0
        self._skipped = 0
        self._eyes = _Eyes(context, len(self._streams))

    def rehearse(self) -> None:
        """Draw the first shopper once with every camera, so that nothing is compiled or cached while the shop runs."""
        self._renew_renderers(0)
        shop = self._new_shop(0, self._context.clock.now_ns())
        scenes = [shop.scene()]
        until_ns = min(visit.enters_ns for visit in shop.plan.visits) + 2 * NS_PER_S
        while shop.now_ns < until_ns:
            shop.advance(shop.now_ns + NS_PER_S)
        for scene in (*scenes, shop.scene()):
            for renderer in self._renderers.values():
                renderer.draw(scene)
                renderer.draw_region(scene, (0, 0, LOOK_PX, LOOK_PX))
                self._context.beat()

    def wait_until_open(self) -> None:
        """Until every part of the shop is there. Streams take readers meanwhile, and show nothing yet."""
        self._context.ready()
        while not self._context.board.is_open and not self._context.is_stopping:
            self._context.beat()
            time.sleep(0.05)
        clock = self._context.clock
        clock.allow(clock.now_ns() + 1)  # It stands until the first frame is due.
        clock.set_rate(1.0)

    def run_day(self, day: int) -> None:
        context, board = self._context, self._context.board
        if day:
            self._renew_renderers(day)  # Night: the clock stands, shelves are filled.
        shop = self._new_shop(day, context.clock.now_ns())
        live = LiveShop(
            shop,
            context.clock,
            self._streams,
            self._renderers,
            fps=self._simulation.fps,
            publish=self._publish,
            present=self._phones.present,
            on_pump=self._pump,
            show=self._main_streams.show,
        )
        board.add(context.name, Cell.VISITS_PLANNED, len(shop.plan.visits))
        slack_ns = self._pace.period_ns // SLACK_PARTS
        while not shop.is_over and not context.is_stopping:
            stood_ns = 0
            for _ in self._streams:
                stood_ns += context.clock.allow(live.due_ns + slack_ns)
                live.wait()
                self._eyes.wait()
                live.take()
                board.add(context.name, Cell.FRAMES_SHOWN)
            self._steer(stood_ns)
            self._count_visits(shop)
        if self._simulation.visits:
            self._end(shop)

    def close(self) -> None:
        self._regions.close()
        self._mqtt.close()
        for stream in self._streams.values():
            stream.close()

    def _renew_renderers(self, day: int) -> None:
        seed = self._simulation.seed + day
        self._renderers = {
            camera.camera_id: Renderer(self._store, camera, seed=seed) for camera in self._store.cameras
        }
        self._main_streams = MainStreams(self._renderers)

    def _pump(self) -> None:
        self._context.beat()
        self._regions.serve(self._main_streams)

    def _new_shop(self, day: int, start_ns: int) -> SimulatedShop:
        plan = plan_day(
            self._store,
            visit_count=self._simulation.visits or DAY_VISITS,
            seed=self._simulation.seed + day,
            families=self._simulation.families or "mixed",
            start_ns=start_ns,
        )
        # A visit's name is good once: the second day's are others.
        prefix = f"d{day + 1}-" if day else ""
        later = tuple(
            replace(visit, visit_id=prefix + visit.visit_id, enters_ns=visit.enters_ns + EMPTY_NS)
            for visit in plan.visits
        )
        return SimulatedShop(self._store, replace(plan, visits=later))

    def _end(self, shop: SimulatedShop) -> None:
        """The day is over: keep the truth for the score, let what is on its way arrive, say so."""
        context, board = self._context, self._context.board
        folder = context.settings.truth_folder
        folder.mkdir(parents=True, exist_ok=True)
        truth_of_simulation(shop.truth).named(self._phones.names).write(folder)
        context.facts(
            shop_rate_min=round(self._speed.slowest, 3),
            shop_rate_mean=round(self._speed.mean, 3),
            shop_s=round((shop.now_ns - shop.plan.start_ns) / NS_PER_S, 1),
        )
        # The clock stands at what was allowed last: nothing happens any more, and silence is no fault now.
        done, quiet_since = -1, time.monotonic()
        while time.monotonic() - quiet_since < DRAIN_S and not context.is_stopping:
            self._pump()
            before, done = done, sum(board.total(cell) for cell in (Cell.FRAMES_SEEN, Cell.STEPS))
            quiet_since = quiet_since if done == before else time.monotonic()
            time.sleep(0.05)
        board.end_day()

    def _steer(self, stood_ns: int) -> None:
        context, board = self._context, self._context.board
        skipped = board.total(Cell.FRAMES_SKIPPED)
        is_seen = self._eyes.are_open
        rate = self._pace.next_rate(
            stood_ns, self._eyes.backlog_ns if is_seen else 0, skipped - self._skipped if is_seen else 0
        )
        self._skipped = skipped
        if rate != context.clock.rate:
            context.clock.set_rate(rate)
        now = self._speed.read(context.clock.now_ns(), time.monotonic_ns())
        board.put(context.name, Cell.BACKLOG_MS, stood_ns // NS_PER_MS)
        board.put(context.name, Cell.RATE_PERCENT, round(100 * now))
        self._say_pace(now)

    def _say_pace(self, now: float) -> None:
        is_slow = now < SLOW_RATE
        is_news = is_slow != (self._said_rate < SLOW_RATE) or abs(now - self._said_rate) >= SAY_CHANGE
        if is_news and time.monotonic() - self._said_at > SAY_S_MIN:
            self._said_rate, self._said_at = now, time.monotonic()
            why = ": this machine cannot draw and see more in real time" if is_slow else ""
            self._context.line(f"the shop runs at {now:.1f} of real time{why}")

    def _publish(self, batch: ScaleBatch) -> None:
        self._mqtt.publish(scale_topic(self._store.store_id, batch.scale_id), encode_binary_payload(batch))

    def _count_visits(self, shop: SimulatedShop) -> None:
        visits = shop.truth.visits.values()
        board, name = self._context.board, self._context.name
        board.put(name, Cell.VISITS_STARTED, sum(visit.tapped_ns > 0 for visit in visits))
        board.put(name, Cell.VISITS_OVER, sum(visit.left_ns > 0 for visit in visits))


class _Eyes:
    """The vision workers as the world sees them: it waits for them rather than show more than they can look at.

    While one is away (killed, starting) it does not: a real shop would not wait either, and what it missed is gone.
    """

    def __init__(self, context: Context, camera_count: int) -> None:
        self._context = context
        self._names = [name for name in context.board.workers if name.startswith("vision")]
        self._waiting_max = camera_count
        self._lost = 0  # frames shown that nobody will ever see or count as skipped

    @property
    def are_open(self) -> bool:
        return all(self._context.board.state(name) == State.RUNNING for name in self._names)

    @property
    def backlog_ns(self) -> int:
        return max(self._context.board.get(name, Cell.BACKLOG_MS) for name in self._names) * NS_PER_MS

    def wait(self) -> None:
        """Until no more than one frame a camera waits to be looked at."""
        patience_s = time.monotonic() + EYES_S_MAX
        waiting = self._waiting()
        while waiting > self._waiting_max and self.are_open and not self._context.is_stopping:
            time.sleep(0.002)
            self._context.beat()
            before, waiting = waiting, self._waiting()
            if waiting < before:
                patience_s = time.monotonic() + EYES_S_MAX
            elif time.monotonic() > patience_s:
                break
        if waiting > self._waiting_max:
            self._lost += waiting  # They went with a worker or before one was there: not waited for again.

    def _waiting(self) -> int:
        board = self._context.board
        done = board.total(Cell.FRAMES_SEEN) + board.total(Cell.FRAMES_SKIPPED)
        return board.total(Cell.FRAMES_SHOWN) - done - self._lost


class _Phones:
    """Shoppers' phones and cards: a fresh code at every tap, shown at the gate's port, again while nobody answers; of
    some a card, held to the gate's reader.

    Where a person's phone waits on the shopper's page, the next shopper shows that one: `names` says who went in as
    whom.
    """

    def __init__(self, context: Context, store_id: StoreId) -> None:
        self._context = context
        self.names: dict[VisitId, VisitId] = {}
        self._issuer: CodeIssuer = code_issuer(context.settings, store_id)
        self._cards = TappedCards(context.processor_port)
        self._taps: queue.Queue[GateTap] = queue.Queue()
        threading.Thread(target=self._run, name="phones", daemon=True).start()

    def present(self, tap: GateTap) -> None:
        self._taps.put(tap)

    def _run(self) -> None:
        while True:
            tap = self._taps.get()
            for _ in range(GATE_TRIES):
                try:
                    status, body = self._show(tap)
                except OSError:
                    time.sleep(GATE_RETRY_S)  # The gate is away: whoever stands there tries again.
                    continue
                if status != 200:
                    said = json.loads(body).get("message", body)
                    self._context.line(f"visit {tap.visit_id} was refused at gate {tap.gate_id}: {said}")
                break

    def _show(self, tap: GateTap) -> tuple[int, str]:
        if not tap.is_staff and (carried := self._carried(tap.people_count)):
            status, body = self._present(tap, carried)
            if status == 200:
                self.names[tap.visit_id] = json.loads(body)["visit_id"]
                return status, body
        if self._cards.has(tap) and (visit_id := self._cards.tap(tap)):
            self.names[tap.visit_id] = visit_id
            return 200, ""
        code = self._issuer.issue(
            tap.visit_id, self._context.clock.now_ns(), people_count=tap.people_count, is_staff=tap.is_staff
        )
        return self._present(tap, code)

    def _carried(self, people_count: int) -> str | None:
        """The code of a phone that waits to be carried; None without pages, and where none waits."""
        if self._context.settings.is_headless:
            return None
        address = (LOOPBACK, self._context.settings.port)
        try:
            _, body = _post(address, "/api/demo/phones", {"people_count": people_count})
            return json.loads(body)["code"]
        except (OSError, ValueError, KeyError):
            return None  # The pages are away: this shopper has a phone of their own.

    def _present(self, tap: GateTap, code: str) -> tuple[int, str]:
        return _post(self._context.gate_address, f"/gates/{tap.gate_id}/codes", {"code": code})


def _post(address: tuple[str, int], path: str, body: dict[str, Any]) -> tuple[int, str]:
    connection = http.client.HTTPConnection(*address, timeout=5.0)
    try:
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()
