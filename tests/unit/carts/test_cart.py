"""What a cart holds after what happened, in whatever order it was understood."""

import pytest
from tests.unit.carts.shop import Story, short

from openaisle.carts.plan import CartSettings
from openaisle.core.messages import Candidate, CartChanged, CartClosed, InteractionKind, Move, MoveState


@pytest.fixture
def story() -> Story:
    story = Story()
    story.enter("ana")
    return story


# What is sure


def test_what_was_taken_is_billed_and_sold(story: Story) -> None:
    story.take("ana", "cola", 2)
    assert story.carts.holdings == {"ana": {"cola": 2}}
    assert short(story.leave("ana").lines) == [("cola", 2, False)]
    assert story.balance("sold") == {"cola": 2}
    assert story.balance("slot:A1-1") == {"cola": -2}
    assert story.carts.holdings == {}


def test_a_cart_change_says_when_it_happened_and_what_it_costs(story: Story) -> None:
    taken = story.take("ana", "cola", 2)
    (changed,) = story.of(CartChanged)
    assert (changed.happened_ns, changed.changed_ns) == (taken.happened_ns, story.now_ns)
    assert (changed.total_minor, changed.currency) == (300, "EUR")
    assert changed.lines[0].interaction_ids == (taken.interaction_id,)


def test_putting_back_on_the_wrong_shelf_is_not_charged(story: Story) -> None:
    story.take("ana", "cola")
    story.decide("ana", "cola", kind=InteractionKind.PUT_BACK_WRONG, slot_id="A2-1")
    assert story.leave("ana").lines == ()
    assert story.balance("slot:A2-1") == {"cola": 1}


def test_a_put_back_takes_back_only_what_it_names(story: Story) -> None:
    story.take("ana", "cola", 3)
    story.take("ana", "bread")
    story.put_back("ana", "cola")
    assert short(story.leave("ana").lines) == [("cola", 2, False), ("bread", 1, False)]


def test_an_empty_cart_closes_without_lines_and_without_a_cart_event(story: Story) -> None:
    closed = story.leave("ana")
    assert closed.lines == closed.review_ids == ()
    assert story.said == [closed]


@pytest.mark.parametrize("kind", [InteractionKind.BROWSE, InteractionKind.TOUCH_RETURN])
def test_looking_and_touching_move_nothing(story: Story, kind: InteractionKind) -> None:
    story.decide("ana", "cola", kind=kind)
    assert story.said == []
    assert list(story.event_log.read(after=1)) == []


def test_two_carts_do_not_mix(story: Story) -> None:
    story.enter("ben")
    story.take("ana", "cola")
    story.take("ben", "bread")
    assert story.carts.holdings == {"ana": {"cola": 1}, "ben": {"bread": 1}}


def test_staff_are_never_billed(story: Story) -> None:
    story.enter("staff-1", is_staff=True)
    story.take("staff-1", "cola", 5)
    story.put_back("staff-1", "bread", 3)
    story.start_leaving("staff-1")
    story.wait(3.0)
    assert story.balance("staff") == {"cola": 5, "bread": -3}
    assert story.of(CartClosed) == story.of(CartChanged) == []
    assert "staff-1" not in story.carts.holdings


def test_what_nobody_took_is_nobodys(story: Story) -> None:
    story.take(None, "cola")
    assert story.balance("unexplained") == {"cola": 1}
    assert story.leave("ana").lines == ()


def test_unexplained_changes_are_never_billed(story: Story) -> None:
    story.decide("ana", "cola", kind=InteractionKind.UNEXPLAINED)
    assert story.leave("ana").lines == ()
    assert story.balance("unexplained") == {"cola": 1}


def test_the_same_decision_twice_is_one_move(story: Story) -> None:
    taken = story.take("ana", "cola")
    story.hear(taken, taken)
    assert story.carts.holdings == {"ana": {"cola": 1}}
    assert len(story.moves) == 1


# What is put back and was never taken


def test_more_cannot_be_put_back_than_was_taken(story: Story) -> None:
    story.take("ana", "cola")
    story.put_back("ana", "cola", 3)
    assert story.carts.holdings == {"ana": {}}
    assert story.balance("unexplained") == {"cola": -2}
    closed = story.leave("ana")
    assert closed.lines == ()
    assert closed.review_ids == ("i2/put_back_not_in_cart",)


