"""Do the books agree? Carts, receipts, charges, POSLog and stock of a day, line by line.

A day is a folder of what each party says for itself: the shop's ledger, the processor's statement, the POSLog files
that other systems got, the goods that somebody counted. Every difference has a kind, a place, and what both sides say.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from openaisle.adapters.event_log_sqlite import read_ledger
from openaisle.adapters.pos_poslog import PosRecord, read_poslog
from openaisle.carts.ledger import SOLD, is_cart
from openaisle.carts.stock import Stock
from openaisle.core.errors import InputError
from openaisle.core.messages import (
    AnyMessage,
    CartClosed,
    Move,
    Receipt,
    RefundRequested,
    VisitOpened,
    decode,
)
from openaisle.receipts.book import PaymentBook
from openaisle.receipts.sales import is_sold
from openaisle.store.load import load_store
from openaisle.store.money import text_from_minor
from openaisle.store.schema import Store

LEDGER: Final = "ledger.sqlite"
STATEMENT: Final = "statement.csv"
STOCK: Final = "stock.csv"
POSLOG: Final = "poslog"
STORE: Final = "store"
STATEMENT_COLUMNS: Final = ("reference", "payment_id", "kind", "amount_minor", "currency", "moved_ns")
STOCK_COLUMNS: Final = ("slot_id", "product_id", "opening_units", "counted_units")


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One thing about which two books disagree."""

    kind: str  # a fixed word, as charge_missing
    where: str  # the receipt, key, slot or transaction
    expected: str  # by the ledger
    found: str  # by the other book


@dataclass(frozen=True, kw_only=True)
class Reconciliation:
    """What was compared, and every difference."""

    visits: int
    receipts: int
    charges: int
    refunds: int
    pos_transactions: int
    slots: int
    lines: int  # of receipts, compared with carts and POSLog
    differences: Sequence[Difference]


@dataclass(frozen=True, kw_only=True)
class _Line:
    """One line of the processor's statement."""

    reference: str
    payment_id: str
    kind: str
    amount_minor: int
    currency: str


@dataclass(kw_only=True)
class _Books:
    """The ledger's side, worked out once."""

    store: Store
    payments: PaymentBook = field(default_factory=PaymentBook)
    closed: dict[str, CartClosed] = field(default_factory=dict)  # shoppers' carts by visit
    left: dict[str, Counter[tuple[str, int]]] = field(
        default_factory=dict
    )  # units that left: (product, price)
    receipts: dict[str, Receipt] = field(default_factory=dict)
    refunds: dict[str, RefundRequested] = field(default_factory=dict)
    moves: list[Move] = field(default_factory=list)


def reconcile(day: Path) -> Reconciliation:
    """Compare everything in a day's folder. InputError naming the file that is missing or malformed; LedgerDamaged."""
    if not (day / LEDGER).is_file():
        raise InputError("no ledger", file=str(day / LEDGER), expected=f"a folder with {LEDGER}, {STATEMENT}")
    books = _books(load_store(day / STORE), [decode(entry) for entry in read_ledger(day / LEDGER)])
    statement = _statement(day / STATEMENT)
    records = _pos_records(day / POSLOG)
    counted = _counted(day / STOCK)
    differences = [
        *_carts_and_receipts(books),
        *_receipts_and_charges(books, statement),
        *_receipts_and_pos(books, records),
        *_stock(books, counted),
    ]
    return Reconciliation(
        visits=len(books.closed),
        receipts=len(books.receipts),
        charges=sum(line.kind == "charge" for line in statement),
        refunds=sum(line.kind == "refund" for line in statement),
        pos_transactions=len(records),
        slots=len(counted),
        lines=sum(len(receipt.lines) for receipt in books.receipts.values()),
        differences=differences,
    )


# --- the four comparisons -----------------------------------------------------------------------------------------


