"""Codes are bound to those who come in at the gate, and visits end when all their people are out."""

import pytest
from tests.unit.tracks.walkers import START_NS, bare_room, closed, opened, seconds_of, tap

from openaisle.core.messages import VisitClosed, VisitOpened
from openaisle.core.units import NS_PER_S, ns_from_s
from openaisle.tracks.entry import Doors, DoorSettings
from openaisle.tracks.people import Person

TICK_S = 0.125


class Stage:
    """People moved by hand before the doors of a room."""

    def __init__(self, settings: DoorSettings | None = None) -> None:
        self.doubles: list[tuple[Person, Person]] = []  # pairs that no picture shows both of
        self.doors = Doors(bare_room(), settings, self._are_two)
        self.people: list[Person] = []
        self.said: list[VisitOpened | VisitClosed] = []
        self.now_s = 0.0

    def appear(self, x: float, y: float) -> Person:
        person = Person(
            len(self.people), self.now_ns, (x, y), track_id=f"t{len(self.people) + 1}", is_believed=True
        )
        person.seen_ns = self.now_ns
        self.people.append(person)
        self._place(person, x, y)
        self._tick()
        return person

    @property
    def now_ns(self) -> int:
        return START_NS + ns_from_s(self.now_s)

    def walk(self, person: Person, *points: tuple[float, float], seconds: float = 1.0) -> None:
        for x, y in points:
            x0, y0 = person.position_floor_m
            ticks = round(seconds / TICK_S)
            for tick in range(1, ticks + 1):
                self.now_s += TICK_S
                self._place(person, x0 + (x - x0) * tick / ticks, y0 + (y - y0) * tick / ticks)
                person.velocity_floor = ((x - x0) / seconds, (y - y0) / seconds)
                self._tick()

    def wait(self, seconds: float) -> None:
        for _ in range(round(seconds / TICK_S)):
            self.now_s += TICK_S
            self._tick()

    def tap(self, visit_id: str, direction: str = "entry", people: int = 1) -> None:
        self.said += self.doors.tap(tap(visit_id, self.now_s, direction=direction, people=people))

    def _are_two(self, one: Person, other: Person) -> bool:
        return not any({one.row, other.row} == {a.row, b.row} for a, b in self.doubles)

    def _place(self, person: Person, x: float, y: float) -> None:
        person.seen_ns = self.now_ns
        person.move_to(self.now_ns, x, y)

    def _tick(self) -> None:
        for person in self.people:
            if person.seen_ns < self.now_ns and not person.is_lost:
                self._place(person, *person.position_floor_m)
        self.doors.note_who_taps(self.people, self.now_ns)
        followed = [person for person in self.people if not person.is_lost]
        self.said += self.doors.watch(followed, self.now_ns)
        self.said += self.doors.bind_entered(followed, self.now_ns)
        self.said += self.doors.let_go(self.people, self.now_ns)
        self.said += self.doors.open_overdue(self.now_ns)
        self.said += self.doors.let_go_unseen(self.now_ns)


def test_a_tap_before_the_line_and_a_tap_just_after_it_both_bind() -> None:
    stage = Stage()
    before, after = stage.appear(0.8, -1.0), stage.appear(1.2, -1.6)
    stage.tap("before")
    stage.walk(before, (0.8, 1.0))
    stage.walk(after, (1.2, 0.3))
    stage.tap("after")
    stage.wait(0.3)
    assert (before.visit_id, after.visit_id) == ("before", "after")
    assert [visit.track_id for visit in opened(stage.said)] == ["t1", "t2"]


def test_who_waits_before_a_full_shop_keeps_the_code_they_showed() -> None:
    stage = Stage()
    ana, bob = stage.appear(0.9, -0.3), stage.appear(1.2, -1.2)
    stage.tap("ana")
    stage.wait(16.0)
    stage.walk(bob, (1.2, -0.5))
    stage.tap("bob")
    stage.wait(2.0)
    stage.walk(ana, (0.9, 0.8))
    stage.walk(bob, (1.2, 0.8))
    assert (ana.visit_id, bob.visit_id) == ("ana", "bob")


