"""Room 3's stage: detections of all cameras, foreign skeletons and gate taps in; people, visits opened and closed out.

frames -> window -> crowd (3-D people) -> doors (whose visit) -> hindsight -> FloorTracks
skeletons ------> foreign bodies --------------------------------^
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from openaisle.core.messages import (
    BodySkeletons,
    CameraDetections,
    FloorTracks,
    GateTap,
    Reading,
    SensorDegraded,
    SensorRecovered,
    StrangerExplained,
    StrangerInside,
    VisitClosed,
    VisitOpened,
)
from openaisle.core.units import NS_PER_MS
from openaisle.store.schema import Store
from openaisle.tracks.camera_watch import CameraWatch, WatchSettings
from openaisle.tracks.coverage import Coverage
from openaisle.tracks.crowd import Crowd
from openaisle.tracks.crowd_settings import CrowdSettings
from openaisle.tracks.door_settings import DoorSettings
from openaisle.tracks.entry import Doors
from openaisle.tracks.foreign import ForeignBodies, ForeignSettings
from openaisle.tracks.hindsight import Told
from openaisle.tracks.people import Person
from openaisle.tracks.sightings import Rig
from openaisle.tracks.strangers import Strangers, StrangerSettings
from openaisle.tracks.walk_ins import WalkIns, WalkInSettings
from openaisle.tracks.window import FrameWindow

TracksMessage = (
    FloorTracks
    | VisitOpened
    | VisitClosed
    | StrangerInside
    | StrangerExplained
    | SensorDegraded
    | SensorRecovered
)


@dataclass(frozen=True, kw_only=True)
class TracksSettings:
    """Everything that may be set, by part."""

    crowd: CrowdSettings = field(default_factory=CrowdSettings)
    doors: DoorSettings = field(default_factory=DoorSettings)
    foreign: ForeignSettings = field(default_factory=ForeignSettings)
    strangers: StrangerSettings = field(default_factory=StrangerSettings)
    walk_ins: WalkInSettings = field(default_factory=WalkInSettings)
    watch: WatchSettings = field(default_factory=WatchSettings)
    hold_ns_max: int = 200 * NS_PER_MS  # a window is worked off this long after its end at the latest
    # A window's frames are on average half a period old: people are described as of then, where they are known best.
    # At the window's end a reaching wrist would be extrapolated, at more than half again the error.
    report_before_end_periods: float = 0.5
    joint_unseen_s_max: float = 0.7  # older joints are unknown


class Tracks:
    """Who is where. Memory is bounded by `tracks_max`, `visits_max` and the cameras."""

    def __init__(self, store: Store, settings: TracksSettings | None = None) -> None:
        self.settings = settings or TracksSettings()
        self._watch = CameraWatch(Rig.of(store.cameras), self.settings.watch)
        self._crowd = Crowd(
            store.cameras, Coverage.of_store(store), store.gates, self.settings.crowd, self._watch
        )
        self._window = FrameWindow(self._crowd.rig, self.settings.hold_ns_max)
        self._doors = Doors(store, self.settings.doors, self._crowd.are_two)
        self._walk_ins = WalkIns(store.gates, self._doors, self.settings.walk_ins)
        self._strangers = Strangers(self._doors, self.settings.strangers)
        self._foreign = ForeignBodies(self._doors, self.settings.foreign)
        self._untold: Told | None = None

    def step(
        self,
        detections: Sequence[CameraDetections],
        skeletons: Sequence[BodySkeletons],
        taps: Sequence[GateTap],
        now_ns: int,
    ) -> list[TracksMessage]:
        """What is newly known. FloorTracks come at the fastest camera's rate and with each skeleton message."""
        said: list[TracksMessage] = []
        for tap in taps:
            said += self._doors.tap(tap)
        self._window.add(self._watch.on_one_time(detections), now_ns)
        while window := self._window.take(now_ns):
            said += self._see(*window, now_ns)
        for message in skeletons:
            said += self._foreign.step(message, now_ns)
        said += self._foreign.let_go(now_ns)
        said += self._doors.open_overdue(now_ns)
        said += self._doors.let_go_unseen(now_ns)
        return said

    def finish(self, now_ns: int) -> list[TracksMessage]:
        """The shop closes or the recording ends: see what was not yet looked at, then close every visit."""
        said: list[TracksMessage] = []
        while window := self._window.take_rest(now_ns):
            said += self._see(*window, now_ns)
        said += self._told_of_last(None, now_ns)
        said += self._doors.finish(now_ns)
        said += self._strangers.finish(now_ns)
        self._forget_the_gone()
        return said

    def _see(self, until_ns: int, frames: Sequence[CameraDetections], now_ns: int) -> list[TracksMessage]:
        crowd, doors = self._crowd, self._doors
        crowd.step(frames, until_ns, misses_somebody=doors.misses_somebody)
        # Of the window before: what this one shows of people's joints tells more of where these had been.
        said: list[TracksMessage] = [*self._told_of_last(until_ns, now_ns)]
        believed = [person for person in crowd.people if person.is_believed]
        doors.note_who_taps(crowd.people, until_ns)
        said += doors.watch(believed, until_ns)
        said += self._let_in(believed, until_ns)
        self._find_lost(until_ns)
        for person in crowd.doubles_of_mates:
            doors.disown(person)
        said += self._find_missing(until_ns)
        said += doors.let_go([*crowd.people, *crowd.lost], until_ns)
        followed = [person for person in [*crowd.people, *crowd.lost] if person.is_believed]
        said += self._walk_ins.step(followed, until_ns)
        said += self._strangers.step(followed, until_ns)
        self._forget_the_gone()
        said += self._watch.judge(until_ns)
        self._untold = self._seen_at(until_ns)
        return said

    def _let_in(self, believed: Sequence[Person], at_ns: int) -> list[TracksMessage]:
        """Give those who came in to their codes. What they wear is learned from then on.

        Tracks in a queue change bodies, and would remember the clothes of several people.
        """
        strangers = [person for person in believed if person.visit_id is None]
        said: list[TracksMessage] = [*self._doors.bind_entered(believed, at_ns)]
        for person in strangers:
            if person.visit_id is not None:
                self._crowd.looks.forget(person.row)
        return said

    def _find_lost(self, at_ns: int) -> None:
        """Strangers inside may be people we lost."""
        strangers = [
            person
            for person in self._crowd.people
            if person.is_believed
            and person.visit_id is None
            and not person.has_left
            and at_ns - person.seen_ns < self._crowd.settings.missed_ns
            and self._doors.is_inside(person)
        ]
        for find in (self._crowd.take_back, self._crowd.lead_back):
            find(strangers)
            strangers = [person for person in strangers if person in self._crowd.people]
        rest = [person for person in strangers if not self._doors.is_waiting_at_gate(person, at_ns)]
        if rest:
            self._crowd.rejoin(rest, at_ns)

    def _find_missing(self, at_ns: int) -> list[TracksMessage]:
        """Strangers inside who may be people whose tap nobody was bound to."""
        said: list[TracksMessage] = []
        pairs = self._doors.find_missing(self._crowd.people, at_ns)
        for _, visit, person in sorted(pairs, key=lambda pair: (pair[0], pair[1].visit_id, pair[2].track_id)):
            if visit.missing_count > 0 and person.visit_id is None:
                said += self._doors.bind(visit, person, person.born_ns)
        return said

    def _forget_the_gone(self) -> None:
        """Whoever has left is no longer known by looks."""
        for person in [*self._crowd.people, *self._crowd.lost]:
            if person.has_left:
                self._crowd.looks.forget(person.row)

    def _seen_at(self, until_ns: int) -> Told:
        """Everybody to be told of, as they are known at a window's end."""
        bodies = self._crowd.bodies
        shown = [person for person in self._crowd.people if person.is_believed]
        shown += [person for person in self._crowd.lost if person.visit_id is not None]
        shown.sort(key=lambda person: person.track_id)
        back_ns = round(self.settings.report_before_end_periods * self._window.period_ns)
        return Told.of(shown, bodies, until_ns, back_ns)

    def _told_of_last(self, until_ns: int | None, now_ns: int) -> list[FloorTracks]:
        """Everybody as they were seen in the last window, by what is known at `until_ns`, where that is given."""
        told, self._untold = self._untold, None
        if told is None:
            return []
        if until_ns is not None:
            told.look_back(self._crowd.people, self._crowd.bodies, until_ns)
        return [told.message(now_ns, self.settings.joint_unseen_s_max)]


def tracks_of(store: Store, readings: Iterable[Reading]) -> Iterator[list[FloorTracks]]:
    """What the room says of where people are, reading by reading, of a day whose readings need no aligning."""
    room = Tracks(store)
    for reading in readings:
        if isinstance(reading, CameraDetections):
            said = room.step([reading], [], [], reading.received_ns)
        elif isinstance(reading, GateTap):
            said = room.step([], [], [reading], reading.received_ns)
        else:
            continue
        yield [message for message in said if isinstance(message, FloorTracks)]
