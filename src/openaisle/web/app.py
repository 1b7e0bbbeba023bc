"""The shop's pages as one FastAPI application: the live board and, with a counter, what shoppers and staff use.

Its OpenAPI document is at /api/openapi.json. Health and metrics need no account.
"""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from openaisle.core.errors import EntryRefused, InputError
from openaisle.web.api import api_router
from openaisle.web.auth import STAFF, Auth
from openaisle.web.board import board_router
from openaisle.web.demo import demo_router
from openaisle.web.desk import Desk
from openaisle.web.floor import FloorBook, floor_router
from openaisle.web.members import members_router
from openaisle.web.metrics import ViewMetrics
from openaisle.web.pages import HERE, Pages, SecurityHeaders
from openaisle.web.receipts import receipts_router
from openaisle.web.review import review_router
from openaisle.web.scanning import scanning_router
from openaisle.web.shopper import shopper_router
from openaisle.web.sign_in import sign_in_router
from openaisle.web.staff import staff_router
from openaisle.web.view import ShopView

API_VERSION: Final = "1"
NOT_YOU: Final[dict[int | str, dict[str, Any]]] = {
    401: {"description": "Sign in first."},
    403: {"description": "This account may not do that."},
}


def build_app(view: ShopView, desk: Desk | None = None, floor: FloorBook | None = None) -> FastAPI:
    """The application over one view, one counter and the floor's days. Without a counter it only shows the board."""
    app = FastAPI(
        title="OpenAisle", version=API_VERSION, docs_url=None, redoc_url=None, openapi_url="/api/openapi.json"
    )
    app.add_middleware(SecurityHeaders)
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
    pages = Pages(view.store, is_simulated=view.is_simulated)
    auth = Auth(desk) if desk else None
    staff_only = [auth.needs(STAFF)] if auth and not view.is_simulated else []
    app.include_router(board_router(view, pages, staff_only))
    if floor is not None:
        app.include_router(floor_router(floor, pages, staff_only))
    if desk is not None and auth is not None:
        for router in (
            sign_in_router,
            shopper_router,
            receipts_router,
            staff_router,
            scanning_router,
            members_router,
            review_router,
            api_router,
        ):
            app.include_router(router(desk, auth, pages), responses=NOT_YOU)
        if desk.is_simulated:
            app.include_router(demo_router(desk))

    @app.exception_handler(InputError)
    async def wrong_input(_: Request, error: InputError) -> JSONResponse:
        """Said as FastAPI says what its own checks find."""
        said = {"loc": ["body", error.field or ""], "msg": str(error), "type": "input"}
        return JSONResponse({"detail": [said]}, 422)

    @app.exception_handler(EntryRefused)
    async def refused(_: Request, error: EntryRefused) -> JSONResponse:
        return JSONResponse({"detail": str(error), "reason": error.reason}, 403)

    @app.get("/healthz", tags=["board"])
    def healthz() -> dict[str, Any]:
        faults = view.part("health")
        return {"is_well": not faults, "faults": faults}

    registry = CollectorRegistry()
    registry.register(ViewMetrics(view))

    @app.get("/metrics", tags=["board"], response_class=Response)
    def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return app