def test_the_code_is_of_whoever_stood_at_the_gate_not_of_whoever_slips_in_first() -> None:
    stage = Stage()
    ana, bob = stage.appear(1.0, -0.2), stage.appear(1.2, -1.5)
    stage.tap("ana")
    stage.walk(bob, (1.4, -0.1), (1.4, 0.6), seconds=0.6)
    assert bob.visit_id is None
    stage.tap("bob")
    stage.walk(ana, (1.0, 0.8))
    stage.wait(4.0)
    assert (ana.visit_id, bob.visit_id) == ("ana", "bob")


def test_who_tarries_on_the_line_keeps_the_code_they_showed_when_the_next_shows_theirs() -> None:
    stage = Stage()
    ana, bob = stage.appear(1.0, -0.3), stage.appear(1.2, -1.5)
    stage.tap("ana")
    stage.walk(ana, (0.8, 0.05))
    stage.walk(bob, (1.1, -0.35), seconds=0.8)
    stage.tap("bob")
    stage.walk(ana, (0.6, 0.8))
    stage.walk(bob, (1.1, 0.8))
    assert (ana.visit_id, bob.visit_id) == ("ana", "bob")


def test_of_two_tracks_that_were_exchanged_in_a_queue_the_one_before_the_gate_has_shown_the_code() -> None:
    stage = Stage()
    ana, bob = stage.appear(1.0, -0.3), stage.appear(1.1, -0.8)
    stage.tap("ana")
    ana.path, bob.path = bob.path, ana.path
    stage.walk(ana, (1.1, -0.8), seconds=0.2)
    stage.walk(bob, (1.0, -0.2), seconds=0.2)
    stage.wait(3.0)
    stage.walk(bob, (1.0, 0.8))
    stage.walk(ana, (1.0, -0.3))
    stage.tap("bob")
    stage.walk(ana, (1.0, 0.8))
    assert (bob.visit_id, ana.visit_id) == ("ana", "bob")


def test_of_two_tracks_that_are_exchanged_as_a_code_is_shown_the_one_that_goes_on_has_shown_it() -> None:
    stage = Stage()
    ana, bob = stage.appear(1.0, -0.3), stage.appear(1.1, -0.7)
    stage.tap("ana")
    stage.wait(0.125)
    stage.walk(ana, (1.1, -0.8), seconds=0.125)
    stage.walk(bob, (1.0, -0.2), (1.0, 0.3), seconds=0.25)
    stage.walk(ana, (1.0, -0.3))
    stage.tap("bob")
    stage.walk(ana, (1.0, 0.8))
    assert (bob.visit_id, ana.visit_id) == ("ana", "bob")


def test_who_of_a_group_is_held_up_at_the_gate_leaves_the_next_code_to_whoever_shows_it_behind_them() -> None:
    stage = Stage()
    ana, child, bob = stage.appear(1.0, -0.3), stage.appear(1.1, -0.4), stage.appear(1.0, -0.9)
    stage.tap("duo", people=2)
    stage.walk(ana, (1.0, 0.8))
    stage.wait(10.0)
    stage.walk(child, (1.6, -0.1))
    stage.walk(bob, (1.0, -0.4))
    stage.tap("bob")
    stage.wait(2.0)
    stage.walk(child, (1.2, 0.8))
    stage.walk(bob, (1.0, 0.8))
    assert (child.visit_id, bob.visit_id) == ("duo", "bob")


def test_nobody_inside_is_found_on_a_code_whose_owner_still_stands_at_the_gate() -> None:
    stage = Stage()
    ana = stage.appear(1.0, -0.3)
    stage.tap("ana")
    stage.wait(4.0)
    stranger = stage.appear(1.8, 1.4)
    stage.wait(1.0)
    assert stage.doors.find_missing([ana, stranger], stage.now_ns) == []


def test_a_code_is_not_kept_for_a_track_that_is_no_more() -> None:
    stage = Stage()
    ana, double = stage.appear(1.1, -0.4), stage.appear(1.0, -0.3)
    stage.tap("ana")
    stage.people.remove(double)
    stage.wait(1.5)
    stage.walk(ana, (1.0, 0.8))
    assert ana.visit_id == "ana"


