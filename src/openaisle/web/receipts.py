"""Receipts as a page, a PDF and JSON; disputes; and finding a receipt without an account."""

from __future__ import annotations

import threading
from collections import OrderedDict
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field, model_validator

from openaisle.central.accounts import Account
from openaisle.central.cases import AUTOMATIC, Case
from openaisle.central.entry import HOLD, Visit
from openaisle.central.receipts import KeptReceipt
from openaisle.core.units import NS_PER_S
from openaisle.web.auth import READERS, Auth, Patience
from openaisle.web.desk import Desk
from openaisle.web.pages import Pages
from openaisle.web.receipt_pdf import receipt_pdf
from openaisle.web.shopper import NOT_THERE, REFUSED, SHOPPERS
from openaisle.web.sign_in import TOO_MANY, Body
from openaisle.web.words import language_of

FOUND: Final = "openaisle_found"
FOUND_NS: Final = 3_600 * NS_PER_S
FOUND_MAX: Final = 5_000
LOOK_UPS_MAX: Final = 10
LOOK_UPS_WITHIN_NS: Final = 600 * NS_PER_S


class LineOut(BaseModel):
    product_id: str
    gtin: str
    name: str
    quantity: int
    unit_price_minor: int
    total_minor: int
    discount_minor: int = Field(description="Taken off already: total is quantity times price, less this.")
    promotions: list[str] = Field(description="Names of what was taken off.")
    tax_class: str
    tax_minor: int
    probability: float = Field(description="Of the least certain evidence; 0 where none is kept.")
    evidence: list[dict[str, Any]]


class TaxOut(BaseModel):
    tax_class: str
    rate: float
    tax_minor: int


class CaseOut(BaseModel):
    """A question for a person, as whoever asked it sees it."""

    case_id: str
    kind: str
    state: str
    product_id: str
    quantity: int
    missing: str
    reason: str
    amount_minor: int
    is_automatic: bool


class ReceiptOut(BaseModel):
    receipt_id: str
    number: int
    visit_id: str
    store_id: str
    issued_ns: int
    currency: str
    currency_digits: int
    prices_include_tax: bool
    lines: list[LineOut]
    taxes: list[TaxOut]
    total_minor: int
    discount_minor: int
    tax_minor: int
    state: str
    refunded_minor: int
    owed_minor: int = Field(description="Not paid and not waived.")
    reason: str
    in_review: int
    cases: list[CaseOut]


class DisputeIn(Body):
    """A line and how many of it, or what is missing; never both."""

    product_id: str = ""
    quantity: int = Field(0, ge=0, le=10_000)
    missing: str = Field("", max_length=120)
    note: str = Field("", max_length=500)


class LookUpIn(Body):
    """The day, and of the card that paid its last four digits and its expiry, or the receipt's number and total."""

    day: date = Field(ge=date(2000, 1, 1), le=date(2199, 12, 31))
    last4: str = Field("", pattern="^([0-9]{4})?$")
    expires: str = Field("", pattern="^(20[0-9]{2}-[0-9]{2})?$")
    number: int = Field(0, ge=0, le=10**12)
    total_minor: int = Field(0, ge=0, le=10**12)

    @model_validator(mode="after")
    def _is_one_of_both(self) -> LookUpIn:
        if bool(self.number) == bool(self.last4) or bool(self.last4) != bool(self.expires):
            raise ValueError("expected last4 and expires, or number and total_minor")
        return self


class FoundOut(BaseModel):
    visit_id: str
    number: int
    total_minor: int


