"""The plan's money: capital and running cost as percentiles, four ways to get there side by side, payback.

Nothing here is a price: prices are rows of the cost table, quantities come from the plan, and every line keeps the id
of its row so that a report can link to it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

import msgspec
import numpy as np

from openaisle.planning.catalogue import camera_models
from openaisle.planning.costs import CostTable, Draws, Floats
from openaisle.planning.equipment import Equipment
from openaisle.planning.place import Placement
from openaisle.planning.scope import ARTICLE_CAMERAS_A_M2, Scope
from openaisle.store.schema import Store

DRAWS: Final = 20_000
PERCENTILES: Final = (10, 50, 90)
YEARS: Final = 5
PATHS: Final = {
    "openaisle": "OpenAisle, self-hosted",
    "build": "Build in-house",
    "partner": "A specialised firm",
    "license": "A vendor's system",
}
DEVELOPMENT: Final = ("data", "detection", "action", "tracking", "integration", "qa", "development-rest")


class Money(msgspec.Struct, frozen=True):
    """Percentiles of a sum of US dollars: one in ten draws is below `p10`, one in ten above `p90`."""

    p10: float
    p50: float
    p90: float

    @classmethod
    def of(cls, draws: Floats) -> Money:
        return cls(*(float(np.round(value, 2)) for value in np.percentile(draws, PERCENTILES)))


class Payback(msgspec.Struct, frozen=True):
    """Percentiles of years until gains have paid for the capital; None: never."""

    p10: float | None
    p50: float | None
    p90: float | None


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the bill."""

    row_id: str
    name: str
    quantity: float
    unit: str
    each: tuple[float, float]  # the range for one
    total: Money


class Path(msgspec.Struct, frozen=True, kw_only=True):
    """One way to a running store."""

    path_id: str
    name: str
    hardware: Money
    development: Money
    capital: Money
    running_a_year: Money
    total_over_years: Money  # capital and YEARS of running
    gains_a_year: Money
    payback_years: Payback
    pays_back: float  # share of draws in which it ever does


class Bill(msgspec.Struct, frozen=True, kw_only=True):
    """All money of a plan."""

    seed: int
    draws: int
    years: int
    hardware: tuple[Line, ...]
    development: tuple[Line, ...]
    running: tuple[Line, ...]
    gains: tuple[Line, ...]
    removed: tuple[Line, ...]  # what OpenAisle removes from each line, against building in-house
    paths: tuple[Path, ...]
    article_grid_hardware: Money  # this floor with cameras as dense as the article's
    article_grid_cameras: int


def make_bill(
    store: Store, scope: Scope, placement: Placement, equipment: Equipment, table: CostTable, seed: int
) -> Bill:
    """The bill of a placed store. The same inputs and seed give the same numbers."""
    draws = Draws(table, seed, DRAWS)
    count = Counter(placement.model_of.values())
    book = _Book(table, draws)
    cameras, sections = placement.cameras, len(store.shelves)
    for model in camera_models():
        if count[model.model_id]:
            book.add(
                "hardware",
                "camera",
                model.name,
                count[model.model_id],
                "camera",
                draws.within("camera", *model.price_usd),
                model.price_usd,
            )
    for row_id in ("camera-installation", "network"):
        book.scaled("hardware", row_id, cameras)
    book.simple("hardware", "shelf-sensor", sections)
    book.simple("hardware", "edge-node", equipment.nodes)
    book.simple("hardware", "gate", len(store.gates))
    dense = round(placement.area_m2 * ARTICLE_CAMERAS_A_M2)
    for row_id in DEVELOPMENT:
        share = draws.remaining(row_id)
        book.add("development", row_id, table[row_id].name, 1, "store", draws.of(row_id) * share)
    hardware, development = book.sum("hardware"), book.sum("development")
    cycles = draws.of("cycles")
    book.add(
        "running", "retraining", table["retraining"].name, float(np.median(cycles)), "cycle",
        draws.of("retraining") * cycles * draws.remaining("retraining"), is_total=True,
    )  # fmt: skip
    book.add(
        "running", "maintenance", table["maintenance"].name, 1, "year", draws.of("maintenance") * hardware
    )
    for row_id in ("cloud", "support"):
        book.add(
            "running", row_id, table[row_id].name, 12, "month", draws.of(row_id) * draws.remaining(row_id)
        )
    book.simple("running", "electricity", round(equipment.kwh_a_year))
    running = book.sum("running")
    revenue = scope.money.basket * scope.traffic.visits_a_day * scope.traffic.days_a_year
    gains = _gains(book, scope, draws, revenue)
    for row_id in DEVELOPMENT:
        removed = draws.of(row_id) * (1 - draws.remaining(row_id))
        book.add("removed", row_id, table[row_id].name, 1, "store", removed)
    grid = _grid_hardware(draws, table, dense, sections, len(store.gates))
    own_edge = draws.of("edge-node") * equipment.nodes
    book.add(
        "removed", "edge", "Edge compute: processors instead of GPUs", 1, "store",
        draws.of("edge") * table["edge"].scaled(cameras) - own_edge,
    )  # fmt: skip
    for row_id in ("cloud", "support"):
        book.add(
            "removed", row_id, f"{table[row_id].name}, a year", 12, "month",
            draws.of(row_id) * (1 - draws.remaining(row_id)),
        )  # fmt: skip
    built = sum((draws.of(row_id) for row_id in DEVELOPMENT), np.zeros(DRAWS))
    full_running = (
        draws.of("retraining") * cycles
        + draws.of("maintenance") * grid
        + 12 * (draws.of("cloud") + draws.of("support"))
        + draws.of("electricity") * equipment.kwh_a_year * dense / max(1, cameras)
    )
    fee = draws.of("licence-fee") * revenue
    ways = {
        "openaisle": (hardware, development, running),
        "build": (grid, built, full_running),
        "partner": (grid, built * draws.of("partner-share"), full_running),
        "license": (
            grid,
            built * draws.of("licence-setup"),
            fee + draws.of("maintenance") * grid,
        ),
    }
    return Bill(
        seed=seed,
        draws=DRAWS,
        years=YEARS,
        hardware=book.lines("hardware"),
        development=book.lines("development"),
        running=book.lines("running"),
        gains=book.lines("gains"),
        removed=book.lines("removed"),
        paths=tuple(_path(path_id, ways[path_id], gains) for path_id in PATHS),
        article_grid_hardware=Money.of(grid),
        article_grid_cameras=dense,
    )


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """A figure of the article, and what its own rows give."""

    row_id: str
    says: tuple[float, float]
    computed: Money
    share_within: float  # of draws, within what it says


