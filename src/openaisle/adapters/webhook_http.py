"""Webhooks of a payment processor over HTTP: taken when what they say is kept, refused when they are not genuine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from openaisle.core.errors import PortUnavailable, ReadingError

BODY_BYTES_MAX: Final = 256 * 1024


def webhook_route(path: str, take: Callable[[bytes, Mapping[str, str]], None]) -> Route:
    """`POST path`: 200 when `take` returned, 400 for ReadingError, 503 (come again) for PortUnavailable."""

    async def notify(request: Request) -> Response:
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > BODY_BYTES_MAX:
                return PlainTextResponse("too long", 413)
        try:
            await run_in_threadpool(take, body, dict(request.headers))
        except ReadingError as error:
            return PlainTextResponse(str(error), 400)
        except PortUnavailable as error:
            return PlainTextResponse(str(error), 503)
        return PlainTextResponse("[accepted]")  # Adyen wants this word, the others any.

    return Route(path, notify, methods=["POST"])
