"""The reasons for one receipt line as a page that needs no server: what was decided in short, then each clip of it."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Final

from openaisle.core.messages import Interaction
from openaisle.core.units import NS_PER_S
from openaisle.replay.clip_view import SCRIPT, STYLE, Reader, clips_html, percent
from openaisle.replay.explain import Reasons
from openaisle.store.money import text_from_minor
from openaisle.store.schema import Store


def explain_page(
    store: Store, reasons: Reasons, words: Mapping[str, str], *, language: str = "en", direction: str = "ltr"
) -> str:
    """HTML of one line's reasons, in the words of a language (`Reader`)."""
    line, receipt = reasons.line, reasons.receipt
    reader = Reader.of(store, words, receipt.visit_id, reasons.steps)
    title = reader.say("title", quantity=line.quantity, name=line.name, visit=receipt.visit_id)
    price = text_from_minor(line.total_minor, store.currency_digits)
    parts = [
        f"<h1>{title}</h1>",
        f"<p class=dim>{escape(store.name)} · {reader.say('receipt', receipt=receipt.receipt_id)} · "
        f"{escape(line.gtin or line.product_id)} · {price} {escape(receipt.currency)}</p>",
        f"<h2>{reader.say('short')}</h2><ol>",
        *(f"<li>{_in_words(reader, one, receipt.issued_ns)}</li>" for one in reasons.interactions),
        "</ol>",
    ]
    if reasons.reviews:
        asked = ", ".join(words.get(f"reason_{review.reason}", review.reason) for review in reasons.reviews)
        parts.append(f"<p class=warn>{reader.say('asked', reasons=asked)}</p>")
    parts.append(clips_html(reader, reasons.steps))
    filled = {
        "language": language,
        "direction": direction,
        "title": title,
        "made": reader.say("made", command="openaisle explain"),
        "style": STYLE.read_text(encoding="utf-8"),
        "script": SCRIPT.read_text(encoding="utf-8"),
        "body": "\n".join(parts),
    }
    page = _PAGE
    for name, text in filled.items():
        page = page.replace(f"<!--{name}-->", text)
    return page


def _in_words(reader: Reader, one: Interaction, issued_ns: int) -> str:
    words = reader.words
    name = reader.store.products[one.product_id].name if one.product_id else words["why_unknown"]
    person = reader.who.get(one.visit_id or "", one.visit_id or words["why_unseen"])
    how = words["why_handed"]
    if one.step_ids:
        change = words["why_lighter" if one.mass_change_g < 0 else "why_heavier"]
        how = change.format(slot=one.slot_id or one.shelf_id, grams=f"{abs(one.mass_change_g):.0f}")
    return reader.say(
        "said",
        seconds=f"{(issued_ns - one.happened_ns) / NS_PER_S:.1f}",
        what=reader.deed(one.kind, person, one.quantity, name),
        how=how,
        percent=percent(one.probability),
    )


_PAGE: Final = """<!doctype html>
<html lang="<!--language-->" dir="<!--direction-->"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title><!--title--></title>
<style>
body { margin: 0 auto; max-width: 780px; padding: 16px; color: #14211d; background: #f2f5f3; }
body { font: 15px/1.45 system-ui, "DejaVu Sans", sans-serif; }
h1 { font-size: 22px; } .dim { color: #5a6b65; font-size: 13px; } .warn { color: #8a5a00; }
<!--style--></style></head><body class="why">
<!--body-->
<p class=dim><!--made--></p>
<script>
<!--script-->showReplays(document);
</script></body></html>
"""
