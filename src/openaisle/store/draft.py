"""A store folder as far as it could be understood: each thing with its place in a file, so checks can name it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Generic, TypeVar

from openaisle.core.errors import StoreError
from openaisle.store.schema import (
    Camera,
    Gate,
    Gondola,
    Point2,
    Product,
    Promotion,
    Shelf,
    Slot,
    Store,
    Zone,
)

STORE_FILE = "store.toml"
CAMERAS_FILE = "cameras.toml"
PRODUCTS_FILE = "products.csv"
PLANOGRAM_FILE = "planogram.csv"
PROMOTIONS_FILE = "promotions.toml"

EVERY_ID = "*"  # in `ids_left_out`: a whole file, or the rest of one, could not be read

T = TypeVar("T")


def _no_line(_: str | None) -> int | None:
    return None


@dataclass(frozen=True)
class Placed(Generic[T]):
    """A thing and where it is written. `line_of` takes a field's name, None for the whole."""

    value: T
    file: str
    line_of: Callable[[str | None], int | None] = _no_line

    def problem(
        self,
        message: str,
        field_name: str | None = None,
        *,
        expected: str | None = None,
        found: object = None,
    ) -> StoreError:
        return StoreError(
            message,
            file=self.file,
            line=self.line_of(field_name),
            field=field_name,
            expected=expected,
            found=found,
        )


@dataclass(frozen=True, kw_only=True)
class Shop:
    """[store], [tax] and [plan] of store.toml."""

    store_id: str
    name: str
    timezone: str
    currency: str
    currency_digits: int
    prices_include_tax: bool
    jurisdiction: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    ceiling_height_m: float
    outline_floor_m: tuple[Point2, ...]
    walls_floor_m: tuple[tuple[Point2, Point2], ...]


@dataclass(kw_only=True)
class Draft:
    """What could be read. A thing with a problem of its own is left out, but its id is in `ids_left_out`."""

    folder: Path | None = None  # None: only in memory
    shop: Placed[Shop] | None = None
    plan: Placed[Plan] | None = None
    tax_rates: Placed[dict[str, float]] | None = None
    gates: list[Placed[Gate]] = field(default_factory=list[Placed[Gate]])
    zones: list[Placed[Zone]] = field(default_factory=list[Placed[Zone]])
    gondolas: list[Placed[Gondola]] = field(default_factory=list[Placed[Gondola]])  # without shelves
    shelves: list[Placed[Shelf]] = field(default_factory=list[Placed[Shelf]])  # with plates, without slots
    cameras: list[Placed[Camera]] = field(default_factory=list[Placed[Camera]])
    products: list[Placed[Product]] = field(default_factory=list[Placed[Product]])
    slots: list[Placed[Slot]] = field(default_factory=list[Placed[Slot]])
    promotions: list[Placed[Promotion]] = field(default_factory=list[Placed[Promotion]])
    ids_left_out: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])  # ("product", "P017")

    def is_left_out(self, kind: str, name: str) -> bool:
        """Whether a thing of that kind and id may be there, but could not be read."""
        return (kind, name) in self.ids_left_out or (kind, EVERY_ID) in self.ids_left_out

    @classmethod
    def of(cls, store: Store) -> Draft:
        """The draft of a store that is only in memory: no lines."""
        shop = Shop(
            store_id=store.store_id,
            name=store.name,
            timezone=store.timezone,
            currency=store.currency,
            currency_digits=store.currency_digits,
            prices_include_tax=store.prices_include_tax,
            jurisdiction=store.jurisdiction,
        )
        plan = Plan(
            ceiling_height_m=store.ceiling_height_m,
            outline_floor_m=store.plan_floor_m,
            walls_floor_m=store.walls_floor_m,
        )
        shelves = [shelf for gondola in store.gondolas for shelf in gondola.shelves]
        return cls(
            shop=Placed(shop, STORE_FILE),
            plan=Placed(plan, STORE_FILE),
            tax_rates=Placed(dict(store.tax_rates), STORE_FILE),
            gates=[Placed(gate, STORE_FILE) for gate in store.gates],
            zones=[Placed(zone, STORE_FILE) for zone in store.zones],
            gondolas=[Placed(replace(gondola, shelves=()), STORE_FILE) for gondola in store.gondolas],
            shelves=[Placed(replace(shelf, slots=()), STORE_FILE) for shelf in shelves],
            cameras=[Placed(camera, CAMERAS_FILE) for camera in store.cameras],
            products=[Placed(product, PRODUCTS_FILE) for product in store.products.values()],
            slots=[Placed(slot, PLANOGRAM_FILE) for shelf in shelves for slot in shelf.slots],
            promotions=[Placed(promotion, PROMOTIONS_FILE) for promotion in store.promotions],
        )

    def store(self) -> Store:
        """The whole store. Call it only when there is no problem."""
        assert self.shop is not None
        assert self.plan is not None
        assert self.tax_rates is not None
        shop, plan = self.shop.value, self.plan.value
        slots_of: dict[str, list[Slot]] = {}
        for slot in self.slots:
            slots_of.setdefault(slot.value.shelf_id, []).append(slot.value)
        shelves_of: dict[str, list[Shelf]] = {}
        for placed in self.shelves:
            slots = sorted(
                slots_of.get(placed.value.shelf_id, []), key=lambda slot: (slot.left_m, slot.slot_id)
            )
            shelves_of.setdefault(placed.value.gondola_id, []).append(
                replace(placed.value, slots=tuple(slots))
            )
        return Store(
            store_id=shop.store_id,
            name=shop.name,
            timezone=shop.timezone,
            currency=shop.currency,
            currency_digits=shop.currency_digits,
            prices_include_tax=shop.prices_include_tax,
            tax_rates=self.tax_rates.value,
            jurisdiction=shop.jurisdiction,
            ceiling_height_m=plan.ceiling_height_m,
            plan_floor_m=plan.outline_floor_m,
            walls_floor_m=plan.walls_floor_m,
            gates=tuple(gate.value for gate in self.gates),
            zones=tuple(zone.value for zone in self.zones),
            gondolas=tuple(
                replace(
                    gondola.value,
                    shelves=tuple(
                        sorted(shelves_of.get(gondola.value.gondola_id, []), key=lambda s: s.level)
                    ),
                )
                for gondola in self.gondolas
            ),
            cameras=tuple(camera.value for camera in self.cameras),
            products={product.value.product_id: product.value for product in self.products},
            promotions=tuple(promotion.value for promotion in self.promotions),
        )
