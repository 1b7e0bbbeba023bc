"""A very small data set, made once."""

from pathlib import Path

import pytest

from openaisle.learning.coco_labels import CocoOut
from openaisle.learning.synthesise import SynthesiseSettings, synthesise

TINY = SynthesiseSettings(first_store=31, stores=1, cameras=2, frames=5)


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("people")
    synthesise(folder, TINY, coco_out=CocoOut(folder=folder / "coco", suffix="png"))
    return folder
