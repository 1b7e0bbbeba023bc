"""How well sessions of the 2020 competition's format are read: scripts that our simulator acts in its shop.

Every script goes the way of a stranger's session: the four files, `import cps2020`, `replay --receipts`. These are the
simulator's figures, not the competition's.
"""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from openaisle.adapters.cps2020 import read_session
from openaisle.adapters.event_log_memory import MemoryEventLog
from openaisle.bench.ablations import ABLATIONS
from openaisle.bench.cps2020_export import ActedSession, act
from openaisle.bench.cps2020_scripts import KINDS
from openaisle.core.errors import InputError
from openaisle.core.messages import Receipt
from openaisle.interactions.settings import Settings
from openaisle.pipeline import Pipeline
from openaisle.replay.player import play
from openaisle.replay.recording import Recording, RecordingWriter
from openaisle.replay.report import baskets
from openaisle.replay.run import run


@dataclass(frozen=True)
class ScriptScore:
    """One script: units that were right, billed to the wrong person or not taken, and missed."""

    kind: str
    seed: int
    shoppers: int
    right: int
    missing: int
    wrong_lines: int  # receipt lines with more units than that shopper took of the product
    lines: int  # that should have been billed
    extra: int
    duration_s: float
    path_s: float
    billed: dict[str, dict[str, int]]
    taken: dict[str, dict[str, int]]

    @property
    def f1(self) -> float:
        if self.right + self.extra + self.missing == 0:
            return 1.0
        return 2 * self.right / (2 * self.right + self.extra + self.missing)


def run_scripts(
    session: Path,
    kinds: Sequence[str],
    scripts: int,
    seed: int,
    *,
    keep: Path | None = None,
    done: Callable[[ScriptScore], None] = lambda _: None,
) -> list[ScriptScore]:
    """`scripts` of each kind, acted in the shop of `session`. `keep`: a folder for what was acted."""
    scores: list[ScriptScore] = []
    with TemporaryDirectory() as temporary:
        for acted in _acted(session, kinds, scripts, seed, keep or Path(temporary)):
            scores.append(score_script(acted, Path(temporary) / "recording"))
            done(scores[-1])
            if keep is None:
                shutil.rmtree(acted.folder)
    return scores


def run_ablations(
    session: Path,
    kinds: Sequence[str],
    scripts: int,
    seed: int,
    *,
    done: Callable[[ScriptScore], None] = lambda _: None,
) -> dict[str, list[ScriptScore]]:
    """The same scripts, acted once, read with each piece of evidence left out."""
    scores: dict[str, list[ScriptScore]] = {name: [] for name in ABLATIONS}
    with TemporaryDirectory() as temporary:
        for acted in _acted(session, kinds, scripts, seed, Path(temporary)):
            imported = read_session(acted.folder)
            for name, change in ABLATIONS.items():
                path = Pipeline(imported.store, MemoryEventLog(), settings=change(Settings()))
                replayed = play(imported.readings, path, keep=lambda message: isinstance(message, Receipt))
                scores[name].append(_score(acted, baskets(replayed.receipts), 0.0))
                done(scores[name][-1])
            shutil.rmtree(acted.folder)
    return scores


def ablations_report(scores: Mapping[str, Sequence[ScriptScore]]) -> dict[str, Any]:
    """Figures of each ablation as plain JSON values."""
    return {name: _summary(own) for name, own in scores.items()}


def _acted(
    session: Path, kinds: Sequence[str], scripts: int, seed: int, folder: Path
) -> Iterator[ActedSession]:
    """`scripts` of each kind, one after the other. Raises InputError for an unknown kind."""
    unknown = sorted(set(kinds) - set(KINDS))
    if unknown or not kinds:
        raise InputError("no such kind of script", field="--kinds", expected=", ".join(KINDS), found=unknown)
    store = read_session(session).store
    for number in range(scripts):
        for rank, kind in enumerate(KINDS):
            if kind in kinds:
                own_seed = seed + 100 * number + rank
                yield act(session, store, kind, KINDS[kind], own_seed, folder / f"{kind}-{own_seed}")


def score_script(acted: ActedSession, recording: Path) -> ScriptScore:
    """Import and replay one acted session; the recording is removed again."""
    session = read_session(acted.folder)
    with RecordingWriter(recording, session.store, {"imported_from": "cps2020"}) as writer:
        for reading in session.readings:
            writer.write(reading)
    began_ns = time.process_time_ns()
    replayed = run(Recording.open(recording), MemoryEventLog(), keep=(Receipt,))
    path_s = (time.process_time_ns() - began_ns) / 1e9
    shutil.rmtree(recording)
    billed = baskets(replayed.receipts)
    return _score(acted, {visit_id: basket for visit_id, basket in billed.items() if basket}, path_s)


def _score(acted: ActedSession, billed: dict[str, dict[str, int]], path_s: float) -> ScriptScore:
    right = extra = missing = wrong_lines = 0
    for body_id in sorted(billed.keys() | acted.truth.keys()):
        mine, true = Counter(billed.get(body_id, {})), Counter(acted.truth.get(body_id, {}))
        right += (mine & true).total()
        extra += (mine - true).total()
        missing += (true - mine).total()
        wrong_lines += len(mine - true)
    return ScriptScore(
        kind=acted.kind,
        seed=acted.seed,
        shoppers=len(acted.truth),
        right=right,
        missing=missing,
        wrong_lines=wrong_lines,
        lines=sum(len(basket) for basket in acted.truth.values()),
        extra=extra,
        duration_s=round(acted.duration_s, 1),
        path_s=round(path_s, 2),
        billed=billed,
        taken={body_id: basket for body_id, basket in acted.truth.items() if basket},
    )


def scripts_report(scores: Sequence[ScriptScore], *, seed: int, wall_s: float) -> dict[str, Any]:
    """The figures as plain JSON values."""
    kinds = {
        kind: _summary([score for score in scores if score.kind == kind])
        for kind in dict.fromkeys(score.kind for score in scores)
    }
    return {
        "benchmark": "cps2020",
        "seed": seed,
        **_summary(scores),
        "kinds": kinds,
        "wall_s": round(wall_s, 1),
    }


def _summary(scores: Sequence[ScriptScore]) -> dict[str, Any]:
    return {
        "scripts": len(scores),
        "mean_f1": round(sum(score.f1 for score in scores) / len(scores), 4),
        "exact": sum(score.f1 == 1.0 for score in scores),
        "lines": sum(score.lines for score in scores),
        "wrongly_billed_lines": sum(score.wrong_lines for score in scores),
        "missed_units": sum(score.missing for score in scores),
        "shop_s": round(sum(score.duration_s for score in scores), 1),
        "path_cpu_s": round(sum(score.path_s for score in scores), 1),
    }


def wrong_scripts(scores: Sequence[ScriptScore]) -> list[dict[str, Any]]:
    """Every script whose receipts were not exact."""
    return [
        {"kind": s.kind, "seed": s.seed, "f1": round(s.f1, 3), "billed": s.billed, "taken": s.taken}
        for s in scores
        if s.f1 < 1.0
    ]
