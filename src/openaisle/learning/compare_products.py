"""Two product networks on the same labelled packs: whose product comes first, by what makes packs hard.

Known are the packs of all other splits, as a store enrols them (`learn export packs`): a product is the mean of its
packs' vectors. Asked are the packs of one split whose product is known.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openaisle.core.errors import InputError
from openaisle.detections.products import ProductNetwork, ProductSettings
from openaisle.detections.runtime import RuntimeSettings
from openaisle.labels.dataset import HELD_OUT, SPLITS
from openaisle.labels.edge_cases import LIGHT, LOOK_ALIKES, EdgeCases
from openaisle.labels.folder import read_dataset
from openaisle.labels.packs import Pack, packs
from openaisle.learning.compared import ALL, Compared, drawings, interval
from openaisle.learning.products_fit import LEAST_PX, ranks, vectors_of
from openaisle.learning.store_sights import visit_of

FIRST: Final = "right first"
AMONG_FIVE: Final = "among five"
DECIDING: Final = (FIRST,)
"""Figures that a verdict is about."""
_WITHIN: Final = {FIRST: 1, AMONG_FIVE: 5}
_SMALL_PX: Final = 60

Report = Callable[[int], None]


def compare(
    folder: Path,
    new: RuntimeSettings,
    old: RuntimeSettings,
    *,
    split: str = HELD_OUT,
    seed: int = 1,
    report: Report = lambda _: None,
) -> list[Compared]:
    """By family, ALL first. Raises InputError where the data set has no packs of that split that it knows."""
    dataset = read_dataset(folder)
    asked = list(packs(folder, dataset, (split,), LEAST_PX))
    known = list(packs(folder, dataset, tuple(each for each in SPLITS if each != split), LEAST_PX))
    places: list[NDArray[np.int64]] = []
    for number, runtime in enumerate((new, old)):
        network = ProductNetwork(ProductSettings(runtime=runtime))
        done = number * (len(known) + len(asked))
        gallery = vectors_of(known, network, lambda count, done=done: report(done + count))
        one = vectors_of(asked, network, lambda count, done=done: report(done + len(known) + count))
        places.append(ranks(gallery, one, np.eye(gallery.vectors.shape[1])))
    is_known = np.array(places[0] >= 0, bool) if places else np.zeros(0, bool)
    if not is_known.any():
        raise InputError(
            f"no packs of the split {split} whose product is labelled in another",
            file=str(folder),
            expected="labels of products, then learn split",
        )
    asked = [pack for pack, is_so in zip(asked, is_known.tolist(), strict=True) if is_so]
    edge_cases = EdgeCases(dataset)
    families = [_families(pack, edge_cases) for pack in asked]
    visits = sorted({visit_of(pack.frame) for pack in asked})
    group = np.array([visits.index(visit_of(pack.frame)) for pack in asked])
    names = [
        name
        for name in (ALL, LOOK_ALIKES, LIGHT, f"below {_SMALL_PX} px")
        if any(name in each for each in families)
    ]
    times = drawings(len(visits), np.random.default_rng(seed))
    return [
        _compared(
            name,
            np.array([name in each for each in families]),
            [each[is_known] for each in places],
            group,
            times,
            len({pack.frame.file for pack, each in zip(asked, families, strict=True) if name in each}),
        )
        for name in names
    ]


def _families(pack: Pack, edge_cases: EdgeCases) -> frozenset[str]:
    is_small = max(pack.pixels.shape[:2]) < _SMALL_PX
    small = frozenset({f"below {_SMALL_PX} px"}) if is_small else frozenset[str]()
    return edge_cases.of_label(pack.frame, pack.label) | small | {ALL}


def _compared(
    family: str,
    is_in: NDArray[np.bool_],
    places: list[NDArray[np.int64]],
    group: NDArray[np.int64],
    times: NDArray[np.float64],
    frames: int,
) -> Compared:
    """`is_in` [n] packs; `places` [n] of each network; `group` [n] their visits; `times` [DRAWS, visits]."""
    count = times.shape[1]
    there = np.bincount(group[is_in], minlength=count)
    figures = {}
    for name, within in _WITHIN.items():
        new, old = (np.bincount(group[is_in], one[is_in] < within, minlength=count) for one in places)
        drawn = times @ there
        with np.errstate(invalid="ignore", divide="ignore"):
            gains = (times @ (new - old)) / drawn  # no number where none of the family was drawn
        figures[name] = interval(
            float(new.sum() / there.sum()),
            float(old.sum() / there.sum()),
            gains.tolist(),
            int((there > 0).sum()),
        )
    return Compared(
        family=family, cases=int(is_in.sum()), frames=frames, groups=int((there > 0).sum()), figures=figures
    )
