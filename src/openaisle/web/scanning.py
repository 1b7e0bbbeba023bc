"""Scan-to-confirm: staff switch a shelf that cannot be trusted, shoppers scan what they take from it."""

from __future__ import annotations

from typing import Final
from uuid import uuid4

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field

from openaisle.carts.scanned import scan_id
from openaisle.central.accounts import Account
from openaisle.central.shelves import ShelfState
from openaisle.core.errors import InputError
from openaisle.store.schema import Product
from openaisle.web.auth import READERS, STAFF, Auth
from openaisle.web.desk import Desk
from openaisle.web.pages import Pages
from openaisle.web.shopper import NOT_THERE, SHOPPERS
from openaisle.web.sign_in import Body

GOING_ON: Final = ("inside", "leaving")


class ShelfOut(BaseModel):
    """A shelf, and whether its plates can be trusted."""

    shelf_id: str
    is_scanned: bool
    trouble: str = Field(description="bad_plates, doubt, or nothing")
    sure: float | None = Field(description="Mean probability of its newest interactions; null: too few.")


class ShelfIn(Body):
    is_scanned: bool


class ScanIn(Body):
    code: str = Field(min_length=1, max_length=64, description="A GTIN as scanned, or a product's id.")


class ScanOut(BaseModel):
    """One unit in the cart, or on its way there."""

    interaction_id: str
    product_id: str
    name: str


def shelf_out(state: ShelfState) -> ShelfOut:
    return ShelfOut(
        shelf_id=state.shelf_id, is_scanned=state.is_scanned, trouble=state.trouble, sure=state.sure
    )


def scanning_router(desk: Desk, auth: Auth, pages: Pages) -> APIRouter:
    router = APIRouter(tags=["scanning"])
    readers = auth.needs(READERS)
    staff = auth.needs(STAFF)
    shoppers = auth.needs(SHOPPERS)

    @router.get("/api/v1/shelves")
    def shelves(_: Account = readers) -> list[ShelfOut]:
        return [shelf_out(state) for state in desk.shelves.states()]

    @router.put("/api/v1/shelves/{shelf_id}", status_code=202, responses=NOT_THERE)
    def switch(shelf_id: str, body: ShelfIn, account: Account = staff) -> dict[str, str]:
        """Have what leaves a shelf scanned, or trust its plates again. The rest of the shop goes on."""
        if shelf_id not in desk.store.shelves:
            raise HTTPException(404, "no such shelf")
        key = uuid4().hex
        desk.books.switch_shelf(shelf_id, account.account_id, key, is_scanned=body.is_scanned)
        return {"key": key}

    def check_shopping(visit_id: str, account: Account) -> None:
        if desk.entry.owner(visit_id) != account.account_id:
            raise HTTPException(404, "no such visit of yours")
        if desk.live.state(visit_id)["stage"] not in GOING_ON:
            raise HTTPException(404, "this visit is not going on")

    @router.post("/api/v1/visits/{visit_id}/scans", status_code=202, responses=NOT_THERE)
    def scan(visit_id: str, body: ScanIn, account: Account = shoppers) -> ScanOut:
        """One unit from a shelf that is scanned goes into the cart, as soon as the ledger has it."""
        check_shopping(visit_id, account)
        product = _product(desk, body.code)
        if desk.shelves.scanned_shelf_of(product.product_id) is None:
            raise InputError("goes into the cart by itself: its shelf is not scanned", field="code")
        interaction_id = scan_id(visit_id, uuid4().hex[:12])
        desk.books.scan(interaction_id, visit_id, product.product_id, is_undone=False)
        return ScanOut(interaction_id=interaction_id, product_id=product.product_id, name=product.name)

    @router.delete("/api/v1/visits/{visit_id}/scans/{interaction_id}", status_code=202, responses=NOT_THERE)
    def undo(visit_id: str, interaction_id: str, account: Account = shoppers) -> ScanOut:
        """What was scanned goes back to its shelf."""
        check_shopping(visit_id, account)
        for line in desk.live.state(visit_id)["lines"]:
            if interaction_id in line["scans"]:
                desk.books.scan(interaction_id, visit_id, line["product_id"], is_undone=True)
                return ScanOut(
                    interaction_id=interaction_id, product_id=line["product_id"], name=line["name"]
                )
        raise HTTPException(404, "nothing of this cart was scanned so")

    return router


def _product(desk: Desk, code: str) -> Product:
    """By its GTIN, however many zeros a scanner puts before it, or by its id."""
    wanted = code.strip()
    if wanted in desk.store.products:
        return desk.store.products[wanted]
    digits = wanted.lstrip("0")
    for product in desk.store.products.values():
        if digits and product.gtin.lstrip("0") == digits:
            return product
    raise InputError("no product of this shop", field="code", found=wanted)