def article_check(table: CostTable, seed: int) -> tuple[Example, ...]:
    """The article's own examples from its own rows, beside what it says of them."""
    draws = Draws(table, seed, DRAWS)
    hardware = (
        120 * draws.of("camera")
        + 200 * draws.of("shelf-sensor")
        + sum(draws.of(row_id) for row_id in ("camera-installation", "edge", "network"))
    )
    development = sum((draws.of(row_id) for row_id in DEVELOPMENT), np.zeros(DRAWS))
    running = (
        draws.of("retraining") * draws.of("cycles")
        + draws.of("maintenance") * hardware
        + 12 * draws.of("cloud")
    )
    found: Mapping[str, Floats] = {
        "article-hardware": hardware, "article-development": development, "article-running": running,
    }  # fmt: skip
    return tuple(
        Example(
            row_id=row_id,
            says=(table[row_id].low, table[row_id].high),
            computed=Money.of(values),
            share_within=round(
                float(((values >= table[row_id].low) & (values <= table[row_id].high)).mean()), 3
            ),
        )
        for row_id, values in found.items()
    )


def _grid_hardware(draws: Draws, table: CostTable, cameras: int, sections: int, gates: int) -> Floats:
    """Hardware of the article's kind for a store with so many cameras and sections."""
    total = cameras * draws.of("camera") + sections * draws.of("shelf-sensor") + gates * draws.of("gate")
    for row_id in ("camera-installation", "edge", "network"):
        total = total + draws.of(row_id) * table[row_id].scaled(cameras)
    return total


def _gains(book: _Book, scope: Scope, draws: Draws, revenue: float) -> Floats:
    money, traffic = scope.money, scope.traffic
    lost = revenue * money.queue_loss / max(1e-9, 1 - money.queue_loss) * money.gross_margin
    hours = money.checkout_hours_a_day * traffic.days_a_year * money.wage_per_hour
    for row_id, at_stake in (
        ("queue-recovered", lost),
        ("labour-saved", hours),
        ("shrinkage-avoided", revenue * money.shrinkage),
    ):
        share = draws.of(row_id)
        book.add("gains", row_id, book.table[row_id].name, 1, f"of {at_stake:,.0f} USD", share * at_stake)
    return book.sum("gains")


def _path(path_id: str, way: tuple[Floats, Floats, Floats], gains: Floats) -> Path:
    hardware, development, running = way
    capital = hardware + development
    net = gains - running
    with np.errstate(divide="ignore", invalid="ignore"):
        years = np.where(net > 0, capital / net, np.inf)
    pays_back = float((years < np.inf).mean())
    places = [int(DRAWS * percentile / 100) for percentile in PERCENTILES]
    at = [round(float(value), 2) if value < np.inf else None for value in np.sort(years)[places]]
    return Path(
        path_id=path_id,
        name=PATHS[path_id],
        hardware=Money.of(hardware),
        development=Money.of(development),
        capital=Money.of(capital),
        running_a_year=Money.of(running),
        total_over_years=Money.of(capital + YEARS * running),
        gains_a_year=Money.of(gains),
        payback_years=Payback(*at),
        pays_back=round(pays_back, 3),
    )


class _Book:
    """Lines while they are written."""

    def __init__(self, table: CostTable, draws: Draws) -> None:
        self.table = table
        self._draws = draws
        self._lines: dict[str, list[tuple[Line, Floats]]] = {}

    def add(
        self,
        group: str,
        row_id: str,
        name: str,
        quantity: float,
        unit: str,
        each: Floats,
        range_: tuple[float, float] | None = None,
        *,
        is_total: bool = False,
    ) -> None:
        """`each` [draws] is for one of `quantity`, or for all where `is_total`."""
        row = self.table[row_id]
        total = each if is_total else each * quantity
        line = Line(
            row_id=row_id,
            name=name,
            quantity=quantity,
            unit=unit,
            each=range_ or (row.low, row.high),
            total=Money.of(total),
        )
        self._lines.setdefault(group, []).append((line, total))

    def simple(self, group: str, row_id: str, quantity: float) -> None:
        row = self.table[row_id]
        self.add(group, row_id, row.name, quantity, row.per, self._draws.of(row_id))

    def scaled(self, group: str, row_id: str, cameras: int) -> None:
        """A row for a store of so many cameras."""
        row = self.table[row_id]
        factor = row.scaled(cameras)
        self.add(group, row_id, row.name, round(factor, 3), "of a store", self._draws.of(row_id))

    def sum(self, group: str) -> Floats:
        return sum((total for _, total in self._lines[group]), np.zeros(self._draws.count))

    def lines(self, group: str) -> tuple[Line, ...]:
        return tuple(line for line, _ in self._lines[group])
