"""What is told of one store-day: counts that no single visit can be read from."""

from __future__ import annotations

import msgspec


class AreaReport(msgspec.Struct, frozen=True, kw_only=True):
    """One named part of the floor; null where too few visits were there."""

    area_id: str
    name: str
    visits: int | None
    dwell_s_mean: float | None  # of a visit that was there, up to a minute of each counted


class WayReport(msgspec.Struct, frozen=True, kw_only=True):
    """Visits that went from one area straight to another, either way round."""

    area_ids: tuple[str, str]
    visits: int


class FloorReport(msgspec.Struct, frozen=True, kw_only=True):
    """A day's floor. Heat is row by row from the south-west, person-seconds a cell; null where too few visits were."""

    store_id: str
    day: str  # ISO 8601, the shop's own calendar
    visits: int
    epsilon: float  # of differential privacy, for all of this together, by visit; 0: exact, of a simulated shop only
    visits_min: int  # fewer are not told of
    low_m: tuple[float, float]
    cell_m: float
    columns: int
    rows: int
    heat_s: tuple[int | None, ...]
    heat_sd_s: float  # of the noise in it
    areas: tuple[AreaReport, ...]
    ways: tuple[WayReport, ...]
