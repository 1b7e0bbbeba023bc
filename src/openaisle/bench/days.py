"""Simulated days, run through the path in this process, one after another or several at once."""

from __future__ import annotations

import multiprocessing
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import Final, Literal

from openaisle.adapters.event_log_memory import MemoryEventLog
from openaisle.adapters.eyes import Eyes, clip_model
from openaisle.bench.looks import LookTally, SimulatedLooks
from openaisle.bench.pixels import PixelCameras, renderers_of
from openaisle.core.messages import (
    AnyMessage,
    CartChanged,
    CartClosed,
    FloorTracks,
    Reading,
    Receipt,
    ReviewOpened,
)
from openaisle.detections.looks import PackLooker
from openaisle.detections.products import ProductNetwork, ProductRecogniser
from openaisle.detections.runtime import RuntimeSettings
from openaisle.learning.galleries import simulated_gallery
from openaisle.pipeline import Pipeline
from openaisle.replay.player import play
from openaisle.replay.score import Tally, tally
from openaisle.replay.truth import truth_of_simulation
from openaisle.sim.conditions import conditions_of
from openaisle.sim.day import SimulatedDay
from openaisle.sim.main_streams import MainStreams
from openaisle.sim.scripts import plan_day
from openaisle.store.load import load_store
from openaisle.store.schema import Store

Vision = Literal["pixels", "skeleton", "none"]

VISITS_A_DAY: Final = 20
"""A long benchmark is many short days, each with its own seed, stock and plates."""

_KEPT: Final = (CartChanged, CartClosed, FloorTracks, Receipt, ReviewOpened)


@dataclass(frozen=True, kw_only=True)
class DayJob:
    """One day to run. Everything about it follows from these fields."""

    store: str
    visit_count: int
    seed: int
    vision: Vision
    families: tuple[str, ...] | Literal["mixed"]
    arrivals_per_minute: float = 2.0
    people_max: int = 6
    looks: bool = False  # what the path asks about pictures is answered
    conditions: tuple[str, ...] = ()  # what is wrong with a mixed day
    eyes: Eyes = field(default_factory=Eyes)  # who sees people in pixels


def days_of(
    store: str,
    visit_count: int,
    seed: int,
    vision: Vision,
    families: Sequence[str] | Literal["mixed"],
    *,
    arrivals_per_minute: float = 2.0,
    people_max: int = 6,
    looks: bool | None = None,
    conditions: tuple[str, ...] | None = None,
    eyes: Eyes | None = None,
) -> list[DayJob]:
    """`visit_count` visits as days. Families alternate within a day; day k of seed s has seed 1000 s + k.

    `looks`: whether questions about pictures are answered; None: where there are pictures. `conditions` of mixed
    days; None: as their seeds draw them.
    """
    is_drawn = conditions is None and families == "mixed"
    wanted: tuple[str, ...] | Literal["mixed"] = "mixed" if families == "mixed" else tuple(families)
    counts = [min(VISITS_A_DAY, visit_count - done) for done in range(0, visit_count, VISITS_A_DAY)]
    return [
        DayJob(
            store=store,
            visit_count=count,
            seed=1000 * seed + day,
            vision=vision,
            families=wanted,
            arrivals_per_minute=arrivals_per_minute,
            people_max=people_max,
            looks=looks if looks is not None else vision == "pixels",
            conditions=conditions_of(1000 * seed + day) if is_drawn else conditions or (),
            eyes=eyes or Eyes(),
        )
        for day, count in enumerate(counts)
    ]


@dataclass(frozen=True)
class ClosedLine:
    """A line of a cart that closed, before anybody reviewed it."""

    probability: float  # claimed
    is_right: bool  # the visit left with at least so many


@dataclass(frozen=True, kw_only=True)
class DayOutcome:
    """What one day gave and what it cost."""

    job: DayJob
    tally: Tally
    digest: str  # of the event log
    shop_ns: int  # of the shop's time
    cpu_ns: int  # of everything: simulator, renderer, models, path
    path_cpu_ns: int  # of the path below the seam
    frame_count: int  # looked at by the detector; 0 in skeleton mode
    looks: LookTally
    seeing_cpu_ns: int = 0  # of the detector
    lines: tuple[ClosedLine, ...] = ()  # of carts that closed, with what they claimed


