"""A plan so small that it is placed, drawn and priced in seconds."""

from pathlib import Path

import pytest

from openaisle.planning import steps
from openaisle.planning.folder import PlanFolder
from openaisle.planning.steps import Placed

TINY = """
format = 1
profile = "convenience"

[shop]
name = "Tiny"
area_m2 = 14
sku_count = 24
section_count = 8
gondola_width_m = 1.0
departments = ["snacks", "soft drinks"]

[traffic]
peak_shoppers_per_hour = 60
minutes_a_visit = 2.0
"""


@pytest.fixture
def tiny_scope() -> str:
    return TINY


@pytest.fixture(scope="session")
def placed_plan(tmp_path_factory: pytest.TempPathFactory) -> tuple[PlanFolder, Placed]:
    """The tiny plan with its cameras; tests only read it."""
    home = tmp_path_factory.mktemp("plan")
    folder, _ = steps.start(TINY, home, home / "tiny")
    placed = steps.place_cameras(
        folder, seconds=4.0, costs=None, keeps_planogram=False, say=lambda words: None
    )
    steps.count_cost(folder, costs=None, speed=None, seed=3)
    return folder, placed


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path
