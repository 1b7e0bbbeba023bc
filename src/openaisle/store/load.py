"""The one way to a `Store`: by the name of one that ships with OpenAisle, or by its folder."""

from __future__ import annotations

from pathlib import Path

from openaisle.core.errors import StoreError
from openaisle.store.check import problems_of, problems_of_cameras
from openaisle.store.draft import STORE_FILE, Draft
from openaisle.store.read import read_cameras_file, read_folder
from openaisle.store.schema import Camera, Store

SHIPPED = Path(__file__).parent / "shipped"


def load_store(name_or_folder: str | Path) -> Store:
    """The store, checked. StoreError naming every problem if there is any.

    A shipped name ("corner") is one unless a folder of that name is here and has a store file.
    """
    store, problems = examine(name_or_folder)
    if store is None:
        raise StoreError.of_problems(str(name_or_folder), problems)
    return store


def load_cameras(path: str | Path) -> tuple[Camera, ...]:
    """The cameras of a cameras.toml by itself, in order of the file. StoreError naming every problem, if any."""
    path = Path(path)
    draft = Draft(folder=path.parent)
    problems: list[StoreError] = []
    read_cameras_file(path.parent, draft, problems, path.name)
    problems += [] if problems else problems_of_cameras(draft)
    if problems:
        raise StoreError.of_problems(str(path), problems)
    return tuple(placed.value for placed in draft.cameras)


def examine(name_or_folder: str | Path) -> tuple[Store | None, list[StoreError]]:
    """The store, or None and all its problems, sorted by file and line."""
    folder = store_folder(name_or_folder)
    if not folder.is_dir():
        shipped = ", ".join(shipped_names())
        expected = f"a folder with {STORE_FILE}, or one of the shipped {shipped}"
        return None, [StoreError("no such store", expected=expected, found=str(name_or_folder))]
    draft, problems = read_folder(folder)
    problems += problems_of(draft)
    if problems:
        order = list(dict.fromkeys(problem.file for problem in problems))
        problems.sort(key=lambda problem: (order.index(problem.file), problem.line or 0))
        return None, problems
    return draft.store(), []


def shipped_names() -> list[str]:
    """Stores that come with OpenAisle, sorted."""
    return sorted(path.parent.name for path in SHIPPED.glob(f"*/{STORE_FILE}"))


def store_folder(name_or_folder: str | Path) -> Path:
    """The folder of a shipped name or of a path."""
    folder = Path(name_or_folder)
    if not (folder / STORE_FILE).is_file() and str(name_or_folder) in shipped_names():
        return SHIPPED / str(name_or_folder)
    return folder
