"""What decoding needs to know of a network that its shapes do not tell, with the defaults of its publishers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

from openaisle.core.errors import InputError

OptionsT = TypeVar("OptionsT")


@dataclass(frozen=True, kw_only=True)
class DetectorOptions:
    """Of boxes."""

    score_min: float
    overlap_max: float = 0.5  # of two people's boxes
    person: int = 0  # which of the kinds of things
    side_px: int = 640  # of the input, where the file takes any
    candidates_max: int = 1000  # that suppression looks at; the best stay
    people_max: int = 100  # of one picture; the best stay


def told(defaults: OptionsT, options: Mapping[str, Any]) -> OptionsT:
    """Options of a file over the defaults. InputError for one that this architecture does not have."""
    known = {each.name: getattr(defaults, each.name) for each in fields(defaults)}  # pyright: ignore[reportArgumentType]
    chosen: dict[str, Any] = {}
    for name, value in options.items():
        if name not in known:
            expected = ", ".join(known)
            raise InputError("no such option of this architecture", field=name, expected=expected, found=name)
        chosen[name] = tuple(value) if isinstance(value, list) else value
        kind = type(known[name])
        if not isinstance(chosen[name], int | float if kind is float else kind):
            raise InputError("wrong option", field=name, expected=kind.__name__, found=value)
    return replace(defaults, **chosen)  # pyright: ignore[reportArgumentType]
