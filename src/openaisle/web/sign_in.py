"""Signing up, in and out: a passphrase for whoever shops, a one-time link for whoever was given one."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel, ConfigDict, Field

from openaisle.central.accounts import Account, Role
from openaisle.core.units import NS_PER_S
from openaisle.web.auth import ANYBODY, STAFF, Auth, Patience
from openaisle.web.desk import Desk
from openaisle.web.pages import Pages

TRIES_MAX: Final = 10
TRIES_WITHIN_NS: Final = 300 * NS_PER_S
SIGN_UPS_MAX: Final = 30
LEADS_ON: Final[dict[int | str, dict[str, Any]]] = {303: {"description": "To signing in."}}
TOO_MANY: Final[dict[int | str, dict[str, Any]]] = {429: {"description": "Too many tries."}}


class Body(BaseModel):
    """What a request brings: nothing but what is asked for."""

    model_config = ConfigDict(extra="forbid", str_max_length=1_000)


class SignUp(Body):
    email: str
    name: str
    passphrase: str


class SignIn(Body):
    email: str
    passphrase: str = Field(max_length=200)


class Signed(BaseModel):
    """Who is signed in."""

    account_id: str
    name: str
    role: Role


def signed(account: Account) -> Signed:
    return Signed(account_id=account.account_id, name=account.name, role=account.role)


def page_for(
    roles: frozenset[Role], request: Request, auth: Auth, pages: Pages, template: str
) -> HTMLResponse | RedirectResponse:
    """A page for accounts of these roles; everybody else is led to signing in."""
    account = auth.account(request)
    if account is None or account.role not in roles:
        return RedirectResponse("/sign-in", 303)
    return pages.render(request, template, account=account)


def sign_in_router(desk: Desk, auth: Auth, pages: Pages) -> APIRouter:
    router = APIRouter(tags=["accounts"])
    patience = Patience(TRIES_MAX, TRIES_WITHIN_NS, desk.now_ns)
    newcomers = Patience(SIGN_UPS_MAX, TRIES_WITHIN_NS, desk.now_ns)

    @router.get("/sign-in", response_class=HTMLResponse)
    def page(request: Request) -> Response:
        return pages.render(request, "sign_in.html")

    @router.get("/sign-in/{secret}", response_class=RedirectResponse, status_code=303, responses=TOO_MANY)
    def by_link(secret: str, request: Request) -> Response:
        """A link that `openaisle accounts` or the demo printed. Good once."""
        patience.try_once(f"link {_address(request)}")
        account = desk.accounts.of_session(secret, "link", desk.now_ns())
        if account is None:
            return RedirectResponse("/sign-in", 303)
        answer = RedirectResponse("/staff" if account.role in STAFF else "/shopper", 303)
        auth.sign_in(answer, account, is_encrypted=request.url.scheme == "https")
        return answer

    @router.post("/api/v1/accounts", status_code=201, responses=TOO_MANY)
    def sign_up(body: SignUp, request: Request, response: Response) -> Signed:
        newcomers.try_once(_address(request))
        account = desk.accounts.sign_up(body.email, body.name, body.passphrase, desk.now_ns())
        auth.sign_in(response, account, is_encrypted=request.url.scheme == "https")
        return signed(account)

    @router.post(
        "/api/v1/sessions",
        responses=TOO_MANY,
    )
    def sign_in(body: SignIn, request: Request, response: Response) -> Signed:
        patience.try_once(f"{_address(request)} {body.email.strip().lower()}")
        account = desk.accounts.sign_in(body.email, body.passphrase)
        if account is None:
            raise HTTPException(401, "e-mail or passphrase is wrong")
        auth.sign_in(response, account, is_encrypted=request.url.scheme == "https")
        return signed(account)

    @router.delete("/api/v1/sessions", status_code=204, dependencies=[auth.needs(ANYBODY)])
    def sign_out(request: Request, response: Response) -> None:
        auth.sign_out(request, response)

    return router


def _address(request: Request) -> str:
    return request.client.host if request.client else ""