class Found:
    """Which receipts a browser without an account has found, for an hour. In memory, bounded."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: OrderedDict[str, tuple[int, frozenset[str]]] = OrderedDict()

    def remember(self, visit_ids: frozenset[str], now_ns: int) -> str:
        secret = uuid4().hex
        with self._lock:
            self._found[secret] = now_ns + FOUND_NS, visit_ids
            while len(self._found) > FOUND_MAX:
                self._found.popitem(last=False)
        return secret

    def has(self, secret: str, visit_id: str, now_ns: int) -> bool:
        with self._lock:
            until_ns, visit_ids = self._found.get(secret, (0, frozenset()))
        return now_ns < until_ns and visit_id in visit_ids


def receipts_router(desk: Desk, auth: Auth, pages: Pages) -> APIRouter:
    router = APIRouter(tags=["receipts"])
    shoppers = auth.needs(SHOPPERS)
    found = Found()
    patience = Patience(LOOK_UPS_MAX, LOOK_UPS_WITHIN_NS, desk.now_ns)

    def kept_for(request: Request, visit_id: str, *, is_read: bool = True) -> KeptReceipt:
        """The receipt, for whoever may see it: its shopper, staff, who found it, and of a drawn shopper anybody."""
        kept = desk.receipts.of_visit(visit_id)
        if kept is not None:
            account = auth.account(request)
            is_theirs = account is not None and (
                account.account_id == kept.account_id or (is_read and account.role in READERS)
            )
            is_found = found.has(request.cookies.get(FOUND, ""), visit_id, desk.now_ns())
            is_drawn = desk.is_simulated and _is_drawn(desk.entry.visit(visit_id))
            if is_theirs or is_found or is_drawn:
                return kept
        raise HTTPException(404, "no such receipt, or not yours")

    @router.get("/receipts/{visit_id}.pdf", response_class=Response, responses=NOT_THERE)
    def pdf(visit_id: str, request: Request) -> Response:
        kept = kept_for(request, visit_id)
        return Response(
            receipt_pdf(desk.store, kept, language_of(request)),
            media_type="application/pdf",
            headers={"Content-Disposition": f'inline; filename="receipt-{kept.number}.pdf"'},
        )

    @router.get("/receipts/{visit_id}", response_class=HTMLResponse, responses=NOT_THERE)
    def page(visit_id: str, request: Request) -> Response:
        kept = kept_for(request, visit_id)
        shown = receipt_out(desk, kept)
        return pages.render(request, "receipt.html", receipt=shown, account=auth.account(request))

    @router.get("/api/v1/receipts/{visit_id}", responses=NOT_THERE)
    def receipt(visit_id: str, request: Request) -> ReceiptOut:
        return receipt_out(desk, kept_for(request, visit_id))

    @router.post("/api/v1/receipts/{visit_id}/disputes", status_code=201, responses=NOT_THERE)
    def dispute(visit_id: str, body: DisputeIn, request: Request) -> CaseOut:
        """Where the evidence of the line is weak, its money is on its way back when this answers."""
        return case_out(desk.dispute(kept_for(request, visit_id, is_read=False), **body.model_dump()))

    @router.post("/api/v1/receipts/{visit_id}/payments", status_code=202, responses={**NOT_THERE, **REFUSED})
    def pay(visit_id: str, account: Account = shoppers) -> dict[str, str]:
        """Pay a debt with the card of this account."""
        kept = desk.receipts.of_visit(visit_id)
        if kept is None or kept.account_id != account.account_id or kept.state not in ("draft", "unpaid"):
            raise HTTPException(404, "no such receipt of yours waits for its money")
        desk.pay_again(kept, account)
        return {"visit_id": visit_id}

    @router.get("/look-up", response_class=HTMLResponse)
    def look_up_page(request: Request) -> Response:
        return pages.render(request, "look_up.html")

    @router.post("/api/v1/look-ups", responses=TOO_MANY)
    def look_up(body: LookUpIn, request: Request, response: Response) -> list[FoundOut]:
        """Receipts of a day by the card or by number and total; this browser may open them for an hour."""
        patience.try_once(request.client.host if request.client else "")
        begins = datetime(body.day.year, body.day.month, body.day.day, tzinfo=pages.timezone)
        from_ns = round(begins.timestamp()) * NS_PER_S
        to_ns = round((begins + timedelta(days=1)).timestamp()) * NS_PER_S
        if body.number:
            kept = desk.receipts.by_number(body.number, body.total_minor, from_ns, to_ns)
        else:
            kept = desk.receipts.look_up(body.last4, body.expires, from_ns, to_ns)
        if kept:
            secret = found.remember(frozenset(one.receipt.visit_id for one in kept), desk.now_ns())
            response.set_cookie(
                FOUND,
                secret,
                max_age=FOUND_NS // NS_PER_S,
                httponly=True,
                samesite="strict",
                secure=request.url.scheme == "https",
            )
        return [
            FoundOut(visit_id=one.receipt.visit_id, number=one.number, total_minor=one.receipt.total_minor)
            for one in kept
        ]

    return router


def _is_drawn(visit: Visit | None) -> bool:
    """Whether a simulated shop's visit is a simulated shopper's: no phone of a person, no counter, opened it."""
    return visit is None or visit.method.startswith(HOLD)


def receipt_out(desk: Desk, kept: KeptReceipt) -> ReceiptOut:
    receipt, store = kept.receipt, desk.store
    return ReceiptOut(
        receipt_id=receipt.receipt_id,
        number=kept.number,
        visit_id=receipt.visit_id,
        store_id=receipt.store_id,
        issued_ns=receipt.issued_ns,
        currency=receipt.currency,
        currency_digits=store.currency_digits,
        prices_include_tax=receipt.prices_include_tax,
        lines=[
            LineOut(
                product_id=line.product_id,
                gtin=line.gtin,
                name=line.name,
                quantity=line.quantity,
                unit_price_minor=line.unit_price_minor,
                total_minor=line.total_minor,
                discount_minor=line.discount_minor,
                promotions=list(line.promotions),
                tax_class=line.tax_class,
                tax_minor=line.tax_minor,
                probability=kept.weakest(line),
                evidence=[kept.evidence[one] for one in line.evidence if one in kept.evidence],
            )
            for line in receipt.lines
        ],
        taxes=[
            TaxOut(
                tax_class=tax_class,
                rate=store.tax_rates[tax_class],
                tax_minor=sum(line.tax_minor for line in receipt.lines if line.tax_class == tax_class),
            )
            for tax_class in sorted({line.tax_class for line in receipt.lines})
        ],
        total_minor=receipt.total_minor,
        discount_minor=sum(line.discount_minor for line in receipt.lines),
        tax_minor=receipt.tax_minor,
        state=kept.state,
        refunded_minor=kept.refunded_minor,
        owed_minor=kept.owed_minor,
        reason=kept.reason,
        in_review=len(receipt.review_ids),
        cases=[
            case_out(case) for case in desk.cases.of_receipt(receipt.receipt_id) if case.kind == "dispute"
        ],
    )


def case_out(case: Case) -> CaseOut:
    names = ("case_id", "kind", "state", "product_id", "quantity", "missing", "reason", "amount_minor")
    return CaseOut(**{name: getattr(case, name) for name in names}, is_automatic=case.decided_by == AUTOMATIC)
