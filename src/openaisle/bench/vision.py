"""The parts of `openaisle bench vision`: what is seen, measured on stores that no shipped network was taught on.

A part takes the store and the seed and gives its figures; it tells `report` how many of its `steps` are done. Another
part is one function and one line in `PARTS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from openaisle.bench import vision_people, vision_products
from openaisle.learning import products_measure
from openaisle.store.schema import Store

Report = Callable[[int], None]


@dataclass(frozen=True)
class Part:
    """One of the tasks of seeing, and how it is measured."""

    measure: Callable[[Store, int, Report], dict[str, Any]]
    steps: int
    lines: Callable[[dict[str, Any]], list[tuple[str, str]]]  # what a person reads: name and value


def _products(store: Store, seed: int, report: Report) -> dict[str, Any]:
    return vision_products.products_report(store, seed=seed, report=report)


def _people(store: Store, seed: int, report: Report) -> dict[str, Any]:
    return vision_people.people_report(store, seed=seed, report=report)


PARTS: Final[Mapping[str, Part]] = {
    "people": Part(_people, vision_people.STEPS, vision_people.lines),
    "products": Part(_products, vision_products.STEPS, products_measure.lines),
}
