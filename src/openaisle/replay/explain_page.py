"""The reasons for one receipt line as a page that needs no server: what was decided in short, then each clip of it."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Final

from openaisle.core.messages import Interaction, VisitId
from openaisle.core.units import NS_PER_S
from openaisle.replay.clip_view import KIND_WORDS, SCRIPT, STYLE, clips_html, people_of, percent
from openaisle.replay.explain import Reasons
from openaisle.store.money import text_from_minor
from openaisle.store.schema import Store


def explain_page(store: Store, reasons: Reasons) -> str:
    """HTML of one line's reasons."""
    line = reasons.line
    who = people_of(reasons.receipt.visit_id, reasons.steps)
    title = f"Why is {line.quantity} × {line.name} on the receipt of {reasons.receipt.visit_id}?"
    price = text_from_minor(line.total_minor, store.currency_digits)
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p class=dim>{escape(store.name)} · receipt {escape(reasons.receipt.receipt_id)} · "
        f"{escape(line.gtin or line.product_id)} · {price} {escape(reasons.receipt.currency)}</p>",
        "<h2>In short</h2><ol>",
        *(f"<li>{_in_words(store, one, reasons, who)}</li>" for one in reasons.interactions),
        "</ol>",
    ]
    if reasons.reviews:
        asked = ", ".join(escape(review.reason.replace("_", " ")) for review in reasons.reviews)
        parts.append(f"<p class=warn>A person was asked to look at this line: {asked}.</p>")
    parts.append(clips_html(store, reasons.steps, who))
    filled = {
        "title": escape(title),
        "style": STYLE.read_text(encoding="utf-8"),
        "script": SCRIPT.read_text(encoding="utf-8"),
        "body": "\n".join(parts),
    }
    page = _PAGE
    for name, text in filled.items():
        page = page.replace(f"<!--{name}-->", text)
    return page


def _in_words(store: Store, one: Interaction, reasons: Reasons, who: Mapping[VisitId, str]) -> str:
    at = f"{(reasons.receipt.issued_ns - one.happened_ns) / NS_PER_S:.1f} s before the receipt"
    name = escape(store.products[one.product_id].name) if one.product_id else "something unknown"
    person = escape(who.get(one.visit_id or "", one.visit_id or "nobody we can name"))
    grams = f": the shelf became {abs(one.mass_change_g):.0f} g {'lighter' if one.mass_change_g < 0 else 'heavier'}"
    where = f" at {escape(one.slot_id)}" if one.slot_id else ""
    scales = f"{where}{grams}" if one.step_ids else ", hand to hand, away from the shelves"
    return (
        f"{at}: {person} {KIND_WORDS.get(one.kind, str(one.kind))} {one.quantity} × {name}{scales}. "
        f"We are {percent(one.probability)} sure of product, number and person."
    )


_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title><!--title--></title>
<style>
body { margin: 0 auto; max-width: 780px; padding: 16px; color: #14211d; background: #f2f5f3; }
body { font: 15px/1.45 system-ui, "DejaVu Sans", sans-serif; }
h1 { font-size: 22px; } .dim { color: #5a6b65; font-size: 13px; } .warn { color: #8a5a00; }
<!--style--></style></head><body class="why">
<!--body-->
<p class=dim>Made from a recording by <code>openaisle explain</code>. Skeletons only: no picture of anybody is kept.</p>
<script>
<!--script-->showReplays(document);
</script></body></html>
"""
