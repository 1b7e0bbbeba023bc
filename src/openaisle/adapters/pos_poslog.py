"""Sales and returns as NRF ARTS POSLog (IXRetail) XML files, for enterprise systems that read it.

Transactions are laid out in files by their number, so that writing them again writes the same bytes to the same
place: a crash in the middle, or a start from nothing, leaves each transaction there once. Structure as POSLog 2.2.1 has
it: RetailTransaction with Sale or Return line items, Tax, Tender and Totals.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

from openaisle.core.errors import PortUnavailable
from openaisle.core.messages import ReceiptLine
from openaisle.core.units import NS_PER_S
from openaisle.ports import PosTransaction
from openaisle.store.money import text_from_minor
from openaisle.store.schema import Store

NAMESPACE: Final = "http://www.nrf-arts.org/IXRetail/namespace/"
FILE_TRANSACTIONS: Final = 200
"""Transactions of one file: 1 to 200 are in poslog-000001.xml."""
TENDER_TYPES: Final = {"card": "CreditDebit", "voucher": "Voucher", "credit": "AccountsReceivable"}


@dataclass(frozen=True, kw_only=True)
class PosRecord:
    """One transaction as a POSLog says it."""

    sequence: int
    receipt_id: str
    is_return: bool
    total: str
    tax: str
    currency: str
    goods: tuple[tuple[str, int, str], ...]
    tenders: tuple[str, ...]


class PosLogFiles:
    """`openaisle.ports.Pos` as a folder of files. One writer a folder."""

    def __init__(self, folder: Path, store: Store) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._store = store
        self._open: dict[int, dict[int, bytes]] = {}  # XML by number of the file and of the transaction

    def export(self, transactions: Sequence[PosTransaction]) -> None:
        """On disk when it returns. PortUnavailable if the folder cannot be written."""
        touched: set[int] = set()
        whole = {number for number in self._numbers(transactions) if self._is_whole(number)}
        for transaction in transactions:
            number = _file_number(transaction)
            if number not in whole:
                self._open.setdefault(number, {})[transaction.sequence] = _xml(transaction, self._store)
                touched.add(number)
        for number in sorted(touched):
            held = self._open[number]
            assert len(held) == max(held) - (number - 1) * FILE_TRANSACTIONS, "a transaction was left out"
            try:
                self._write(number, _document(held[sequence] for sequence in sorted(held)))
            except OSError as error:
                raise PortUnavailable(
                    f"{self._folder}: POSLog cannot be written: {error.strerror}"
                ) from error
            if len(held) == FILE_TRANSACTIONS:
                del self._open[number]

    def close(self) -> None:
        pass

    def _numbers(self, transactions: Sequence[PosTransaction]) -> set[int]:
        return {_file_number(transaction) for transaction in transactions} - self._open.keys()

    def _is_whole(self, number: int) -> bool:
        """Whether a file of before is full: it holds what it would hold now."""
        path = self._path(number)
        return path.exists() and path.read_bytes().count(b"<Transaction>") == FILE_TRANSACTIONS

    def _path(self, number: int) -> Path:
        return self._folder / f"poslog-{number:06d}.xml"

    def _write(self, number: int, data: bytes) -> None:
        path = self._path(number)
        unborn = path.with_suffix(".new")
        with unborn.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        unborn.rename(path)


def poslog(transactions: Sequence[PosTransaction], store: Store) -> bytes:
    """One POSLog document. The same transactions give the same bytes."""
    return _document(_xml(transaction, store) for transaction in transactions)


def read_poslog(data: bytes) -> Iterator[PosRecord]:
    """What each transaction says, money as text: goods are (product, units, sum) of each line."""
    for transaction in ET.fromstring(data).iter(_name("Transaction")):
        retail = transaction.find(_name("RetailTransaction"))
        assert retail is not None
        goods = tuple(
            (
                _text(line, "POSIdentity/POSItemID"),
                int(_text(line, "Quantity")),
                _text(line, "ExtendedAmount"),
            )
            for line in retail.iter(_name("Sale"))
        )
        tenders = [_text(tender, "Amount") for tender in retail.iter(_name("Tender"))]
        totals = {total.get("TotalType"): total.text or "" for total in retail.iter(_name("Total"))}
        yield PosRecord(
            sequence=int(_text(transaction, "SequenceNumber")),
            receipt_id=_text(retail, "ReceiptNumber"),
            is_return=retail.find(f".//{_name('Return')}") is not None,
            total=totals["TransactionGrandAmount"],
            tax=totals.get("TransactionTaxAmount", ""),
            currency=_text(transaction, "CurrencyCode"),
            goods=goods,
            tenders=tuple(tenders),
        )


# --- leaves -------------------------------------------------------------------------------------------------------


def _file_number(transaction: PosTransaction) -> int:
    return (transaction.sequence - 1) // FILE_TRANSACTIONS + 1


def _document(transactions: Iterable[bytes]) -> bytes:
    head = f'<?xml version="1.0" encoding="utf-8"?>\n<POSLog xmlns="{NAMESPACE}" MajorVersion="2" MinorVersion="2">\n'
    return head.encode() + b"".join(transactions) + b"</POSLog>\n"


def _xml(transaction: PosTransaction, store: Store) -> bytes:
    """One Transaction element; its namespace is the document's."""
    element = _transaction(transaction, store)
    ET.indent(element, " ")
    return ET.tostring(element, encoding="utf-8") + b"\n"


