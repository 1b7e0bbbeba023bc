"""What somebody wants built: one page of TOML over a profile of the trade. Everything it does not say is the profile's.

docs/FORMATS.md, section "Scope file", is this file in prose.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from openaisle.core.errors import InputError, StoreError
from openaisle.store.rows import Id, Length, Polygon, Rate, Row, Text
from openaisle.store.tables import TomlFile

PROFILES: Final = Path(__file__).parent / "profiles"
SCOPE_FILE: Final = "scope.toml"
DEFAULT_PROFILE: Final = "convenience"
SQUARE_FEET_PER_M2: Final = 10.7639
ARTICLE_CAMERAS_A_M2: Final = 120 / 2000 * SQUARE_FEET_PER_M2  # in its example of 2,000 square feet

BURSTS: Final = {
    "flat": 1.0, "commute": 1.2, "evening": 1.2, "lunch": 1.4, "waves": 1.8, "lectures": 2.5, "breaks": 3.0,
}  # fmt: skip
"""How many times the busiest hour's mean its busiest minutes are, by shape of the peak: our judgement."""

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
Clock = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$")]
System = Literal["none", "file", "rest", "odbc"]


class ShopRow(Row):
    """[shop]: the floor and what stands on it."""

    name: Text
    area_m2: Annotated[float, Field(ge=12, le=2000)]
    outline_m: Polygon | None = None  # instead of area_m2; counter-clockwise, gates in its first side
    floor_plan: str = ""  # a store folder whose shelving and goods are kept, instead of all the rest
    ceiling_height_m: Length
    sku_count: Count
    section_count: Count
    aisle_m: Annotated[float, Field(ge=0.9, le=4)]
    gondola_width_m: Annotated[float, Field(ge=0.6, le=1.5)]
    island_share: Rate
    departments: Annotated[list[str], Field(min_length=1)]
    jurisdiction: Id
    timezone: str
    currency: Annotated[str, Field(min_length=3, max_length=3)]
    prices_include_tax: bool
    food_tax: Rate
    standard_tax: Rate


class TrafficRow(Row):
    """[traffic]: who comes, and when."""

    peak_shoppers_per_hour: Positive
    minutes_a_visit: Positive
    visits_a_day: Positive
    opens: Clock
    closes: Clock
    days_a_year: Annotated[int, Field(ge=1, le=366)]
    peak_shape: Literal["flat", "commute", "evening", "lunch", "waves", "lectures", "breaks"]
    people_a_visit: Annotated[float, Field(ge=1, le=6)]


class RulesRow(Row):
    """[rules]: how people come in, who pays, what the law asks at the shelf."""

    entry: Literal["code", "card", "badge"]
    payment: Literal["card", "payroll", "pick_list"]
    age_limits: bool
    tare_goods: bool
    latency_ms: Annotated[int, Field(ge=100, le=10_000)]
    differs: str


class SystemsRow(Row):
    """[systems]: what must be connected, and how it can be talked to."""

    pos: System
    erp: System
    stock: System


class PlacementRow(Row):
    """[placement]: what cameras must see."""

    views_min: Annotated[int, Field(ge=1, le=4)]
    facing_px_per_m: Annotated[float, Field(ge=50, le=2000)]  # of the main stream, at a facing
    person_px_per_m: Annotated[float, Field(ge=20, le=400)]  # of the substream, at a person
    mount_height_m: Annotated[float, Field(ge=1.8, le=6)]
    cameras_max: Count | None = None


class PowerRow(Row):
    """[power]: what the building has to give."""

    poe_watts: Positive  # of one switch cabinet
    mains_watts: Positive


class MoneyRow(Row):
    """[money], in US dollars: what the store earns and loses today."""

    basket: NotNegative
    gross_margin: Rate
    checkout_hours_a_day: NotNegative
    wage_per_hour: NotNegative
    queue_loss: Rate  # share of visits that queues turn away
    shrinkage: Rate  # share of revenue


class Scope(Row):
    """A whole scope."""

    profile: str
    shop: ShopRow
    traffic: TrafficRow
    rules: RulesRow
    systems: SystemsRow
    placement: PlacementRow
    power: PowerRow
    money: MoneyRow

    @property
    def people_at_peak(self) -> int:
        """People in the shop in the busiest minutes, on average (Little's law)."""
        visits = self.arrivals_per_minute * self.traffic.minutes_a_visit
        return max(1, round(visits * self.traffic.people_a_visit))

    @property
    def arrivals_per_minute(self) -> float:
        """Visits that begin in a minute of the busiest."""
        return self.traffic.peak_shoppers_per_hour / 60.0 * BURSTS[self.traffic.peak_shape]

    @property
    def hours_a_day(self) -> float:
        """From opening to closing; through the night if it closes earlier than it opens."""
        opens, closes = (_hours(text) for text in (self.traffic.opens, self.traffic.closes))
        return closes - opens if closes > opens else closes - opens + 24.0


def _hours(clock: str) -> float:
    hours, minutes = clock.split(":")
    return int(hours) + int(minutes) / 60


TABLES: Final[Mapping[str, type[Row]]] = {
    "shop": ShopRow, "traffic": TrafficRow, "rules": RulesRow, "systems": SystemsRow, "placement": PlacementRow,
    "power": PowerRow, "money": MoneyRow,
}  # fmt: skip


def profile_names() -> list[str]:
    """Trades that a scope can start from, sorted."""
    return sorted(path.stem for path in PROFILES.glob("*.toml"))


def load_profile(name: str) -> dict[str, Any]:
    """A profile's tables. InputError if there is none of that name."""
    if name not in profile_names():
        raise InputError(
            "no such profile", field="profile", expected=" or ".join(profile_names()), found=name
        )
    return tomllib.loads((PROFILES / f"{name}.toml").read_text(encoding="utf-8"))


def load_scope(path: Path) -> Scope:
    """The scope of a file. StoreError naming every problem with its line."""
    problems: list[StoreError] = []
    toml = TomlFile.read(path.parent, path.name, ("format", "profile", *TABLES), problems)
    if toml is None:
        raise StoreError.of_problems(str(path), problems)
    name = toml.document.get("profile", DEFAULT_PROFILE)
    if name not in profile_names():
        toml.report("no such profile", ("profile",), expected=" or ".join(profile_names()), found=name)
        raise StoreError.of_problems(str(path), problems)
    profile = load_profile(name)
    rows = {table: toml.row(kind, (table,), defaults=profile[table]) for table, kind in TABLES.items()}
    if problems:
        raise StoreError.of_problems(str(path), problems)
    return Scope.model_validate({"profile": name, **rows})


def scope_of(profile: str) -> Scope:
    """The scope that is a profile and nothing else."""
    tables = load_profile(profile)
    return Scope.model_validate({"profile": profile, **{table: tables[table] for table in TABLES}})


def scope_text(profile: str, changed: Mapping[str, Mapping[str, Any]]) -> str:
    """A scope file that says what differs from a profile; what does not stands there as a comment."""
    tables = load_profile(profile)
    lines = ["format = 1", f'profile = "{profile}"', ""]
    for table in TABLES:
        lines.append(f"[{table}]")
        own = changed.get(table, {})
        for key in {**tables[table], **own}:
            said = key in own
            lines.append(f"{'' if said else '# '}{key} = {_toml(own[key] if said else tables[table][key])}")
        lines.append("")
    return "\n".join(lines)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(_toml(each) for each in value)}]"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return repr(value)
