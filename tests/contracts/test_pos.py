"""What every point-of-sale system promises, and that POSLog files are what POSLog files must be."""

from collections.abc import Callable, Sequence
from dataclasses import replace as replaced
from pathlib import Path
from typing import Protocol
from xml.etree import ElementTree as ET

import msgspec
import pytest
from tests.unit.carts.small_store import small_store

from openaisle.adapters.event_log_memory import MemoryEventLog
from openaisle.adapters.pos_export import PosExport
from openaisle.adapters.pos_poslog import FILE_TRANSACTIONS, NAMESPACE, PosLogFiles, poslog, read_poslog
from openaisle.core.errors import PortUnavailable
from openaisle.core.messages import PaymentMethod, ProcessorSaid, Receipt, ReceiptLine, encode
from openaisle.core.units import NS_PER_S
from openaisle.ports import Pos, PosTender, PosTransaction
from openaisle.receipts.book import to_log
from openaisle.receipts.payment import Payments

NOW = 1_780_300_800 * NS_PER_S
STORE = small_store()
CARD = PaymentMethod(kind="card", payer_id="ana", token="pm_1")


def receipt(visit_id: str = "v1") -> Receipt:
    line = ReceiptLine(
        product_id="cola",
        gtin="4006381333931",
        name="Cola & <Ice> 0.33 l",
        quantity=3,
        unit_price_minor=150,
        total_minor=300,
        tax_class="drinks",
        tax_minor=48,
        discount_minor=150,
        promotions=("3 for 2",),
    )
    bread = ReceiptLine(
        product_id="bread",
        gtin="",
        name="Rye bread",
        quantity=1,
        unit_price_minor=299,
        total_minor=299,
        tax_class="food",
        tax_minor=20,
    )
    return Receipt(
        receipt_id=f"small/{visit_id}",
        visit_id=visit_id,
        store_id="small",
        issued_ns=NOW,
        lines=(line, bread),
        total_minor=599,
        tax_minor=68,
        currency="EUR",
    )


def sale(sequence: int = 1) -> PosTransaction:
    return PosTransaction(
        sequence=sequence,
        receipt=receipt(f"v{sequence}"),
        tenders=(PosTender(kind="card", amount_minor=599, reference="oa-1"),),
        ended_ns=NOW,
    )


def a_return(sequence: int) -> PosTransaction:
    back = PosTender(kind="card", amount_minor=150)
    return replaced(sale(sequence), tenders=(back,), returned_minor=150)


class There(Protocol):
    """A system and what has arrived in it."""

    @property
    def port(self) -> Pos: ...

    def sequences(self) -> list[int]: ...


class MemoryPos:
    """The `Pos` port without anybody behind it."""

    def __init__(self, _: Path) -> None:
        self.transactions: dict[int, PosTransaction] = {}
        self.is_down = False

    def export(self, transactions: Sequence[PosTransaction]) -> None:
        if self.is_down:
            raise PortUnavailable("down")
        self.transactions |= {each.sequence: each for each in transactions}

    def close(self) -> None:
        pass

    @property
    def port(self) -> Pos:
        return self

    def sequences(self) -> list[int]:
        return sorted(self.transactions)


class Files:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = PosLogFiles(folder, STORE)

    def sequences(self) -> list[int]:
        files = sorted(self.folder.glob("poslog-*.xml"))
        return [record.sequence for file in files for record in read_poslog(file.read_bytes())]


SYSTEMS: dict[str, Callable[[Path], There]] = {"memory": MemoryPos, "poslog": Files}


@pytest.fixture(params=SYSTEMS)
def there(request: pytest.FixtureRequest, tmp_path: Path) -> There:
    return SYSTEMS[request.param](tmp_path)


def test_what_is_exported_is_there(there: There) -> None:
    there.port.export([sale(1), sale(2)])
    there.port.export([a_return(3)])
    assert there.sequences() == [1, 2, 3]


def test_the_same_again_changes_nothing(there: There) -> None:
    there.port.export([sale(1), sale(2)])
    there.port.export([sale(2)])
    assert there.sequences() == [1, 2]


def test_an_export_that_starts_anew_says_everything_again_and_it_is_there_once(
    there: There, tmp_path: Path
) -> None:
    log, payments = MemoryEventLog(), Payments()
    export = PosExport(log, there.port)
    for number in range(3):
        log.append([encode(each) for each in to_log(payments.settle(receipt(f"v{number}"), CARD, NOW))])
        (charge, _), *_ = payments.charges(f"small/v{number}")
        said = ProcessorSaid(key=charge.key, outcome="charged", amount_minor=599, reference="pi", said_ns=NOW)
        log.append([encode(each) for each in to_log(payments.heard(said, NOW))])
        assert export.step() == 1
    assert export.step() == 0
    log.append([encode(each) for each in to_log(payments.refund("small/v1", 150, "wrong", "d", NOW))])
    (refund, _), *_ = payments.refunds("small/v1")
    said = ProcessorSaid(key=refund.key, outcome="refunded", amount_minor=150, reference="re", said_ns=NOW)
    log.append([encode(each) for each in to_log(payments.heard(said, NOW))])
    assert PosExport(log, there.port).step() == 4
    assert there.sequences() == [1, 2, 3, 4]


