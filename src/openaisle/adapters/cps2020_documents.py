"""JSON lines as the 2020 competition exported them, read with errors that name file, line and field."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from openaisle.core.errors import RecordingError
from openaisle.core.units import NS_PER_MS, NS_PER_S

_ABSENT: Final = object()
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Document:
    """One JSON object and where it stands."""

    file: str
    line: int
    body: Mapping[str, Any]

    def error(
        self, message: str, field: str, expected: str | None = None, found: object = None
    ) -> RecordingError:
        return RecordingError(
            message, file=self.file, line=self.line, field=field, expected=expected, found=found
        )


def read_documents(path: Path) -> Iterator[Document]:
    """Every object of a file of JSON lines; empty lines are passed over. Raises RecordingError."""
    if not path.is_file():
        raise RecordingError("file is missing", file=str(path), expected="JSON, one object a line")
    with path.open(encoding="utf-8", errors="strict") as file:
        number = 0
        try:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield Document(str(path), number, _object(path, number, line))
        except UnicodeDecodeError as error:
            raise RecordingError("is no UTF-8 text", file=str(path), line=number + 1) from error


def part_of(document: Document, *path: str | Mapping[str, Any], default: Any = _ABSENT) -> Mapping[str, Any]:
    """The object at `path` below the document (or below the mapping that the path begins with)."""
    names = [name for name in path if isinstance(name, str)]
    value: Any = path[0] if path and not isinstance(path[0], str) else document.body
    for depth, name in enumerate(names):
        value = value.get(name, _ABSENT)
        if value is _ABSENT and default is not _ABSENT:
            return default
        if not isinstance(value, Mapping):
            found = None if value is _ABSENT else value
            raise document.error("is not there", ".".join(names[: depth + 1]), "an object", found)
    return value


def number_of(document: Document, values: Mapping[str, Any], field: str, default: Any = _ABSENT) -> float:
    value = values.get(field, default)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value):
        raise document.error("is no number", field, "a number", None if value is _ABSENT else value)
    return float(value)


def integer_of(document: Document, values: Mapping[str, Any], field: str) -> int:
    value = values.get(field)
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise document.error("is no whole number", field, "a whole number", value)
    return value


def text_of(document: Document, values: Mapping[str, Any], field: str) -> str:
    value = values.get(field)
    if not isinstance(value, str):
        raise document.error("is no text", field, "text", value)
    return value


def time_ns_of(document: Document, values: Mapping[str, Any], field: str) -> int:
    """Nanoseconds since the epoch of an ISO 8601 text, or of MongoDB's {"$date": text or milliseconds}."""
    value: Any = values.get(field)
    if isinstance(value, Mapping):
        value = value.get("$date")
    if isinstance(value, Mapping):
        value = value.get("$numberLong")
    if isinstance(value, str) and value.lstrip("-").isdecimal():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value * NS_PER_MS
    if isinstance(value, str):
        at_ns = _iso_ns(value)
        if at_ns is not None:
            return at_ns
    raise document.error("is no time", field, "such as 2020-04-22T05:06:36.859Z", value)


def _iso_ns(text: str) -> int | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    since = at - _EPOCH
    # Whole numbers all the way: a float of seconds since 1970 would lose the microseconds.
    return (since.days * 86_400 + since.seconds) * NS_PER_S + since.microseconds * 1000


def _object(path: Path, number: int, line: str) -> Mapping[str, Any]:
    try:
        body = json.loads(line)
    except ValueError as error:
        raise RecordingError(f"is no JSON ({error})", file=str(path), line=number) from error
    if not isinstance(body, dict):
        raise RecordingError(
            "is no document", file=str(path), line=number, expected="a JSON object", found=type(body).__name__
        )
    return body
