"""What other systems ask for: receipts in order, refunds, blocked accounts, webhooks. With a key, or as a manager."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, Field

from openaisle.central.accounts import Account
from openaisle.core.errors import InputError
from openaisle.web.auth import MACHINES, MANAGERS, Auth
from openaisle.web.desk import Desk
from openaisle.web.pages import Pages
from openaisle.web.receipts import ReceiptOut, receipt_out
from openaisle.web.shopper import NOT_THERE
from openaisle.web.sign_in import Body

PAGE_MAX = 100


class RefundIn(Body):
    amount_minor: int = Field(ge=1, le=10**12)
    reason: str = Field(max_length=80)
    key: str = Field(
        min_length=8, max_length=64, description="Of the wish: sent again, it is the same refund."
    )


class BlockIn(Body):
    is_blocked: bool


class EndpointIn(Body):
    url: str


class EndpointOut(BaseModel):
    endpoint_id: str
    url: str
    secret: str = Field(description="Told once, here.")


def api_router(desk: Desk, auth: Auth, _: Pages) -> APIRouter:
    router = APIRouter(tags=["integration"])
    managers = auth.needs(MANAGERS)

    @router.get("/api/v1/receipts", dependencies=[auth.needs(MACHINES)])
    def receipts(
        before_number: int | None = Query(None, ge=1, le=2**53), count: int = Query(20, ge=1, le=PAGE_MAX)
    ) -> list[ReceiptOut]:
        """Newest first; the next page begins before the last number of this one."""
        return [receipt_out(desk, kept) for kept in desk.receipts.newest(count, before_number)]

    @router.post(
        "/api/v1/receipts/{visit_id}/refunds",
        status_code=202,
        responses=NOT_THERE,
        dependencies=[auth.needs(MACHINES)],
    )
    def refund(visit_id: str, body: RefundIn) -> dict[str, str]:
        """Asked of the ledger; `receipt.changed` says when the money has gone back."""
        kept = desk.receipts.of_visit(visit_id)
        if kept is None:
            raise HTTPException(404, "no such receipt")
        left_minor = kept.receipt.total_minor - kept.refunded_minor
        if body.amount_minor > left_minor:
            raise InputError(
                "more than is left",
                field="amount_minor",
                expected=f"at most {left_minor}",
                found=body.amount_minor,
            )
        desk.books.refund(kept.receipt.receipt_id, body.amount_minor, body.reason, body.key)
        return {"key": body.key}

    @router.put("/api/v1/accounts/{account_id}/block", status_code=204, dependencies=[auth.needs(MANAGERS)])
    def block(account_id: str, body: BlockIn) -> None:
        """Let an account in no more, or again."""
        desk.accounts.block(account_id, is_blocked=body.is_blocked)
        auth.forget(account_id)

    @router.get("/api/v1/webhooks", dependencies=[auth.needs(MACHINES)])
    def endpoints() -> list[dict[str, Any]]:
        return desk.webhooks.endpoints()

    @router.post("/api/v1/webhooks", status_code=201, dependencies=[auth.needs(MACHINES)])
    def add_endpoint(body: EndpointIn) -> EndpointOut:
        """Events are signed as in Standard Webhooks 1.0 and tried again for three days."""
        return EndpointOut(**desk.webhooks.add_endpoint(body.url, desk.now_ns()))

    @router.delete(
        "/api/v1/webhooks/{endpoint_id}",
        status_code=204,
        responses=NOT_THERE,
        dependencies=[auth.needs(MACHINES)],
    )
    def remove_endpoint(endpoint_id: str) -> None:
        if not desk.webhooks.remove_endpoint(endpoint_id):
            raise HTTPException(404, "no such endpoint")

    @router.get("/api/v1/deliveries", dependencies=[auth.needs(MACHINES)])
    def deliveries() -> list[dict[str, Any]]:
        """The newest deliveries and how they went."""
        return desk.webhooks.deliveries()

    @router.delete("/api/v1/accounts/{account_id}", status_code=204, dependencies=[auth.needs(MANAGERS)])
    def erase(account_id: str, manager: Account = managers) -> None:
        """Forget a person. Receipts stay, and name nobody."""
        if account_id == manager.account_id:
            raise InputError("a manager does not erase themselves", field="account_id", found=account_id)
        desk.accounts.erase(account_id)
        auth.forget(account_id)

    return router
