"""The staff's page: carts, alerts, corrections, cash, and letting in whoever has no phone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, Final, Literal
from uuid import uuid4

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse
from pydantic import BaseModel, Field

from openaisle.adapters.entry_codes import PEOPLE_MAX
from openaisle.central.accounts import Account
from openaisle.central.entry import EXIT
from openaisle.central.receipts import KeptReceipt
from openaisle.central.vouchers import METHOD
from openaisle.core.errors import InputError
from openaisle.web.auth import READERS, STAFF, Auth
from openaisle.web.board import EVENT_STREAM, KEEP_ALIVE_S
from openaisle.web.desk import Desk
from openaisle.web.pages import Pages
from openaisle.web.scanning import ShelfOut, shelf_out
from openaisle.web.shopper import NOT_THERE, REFUSED, CartOut, CodeOut, code_out
from openaisle.web.sign_in import LEADS_ON, Body, page_for

PERIOD_S: Final = 0.25


class AlertOut(BaseModel):
    alert_id: str
    kind: str = Field(description="age, unbound, misplaced, low_stock or unknown_charge")
    raised_ns: int
    visit_id: str = ""
    name: str = ""
    place: str = ""
    quantity: int = 0
    age_limit: int = 0


class OwedOut(BaseModel):
    """A receipt that is not paid."""

    visit_id: str
    number: int
    owed_minor: int
    state: str


class DeskOut(BaseModel):
    """What staff see."""

    owed: list[OwedOut]
    has_reader: bool
    carts: list[CartOut]
    alerts: list[AlertOut]
    shelves: list[ShelfOut] = Field(description="In trouble, or scanned.")
    rates: dict[str, float | int]


class DoneIn(Body):
    alert_id: str


class CorrectionIn(Body):
    """Goods that staff put into an open cart or take out of it."""

    product_id: str
    quantity: int = Field(ge=-100, le=100, description="Above zero: put in; below: take out.")
    price_minor: int = Field(0, ge=0, le=10_000_000, description="Of one unit; 0: the store's price.")


class VoucherIn(Body):
    amount_minor: int


class VoucherOut(BaseModel):
    voucher_id: str
    paid_minor: int
    left_minor: int


class LetInIn(Body):
    """Somebody without a phone: who has paid in cash, or pays at the exit."""

    pays: Literal["voucher", "exit"]
    voucher_id: str = ""
    people_count: int = Field(1, ge=1, le=PEOPLE_MAX)


class ProductOut(BaseModel):
    product_id: str
    name: str
    gtin: str
    price_minor: int


def staff_router(desk: Desk, auth: Auth, pages: Pages) -> APIRouter:
    router = APIRouter(tags=["staff"])
    readers = auth.needs(READERS)
    staff = auth.needs(STAFF)

    @router.get("/staff", response_class=HTMLResponse, responses=LEADS_ON)
    def page(request: Request) -> Response:
        return page_for(STAFF, request, auth, pages, "staff.html")

    @router.get("/api/v1/desk")
    def whole(_: Account = readers) -> DeskOut:
        return _desk_out(desk)

    @router.get("/api/v1/desk/live", response_class=StreamingResponse, dependencies=[auth.needs(STAFF)])
    def live(request: Request) -> StreamingResponse:
        """The same as Server-Sent Events, at every change."""
        return StreamingResponse(_changes(desk, request), media_type=EVENT_STREAM)

    @router.get("/api/v1/products")
    def products(_: Account = readers) -> list[ProductOut]:
        return [
            ProductOut(
                product_id=product.product_id,
                name=product.name,
                gtin=product.gtin,
                price_minor=product.price_minor,
            )
            for product in desk.store.products.values()
        ]

    @router.post("/api/v1/alerts/done", status_code=204, responses=NOT_THERE)
    def done(body: DoneIn, account: Account = staff) -> None:
        if not desk.alerts.done(body.alert_id, account.account_id):
            raise HTTPException(404, "no such alert")

    @router.post("/api/v1/visits/{visit_id}/corrections", status_code=202, responses=NOT_THERE)
    def correct(visit_id: str, body: CorrectionIn, account: Account = staff) -> dict[str, str]:
        """Weighed and reduced goods, and what the path got wrong. The cart follows as soon as the ledger has it."""
        if desk.live.state(visit_id)["stage"] not in ("inside", "leaving"):
            raise HTTPException(404, "no such visit is going on")
        if body.product_id not in desk.store.products:
            raise InputError("no such product", field="product_id", found=body.product_id)
        if body.quantity == 0:
            raise InputError("moves nothing", field="quantity", expected="above or below zero")
        key = uuid4().hex
        desk.books.correct(
            visit_id, body.product_id, body.quantity, body.price_minor, account.account_id, key
        )
        return {"key": key}

    @router.post("/api/v1/vouchers", status_code=201)
    def sell(body: VoucherIn, account: Account = staff) -> VoucherOut:
        """Cash was taken in."""
        voucher = desk.vouchers.sell(body.amount_minor, account.account_id, desk.now_ns())
        desk.books.load_voucher(voucher.voucher_id, voucher.paid_minor, voucher.voucher_id)
        return VoucherOut(
            voucher_id=voucher.voucher_id, paid_minor=voucher.paid_minor, left_minor=voucher.left_minor
        )

    def owing(visit_id: str) -> KeptReceipt:
        kept = desk.receipts.of_visit(visit_id)
        if kept is None or kept.state not in ("draft", "unpaid"):
            raise HTTPException(404, "no such receipt waits for its money")
        return kept

    @router.post("/api/v1/receipts/{visit_id}/cash", status_code=202, responses=NOT_THERE)
    def take_cash(visit_id: str, account: Account = staff) -> dict[str, str]:
        """All that is owed was paid in cash."""
        desk.take_cash(owing(visit_id), account.account_id)
        return {"visit_id": visit_id}

    @router.post("/api/v1/receipts/{visit_id}/card", status_code=202, responses=NOT_THERE)
    def take_card(visit_id: str, _: Account = staff) -> dict[str, str]:
        """The counter's card reader asks for what is owed."""
        if not desk.has_reader:
            raise HTTPException(404, "no card reader at the counter")
        desk.take_card(owing(visit_id))
        return {"visit_id": visit_id}

    @router.post("/api/v1/visits", status_code=201, responses={**NOT_THERE, **REFUSED})
    def let_in(body: LetInIn, _: Account = staff) -> CodeOut:
        """A code for the counter's screen."""
        method = EXIT
        if body.pays == "voucher":
            if desk.vouchers.get(body.voucher_id) is None:
                raise HTTPException(404, "no such voucher")
            method = METHOD + body.voucher_id
        return code_out(desk.entry.offer_without_phone(method, body.people_count, desk.now_ns()))

    @router.post("/api/v1/visits/{visit_id}/codes", responses=REFUSED)
    def again(visit_id: str, _: Account = staff) -> CodeOut:
        """A fresh code for somebody who has not gone in yet."""
        return code_out(desk.entry.again(visit_id, desk.now_ns()))

    return router


