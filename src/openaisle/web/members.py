"""Badges and meal plans: what staff hand out to accounts."""

from __future__ import annotations

from uuid import uuid4

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field

from openaisle.central.accounts import Account
from openaisle.web.auth import STAFF, Auth
from openaisle.web.desk import Desk
from openaisle.web.pages import Pages
from openaisle.web.shopper import NOT_THERE
from openaisle.web.sign_in import Body


class BadgeIn(Body):
    email: str = Field(max_length=254)
    number: str = Field(max_length=64, description="As its reader types it; nothing: takes the badge away.")


class PlanIn(Body):
    email: str = Field(max_length=254)
    amount_minor: int


class PlanOut(BaseModel):
    email: str
    left_minor: int


def members_router(desk: Desk, auth: Auth, pages: Pages) -> APIRouter:
    router = APIRouter(tags=["members"])
    staff = auth.needs(STAFF)

    def account_of(email: str) -> Account:
        account = desk.accounts.find(email)
        if account is None:
            raise HTTPException(404, "no account with this address")
        return account

    @router.put("/api/v1/badges", status_code=204, responses=NOT_THERE)
    def give_badge(body: BadgeIn, _: Account = staff) -> None:
        """From now on this badge lets the account in, at shops that take badges (edge.toml, `[gates]`)."""
        desk.accounts.set_badge(account_of(body.email).account_id, body.number.strip())

    @router.post("/api/v1/plans", status_code=201, responses=NOT_THERE)
    def load_plan(body: PlanIn, by: Account = staff) -> PlanOut:
        """Money was paid in for a meal plan, which pays before any card."""
        account = account_of(body.email)
        plan = desk.load_plan(account, body.amount_minor, by.account_id, uuid4().hex)
        return PlanOut(email=account.email, left_minor=plan.left_minor)

    return router