def test_a_pick_up_recognised_late_finds_the_put_back_that_followed_it(story: Story) -> None:
    before_ns = story.now_ns
    story.put_back("ana", "cola")
    story.take("ana", "cola", happened_ns=before_ns)
    assert story.carts.holdings == {"ana": {}}
    closed = story.leave("ana")
    assert closed.lines == closed.review_ids == ()
    assert story.balance("unexplained") == {}


def test_a_put_back_before_the_pick_up_does_not_pay_for_it(story: Story) -> None:
    story.put_back("ana", "cola")
    story.take("ana", "cola")
    assert short(story.leave("ana").lines) == [("cola", 1, False)]


def test_a_pick_up_taken_back_after_its_put_back_leaves_no_cart_below_zero(story: Story) -> None:
    taken = story.take("ana", "cola")
    story.put_back("ana", "cola")
    story.revise(taken, product_id="lemonade", slot_id="A1-2")
    assert story.carts.holdings == {"ana": {"lemonade": 1}}
    assert story.leave("ana").review_ids == ("i2/put_back_not_in_cart",)


# What is revised


def test_a_pending_move_is_posted_when_it_is_sure(story: Story) -> None:
    taken = story.take("ana", "cola", probability=0.7)
    assert story.last_cart == [("cola", 1, True)]
    story.revise(taken, probability=0.97)
    assert story.last_cart == [("cola", 1, False)]
    assert [(move.move_id, move.state) for move in story.moves] == [
        ("i1/0", MoveState.PENDING),
        ("i1/0", MoveState.POSTED),
    ]
    assert story.leave("ana").review_ids == ()


def test_a_pending_move_that_was_wrong_is_voided(story: Story) -> None:
    taken = story.take("ana", "cola", probability=0.7)
    story.revise(taken, product_id="lemonade", slot_id="A1-2", probability=0.95)
    assert [(move.move_id, move.state) for move in story.moves] == [
        ("i1/0", MoveState.PENDING),
        ("i1/1", MoveState.POSTED),
        ("i1/0", MoveState.VOIDED),
    ]
    assert short(story.leave("ana").lines) == [("lemonade", 1, False)]


def test_a_posted_move_is_never_voided_but_reversed_by_another(story: Story) -> None:
    taken = story.take("ana", "cola")
    story.revise(taken, withdrawn=True)
    reversal = story.moves[-1]
    assert (reversal.move_id, reversal.state) == ("i1/0/reversed", MoveState.POSTED)
    assert (reversal.source, reversal.target) == ("cart:ana", "slot:A1-1")
    assert story.leave("ana").lines == ()


def test_a_posted_move_that_becomes_doubtful_is_shown_as_such(story: Story) -> None:
    taken = story.take("ana", "cola")
    story.revise(taken, probability=0.65)
    assert story.last_cart == [("cola", 1, True)]


def test_goods_follow_the_shopper_who_really_took_them(story: Story) -> None:
    story.enter("ben")
    taken = story.take("ana", "cola")
    story.revise(taken, visit_id="ben")
    assert story.carts.holdings == {"ana": {}, "ben": {"cola": 1}}
    assert [(cart.visit_id, short(cart.lines)) for cart in story.of(CartChanged)[-2:]] == [
        ("ana", []),
        ("ben", [("cola", 1, False)]),
    ]


def test_what_seemed_nobodys_finds_its_shopper(story: Story) -> None:
    taken = story.take(None, "cola")
    story.revise(taken, visit_id="ana")
    assert story.carts.holdings == {"ana": {"cola": 1}}
    assert story.balance("unexplained") == {}


def test_an_older_revision_changes_nothing(story: Story) -> None:
    taken = story.take("ana", "cola")
    newer = story.revise(taken, quantity=2)
    story.hear(taken)
    story.hear(newer)
    assert story.carts.holdings == {"ana": {"cola": 2}}


