"""The simulated processor as a real HTTP server, and the sender of its webhooks.

A call whose answer gets lost is done, or not, and then the connection is cut: a client sees exactly what it would see
of a processor that timed out.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx

from openaisle.sim import processor_adyen, processor_square, processor_stripe
from openaisle.sim.processor import ConnectionLost, Notice, Processor, Reply

BODY_BYTES_MAX = 1 << 20
AGAIN_S = 60


class Dialect(Protocol):
    """The words of one processor: a module of this package."""

    def answer(
        self,
        processor: Processor,
        method: str,
        path: str,
        query: str,
        headers: Mapping[str, str],
        body: bytes,
    ) -> Reply: ...

    def webhook(self, notice: Notice, secret: str, now_ns: int) -> tuple[bytes, dict[str, str]]: ...


STRIPE: Dialect = processor_stripe
ADYEN: Dialect = processor_adyen
SQUARE: Dialect = processor_square


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away in the middle is no fault of ours."""


class ProcessorServer:
    """Listens on loopback from construction to `close`."""

    def __init__(
        self,
        processor: Processor,
        now_ns: Callable[[], int],
        *,
        dialect: Dialect = STRIPE,
        port: int = 0,
        webhook_url: str = "",
        webhook_secret: str = "",
    ) -> None:
        self.lock = threading.Lock()
        self._processor, self._now_ns, self._dialect = processor, now_ns, dialect
        self._webhook_url, self._webhook_secret = webhook_url, webhook_secret
        self._server = _Server(("127.0.0.1", port), self._handler())
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="processor", daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def push_webhooks(self) -> int:
        """Send the notifications that are due; how many were taken. What was not taken comes again a minute later."""
        with self.lock:
            due = self._processor.take_notices()
        taken = 0
        for notice in due:
            body, headers = self._dialect.webhook(notice, self._webhook_secret, self._now_ns())
            try:
                response = httpx.post(self._webhook_url, content=body, headers=headers, timeout=5.0)
                is_taken = response.is_success
            except httpx.HTTPError:
                is_taken = False
            taken += is_taken
            if not is_taken:
                with self.lock:
                    self._processor.notify_again(notice, AGAIN_S)
        return taken

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = BODY_BYTES_MAX  # Head and body leave together: apart, each answer waits 40 ms.

            def _handle(self) -> None:
                length = min(int(self.headers.get("Content-Length") or 0), BODY_BYTES_MAX)
                body = self.rfile.read(length)
                if len(body) < length:
                    self.close_connection = True  # The caller died while it spoke: that was no request.
                    return
                headers = {name.lower(): value for name, value in self.headers.items()}
                url = urlsplit(self.path)
                try:
                    with server.lock:
                        reply = server._dialect.answer(
                            server._processor, self.command, url.path, url.query, headers, body
                        )
                except ConnectionLost:
                    self.close_connection = True
                    self.connection.close()
                    return
                self.send_response(reply.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)
                self.wfile.flush()

            do_GET = do_POST = _handle

            def log_message(self, format: str, *args: Any) -> None:
                pass

        return Handler
