"""The live board: floor, carts, cameras, health. For whoever runs the shop; of a simulated shop, for everybody.

Everything the board shows is also JSON under /api. `/api/stream` is Server-Sent Events (WHATWG HTML, 9.2): one event a
changed part, newest state only, so a slow browser never holds anything back.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, Final

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse

from openaisle.core.messages import JOINTS
from openaisle.web.pages import Pages
from openaisle.web.view import ShopView

STREAM_PERIOD_S: Final = 0.1  # the page's share of the latency budget: 50 ms on average
KEEP_ALIVE_S: Final = 15.0
EVENT_STREAM: Final = "text/event-stream"


def board_router(view: ShopView, pages: Pages, dependencies: list[Any]) -> APIRouter:
    """The board reads; it changes nothing. `dependencies` say who may look."""
    router = APIRouter(dependencies=dependencies, tags=["board"])

    @router.get("/", response_class=HTMLResponse)
    def live(request: Request) -> Response:
        return pages.render(request, "live.html", cameras=view.store.cameras)

    @router.get("/api/store")
    def store_plan() -> dict[str, Any]:
        return _plan_of(view)

    @router.get("/api/parts/{name}", responses={404: {"description": "No such part."}})
    def part(name: str) -> Any:
        if name not in view.PARTS:
            raise HTTPException(404, f"no part {name!r}; there are {', '.join(view.PARTS)}")
        return view.part(name)

    @router.get("/api/stream", response_class=StreamingResponse)
    def stream(request: Request) -> StreamingResponse:
        return StreamingResponse(_events(view, request), media_type=EVENT_STREAM)

    @router.get("/api/cameras/{camera_id}.jpg", responses={404: {"description": "No picture."}})
    def picture(camera_id: str) -> Response:
        jpeg = view.jpeg(camera_id)
        if jpeg is None:
            raise HTTPException(404, "no picture: a real shop shows skeletons only")
        return Response(jpeg, media_type="image/jpeg")

    return router


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
