"""What the path asks about pictures, answered in a benchmark from the simulated cameras' main streams.

An answer arrives `LOOKING_NS` after its question or its frame, whichever is later, as from an edge node that keeps up.
The same questions get the same answers at the same times. The answers are scored here too, against what really was in
the windows; that goes into figures and nowhere else.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from openaisle.core.messages import LookWanted, PackLook, ProductId
from openaisle.core.units import NS_PER_MS
from openaisle.detections.looks import PackLooker, Window
from openaisle.sim.main_streams import MainStreams, Shot
from openaisle.store.schema import Store

LOOKING_NS: Final = 150 * NS_PER_MS
"""To fetch the frame out of the main stream, recognise what is in it, and send the answer."""
WAITING_MAX: Final = 256
"""Questions whose frame is still to come; a further one takes the place of the oldest, which stays unanswered."""


@dataclass(frozen=True)
class LookTally:
    """What became of the questions of a day, or of several."""

    asked: int = 0
    answered: int = 0
    with_pack: int = 0  # of the answered: a plausible pack is where the window points, seen or hidden
    right: int = 0  # of those: it is the likeliest
    doubted: int = 0  # of those: "none of these" is likelier than it
    without_pack: int = 0  # of the answered: no pack is meant by the window
    found_none: int = 0  # of those: no product is likelier than "none of these"

    def __add__(self, other: LookTally) -> LookTally:
        sums = [getattr(self, field.name) + getattr(other, field.name) for field in fields(self)]
        return LookTally(*sums)


class SimulatedLooks:
    """Answers for `replay.player.play`."""

    def __init__(self, store: Store, streams: MainStreams, looker: PackLooker) -> None:
        self._store = store
        self._streams = streams
        self._looker = looker
        self._waiting: deque[LookWanted] = deque(maxlen=WAITING_MAX)
        # received_ns, order of finding
        self._due: list[tuple[int, int, LookWanted, Shot, Shot | None, list[Shot]]] = []
        self._number = 0
        self.tally = LookTally()

    def ask(self, wanted: LookWanted) -> None:
        """A question of the path."""
        self.tally += LookTally(asked=1)
        self._waiting.append(wanted)

    def next_ns(self) -> int | None:
        """When the next answer arrives; None while none is on its way."""
        for _ in range(len(self._waiting)):
            self._fetch(self._waiting.popleft())
        return self._due[0][0] if self._due else None

    def take(self) -> list[PackLook]:
        """The answers that arrive then, in the order of their questions."""
        received_ns = self._due[0][0]
        windows: list[Window] = []
        meant: list[ProductId | None] = []
        while self._due and self._due[0][0] == received_ns:
            _, _, wanted, shot, other, before = heapq.heappop(self._due)
            pixels = self._streams.window(shot, wanted.window_main_px)
            without = self._streams.window(other, wanted.window_main_px) if other else None
            clip = tuple(self._streams.window(each, wanted.window_main_px) for each in before)
            windows.append(Window(wanted, pixels, shot.scene.at_ns, without, clip))
            meant.append(meant_by(self._store, wanted, shot, other))
        looks = self._looker.look(windows, received_ns)
        for look, product_id in zip(looks, meant, strict=True):
            self.tally += _score(look, product_id)
        return looks

    def _fetch(self, wanted: LookWanted) -> None:
        """Find the frames that are meant, wait on for them, or forget a question whose frames are gone."""
        newest_ns = self._streams.newest_ns(wanted.camera_id)
        if newest_ns < max(wanted.captured_ns, wanted.without_ns):
            self._waiting.append(wanted)
            return
        shot = self._streams.nearest(wanted.camera_id, wanted.captured_ns)
        other = self._streams.nearest(wanted.camera_id, wanted.without_ns) if wanted.without_ns else None
        if shot is None or (wanted.without_ns and other is None):
            return
        moments = self._looker.clip_moments(wanted)
        before = [
            each for at_ns in moments if (each := self._streams.nearest(wanted.camera_id, at_ns)) is not None
        ]
        last_ns = max(shot.scene.at_ns, other.scene.at_ns if other else 0)
        received_ns = max(wanted.wanted_ns, last_ns) + LOOKING_NS
        heapq.heappush(self._due, (received_ns, self._number, wanted, shot, other, before))
        self._number += 1


def meant_by(store: Store, wanted: LookWanted, shot: Shot, without: Shot | None) -> ProductId | None:
    """The truth: whose pack is nearest to the middle of a window, if its own middle is in it.

    Of those in hands; where a change is asked for, of those that stood there in `shot` and not in `without`.
    """
    scene, camera = shot.scene, store.camera_of[shot.camera_id]
    if without is None:
        rows = np.flatnonzero(scene.item_in_hand)
    else:
        other = without.scene
        elsewhere = {other.items[row].item_id for row in np.flatnonzero(~other.item_in_hand).tolist()}
        standing = np.flatnonzero(~scene.item_in_hand).tolist()
        rows = np.array([row for row in standing if scene.items[row].item_id not in elsewhere], np.intp)
    if len(rows) == 0:
        return None
    heights_m = [store.products[scene.items[row].product_id].height_m for row in rows.tolist()]
    middles_m = scene.item_positions_floor_m[rows] + np.outer(heights_m, [0.0, 0.0, 0.5])
    lens = camera.lens.scaled(camera.main_width_px, camera.main_height_px)
    left, top, side = wanted.window_main_px
    away_px = lens.project(camera.camera_from_floor.apply(middles_m)) - [left + side / 2, top + side / 2]
    farthest_px = np.nan_to_num(np.abs(away_px).max(axis=1), nan=np.inf)
    nearest = int(farthest_px.argmin())
    return scene.items[rows[nearest]].product_id if farthest_px[nearest] <= side / 2 else None


def _score(look: PackLook, meant: ProductId | None) -> LookTally:
    if meant is None:
        return LookTally(answered=1, without_pack=1, found_none=int((look.log_odds <= 0).all()))
    if meant not in look.product_ids:
        return LookTally(answered=1)
    at = look.product_ids.index(meant)
    is_right, is_doubted = int(look.log_odds.argmax()) == at and look.log_odds.any(), look.log_odds[at] < 0
    return LookTally(answered=1, with_pack=1, right=int(is_right), doubted=int(is_doubted))