def test_who_leads_a_group_is_waited_for_by_who_follows() -> None:
    stage = Stage()
    ana, child = stage.appear(1.0, -0.3), stage.appear(1.2, -0.6)
    stage.tap("duo", people=2)
    stage.walk(child, (1.4, 0.6), seconds=0.6)
    assert child.visit_id is None
    stage.walk(ana, (1.0, 0.8))
    assert (ana.visit_id, child.visit_id) == ("duo", "duo")


def test_who_comes_in_without_a_code_has_no_visit() -> None:
    stage = Stage()
    ana = stage.appear(1.0, -0.3)
    stage.tap("ana")
    stage.walk(ana, (1.0, 1.5))
    stranger = stage.appear(1.0, -0.8)
    stage.walk(stranger, (1.0, 1.0))
    stage.wait(20.0)
    assert stranger.visit_id is None
    assert len(opened(stage.said)) == 1


def test_walking_past_outside_the_gate_binds_nobody() -> None:
    stage = Stage()
    passer = stage.appear(-1.0, -0.5)
    stage.tap("ana")
    stage.walk(passer, (3.0, -0.4))
    assert passer.visit_id is None


def test_the_wall_beside_the_gate_is_no_gate() -> None:
    stage = Stage()
    ghost = stage.appear(2.6, -0.6)
    stage.tap("ana")
    stage.walk(ghost, (2.6, 1.0))
    assert ghost.entered is None


def test_the_exits_line_ends_the_visit_when_it_is_crossed_not_when_it_is_noticed() -> None:
    stage = Stage()
    ana = stage.appear(1.0, -0.5)
    stage.tap("ana")
    stage.walk(ana, (1.0, 1.0))
    stage.walk(ana, (4.0, 1.0), seconds=3.0)
    started_s = stage.now_s
    stage.walk(ana, (4.0, -1.0), seconds=2.0)
    (end,) = closed(stage.said)
    assert end.gate_id == "exit"
    assert seconds_of(end.closed_ns) == pytest.approx(started_s + 1.0, abs=0.03)
    assert ana.visit_id is None
    assert ana.has_left


def test_stepping_back_through_the_entry_for_a_moment_ends_nothing_but_staying_out_does() -> None:
    stage = Stage()
    ana = stage.appear(1.0, -0.5)
    stage.tap("ana")
    stage.walk(ana, (1.0, 0.5), (1.0, -0.4), (1.0, 0.8))
    assert closed(stage.said) == []
    stage.walk(ana, (1.0, -1.0))
    stage.wait(13.0)
    assert closed(stage.said) == []
    stage.wait(2.5)
    assert [end.gate_id for end in closed(stage.said)] == ["entry"]


def test_who_is_lost_on_the_way_through_the_exit_has_left_and_who_is_lost_elsewhere_has_not() -> None:
    stage = Stage()
    out, inside = stage.appear(0.8, -0.5), stage.appear(1.2, -1.5)
    stage.tap("out")
    stage.walk(out, (0.8, 0.6))
    stage.tap("inside")
    stage.walk(inside, (1.2, 1.0), (2.5, 2.5))
    stage.walk(out, (4.0, 1.4), (4.0, 0.4))
    out.is_lost = inside.is_lost = True
    stage.wait(3.0)
    assert [end.visit_id for end in closed(stage.said)] == ["out"]


def test_pressing_out_ends_a_visit_whose_person_is_lost() -> None:
    stage = Stage()
    ana = stage.appear(1.0, -0.5)
    stage.tap("ana")
    stage.walk(ana, (1.0, 1.0), (2.5, 2.5))
    ana.is_lost = True
    stage.wait(3.0)
    stage.tap("ana", direction="exit")
    stage.wait(5.5)
    assert [(end.visit_id, end.gate_id) for end in closed(stage.said)] == [("ana", "exit")]


def test_who_was_never_seen_has_left_when_they_pressed_out() -> None:
    stage = Stage()
    stage.tap("unseen")
    stage.wait(20.0)
    stage.tap("unseen", direction="exit")
    stage.wait(4.0)
    assert closed(stage.said) == []
    stage.wait(2.0)
    assert [visit.visit_id for visit in closed(stage.said)] == ["unseen"]


