"""Scenarios in, receipts as plain text out: the difference is the review.

An intended change: OPENAISLE_UPDATE_GOLDEN=1 make test ARGS="tests/golden", then look at the difference in git.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.carts.shop import Story
from tests.unit.carts.small_store import small_store

from openaisle.core.messages import CartClosed, InteractionKind
from openaisle.receipts.receipt import Receipts, receipt_text

FOLDER = Path(__file__).parent / "receipts"


def several_of_one_and_one_of_another(story: Story) -> None:
    story.take("ana", "cola", 3)
    story.take("ana", "bread")


def everything_put_back(story: Story) -> None:
    story.take("ana", "cola", 2)
    story.put_back("ana", "cola")
    story.decide("ana", "cola", kind=InteractionKind.PUT_BACK_WRONG, slot_id="A2-1")


def swapped_for_its_twin(story: Story) -> None:
    story.take("ana", "cola")
    story.put_back("ana", "cola")
    story.take("ana", "lemonade")


def one_sure_one_likely_one_doubtful(story: Story) -> None:
    story.take("ana", "bread")
    story.take("ana", "cola", probability=0.7)
    story.take("ana", "chocolate", probability=0.4)


def corrected_on_the_way_out(story: Story) -> None:
    taken = story.take("ana", "cola", 2)
    story.start_leaving("ana")
    story.revise(taken, quantity=1)


SCENARIOS: tuple[Callable[[Story], None], ...] = (
    several_of_one_and_one_of_another,
    everything_put_back,
    swapped_for_its_twin,
    one_sure_one_likely_one_doubtful,
    corrected_on_the_way_out,
)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_the_receipt_reads_as_agreed(scenario: Callable[[Story], None]) -> None:
    story = Story()
    story.enter("ana")
    scenario(story)
    if not any(visit.close_at_ns for visit in story.carts._visits.values()):
        story.start_leaving("ana")
    closed = story.wait_for_close("ana")
    assert isinstance(closed, CartClosed)
    inside = small_store()
    outside = small_store(prices_include_tax=False)
    text = "\n".join(
        receipt_text(Receipts(store).step([closed], closed.closed_ns)[0], store)
        for store in (inside, outside)
    )
    path = FOLDER / f"{scenario.__name__}.txt"
    if os.environ.get("OPENAISLE_UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