def test_going_back_and_forth_gives_every_move_its_own_id(story: Story) -> None:
    taken = story.take("ana", "cola")
    for product_id in ("lemonade", "cola", "lemonade", "cola"):
        taken = story.revise(taken, product_id=product_id)
    first_states = [move.move_id for move in story.moves]
    assert len(first_states) == len(set(first_states)) == 9
    assert story.carts.holdings == {"ana": {"cola": 1}}


# What is in doubt at the exit


def either(product_id: str, visit_id: str | None, probability: float) -> Candidate:
    return Candidate(product_id=product_id, quantity=1, visit_id=visit_id, probability=probability)


def test_what_stays_doubtful_is_dropped_and_reviewed(story: Story) -> None:
    story.take("ana", "bread")
    story.take("ana", "cola", probability=0.4)
    closed = story.leave("ana")
    assert short(closed.lines) == [("bread", 1, False)]
    assert closed.review_ids == ("i2/unsure_dropped",)
    assert story.last_cart == [("bread", 1, False)]
    assert story.balance("sold") == {"bread": 1}


def test_what_is_likely_is_billed_and_reviewed(story: Story) -> None:
    story.take("ana", "cola", probability=0.7)
    closed = story.leave("ana")
    assert short(closed.lines) == [("cola", 1, False)]
    assert closed.review_ids == ("i1/unsure_billed",)


def test_a_doubtful_put_back_is_believed_and_reviewed(story: Story) -> None:
    story.take("ana", "cola")
    story.put_back("ana", "cola", probability=0.3)
    closed = story.leave("ana")
    assert closed.lines == ()
    assert closed.review_ids == ("i2/unsure_dropped",)


def test_of_two_products_that_may_have_been_put_back_the_dearer_is_not_billed(story: Story) -> None:
    story.take("ana", "cola")
    story.take("ana", "bread")
    story.put_back("ana", "cola", probability=0.55, alternatives=(either("bread", "ana", 0.45),))
    closed = story.leave("ana")
    assert closed.lines == ()
    assert closed.review_ids == ("i3/unsure_dropped",)
    assert story.balance("sold") == {}


def test_a_line_is_as_sure_as_that_it_was_not_put_back_instead(story: Story) -> None:
    story.take("ana", "bread", probability=0.98)
    story.take("ana", "cola", quantity=2, probability=0.99)
    story.put_back("ana", "cola", probability=0.8, alternatives=(either("bread", "ana", 0.15),))
    bread, cola = story.leave("ana").lines
    assert bread.probability == pytest.approx(0.98 * 0.85)
    assert cola.probability == pytest.approx(0.99)


def test_nobody_looks_which_of_two_of_one_price_was_taken_or_put_back(story: Story) -> None:
    story.take("ana", "cola")
    story.take("ana", "lemonade")
    story.put_back("ana", "cola", probability=0.55, alternatives=(either("lemonade", "ana", 0.45),))
    story.enter("ben")
    story.take("ben", "cola", probability=0.72, alternatives=(either("lemonade", "ben", 0.27),))
    for visit_id, product_id in (("ana", "lemonade"), ("ben", "cola")):
        closed = story.leave(visit_id)
        assert short(closed.lines) == [(product_id, 1, False)]
        assert closed.review_ids == ()


@pytest.mark.parametrize("other", [either("chocolate", "ana", 0.27), either("lemonade", "ben", 0.27)])
def test_what_may_have_been_cheaper_or_somebody_elses_is_asked_about(story: Story, other: Candidate) -> None:
    story.take("ana", "cola", probability=0.72, alternatives=(other,))
    assert story.leave("ana").review_ids == ("i1/unsure_billed",)


@pytest.mark.parametrize(("visit_id", "probability"), [("ana", 0.25), ("ben", 0.45), (None, 0.45)])
def test_what_was_hardly_put_back_or_by_somebody_else_is_billed(
    story: Story, visit_id: str | None, probability: float
) -> None:
    story.take("ana", "cola")
    story.take("ana", "bread")
    alternatives = (either("bread", visit_id, probability),)
    story.put_back("ana", "cola", probability=0.55, alternatives=alternatives)
    assert short(story.leave("ana").lines) == [("bread", 1, False)]


