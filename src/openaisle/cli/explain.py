"""`openaisle explain`: why a line is on a receipt."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("explain")(explain)


def explain(
    recording: Annotated[Path, typer.Argument(help="Recording folder.")],
    line: Annotated[
        str, typer.Argument(help="VISIT/PRODUCT: a visit and a GTIN or product id of its receipt.")
    ],
    out: Annotated[Path, typer.Option("--out", help="HTML file to write: it needs nothing else.")],
    language: Annotated[str, typer.Option(help="en, de, fr, es or ar.")] = "en",
    unchecked: Annotated[
        bool, typer.Option("--unchecked", help="Accept files whose checksums differ: edited by hand.")
    ] = False,
) -> None:
    """Play a recording again and write one page: plates, slots, what was weighed with its terms, and skeletons."""
    from openaisle.core.errors import InputError
    from openaisle.replay.explain import explain as reasons_of
    from openaisle.replay.explain_page import explain_page
    from openaisle.replay.recording import Recording
    from openaisle.web.words import LANGUAGES, direction, words

    visit_id, slash, code = line.rpartition("/")
    if not slash or not visit_id or not code:
        raise InputError("is no line of a receipt", field="LINE", expected="VISIT/PRODUCT", found=line)
    if language not in LANGUAGES:
        raise InputError(
            "no words in this language", field="--language", expected=", ".join(LANGUAGES), found=language
        )
    if not out.parent.is_dir():
        raise InputError("there is no such folder", file=str(out.parent))
    opened = Recording.open(recording, check=not unchecked)
    reasons = reasons_of(opened, visit_id, code)
    page = explain_page(
        opened.store, reasons, words(language), language=language, direction=direction(language)
    )
    out.write_text(page, encoding="utf-8")
    typer.echo(f"{out}: {len(reasons.interactions)} interactions, {len(reasons.steps)} weight steps")
