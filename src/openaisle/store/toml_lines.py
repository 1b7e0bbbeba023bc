"""On which line of a TOML file each value stands, so that an error can name it.

`tomllib` gives values without places. This reads the same text once more, only as far as needed to follow tables,
keys, arrays and inline tables; the text is known to be valid TOML by then.
"""

from __future__ import annotations

import re

Path = tuple[str | int, ...]

_HEADER = re.compile(r"(\[\[?)\s*")
_KEY_PART = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*""")
_STRING = re.compile(r'"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'', re.DOTALL)
_SCALAR = re.compile(r"[^\s,\]\}#]+(?: \d[^\s,\]\}#]*)?")  # a date and its time may be apart by a blank
_BLANK = re.compile(r"(?:\s|#[^\n]*)*")


class TomlLines:
    """Line (from 1) of every table, key and array element, by its path: `("gondola", 2, "shelf", 0, "level")`."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1
        self._counted = 0
        self._lines: dict[Path, int] = {}
        self._elements: dict[Path, int] = {}  # how many elements an array of tables has so far
        self._read()

    def line(self, path: Path) -> int | None:
        """Line of the value at `path`, or of the nearest table around it; None if not even that is there."""
        for length in range(len(path), 0, -1):
            if path[:length] in self._lines:
                return self._lines[path[:length]]
        return None

    def _read(self) -> None:
        table: Path = ()
        self._skip_blank()
        while self._at < len(self._text):
            if header := _HEADER.match(self._text, self._at):
                line = self._here()
                self._at = header.end()
                table = self._open_table(self._key(), is_array=header[1] == "[[", line=line)
                self._at = self._text.index("]" * len(header[1]), self._at) + len(header[1])
            else:
                self._assignment(table)
            self._skip_blank()

    def _open_table(self, key: tuple[str, ...], *, is_array: bool, line: int) -> Path:
        path: Path = ()
        for part in key[:-1]:
            path = (*path, part)
            if path in self._elements:
                path = (*path, self._elements[path] - 1)
            self._lines.setdefault(path, line)
        path = (*path, key[-1])
        self._lines.setdefault(path, line)
        if is_array:
            index = self._elements.get(path, 0)
            self._elements[path] = index + 1
            path = (*path, index)
            self._lines[path] = line
        return path

    def _assignment(self, table: Path) -> None:
        line = self._here()
        path: Path = table
        for part in self._key():
            path = (*path, part)
            self._lines.setdefault(path, line)
        self._at = self._text.index("=", self._at) + 1
        self._value(path)

    def _value(self, path: Path) -> None:
        self._skip_blank()
        start = self._text[self._at]
        if start == "[":
            self._at += 1
            self._skip_blank()
            index = 0
            while self._text[self._at] != "]":
                self._lines.setdefault((*path, index), self._here())
                self._value((*path, index))
                self._skip_comma()
                index += 1
            self._at += 1
        elif start == "{":
            self._at += 1
            self._skip_blank()
            while self._text[self._at] != "}":
                self._assignment(path)
                self._skip_comma()
            self._at += 1
        else:
            pattern = _STRING if start in "\"'" else _SCALAR
            match = pattern.match(self._text, self._at)
            assert match is not None, "tomllib read this text"
            self._at = match.end()

    def _key(self) -> tuple[str, ...]:
        parts: list[str] = []
        while True:
            match = _KEY_PART.match(self._text, self._at)
            assert match is not None, "tomllib read this text"
            self._at = match.end()
            parts.append(next(group for group in match.groups() if group is not None))
            if self._text[self._at] != ".":
                return tuple(parts)
            self._at += 1

    def _skip_blank(self) -> None:
        match = _BLANK.match(self._text, self._at)
        assert match is not None
        self._at = match.end()

    def _skip_comma(self) -> None:
        self._skip_blank()
        if self._text[self._at] == ",":
            self._at += 1
            self._skip_blank()

    def _here(self) -> int:
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line