def test_a_code_on_which_nobody_came_is_given_up_unless_somebody_inside_may_be_its_owner() -> None:
    stage = Stage(DoorSettings(nobody_close_ns=20 * NS_PER_S))
    stage.tap("nobody")
    stage.wait(19.0)
    assert closed(stage.said) == []
    stranger = stage.appear(2.0, 3.0)
    stranger.sides = {"entry": 1, "exit": 1}
    stage.wait(5.0)
    assert closed(stage.said) == []
    stranger.has_left = True
    stage.wait(0.5)
    assert [visit.visit_id for visit in closed(stage.said)] == ["nobody"]


def test_a_group_of_which_one_was_never_seen_coming_in_still_ends() -> None:
    stage = Stage()
    ana = stage.appear(1.0, -0.5)
    stage.tap("duo", people=2)
    stage.walk(ana, (1.0, 1.0), (4.0, 1.0))
    unseen = stage.appear(3.0, 2.5)
    stage.walk(ana, (4.0, -0.6))
    assert closed(stage.said) == []
    stage.walk(unseen, (4.0, 0.8), (4.0, -0.6))
    stage.wait(0.5)
    assert [end.visit_id for end in closed(stage.said)] == ["duo"]


def test_the_same_code_twice_is_one_visit() -> None:
    stage = Stage()
    ana = stage.appear(1.0, -0.5)
    stage.tap("ana")
    stage.tap("ana")
    stage.walk(ana, (1.0, 1.0))
    stage.wait(3.0)
    assert len(opened(stage.said)) == 1


def test_at_the_bound_the_oldest_visit_is_ended_to_make_room() -> None:
    stage = Stage(DoorSettings(visits_max=3))
    for number in range(5):
        stage.wait(1.0)
        stage.tap(f"v{number}")
    assert [end.visit_id for end in closed(stage.said)] == ["v0", "v1"]
    assert list(stage.doors.visits) == ["v2", "v3", "v4"]
    opened_first = [visit.visit_id for visit in opened(stage.said)][:2]
    assert opened_first == ["v0", "v1"], "a visit is opened before it is ended"
    assert stage.doors.finish(stage.now_ns + NS_PER_S)[-1].visit_id == "v4"


def test_a_groups_place_does_not_go_to_the_double_of_one_who_is_in() -> None:
    """Somebody inside whom nobody saw come, beside one of the group; the other of them still stands outside."""
    stage = Stage()
    ana, ben, eve = stage.appear(1.0, -0.3), stage.appear(1.0, -0.9), stage.appear(1.1, -1.3)
    stage.tap("duo", people=2)
    stage.walk(ana, (1.0, 0.6))
    double = stage.appear(1.35, 0.5)
    stage.wait(3.0)
    stage.walk(ben, (1.0, -0.2))
    stage.walk(ben, (0.8, 0.9))
    stage.walk(eve, (1.1, -0.3))
    stage.tap("eve")
    stage.walk(eve, (1.1, 0.9))
    assert (ana.visit_id, ben.visit_id, eve.visit_id, double.visit_id) == ("duo", "duo", "eve", None)


def test_a_place_that_went_to_a_double_is_taken_by_whoever_was_left_without() -> None:
    stage = Stage()
    first, double = stage.appear(0.9, -0.8), stage.appear(1.1, -1.2)
    stage.tap("pair", people=2)
    stage.walk(first, (0.9, 2.5))
    stage.walk(double, (1.6, 1.2))
    second = stage.appear(1.0, 0.6)
    assert (double.visit_id, second.visit_id) == ("pair", None)
    double.is_lost = True
    stage.doors.disown(double)
    stage.wait(0.5)
    assert (double.visit_id, second.visit_id) == (None, "pair")


def test_who_came_in_before_a_group_showed_its_code_is_none_of_them() -> None:
    stage = Stage()
    left_without, ana, child = stage.appear(0.8, 0.3), stage.appear(1.0, -0.3), stage.appear(1.1, -0.9)
    stage.walk(left_without, (0.8, 3.0))
    stage.tap("duo", people=2)
    stage.walk(ana, (1.0, 0.8))
    assert left_without.visit_id is None
    stage.walk(child, (1.1, 0.8))
    assert (ana.visit_id, child.visit_id, left_without.visit_id) == ("duo", "duo", None)


