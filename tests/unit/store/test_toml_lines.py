"""Every value of a TOML file has its line."""

import tomllib
from typing import Any

import pytest
from hypothesis import given, strategies as st

from openaisle.store.toml_lines import TomlLines

TEXT = '''\
# A comment with [brackets] and "quotes".
title = "a # that is no comment"
dotted.key = 1
"quoted key" = 2

[table]
array = [
  1,  # one
  # [between]
  [2, 3],
  { x = 4, "y" = [5] },
]
text = """
three
lines"""
after = 1979-05-27 07:32:00

[[list]]
a = 1

[[list]]
a = 2
[list.inner]
b = 3
[[list.deep]]
c = 4
[[list.deep]]
c = {d = {e = 5}}
[ spaced . "table" ]
f = 'raw \\'
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("title",), 2),
        (("dotted", "key"), 3),
        (("quoted key",), 4),
        (("table",), 6),
        (("table", "array"), 7),
        (("table", "array", 0), 8),
        (("table", "array", 1), 10),
        (("table", "array", 2, "y"), 11),
        (("table", "array", 2, "y", 0), 11),
        (("table", "text"), 13),
        (("table", "after"), 16),
        (("list", 0), 18),
        (("list", 1), 21),
        (("list", 1, "a"), 22),
        (("list", 1, "inner", "b"), 24),
        (("list", 1, "deep", 0, "c"), 26),
        (("list", 1, "deep", 1, "c", "d", "e"), 28),
        (("spaced", "table", "f"), 30),
    ],
)
def test_a_value_has_its_line(path: tuple[str | int, ...], line: int) -> None:
    tomllib.loads(TEXT)
    assert TomlLines(TEXT).line(path) == line


def test_a_value_that_is_not_there_has_the_line_of_the_table_around_it() -> None:
    assert TomlLines(TEXT).line(("list", 1, "deep", 0, "missing")) == 25
    assert TomlLines(TEXT).line(("nowhere",)) is None


values = st.recursive(
    st.integers() | st.booleans() | st.text(alphabet="ab\"'\\#[]{},= \n", max_size=6),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(st.tuples(st.integers(0, 2), values), min_size=1, max_size=8))
def test_the_reader_follows_whatever_tomllib_reads(rows: list[tuple[int, Any]]) -> None:
    lines: list[str] = []
    for index, (blank, value) in enumerate(rows):
        lines += ["# ]["] * blank + [f"key{index} = {_toml(value)}"]
    text = "\n".join(lines)
    document = tomllib.loads(text)
    index = TomlLines(text)
    for number, (_, value) in enumerate(rows):
        assert document[f"key{number}"] == value
        line = index.line((f"key{number}",))
        assert line is not None
        assert lines[line - 1].startswith(f"key{number} ")


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'"{escaped}"'
    if isinstance(value, list):
        return f"[{', '.join(_toml(item) for item in value)}]"
    return str(value)