def run_day(job: DayJob) -> DayOutcome:
    """Simulate one day and run it through the path. The same job gives the same tally and digest."""
    began_ns = time.process_time_ns()
    store = load_store(job.store)
    plan = plan_day(
        store,
        visit_count=job.visit_count,
        seed=job.seed,
        families=job.families,
        arrivals_per_minute=job.arrivals_per_minute,
        people_max=job.people_max,
        conditions=job.conditions,
    )
    eyes = PixelCameras(store, job.seed, job.eyes) if job.vision == "pixels" else None
    streams, looks = _looks(store, job, eyes) if job.looks else (None, None)
    day = SimulatedDay(
        store,
        plan,
        vision=eyes or ("none" if job.vision == "none" else "skeleton"),
        show=streams.show if streams else None,
    )
    event_log = MemoryEventLog()
    path = TimedPath(Pipeline(store, event_log))
    replayed = play(day.readings(), path, keep=lambda message: isinstance(message, _KEPT), answers=looks)
    return DayOutcome(
        job=job,
        tally=tally(
            truth_of_simulation(day.shop.truth),
            replayed.receipts,
            replayed.cart_events,
            replayed.of(FloorTracks),
            replayed.reviews,
        ),
        digest=event_log.digest(),
        shop_ns=replayed.ended_ns - replayed.started_ns,
        cpu_ns=time.process_time_ns() - began_ns,
        path_cpu_ns=path.cpu_ns,
        frame_count=eyes.frame_count if eyes else 0,
        seeing_cpu_ns=eyes.cpu_ns if eyes else 0,
        looks=looks.tally if looks else LookTally(),
        lines=tuple(_closed_lines(replayed.of(CartClosed), day.shop.truth.baskets())),
    )


def _closed_lines(
    closed: Sequence[CartClosed], baskets: Mapping[str, Mapping[str, int]]
) -> Iterator[ClosedLine]:
    for cart in closed:
        basket = baskets.get(cart.visit_id, {})
        billed = Counter({line.product_id: 0 for line in cart.lines})
        for line in sorted(cart.lines, key=lambda line: -line.probability):
            billed[line.product_id] += line.quantity
            yield ClosedLine(line.probability, billed[line.product_id] <= basket.get(line.product_id, 0))


def _looks(store: Store, job: DayJob, eyes: PixelCameras | None) -> tuple[MainStreams, SimulatedLooks]:
    """Main streams of all cameras, and whoever looks into them."""
    network = ProductNetwork()
    clips = clip_model(job.eyes, RuntimeSettings())
    looker = PackLooker(ProductRecogniser(simulated_gallery(store, network), network), clips)
    streams = MainStreams(eyes.renderers if eyes else renderers_of(store, job.seed))
    return streams, SimulatedLooks(store, streams, looker)


def run_days(
    jobs: Sequence[DayJob], *, worker_count: int, done: Callable[[DayOutcome], None]
) -> list[DayOutcome]:
    """Run all days, in order of `jobs` whatever finishes first; `done` hears of each as it ends."""
    outcomes: list[DayOutcome] = []
    for outcome in _outcomes(jobs, worker_count):
        done(outcome)
        outcomes.append(outcome)
    return outcomes


def _outcomes(jobs: Sequence[DayJob], worker_count: int) -> Iterator[DayOutcome]:
    if worker_count == 1 or len(jobs) == 1:
        yield from map(run_day, jobs)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(worker_count, len(jobs)), mp_context=context) as pool:
        yield from pool.map(run_day, jobs)


class TimedPath:
    """A pipeline that counts the processor time it takes."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self.cpu_ns = 0

    def step(self, readings: Sequence[Reading], now_ns: int) -> list[AnyMessage]:
        began_ns = time.thread_time_ns()
        said = self._pipeline.step(readings, now_ns)
        self.cpu_ns += time.thread_time_ns() - began_ns
        return said

    def finish(self, now_ns: int) -> list[AnyMessage]:
        return self._pipeline.finish(now_ns)
