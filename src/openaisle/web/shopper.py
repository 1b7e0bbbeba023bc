"""The shopper's page, their codes, and their cart as it fills."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, Final

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, Field

from openaisle.adapters.entry_codes import PEOPLE_MAX, code_as_svg
from openaisle.central.accounts import Account, Method, Role
from openaisle.central.entry import Offer
from openaisle.central.live import LiveVisits
from openaisle.central.vouchers import plan_id
from openaisle.core.units import NS_PER_MS
from openaisle.web.auth import ANYBODY, READERS, STAFF, Auth
from openaisle.web.board import EVENT_STREAM, KEEP_ALIVE_S
from openaisle.web.desk import Desk
from openaisle.web.pages import HERE, Pages
from openaisle.web.sign_in import Body
from openaisle.web.words import language_of

REFUSED: Final[dict[int | str, dict[str, Any]]] = {403: {"description": "Refused, with its reason."}}
NOT_THERE: Final[dict[int | str, dict[str, Any]]] = {404: {"description": "Not there, or not yours."}}
SHOPPERS: Final = STAFF | {Role.SHOPPER}


class MethodIn(Body):
    """A token that the payment provider's own form gave, and what may be shown of it."""

    processor: str = Field("stripe", pattern="^[a-z]{2,16}$")
    token: str
    brand: str = Field("card", pattern="^[A-Za-z ]{1,24}$")
    last4: str
    expires: str


class MethodOut(BaseModel):
    method_id: str
    brand: str
    last4: str
    expires: str
    is_expired: bool


class ProgrammeOut(BaseModel):
    """A loyalty programme of this shop."""

    programme: str
    is_member: bool


class MembershipIn(Body):
    programme: str = Field(max_length=64)
    is_member: bool


class MailIn(Body):
    is_wanted: bool


class Me(BaseModel):
    account_id: str
    name: str
    role: Role
    wants_mail: bool | None = Field(description="Receipts by mail; null where the shop sends none.")
    plan_minor: int | None = Field(description="What is left of a meal plan; null: none.")
    methods: list[MethodOut]
    programmes: list[ProgrammeOut]
    visit_id: str | None = Field(description="The visit that is going on.")
    receipts: list[dict[str, Any]]


class CodeIn(Body):
    people_count: int = Field(1, ge=1, le=PEOPLE_MAX)
    is_carried: bool = Field(False, description="Simulated shops: let the next simulated shopper show it.")


class CodeOut(BaseModel):
    visit_id: str
    code: str
    svg: str
    lasts_ms: int


class CartLineOut(BaseModel):
    product_id: str
    name: str
    quantity: int
    price_minor: int
    total_minor: int
    is_checking: bool
    age_limit: int
    scans: list[str] = Field(description="Which of its units were scanned, each by its interaction.")


class OfferOut(BaseModel):
    """A promotion that applies to a cart, or would with a little more."""

    promotion_id: str
    name: str
    applies: bool
    saves_minor: int
    missing_units: int
    missing_minor: int


class CartOut(BaseModel):
    """A visit as it now stands."""

    visit_id: str
    stage: str = Field(description="offered, inside, leaving or over")
    people_count: int
    is_staff: bool
    lines: list[CartLineOut]
    offers: list[OfferOut]
    discount_minor: int
    total_minor: int = Field(description="Less what offers take off.")
    changed_ns: int
    receipt_id: str
    payment: dict[str, Any] | None
    scanned_shelves: list[str] = Field(description="Whose goods have to be scanned.")
    version: int


def code_out(offer: Offer) -> CodeOut:
    return CodeOut(
        visit_id=offer.visit_id,
        code=offer.code,
        svg=code_as_svg(offer.code),
        lasts_ms=(offer.expires_ns - offer.issued_ns) // NS_PER_MS,
    )