def _carts_and_receipts(books: _Books) -> Iterator[Difference]:
    for visit_id, closed in books.closed.items():
        receipt = books.receipts.get(visit_id)
        if receipt is None:
            yield _difference("receipt_missing", visit_id, "one receipt", "none")
            continue
        in_cart: Counter[tuple[str, int]] = Counter()
        for line in closed.lines:
            in_cart[line.product_id, line.price_minor] += line.quantity
        on_receipt: Counter[tuple[str, int]] = Counter()
        for line in receipt.lines:
            on_receipt[line.product_id, line.unit_price_minor] += line.quantity
        yield from _differing("cart_line", visit_id, books.left.get(visit_id, Counter()), in_cart)
        yield from _differing("receipt_line", receipt.receipt_id, in_cart, on_receipt)
        lines_minor = sum(line.total_minor for line in receipt.lines)
        total_minor = lines_minor if receipt.prices_include_tax else lines_minor + receipt.tax_minor
        if total_minor != receipt.total_minor:
            yield _difference("receipt_total", receipt.receipt_id, total_minor, receipt.total_minor)
    for visit_id in books.receipts.keys() - books.closed.keys():
        yield _difference("receipt_without_cart", visit_id, "none", "one receipt")


def _receipts_and_charges(books: _Books, statement: Sequence[_Line]) -> Iterator[Difference]:
    moved: dict[tuple[str, str], list[_Line]] = {}
    for line in statement:
        moved.setdefault((line.kind, line.reference), []).append(line)
    for receipt in books.receipts.values():
        net_minor = 0
        for request, charged_minor in books.payments.charges(receipt.receipt_id):
            lines = moved.pop(("charge", request.key), [])
            net_minor += sum(line.amount_minor for line in lines)
            yield from _moved_alike("charge", f"{receipt.receipt_id} {request.key}", charged_minor, lines)
        for request, refunded_minor in books.payments.refunds(receipt.receipt_id):
            lines = moved.pop(("refund", request.key), [])
            net_minor -= sum(line.amount_minor for line in lines)
            where = f"{receipt.receipt_id} {request.key}"
            yield from _moved_alike("refund", where, refunded_minor, lines)
            if books.payments.is_open(request.key):
                yield _difference("refund_open", where, "an answer", "none")
        state = books.payments.state(receipt.receipt_id)
        if state.end == "charged":
            owed_minor = books.payments.owed_by_card_minor(receipt.receipt_id)
            if net_minor != owed_minor:
                yield _difference("receipt_charge", receipt.receipt_id, owed_minor, net_minor)
        else:
            yield _difference("not_settled", receipt.receipt_id, "charged", state.end or str(state.state))
    for (kind, reference), lines in moved.items():
        minor = sum(line.amount_minor for line in lines)
        yield _difference(f"{kind}_unknown", f"{lines[0].payment_id} {reference}", "nothing", minor)


def _moved_alike(kind: str, where: str, minor: int, lines: Sequence[_Line]) -> Iterator[Difference]:
    if len(lines) > 1:
        yield _difference(f"{kind}_twice", where, "one", len(lines))
    elif minor and not lines:
        yield _difference(f"{kind}_missing", where, minor, "nothing")
    elif lines and lines[0].amount_minor != minor:
        yield _difference(f"{kind}_amount", where, minor, lines[0].amount_minor)


def _receipts_and_pos(books: _Books, records: Sequence[PosRecord]) -> Iterator[Difference]:
    sales: dict[str, list[PosRecord]] = {}
    returned: Counter[str] = Counter()
    digits = books.store.currency_digits
    before = 0
    for record in records:
        if record.sequence != before + 1:
            yield _difference("pos_sequence", f"after transaction {before}", before + 1, record.sequence)
        before = record.sequence
        if record.is_return:
            returned[record.receipt_id] += _minor(record.total.lstrip("-"), digits)
        else:
            sales.setdefault(record.receipt_id, []).append(record)
    for receipt in books.receipts.values():
        where = receipt.receipt_id
        mine = sales.pop(where, [])
        state = books.payments.state(where)
        if len(mine) != is_sold(state):
            yield _difference("pos_missing" if not mine else "pos_twice", where, "one sale", len(mine))
        for record in mine[:1]:
            expected = (
                text_from_minor(receipt.total_minor, digits),
                text_from_minor(receipt.tax_minor, digits),
            )
            if (record.total, record.tax) != expected:
                yield _difference("pos_total", where, expected, (record.total, record.tax))
            goods = tuple(
                (line.product_id, line.quantity, text_from_minor(line.total_minor, digits))
                for line in receipt.lines
            )
            if record.goods != goods:
                yield _difference("pos_line", where, goods, record.goods)
        back_minor, returned_minor = state.refunded_minor + state.waived_minor, returned.pop(where, 0)
        if returned_minor != back_minor and mine:
            yield _difference("pos_return", where, back_minor, returned_minor)
    for where in [*sales, *returned]:
        yield _difference("pos_unknown", where, "nothing", "a transaction")