def _transaction(transaction: PosTransaction, store: Store) -> ET.Element:
    receipt = transaction.receipt
    zone = ZoneInfo(store.timezone)
    began = datetime.fromtimestamp(receipt.issued_ns // NS_PER_S, zone)
    ended = datetime.fromtimestamp(transaction.ended_ns // NS_PER_S, zone)
    element = ET.Element("Transaction")
    for name, text in (
        ("RetailStoreID", store.store_id),
        ("WorkstationID", "openaisle"),
        ("SequenceNumber", str(transaction.sequence)),
        ("BusinessDayDate", ended.date().isoformat()),
        ("BeginDateTime", began.isoformat()),
        ("EndDateTime", ended.isoformat()),
        ("OperatorID", "openaisle"),
        ("CurrencyCode", receipt.currency),
    ):
        _add(element, name, text)
    retail = ET.SubElement(element, "RetailTransaction")
    _add(retail, "ReceiptNumber", receipt.receipt_id)
    money = _Money(store.currency_digits)
    if transaction.returned_minor:
        _add_return(retail, transaction, money)
    else:
        _add_sale(retail, transaction, store, money)
    return element


class _Money:
    def __init__(self, digits: int) -> None:
        self._digits = digits

    def __call__(self, minor: int) -> str:
        return text_from_minor(minor, self._digits)


def _add_sale(retail: ET.Element, transaction: PosTransaction, store: Store, money: _Money) -> None:
    receipt = transaction.receipt
    number = 0
    for number, line in enumerate(receipt.lines, start=1):
        item = _line_item(retail, number)
        sale = ET.SubElement(item, "Sale", {"ItemType": "Stock"})
        _add_goods(sale, line, store, money)
    _add_tenders(retail, transaction, number, money)
    _add_total(retail, "TransactionNetAmount", money(receipt.total_minor - receipt.tax_minor))
    _add_total(retail, "TransactionTaxAmount", money(receipt.tax_minor))
    _add_total(retail, "TransactionGrandAmount", money(receipt.total_minor))


def _add_return(retail: ET.Element, transaction: PosTransaction, money: _Money) -> None:
    """Money that went back for a sale: no goods come back into stock by it."""
    item = _line_item(retail, 1)
    returned = ET.SubElement(item, "Return", {"ItemType": "Stock"})
    _add(returned, "Description", "refund")
    _add(returned, "ExtendedAmount", money(transaction.returned_minor))
    _add(returned, "Quantity", "1")
    link = ET.SubElement(returned, "TransactionLink", {"ReasonCode": "Return"})
    _add(link, "ReceiptNumber", transaction.receipt.receipt_id)
    _add_tenders(retail, transaction, 1, money)
    _add_total(retail, "TransactionGrandAmount", f"-{money(transaction.returned_minor)}")


def _add_goods(sale: ET.Element, line: ReceiptLine, store: Store, money: _Money) -> None:
    for kind, item_id in (("SKU", line.product_id), ("GTIN", line.gtin)):
        if item_id:
            identity = ET.SubElement(sale, "POSIdentity", {"POSIDType": kind})
            _add(identity, "POSItemID", item_id)
    _add(sale, "Description", line.name)
    _add(sale, "RegularSalesUnitPrice", money(line.unit_price_minor))
    _add(sale, "ActualSalesUnitPrice", money(line.unit_price_minor))
    _add(sale, "ExtendedAmount", money(line.total_minor))
    if line.discount_minor:
        _add(sale, "ExtendedDiscountAmount", money(line.discount_minor))
    quantity = _add(sale, "Quantity", str(line.quantity))
    quantity.set("Units", str(line.quantity))
    for number, name in enumerate(line.promotions, start=1):
        modifier = ET.SubElement(sale, "RetailPriceModifier", {"MethodCode": "Promotion"})
        _add(modifier, "SequenceNumber", str(number))
        if number == 1:
            _add(modifier, "Amount", money(line.discount_minor)).set("Action", "Subtract")
        _add(modifier, "PromotionID", name)
    tax = ET.SubElement(sale, "Tax", {"TaxType": "VAT" if store.prices_include_tax else "Sales"})
    _add(tax, "TaxRuleID", line.tax_class)
    _add(tax, "Amount", money(line.tax_minor))
    _add(tax, "Percent", f"{store.tax_rates[line.tax_class] * 100:g}")


def _add_tenders(retail: ET.Element, transaction: PosTransaction, after: int, money: _Money) -> None:
    for number, tender in enumerate(transaction.tenders, start=after + 1):
        kind = "Refund" if transaction.returned_minor else "Sale"
        item = _line_item(retail, number)
        element = ET.SubElement(item, "Tender", {"TenderType": TENDER_TYPES[tender.kind], "TypeCode": kind})
        _add(element, "Amount", money(tender.amount_minor))
        if tender.reference:
            authorization = ET.SubElement(element, "Authorization")
            _add(authorization, "ReferenceNumber", tender.reference)


def _line_item(retail: ET.Element, number: int) -> ET.Element:
    item = ET.SubElement(retail, "LineItem")
    _add(item, "SequenceNumber", str(number))
    return item


def _add_total(retail: ET.Element, kind: str, text: str) -> None:
    _add(retail, "Total", text).set("TotalType", kind)


def _add(parent: ET.Element, name: str, text: str) -> ET.Element:
    element = ET.SubElement(parent, name)
    element.text = text
    return element


def _name(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def _text(element: ET.Element, path: str) -> str:
    found = element.find("/".join(_name(part) for part in path.split("/")))
    return (found.text or "") if found is not None else ""
