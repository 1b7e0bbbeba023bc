"""The floor's page: heat, dwell and ways of days that are over, each told once and with noise (analytics/day.py).

A told day is a small JSON file; nothing else of the floor is ever kept. A simulated shop has nobody to protect: its
running day can be seen as it is.
"""

from __future__ import annotations

import os
import threading
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, Response

from openaisle.analytics.areas import areas_of
from openaisle.analytics.day import EPSILON, VISITS_MIN, FloorDay, FloorMessage, happened_ns
from openaisle.analytics.draw import draw_report
from openaisle.analytics.noise import Below
from openaisle.analytics.report import FloorReport
from openaisle.core.messages import AnyMessage
from openaisle.core.units import NS_PER_S
from openaisle.receipts.receipt import timezone_of
from openaisle.store.schema import Store
from openaisle.web.pages import Pages

DAYS_MAX: Final = 400
"""Told days that are kept; at the bound the oldest is removed."""
RUNNING: Final = "running"


class FloorBook:
    """The running day and those that were told. Written by one thread, read by others."""

    def __init__(self, store: Store, folder: Path, below: Below, *, is_simulated: bool) -> None:
        self._store = store
        self._folder = folder
        self._below = below
        self._is_simulated = is_simulated
        self._timezone = timezone_of(store.timezone)
        self._lock = threading.Lock()
        self._day: FloorDay | None = None

    def accept(self, message: AnyMessage) -> None:
        """Take in one message of the path. The first of a new day tells the one before."""
        if isinstance(message, FloorMessage):
            with self._lock:
                self._turn_to(happened_ns(message)).accept(message)

    def close(self) -> None:
        """The shop closes: tell its day. What comes later on that day is not told of."""
        with self._lock:
            if self._day is not None:
                self._keep(self._day.tell(self._below))
                self._day = None

    def days(self) -> list[str]:
        """Told days, newest first."""
        return sorted((path.stem for path in self._folder.glob("*.json")), reverse=True)

    def report(self, day: str) -> FloorReport | None:
        """A told day; of a simulated shop also the `running` one, as it is."""
        if day == RUNNING:
            with self._lock:
                return self._day.exact() if self._is_simulated and self._day else None
        try:
            path = self._folder / f"{date.fromisoformat(day).isoformat()}.json"
            return msgspec.json.decode(path.read_bytes(), type=FloorReport)
        except (ValueError, FileNotFoundError):
            return None

    def _turn_to(self, at_ns: int) -> FloorDay:
        day = datetime.fromtimestamp(at_ns // NS_PER_S, self._timezone).date().isoformat()
        if self._day is None or day > self._day.day:
            if self._day is not None:
                self._keep(self._day.tell(self._below))
            self._day = FloorDay(self._store, day)
        return self._day

    def _keep(self, report: FloorReport) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{report.day}.json"
        if path.exists():
            return  # Told before a restart: telling more of the same day would give away more.
        part = path.with_suffix(".part")
        part.write_bytes(msgspec.json.encode(report))
        os.replace(part, path)
        for old in self.days()[DAYS_MAX:]:
            (self._folder / f"{old}.json").unlink()


def floor_router(book: FloorBook, pages: Pages, dependencies: list[Any]) -> APIRouter:
    """The pages read; they change nothing. `dependencies` say who may look."""
    router = APIRouter(dependencies=dependencies, tags=["floor"])
    not_there: dict[int | str, dict[str, Any]] = {404: {"description": "No such day was told."}}

    def found(day: str) -> FloorReport:
        report = book.report(day)
        if report is None:
            raise HTTPException(404, f"nothing was told of the day {day!r}")
        return report

    @router.get("/floor", response_class=HTMLResponse)
    def page(request: Request, day: str = "") -> Response:
        days = book.days()
        shown = day or (RUNNING if pages.is_simulated else next(iter(days), ""))
        report = book.report(shown)
        return pages.render(
            request,
            "floor.html",
            days=[*([RUNNING] if pages.is_simulated else []), *days],
            day=shown,
            report=report,
            epsilon=float(EPSILON),
            visits_min=VISITS_MIN,
            names={area.area_id: area.name for area in areas_of(pages.store)},
        )

    @router.get("/api/floor/days")
    def days() -> list[str]:
        return book.days()

    @router.get("/api/floor/days/{day}", responses=not_there)
    def one(day: str) -> Response:
        return Response(msgspec.json.encode(found(day)), media_type="application/json")

    @router.get("/floor/{day}.svg", response_class=Response, responses=not_there)
    def drawn(day: str) -> Response:
        return Response(draw_report(pages.store, found(day)).svg(), media_type="image/svg+xml")

    return router
