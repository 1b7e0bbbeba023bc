"""Reads one TOML or CSV file of a store folder into rows; every problem says file, line, field, expected, found."""

from __future__ import annotations

import codecs
import csv
import difflib
import io
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from openaisle.core.errors import StoreError
from openaisle.store.draft import EVERY_ID, Placed
from openaisle.store.rows import FORMAT_VERSION, PATTERN_WORDS, Row
from openaisle.store.toml_lines import Path as TomlPath, TomlLines

RowT = TypeVar("RowT", bound=Row)
Value = TypeVar("Value")
Table = Mapping[str, Any]

_FOUND_CHARACTERS_MAX = 80


@dataclass(frozen=True)
class TomlFile:
    """One TOML file, its lines, and where its problems go."""

    file: str
    document: Table
    lines: TomlLines
    problems: list[StoreError]

    @classmethod
    def read(
        cls, folder: Path, file: str, keys: tuple[str, ...], problems: list[StoreError]
    ) -> TomlFile | None:
        """The file; None, and a problem, if it is no TOML. `keys` are those it may have at its top."""
        text = _text(folder, file, problems)
        if text is None:
            return None
        text = text.replace("\r\n", "\n")
        try:
            document = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            problems.append(_toml_error(file, text, error))
            return None
        toml = cls(file, document, TomlLines(text), problems)
        for key in document:
            if key not in keys:
                toml.report("unknown field", (key,), expected=_nearest(key, keys))
        version: object = document.get("format")
        if isinstance(version, bool) or version != FORMAT_VERSION:
            toml.report("another format", ("format",), expected=f"format = {FORMAT_VERSION}", found=version)
        return toml

    def report(
        self, message: str, path: TomlPath, *, expected: str | None = None, found: object = None
    ) -> None:
        line = self.lines.line(path)
        self.problems.append(
            StoreError(
                message, file=self.file, line=line, field=_shown(path), expected=expected, found=_short(found)
            )
        )

    def table(self, path: TomlPath) -> Table | None:
        """The table at `path`; None, and a problem, if there is something else."""
        value: Any = self.document
        for part in path:
            value = value[part]
        if isinstance(value, dict):
            return cast(Table, value)
        self.report("not a table", path, expected=f"[{path[0]}]", found=value)
        return None

    def tables(self, key: str, under: TomlPath = ()) -> list[TomlPath]:
        """Paths of the tables of an array of tables, [[key]]; none if the key is absent."""
        value = (self.table(under) or {}).get(key, [])
        if not isinstance(value, list):
            self.report("not an array of tables", (*under, key), expected=f"[[{key}]]", found=value)
            return []
        return [(*under, key, index) for index in range(len(cast(list[Any], value)))]

    def row(
        self,
        kind: type[RowT],
        path: TomlPath,
        without: tuple[str, ...] = (),
        defaults: Table | None = None,
    ) -> RowT | None:
        """The table at `path` as a row; None, and its problems, if it is not one.

        With `defaults` the table may be absent, and what it does not say is as they say.
        """
        if len(path) == 1 and path[0] not in self.document and defaults is None:
            self.report("missing", path, expected=f"a table [{path[0]}]")
            return None
        nothing: Table = {}
        table = self.table(path) if defaults is None or path[0] in self.document else nothing
        if table is None:
            return None
        whole = {**(defaults or {}), **table}
        try:
            return kind.model_validate({key: value for key, value in whole.items() if key not in without})
        except ValidationError as error:
            for inner, message, expected, found in _field_errors(error, kind):
                self.report(message, (*path, *inner), expected=expected, found=found)
            return None

    def is_valid(self, kind: Any, value: object, path: TomlPath) -> bool:
        """Whether one value is of a type; a problem if not."""
        try:
            TypeAdapter[Any](kind).validate_python(value, strict=True)
        except ValidationError as error:
            for _, message, expected, found in _field_errors(error, None):
                self.report(message, path, expected=expected, found=found)
            return False
        return True

    def placed(self, value: Value, path: TomlPath) -> Placed[Value]:
        """The value with its place: the line of its table, or of a field of it."""
        lines = self.lines
        return Placed(value, self.file, lambda name: lines.line((*path, name) if name else path))


@dataclass(frozen=True)
class CsvRow:
    """One row as text. `line` counts from 1; the header is line 1."""

    file: str
    line: int
    cells: Mapping[str, str]

    def parse(self, kind: type[RowT], problems: list[StoreError]) -> RowT | None:
        """The row; None, and a problem for every wrong cell, if it is not one."""
        try:
            return kind.model_validate_strings(dict(self.cells), strict=True)
        except ValidationError as error:
            for path, message, expected, found in _field_errors(error, kind):
                self.report(problems, message, str(path[0]), expected=expected, found=found)
            return None

    def report(
        self, problems: list[StoreError], message: str, field: str, *, expected: str | None, found: object
    ) -> None:
        problems.append(
            StoreError(
                message,
                file=self.file,
                line=self.line,
                field=field,
                expected=expected,
                found=_short(found),
            )
        )

    def placed(self, value: Value) -> Placed[Value]:
        line = self.line
        return Placed(value, self.file, lambda _: line)


