"""Who of those lost somebody new may be: place, time, stature and clothes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from openaisle.core.units import NS_PER_S
from openaisle.tracks.appearance import Looks
from openaisle.tracks.crowd_settings import CrowdSettings
from openaisle.tracks.people import Bodies, Person


def refound(
    people: Sequence[Person],
    lost: Sequence[Person],
    strangers: Sequence[Person],
    bodies: Bodies,
    looks: Looks,
    settings: CrowdSettings,
    at_ns: int,
) -> list[tuple[float, Person, Person]]:
    """(cost, lost person, stranger) where the stranger may be that person again."""
    pairs: list[tuple[float, Person, Person]] = []
    unseen = [
        person
        for person in people
        if person.is_believed and at_ns - person.sure_ns >= settings.missed_ns and not person.has_left
    ]
    for gone in [*lost, *unseen]:
        cost_max = settings.found_cost_max if gone.is_lost else settings.found_at_once_cost_max
        for stranger in strangers:
            if gone is stranger:
                continue
            cost = _cost_of_finding(gone, stranger, bodies, looks, at_ns)
            if cost <= cost_max and (gone.visit_id or gone.born_ns < stranger.born_ns):
                pairs.append((cost, gone, stranger))
    return pairs


def _cost_of_finding(gone: Person, stranger: Person, bodies: Bodies, looks: Looks, at_ns: int) -> float:
    seconds = (stranger.born_ns - gone.sure_ns) / NS_PER_S
    at_once_s = max(-seconds, 0.0)  # Both seen at once: a track that was led astray, or two people.
    distance_m = math.dist(gone.sure_floor_m, stranger.born_floor_m)
    cost = (distance_m / (0.35 + 0.7 * min(max(seconds, 0.0), 6.0))) ** 2
    one, other = gone.row, stranger.row
    variance = bodies.height_var[one] + bodies.height_var[other] + 0.05**2
    cost += 0.5 * (bodies.height_m[one] - bodies.height_m[other]) ** 2 / variance
    likeness = looks.likeness_of_rows(one, other)
    if math.isfinite(likeness):
        cost += 8.0 * max(0.0, 0.92 - likeness)
    # A shop's visitors do not vanish: after a while even an unlikely stranger is one of them, unless both were there.
    waited_s = (at_ns - stranger.born_ns) / NS_PER_S
    at_once = 6.0 * at_once_s
    return cost / (1.0 + max(0.0, waited_s - 2.0)) + at_once if gone.visit_id else 3.0 * (cost + at_once)
