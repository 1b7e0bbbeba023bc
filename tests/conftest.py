"""What every test may ask for."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# A change is judged on the same examples every time; at a desk every run looks at new ones.
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("desk", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "desk")

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of public recordings, which are too large to keep in the repository."""
    beside_the_repository = REPOSITORY.parent / "shared" / "data"
    folder = Path(os.environ.get("OPENAISLE_SHARED_DATA", beside_the_repository))
    if not folder.is_dir():
        pytest.skip(f"no recordings at {folder}: set OPENAISLE_SHARED_DATA to the folder that has them")
    return folder
