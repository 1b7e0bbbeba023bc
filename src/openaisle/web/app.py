"""The shop's pages as a FastAPI application: one live board, receipts, health, metrics.

Everything a page shows is also JSON under /api. `/api/stream` is Server-Sent Events (WHATWG HTML, 9.2): one event a
changed part, newest state only, so a slow browser never holds anything back.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from openaisle.core.messages import JOINTS
from openaisle.store.money import text_from_minor
from openaisle.web.metrics import ViewMetrics
from openaisle.web.view import ShopView

HERE: Final = Path(__file__).parent
STREAM_PERIOD_S: Final = 0.1  # the page's share of the latency budget: 50 ms on average
KEEP_ALIVE_S: Final = 15.0

SECURITY_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob:; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def build_app(view: ShopView) -> FastAPI:
    """The application over one view. It reads; it changes nothing."""
    app = FastAPI(title="OpenAisle", docs_url=None, redoc_url=None, openapi_url="/api/openapi.json")
    pages = Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=select_autoescape(), undefined=StrictUndefined
    )
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
    store = view.store

    def money(minor: int) -> str:
        return f"{text_from_minor(minor, store.currency_digits)} {store.currency}"

    @app.middleware("http")
    async def secure(request: Request, call_next: Any) -> Response:
        response: Response = await call_next(request)
        for name, value in SECURITY_HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    @app.get("/", response_class=HTMLResponse)
    def live() -> str:
        page = pages.get_template("live.html")
        return page.render(store=store, is_simulated=view.is_simulated, cameras=store.cameras)

    @app.get("/receipts/{receipt_id}", response_class=HTMLResponse)
    def receipt_page(receipt_id: str) -> str:
        receipt = view.receipt(receipt_id)
        if receipt is None:
            raise HTTPException(404, f"no receipt {receipt_id!r} is held by this page")
        page = pages.get_template("receipt.html")
        return page.render(store=store, receipt=receipt, money=money, is_simulated=view.is_simulated)

    @app.get("/api/store")
    def store_plan() -> dict[str, Any]:
        return _plan_of(view)

    @app.get("/api/parts/{name}")
    def part(name: str) -> Any:
        if name not in view.PARTS:
            raise HTTPException(404, f"no part {name!r}; there are {', '.join(view.PARTS)}")
        return view.part(name)

    @app.get("/api/stream")
    def stream(request: Request) -> StreamingResponse:
        return StreamingResponse(_events(view, request), media_type="text/event-stream")

    @app.get("/api/cameras/{camera_id}.jpg")
    def picture(camera_id: str) -> Response:
        jpeg = view.jpeg(camera_id)
        if jpeg is None:
            raise HTTPException(404, "no picture: a real shop shows skeletons only")
        return Response(jpeg, media_type="image/jpeg")

    @app.get("/healthz")
    def healthz() -> dict[str, Any]:
        faults = view.part("health")
        return {"is_well": not faults, "faults": faults}

    registry = CollectorRegistry()
    registry.register(ViewMetrics(view))

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return app


async def _events(view: ShopView, request: Request) -> AsyncIterator[str]:
    seen = dict.fromkeys(view.PARTS, -1)
    quiet_s = 0.0
    while not await request.is_disconnected():
        changed = [part for part in view.PARTS if view.versions[part] != seen[part]]
        for part in changed:
            seen[part] = view.versions[part]
            yield f"event: {part}\ndata: {json.dumps(view.part(part), separators=(',', ':'))}\n\n"
        quiet_s = 0.0 if changed else quiet_s + STREAM_PERIOD_S
        if quiet_s >= KEEP_ALIVE_S:
            quiet_s = 0.0
            yield ": still here\n\n"
        await asyncio.sleep(STREAM_PERIOD_S)


def _plan_of(view: ShopView) -> dict[str, Any]:
    store = view.store
    return {
        "store_id": store.store_id,
        "name": store.name,
        "currency": store.currency,
        "currency_digits": store.currency_digits,
        "is_simulated": view.is_simulated,
        "joints": JOINTS,
        "plan_m": store.plan_floor_m,
        "walls_m": store.walls_floor_m,
        "gates": [
            {
                "gate_id": gate.gate_id,
                "kind": gate.kind,
                "left_m": gate.left_floor_m,
                "right_m": gate.right_floor_m,
            }
            for gate in store.gates
        ],
        "gondolas": [
            {"gondola_id": gondola.gondola_id, "corners_m": gondola.footprint_floor_m.tolist()}
            for gondola in store.gondolas
        ],
        "cameras": [
            {
                "camera_id": camera.camera_id,
                "position_m": camera.position_floor_m,
                "pan_deg": camera.pan_deg,
                "width_px": camera.lens.width_px,
                "height_px": camera.lens.height_px,
            }
            for camera in store.cameras
        ],
    }
