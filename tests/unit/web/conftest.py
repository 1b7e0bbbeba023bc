"""What tests of pages share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.web.counter import Counter


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Counter]:
    one = Counter(tmp_path, is_simulated=True)
    yield one
    one.desk.close()
