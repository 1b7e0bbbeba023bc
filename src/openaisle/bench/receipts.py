"""Are receipts right? Simulated visits, scored against the truth, by family of hard cases.

These are the simulator's figures, not a shop's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

import msgspec

from openaisle.bench.days import ClosedLine, DayOutcome
from openaisle.bench.looks import LookTally
from openaisle.core.units import NS_PER_S
from openaisle.replay.score import score_of

CLAIMS: Final = ((0.0, 0.6), (0.6, 0.7), (0.7, 0.8), (0.8, 0.9), (0.9, 0.99), (0.99, 1.0))


def receipts_report(
    outcomes: Sequence[DayOutcome],
    *,
    store: str,
    seed: int,
    vision: str,
    families: Sequence[str] | str,
    wall_s: float,
) -> dict[str, Any]:
    """The figures of a benchmark as plain JSON values, its inputs and cost among them."""
    score = msgspec.to_builtins(score_of(outcome.tally for outcome in outcomes))
    shop_s = sum(outcome.shop_ns for outcome in outcomes) / NS_PER_S
    path_cpu_s = sum(outcome.path_cpu_ns for outcome in outcomes) / NS_PER_S
    digest = hashlib.sha256("".join(outcome.digest for outcome in outcomes).encode()).hexdigest()
    return {
        "benchmark": "receipts",
        "store": store,
        "seed": seed,
        "vision": vision,
        "families_asked": families if isinstance(families, str) else list(families),
        **score,
        "calibration": calibration([line for outcome in outcomes for line in outcome.lines]),
        "wall_s": round(wall_s, 1),
        "sim_s": round(shop_s, 1),
        "cpu_s": round(sum(outcome.cpu_ns for outcome in outcomes) / NS_PER_S, 1),
        "path_cpu_s": round(path_cpu_s, 2),
        "path_times_real_time": round(shop_s / path_cpu_s, 1) if path_cpu_s else None,
        "frames": sum(outcome.frame_count for outcome in outcomes),
        "seeing_cpu_s": round(sum(outcome.seeing_cpu_ns for outcome in outcomes) / NS_PER_S, 2),
        "looks": asdict(sum((outcome.looks for outcome in outcomes), LookTally())),
        "days": len(outcomes),
        "digest": digest,
    }


def calibration(lines: Sequence[ClosedLine]) -> list[dict[str, Any]]:
    """By claimed probability: lines, mean claim, and the share that was right."""
    found: list[dict[str, Any]] = []
    for low, high in CLAIMS:
        own = [line for line in lines if low <= line.probability < high or line.probability == high == 1.0]
        if own:
            found.append(
                {
                    "claimed": f"{low:g}-{high:g}",
                    "lines": len(own),
                    "mean_claim": round(sum(line.probability for line in own) / len(own), 4),
                    "right": round(sum(line.is_right for line in own) / len(own), 4),
                }
            )
    return found


def wrong_visits(outcomes: Sequence[DayOutcome]) -> list[dict[str, Any]]:
    """Every visit whose receipt was not exact, to be looked at."""
    return [
        {
            "day_seed": outcome.job.seed,
            "visit_id": visit.visit_id,
            "families": list(visit.families),
            "billed": dict(visit.billed),
            "taken": dict(visit.taken),
            "has_receipt": visit.has_receipt,
        }
        for outcome in outcomes
        for visit in (*outcome.tally.visits, *outcome.tally.phantoms)
        if not visit.is_exact
    ]