def shopper_router(desk: Desk, auth: Auth, pages: Pages) -> APIRouter:
    router = APIRouter(tags=["shopper"])
    anybody = auth.needs(ANYBODY)
    shoppers = auth.needs(SHOPPERS)

    @router.get("/shopper", response_class=HTMLResponse)
    def page(request: Request) -> Response:
        account = auth.account(request)
        if account is None:
            return pages.render(request, "sign_in.html")
        return pages.render(request, "shopper.html", account=account)

    @router.get("/shopper/manifest.webmanifest", response_class=Response)
    def manifest() -> Response:
        text = json.dumps(_manifest(pages.store.name), ensure_ascii=False)
        return Response(text, media_type="application/manifest+json")

    @router.get("/shopper/worker.js", response_class=FileResponse)
    def worker() -> FileResponse:
        headers = {"Service-Worker-Allowed": "/"}  # It reaches /shopper, one folder above its own.
        return FileResponse(HERE / "static" / "worker.js", media_type="text/javascript", headers=headers)

    def programmes_of(account: Account) -> list[ProgrammeOut]:
        joined = desk.accounts.memberships(account.account_id)
        return [ProgrammeOut(programme=each, is_member=each in joined) for each in desk.programmes]

    @router.get("/api/v1/me")
    def me(account: Account = anybody) -> Me:
        now_ns = desk.now_ns()
        account = desk.accounts.get(account.account_id) or account  # As it is now.
        going_on = [visit for visit in desk.entry.visits_of(account.account_id, 5) if not visit.closed_ns]
        return Me(
            account_id=account.account_id,
            name=account.name,
            role=account.role,
            wants_mail=bool(account.mail_language) if desk.has_mail else None,
            plan_minor=plan.left_minor if (plan := desk.vouchers.get(plan_id(account.account_id))) else None,
            methods=[_method_out(method, now_ns) for method in desk.accounts.methods(account.account_id)],
            programmes=programmes_of(account),
            visit_id=going_on[0].visit_id if going_on else None,
            receipts=[
                {
                    "visit_id": kept.receipt.visit_id,
                    "number": kept.number,
                    "total_minor": kept.receipt.total_minor,
                    "state": kept.state,
                    "when": pages.when(kept.receipt.issued_ns),
                }
                for kept in desk.receipts.of_account(account.account_id, 20)
            ],
        )

    @router.post("/api/v1/me/methods", status_code=201)
    def add_method(body: MethodIn, account: Account = shoppers) -> MethodOut:
        now_ns = desk.now_ns()
        return _method_out(desk.accounts.add_method(account.account_id, now_ns, **body.model_dump()), now_ns)

    @router.post("/api/v1/me/programmes", responses=NOT_THERE)
    def set_membership(body: MembershipIn, account: Account = shoppers) -> list[ProgrammeOut]:
        """Join a loyalty programme of this shop, or leave it."""
        if body.programme not in desk.programmes:
            raise HTTPException(404, "no such programme in this shop")
        desk.accounts.set_membership(account.account_id, body.programme, is_member=body.is_member)
        return programmes_of(account)

    @router.put("/api/v1/me/mail", status_code=204, responses=NOT_THERE)
    def set_mail(body: MailIn, request: Request, account: Account = shoppers) -> None:
        """Receipts by mail as well, in the language of this page; or no more."""
        if not desk.has_mail:
            raise HTTPException(404, "this shop sends no mail")
        desk.accounts.set_mail(account.account_id, language_of(request) if body.is_wanted else "")

    @router.post("/api/v1/me/codes", responses=REFUSED)
    def code(body: CodeIn, account: Account = shoppers) -> CodeOut:
        """A fresh code; while nobody has opened its visit, of the same visit."""
        account = desk.accounts.get(account.account_id) or account  # Blocked a moment ago is blocked.
        offer = desk.entry.offer(account, body.people_count, desk.now_ns())
        if desk.is_simulated and body.is_carried:
            desk.phones.wait(offer.visit_id, offer.code, body.people_count)
        else:
            desk.phones.leave(offer.visit_id)
        return code_out(offer)

    def check_visit(visit_id: str, account: Account) -> None:
        if account.role in READERS:
            return
        if desk.entry.owner(visit_id) != account.account_id:
            raise HTTPException(404, "no such visit of yours")

    @router.get("/api/v1/visits/{visit_id}/cart", responses=NOT_THERE, response_model=CartOut)
    async def cart(visit_id: str, account: Account = anybody) -> JSONResponse:
        check_visit(visit_id, account)
        return JSONResponse(desk.live.state(visit_id))

    @router.get("/api/v1/visits/{visit_id}/live", responses=NOT_THERE, response_class=StreamingResponse)
    async def live(visit_id: str, request: Request, account: Account = anybody) -> StreamingResponse:
        """The same as Server-Sent Events: its newest state at once and at every change."""
        check_visit(visit_id, account)
        return StreamingResponse(_states(desk.live, visit_id, request), media_type=EVENT_STREAM)

    return router


async def _states(live: LiveVisits, visit_id: str, request: Request) -> AsyncIterator[str]:
    listener = live.listen(visit_id, asyncio.get_running_loop())
    if listener is None:
        yield "retry: 5000\n\n"  # Too many phones: it comes back by itself.
        return
    try:
        sent = -1
        while not await request.is_disconnected():
            listener.changed.clear()
            state = live.state(visit_id)
            if state["version"] != sent:
                sent = state["version"]
                yield f"data: {json.dumps(state, separators=(',', ':'))}\n\n"
            try:
                await asyncio.wait_for(listener.changed.wait(), KEEP_ALIVE_S)
            except TimeoutError:
                yield ": still here\n\n"
    finally:
        live.leave(visit_id, listener)


def _method_out(method: Method, now_ns: int) -> MethodOut:
    return MethodOut(
        method_id=method.method_id,
        brand=method.brand,
        last4=method.last4,
        expires=method.expires,
        is_expired=method.is_expired(now_ns),
    )


def _manifest(name: str) -> dict[str, Any]:
    """W3C Web Application Manifest: what makes the page installable."""
    return {
        "name": name,
        "short_name": name[:12],
        "id": "/shopper",
        "start_url": "/shopper",
        "scope": "/",
        "display": "standalone",
        "background_color": "#f2f5f3",
        "theme_color": "#0d5c4a",
        "icons": [
            {"src": "/static/mark.svg", "sizes": "any", "type": "image/svg+xml", "purpose": "any"},
            {
                "src": "/static/mark-192.png",
                "sizes": "192x192",
                "type": "image/png",
                "purpose": "any maskable",
            },
            {
                "src": "/static/mark-512.png",
                "sizes": "512x512",
                "type": "image/png",
                "purpose": "any maskable",
            },
        ],
    }