def _stock(books: _Books, counted: dict[tuple[str, str], tuple[int, int]]) -> Iterator[Difference]:
    opening = {
        slot_id: units
        for (slot_id, product_id), (units, _) in counted.items()
        if books.store.slots[slot_id].product_id == product_id
    }
    stock = Stock.of(books.store, books.moves, opening)
    for (slot_id, product_id), units in stock.counts().items():
        found = counted.get((slot_id, product_id), (0, 0))[1]
        if units != found:
            yield _difference("stock", f"{slot_id} {product_id}", units, found)


# --- reading ------------------------------------------------------------------------------------------------------


def _books(store: Store, messages: Sequence[AnyMessage]) -> _Books:
    books = _Books(store=store)
    staff = {each.visit_id for each in messages if isinstance(each, VisitOpened) and each.is_staff}
    for message in messages:
        books.payments.replay(message)
        if isinstance(message, CartClosed) and message.visit_id not in staff:
            books.closed[message.visit_id] = message
        elif isinstance(message, Receipt):
            books.receipts[message.visit_id] = message
        elif isinstance(message, Move):
            books.moves.append(message)
            if message.target == SOLD and is_cart(message.source):
                left = books.left.setdefault(message.source.removeprefix("cart:"), Counter())
                left[message.product_id, message.price_minor] += message.quantity
    return books


def _statement(path: Path) -> list[_Line]:
    return [
        _Line(
            reference=row["reference"],
            payment_id=row["payment_id"],
            kind=row["kind"],
            amount_minor=_whole(row["amount_minor"], path, number, "amount_minor"),
            currency=row["currency"],
        )
        for number, row in _rows(path, STATEMENT_COLUMNS)
    ]


def _counted(path: Path) -> dict[tuple[str, str], tuple[int, int]]:
    return {
        (row["slot_id"], row["product_id"]): (
            _whole(row["opening_units"], path, number, "opening_units"),
            _whole(row["counted_units"], path, number, "counted_units"),
        )
        for number, row in _rows(path, STOCK_COLUMNS)
    }


def _pos_records(folder: Path) -> list[PosRecord]:
    found: list[PosRecord] = []
    for path in sorted(folder.glob("poslog-*.xml")):
        try:
            found += read_poslog(path.read_bytes())
        except (SyntaxError, ValueError, KeyError, AssertionError) as error:
            raise InputError(f"is no POSLog: {error}", file=str(path)) from error
    return found


def _rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            if tuple(reader.fieldnames or ()) != tuple(columns):
                raise InputError(
                    "other columns",
                    file=str(path),
                    line=1,
                    expected=",".join(columns),
                    found=reader.fieldnames,
                )
            for row in reader:
                yield reader.line_num, row
    except FileNotFoundError:
        raise InputError("no such file", file=str(path), expected="the day's books") from None


def _whole(text: str, path: Path, line: int, name: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InputError(
            "wrong value", file=str(path), line=line, field=name, expected="a whole number", found=text
        ) from None


def _minor(text: str, digits: int) -> int:
    return int(text.replace(".", "")) if digits else int(text)


def _differing(
    kind: str, where: str, expected: Counter[tuple[str, int]], found: Counter[tuple[str, int]]
) -> Iterator[Difference]:
    for key in sorted(expected.keys() | found.keys()):
        if expected[key] != found[key]:
            product_id, price_minor = key
            yield _difference(kind, f"{where} {product_id} at {price_minor}", expected[key], found[key])


def _difference(kind: str, where: str, expected: object, found: object) -> Difference:
    return Difference(kind=kind, where=where, expected=str(expected), found=str(found))
