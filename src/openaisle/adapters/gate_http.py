"""Codes presented over HTTP: `POST /gates/<gate_id>/codes` with `{"code": "..."}`.

200 `{"admitted": true, "visit_id": ...}`, 403 `{"admitted": false, "reason": ..., "message": ...}`, 400 for a body
that is no presented code, 404 for a gate that lets nobody in.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from openaisle.adapters.gate_mqtt import CODE_BYTES_MAX, Presented
from openaisle.adapters.gatekeeper import Gatekeeper
from openaisle.core.errors import EntryRefused, ReadingError
from openaisle.core.messages import GateId

CONNECTIONS_MAX = 64


def gate_app(
    gatekeeper: Gatekeeper,
    on_refused: Callable[[GateId, str], None] | None = None,
    others: Sequence[Route] = (),
) -> Starlette:
    """The application: one route, and `others` that share the port."""

    async def present(request: Request) -> Response:
        gate_id = request.path_params["gate_id"]
        body = await _body(request)
        try:
            code = msgspec.json.decode(body, type=Presented).code
        except ValueError as error:
            return _answer(400, "malformed", f'expected {{"code": "..."}}: {error}')
        try:
            tap = await run_in_threadpool(gatekeeper.admit, gate_id, code)
        except EntryRefused as error:
            if on_refused is not None:
                on_refused(gate_id, error.reason)
            return _answer(403, error.reason, str(error))
        except ReadingError as error:
            return _answer(404, "no_entry", str(error))
        return JSONResponse({"admitted": True, "visit_id": tap.visit_id})

    async def health(_: Request) -> Response:
        return JSONResponse({"ok": True})

    return Starlette(
        routes=[
            Route("/gates/{gate_id}/codes", present, methods=["POST"]),
            Route("/healthz", health),
            *others,
        ]
    )


class GateServer:
    """The application on a socket of ours, in a thread of this process."""

    def __init__(self, app: Starlette, listener: socket.socket) -> None:
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            limit_concurrency=CONNECTIONS_MAX,
            ws="none",
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listener]}, name="gates", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=1.0)


async def _body(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > CODE_BYTES_MAX:
            return b""
    return body


def _answer(status: int, reason: str, message: str) -> Response:
    return JSONResponse({"admitted": False, "reason": reason, "message": message}, status_code=status)
