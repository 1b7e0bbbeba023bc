"""The words of the pages, in the languages they are offered in: words/<language>.toml, the same names in each."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from fastapi import Request

from openaisle.core.units import NS_PER_S
from openaisle.store.money import text_from_minor
from openaisle.store.schema import Store

LANGUAGES: Final = ("en", "de", "fr", "es", "ar")
RIGHT_TO_LEFT: Final = frozenset({"ar"})
COOKIE: Final = "openaisle_language"
_FOLDER: Final = Path(__file__).parent / "words"


@cache
def words(language: str) -> Mapping[str, str]:
    """Every word of one language by its name."""
    assert language in LANGUAGES, language
    return tomllib.loads((_FOLDER / f"{language}.toml").read_text(encoding="utf-8"))


def direction(language: str) -> str:
    """As HTML's `dir` has it."""
    return "rtl" if language in RIGHT_TO_LEFT else "ltr"


def language_of(request: Request) -> str:
    """What the reader asked for: `?lang=`, else their choice before, else what their browser prefers (RFC 9110)."""
    for wanted in (request.query_params.get("lang"), request.cookies.get(COOKIE)):
        if wanted in LANGUAGES:
            return wanted
    ranked: list[tuple[float, int, str]] = []
    for place, part in enumerate(request.headers.get("accept-language", "").split(",")[:20]):
        name, _, weight = part.strip().partition(";q=")
        try:
            ranked.append((-float(weight or 1.0), place, name.split("-")[0].lower()))
        except ValueError:
            continue
    return next((name for _, _, name in sorted(ranked) if name in LANGUAGES), LANGUAGES[0])


def money(store: Store, minor: int) -> str:
    """249 as "2.49 EUR": digits and code alone, which read the same in every language."""
    sign = "-" if minor < 0 else ""
    return f"{sign}{text_from_minor(abs(minor), store.currency_digits)} {store.currency}"


def seconds_of(at_ns: int) -> int:
    return at_ns // NS_PER_S
