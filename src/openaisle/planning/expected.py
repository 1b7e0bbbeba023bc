"""How right receipts will be, before anything is bought: the planned store, simulated at the load of its peak."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from openaisle.bench.days import DayJob, DayOutcome, Vision, run_days
from openaisle.bench.receipts import receipts_report
from openaisle.planning.scope import Scope

PEOPLE_MAX: Final = 40
DAY_VISITS: Final = 10


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """Visits with one kind of hard case in them."""

    visits: int
    exact_rate: float
    f1: float
    overcharged: int


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """Simulated receipts: the simulator's figures, not a shop's."""

    vision: str
    visits: int
    seed: int
    exact_receipts: int
    exact_rate: float
    line_f1: float
    overcharged_visits: int
    undercharged_visits: int
    reviews_per_1000: float
    cart_ms_p50: float | None
    cart_ms_p99: float | None
    path_times_real_time: float | None
    people_max: int
    arrivals_per_minute: float
    families: dict[str, Family]
    digest: str


def expect(
    store_folder: Path,
    scope: Scope,
    *,
    visits: int,
    seed: int,
    vision: Vision,
    jobs: int,
    done: Callable[[DayOutcome], None] = lambda outcome: None,
) -> Expected:
    """Simulate `visits` visits as they come in the busiest minutes, as many people inside as come then."""
    people_max = min(PEOPLE_MAX, max(2, 2 * scope.people_at_peak))
    arrivals = round(scope.arrivals_per_minute, 2)
    days = [
        DayJob(
            store=str(store_folder),
            visit_count=min(DAY_VISITS, visits - first),
            seed=1000 * seed + number,
            vision=vision,
            families="mixed",
            arrivals_per_minute=arrivals,
            people_max=people_max,
            looks=vision == "pixels",
        )
        for number, first in enumerate(range(0, visits, DAY_VISITS))
    ]
    outcomes = run_days(days, worker_count=jobs, done=done)
    report = receipts_report(
        outcomes, store=store_folder.name, seed=seed, vision=vision, families="mixed", wall_s=0.0
    )
    latency = report["cart_latency_ms"]
    return Expected(
        vision=vision,
        visits=report["visits"],
        seed=seed,
        exact_receipts=report["exact_receipts"],
        exact_rate=report["exact_rate"],
        line_f1=report["line_f1"],
        overcharged_visits=report["overcharged_visits"],
        undercharged_visits=report["undercharged_visits"],
        reviews_per_1000=report["reviews_per_1000"],
        cart_ms_p50=latency["p50"],
        cart_ms_p99=latency["p99"],
        path_times_real_time=report["path_times_real_time"],
        people_max=people_max,
        arrivals_per_minute=arrivals,
        families={
            name: Family(
                visits=family["visits"],
                exact_rate=family["exact_rate"],
                f1=family["f1"],
                overcharged=family["overcharged"],
            )
            for name, family in report["families"].items()
        },
        digest=report["digest"],
    )
