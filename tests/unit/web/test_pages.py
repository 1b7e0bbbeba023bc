"""The pages in a real browser: what a person sees is what the messages said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
from playwright.sync_api import Browser, Page
from tests.unit.web.counter import Counter

import openaisle.web
from openaisle.core.messages import (
    Action,
    ArmAction,
    CartChanged,
    CartLine,
    FloorTracks,
    PackLook,
    Receipt,
    ReceiptLine,
    SensorDegraded,
    SensorRecovered,
    VisitClosed,
    VisitOpened,
)
from openaisle.store.load import load_store
from openaisle.web.view import ShopView

STORE = load_store("corner")
PRODUCT = STORE.products[min(STORE.products)]


def visit_opened(visit_id: str = "visit-000001") -> VisitOpened:
    return VisitOpened(visit_id=visit_id, gate_id=STORE.gates[0].gate_id, track_id="t1", opened_ns=1_000)


def cart(
    visit_id: str = "visit-000001", *, is_pending: bool, happened_ns: int, changed_ns: int
) -> CartChanged:
    line = CartLine(
        product_id=PRODUCT.product_id,
        quantity=2,
        price_minor=PRODUCT.price_minor,
        probability=0.97,
        pending=is_pending,
        slot_id=None,
        picked_ns=happened_ns,
    )
    return CartChanged(
        visit_id=visit_id,
        changed_ns=changed_ns,
        happened_ns=happened_ns,
        lines=(line,),
        total_minor=2 * PRODUCT.price_minor,
        currency=STORE.currency,
    )


def receipt(visit_id: str = "visit-000001") -> Receipt:
    line = ReceiptLine(
        product_id=PRODUCT.product_id,
        gtin=PRODUCT.gtin,
        name=PRODUCT.name,
        quantity=2,
        unit_price_minor=PRODUCT.price_minor,
        total_minor=2 * PRODUCT.price_minor,
        tax_class=PRODUCT.tax_class,
        tax_minor=7,
    )
    return Receipt(
        receipt_id="r-1",
        visit_id=visit_id,
        store_id=STORE.store_id,
        issued_ns=5,
        lines=(line,),
        total_minor=2 * PRODUCT.price_minor,
        tax_minor=7,
        currency=STORE.currency,
    )


def people() -> FloorTracks:
    return FloorTracks(
        captured_ns=2,
        decided_ns=3,
        track_ids=("t1",),
        visit_ids=("visit-000001",),
        positions_floor_m=np.array([[2.0, 2.0]], np.float32),
        position_sd_m=np.array([0.05], np.float32),
        heights_m=np.array([1.75], np.float32),
        joints_floor_m=np.full((1, 17, 4), np.nan, np.float32),
    )


@pytest.fixture
def view(counter: Counter) -> ShopView:
    return counter.view


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    page.goto(address)
    page.get_by_text("live", exact=True).wait_for()
    yield page
    page.close()
    assert problems == []


def test_a_cart_line_is_being_checked_then_sure_then_on_a_receipt(
    counter: Counter, view: ShopView, page: Page
) -> None:
    view.accept(visit_opened())
    view.accept(people())
    view.accept(cart(is_pending=True, happened_ns=1_000_000, changed_ns=251_000_000))
    carts = page.locator("#carts")
    carts.get_by_text("checking…").wait_for()
    assert f"2 × {PRODUCT.name}" in carts.inner_text()
    view.accept(cart(is_pending=False, happened_ns=1_000_000, changed_ns=651_000_000))
    carts.get_by_text("97 %").wait_for()
    counter.hear(VisitClosed(visit_id="visit-000001", gate_id="exit", closed_ns=4), receipt())
    carts.get_by_text("Nobody is in the shop.").wait_for()
    page.locator("#receipts").get_by_role("link", name="000001").click()
    page.get_by_role("heading", name=STORE.name).wait_for()
    assert PRODUCT.name in page.locator("tbody").inner_text()


def test_what_an_arm_does_and_what_a_look_says_are_shown_with_their_probabilities(
    view: ShopView, page: Page
) -> None:
    view.accept(visit_opened())
    view.accept(people())
    shelf_id = next(iter(STORE.shelves))
    view.accept(
        ArmAction(
            action_id="a", revision=0, track_id="t1", visit_id="visit-000001", hand=1, gondola_id="A",
            shelf_id=shelf_id, along_m=0.3, began_ns=1, deepest_ns=2, at_ns=3, decided_ns=4, verdict=Action.TAKE,
            probabilities=(0.0, 0.05, 0.92, 0.02, 0.01),
        )
    )  # fmt: skip
    seen = page.locator("#seen")
    seen.get_by_text("000001, right hand, takes").wait_for()
    assert "92 %" in seen.inner_text()
    for log_odds, said in ((3.0, PRODUCT.name), (-3.0, "not recognised")):
        view.accept(
            PackLook(
                look_id="q", camera_id="cam-1", captured_ns=1, received_ns=2, track_id=None, hand=-1,
                shelf_id=shelf_id, product_ids=(PRODUCT.product_id,), log_odds=np.array([log_odds], np.float32),
            )
        )  # fmt: skip
        seen.get_by_text(f"changed on {shelf_id}: {said}").wait_for()


def test_the_histogram_counts_the_first_cart_that_shows_an_event_and_not_its_revision(
    view: ShopView, page: Page
) -> None:
    view.accept(visit_opened())
    view.accept(cart(is_pending=True, happened_ns=1_000_000, changed_ns=251_000_000))
    view.accept(cart(is_pending=False, happened_ns=1_000_000, changed_ns=651_000_000))
    page.get_by_text("p50 250 ms, p99 250 ms, n = 1").wait_for()


def test_a_degraded_sensor_is_named_until_it_recovers(view: ShopView, page: Page) -> None:
    view.accept(SensorDegraded(sensor_id="cam-1", kind="camera", reason="frozen", since_ns=1))
    page.get_by_text("cam-1: frozen").wait_for()
    view.accept(SensorRecovered(sensor_id="cam-1", kind="camera", reason="frozen", recovered_ns=2))
    page.get_by_text("Every sensor is well.").wait_for()


def test_a_simulated_camera_shows_its_picture_and_a_real_one_never_does(view: ShopView, page: Page) -> None:
    _, jpeg = cv2.imencode(".jpg", np.full((36, 64, 3), (0, 0, 255), np.uint8))
    camera = STORE.cameras[0]
    view.accept_preview(camera.camera_id, 1, jpeg.tobytes(), np.zeros((0, 17, 3), np.float32))
    canvas = page.get_by_label(f"View of {camera.camera_id}")
    canvas.wait_for()
    page.wait_for_function(
        "canvas => canvas.getContext('2d').getImageData(9, 9, 1, 1).data[0] > 200",
        arg=canvas.element_handle(),
    )
    real = ShopView(STORE, is_simulated=False)
    with pytest.raises(AssertionError, match="real person"):
        real.accept_preview(camera.camera_id, 1, jpeg.tobytes(), np.zeros((0, 17, 3), np.float32))


def test_what_is_not_there_is_a_plain_404(address: str) -> None:
    for path in ("/receipts/none", "/api/parts/none", "/api/cameras/none.jpg"):
        answer = httpx.get(address + path)
        assert answer.status_code == 404
        assert answer.json()["detail"].startswith("no ")


def test_metrics_are_prometheus_text(view: ShopView, address: str) -> None:
    view.accept(visit_opened())
    view.accept(cart(is_pending=True, happened_ns=1_000_000, changed_ns=251_000_000))
    text = httpx.get(address + "/metrics").text
    assert 'openaisle_cart_latency_ms_bucket{le="250"} 1.0' in text
    assert "openaisle_visits_total 1.0" in text


def test_pages_say_so_when_the_shop_is_simulated(address: str) -> None:
    assert "simulated shop" in httpx.get(address).text


def test_pages_need_nothing_from_elsewhere() -> None:
    for path in Path(openaisle.web.__file__).parent.rglob("*"):
        if path.suffix in {".html", ".css", ".js"}:
            assert "https://" not in path.read_text()
