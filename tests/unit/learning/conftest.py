"""Very small data sets, made once."""

from pathlib import Path

import pytest

from openaisle.learning import actions_data, products_pictures
from openaisle.learning.coco_labels import CocoOut
from openaisle.learning.synthesise import SynthesiseSettings, synthesise

TINY = SynthesiseSettings(first_store=31, stores=1, cameras=2, frames=5, cast=24)


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("people")
    synthesise(folder, TINY, coco_out=CocoOut(folder=folder / "coco", suffix="png"))
    return folder


@pytest.fixture(scope="session")
def packs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packs")
    settings = products_pictures.PackSettings(first_store=35, stores=1, pictures=3)
    products_pictures.synthesise(folder, settings, coco_out=CocoOut(folder=folder / "coco"))
    return folder


@pytest.fixture(scope="session")
def arms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("arms")
    settings = actions_data.ActionDataSettings(first_store=31, stores=1, visits=2)
    manifest = actions_data.synthesise(folder, settings)
    assert manifest["counts"]["take"] > 5
    return folder
