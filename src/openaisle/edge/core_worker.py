"""The process that decides: all readings through the one `Pipeline`, and the only writer of the ledger.

Scales and codes come to it straight from the broker and over HTTP, so that neither pages nor cameras stand between a
shopper and their cart. Detections come over the bus. What it concludes goes to the ledger first, then to the pages.
"""

from __future__ import annotations

import gc
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from queue import Queue
from typing import Final

import msgspec
import numpy as np

from openaisle.adapters.entry_codes import CodeVerifier
from openaisle.adapters.event_log_sqlite import SqliteEventLog
from openaisle.adapters.gate_http import GateServer, gate_app
from openaisle.adapters.gate_mqtt import MqttGates
from openaisle.adapters.gate_scanner import GateScanner, scanner_texts
from openaisle.adapters.gatekeeper import Answer, Gatekeeper
from openaisle.adapters.mqtt import BrokerSettings
from openaisle.adapters.scale_mqtt import MqttScales
from openaisle.adapters.webhook_http import webhook_route
from openaisle.core.errors import StoreError
from openaisle.core.messages import (
    AnyMessage,
    CameraDetections,
    CartChanged,
    FloorTracks,
    GateTap,
    LookWanted,
    PackLook,
    PaymentChanged,
    Reading,
    Receipt,
    ReviewOpened,
    ScaleBatch,
    SensorDegraded,
    SensorRecovered,
    VisitClosed,
    VisitOpened,
    Wish,
    decode,
    encode,
)
from openaisle.core.units import NS_PER_MS, NS_PER_S
from openaisle.edge.board import Cell
from openaisle.edge.bus import Inlet, Outlet
from openaisle.edge.cards import open_terminals
from openaisle.edge.cashier import Cashier
from openaisle.edge.intake import Intake
from openaisle.edge.keys import entry_public_key
from openaisle.edge.processors import WEBHOOKS
from openaisle.edge.questions import Questions
from openaisle.edge.reasons import Reasons
from openaisle.edge.settings import EDGE_FILE, LEDGER, LOOPBACK
from openaisle.edge.warm import warm_up
from openaisle.edge.wire import CLIP, MESSAGE, WISH
from openaisle.edge.worker import Context
from openaisle.pipeline import Pipeline
from openaisle.replay.clips import encode_clip
from openaisle.replay.recording import RecordingWriter

SEEN_MAX: Final = 256  # detections and looks of all vision workers
PAGES_MAX: Final = 512
POLL_S: Final = 0.02
STRAGGLERS_S: Final = 0.5  # after the day's end, for what is still on its way
SETTLE_S_MAX: Final = 3.0  # what the processor has not answered by then is asked again at the next start
TRACKS_SHOWN_NS: Final = 100 * NS_PER_MS
TRACKS_SCORED_NS: Final = NS_PER_S // 5
LAGS_MAX: Final = 100_000
SPENT: Final = "spent.sqlite"


def run(context: Context) -> None:
    settings = context.settings
    store = settings.store()
    warm_up(store, context.beat)
    event_log = SqliteEventLog(settings.state_folder / LEDGER)
    cashier = Cashier(context, event_log)
    keeps_reasons = not settings.is_headless and settings.edge.reasons_days > 0
    reasons = Reasons(store) if keeps_reasons else None
    pipeline = Pipeline(
        store,
        event_log,
        cashier.payments,
        loyalty=cashier.standing,
        followers=[cashier.follow],
        watch=reasons.watch if reasons else None,
    )
    cashier.open(pipeline)
    doors = _Doors(context, cashier)
    recorder = None
    if settings.record_folder and not context.restarts:
        recorder = RecordingWriter(
            settings.record_folder, store, settings.about, keeps_looks=settings.is_simulated
        )
    elif settings.record_folder:
        context.line("core was restarted: the recording ended there and is left unfinished")
    questions = Questions(context, store)
    said = _Said(context, questions, reasons)
    gc.collect()
    gc.freeze()  # What is here now stays: no later collection needs to look at it.
    doors.open()
    context.ready()

    def publish(messages: list[AnyMessage], readings: Sequence[Reading] = ()) -> None:
        """What the path said of readings, and what money follows from it."""
        said.publish(messages)
        said.publish(cashier.step(messages))
        said.keep_reasons(readings, messages)

    quiet_since: float | None = None
    while not context.is_stopping:
        context.beat()
        readings, tick_ns = doors.intake.take(POLL_S)
        for reading in readings:
            _count(context, reading)
            if recorder:
                recorder.write(reading)
            if isinstance(reading, PackLook):
                questions.hear(reading)
                said.show(reading)
            started_ns = time.perf_counter_ns()
            publish(pipeline.step([reading], reading.received_ns), [reading])
            _note_slowest(context, time.perf_counter_ns() - started_ns)
            context.beat()
        if context.board.is_over:
            quiet_since = None if readings else quiet_since or time.monotonic()
            if quiet_since and time.monotonic() - quiet_since > STRAGGLERS_S:
                publish(pipeline.finish(doors.intake.newest_ns))
                break
        elif tick_ns is not None:
            publish(pipeline.step([], tick_ns))
        publish([])
    if recorder:
        if settings.truth_folder.is_dir():
            shutil.copytree(settings.truth_folder, recorder.truth_folder, dirs_exist_ok=True)
        recorder.close()
    _settle(context, cashier, publish)
    doors.close()
    cashier.close()
    said.close()
    event_log.close()


