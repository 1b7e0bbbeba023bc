"""Of simulated shops only: how a simulated shopper comes by a person's phone."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from openaisle.adapters.entry_codes import PEOPLE_MAX
from openaisle.web.desk import Desk
from openaisle.web.sign_in import Body


class Carrier(Body):
    people_count: int = Field(ge=1, le=PEOPLE_MAX)


class Carried(BaseModel):
    code: str | None


def demo_router(desk: Desk) -> APIRouter:
    """Asked by the simulator when somebody of its own comes to the gate."""
    assert desk.is_simulated
    router = APIRouter(tags=["demo"])

    @router.post("/api/demo/phones")
    def take(body: Carrier) -> Carried:
        """The code that a waiting phone shows now; none where no phone waits."""
        return Carried(code=desk.phones.take(body.people_count))

    return router
