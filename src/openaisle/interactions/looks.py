"""What a look at a hand or a shelf would tell, asked for where it helps, and what the answers tell.

The path has no pictures. It asks (`LookWanted`) whoever has them to look at a hand in the main stream of the cameras
that see it best: after a loss, when the hand comes out of the shelf with what it took; before a gain, when it goes in
with what it brings. And it asks what changed on the shelf, from before the hand came to after it went. A `PackLook`
gives odds for each plausible product, and its word is weighed for what it is: with some probability the window showed
something else, or the pack from a side that tells nothing. Looks at one thing err together, so each further one
counts less than the first.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from openaisle.core.geometry import Floats
from openaisle.core.messages import LookWanted, PackLook, ProductId, TrackId
from openaisle.core.units import NS_PER_S
from openaisle.interactions.case import Case
from openaisle.interactions.hypotheses import Weighed
from openaisle.interactions.reach import Arms, Suspect, Target
from openaisle.interactions.settings import LookSettings
from openaisle.store.coverage import in_picture, lines_of_sight, near_enough
from openaisle.store.schema import Camera, Product, Store

BODY_RADIUS_M = 0.22
BODY_HEIGHT_M = 1.6
"""Of a trunk that hides what is behind it."""

VIEWS_AT_ONCE = 6
"""Cameras whose lines of sight are followed together."""

Hand = tuple[TrackId, int]
Sight = tuple[int, Floats, Floats]
"""When, the hand [3] and the body [2] on the floor."""


@dataclass(frozen=True)
class _Plan:
    """A hand to be looked at once it is out of the shelf, or a place on the shelf once no hand is there."""

    product_ids: tuple[ProductId, ...]
    extent_m: float


@dataclass
class _Asked:
    """What was asked about one step."""

    step_id: str
    target: Target
    is_loss: bool
    plans: dict[Hand | None, _Plan] = field(default_factory=dict[Hand | None, _Plan])  # None: the place
    planned: set[Hand | None] = field(default_factory=set[Hand | None])  # all that were ever planned
    looked_ns: dict[Hand, list[int]] = field(default_factory=dict[Hand, list[int]])  # sights asked about
    tried: int = -1  # how many tracks there had been when moments were last looked for
    is_news: bool = False  # something was heard since the step was decided
    waiting: dict[str, int] = field(default_factory=dict[str, int])  # look_id -> when it was asked
    heard: dict[Hand | None, list[PackLook]] = field(default_factory=dict[Hand | None, list[PackLook]])

    @property
    def is_open(self) -> bool:
        return bool(self.plans or self.waiting or self.is_news)


class Looks:
    """Asks for looks into hands and remembers what they told, by step."""

    def __init__(self, store: Store, arms: Arms, settings: LookSettings) -> None:
        self._store = store
        self._arms = arms
        self._settings = settings
        self._cameras = [camera for camera in store.cameras if camera.main_width_px > 0]
        self._eyes = np.array([camera.position_floor_m for camera in self._cameras]).reshape(-1, 3)
        axes = [camera.floor_from_camera.rotation[:, 2] for camera in self._cameras]
        self._axes = np.array(axes).reshape(-1, 3)  # where each looks
        self._focal_main_px = np.array(
            [camera.lens.focal_x_px * camera.main_width_px / camera.lens.width_px for camera in self._cameras]
        )
        self._asked: dict[str, _Asked] = {}
        self._open: list[_Asked] = []  # of them, in order: something is still to be asked or to come
        self._outcomes: deque[bool] = deque(maxlen=settings.trusted_looks)  # answered in time, newest last
        self._count = 0

    # --- asking -------------------------------------------------------------------------------------------------------

    def consider(self, case: Case, weighed: Weighed) -> None:
        """Plan looks for a step as it is explained now: at the hands that may have done it, for what it may be."""
        settings = self._settings
        if not self._cameras or case.is_final:
            return
        is_loss = case.change.mass_g < 0
        asked = self._asked.setdefault(case.step.step_id, _Asked(case.step.step_id, case.target, is_loss))
        asked.target, asked.is_loss = case.target, is_loss
        hands: dict[Hand, float] = {}
        products: dict[ProductId, float] = {}
        for hypothesis, probability in weighed:
            for part, suspect in hypothesis.moves:
                if suspect is not None:
                    hand = (suspect.track_id, suspect.hand)
                    hands[hand] = hands.get(hand, 0.0) + probability
                if part is not None:
                    products[part.product_id] = products.get(part.product_id, 0.0) + probability
        if not products:
            return
        likely = sorted(products, key=lambda product_id: (-products[product_id], product_id))
        # Others of the shelf go along: what they are like tells how much the likeness of the likely ones means.
        beside = sorted({slot.product_id for slot in case.target.shelf.slots} - products.keys())
        product_ids = tuple([*likely, *beside][: settings.products_max])
        least = settings.product_probability_min
        extents_m = [_extent_m(self._store.products[each]) for each in likely if products[each] >= least]
        extent_m = max(extents_m, default=_extent_m(self._store.products[likely[0]]))
        for hand in sorted(hands, key=lambda hand: (-hands[hand], hand))[: settings.hands_max]:
            if hands[hand] >= settings.hand_probability_min:
                self._plan(asked, hand, _Plan(product_ids, extent_m))
        self._plan(asked, None, _Plan(product_ids, extent_m))
        asked.tried = -1
        self._open = [each for each in self._asked.values() if each.is_open]

    def _plan(self, asked: _Asked, hand: Hand | None, plan: _Plan) -> None:
        """Once, and not for what is too long ago; what is still to be asked is asked for the newest products."""
        is_over = self._arms.latest_ns - asked.target.edge_ns > self._settings.search_s * NS_PER_S
        if hand in asked.plans or (hand not in asked.planned and not is_over):
            asked.planned.add(hand)
            asked.plans[hand] = plan

    def ask(self, now_ns: int) -> list[LookWanted]:
        """The planned looks whose moments are known by now."""
        found: list[LookWanted] = []
        search_ns = round(self._settings.search_s * NS_PER_S)
        for asked in self._open:
            if asked.tried == self._arms.heard_count:
                continue
            asked.tried = self._arms.heard_count
            for hand, plan in list(asked.plans.items()):
                if hand is None:
                    found += self._of_shelf(asked, plan, now_ns)
                    continue
                for sight in self._moments(asked, hand):
                    found += self._of_hand(asked, hand, plan, sight, now_ns)
                # Before a gain nothing is to come; after a loss the hand may take its time.
                if not asked.is_loss or len(asked.looked_ns.get(hand, ())) >= self._settings.times:
                    del asked.plans[hand]
            if self._arms.latest_ns - asked.target.edge_ns > search_ns:
                asked.plans.clear()
        return found

    def _moments(self, asked: _Asked, hand: Hand) -> list[Sight]:
        """Sights of a hand outside the shelf that were not asked about yet: after a loss, before a gain."""
        settings, edge_ns = self._settings, asked.target.edge_ns
        search_ns, apart_ns = round(settings.search_s * NS_PER_S), round(settings.apart_s * NS_PER_S)
        after_ns = edge_ns + round(settings.after_s * NS_PER_S)
        span = (after_ns, edge_ns + search_ns) if asked.is_loss else (edge_ns - search_ns, edge_ns)
        path = self._arms.hand_path(*hand, *span)
        if not path:
            return []
        gondola_from_floor = asked.target.gondola.floor_from_gondola.inverse()
        points = gondola_from_floor.apply(np.array([point for _, point, _ in path]))
        is_out = points[:, 1] < asked.target.shelf.front_m - settings.out_m
        outside = [sight for sight, out in zip(path, is_out.tolist(), strict=True) if out]
        looked = asked.looked_ns.setdefault(hand, [])
        chosen: list[Sight] = []
        for sight in outside if asked.is_loss else reversed(outside):
            if len(looked) >= settings.times:
                break
            if all(abs(sight[0] - at_ns) >= apart_ns for at_ns in looked):
                looked.append(sight[0])
                chosen.append(sight)
        return chosen

    def _of_hand(
        self, asked: _Asked, hand: Hand, plan: _Plan, sight: Sight, now_ns: int
    ) -> Iterator[LookWanted]:
        """One question a camera that should see the hand."""
        captured_ns, hand_floor_m, body_floor_m = sight
        for camera in self._best_views(hand_floor_m, body_floor_m):
            yield self._wanted(asked, hand, plan, camera, hand_floor_m, captured_ns, now_ns)

    def _of_shelf(self, asked: _Asked, plan: _Plan, now_ns: int) -> Iterator[LookWanted]:
        """One question a camera that should see the place, when it is known when no hand hid it."""
        settings, shelf, edge_ns = self._settings, asked.target.shelf, asked.target.edge_ns
        high_m = 0.5 * min(plan.extent_m, shelf.clearance_m)
        front, place = (
            self._store.shelf_point_floor_m(shelf, asked.target.along_m, into_m, high_m)
            for into_m in (-settings.out_m, 0.5 * min(plan.extent_m, shelf.depth_m))
        )
        search_ns, least_ns = (round(s * NS_PER_S) for s in (settings.search_s, settings.after_s))
        before = self._arms.quiet_times(place, settings.away_m, edge_ns - search_ns, edge_ns - least_ns)
        after = self._arms.quiet_times(place, settings.away_m, edge_ns + least_ns, edge_ns + search_ns)
        if not before or not after:
            return
        del asked.plans[None]
        there_ns, gone_ns = (before[-1], after[0]) if asked.is_loss else (after[0], before[-1])
        for camera in self._best_views(front):
            yield self._wanted(asked, None, plan, camera, place, there_ns, now_ns, without_ns=gone_ns)

    def _wanted(
        self,
        asked: _Asked,
        hand: Hand | None,
        plan: _Plan,
        camera: Camera,
        place_floor_m: Floats,
        captured_ns: int,
        now_ns: int,
        without_ns: int = 0,
    ) -> LookWanted:
        self._count += 1
        look_id = f"{asked.step_id}?{self._count}"
        asked.waiting[look_id] = now_ns
        filled = self._settings.window_filled if hand else self._settings.shelf_window_filled
        return LookWanted(
            look_id=look_id,
            camera_id=camera.camera_id,
            captured_ns=captured_ns,
            window_main_px=window_main_px(camera, place_floor_m, plan.extent_m, filled),
            track_id=hand[0] if hand else None,
            hand=hand[1] if hand else -1,
            shelf_id=asked.target.shelf.shelf_id,
            product_ids=plan.product_ids,
            wanted_ns=now_ns,
            without_ns=without_ns,
        )

    def _best_views(self, place_floor_m: Floats, body_floor_m: Floats | None = None) -> list[Camera]:
        """The cameras with most pixels on a place, of those that it is not hidden from by shelving or that body."""
        point, settings = place_floor_m[None], self._settings
        distance_m = np.linalg.norm(self._eyes - place_floor_m, axis=1)
        # Behind a camera is much of the shop; only what is before it is projected.
        may_see = ((place_floor_m - self._eyes) * self._axes).sum(axis=1) > 0.0
        may_see &= near_enough(self._eyes, point)[:, 0]
        if body_floor_m is not None:
            may_see &= ~_hidden_by_body(self._eyes, place_floor_m, body_floor_m)
        best_first = np.argsort(-self._focal_main_px / distance_m, kind="stable")
        order = best_first[may_see[best_first]].tolist()
        found: list[int] = []
        while (
            order and len(found) < settings.views
        ):  # The best see it nearly always: no other is asked for then.
            some, order = order[:VIEWS_AT_ONCE], order[VIEWS_AT_ONCE:]
            inside = [index for index in some if in_picture(self._cameras[index], point)[0]]
            clear = lines_of_sight(
                self._eyes[inside], point, self._store.gondolas, self._store.walls_floor_m
            )[:, 0]
            found += [index for index, is_clear in zip(inside, clear.tolist(), strict=True) if is_clear]
        return [self._cameras[index] for index in found[: settings.views]]

    # --- answers ------------------------------------------------------------------------------------------------------

    def hear(self, look: PackLook) -> None:
        """Take in an answer; one to nothing that is open is passed over."""
        asked = self._asked.get(look.look_id.rpartition("?")[0])
        if asked is None or asked.waiting.pop(look.look_id, None) is None:
            return
        self._outcomes.append(True)
        hand = (look.track_id, look.hand) if look.track_id is not None else None
        asked.heard.setdefault(hand, []).append(look)
        asked.is_news = True

    def settled(self, now_ns: int) -> set[str]:
        """Steps that something new was heard of since they were last named here, and no more is expected for now."""
        self._give_up(now_ns)
        found = [asked for asked in self._open if asked.is_news and not asked.waiting]
        for asked in found:
            asked.is_news = False
        return {asked.step_id for asked in found}

    def is_waiting(self, step_id: str) -> bool:
        """Whether answers about a step may still come; nobody waits for eyes that have not answered lately."""
        asked = self._asked.get(step_id)
        if asked is None or not any(self._outcomes):
            return False
        return bool(asked.plans or asked.waiting)

    def log_ratio(self, step_id: str, product_id: ProductId, suspect: Suspect) -> float:
        """How much likelier the looks are if this hand held this product, than if it held any of the plausible ones.

        Whether it held anything at all is not asked: an unseen pack and an empty hand look too much alike.
        """
        settings, hand = self._settings, (suspect.track_id, suspect.hand)
        return self._log_ratio(step_id, product_id, hand, settings.seen, settings.trust)

    def log_ratio_of_shelf(self, step_id: str, product_id: ProductId) -> float:
        """The same of what left the shelf or came to it."""
        settings = self._settings
        return self._log_ratio(step_id, product_id, None, settings.shelf_seen, settings.shelf_trust)

    def _log_ratio(
        self, step_id: str, product_id: ProductId, hand: Hand | None, seen: float, trust: float
    ) -> float:
        asked = self._asked.get(step_id)
        looks = asked.heard.get(hand, []) if asked else []
        ratios = [_log_ratio_of_one(look, product_id, seen, trust) for look in looks]
        ordered = sorted(ratios, key=abs, reverse=True)
        return sum(value * self._settings.further**rank for rank, value in enumerate(ordered))

    def forget(self, step_ids: Sequence[str]) -> None:
        """Steps that are closed."""
        for step_id in step_ids:
            self._asked.pop(step_id, None)
        self._open = [each for each in self._asked.values() if each.is_open]

    def _give_up(self, now_ns: int) -> None:
        """Questions that nobody answered in time."""
        wait_ns = round(self._settings.wait_s * NS_PER_S)
        has_closed = False
        for asked in self._open:
            late = [look_id for look_id, since_ns in asked.waiting.items() if now_ns - since_ns > wait_ns]
            for look_id in late:
                del asked.waiting[look_id]
                self._outcomes.append(False)
            has_closed |= not asked.is_open
        if has_closed:
            self._open = [asked for asked in self._open if asked.is_open]


def window_main_px(
    camera: Camera, hand_floor_m: Floats, extent_m: float, filled: float
) -> tuple[int, int, int]:
    """Where a hand is in the main stream: left, top and side in px of a square that may reach out of the picture.

    `extent_m` is the longest side of what may be in the hand; it is to fill `filled` of the window.
    """
    lens = camera.lens.scaled(camera.main_width_px, camera.main_height_px)
    hand_camera_m = camera.camera_from_floor.apply(hand_floor_m)
    x, y = lens.project(hand_camera_m)
    side = extent_m / filled * lens.focal_x_px / float(hand_camera_m[2])
    return (round(float(x) - side / 2), round(float(y) - side / 2), max(8, round(side)))


def _log_ratio_of_one(look: PackLook, product_id: ProductId, seen: float, trust: float) -> float:
    """Of one look: a mixture of one that saw the pack, with a share of `seen`, and one that tells nothing."""
    if product_id not in look.product_ids:
        return 0.0
    terms = trust * look.log_odds.astype(np.float64)
    shares = np.exp(terms - terms.max())
    return math.log(seen * float(shares[look.product_ids.index(product_id)] / shares.mean()) + 1.0 - seen)


def _extent_m(product: Product) -> float:
    return max(product.width_m, product.height_m, product.depth_m)


def _hidden_by_body(eyes_floor_m: Floats, hand_floor_m: Floats, body_floor_m: Floats) -> np.ndarray:
    """[eyes]: whether the hand's own body stands between it and an eye, seen from above."""
    line = eyes_floor_m[:, :2] - hand_floor_m[:2]
    length_m = np.linalg.norm(line, axis=1)
    unit = line / np.maximum(length_m, 1e-6)[:, None]
    to_body = body_floor_m[:2] - hand_floor_m[:2]
    along_m = unit @ to_body
    across_m = np.abs(unit[:, 0] * to_body[1] - unit[:, 1] * to_body[0])
    rise = (eyes_floor_m[:, 2] - hand_floor_m[2]) / np.maximum(length_m, 1e-6)
    height_m = hand_floor_m[2] + rise * along_m
    is_between = (along_m > 0.0) & (along_m < length_m) & (across_m < BODY_RADIUS_M)
    return is_between & (height_m < BODY_HEIGHT_M)
