"""How often a visitor becomes somebody else on the live path: identity switches a hundred visits, six people at a time.

Simulated days through the tracks' stage alone, seen as noisy skeletons, with codes at the gate: mixed days, and days of
people who wear much the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from openaisle.core.messages import FloorTracks
from openaisle.replay.identity import count_id_switches
from openaisle.replay.truth import truth_of_simulation
from openaisle.sim.day import SimulatedDay
from openaisle.sim.scripts import plan_day
from openaisle.store.load import load_store
from openaisle.tracks.floor import tracks_of

STORE: Final = "corner"
KINDS: Final = {"mixed": "mixed", "look-alikes": ["lookalike_people"]}
DAYS: Final = 25  # of each kind: one mistake is two or four switches
VISITS_A_DAY: Final = 20
PEOPLE_MAX: Final = 6
ARRIVALS_PER_MINUTE: Final = 6.0


def measure_identity(seed: int, report: Callable[[str, float], None]) -> dict[str, Any]:
    """Both kinds of days."""
    kinds: dict[str, Any] = {}
    for place, (kind, families) in enumerate(KINDS.items()):
        visits = switches = 0
        people: list[int] = []
        for number in range(DAYS):
            report(f"identity, {kind}, day {seed + number}", (place + number / DAYS) / len(KINDS))
            store = load_store(STORE)
            plan = plan_day(
                store, visit_count=VISITS_A_DAY, seed=seed + number, families=families,
                arrivals_per_minute=ARRIVALS_PER_MINUTE, people_max=PEOPLE_MAX,
            )  # fmt: skip
            day = SimulatedDay(store, plan, vision="skeleton")
            tracks: list[FloorTracks] = [each for said in tracks_of(store, day.readings()) for each in said]
            truth = truth_of_simulation(day.shop.truth)
            visits += len(truth.visits)
            switches += count_id_switches(truth, tracks)
            people += [len(instant.body_ids) for instant in truth.people if instant.body_ids]
        kinds[kind] = {
            "visits": visits,
            "people_mean": round(sum(people) / max(len(people), 1), 1),
            "people_max": max(people, default=0),
            "switches": switches,
            "switches_per_100_visits": round(100.0 * switches / max(visits, 1), 2),
        }
    return {"store": STORE, "seeds": [seed, seed + DAYS - 1], "kinds": kinds}


def lines(measured: dict[str, Any]) -> Iterator[str]:
    first, last = measured["seeds"]
    for kind, row in measured["kinds"].items():
        yield (
            f"identity in {measured['store']}, {kind} days {first}-{last}, {row['visits']} visits, "
            f"{row['people_mean']} people at a time (at most {row['people_max']}): {row['switches']} switches, "
            f"{row['switches_per_100_visits']} a hundred visits"
        )
