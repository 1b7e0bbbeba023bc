"""Goods that go from hand to hand, away from the shelves."""

from __future__ import annotations

from tests.unit.interactions.people import Person, Scene

from openaisle.core.messages import Interaction, InteractionKind


def of(found: dict[str, Interaction], kind: InteractionKind) -> list[tuple[str, str]]:
    """(visit, product) of every interaction of a kind."""
    return [(i.visit_id or "", i.product_id or "") for i in found.values() if i.kind is kind]


def meeting(*, takes: bool = True, meet_s: tuple[float, float] = (7.0, 7.6)) -> Scene:
    """Ana takes P13 at 5 s; later her right hand and Ben's meet between them."""
    reaches = [(0.5, 4.4, 5.1)] if takes else []
    scene = Scene(
        [Person("ana", 0.5, reaches, meets=[(0.85, *meet_s)]), Person("ben", 1.2, meets=[(0.85, *meet_s)])]
    )
    if takes:
        scene.change(5.0, {4: -150.0, 5: -150.0})
    return scene


def test_what_one_took_and_handed_over_is_the_others() -> None:
    found = meeting().run(12)
    assert of(found, InteractionKind.GIVE) == [("ana", "P13")]
    assert of(found, InteractionKind.GET) == [("ben", "P13")]
    given, got = (i for i in found.values() if i.kind in (InteractionKind.GIVE, InteractionKind.GET))
    assert given.probability == got.probability > 0.85


def test_hands_that_meet_with_nothing_in_them_pass_nothing() -> None:
    found = meeting(takes=False).run(12)
    assert of(found, InteractionKind.GIVE) == of(found, InteractionKind.GET) == []


def test_hands_that_meet_as_one_comes_from_the_shelf_are_doubted() -> None:
    def given(meet_s: tuple[float, float]) -> float:
        found = meeting(meet_s=meet_s).run(12)
        (give,) = (i for i in found.values() if i.kind is InteractionKind.GIVE)
        return give.probability

    assert 1.0 - given((5.35, 5.95)) > 4.0 * (1.0 - given((8.0, 8.6)))


def test_hands_that_hang_side_by_side_pass_nothing() -> None:
    scene = Scene([Person("ana", 0.5, [(0.5, 4.4, 5.1)]), Person("ben", 0.98)])  # 4 cm between their wrists
    scene.change(5.0, {4: -150.0, 5: -150.0})
    found = scene.run(12)
    assert of(found, InteractionKind.PICK_UP) == [("ana", "P13")]
    assert of(found, InteractionKind.GIVE) == []


def test_what_was_got_may_be_put_back_by_whoever_got_it() -> None:
    scene = meeting()
    scene.people[1].reaches.append((0.5, 9.4, 10.2))
    scene.change(10.0, {4: 150.0, 5: 150.0})
    found = scene.run(14)
    assert of(found, InteractionKind.PUT_BACK) == [("ben", "P13")]


def test_a_hand_over_falls_with_the_pick_that_it_rests_on() -> None:
    scene = meeting()
    step = scene.steps[0][1]
    withdrawn = type(step)(
        **{
            **{name: getattr(step, name) for name in step.__struct_fields__},
            "revision": 9,
            "status": "withdrawn",
            "mass_change_g": 0.0 * step.mass_change_g,
        }
    )
    scene.steps.append((9.5, withdrawn))
    found = scene.run(12)
    assert of(found, InteractionKind.GET) == []
