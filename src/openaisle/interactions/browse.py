"""Hands that were at a shelf and left no change: browsing, or goods touched and left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from openaisle.core.messages import FloorTracks, Interaction, InteractionKind, ShelfId, TrackId, VisitId
from openaisle.core.units import NS_PER_S
from openaisle.interactions.deeds import Deeds
from openaisle.interactions.reach import Floats, Target, hands_of
from openaisle.interactions.settings import Settings
from openaisle.interactions.shelving import Shelving
from openaisle.interactions.unheard import Unheard
from openaisle.store.schema import Gondola, Store

LOST_NS = NS_PER_S // 2  # a hand not seen inside for so long is outside
INSIDE_M = 0.02  # past the front edge


@dataclass
class _Visit:
    """One hand's stay inside one gondola."""

    gondola_id: str
    shelf_id: ShelfId
    along_m: float
    began_ns: int
    last_ns: int
    is_touch: bool = False


class Browsing:
    """Notices hands crossing a shelf's front and coming back without a step."""

    def __init__(self, store: Store, settings: Settings, deeds: Deeds, unheard: Unheard) -> None:
        self._gondolas = Shelving(store)
        self._unheard = unheard
        self._settings = settings
        self._deeds = deeds
        self._stays: dict[tuple[TrackId, int], _Visit] = {}
        self._over: list[tuple[TrackId, int, _Visit]] = []

    def touched(self, target: Target, now_ns: int) -> None:
        """A step at this place was taken back: whoever was there touched something."""
        for stay in [*self._stays.values(), *(stay for _, _, stay in self._over)]:
            if stay.gondola_id == target.gondola.gondola_id and stay.began_ns <= now_ns:
                stay.is_touch = True

    def step(
        self,
        tracks: Sequence[FloorTracks],
        explained: Callable[[], Sequence[tuple[Target, VisitId | None]]],
        visit_of: Callable[[TrackId], VisitId | None],
        now_ns: int,
    ) -> list[Interaction]:
        """Stays that ended `browse_wait_s` ago and that no step explains; `explained`: where and whose those are."""
        for message in tracks:
            self._follow(message)
        newest_ns = max((message.captured_ns for message in tracks), default=0)
        for key in [key for key, stay in self._stays.items() if newest_ns - stay.last_ns > LOST_NS]:
            self._over.append((*key, self._stays.pop(key)))
        wait_ns = round(self._settings.browse_wait_s * NS_PER_S)
        due = [entry for entry in self._over if now_ns - entry[2].last_ns >= wait_ns]
        if not due:
            return []
        self._over = [entry for entry in self._over if now_ns - entry[2].last_ns < wait_ns]
        steps = explained()
        return [
            self._message(track_id, hand, stay, visit_of(track_id), now_ns)
            for track_id, hand, stay in due
            if stay.last_ns - stay.began_ns >= self._settings.browse_s * NS_PER_S
            and not any(_explains(target, visit_id, stay, visit_of(track_id)) for target, visit_id in steps)
        ]

    def _follow(self, message: FloorTracks) -> None:
        if not message.track_ids:
            return
        hands = hands_of(message.joints_floor_m, self._settings.reach.hand_beyond_wrist_m)
        for gondola in self._gondolas.near(hands):
            local = gondola.floor_from_gondola.inverse().apply(hands)  # [people, 2, 3]
            inside = (
                (local[..., 0] > 0.0)
                & (local[..., 0] < gondola.width_m)
                & (local[..., 1] > INSIDE_M)
                & (local[..., 1] < gondola.depth_m)
                & (local[..., 2] < gondola.height_m)
            )
            for person, hand in np.argwhere(inside):
                self._inside(message, gondola, int(person), int(hand), local[person, hand])

    def _inside(
        self, message: FloorTracks, gondola: Gondola, person: int, hand: int, local_m: Floats
    ) -> None:
        key = (message.track_ids[person], hand)
        stay = self._stays.get(key)
        if stay is not None and stay.gondola_id == gondola.gondola_id:
            stay.last_ns = max(stay.last_ns, message.captured_ns)
            return
        below = [shelf for shelf in gondola.shelves if shelf.height_m <= local_m[2] + 0.05]
        shelf = below[-1] if below else gondola.shelves[0]
        self._stays[key] = _Visit(
            gondola.gondola_id,
            shelf.shelf_id,
            float(local_m[0]) - shelf.left_m,
            message.captured_ns,
            message.captured_ns,
        )

    def _message(
        self, track_id: TrackId, hand: int, stay: _Visit, visit_id: VisitId | None, now_ns: int
    ) -> Interaction:
        paused = stay.last_ns - stay.began_ns >= self._settings.touch_s * NS_PER_S
        reach = self._deeds.reach_of(track_id, hand, stay.began_ns, stay.last_ns)
        message = Interaction(
            interaction_id=f"{track_id}/{hand}/{stay.began_ns}",
            revision=0,
            kind=InteractionKind.TOUCH_RETURN if paused or stay.is_touch else InteractionKind.BROWSE,
            shelf_id=stay.shelf_id,
            slot_id=None,
            product_id=None,
            quantity=0,
            visit_id=visit_id,
            probability=self._deeds.undone_probability(reach),
            happened_ns=stay.began_ns,
            decided_ns=now_ns,
        )
        return self._unheard.instead(message, reach)


def _explains(target: Target, visit_id: VisitId | None, stay: _Visit, stay_visit_id: VisitId | None) -> bool:
    """Whether a step happened during a stay, by the same person."""
    return (
        target.gondola.gondola_id == stay.gondola_id
        and visit_id == stay_visit_id
        and target.edge_ns >= stay.began_ns - NS_PER_S // 2
        and target.edge_ns <= stay.last_ns + NS_PER_S // 2
    )