def _settle(context: Context, cashier: Cashier, publish: Callable[[list[AnyMessage]], None]) -> None:
    """The day is over: hear the processor out, and where pages stay up, those who still dispute a receipt."""
    stays = context.settings.is_simulated and not context.settings.is_headless
    until_s = time.monotonic() + SETTLE_S_MAX
    while not context.is_stopping and (stays or (not cashier.is_settled and time.monotonic() < until_s)):
        publish([])
        context.beat()
        time.sleep(POLL_S)


def _count(context: Context, reading: Reading) -> None:
    cells = {ScaleBatch: Cell.BATCHES, GateTap: Cell.TAPS, CameraDetections: Cell.DETECTIONS}
    if cell := cells.get(type(reading)):
        context.board.add(context.name, cell)
    context.board.add(context.name, Cell.STEPS)


def _note_slowest(context: Context, took_ns: int) -> None:
    slowest_us = max(took_ns // 1000, context.board.get(context.name, Cell.STEP_US_MAX))
    context.board.put(context.name, Cell.STEP_US_MAX, slowest_us)


class _Doors:
    """Everything that brings readings in: each in a thread of its own, all into one intake."""

    def __init__(self, context: Context, cashier: Cashier) -> None:
        settings = context.settings
        self._context = context
        self._cashier = cashier
        self._store = settings.store()
        self._broker = settings.edge.broker or BrokerSettings(host=LOOPBACK, port=context.broker_port)
        self._verifier = CodeVerifier(
            [entry_public_key(settings)],
            self._store.store_id,
            settings.state_folder / SPENT,
            cashier.refusal,
        )
        self._gates: MqttGates | None = None
        self.intake = Intake(context.clock)
        self._closers: list[Callable[[], None]] = [self.intake.close]

    def open(self) -> None:
        context, store = self._context, self._store
        inlet = Inlet(context.core_socket, SEEN_MAX)
        badges = self._cashier.badges.admit if context.settings.edge.takes_badges else None
        gatekeeper = Gatekeeper(store.gates, self._verifier, context.clock, badges)
        scales = MqttScales(
            self._broker, store.store_id, store.gondola_of_scale.keys(), context.clock, self._note_health
        )
        gates = MqttGates(self._broker, store.store_id, gatekeeper, self._note_refused)
        self._gates = gates
        self._open_scanners(gatekeeper)
        assert context.listener is not None
        webhooks = self._cashier.webhooks
        others = [webhook_route(WEBHOOKS, webhooks.take)] if webhooks else []
        terminals = open_terminals(
            context, gatekeeper, self._cashier.cards, self._cashier.payments.knows_hold, self._note_answer
        )
        self._closers += [terminal.close for terminal in terminals]
        server = GateServer(gate_app(gatekeeper, self._note_refused, others), context.listener)
        self._closers += [server.close, gates.close, scales.close, gatekeeper.close, inlet.close]
        self._pump(scales.batches(), "scales")
        self._pump(gatekeeper.taps(), "gates")
        self._pump(_seen(inlet, lambda: context.is_stopping, self._cashier.wishes), "seen")

    def close(self) -> None:
        for close in self._closers:
            close()

    def _open_scanners(self, gatekeeper: Gatekeeper) -> None:
        """Scanners that read codes by themselves."""
        context = self._context
        self._check_gates("gates.scanners", context.settings.edge.scanners)
        self._check_gates("gates.readers", context.settings.edge.readers)
        for gate_id, source in context.settings.edge.scanners.items():
            texts = scanner_texts(gate_id, source, context.clock, self._note_health)
            scanner = GateScanner(gate_id, texts, gatekeeper, context.clock, self._note_answer)
            self._closers.append(scanner.close)

    def _check_gates(self, field: str, gate_ids: Iterable[str]) -> None:
        for gate_id in gate_ids:
            if gate_id not in self._store.gate_of:
                gates = ", ".join(sorted(self._store.gate_of))
                raise StoreError("no such gate", file=EDGE_FILE, field=field, expected=gates, found=gate_id)

    def _note_answer(self, answer: Answer) -> None:
        if self._gates is not None:
            self._gates.answer(answer)
        if not answer.is_admitted:
            self._note_refused(answer.gate_id, answer.reason, answer.message)

    def _pump(self, readings: Iterable[Reading], name: str) -> None:
        def pump() -> None:
            for reading in readings:
                self.intake.put(reading)

        threading.Thread(target=pump, name=name, daemon=True).start()

    def _note_health(self, health: SensorDegraded | SensorRecovered) -> None:
        if isinstance(health, SensorDegraded) and health.reason == "corrupt":
            self._context.board.add(self._context.name, Cell.REFUSED)
        self._context.message(health)

    def _note_refused(self, gate_id: str, reason: str, words: str = "") -> None:
        self._context.board.add(self._context.name, Cell.REFUSED)
        self._context.line(f"gate {gate_id}: refused ({reason}){': ' if words else ''}{words}")


def _seen(inlet: Inlet, is_stopping: Callable[[], bool], wishes: Queue[Wish]) -> Iterable[Reading]:
    while not is_stopping():
        for kind, payload in inlet.take(0.2):
            message = decode(payload)
            if kind == WISH:
                wishes.put(message)  # type: ignore[arg-type]
            else:
                yield message  # type: ignore[misc]


class _Said:
    """Passes on what the pipeline says: to the pages, to the supervisor what it keeps, questions to the pictures."""

    def __init__(self, context: Context, questions: Questions, reasons: Reasons | None) -> None:
        self._context = context
        self._questions = questions
        self._reasons = reasons
        self._tracks_shown_ns = 0
        self._tracks_kept_ns = 0
        self._lags_ns: deque[int] = deque(maxlen=LAGS_MAX)
        board, name = context.board, context.name
        self._pages: Outlet | None = None
        if not context.settings.is_headless:
            self._pages = Outlet(
                context.pages_socket,
                PAGES_MAX,
                drops_oldest=True,
                on_drop=lambda: board.add(name, Cell.PAGES_DROPPED),
            )

    def publish(self, messages: list[AnyMessage]) -> None:
        for message in messages:
            self._count(message)
            if isinstance(message, FloorTracks):
                self._publish_tracks(message)
            elif isinstance(message, LookWanted):
                self._questions.ask(message)
            else:
                self.show(message)
                self._keep(message)

    def keep_reasons(self, readings: Sequence[Reading], messages: Sequence[AnyMessage]) -> None:
        """What decisions rested on goes to the pages, for reviewers."""
        if self._reasons is None or self._pages is None:
            return
        now_ns = self._context.clock.now_ns()
        self._reasons.hear(readings, messages, now_ns)
        for clip in self._reasons.due(now_ns):
            self._pages.send(CLIP, encode_clip(clip))

    def close(self) -> None:
        self._questions.close()
        if self._pages:
            self._pages.close(timeout_s=0.3)
        if self._lags_ns:
            lags_ms = np.array(self._lags_ns) / NS_PER_MS
            p50, p99 = np.percentile(lags_ms, [50, 99], method="higher")
            self._context.facts(
                core_lag_ms={"p50": round(float(p50), 1), "p99": round(float(p99), 1), "n": len(lags_ms)}
            )

    def _publish_tracks(self, tracks: FloorTracks) -> None:
        if tracks.captured_ns - self._tracks_shown_ns >= TRACKS_SHOWN_NS:
            self._tracks_shown_ns = tracks.captured_ns
            self.show(tracks)
        if (
            self._context.settings.is_simulated
            and tracks.captured_ns - self._tracks_kept_ns >= TRACKS_SCORED_NS
        ):
            self._tracks_kept_ns = tracks.captured_ns
            if tracks.track_ids:
                self._context.message(tracks)

    def _keep(self, message: AnyMessage) -> None:
        if isinstance(message, CartChanged) and self._context.settings.is_simulated:
            # What a shopper can see, they see now: latency counts until here, not until the decision's time stamp.
            now_ns = self._context.clock.now_ns()
            self._lags_ns.append(now_ns - message.changed_ns)
            self._context.message(msgspec.structs.replace(message, changed_ns=now_ns))
        elif isinstance(message, Receipt | PaymentChanged | ReviewOpened | SensorDegraded | SensorRecovered):
            self._context.message(message)

    def show(self, message: AnyMessage) -> None:
        """To the pages alone."""
        if self._pages:
            self._pages.send(MESSAGE, encode(message))

    def _count(self, message: AnyMessage) -> None:
        cells = {
            VisitOpened: Cell.VISITS_OPENED,
            VisitClosed: Cell.VISITS_CLOSED,
            Receipt: Cell.RECEIPTS,
        }
        if cell := cells.get(type(message)):
            self._context.board.add(self._context.name, cell)
