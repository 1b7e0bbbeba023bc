"""A document as a list of blocks, written as one HTML file or as a PDF."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Final

from fpdf import FPDF, FontFace
from fpdf.enums import TableCellFillMode, TableHeadingsDisplay

from openaisle.store.picture import Picture

INK: Final = (34, 48, 58)
SOFT: Final = (102, 117, 127)
LINE: Final = (205, 212, 217)
HEAD: Final = (236, 240, 243)
LINK: Final = (47, 109, 179)
FIGURE_SCALE: Final = 1.6  # pixels of a PDF's figures, against those of the page


@dataclass(frozen=True)
class Cell:
    """Text of a table's cell; with `link`, to an anchor of the same document."""

    text: str
    link: str = ""


@dataclass(frozen=True)
class Heading:
    text: str
    level: int = 2


@dataclass(frozen=True)
class Paragraph:
    text: str


@dataclass(frozen=True)
class Bullets:
    items: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of cells. `anchors`: one a row, "" for none. `widths`: shares of the page; the first column is text."""

    header: Sequence[str]
    rows: Sequence[Sequence[Cell | str]]
    widths: Sequence[float]
    numbers: Sequence[int] = ()  # columns set to the right
    anchors: Sequence[str] = ()


@dataclass(frozen=True)
class Figure:
    picture: Picture
    caption: str


Block = Heading | Paragraph | Bullets | Table | Figure


@dataclass
class Document:
    title: str
    subtitle: str
    blocks: list[Block] = field(default_factory=list[Block])

    def add(self, *blocks: Block) -> None:
        self.blocks += blocks


def _cell(cell: Cell | str) -> Cell:
    return cell if isinstance(cell, Cell) else Cell(cell)


# --- HTML ---------------------------------------------------------------------------------------------------------

_STYLE: Final = """
:root { color-scheme: light; }
body { font: 16px/1.5 Rubik, Inter, 'Helvetica Neue', Arial, sans-serif; color: #22303a; background: #fff;
  max-width: 60rem; margin: 2.5rem auto 5rem; padding: 0 1.25rem; }
h1 { font-size: 2rem; margin: 0; } h2 { margin: 2.6rem 0 .6rem; font-size: 1.35rem; border-top: 2px solid #22303a;
  padding-top: .9rem; } h3 { margin: 1.4rem 0 .3rem; font-size: 1.05rem; }
