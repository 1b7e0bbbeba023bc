"""The process of the pages: what core and vision say, in a browser."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import threading
from collections.abc import Iterator
from typing import Final

import uvicorn

from openaisle.central.accounts import Role
from openaisle.core.messages import decode
from openaisle.edge.bus import Inlet
from openaisle.edge.counter import ShopCounter
from openaisle.edge.settings import LOOPBACK
from openaisle.edge.wire import CLIP, MESSAGE, PREVIEW, STATUS, decode_preview, decode_status
from openaisle.edge.worker import Context
from openaisle.web.app import build_app
from openaisle.web.desk import Desk
from openaisle.web.floor import FloorBook
from openaisle.web.view import ShopView

MESSAGES_MAX: Final = 2048
POLL_S: Final = 0.1
FLOOR: Final = "floor"  # folder of told days


def run(context: Context) -> None:
    view = ShopView(context.settings.store(), is_simulated=context.settings.is_simulated)
    inlet = Inlet(context.pages_socket, MESSAGES_MAX)
    counter = ShopCounter(context)
    floor = FloorBook(
        view.store,
        context.settings.state_folder / FLOOR,
        secrets.randbelow,
        is_simulated=context.settings.is_simulated,
    )
    threading.Thread(
        target=_feed, args=(context, view, counter.desk, floor, inlet), name="feed", daemon=True
    ).start()
    if context.settings.is_simulated and not context.restarts:
        _introduce_staff(context, counter.desk)
    config = uvicorn.Config(
        build_app(view, counter.desk, floor),
        log_config=None,
        log_level="error",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
        ssl_certfile=context.settings.edge.pages_certificate,
        ssl_keyfile=context.settings.edge.pages_key,
    )
    asyncio.run(_serve(context, _Server(config)))
    counter.close()
    floor.close()


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # The supervisor ends this process; uvicorn must not take the signals for itself.


async def _serve(context: Context, server: _Server) -> None:
    assert context.listener is not None
    serving = asyncio.create_task(server.serve(sockets=[context.listener]))
    while not server.started and not serving.done():
        await asyncio.sleep(0.01)
    context.ready()
    while not context.is_stopping and not serving.done():
        context.beat()
        await asyncio.sleep(POLL_S)
    server.should_exit = server.force_exit = True
    await serving


def _introduce_staff(context: Context, desk: Desk) -> None:
    """Whoever runs a demo is its manager: an account nobody can sign in to but by this link."""
    account = desk.accounts.sign_up(
        "manager@demo.invalid", "Demo", secrets.token_hex(16), desk.now_ns(), Role.MANAGER
    )
    link = desk.accounts.open_session(account.account_id, "link", desk.now_ns())
    address = f"http://{LOOPBACK}:{context.settings.port}"
    context.line(f"go shopping: {address}/shopper   staff and review: {address}/sign-in/{link}  (good once)")


def _feed(context: Context, view: ShopView, desk: Desk, floor: FloorBook, inlet: Inlet) -> None:
    while not context.is_stopping:
        for kind, payload in inlet.take(0.2):
            if kind == MESSAGE:
                message = decode(payload)
                view.accept(message)
                desk.accept(message)
                floor.accept(message)
            elif kind == CLIP:
                desk.keep_clip(payload)
            elif kind == PREVIEW:
                detections, jpeg = decode_preview(payload)
                view.accept_preview(
                    detections.camera_id, detections.captured_ns, jpeg or None, detections.keypoints_image_px
                )
            elif kind == STATUS:
                view.accept_status(decode_status(payload))
