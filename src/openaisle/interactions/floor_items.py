"""Goods laid on the floor, and taken from there: what no scale notices.

Somebody crouches, a hand goes down to the floor beside no shelf, and nothing changes on any shelf meanwhile. Whoever
carries something has probably laid it down, what they took last, and by that hand; where something was laid before,
they have probably picked it up. What may lie on the floor is not billed. Nobody can be sure of it until somebody takes
something from that very place: then it did lie there, and the laying down is said again, surer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from openaisle.core.messages import FloorTracks, Interaction, InteractionKind, TrackId, VisitId
from openaisle.core.units import NS_PER_S
from openaisle.interactions.carried import Lot
from openaisle.interactions.memory import Holdings, Memory
from openaisle.interactions.reach import WRISTS, Floats, Target, hands_of
from openaisle.interactions.settings import FloorSettings
from openaisle.interactions.shelving import Shelving
from openaisle.store.schema import Store

Explained = Callable[[], Sequence[tuple[Target, VisitId | None]]]
"""Where and when steps happened, and whose they are."""


@dataclass
class _Dip:
    """One hand near the floor, for as long as it is."""

    track_id: TrackId
    hand: int
    began_ns: int
    last_ns: int
    lowest_floor_m: Floats  # [3]
    glimpses: int = 1


@dataclass(frozen=True)
class _Lying:
    """A unit on the floor."""

    laid: Interaction
    lot: Lot
    place_floor_m: Floats  # [3]


class FloorItems:
    """Follows low hands, and remembers what lies on the floor."""

    def __init__(self, store: Store, memory: Memory, settings: FloorSettings) -> None:
        self._shelving = Shelving(store)
        self._memory = memory
        self._settings = settings
        self._dips: dict[TrackId, _Dip] = {}
        self._inside_ns: dict[TrackId, int] = {}  # when a hand was last in a gondola
        self._over: list[_Dip] = []
        self._lying: dict[str, _Lying] = {}

    @property
    def is_waiting(self) -> bool:
        return bool(self._over)

    def hear(self, tracks: Sequence[FloorTracks]) -> None:
        """Follow everybody's hands."""
        settings = self._settings
        for message in tracks:
            hands = hands_of(message.joints_floor_m, settings.hand_beyond_wrist_m)  # [people, 2, 3]
            at_shelves = self._shelving.reached(hands, settings.edge_m)
            is_sure = message.joints_floor_m[:, WRISTS, 3] >= settings.confidence_min
            with np.errstate(invalid="ignore"):
                low = (hands[..., 2] < settings.low_m) & ~at_shelves & is_sure
            for row in np.flatnonzero(at_shelves.any(axis=1)):
                self._inside_ns[message.track_ids[row]] = message.captured_ns
            for row in np.flatnonzero(low.any(axis=1)):
                heights = np.where(low[row], hands[row, :, 2], np.inf)
                hand = int(heights.argmin())
                self._see(message.track_ids[row], hand, hands[row, hand], message.captured_ns)
            over_ns = message.captured_ns - round(settings.parted_s * NS_PER_S)
            for track_id in [each for each, dip in self._dips.items() if dip.last_ns < over_ns]:
                dip = self._dips.pop(track_id)
                if dip.glimpses >= settings.glimpses_min:
                    self._over.append(dip)
        while len(self._inside_ns) > settings.tracks_max:
            self._inside_ns.pop(next(iter(self._inside_ns)))

    def decide(
        self,
        undecided_ns: int | None,
        visit_of: Callable[[TrackId], VisitId | None],
        explained: Explained,
        holdings: Holdings,
        now_ns: int,
    ) -> list[Interaction]:
        """What was laid down and picked up before the oldest step that is not decided for good."""
        wait_ns = round(self._settings.wait_s_max * NS_PER_S)
        due = [
            d
            for d in self._over
            if undecided_ns is None or undecided_ns > d.last_ns or now_ns - d.last_ns > wait_ns
        ]
        self._over = [dip for dip in self._over if dip not in due]
        said: list[Interaction] = []
        for dip in due:
            visit_id = visit_of(dip.track_id)
            if (
                visit_id is None
                or self._memory.is_staff(visit_id)
                or self._is_at_shelf(dip, visit_id, explained())
            ):
                continue
            said += self._said(dip, visit_id, holdings, now_ns)
        return said

    def _see(self, track_id: TrackId, hand: int, point_floor_m: Floats, at_ns: int) -> None:
        dip = self._dips.get(track_id)
        if dip is None:
            self._dips[track_id] = _Dip(track_id, hand, at_ns, at_ns, point_floor_m)
            return
        dip.last_ns = max(dip.last_ns, at_ns)
        dip.glimpses += 1
        if point_floor_m[2] < dip.lowest_floor_m[2]:
            dip.lowest_floor_m, dip.hand = point_floor_m, hand

    def _is_at_shelf(
        self, dip: _Dip, visit_id: VisitId, steps: Sequence[tuple[Target, VisitId | None]]
    ) -> bool:
        """Whether they crouched for goods of a low shelf."""
        before_ns = dip.began_ns - round(self._settings.apart_s * NS_PER_S)
        after_ns = dip.last_ns + round(self._settings.apart_s * NS_PER_S)
        is_inside = before_ns <= self._inside_ns.get(dip.track_id, 0) <= after_ns
        return is_inside or any(
            owner == visit_id and before_ns <= target.edge_ns <= after_ns for target, owner in steps
        )

    def _said(self, dip: _Dip, visit_id: VisitId, holdings: Holdings, now_ns: int) -> list[Interaction]:
        settings = self._settings
        lots = self._memory.carried(visit_id, dip.began_ns, set(), holdings)
        laid = [(self._weight_of_lot(lot, dip), lot) for lot in lots]
        found = [(self._weight_of_lying(lying, dip), lying) for lying in self._lying.values()]
        brief, longer = settings.weight_of_nothing
        nothing = brief if dip.last_ns - dip.began_ns <= settings.brief_s * NS_PER_S else longer
        total = sum(weight for weight, _ in (*laid, *found)) + nothing
        best_laid = max(laid, key=lambda pair: pair[0], default=None)
        best_found = max(found, key=lambda pair: pair[0], default=None)
        interaction_id = f"{dip.track_id}.{dip.hand}/{dip.began_ns}/floor"
        if best_found is not None and (best_laid is None or best_found[0] >= best_laid[0]):
            weight, lying = best_found
            lot, kind = lying.lot, InteractionKind.PICK_UP
        elif best_laid is not None:
            weight, lot = best_laid
            lying, kind = None, InteractionKind.PUT_BACK_WRONG
        else:
            return []
        probability = weight / total * (1.0 if lying is None else 1.0 - settings.left_share)
        if probability < settings.probability_min:
            return []
        message = Interaction(
            interaction_id=interaction_id,
            revision=0,
            kind=kind,
            shelf_id="",
            slot_id=None,
            product_id=lot.product_id,
            quantity=1,
            visit_id=visit_id,
            probability=round(probability, 4),
            happened_ns=dip.began_ns,
            decided_ns=now_ns,
        )
        self._memory.pass_on(message, lot, dip.hand)
        if lying is not None:
            del self._lying[lying.laid.interaction_id]
            return [_surer(lying.laid, probability, now_ns), message]
        self._lying[interaction_id] = _Lying(message, lot, dip.lowest_floor_m)
        while len(self._lying) > settings.lying_max:
            self._lying.pop(next(iter(self._lying)))
        return [message]

    def _weight_of_lot(self, lot: Lot, dip: _Dip) -> float:
        settings = self._settings
        same = lot.right_hand if dip.hand == 1 else 1.0 - lot.right_hand
        same = settings.hand_sure * same + (1.0 - settings.hand_sure) * (1.0 - same)
        return lot.recency(dip.began_ns, settings.recent_s) * (same + (1.0 - same) / settings.same_hand_odds)

    def _weight_of_lying(self, lying: _Lying, dip: _Dip) -> float:
        away_m = float(np.linalg.norm((lying.place_floor_m - dip.lowest_floor_m)[:2]))
        return self._settings.weight_of_lying * math.exp(-0.5 * (away_m / self._settings.place_sd_m) ** 2)


def _surer(laid: Interaction, probability: float, now_ns: int) -> Interaction:
    """Laid down for sure if it was picked up since, which is so probable."""
    return msgspec.structs.replace(
        laid,
        revision=laid.revision + 1,
        probability=round(1.0 - (1.0 - laid.probability) * (1.0 - probability), 4),
        decided_ns=now_ns,
    )
