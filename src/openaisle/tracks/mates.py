"""Of a group on one code, a place may have gone to somebody whom two tracks showed: to their double."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from openaisle.core.units import NS_PER_MS
from openaisle.tracks.appearance import Looks
from openaisle.tracks.people import Person

ALIKE_MIN: Final = 0.9  # cosine of looks
AT_ONCE_NS_MIN: Final = 1_500 * NS_PER_MS  # both were followed for so long, and no picture showed both


def doubles_of_mates(
    people: Sequence[Person], lost: Sequence[Person], looks: Looks, windows_at_once: Callable[[int, int], int]
) -> list[Person]:
    """Those of `lost` who were somebody else of their own group all the time.

    `windows_at_once` of two rows: for how long some picture showed both.
    """
    return [
        gone
        for gone in lost
        if gone.visit_id is not None
        and any(
            mate is not gone
            and mate.visit_id == gone.visit_id
            and gone.seen_ns - max(mate.born_ns, gone.born_ns) >= AT_ONCE_NS_MIN
            and not windows_at_once(gone.row, mate.row)
            and looks.likeness_of_rows(gone.row, mate.row) >= ALIKE_MIN
            for mate in people
        )
    ]
