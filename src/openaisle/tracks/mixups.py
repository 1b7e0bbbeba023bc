"""Two people whose tracks took each other's body: clothes tell, once they stand apart or one of them is found again.

People who stand close may be taken for one another for a moment, and then for good: a track goes on with whoever it
has. What is seen of a track now is compared with how each visitor looked while they stood alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from openaisle.tracks.appearance import Looks
from openaisle.tracks.people import Person, rows_of

BETTER_MIN: Final = (
    0.25  # cosine by which what is seen of a track looks more like somebody else than like its owner
)
ALIKE_MIN: Final = 0.8  # ... and to how much it must, if that one is lost
# What is seen of somebody for a while looks like what was seen of them before to 0.9 and more, in 99 of 100 moments.
ASTRAY_MAX: Final = 0.5  # cosine below which a track has lost its owner ...
OWNER_MIN: Final = 0.9  # ... who is somebody on no code of whom what is seen is so much like them


def mixed_up(
    followed: Sequence[Person], lost: Sequence[Person], looks: Looks
) -> tuple[Person, Person] | None:
    """The pair that clothes say most clearly to be each other, one of them followed; None if there is none.

    Only people of two visits: within one it makes no difference.
    """
    known = [person for person in [*followed, *lost] if person.visit_id is not None]
    seen = [person for person in followed if person.visit_id is not None]
    if not seen or len(known) < 2:
        return None
    cosine = looks.of_now(rows_of(seen), rows_of(known))
    place = {person.row: index for index, person in enumerate(known)}
    own = np.array([cosine[index, place[person.row]] for index, person in enumerate(seen)])
    with np.errstate(invalid="ignore"):
        candidates = np.argwhere(cosine - own[:, None] > BETTER_MIN)
    best: tuple[float, Person, Person] | None = None
    for index, column in candidates.tolist():
        one, other = seen[index], known[column]
        better = float(cosine[index, column] - own[index])
        if one.visit_id == other.visit_id:
            continue
        if other.is_lost:
            if cosine[index, column] < ALIKE_MIN:
                continue
        else:
            back = float(cosine[column, place[one.row]] - own[column])
            if not back > BETTER_MIN:
                continue
            better += back
        if best is None or better > best[0]:
            best = (better, one, other)
    return None if best is None else best[1:]


def led_astray(
    followed: Sequence[Person], strangers: Sequence[Person], looks: Looks
) -> list[tuple[Person, Person]]:
    """(visitor, stranger) where a visitor's track follows somebody else and the stranger is the visitor. Each once."""
    visitors = [person for person in followed if person.visit_id is not None]
    if not visitors or not strangers:
        return []
    own = np.diagonal(looks.of_now(rows_of(visitors), rows_of(visitors)))
    astray = [visitors[index] for index in np.flatnonzero(own < ASTRAY_MAX).tolist()]
    cosine = np.nan_to_num(looks.of_now(rows_of(strangers), rows_of(astray)), nan=-1.0)
    found: list[tuple[Person, Person]] = []
    while cosine.max(initial=-1.0) >= OWNER_MIN:
        index, column = divmod(int(cosine.argmax()), len(astray))
        found.append((astray[column], strangers[index]))
        cosine[index, :] = cosine[:, column] = -1.0
    return found
