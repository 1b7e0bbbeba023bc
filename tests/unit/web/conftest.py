"""What tests of pages share."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright
from tests.unit.web.counter import Counter, served

CHROMIUM = shutil.which("chromium")
PHONE: ViewportSize = {"width": 390, "height": 844}


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Counter]:
    one = Counter(tmp_path, is_simulated=True)
    yield one
    one.desk.close()


@pytest.fixture
def address(counter: Counter) -> Iterator[str]:
    with served(counter.app) as at:
        yield at


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine: the pages are not tried in a browser")
    with sync_playwright() as playwright:
        one = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"],
        )
        yield one
        one.close()


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    yield from _page(browser, PHONE)


@pytest.fixture
def desk_page(browser: Browser) -> Iterator[Page]:
    yield from _page(browser, {"width": 1200, "height": 900})


def _page(browser: Browser, size: ViewportSize) -> Iterator[Page]:
    context = browser.new_context(viewport=size, locale="en", device_scale_factor=2)
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    # A refusal is an answer with a status; everything else that a browser complains of is a fault.
    page.on(
        "console",
        lambda said: problems.append(said.text) if said.type == "error" and "403" not in said.text else None,
    )
    yield page
    context.close()
    assert problems == []
