"""How well products are told apart in one store: what `openaisle bench vision --part products` measures.

Simulator figures; learning/products_measure.py says what is shown to whom.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from openaisle.detections.products import ProductNetwork, ProductSettings
from openaisle.learning.products_measure import Cases, figures_of, measure_store
from openaisle.store.schema import Store

Report = Callable[[int], None]

STEPS: Final = 4


def products_report(
    store: Store,
    *,
    seed: int,
    hands: int = 3,
    settings: ProductSettings | None = None,
    report: Report = lambda _: None,
) -> dict[str, Any]:
    """The figures of one store; `report` hears how many of `STEPS` are done."""
    network = ProductNetwork(settings)
    cases = Cases()
    recogniser = measure_store(store, seed, network, cases, hands=hands, report=report)
    figures = figures_of(cases)
    return {
        "store": store.store_id,
        "seed": seed,
        "network_sha256": network.sha256,
        "none_threshold": recogniser.calibration.none_at,
        **figures,
    }