.subtitle { color: #66757f; margin: .2rem 0 1.5rem; }
table { border-collapse: collapse; width: 100%; font-size: .88rem; margin: .6rem 0 1rem; }
th { text-align: left; font-weight: 600; background: #eceff2; } th, td { padding: .34rem .55rem;
  border-bottom: 1px solid #cdd4d9; vertical-align: top; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
tr:target { background: #fff3cf; } a { color: #2f6db3; text-decoration: none; } a:hover { text-decoration: underline; }
figure { margin: 1rem 0; } figure svg { width: 100%; height: auto; border: 1px solid #cdd4d9; }
figcaption { color: #66757f; font-size: .85rem; }
@media print { h2 { break-after: avoid; } figure, tr { break-inside: avoid; } }
"""


def as_html(document: Document) -> str:
    """One file that needs no other."""
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(document.title)}</title><style>{_STYLE}</style></head><body>",
        f'<h1>{escape(document.title)}</h1><p class="subtitle">{escape(document.subtitle)}</p>',
    ]
    for number, block in enumerate(document.blocks):
        parts += _html_block(block, number)
    return "\n".join([*parts, "</body></html>", ""])


def _html_block(block: Block, number: int) -> list[str]:
    match block:
        case Heading():
            return [f"<h{block.level}>{escape(block.text)}</h{block.level}>"]
        case Paragraph():
            return [f"<p>{escape(block.text)}</p>"]
        case Bullets():
            return ["<ul>", *(f"<li>{escape(item)}</li>" for item in block.items), "</ul>"]
        case Table():
            return _html_table(block)
        case Figure():
            svg = block.picture.svg().replace('id="plan"', f'id="plan{number}"')
            svg = svg.replace("url(#plan)", f"url(#plan{number})")
            return [f"<figure>{svg}<figcaption>{escape(block.caption)}</figcaption></figure>"]


def _html_table(table: Table) -> list[str]:
    def kind(column: int) -> str:
        return ' class="number"' if column in table.numbers else ""

    head = "".join(f"<th{kind(column)}>{escape(text)}</th>" for column, text in enumerate(table.header))
    lines = ["<table>", f"<thead><tr>{head}</tr></thead><tbody>" if any(table.header) else "<tbody>"]
    for number, row in enumerate(table.rows):
        anchor = table.anchors[number] if number < len(table.anchors) else ""
        cells: list[str] = []
        for column, given in enumerate(row):
            cell = _cell(given)
            text = escape(cell.text)
            text = f'<a href="#{escape(cell.link)}">{text}</a>' if cell.link else text
            cells.append(f"<td{kind(column)}>{text}</td>")
        mark = f' id="{escape(anchor)}"' if anchor else ""
        lines.append(f"<tr{mark}>{''.join(cells)}</tr>")
    return [*lines, "</tbody></table>"]


# --- PDF ----------------------------------------------------------------------------------------------------------

_ASCII: Final = {
    "≥": ">=",
    "≤": "<=",
    "–": "-",
    "—": "-",
    "’": "'",
    "“": '"',
    "”": '"',
    "…": "...",
    "→": "->",
}


class _Pages(FPDF):
    """A4 with a page number."""

    def __init__(self, title: str) -> None:
        super().__init__(format="A4")
        self.set_title(title)
        self.set_margins(18, 16, 18)
        self.set_auto_page_break(auto=True, margin=18)
        self._running = title

    def footer(self) -> None:
        self.set_y(-12)
        self.set_font("helvetica", size=8)
        self.set_text_color(*SOFT)
        self.cell(0, 6, _latin(self._running))
        self.set_x(self.l_margin)
        self.cell(0, 6, f"{self.page_no()} / {{nb}}", align="R")


def as_pdf(document: Document) -> bytes:
    """A4 pages, with an outline and links between tables."""
    pages = _Pages(document.title)
    pages.add_page()
    anchors = {anchor for block in document.blocks if isinstance(block, Table) for anchor in block.anchors}
    links = {anchor: pages.add_link() for anchor in sorted(anchors) if anchor}
    pages.set_text_color(*INK)
    pages.set_font("helvetica", "B", 22)
    pages.multi_cell(0, 10, _latin(document.title), new_x="LMARGIN", new_y="NEXT")
    pages.set_font("helvetica", size=11)
    pages.set_text_color(*SOFT)
    pages.multi_cell(0, 6, _latin(document.subtitle), align="L", new_x="LMARGIN", new_y="NEXT")
    pages.ln(3)
    for block, following in zip(document.blocks, [*document.blocks[1:], None], strict=True):
        stays_mm = _figure_mm(pages, following)[1] + 26 if isinstance(following, Figure) else 0.0
        if isinstance(block, Heading) and pages.will_page_break(stays_mm):
            pages.add_page()  # A heading stays with its figure.
        _pdf_block(pages, block, links)
    return bytes(pages.output())


def _pdf_block(pages: _Pages, block: Block, links: dict[str, int]) -> None:
    pages.set_text_color(*INK)
    match block:
        case Heading():
            _pdf_heading(pages, block)
        case Paragraph():
            pages.set_font("helvetica", size=10)
            pages.multi_cell(0, 5, _latin(block.text), align="L", new_x="LMARGIN", new_y="NEXT")
            pages.ln(1.5)
        case Bullets():
            pages.set_font("helvetica", size=10)
            for item in block.items:
                pages.set_x(pages.l_margin + 2)
                pages.cell(4, 5, "-")
                pages.multi_cell(0, 5, _latin(item), align="L", new_x="LMARGIN", new_y="NEXT")
            pages.ln(1.5)
        case Table():
            _pdf_table(pages, block, links)
        case Figure():
            _pdf_figure(pages, block)


def _pdf_heading(pages: _Pages, heading: Heading) -> None:
    is_large = heading.level <= 2
    if pages.will_page_break(34 if is_large else 26):
        pages.add_page()
    pages.ln(4 if is_large else 2)
    pages.start_section(_latin(heading.text), level=heading.level - 2)
    pages.set_font("helvetica", "B", 14 if is_large else 11)
    pages.multi_cell(0, 7, _latin(heading.text), new_x="LMARGIN", new_y="NEXT")
    pages.ln(1)


def _pdf_table(pages: _Pages, table: Table, links: dict[str, int]) -> None:
    pages.set_font("helvetica", size=8.5)
    pages.set_draw_color(*LINE)
    total = sum(table.widths)
    with pages.table(
        col_widths=tuple(width / total * 100 for width in table.widths),
        text_align=tuple("R" if column in table.numbers else "L" for column in range(len(table.header))),
        borders_layout="HORIZONTAL_LINES",
        line_height=4.4,
        padding=0.9,
        headings_style=FontFace(emphasis="BOLD", fill_color=HEAD, color=INK),
        repeat_headings=TableHeadingsDisplay.ON_TOP_OF_EVERY_PAGE,
        first_row_as_headings=any(table.header),
        cell_fill_mode=TableCellFillMode.NONE,
    ) as drawn:
        if any(table.header):
            drawn.row([_latin(text) for text in table.header])
        for number, cells in enumerate(table.rows):
            anchor = table.anchors[number] if number < len(table.anchors) else ""
            row = drawn.row()
            for column, given in enumerate(cells):
                cell = _cell(given)
                style = FontFace(color=LINK) if cell.link else None
                link = links.get(cell.link) if cell.link else None
                row.cell(_latin(cell.text), style=style, link=link)
                if column == 0 and anchor in links:
                    pages.set_link(links[anchor], page=pages.page, y=pages.get_y())
    pages.ln(2.5)


def _pdf_figure(pages: _Pages, figure: Figure) -> None:
    picture = figure.picture
    width_mm, height_mm = _figure_mm(pages, figure)
    if pages.will_page_break(height_mm + 8):
        pages.add_page()
    pages.image(io.BytesIO(picture.png(FIGURE_SCALE)), w=width_mm, h=height_mm)
    pages.set_font("helvetica", "I", 8.5)
    pages.set_text_color(*SOFT)
    pages.multi_cell(0, 4.4, _latin(figure.caption), new_x="LMARGIN", new_y="NEXT")
    pages.ln(2.5)


def _figure_mm(pages: _Pages, figure: Figure) -> tuple[float, float]:
    """Width and height: as wide as the page, if that is not too high."""
    width_mm, most_mm = pages.epw, pages.eph - 34
    height_mm = width_mm * figure.picture.height / figure.picture.width
    if height_mm > most_mm:
        return (width_mm * most_mm / height_mm, most_mm)
    return (width_mm, height_mm)


def _latin(text: str) -> str:
    """What the PDF's own fonts can show."""
    for sign, plain in _ASCII.items():
        text = text.replace(sign, plain)
    return text.encode("latin-1", "replace").decode("latin-1")
