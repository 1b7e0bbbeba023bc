"""One step of plates that lost and plates that gained: two people at once, or goods that were moved."""

from __future__ import annotations

from tests.unit.interactions.people import Person, Scene, at_ns

from openaisle.core.messages import StepStatus


def both_at_ten(*, second_s: float = 9.4) -> Scene:
    """Ana took P14 (400 g) and puts it back as Ben takes P12 (200 g) from the same shelf."""
    ana = Person("ana", 0.75, [(0.7, 4.4, 5.1), (0.7, 9.4, 10.2)])
    return Scene([ana, Person("ben", 0.2, [(0.3, second_s, 10.2)])])


def test_one_takes_as_another_puts_back() -> None:
    scene = both_at_ten()
    scene.change(5.0, {6: -396.0})
    scene.change(10.0, {3: -203.0, 6: 397.0})
    assert sorted(scene.moved(14)) == [
        ("pick_up", "P12", 1, "ben"),
        ("pick_up", "P14", 1, "ana"),
        ("put_back", "P14", 1, "ana"),
    ]


def test_what_was_first_read_as_one_is_taken_back() -> None:
    """And only the halves stand, each with an id of its own."""
    scene = both_at_ten()
    scene.change(5.0, {6: -396.0})
    scene.change(10.0, {6: 200.0}, step_id="A1/x", status=StepStatus.PROVISIONAL)
    scene.change(10.2, {3: -203.0, 6: 397.0}, step_id="A1/x", revision=2)
    standing = [i for i in scene.run(14).values() if i.happened_ns > at_ns(9.0)]
    assert sorted(i.step_ids for i in standing) == [("A1/x+",), ("A1/x-",)]


def test_goods_that_were_pushed_along_are_neither_taken_nor_brought() -> None:
    scene = both_at_ten()
    scene.change(5.0, {6: -396.0})
    scene.change(10.0, {5: -300.0, 6: 303.0})
    assert [m[0] for m in scene.moved(14)] == ["pick_up", "unexplained"]


def test_a_unit_that_leaves_while_others_lean_over_is_one_pick() -> None:
    """240 g off one plate and 40 g onto the next: 200 g that stood between left."""
    scene = Scene([Person("ben", 0.2, [(0.3, 9.4, 10.2)])])
    scene.change(10.0, {3: -240.0, 4: 40.0})
    assert scene.moved(14) == [("pick_up", "P12", 1, "ben")]
