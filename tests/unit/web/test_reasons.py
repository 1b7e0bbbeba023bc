"""What a decision rested on, before a reviewer: plates, candidates, skeletons; gone in time, or with the person."""

from __future__ import annotations

import time

import msgspec
import pytest
from playwright.sync_api import Page, expect
from tests.unit.web.counter import PRODUCT, STORE, Counter, ask, sign_in

from openaisle.adapters.event_log_memory import MemoryEventLog
from openaisle.central.accounts import Role
from openaisle.central.reasons import DAY_NS
from openaisle.edge.reasons import Reasons
from openaisle.pipeline import Pipeline
from openaisle.replay.clips import StepClip, encode_clip
from openaisle.replay.player import play
from openaisle.sim.day import SimulatedDay
from openaisle.sim.scripts import plan_day


@pytest.fixture(scope="module")
def clip() -> StepClip:
    """Of the first thing that somebody takes on a simulated day."""
    day = SimulatedDay(STORE, plan_day(STORE, visit_count=1, seed=3), vision="skeleton")
    reasons = Reasons(STORE)
    path = Pipeline(STORE, MemoryEventLog(), watch=reasons.watch)
    readings = list(day.readings())
    replayed = play(readings, path, keep=lambda _: True)
    reasons.hear(readings, [said.message for said in replayed.said], 0)
    return reasons.due(readings[-1].received_ns + 10**11)[0]


def about(clip: StepClip, visit_id: str) -> StepClip:
    """The same about PRODUCT's pick-up in that visit."""
    (told,) = [msgspec.structs.replace(clip.said[0], interaction_id=f"{visit_id}-i1", visit_id=visit_id)]
    return msgspec.structs.replace(clip, said=(told,))


def test_only_reviewers_see_a_decisions_reasons_and_only_while_they_are_kept(
    counter: Counter, address: str, clip: StepClip
) -> None:
    account = counter.account()
    visit_id = counter.enter(account)
    counter.desk.keep_clip(encode_clip(about(clip, visit_id)))
    reviewer = counter.key_of(counter.account(Role.REVIEWER, "Rea"))
    page = f"/review/reasons/{visit_id}-i1"
    shown = ask(address, "GET", page, reviewer)
    assert (shown.status_code, shown.text.count("<section>")) == (200, 1)
    assert "<polyline" in shown.text
    assert '"joints"' in shown.text
    assert ask(address, "GET", page, counter.key_of(account)).status_code == 403
    assert ask(address, "GET", "/review/reasons/A3/7/1", reviewer).status_code == 404

    counter.desk.reasons.keep("later", b"x", [("i2", None)], time.time_ns() + 2 * DAY_NS)
    assert ask(address, "GET", page, reviewer).status_code == 404


def test_who_is_erased_has_no_skeletons_left_here(counter: Counter, clip: StepClip) -> None:
    visits = [counter.enter(account := counter.account(name=name)) for name in ("Ana", "Bob")]
    for visit_id in visits:
        counter.desk.keep_clip(encode_clip(about(clip, visit_id)))
    counter.desk.accounts.erase(account.account_id)
    assert [len(counter.desk.reasons.of(f"{visit_id}-i1")) for visit_id in visits] == [1, 0]


def test_a_reviewer_looks_at_plates_and_skeletons_beside_the_case(
    counter: Counter, address: str, desk_page: Page, clip: StepClip
) -> None:
    for name in ("Cem", "Dee"):
        visit_id = counter.enter(counter.account(name=name))
        if name == "Dee":
            counter.desk.keep_clip(encode_clip(about(clip, visit_id)))
        counter.leave(visit_id, 2, 0.999)
        kept = counter.desk.receipts.of_visit(visit_id)
        assert kept is not None
        counter.desk.dispute(
            kept, product_id=PRODUCT.product_id, quantity=1, missing="", note=f"note of {name}"
        )
    sign_in(desk_page, counter, address, counter.account(Role.REVIEWER, "Rea"))
    desk_page.goto(f"{address}/review")
    desk_page.get_by_text("note of Cem").wait_for()
    desk_page.get_by_text("The evidence is no longer kept.").wait_for()
    desk_page.keyboard.press("j")
    reasons = desk_page.locator("#reasons")
    reasons.get_by_text("What the plates said").wait_for()
    time_slider = reasons.get_by_role("slider", name="Time")
    expect(time_slider).to_have_attribute("max", str(len(clip.tracks) - 1))
    before = reasons.locator("output").text_content()
    reasons.get_by_role("button", name="Play").click()
    expect(reasons.locator("output")).not_to_have_text(before or "")
    reasons.get_by_role("button", name="Stop").click()
