"""What all pages share: templates, words in the reader's language, money, and headers that keep them to themselves."""

from __future__ import annotations

from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any, Final

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from openaisle.core.units import NS_PER_S
from openaisle.receipts.receipt import timezone_of
from openaisle.store.schema import Store
from openaisle.web.words import COOKIE, LANGUAGES, direction, language_of, money, words

HERE: Final = Path(__file__).parent
A_YEAR_S: Final = 365 * 24 * 3_600

SECURITY_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob:; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Pages:
    """Renders the templates of one shop."""

    def __init__(self, store: Store, *, is_simulated: bool) -> None:
        self.store = store
        self.is_simulated = is_simulated
        self.timezone: tzinfo = timezone_of(store.timezone)
        self._templates = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=select_autoescape(),
            undefined=StrictUndefined,
        )

    def render(self, request: Request, template: str, **values: Any) -> HTMLResponse:
        """A page in the reader's language. A choice by `?lang=` is remembered."""
        language = language_of(request)
        said = words(language)
        answer = HTMLResponse(
            self._templates.get_template(template).render(
                store=self.store,
                is_simulated=self.is_simulated,
                language=language,
                direction=direction(language),
                languages={name: words(name)["language"] for name in LANGUAGES},
                words=dict(said),
                t=lambda name, **filled: said[name].format(**filled),
                # Isolated, so that a line from the right keeps digits and code in order.
                money=lambda minor: f"\u2066{money(self.store, minor)}\u2069",
                when=self.when,
                **values,
            )
        )
        if request.query_params.get("lang") in LANGUAGES:
            answer.set_cookie(COOKIE, language, max_age=A_YEAR_S, samesite="lax")
        return answer

    def when(self, at_ns: int, form: str = "%Y-%m-%d %H:%M") -> str:
        """A moment on the shop's own clock."""
        return format(datetime.fromtimestamp(at_ns // NS_PER_S, self.timezone), form)


class SecurityHeaders:
    """Adds SECURITY_HEADERS to every answer that does not say otherwise. Streams pass through untouched."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)
