"""Somebody else's JSON, field by field: whatever is missing or odd is one InputError that says where."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from openaisle.core.errors import InputError

T = TypeVar("T")


def read_json(path: Path) -> Any:
    """Raises InputError with file and place."""
    try:
        return msgspec.json.decode(path.read_bytes())
    except OSError as error:
        raise InputError(
            "cannot be read", file=str(path), expected="a JSON file", found=error.strerror
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError("not JSON", file=str(path), found=str(error)) from None


@dataclass(frozen=True)
class Fields:
    """One JSON object, and where it stands in its file."""

    values: dict[str, Any]
    file: Path
    where: str = ""

    @classmethod
    def of(cls, value: Any, file: Path, where: str = "") -> Fields:
        if not isinstance(value, dict):
            field = where or None
            raise InputError(
                "not an object", file=str(file), field=field, expected="a JSON object", found=_shown(value)
            )
        return cls(value, file, where)

    def error(self, name: str, message: str, expected: str, found: Any) -> InputError:
        field = f"{self.where}.{name}" if self.where else name
        return InputError(message, file=str(self.file), field=field, expected=expected, found=_shown(found))

    def get(self, name: str, otherwise: Any = None) -> Any:
        return self.values.get(name, otherwise)

    def has(self, name: str) -> bool:
        return self.values.get(name) is not None

    def rows(self, name: str) -> list[Fields]:
        """A list of objects; none where it is absent."""
        value = self.values.get(name, [])
        if not isinstance(value, list):
            raise self.error(name, "not a list", "a list of objects", value)
        place = f"{self.where}.{name}" if self.where else name
        return [Fields.of(each, self.file, f"{place}[{number}]") for number, each in enumerate(value)]

    def fields(self, name: str) -> Fields:
        """An object within."""
        place = f"{self.where}.{name}" if self.where else name
        return Fields.of(self._there(name), self.file, place)

    def structs(self, name: str, kind: type[T]) -> tuple[T, ...]:
        """A list of one of our own structs; none where it is absent."""
        try:
            return tuple(msgspec.convert(self.values.get(name, []), list[kind]))
        except msgspec.ValidationError as error:
            raise self.error(name, str(error), f"a list of {kind.__name__}", self.values.get(name)) from None

    def text(self, name: str, otherwise: str | None = "") -> str:
        value = self.values.get(name, otherwise)
        if not isinstance(value, str):
            raise self.error(name, "not text", "text", value)
        return value

    def name(self, name: str) -> str:
        """Text, or a number that somebody uses as a name; "" where it is absent."""
        value = self.values.get(name)
        if value is None:
            return ""
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            raise self.error(name, "not a name", "text or a whole number", value)
        return str(value)

    def names(self, name: str) -> tuple[str, ...]:
        value = self.values.get(name) or []
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise self.error(name, "not names", "a list of text", value)
        return tuple(value)

    def number(self, name: str) -> float:
        value = self._there(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise self.error(name, "not a number", "a number", value)
        return float(value)

    def whole(self, name: str) -> int:
        value = self._there(name)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.error(name, "not a whole number", "a whole number", value)
        return value

    def share(self, name: str) -> float | None:
        """A number; None where it is absent."""
        return self.number(name) if self.has(name) else None

    def numbers(self, name: str, count: int) -> Sequence[float]:
        value = self._there(name)
        is_right = isinstance(value, list) and len(value) == count
        if not is_right or not all(_is_number(each) for each in value):
            raise self.error(name, "wrong numbers", f"{count} numbers", value)
        return [float(each) for each in value]

    def _there(self, name: str) -> Any:
        if self.values.get(name) is None:
            raise self.error(name, "the field is missing", "a value", None)
        return self.values[name]


def _is_number(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, (int, float)) and math.isfinite(value)


def _shown(value: Any) -> Any:
    """Long values are cut: an error is one sentence."""
    words = repr(value)
    return value if len(words) <= 80 else words[:77] + "..."
