"""Takes the README's pictures, by living through them: a demo, a person's phone, a simulated shopper who carries it.

`make pictures` runs it. It fails where the story does not come out: a code, a cart that fills, a receipt that is paid,
a dispute that is decided and refunded.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

from playwright.sync_api import Page, ViewportSize, sync_playwright

HERE = Path(__file__).parent
PORT = 8093
PHONE: ViewportSize = {"width": 390, "height": 760}
DESK: ViewportSize = {"width": 1200, "height": 760}
CASE: ViewportSize = {"width": 1200, "height": 1500}
BOARD: ViewportSize = {"width": 1500, "height": 1000}
SLOW_MS = 600_000  # a machine that others use too


class Demo:
    """The running demo, and what it said."""

    def __init__(self) -> None:
        command = [
            sys.executable,
            "-m",
            "openaisle",
            "demo",
            "--port",
            str(PORT),
            "--families",
            "single_pick,many_picks",
            "--cameras",
            "6",
        ]
        self._process = subprocess.Popen([*command, "--seed", "3"], stderr=subprocess.PIPE, text=True)
        self.lines: list[str] = []
        self._is_open = threading.Event()
        threading.Thread(target=self._listen, daemon=True).start()

    def wait_until_open(self) -> str:
        """The one-time link of its manager."""
        assert self._is_open.wait(SLOW_MS / 1000), self.lines
        assert self._process.poll() is None, "the demo has ended"
        return next(found[0] for line in self.lines if (found := re.search(r"http\S+/sign-in/\S+", line)))

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(30)

    def _listen(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.lines.append(line)
            print(line, end="")
            if "the shop is open" in line:
                self._is_open.set()
        self._is_open.set()  # It has ended: whoever waits finds out why.


def take(page: Page, name: str, *, whole: bool = False) -> None:
    page.wait_for_timeout(400)
    page.screenshot(path=HERE / f"{name}.png", full_page=whole)
    print(f"took {name}.png")


def go_shopping(phone: Page, address: str) -> None:
    """Up to the code on the screen, which the next simulated shopper carries."""
    phone.goto(f"{address}/shopper")
    form = phone.locator("#sign-up")
    form.locator("[name=name]").fill("Ana")
    form.locator("[name=email]").fill("ana@example.org")
    form.locator("[name=passphrase]").fill("correct horse battery")
    form.locator("button").click()
    phone.locator("#add-method button").click()  # A demo's form has its card filled in.
    phone.locator("#at-gate svg").wait_for()
    take(phone, "shopper-code")
    phone.locator("#carry").check()
    phone.locator("#in-shop").wait_for(timeout=SLOW_MS)


def decide_all(staff: Page, address: str) -> None:
    """By keyboard: money back for what has an amount, and what has none stands."""
    staff.set_viewport_size(DESK)
    staff.goto(f"{address}/review")
    staff.locator("#queue li").first.wait_for()
    staff.locator("#reasons canvas").first.wait_for()
    staff.set_viewport_size(CASE)
    take(staff, "review")
    while count := staff.locator("#queue li").count():
        chosen = staff.locator("#queue [aria-selected=true] .amount").inner_text()
        staff.keyboard.press("d" if " 0.00" in chosen or "\u20660.00" in chosen else "a")
        # The page's policy lets nobody evaluate text, so no condition in JavaScript.
        staff.locator("#queue li").nth(count - 1).wait_for(state="detached", timeout=SLOW_MS)


def main() -> None:
    chromium = shutil.which("chromium")
    assert chromium, "no chromium on this machine"
    demo = Demo()
    try:
        link = demo.wait_until_open()
        address = link.split("/sign-in")[0]
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
            )
            phone = browser.new_context(viewport=PHONE, device_scale_factor=2, locale="en").new_page()
            staff = browser.new_context(viewport=DESK, locale="en").new_page()
            go_shopping(phone, address)
            phone.locator("#lines li").first.wait_for(timeout=SLOW_MS)
            take(phone, "shopper-cart")
            staff.goto(link)
            staff.locator(".one-cart").first.wait_for(timeout=SLOW_MS)
            take(staff, "staff")
            staff.set_viewport_size(BOARD)
            staff.goto(address)
            staff.locator("#views canvas").first.wait_for()
            staff.wait_for_timeout(3_000)
            take(staff, "live")
            phone.locator("#after").wait_for(timeout=SLOW_MS)
            phone.locator("#after-state[data-state=paid]").wait_for(timeout=SLOW_MS)
            phone.locator("#show-receipt").click()
            phone.locator("article summary").first.click()
            take(phone, "receipt", whole=True)
            phone.locator(".dispute button").first.click()
            phone.locator("#cases li").wait_for()
            phone.get_by_text("Something is missing from this receipt").click()
            phone.locator("#missing [name=missing]").fill("a banana")
            phone.locator("#missing button").click()
            phone.locator("#cases .state[data-state=open]").first.wait_for()
            decide_all(staff, address)
            phone.locator("#cases .state[data-state=open]").first.wait_for(state="detached", timeout=SLOW_MS)
            phone.locator("#refunded-row").wait_for(timeout=SLOW_MS)
            take(phone, "receipt-refunded", whole=True)
            phone.goto(f"{phone.url}?lang=ar")
            take(phone, "receipt-arabic", whole=True)
            browser.close()
    finally:
        demo.close()


if __name__ == "__main__":
    main()
