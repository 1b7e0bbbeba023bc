"""A receipt on paper: one PDF page of a till roll's width, in the reader's language and direction."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final
from unicodedata import bidirectional

from fpdf import FPDF

from openaisle.central.receipts import KeptReceipt
from openaisle.core.messages import ReceiptLine
from openaisle.core.units import NS_PER_S
from openaisle.receipts.receipt import timezone_of
from openaisle.store.money import text_from_minor
from openaisle.store.schema import Store
from openaisle.web.words import direction, money, words

WIDTH_MM: Final = 80.0
MARGIN_MM: Final = 6.0
ROW_MM: Final = 4.6
HEAD_MM: Final = 40.0
FOOT_MM: Final = 46.0
AMOUNT_MM: Final = 16.0
SMALLEST: Final = 6.0  # points
_FONT: Final = "DejaVu"
_FONTS: Final = Path(__file__).parent / "fonts"


def receipt_pdf(store: Store, kept: KeptReceipt, language: str) -> bytes:
    """The receipt as PDF. Text is shaped by HarfBuzz, so that Arabic joins and runs from the right."""
    return _Roll(store, kept, language).made()


class _Roll:
    def __init__(self, store: Store, kept: KeptReceipt, language: str) -> None:
        self._store, self._kept = store, kept
        self._words = words(language)
        self._starts_right = direction(language) == "rtl"
        lines = kept.receipt.lines
        rows = sum(1 + (line.quantity > 1) + bool(line.discount_minor) for line in lines)
        rows += any(line.discount_minor for line in lines)
        height_mm = HEAD_MM + FOOT_MM + ROW_MM * (rows + len({line.tax_class for line in lines}))
        self._pdf = pdf = FPDF(unit="mm", format=(WIDTH_MM, max(height_mm, WIDTH_MM + 1)))
        pdf.set_auto_page_break(False)
        pdf.set_margin(MARGIN_MM)
        pdf.add_font(_FONT, "", _FONTS / "DejaVuSans.ttf")
        pdf.add_font(_FONT, "B", _FONTS / "DejaVuSans-Bold.ttf")
        pdf.set_lang(language)
        issued = datetime.fromtimestamp(kept.receipt.issued_ns // NS_PER_S, timezone_of(store.timezone))
        self._issued = issued
        pdf.set_creation_date(issued)
        pdf.set_title(f"{store.name} {kept.number}")
        pdf.add_page()

    def made(self) -> bytes:
        receipt, store = self._kept.receipt, self._store
        self._centred(store.name, 12, "B")
        self._centred(self._words["receipt_number"].format(number=self._kept.number), 9)
        self._centred(f"{self._issued:%Y-%m-%d %H:%M}", 8)
        self._centred(receipt.receipt_id, 6.5)
        self._rule()
        for line in receipt.lines:
            self._line(line)
        if not receipt.lines:
            self._centred(self._words["nothing_taken"], 9)
        self._rule()
        self._row(self._words["total"], money(store, receipt.total_minor), 11, "B")
        if saved_minor := sum(line.discount_minor for line in receipt.lines):
            self._row(self._words["saved"], money(store, saved_minor), 8)
        word = self._words["tax_included" if receipt.prices_include_tax else "tax_added"]
        for tax_class in sorted({line.tax_class for line in receipt.lines}):
            tax = sum(line.tax_minor for line in receipt.lines if line.tax_class == tax_class)
            rate = f"{store.tax_rates[tax_class] * 100:g}"
            self._row(
                f"{word.format(rate=rate)} ({tax_class})", text_from_minor(tax, store.currency_digits), 7.5
            )
        self._row(self._words["pay_with"], self._words[f"state_{self._kept.state}"], 8)
        if self._kept.refunded_minor:
            self._row(self._words["refunded"], money(store, self._kept.refunded_minor), 9, "B")
        if receipt.review_ids:
            self._centred(self._words["in_review"].format(count=len(receipt.review_ids)), 7)
        return bytes(self._pdf.output())

    def _line(self, line: ReceiptLine) -> None:
        digits = self._store.currency_digits
        full_minor = line.total_minor + line.discount_minor
        self._row(f"{line.quantity} × {line.name}", text_from_minor(full_minor, digits), 8.5)
        if line.quantity > 1:
            self._row(f"{self._words['each']} {text_from_minor(line.unit_price_minor, digits)}", "", 7)
        if line.discount_minor:
            self._row(", ".join(line.promotions), f"-{text_from_minor(line.discount_minor, digits)}", 7.5)

    def _row(self, name: str, amount: str, size: float, style: str = "") -> None:
        """A name and an amount at the two ends, the name's end first in reading order."""
        pdf = self._pdf
        pdf.set_font(_FONT, style, size)
        amount_mm = max(AMOUNT_MM, pdf.get_string_width(amount) + 2.5) if amount else 0.0
        name_mm = pdf.epw - amount_mm
        ends = [(name, name_mm, True), (amount, amount_mm, False)]
        for text, width_mm, is_name in reversed(ends) if self._starts_right else ends:
            if not width_mm:
                continue
            pdf.set_font(_FONT, style, size)
            text = self._fitting(text, width_mm, size, style)
            self._shape(text)
            pdf.cell(width_mm, ROW_MM, text, align="R" if is_name is self._starts_right else "L")
        pdf.ln(ROW_MM)

    def _shape(self, text: str) -> None:
        """Shape a text in the direction of its own first letter that has one (UAX 9, P2)."""
        kinds = (bidirectional(letter) for letter in text)
        first = next((kind for kind in kinds if kind in ("L", "R", "AL")), "L")
        self._pdf.set_text_shaping(True, direction="ltr" if first == "L" else "rtl")

    def _centred(self, text: str, size: float, style: str = "") -> None:
        self._pdf.set_font(_FONT, style, size)
        self._shape(text)
        self._pdf.multi_cell(self._pdf.epw, size * 0.45, text, align="C", new_x="LMARGIN", new_y="NEXT")

    def _rule(self) -> None:
        y = self._pdf.get_y() + 1.2
        self._pdf.set_line_width(0.2)
        self._pdf.line(MARGIN_MM, y, WIDTH_MM - MARGIN_MM, y)
        self._pdf.set_y(y + 1.2)

    def _fitting(self, text: str, width_mm: float, size: float, style: str) -> str:
        """The text in a size in which there is room for it; below the smallest, as much of it as there is room for."""
        pdf = self._pdf
        while size > SMALLEST and pdf.get_string_width(text) > width_mm - 2:
            size -= 0.25
            pdf.set_font(_FONT, style, size)
        if pdf.get_string_width(text) <= width_mm - 2:
            return text
        while text and pdf.get_string_width(text + "…") > width_mm - 2:
            text = text[:-1]
        return text + "…"
