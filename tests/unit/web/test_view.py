"""What the board shows of the path, as plain values."""

from msgspec.structs import replace
from tests.unit.web.counter import STORE, pick_up

from openaisle.web.view import ShopView


def test_a_decision_taken_anew_is_no_second_event():
    view = ShopView(STORE, is_simulated=True)
    first, second = pick_up("v1", 1, 0.7), pick_up("v2", 1, 0.9)
    for interaction in (first, second, replace(first, revision=2, quantity=2, probability=0.99)):
        view.accept(interaction)
    shown = [(event["visit_id"], event["quantity"], event["revision"]) for event in view.part("events")]
    assert shown == [("v2", 1, 1), ("v1", 2, 2)]
