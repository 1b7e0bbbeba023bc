"""A plan folder: the scope, the store that comes of it, and every result as JSON, so that a step can be run again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from openaisle.core.errors import InputError
from openaisle.planning.scope import SCOPE_FILE, Scope, load_scope
from openaisle.store.load import load_store
from openaisle.store.schema import Store

ResultT = TypeVar("ResultT")


@dataclass(frozen=True)
class PlanFolder:
    """Paths and results of one plan."""

    path: Path

    @property
    def floor_path(self) -> Path:
        """The shop before anything was placed."""
        return self.path / "floor"

    @property
    def store_path(self) -> Path:
        """The shop as planned."""
        return self.path / "store"

    def scope(self) -> Scope:
        """InputError if this is no plan folder, StoreError if its scope is wrong."""
        if not (self.path / SCOPE_FILE).is_file():
            raise InputError(
                "no plan",
                file=str(self.path),
                expected=f"a folder with {SCOPE_FILE}, as `openaisle plan new` makes",
            )
        return load_scope(self.path / SCOPE_FILE)

    def floor(self) -> Store:
        return load_store(self.floor_path)

    def store(self) -> Store:
        return load_store(self.store_path)

    def write(self, name: str, result: msgspec.Struct) -> None:
        """NAME.json."""
        data = msgspec.json.format(msgspec.json.encode(result), indent=1)
        (self.path / f"{name}.json").write_bytes(data + b"\n")

    def read(self, name: str, kind: type[ResultT], made_by: str) -> ResultT:
        """NAME.json. InputError, saying which command makes it, if it is not there or of another version."""
        result = self.read_if_there(name, kind)
        if result is None:
            raise InputError(
                f"no {name}.json yet", file=str(self.path), expected=f"`openaisle plan {made_by}` first"
            )
        return result

    def read_if_there(self, name: str, kind: type[ResultT]) -> ResultT | None:
        """NAME.json, or None if that step was not run."""
        path = self.path / f"{name}.json"
        if not path.is_file():
            return None
        try:
            return msgspec.json.decode(path.read_bytes(), type=kind)
        except msgspec.MsgspecError as error:
            raise InputError("not a result of this version", file=str(path), found=str(error)) from error

    def write_text(self, name: str, text: str) -> Path:
        (self.path / name).write_text(text, encoding="utf-8")
        return self.path / name


def plain(result: msgspec.Struct) -> Any:
    """A result as JSON values."""
    return msgspec.to_builtins(result)
