"""A shop and a day for the simulator's own tests."""

import pytest

from openaisle.store.load import load_store
from openaisle.store.schema import Store


@pytest.fixture(scope="session")
def corner() -> Store:
    return load_store("corner")
