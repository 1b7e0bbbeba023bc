"""The floor's page tells days that are over, once each, and the running day of a simulated shop alone."""

from __future__ import annotations

import random
from pathlib import Path

import httpx
import numpy as np
from fastapi.testclient import TestClient
from tests.unit.analytics.test_floor_day import BEFORE_A, BEFORE_D, START_NS, STEP_NS, STORE

from openaisle.core.messages import FloorTracks, VisitClosed, VisitOpened
from openaisle.core.units import NS_PER_S
from openaisle.web.app import build_app
from openaisle.web.floor import FloorBook
from openaisle.web.view import ShopView

DAY_NS = 24 * 3600 * NS_PER_S


def book_of(folder: Path, *, is_simulated: bool) -> FloorBook:
    return FloorBook(STORE, folder, random.Random(1).randrange, is_simulated=is_simulated)


def client_of(book: FloorBook, *, is_simulated: bool) -> TestClient:
    return TestClient(build_app(ShopView(STORE, is_simulated=is_simulated), floor=book))


def live(book: FloorBook, start_ns: int, visits: int) -> None:
    """A shop's day: all its visits side by side, first before A, then before D."""
    ids = tuple(f"v{number:03}" for number in range(visits))
    for visit_id in ids:
        book.accept(VisitOpened(visit_id=visit_id, gate_id="entry", track_id=visit_id, opened_ns=start_ns))
    for number in range(80):
        place = BEFORE_A if number < 50 else BEFORE_D
        book.accept(
            FloorTracks(
                captured_ns=start_ns + number * STEP_NS,
                decided_ns=start_ns + number * STEP_NS,
                track_ids=ids,
                visit_ids=ids,
                positions_floor_m=np.tile(np.array(place, np.float32), (visits, 1)),
                position_sd_m=np.full(visits, 0.05, np.float32),
                heights_m=np.full(visits, 1.7, np.float32),
                joints_floor_m=np.full((visits, 17, 4), np.nan, np.float32),
            )
        )
    for visit_id in ids:
        closed_ns = start_ns + 80 * STEP_NS
        book.accept(VisitClosed(visit_id=visit_id, gate_id="exit", closed_ns=closed_ns))


def test_the_next_days_first_message_tells_the_day_before_and_a_restart_tells_it_no_more(
    tmp_path: Path,
) -> None:
    book = book_of(tmp_path, is_simulated=False)
    live(book, START_NS, 400)
    assert book.days() == []
    live(book, START_NS + DAY_NS, 3)
    (day,) = book.days()
    told = (tmp_path / f"{day}.json").read_bytes()
    again = book_of(tmp_path, is_simulated=False)
    live(again, START_NS, 400)
    again.close()
    assert (tmp_path / f"{day}.json").read_bytes() == told


def test_a_real_shops_running_day_is_shown_to_nobody(tmp_path: Path) -> None:
    book = book_of(tmp_path, is_simulated=False)
    live(book, START_NS, 400)
    client = client_of(book, is_simulated=False)
    assert client.get("/api/floor/days").json() == []
    for path in ("/api/floor/days/running", "/floor/running.svg", "/api/floor/days/..%2Fsecret"):
        assert client.get(path).status_code == 404
    assert "No day is over yet." in client.get("/floor").text


def test_a_told_day_has_its_page_its_picture_and_its_json(tmp_path: Path) -> None:
    book = book_of(tmp_path, is_simulated=False)
    live(book, START_NS, 400)
    book.close()
    client = client_of(book, is_simulated=False)
    (day,) = client.get("/api/floor/days").json()
    report = client.get(f"/api/floor/days/{day}").json()
    assert (report["day"], report["epsilon"], report["visits_min"]) == (day, 1.0, 10)
    assert {area["area_id"] for area in report["areas"] if area["visits"] is not None} == {
        "front-A",
        "front-D",
    }
    page = client.get("/floor").text
    assert "Before A" in page
    assert "differential privacy" in page
    picture: httpx.Response = client.get(f"/floor/{day}.svg")
    assert picture.headers["content-type"] == "image/svg+xml"
    assert "epsilon 1 for the day" in picture.text


def test_what_is_told_names_no_visit_and_no_track(tmp_path: Path) -> None:
    book = book_of(tmp_path, is_simulated=False)
    live(book, START_NS, 40)
    book.close()
    (file,) = tmp_path.glob("*.json")
    assert b"v00" not in file.read_bytes()


def test_a_simulated_shop_shows_its_running_day_as_it_is(tmp_path: Path) -> None:
    book = book_of(tmp_path, is_simulated=True)
    live(book, START_NS, 12)
    client = client_of(book, is_simulated=True)
    report = client.get("/api/floor/days/running").json()
    assert (report["visits"], report["epsilon"]) == (12, 0.0)
    assert "nobody is in it" in client.get("/floor").text
