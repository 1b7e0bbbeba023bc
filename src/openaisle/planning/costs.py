"""What things cost: rows of ranges with their sources, read from a file that anybody may edit, drawn by Monte Carlo."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from openaisle.core.errors import InputError, StoreError
from openaisle.planning.catalogue import CameraModel
from openaisle.store.rows import Row
from openaisle.store.tables import TomlFile

COSTS: Final = Path(__file__).parent / "costs.toml"
CAMERAS_A_NODE: Final = (
    40.0  # for the price of one camera more; the plan itself counts nodes from milliseconds
)

Positive = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Range = Annotated[list[Positive], Field(min_length=2, max_length=2)]
Group = Literal["hardware", "development", "running", "quantity", "gain", "phase", "total"]
Floats = NDArray[np.float64]


class ScaleRow(Row):
    at: Annotated[float, Field(gt=0)]
    fixed: Annotated[float, Field(ge=0, le=1)]


class CostRowFile(Row):
    """[row.NAME]"""

    name: str
    group: Group
    range: Range
    per: str
    source: str
    scale: ScaleRow | None = None
    remains: Range = Field(default_factory=lambda: [1.0, 1.0])
    because: str = ""


class SourceFile(Row):
    """[source.NAME]"""

    title: str
    about: str


@dataclass(frozen=True, kw_only=True)
class CostRow:
    """One row, with its id."""

    row_id: str
    name: str
    group: str
    low: float
    high: float
    per: str
    source: str
    scale_at: float | None
    scale_fixed: float
    remains: tuple[float, float]
    because: str

    @property
    def middle(self) -> float:
        """The median of its draws."""
        return math.sqrt(self.low * self.high) if self.low > 0 else (self.low + self.high) / 2

    def scaled(self, cameras: float) -> float:
        """What a range for a store of `scale_at` cameras is multiplied by."""
        if self.scale_at is None:
            return 1.0
        return self.scale_fixed + (1 - self.scale_fixed) * cameras / self.scale_at


@dataclass(frozen=True)
class CostTable:
    """All rows and sources, by id."""

    rows: Mapping[str, CostRow]
    sources: Mapping[str, tuple[str, str]]  # title, what it is

    def __getitem__(self, row_id: str) -> CostRow:
        if row_id not in self.rows:
            raise InputError("no such row of costs", field=f"row.{row_id}", expected="it in the cost table")
        return self.rows[row_id]

    def group(self, name: str) -> list[CostRow]:
        """Rows of a group, in the order of the file."""
        return [row for row in self.rows.values() if row.group == name]


def load_costs(path: Path = COSTS) -> CostTable:
    """The table of a file. StoreError naming every problem with its line."""
    problems: list[StoreError] = []
    toml = TomlFile.read(path.parent, path.name, ("format", "source", "row"), problems)
    rows: dict[str, CostRow] = {}
    sources: dict[str, tuple[str, str]] = {}
    if toml is not None:
        for name in toml.document.get("source", {}):
            if (source := toml.row(SourceFile, ("source", name))) is not None:
                sources[name] = (source.title, source.about)
        for name in toml.document.get("row", {}):
            row = toml.row(CostRowFile, ("row", name))
            if row is None:
                continue
            rows[name] = _cost_row(name, row)
            if row.range[0] > row.range[1]:
                toml.report(
                    "the range runs backwards",
                    ("row", name, "range"),
                    expected="[low, high]",
                    found=row.range,
                )
            if row.source not in sources:
                toml.report(
                    "no such source", ("row", name, "source"), expected="one of [source]", found=row.source
                )
    if problems:
        raise StoreError.of_problems(str(path), problems)
    return CostTable(rows, sources)


def _cost_row(row_id: str, row: CostRowFile) -> CostRow:
    return CostRow(
        row_id=row_id,
        name=row.name,
        group=row.group,
        low=float(row.range[0]),
        high=float(row.range[1]),
        per=row.per,
        source=row.source,
        scale_at=row.scale.at if row.scale else None,
        scale_fixed=row.scale.fixed if row.scale else 1.0,
        remains=(float(row.remains[0]), float(row.remains[1])),
        because=row.because,
    )


def camera_cost_usd(model: CameraModel, table: CostTable) -> float:
    """What one camera more costs: itself, hung up, connected and looked at, at the middle of every range."""
    price = math.sqrt(model.price_usd[0] * model.price_usd[1])
    for row in (table["camera-installation"], table["network"]):
        if row.scale_at is not None:
            price += row.middle * (1 - row.scale_fixed) / row.scale_at
    return price + table["edge-node"].middle / CAMERAS_A_NODE


class Draws:
    """Draws of every row: the same row is the same number within a draw, wherever it is used.

    Prices are log-uniform in their range (half of the draws below the geometric middle: dear ones are rarer than
    cheap ones), shares and counts uniform.
    """

    def __init__(self, table: CostTable, seed: int, count: int) -> None:
        self._table = table
        self.count = count
        # What a row draws depends on its own id and the seed: a row more in the file changes no other.
        self._uniform = {
            row_id: np.random.default_rng([seed, zlib.crc32(row_id.encode())]).random((2, count))
            for row_id in table.rows
        }

    def of(self, row_id: str) -> Floats:
        """The row's draws [count]."""
        row = self._table[row_id]
        return _between(row.low, row.high, self._uniform[row_id][0], is_price=row.high > 1)

    def remaining(self, row_id: str) -> Floats:
        """Which share of the row is left with OpenAisle [count]."""
        low, high = self._table[row_id].remains
        return _between(low, high, self._uniform[row_id][1], is_price=False)

    def within(self, row_id: str, low: float, high: float) -> Floats:
        """A range of our own that moves with a row's draw [count]: a camera model's price, with the row of cameras."""
        return _between(low, high, self._uniform[row_id][0], is_price=True)


def _between(low: float, high: float, uniform: Floats, *, is_price: bool) -> Floats:
    if is_price and low > 0:
        return low * (high / low) ** uniform
    return low + (high - low) * uniform