def test_a_doubt_that_changes_no_bill_is_no_question(story: Story) -> None:
    story.take("ana", "cola", probability=0.5)
    story.put_back("ana", "cola")
    assert story.carts.holdings == {"ana": {}}
    story.take("ana", "bread")
    closed = story.leave("ana")
    assert short(closed.lines) == [("bread", 1, False)]
    assert closed.review_ids == ()
    assert story.balance("unexplained") == {}


def test_of_a_sure_and_a_doubtful_unit_a_put_back_takes_the_sure_one(story: Story) -> None:
    story.take("ana", "cola")
    story.take("ana", "cola", probability=0.5)
    story.put_back("ana", "cola")
    closed = story.leave("ana")
    assert closed.lines == ()
    assert closed.review_ids == ("i2/unsure_dropped",)


def test_nobody_looks_at_what_costs_less_than_looking_and_is_not_billed(story: Story) -> None:
    story.take("ana", "cola")
    story.put_back("ana", "cola", probability=0.8)  # a fifth of 1.50 is less than a minute costs
    closed = story.leave("ana")
    assert closed.lines == closed.review_ids == ()


def test_small_losses_of_a_visit_add_up_until_somebody_looks(story: Story) -> None:
    for _ in range(2):
        story.take("ana", "cola")
        story.put_back("ana", "cola", probability=0.8)
    assert story.leave("ana").review_ids == ("i2/unsure_dropped",)


def test_what_is_billed_in_doubt_is_asked_about_however_cheap_and_however_soon(story: Story) -> None:
    story.take("ana", "cola", probability=0.8)
    story.take("ana", "lemonade", probability=0.8)
    story.take("ana", "bread", probability=0.5)
    assert story.leave("ana").review_ids == ("i1/unsure_billed", "i2/unsure_billed")


def test_a_hand_over_is_one_question(story: Story) -> None:
    story.enter("ben")
    story.take("ana", "bread")
    story.decide("ana", "bread", kind=InteractionKind.GIVE, probability=0.7)
    story.decide("ben", "bread", kind=InteractionKind.GET, probability=0.7)
    assert story.leave("ana").review_ids == ()
    assert story.leave("ben").review_ids == ("i3/unsure_billed",)


def test_the_thresholds_are_settings() -> None:
    story = Story(settings=CartSettings(post_probability_min=0.5, bill_probability_min=0.5))
    story.enter("ana")
    story.take("ana", "cola", probability=0.5)
    story.take("ana", "bread", probability=0.49)
    closed = story.leave("ana")
    assert short(closed.lines) == [("cola", 1, False)]
    assert closed.review_ids == ("i2/unsure_dropped",)


def test_a_revision_just_after_the_exit_still_counts(story: Story) -> None:
    taken = story.take("ana", "cola")
    story.start_leaving("ana")
    story.revise(taken, product_id="lemonade", slot_id="A1-2")
    assert short(story.wait_for_close("ana").lines) == [("lemonade", 1, False)]


def test_a_revision_after_the_receipt_is_a_question_and_no_charge(story: Story) -> None:
    taken = story.take("ana", "cola")
    story.leave("ana")
    moves = len(story.moves)
    revised = story.revise(taken, quantity=2)
    story.revise(revised, quantity=3)
    assert story.reasons == ["changed_after_close"]
    assert len(story.moves) == moves
    assert story.balance("sold") == {"cola": 1}


def test_a_surer_revision_after_the_receipt_is_no_question(story: Story) -> None:
    taken = story.take("ana", "cola", probability=0.9)
    story.leave("ana")
    story.revise(taken, probability=0.99)
    assert story.reasons == []


def test_what_a_shopper_who_left_seems_to_take_is_nobodys(story: Story) -> None:
    story.leave("ana")
    story.take("ana", "cola")
    story.take("ana", "cola")
    assert story.balance("unexplained") == {"cola": 2}
    assert story.reasons == ["visit_not_open"]  # one look shows both


def test_much_unexplained_loss_beside_a_shopper_is_a_question(story: Story) -> None:
    story.decide("ana", None, 0, kind=InteractionKind.UNEXPLAINED, mass_change_g=-350.0)
    assert story.leave("ana").review_ids == ("i1/unexplained_loss",)