def _desk_out(desk: Desk) -> DeskOut:
    return DeskOut(
        owed=[
            OwedOut(
                visit_id=kept.receipt.visit_id,
                number=kept.number,
                owed_minor=kept.owed_minor,
                state=kept.state,
            )
            for kept in desk.receipts.not_paid()
        ],
        has_reader=desk.has_reader,
        carts=[CartOut(**state) for state in desk.live.carts()],
        alerts=[
            AlertOut(**{k: v for k, v in alert.items() if k != "done_by"}) for alert in desk.alerts.newest()
        ],
        shelves=[shelf_out(state) for state in desk.shelves.states() if state.is_scanned or state.trouble],
        rates=desk.cases.rates(),
    )


async def _changes(desk: Desk, request: Request) -> AsyncIterator[str]:
    """A few people look at this page at once: asking four times a second costs less than telling everybody."""
    sent: Any = None
    quiet_s = 0.0
    while not await request.is_disconnected():
        whole = (await asyncio.to_thread(_desk_out, desk)).model_dump()
        quiet_s += PERIOD_S
        if whole != sent:
            sent, quiet_s = whole, 0.0
            yield f"data: {json.dumps(whole, separators=(',', ':'))}\n\n"
        elif quiet_s >= KEEP_ALIVE_S:
            quiet_s = 0.0
            yield ": still here\n\n"
        await asyncio.sleep(PERIOD_S)
