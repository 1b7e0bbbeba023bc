"""What the checks of a described shop share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar

from openaisle.core.errors import StoreError
from openaisle.store.draft import Draft, Placed
from openaisle.store.schema import Plate, Slot

TOLERANCE_M: Final = 0.005

T = TypeVar("T")


def end_of(thing: Slot | Plate) -> float:
    return round(thing.left_m + thing.width_m, 4)


def any_left_out(draft: Draft, kind: str) -> bool:
    return any(one == kind for one, _ in draft.ids_left_out)


def twice(
    things: Iterable[Placed[T]], kind: str, field: str, id_of: Callable[[T], str]
) -> Iterator[StoreError]:
    first: dict[str, Placed[T]] = {}
    for placed in things:
        name = id_of(placed.value)
        if name in first:
            line = first[name].line_of(field)
            where = f" (first in line {line})" if line is not None else ""
            yield placed.problem(f"{kind} {name} is there twice{where}", field, expected="one")
        first.setdefault(name, placed)


def grouped(things: Iterable[Placed[T]], key: Callable[[T], str]) -> list[tuple[str, list[Placed[T]]]]:
    groups: dict[str, list[Placed[T]]] = {}
    for placed in things:
        groups.setdefault(key(placed.value), []).append(placed)
    return list(groups.items())
