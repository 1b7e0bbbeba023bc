"""What arms are doing at shelves: on their way, taking, putting back, only touching; said while it happens.

A network looks at each hand near a shelf and at the last three seconds of its path, and says what the hand is doing
now. Where that is not "none", a reach is open: it is said when it opens, whenever its verdict or a probability moves,
and once more when the hand is away. What goods were moved, weight decides; this is what the arm alone tells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openaisle.core.messages import Action, ArmAction, FloorTracks, TrackId, VisitId
from openaisle.core.units import NS_PER_S
from openaisle.interactions.actions_features import features_of
from openaisle.interactions.actions_network import ActionNetwork
from openaisle.interactions.actions_paths import ArmHistory, ArmPaths, HandLook, PathSettings, beyond_wrists
from openaisle.store.schema import Gondola, Store

ACTIONS: Final = tuple(Action)
DEEDS: Final = (Action.TAKE, Action.PUT_BACK, Action.BROWSE)
_APPROACH: Final = ACTIONS.index(Action.APPROACH)
_FIRST_DEED: Final = ACTIONS.index(Action.TAKE)


@dataclass(frozen=True)
class ActionSettings:
    paths: PathSettings = field(default_factory=PathSettings)
    open_probability: float = 0.5  # that the hand does something: a reach opens, and stays open
    quiet_s: float = 0.25  # a hand that does nothing for so long is away
    lost_s: float = 0.5  # so is one that is not seen, or not near a shelf any more
    news: float = 0.1  # a smaller change of every probability is no news
    decimals: int = 4  # of a probability that is said
    clip_s: float = 1.0  # what a clip showed counts for so long after its last picture
    clip_share: float = (
        0.5  # power that its probabilities are raised to: it sees the same arm that the joints are of
    )


@dataclass
class _Reach:
    """One hand at one gondola."""

    gondola: Gondola
    began_ns: int
    visit_id: VisitId | None
    probabilities: tuple[float, ...]  # newest while the hand did something
    at_ns: int  # of those
    place: tuple[str, float]  # shelf and metres along it, where the hand was deepest
    deepest_ns: int
    depth_m: float = -np.inf
    has_done: bool = False  # a deed was likelier than not
    seen_ns: int = 0
    revision: int = -1
    said: tuple[float, ...] = ()


class Actions:
    """Watches every hand of one store."""

    def __init__(
        self, store: Store, network: ActionNetwork | None = None, settings: ActionSettings | None = None
    ) -> None:
        self._settings = settings or ActionSettings()
        self._network = network or ActionNetwork()
        self._history = ArmHistory(store, self._settings.paths)
        self._reaches: dict[tuple[TrackId, int], _Reach] = {}
        self._clips: dict[tuple[TrackId, int], HandLook] = {}
        self._newest_ns = 0

    def step(
        self, tracks: Sequence[FloorTracks], now_ns: int, looks: Sequence[HandLook] = ()
    ) -> list[ArmAction]:
        """What is newly known of every hand near a shelf. A message older than the newest one tells nothing new."""
        for look in sorted(looks, key=lambda look: (look.at_ns, look.track_id, look.hand)):
            self._history.look(look)
            if look.deeds:
                self._clips[look.track_id, look.hand] = look
        said: list[ArmAction] = []
        for message in sorted(tracks, key=lambda message: message.captured_ns):
            self._history.add(message)
            if message.captured_ns > self._newest_ns:
                self._newest_ns = message.captured_ns
                said += self._watch(message, now_ns)
        return said

    def finish(self, now_ns: int) -> list[ArmAction]:
        """Nothing more will be seen: every open reach is over."""
        return [self._close(key, now_ns) for key in sorted(self._reaches)]

    def judged(self, paths: ArmPaths) -> NDArray[np.float64]:
        """Probabilities [n, actions] of what each hand does now."""
        features = features_of(paths.joints_gondola_m, paths.hands, paths.boards_m, paths.holds_log_odds)
        return np.round(self._network.probabilities(features), self._settings.decimals)

    def _weighed(self, probabilities: NDArray[np.float64], clip: HandLook) -> NDArray[np.float64]:
        """Joints and a clip of the same hand as two witnesses, the second one not independent of the first."""
        assert len(clip.deeds) == len(ACTIONS)
        product = probabilities * np.maximum(clip.deeds, 1e-3) ** self._settings.clip_share
        return np.round(product / max(product.sum(), 1e-9), self._settings.decimals)

    def _watch(self, message: FloorTracks, now_ns: int) -> list[ArmAction]:
        paths = self._history.paths(message.track_ids, message.captured_ns)
        clip_ns = round(self._settings.clip_s * NS_PER_S)
        for key in sorted(self._clips):
            if message.captured_ns - self._clips[key].at_ns > clip_ns:
                del self._clips[key]
        visit_of = dict(zip(message.track_ids, message.visit_ids, strict=True))
        said: list[ArmAction] = []
        for row, probabilities in enumerate(self.judged(paths) if len(paths.hands) else ()):
            beside = self._clips.get((paths.track_ids[row], int(paths.hands[row])))
            told = probabilities if beside is None else self._weighed(probabilities, beside)
            said += self._follow(paths, row, tuple(map(float, told)), visit_of, now_ns)
        lost_ns = message.captured_ns - round(self._settings.lost_s * NS_PER_S)
        gone = sorted(key for key, reach in self._reaches.items() if reach.seen_ns < lost_ns)
        return said + [self._close(key, now_ns) for key in gone]

    def _follow(
        self,
        paths: ArmPaths,
        row: int,
        probabilities: tuple[float, ...],
        visit_of: Mapping[TrackId, VisitId | None],
        now_ns: int,
    ) -> list[ArmAction]:
        """One hand's newest judgement."""
        key, at_ns, gondola = (paths.track_ids[row], int(paths.hands[row])), paths.at_ns, paths.gondolas[row]
        reach, said = self._reaches.get(key), list[ArmAction]()
        is_busy = 1.0 - probabilities[0] >= self._settings.open_probability
        if reach is not None and reach.has_done:  # which deed it was is not told by a hand that has gone
            is_busy &= probabilities[0] < max(probabilities[1:])
        if reach is not None and is_busy and self._is_another(reach, gondola, probabilities):
            said.append(self._close(key, now_ns))
            reach = None
        if reach is None:
            if not is_busy:
                return said
            reach = _Reach(
                gondola, at_ns, visit_of[key[0]], probabilities, at_ns, _place(paths, row), deepest_ns=at_ns
            )
            self._reaches[key] = reach
        reach.visit_id = visit_of[key[0]] or reach.visit_id
        reach.seen_ns = at_ns
        if paths.depths_m[row] > reach.depth_m and not reach.has_done:
            reach.depth_m, reach.deepest_ns, reach.place = (
                float(paths.depths_m[row]),
                at_ns,
                _place(paths, row),
            )
        if is_busy:
            reach.probabilities, reach.at_ns = probabilities, at_ns
            reach.has_done |= sum(probabilities[_FIRST_DEED:]) >= 0.5
            if self._is_news(reach):
                said.append(self._say(key, reach, now_ns))
        elif at_ns - reach.at_ns >= self._settings.quiet_s * NS_PER_S:
            said.append(self._close(key, now_ns))
        return said

    def _is_another(self, reach: _Reach, gondola: Gondola, probabilities: Sequence[float]) -> bool:
        """Whether the hand sets out again: to another gondola, or after its deed was done."""
        sets_out = probabilities[_APPROACH] >= self._settings.open_probability
        return reach.gondola.gondola_id != gondola.gondola_id or (reach.has_done and sets_out)

    def _is_news(self, reach: _Reach) -> bool:
        if not reach.said:
            return True
        moved = max(abs(new - old) for new, old in zip(reach.probabilities, reach.said, strict=True))
        return moved >= self._settings.news or _verdict(reach.probabilities) is not _verdict(reach.said)

    def _close(self, key: tuple[TrackId, int], now_ns: int) -> ArmAction:
        return self._say(key, self._reaches.pop(key), now_ns, is_over=True)

    def _say(
        self, key: tuple[TrackId, int], reach: _Reach, now_ns: int, *, is_over: bool = False
    ) -> ArmAction:
        reach.revision += 1
        reach.said = reach.probabilities
        track_id, hand = key
        return ArmAction(
            action_id=f"{track_id}/{hand}/{reach.began_ns}",
            revision=reach.revision,
            track_id=track_id,
            visit_id=reach.visit_id,
            hand=hand,
            gondola_id=reach.gondola.gondola_id,
            shelf_id=reach.place[0],
            along_m=round(reach.place[1], 3),
            began_ns=reach.began_ns,
            deepest_ns=reach.deepest_ns,
            at_ns=reach.at_ns,
            decided_ns=now_ns,
            verdict=_verdict(reach.probabilities),
            probabilities=reach.probabilities,
            is_over=is_over,
        )


def _verdict(probabilities: Sequence[float]) -> Action:
    return ACTIONS[int(np.argmax(probabilities))]


def _place(paths: ArmPaths, row: int) -> tuple[str, float]:
    """The board that a hand is over, and where along it; the lowest board where it is below all or not seen."""
    gondola, hand = paths.gondolas[row], int(paths.hands[row])
    x, _, z = beyond_wrists(paths.joints_gondola_m[row, -1], 0.10)[hand]
    below = [shelf for shelf in gondola.shelves if shelf.height_m <= z + 0.05]
    shelf = below[-1] if below else gondola.shelves[0]
    along_m = float(x) - shelf.left_m if np.isfinite(x) else shelf.width_m / 2
    return shelf.shelf_id, along_m