def csv_rows(
    folder: Path,
    file: str,
    kind: type[Row],
    problems: list[StoreError],
    lost_ids: set[str],
    optional: tuple[str, ...] = (),
) -> Iterator[CsvRow]:
    """Every row with the right number of cells; what is wrong with the file as a whole goes to `problems`.

    Columns may come in any order; those in `optional` may be absent and are then empty. The first field of `kind` is
    the row's id: those of rows that cannot be read go to `lost_ids`, or EVERY_ID.
    """
    text = _text(folder, file, problems)
    if text is None:
        lost_ids.add(EVERY_ID)
        return
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    columns = tuple(kind.model_fields)
    line = 1
    try:
        header: list[str] = next(reader, cast(list[str], []))
        complaints = list(_header_complaints(header, file, columns, optional))
        if complaints:
            problems += complaints
            lost_ids.add(EVERY_ID)
            return
        absent = {name: "" for name in optional if name not in header}
        line = reader.line_num + 1
        for cells in reader:
            if len(cells) == len(header):
                yield CsvRow(file, line, {**absent, **dict(zip(header, cells, strict=True))})
            elif cells:
                id_column = header.index(columns[0])
                lost_ids.add(cells[id_column] if id_column < len(cells) else EVERY_ID)
                expected = f"{len(header)} cells"
                problems.append(
                    StoreError(
                        "a row of another length", file=file, line=line, expected=expected, found=len(cells)
                    )
                )
            line = reader.line_num + 1
    except csv.Error as error:
        lost_ids.add(EVERY_ID)
        problems.append(
            StoreError(f"not CSV: {error}", file=file, line=line, expected='cells parted by commas, " as ""')
        )


def _header_complaints(
    header: Sequence[str], file: str, columns: tuple[str, ...], optional: tuple[str, ...]
) -> Iterator[StoreError]:
    def complaint(message: str, field: str | None, expected: str | None, found: object = None) -> StoreError:
        return StoreError(message, file=file, line=1, field=field, expected=expected, found=_short(found))

    if not header:
        yield complaint("no header", None, ",".join(columns))
        return
    for name, delimiter in (("semicolons", ";"), ("tabs", "\t"), ("bars", "|")):
        if len(header) == 1 and delimiter in header[0]:
            yield complaint(f"cells are parted by {name}", None, "commas", header[0])
            return
    for name in sorted({name for name in header if header.count(name) > 1}):
        yield complaint("the column is there twice", name, "one")
    for name in columns:
        if name not in header and name not in optional:
            yield complaint("the column is missing", name, ",".join(columns))
    for name in header:
        if name not in columns:
            yield complaint("unknown column", name, _nearest(name, columns))


# --- text ---------------------------------------------------------------------------------------------------------


def _text(folder: Path, file: str, problems: list[StoreError]) -> str | None:
    """The file as text; None, and a problem, if it cannot be read. A byte-order mark is a problem, not an end."""

    def report(
        message: str, *, line: int | None = None, expected: str | None = None, found: object = None
    ) -> None:
        problems.append(StoreError(message, file=file, line=line, expected=expected, found=found))

    try:
        data = (folder / file).read_bytes()
    except FileNotFoundError:
        report("no such file", expected=f"it in folder {folder.name}")
        return None
    except OSError as error:
        report(f"cannot be read: {error.strerror}")
        return None
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        report("wrong encoding", line=1, expected="UTF-8", found="UTF-16")
        return None
    if data.startswith(codecs.BOM_UTF8):
        report("begins with a byte-order mark", line=1, expected="plain UTF-8", found="UTF-8 with a mark")
        data = data.removeprefix(codecs.BOM_UTF8)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        report("wrong encoding", line=line, expected="UTF-8", found=f"byte 0x{data[error.start]:02x}")
        return None
    if "\0" in text:
        report(
            "wrong encoding",
            line=text.count("\n", 0, text.index("\0")) + 1,
            expected="text",
            found="byte 0x00",
        )
        return None
    return text


def _toml_error(file: str, text: str, error: tomllib.TOMLDecodeError) -> StoreError:
    # "Expected '=' after a key in a key/value pair (at line 3, column 8)", or "(at end of document)"
    message, _, place = str(error).partition(" (at ")
    words = place.replace(",", "").split()
    line = int(words[1]) if words[:1] == ["line"] else text.count("\n") + 1
    return StoreError(f"not TOML: {message[:1].lower()}{message[1:]}", file=file, line=line)


# --- words --------------------------------------------------------------------------------------------------------


def _field_errors(
    error: ValidationError, kind: type[Row] | None
) -> Iterable[tuple[TomlPath, str, str | None, object]]:
    """(path, message, expected, found) of each of pydantic's errors, in plain words."""
    for item in error.errors(include_url=False):
        path, found = item["loc"], item["input"]
        match item["type"]:
            case "missing":
                yield path, "missing", None, None
            case "extra_forbidden":
                known = tuple(kind.model_fields) if kind is not None and len(path) == 1 else ()
                yield path, "unknown field", _nearest(str(path[-1]), known), None
            case "string_pattern_mismatch":
                pattern = str(item.get("ctx", {})["pattern"])
                yield path, "wrong value", PATTERN_WORDS.get(pattern, f"text like {pattern}"), found
            case _:
                words = item["msg"].removeprefix("Input should be ")
                yield path, "wrong value", f"{words[:1].lower()}{words[1:]}", found


def _nearest(name: str, known: Sequence[str]) -> str | None:
    if not known:
        return None
    near = difflib.get_close_matches(name, known, n=1)
    return f"'{near[0]}'" if near else f"one of {', '.join(known)}"


def _shown(path: TomlPath) -> str:
    """("gondola", 2, "shelf", 0, "level") as gondola[3].shelf[1].level: counted from 1."""
    shown = ""
    for part in path:
        shown += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if shown else part
    return shown


def _short(found: object) -> object:
    """`found` as it is if it is short, else its beginning."""
    shown = repr(found)
    return found if len(shown) <= _FOUND_CHARACTERS_MAX else f"{shown[:_FOUND_CHARACTERS_MAX]}..."
