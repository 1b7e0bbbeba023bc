"""The words: the same in every language, all used, and chosen as the reader asked."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
from starlette.requests import Request

import openaisle.web
from openaisle.central.cases import REVIEW
from openaisle.central.entry import REFUSALS
from openaisle.core.messages import InteractionKind, PaymentState
from openaisle.replay import clip_view, explain_page
from openaisle.web.words import LANGUAGES, language_of, words

HERE = Path(openaisle.web.__file__).parent
MADE_OF_PARTS = ("state_", "reason_", "alert_", "refused_", "kind_", "trouble_", "mail_", "why_")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_word_with_the_same_blanks(language: str) -> None:
    english, other = words("en"), words(language)
    assert other.keys() == english.keys()
    blank = re.compile(r"\{\w+\}")
    assert [
        name for name in english if set(blank.findall(english[name])) != set(blank.findall(other[name]))
    ] == []
    assert [name for name in other if not other[name].strip()] == []


def test_no_word_is_there_for_nothing_and_none_is_missing() -> None:
    files = [*HERE.glob("templates/*.html"), *HERE.glob("static/*.js"), *HERE.glob("*.py")]
    text = "".join(path.read_text(encoding="utf-8") for path in files)
    said = set(re.findall(r"\b(?:t|say)\(\s*[\"'](\w+)[\"']", text)) | set(
        re.findall(r"_words\[\"(\w+)\"\]", text)
    )
    either = re.findall(r"(?:t|say|_words\[)\(?[^\n]*?[\"'](\w+)[\"'] (?:if|:) [^\n]*?[\"'](\w+)[\"']", text)
    said |= {name for pair in either for name in pair if name in words("en")}
    assert {name for name in said - words("en").keys() if not name.endswith("_")} == set()
    unused = [
        name
        for name in words("en")
        if name not in said and not name.startswith(MADE_OF_PARTS) and f'"{name}"' not in text
    ]
    assert unused == []


def test_reasons_for_a_line_have_their_words() -> None:
    text = "".join(Path(inspect.getfile(module)).read_text("utf-8") for module in (clip_view, explain_page))
    said = {f"why_{name}" for name in re.findall(r"say\(\s*[\"'](\w+)[\"']", text)}
    said |= set(re.findall(r"[\"'](why_\w+)[\"']", text)) | {"why_above", "why_side"}
    said |= {f"why_{kind.value}" for kind in InteractionKind}
    terms = re.findall(r"[\"']([a-z ]+)[\"'](?:: (?:mass|place|one\.log_density)|\] = )", _interactions())
    said |= {f"why_term_{term.replace(' ', '_')}" for term in terms}
    assert {name for name in words("en") if name.startswith("why_")} == said


def _interactions() -> str:
    """Where evidence is weighed, as text."""
    folder = HERE.parent / "interactions"
    return "".join((folder / name).read_text(encoding="utf-8") for name in ("weigh.py", "suppose.py"))


def test_every_state_refusal_and_reason_has_its_words() -> None:
    import openaisle.carts.review as review

    reasons = [value for name, value in vars(review).items() if name.isupper() and isinstance(value, str)]
    wanted = {f"state_{state.value}" for state in PaymentState} | {f"refused_{reason}" for reason in REFUSALS}
    wanted |= {f"reason_{reason}" for reason in (*reasons, "not_taken", "missing")} | {f"kind_{REVIEW}"}
    assert wanted - words("en").keys() == set()


@pytest.mark.parametrize(
    ("query", "header", "language"),
    [
        ("", "", "en"),
        ("", "de-AT,de;q=0.9,en;q=0.8", "de"),
        ("", "nl, ar;q=0.3, fr;q=0.7", "fr"),
        ("lang=ar", "de", "ar"),
        ("lang=xx", "es", "es"),
        ("", "en;q=x, ;;;,\x00", "en"),
    ],
)
def test_the_language_is_what_the_reader_asked_for(query: str, header: str, language: str) -> None:
    headers = [(b"accept-language", header.encode())]
    scope = {"type": "http", "query_string": query.encode(), "headers": headers}
    assert language_of(Request(scope)) == language