def test_what_could_not_be_exported_is_exported_later(tmp_path: Path) -> None:
    log, payments, there = MemoryEventLog(), Payments(), MemoryPos(tmp_path)
    nothing = msgspec.structs.replace(receipt(), lines=(), total_minor=0)
    log.append([encode(each) for each in to_log(payments.settle(nothing, None, NOW))])
    export = PosExport(log, there)
    there.is_down = True
    with pytest.raises(PortUnavailable):
        export.step()
    there.is_down = False
    assert export.step() == 1
    assert there.sequences() == [1]


# POSLog


def test_files_are_whole_and_the_same_however_they_came_about(tmp_path: Path) -> None:
    transactions = [sale(number) for number in range(1, FILE_TRANSACTIONS + 4)]
    PosLogFiles(tmp_path / "at once", STORE).export(transactions)
    one_by_one = PosLogFiles(tmp_path / "one by one", STORE)
    for transaction in transactions:
        one_by_one.export([transaction])
    again = PosLogFiles(tmp_path / "one by one", STORE)
    again.export(transactions)
    for name in ("poslog-000001.xml", "poslog-000002.xml"):
        assert (tmp_path / "at once" / name).read_bytes() == (tmp_path / "one by one" / name).read_bytes()
    assert len(list((tmp_path / "one by one").iterdir())) == 2


STRUCTURE = {
    "POSLog": ("Transaction*",),
    "Transaction": (
        "RetailStoreID",
        "WorkstationID",
        "SequenceNumber",
        "BusinessDayDate",
        "BeginDateTime",
        "EndDateTime",
        "OperatorID",
        "CurrencyCode",
        "RetailTransaction",
    ),
    "RetailTransaction": ("ReceiptNumber", "LineItem*", "Total*"),
    "LineItem": ("SequenceNumber", "Sale|Return|Tender"),
    "Sale": (
        "POSIdentity*",
        "Description",
        "RegularSalesUnitPrice",
        "ActualSalesUnitPrice",
        "ExtendedAmount",
        "ExtendedDiscountAmount?",
        "Quantity",
        "RetailPriceModifier*",
        "Tax",
    ),
    "Return": ("Description", "ExtendedAmount", "Quantity", "TransactionLink"),
    "POSIdentity": ("POSItemID",),
    "RetailPriceModifier": ("SequenceNumber", "Amount?", "PromotionID"),
    "Tax": ("TaxRuleID", "Amount", "Percent"),
    "Tender": ("Amount", "Authorization?"),
    "Authorization": ("ReferenceNumber",),
    "TransactionLink": ("ReceiptNumber",),
}
"""Children of each element, in order, as POSLog 2.2.1 has them where we use it."""
MONEY = {
    "RegularSalesUnitPrice",
    "ActualSalesUnitPrice",
    "ExtendedAmount",
    "ExtendedDiscountAmount",
    "Amount",
    "Total",
}


def test_a_poslog_has_the_standards_structure() -> None:
    root = ET.fromstring(poslog([sale(1), a_return(2)], STORE))
    assert root.tag == f"{{{NAMESPACE}}}POSLog"
    for element in root.iter():
        name = element.tag.removeprefix(f"{{{NAMESPACE}}}")
        found = [child.tag.removeprefix(f"{{{NAMESPACE}}}") for child in element]
        if name not in STRUCTURE:
            assert not found, name
            assert element.text, name
            if name in MONEY:
                float(element.text)
            continue
        for wanted in STRUCTURE[name]:
            choices = wanted.rstrip("*?").split("|")
            taken = 0
            while found and found[0] in choices and (wanted.endswith("*") or not taken):
                taken += 1
                found.pop(0)
            assert taken or wanted.endswith(("*", "?")), f"{name} lacks {wanted}"
        assert not found, f"{name} has {found}"


def test_a_poslog_says_what_the_receipt_says() -> None:
    sold, returned = read_poslog(poslog([sale(1), a_return(2)], STORE))
    assert sold.goods == (("cola", 3, "3.00"), ("bread", 1, "2.99"))
    assert (sold.total, sold.tax, sold.tenders, sold.is_return) == ("5.99", "0.68", ("5.99",), False)
    assert (returned.total, returned.receipt_id, returned.is_return) == ("-1.50", "small/v2", True)