def test_who_steps_back_out_before_any_code_is_shown_has_not_come_in() -> None:
    stage = Stage()
    ana = stage.appear(1.0, -0.6)
    stage.walk(ana, (1.0, 0.2))
    assert ana.entered is not None
    stage.walk(ana, (1.0, -0.6))
    stage.wait(20.0)
    assert ana.entered is None
    assert not ana.has_left, "whoever waits before the gate has not been in"


def test_who_stands_on_the_line_is_the_one_that_a_group_misses() -> None:
    stage = Stage()
    ana, child = stage.appear(1.0, -0.3), stage.appear(1.1, -0.7)
    bob, eve = stage.appear(1.0, -1.2), stage.appear(1.2, -1.5)
    stage.tap("duo", people=2)
    stage.walk(ana, (1.0, 0.8))
    stage.walk(child, (1.1, 0.05))
    stage.walk(bob, (1.0, -0.35))
    stage.walk(eve, (1.2, -0.9))
    stage.tap("bob")
    stage.wait(1.0)
    assert stage.doors.visits["bob"].claimant is bob
    stage.walk(child, (1.1, 0.9))
    stage.walk(bob, (1.0, 0.9))
    assert (child.visit_id, bob.visit_id, eve.visit_id) == ("duo", "bob", None)


def test_a_code_is_nobodys_until_it_was_looked_who_stood_there_when_it_was_shown() -> None:
    stage = Stage()
    stranger, bob = stage.appear(1.0, -0.3), stage.appear(1.1, -0.9)
    stage.walk(stranger, (1.0, 0.5))
    stage.walk(bob, (1.1, -0.3))
    stage.tap("bob")
    stage.doors.bind_entered([stranger, bob], stage.now_ns)
    assert stranger.visit_id is None
    stage.walk(bob, (1.1, 0.8))
    assert (stranger.visit_id, bob.visit_id) == (None, "bob")


def test_of_two_tracks_that_may_be_one_body_the_older_takes_a_groups_place() -> None:
    stage = Stage()
    ana, ben = stage.appear(1.0, -0.3), stage.appear(1.0, -1.0)
    double = stage.appear(1.2, -0.7)
    stage.doubles = [(ben, double)]
    stage.tap("duo", people=2)
    stage.walk(ana, (1.0, 2.0))
    stage.walk(ben, (1.0, -0.4))
    stage.walk(double, (1.2, 0.2), seconds=0.5)
    assert double.visit_id is None
    stage.walk(ben, (1.0, 0.4), seconds=0.5)
    assert (ben.visit_id, double.visit_id) == ("duo", None)


def test_who_of_a_group_comes_in_close_behind_another_is_not_their_double_if_a_picture_shows_both() -> None:
    stage = Stage()
    ana, ben = stage.appear(1.0, -0.3), stage.appear(1.0, -0.8)
    stage.tap("duo", people=2)
    stage.walk(ana, (1.0, 0.4))
    stage.walk(ben, (1.0, 0.1))
    assert ben.visit_id == "duo"


def test_who_is_lost_inside_and_found_before_the_gate_is_somebody_who_waits_there() -> None:
    stage = Stage(DoorSettings(nobody_close_ns=20 * NS_PER_S))
    ana = stage.appear(1.0, -0.3)
    stage.tap("ana")
    stage.walk(ana, (1.0, 0.3))
    stage.wait(25.0)
    ana.is_lost = True
    for _ in range(9):
        stage.now_s += TICK_S
    ana.is_lost = False
    stage.walk(ana, (1.0, -0.5), seconds=TICK_S)
    assert ana.visit_id is None
    assert stage.doors.visits["ana"].missing_count == 1
    stage.wait(15.0)
    assert closed(stage.said) == [], "whose code it is may still be inside"


def test_who_was_left_without_a_code_before_is_not_the_one_that_a_group_misses() -> None:
    stage = Stage()
    stranger = stage.appear(1.0, -0.3)
    stage.walk(stranger, (1.0, 2.5))
    ana, child, bob = stage.appear(1.0, -0.3), stage.appear(1.1, -0.7), stage.appear(1.0, -1.2)
    stage.tap("duo", people=2)
    stage.walk(ana, (1.0, 0.8))
    stage.walk(child, (1.1, -0.2))
    stage.walk(bob, (1.0, -0.5))
    stage.tap("bob")
    stage.wait(1.0)
    assert stage.doors.visits["bob"].claimant is bob
