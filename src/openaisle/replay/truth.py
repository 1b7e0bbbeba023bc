"""What really happened on a day, as files beside a recording. For scoring only: the path never sees it.

truth/visits.json        who came, and with what they left
truth/events.ndjson      each hand on goods, one unit a line
truth/people.ndjson.gz   where everybody stood, one instant a line
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from openaisle.core.errors import RecordingError
from openaisle.core.messages import ProductId, SlotId, VisitId
from openaisle.replay.streams import DeterministicGzip, damaged, numbered_lines

if TYPE_CHECKING:
    from openaisle.sim.truth import Truth

FORMAT: Final = "openaisle-truth"
FORMAT_VERSION: Final = 1

VISITS: Final = "visits.json"
EVENTS: Final = "events.ndjson"
PEOPLE: Final = "people.ndjson.gz"

T = TypeVar("T")


class TrueVisit(msgspec.Struct, frozen=True, kw_only=True):
    """One visit that is over."""

    visit_id: VisitId
    families: tuple[str, ...]  # of hard cases that occur in it
    basket: dict[ProductId, int]  # what was carried out, units > 0
    body_ids: tuple[int, ...]
    entered_ns: int
    left_ns: int
    is_staff: bool = False


class TrueEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A hand did something to one unit of goods on a shelf."""

    at_ns: int  # take: the hand has its weight; put back: the hand lets go; touch: the plate feels it
    kind: str  # take | put_back | put_back_wrong | touch
    visit_id: VisitId
    slot_id: SlotId
    product_id: ProductId
    mass_g: float


class TruePositions(msgspec.Struct, frozen=True, kw_only=True):
    """Where everybody stood at one instant; rows sorted by body."""

    at_ns: int
    body_ids: tuple[int, ...]
    positions_floor_m: tuple[tuple[float, float], ...]

    @property
    def points_floor_m(self) -> NDArray[np.float64]:
        """[bodies, 2]"""
        return np.array(self.positions_floor_m, np.float64).reshape(-1, 2)


Named = TypeVar("Named", TrueVisit, TrueEvent)


class _Visits(msgspec.Struct, frozen=True, kw_only=True):
    format: str
    version: int
    visits: tuple[TrueVisit, ...]


class DayTruth(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of a day."""

    visits: tuple[TrueVisit, ...]
    events: tuple[TrueEvent, ...] = ()
    people: tuple[TruePositions, ...] = ()

    def named(self, names: Mapping[VisitId, VisitId]) -> DayTruth:
        """The same with some visits called as the shop called them."""

        def renamed(row: Named) -> Named:
            return msgspec.structs.replace(row, visit_id=names.get(row.visit_id, row.visit_id))

        visits = sorted((renamed(visit) for visit in self.visits), key=lambda visit: visit.visit_id)
        return DayTruth(visits=tuple(visits), events=tuple(map(renamed, self.events)), people=self.people)

    def write(self, folder: Path) -> None:
        """Into a recording's truth folder."""
        visits = _Visits(format=FORMAT, version=FORMAT_VERSION, visits=self.visits)
        (folder / VISITS).write_bytes(msgspec.json.format(msgspec.json.encode(visits), indent=1) + b"\n")
        (folder / EVENTS).write_bytes(_lines(self.events))
        with DeterministicGzip(folder / PEOPLE) as file:
            file.write(_lines(self.people))

    @classmethod
    def read(cls, folder: Path) -> DayTruth:
        """From a recording's truth folder. Raises RecordingError, naming file and line."""
        path = folder / VISITS
        try:
            found = msgspec.json.decode(path.read_bytes(), type=_Visits)
        except FileNotFoundError:
            raise RecordingError(
                "file is missing", file=str(path), expected="the truth of this day"
            ) from None
        except ValueError as error:
            raise RecordingError(f"is no list of visits ({error})", file=str(path)) from error
        if (found.format, found.version) != (FORMAT, FORMAT_VERSION):
            expected = f"format {FORMAT} version {FORMAT_VERSION}"
            raise RecordingError(
                "is of an unknown format",
                file=str(path),
                expected=expected,
                found=(found.format, found.version),
            )
        return cls(
            visits=found.visits,
            events=tuple(_read_lines(folder / EVENTS, TrueEvent)),
            people=tuple(_read_lines(folder / PEOPLE, TruePositions)),
        )


def truth_of_simulation(truth: Truth) -> DayTruth:
    """The simulator's own record as a day's truth: visits that are over, sorted by id; times ascending."""
    visits = tuple(
        TrueVisit(
            visit_id=visit_id,
            families=visit.families or (visit.family,),
            basket={product_id: count for product_id, count in sorted(visit.basket.items()) if count > 0},
            body_ids=visit.body_ids,
            entered_ns=visit.entered_ns,
            left_ns=visit.left_ns,
            is_staff=bool(getattr(visit, "is_staff", False)),
        )
        for visit_id, visit in sorted(truth.visits.items())
        if visit.left_ns
    )
    events = tuple(
        TrueEvent(
            at_ns=event.at_ns,
            kind=event.kind,
            visit_id=event.visit_id,
            slot_id=event.slot_id,
            product_id=event.product_id,
            mass_g=round(event.mass_g, 3),
        )
        for event in sorted(truth.events, key=lambda event: (event.at_ns, event.visit_id, event.item_id))
    )
    return DayTruth(visits=visits, events=events, people=tuple(_instants(*truth.positions())))


# --- leaves -------------------------------------------------------------------------------------------------------


def _instants(
    times_ns: NDArray[np.int64], body_ids: NDArray[np.int64], points_floor_m: NDArray[np.float64]
) -> Iterator[TruePositions]:
    """Rows (one a body and instant) to one struct an instant. Shapes [rows], [rows], [rows, 2]."""
    order = np.lexsort((body_ids, times_ns))
    times_ns, body_ids, points = times_ns[order], body_ids[order], np.round(points_floor_m[order], 3)
    starts = np.flatnonzero(np.diff(times_ns, prepend=-1))
    for start, end in zip(starts, [*starts[1:], len(times_ns)], strict=True):
        yield TruePositions(
            at_ns=int(times_ns[start]),
            body_ids=tuple(body_ids[start:end].tolist()),
            positions_floor_m=tuple((x, y) for x, y in points[start:end].tolist()),
        )


def _lines(rows: Iterable[Any]) -> bytes:
    encoder = msgspec.json.Encoder()
    return b"".join(encoder.encode(row) + b"\n" for row in rows)


def _read_lines(path: Path, kind: type[T]) -> Iterator[T]:
    decoder = msgspec.json.Decoder(kind)
    for number, line in numbered_lines(path):
        try:
            yield decoder.decode(line)
        except ValueError as error:
            damaged(
                path,
                number,
                f"is no {kind.__name__} ({error})",
                kind.__name__,
                line[:80].decode("utf-8", "replace"),
            )
