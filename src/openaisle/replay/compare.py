"""Two runs of the same day: are they equal, and if not, where do they part?

Below the seam equal means equal bytes, so runs are compared as what went into their event logs, or as messages.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import msgspec

from openaisle.core.messages import Message, decode, encode, encode_json


@dataclass(frozen=True, kw_only=True)
class Difference:
    """The first place at which two runs are not equal."""

    index: int  # from 0
    fields: tuple[str, ...]  # that differ, where both are messages of one kind
    first: str  # as JSON; "nothing" where the run is over
    second: str

    def __str__(self) -> str:
        where = f" in {', '.join(self.fields)}" if self.fields else ""
        return (
            f"the runs part at entry {self.index + 1}{where}\n  first:  {self.first}\n  second: {self.second}"
        )


def first_difference(first: Iterable[Message], second: Iterable[Message]) -> Difference | None:
    """Where two runs' messages part; None if they are equal, byte for byte."""
    return first_log_difference(map(encode, first), map(encode, second))


def first_log_difference(first: Iterable[bytes], second: Iterable[bytes]) -> Difference | None:
    """Where two event logs' entries part; None if they are equal."""
    for index, (mine, theirs) in enumerate(zip_longest(first, second)):
        if mine != theirs:
            return Difference(
                index=index, fields=_differing(mine, theirs), first=_shown(mine), second=_shown(theirs)
            )
    return None


def _differing(first: bytes | None, second: bytes | None) -> tuple[str, ...]:
    if first is None or second is None:
        return ()
    try:
        mine: Any = msgspec.json.decode(encode_json(decode(first)))
        theirs: Any = msgspec.json.decode(encode_json(decode(second)))
    except ValueError:
        return ()
    if mine["type"] != theirs["type"]:
        return ("type",)
    return tuple(name for name in mine if mine[name] != theirs[name])


def _shown(entry: bytes | None) -> str:
    if entry is None:
        return "nothing"
    try:
        return encode_json(decode(entry)).decode()
    except ValueError:
        return f"{len(entry)} bytes that are no message"