def test_something_left_on_a_shelf_is_a_question_if_there_is_a_bill_to_doubt(story: Story) -> None:
    story.enter("ben")
    story.take("ana", "cola", mass_change_g=-347.0)
    for visit_id in ("ana", "ben"):
        story.decide(visit_id, None, 0, kind=InteractionKind.UNEXPLAINED, mass_change_g=345.0)
    assert story.leave("ana").review_ids == ("i2/unexplained_gain",)
    assert story.leave("ben").review_ids == ()


@pytest.mark.parametrize(
    ("gain_g", "is_asked"), [(231.0, False), (348.0, True), (512.0, True), (900.0, False)]
)
def test_what_is_left_on_a_shelf_is_asked_about_where_it_weighs_what_the_shopper_took(
    story: Story, gain_g: float, is_asked: bool
) -> None:
    """One of their goods, or two together."""
    for product_id, mass_g in (("cola", -345.0), ("bread", -170.0)):
        story.take("ana", product_id, mass_change_g=mass_g)
    story.decide("ana", None, 0, kind=InteractionKind.UNEXPLAINED, mass_change_g=gain_g)
    assert story.leave("ana").review_ids == (("i3/unexplained_gain",) if is_asked else ())


def test_an_own_bottle_laid_down_and_taken_again_is_no_question(story: Story) -> None:
    story.decide("ana", None, 0, kind=InteractionKind.UNEXPLAINED, mass_change_g=512.0)
    story.decide("ana", None, 0, kind=InteractionKind.UNEXPLAINED, mass_change_g=-511.0)
    assert story.leave("ana").review_ids == ()


# The end of the day, and memory


def test_finishing_closes_every_cart(story: Story) -> None:
    story.enter("ben")
    story.take("ana", "cola")
    story.said += story.carts.finish(story.now_ns)
    assert sorted(cart.visit_id for cart in story.of(CartClosed)) == ["ana", "ben"]


def test_a_day_of_visits_leaves_no_memory_of_them() -> None:
    story = Story()
    for number in range(200):
        story.enter(f"v{number}")
        story.take(f"v{number}", "cola", probability=0.7)
        story.take(None, "bread")
        story.leave(f"v{number}")
        story.wait(30.0)
    story.wait(61.0)
    story.wait(61.0)
    held = {
        name: len(value)
        for name, value in vars(story.carts).items()
        if isinstance(value, dict | set | list) and name != "_store"
    }
    assert {name: count for name, count in held.items() if count} == {}
    assert story.carts.ledger.moves == {}
    assert set(story.carts.ledger.balances) == {"slot:A1-1", "slot:A2-1", "sold", "unexplained"}


def test_moves_name_their_interaction_price_and_reason(story: Story) -> None:
    story.take("ana", "cola")
    (move,) = story.moves
    assert isinstance(move, Move)
    assert (move.interaction_id, move.price_minor, move.reason) == ("i1", 150, "pick_up")


# From hand to hand


def test_what_was_handed_over_is_billed_to_whoever_got_it(story: Story) -> None:
    story.enter("ben")
    story.take("ana", "cola", 2)
    story.decide("ana", "cola", kind=InteractionKind.GIVE, slot_id=None)
    story.decide("ben", "cola", kind=InteractionKind.GET, slot_id=None)
    assert story.carts.holdings == {"ana": {"cola": 1}, "ben": {"cola": 1}}
    assert story.balance("handed") in ({}, {"cola": 0})
    assert short(story.leave("ana").lines) == short(story.leave("ben").lines) == [("cola", 1, False)]


def test_what_staff_hand_to_a_customer_is_billed_to_the_customer_alone(story: Story) -> None:
    story.enter("eve", is_staff=True)
    story.take("eve", "cola")
    story.decide("eve", "cola", kind=InteractionKind.GIVE, slot_id=None)
    story.decide("ana", "cola", kind=InteractionKind.GET, slot_id=None)
    assert short(story.leave("ana").lines) == [("cola", 1, False)]
    assert story.balance("staff") in ({}, {"cola": 0})
