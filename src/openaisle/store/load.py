"""The one way to a `Store`: by the name of one that ships with OpenAisle, or by its folder."""

from __future__ import annotations

from pathlib import Path

from openaisle.core.errors import StoreError
from openaisle.store.read import read_folder
from openaisle.store.schema import Store

SHIPPED = Path(__file__).parent / "shipped"


def load_store(name_or_folder: str | Path) -> Store:
    """The store, checked. StoreError naming every problem if there is any.

    A shipped name ("corner") is one unless a folder of that name is here and has a store file.
    """
    folder = store_folder(name_or_folder)
    draft, problems = read_folder(folder)
    if problems:
        raise StoreError.of_problems(str(name_or_folder), problems)
    return draft.store()


def shipped_names() -> list[str]:
    """Stores that come with OpenAisle, sorted."""
    return sorted(path.parent.name for path in SHIPPED.glob("*/store.toml"))


def store_folder(name_or_folder: str | Path) -> Path:
    """The folder of a shipped name or of a path."""
    folder = Path(name_or_folder)
    if not (folder / "store.toml").is_file() and str(name_or_folder) in shipped_names():
        return SHIPPED / str(name_or_folder)
    return folder
