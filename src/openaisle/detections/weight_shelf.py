"""One shelf: from windows of its plates to steps that open, settle, and are confirmed or withdrawn.

What happens to a plate when somebody takes goods (measured on a real shop): the hand presses with 20 to 60 g, the
load falls within 0.1 to 0.35 s, rings for some 400 ms, and neighbours feel 1 to 2 % of it. Goods put back overshoot,
then ring. A resting hand adds an unsteady load for seconds and leaves nothing behind.

So a change counts as soon as the new level has been steady for long enough, which is short for a large loss (nothing
but goods that leave makes a shelf lighter), longer for a gain or a small change (which a hand can imitate).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openaisle.core.messages import ShelfId, StepStatus
from openaisle.core.units import NS_PER_MS
from openaisle.detections.weight_signal import Bools, Floats

BOTH_LEVELS: Final = 1.15
"""A change is the difference of two levels; the one before was averaged over seconds and is a third as uncertain."""


@dataclass(frozen=True)
class ShelfSettings:
    """When a change counts. Grams and milliseconds."""

    significance: float = 5.0  # standard errors
    plate_g_min: float = 4.0
    step_g_min: float = 15.0  # of all plates together; follows from the store's lightest product
    step_g_min_max: float = 25.0
    small_g: float = 100.0  # a hand can press this much
    small_loss_g: float = (
        50.0  # ... but no hand makes a shelf lighter: what is left of a press that was taken for rest
    )
    steady_share: float = 0.12  # a large change may still move this share of itself within a window
    steady_g: float = 2.0
    rough_ratio: float = 3.0  # of the plate's usual noise: above, a hand is still there
    # Ticks (50 ms) for which a level must hold, beyond the window itself.
    ticks_large_loss: int = 1
    ticks_small_loss: int = 2
    ticks_large_gain: int = 2
    ticks_small_gain: int = 4  # in which nothing trembles
    ticks_unnoticed: int = 20  # a change below step_g_min, or goods only moved: taken over silently
    settle_ms: int = 400
    unsettled_ms_max: int = 1_500  # then it is confirmed as it stands, and may still be revised
    revisable_ms_max: int = 8_000
    refine_ms: int = 450  # after it was confirmed, a step is measured once more
    refine_g_min: float = 1.5
    # What got heavier by more than this since goods left has the next hand on it.
    refine_rise_g: float = 4.0
    refine_rise_share: float = 0.01  # more, of what left
    correction_share: float = 0.25  # what ringing and a hand may change of a step while it settles
    correction_g: float = 20.0
    hand_g_max: float = 60.0
    # A step closed by the next one is measured from so long after its edge to so long before the other's ...
    swings_ms: int = 120
    lift_ms: int = 100
    swing_ms: int = 150  # ... if that is so much
    swung_share: float = 0.01  # of its mass, by which it may then be wrong,
    unsettled_share: float = 0.02  # and by which otherwise
    same_lift_ms: int = 200  # an unloading lasts this long at most: two edges nearer than that are one
    carrying_share: float = 0.05  # of a change; a plate with less of it feels it from next door,
    neighbour_share: float = 0.015  # and that is this share of what its neighbour carries
    cancel_share: float = 0.06  # of what moved on a shelf without leaving it
    open_steps_max: int = 16  # a shelf; at the bound the oldest is confirmed as it stands


@dataclass(frozen=True)
class Look:
    """One tick of one shelf's plates, left to right. Arrays [plates], grams."""

    at_ns: int  # of the newest sample
    row: int  # of that sample in the history
    level_g: Floats
    level_sd_g: Floats
    slope_g: Floats
    rough_g: Floats
    long_level_g: Floats
    long_level_sd_g: Floats
    long_slope_g: Floats
    long_rough_g: Floats
    noise_sd_g: Floats
    history_g: Floats  # [samples, plates]
    times_ns: NDArray[np.int64]  # [samples]


@dataclass(frozen=True)
class Group:
    """Neighbouring plates whose level is off its rest."""

    plates: Bools  # [plates]
    mass_g: Floats  # [plates] off rest; 0 on all others

    @property
    def total_g(self) -> float:
        return float(self.mass_g.sum())


@dataclass(eq=False)
class OpenStep:
    """A change that has been seen and may still be revised."""

    step_id: str
    plates: Bools  # [plates] of its load; the others stay 0 in mass_g
    own: Bools  # [plates] of them on which no other open step has more: what goes on there is this one's
    before_g: Floats
    mass_g: Floats  # [plates]
    sd_g: Floats  # [plates] NaN: that plate says nothing
    before_sd_g: Floats  # [plates] of `before_g`, as far as another step went on in it
    started_ns: int
    edge_ns: int
    settled_ns: int
    pressed_g: float
    confirmed_ns: int = 0
    revision: int = 0
    status: StepStatus = StepStatus.PROVISIONAL

    @property
    def total_g(self) -> float:
        return float(self.mass_g.sum())


@dataclass
class ShelfWatch:
    """Follows one shelf. `rest_g` is the level that is accounted for; what differs from it is news."""

    shelf_id: ShelfId
    columns: np.ndarray  # [plates] of the shelf in ScaleBatch.grams, left to right
    settings: ShelfSettings
    rest_g: Floats
    open_steps: list[OpenStep] = field(default_factory=list[OpenStep])
    _steady_ticks: np.ndarray = field(init=False)
    _calm_ticks: np.ndarray = field(init=False)
    _last_level_g: Floats = field(init=False)

    def __post_init__(self) -> None:
        self._steady_ticks = np.zeros(len(self.columns), np.int64)
        self._calm_ticks = np.zeros(len(self.columns), np.int64)
        self._last_level_g = np.full(len(self.columns), np.nan)

    @property
    def owned(self) -> Bools:
        """Plates [plates] of steps that are not confirmed yet: their rest is not to be followed."""
        owned = np.zeros(len(self.columns), bool)
        for step in self.open_steps:
            if step.status is StepStatus.PROVISIONAL:
                owned |= step.plates
        return owned

    def look(self, look: Look) -> list[OpenStep]:
        """Steps that are new or changed at this tick."""
        changed: list[OpenStep] = []
        self._count_steady(look)
        for group in self._groups(look):
            self._judge(group, look, changed)
        self._settle(look, changed)
        return changed

    def close(self) -> list[OpenStep]:
        """Nothing more will be heard of this stretch: confirm what is open as it stands."""
        closed = [step for step in self.open_steps if step.status is StepStatus.PROVISIONAL]
        for step in closed:
            _revise(step, StepStatus.CONFIRMED)
        self.open_steps.clear()
        return closed

    # --- what is news -------------------------------------------------------------------------------------------------

    def _count_steady(self, look: Look) -> None:
        """For how many ticks each plate's level has held, and without trembling."""
        settings = self.settings
        off_g = np.abs(look.level_g - self.rest_g)
        # Goods on a seam ring on both plates as much as all of them weigh.
        around_g = np.convolve(np.where(np.isfinite(off_g), off_g, 0.0), np.ones(3), "same")
        small_g = np.where(look.level_g < self.rest_g, settings.small_loss_g, settings.small_g)
        share = np.where(around_g > small_g, settings.steady_share, 0.0)
        slack_g = np.maximum(settings.steady_g, share * off_g)
        slope_sd_g = 3.5 * np.maximum(look.rough_g, look.noise_sd_g) / np.sqrt(6.0) * 2.0
        flat = np.abs(look.slope_g) <= np.maximum(slack_g, slope_sd_g)
        held = np.abs(look.level_g - self._last_level_g) <= np.maximum(slack_g, 3.0 * look.level_sd_g)
        self._steady_ticks = np.where(flat, np.where(held, self._steady_ticks + 1, 1), 0)
        is_calm = look.rough_g <= settings.rough_ratio * look.noise_sd_g
        self._calm_ticks = np.where(flat & held & is_calm, self._calm_ticks + 1, 0)
        self._last_level_g = look.level_g

    def _groups(self, look: Look) -> list[Group]:
        """Neighbouring plates that are off their rest, each group with one more plate on either side."""
        settings = self.settings
        residual_g = look.level_g - self.rest_g
        off = np.abs(residual_g) > np.maximum(settings.significance * look.level_sd_g, settings.plate_g_min)
        places = np.flatnonzero(off)
        groups: list[Group] = []
        for run in np.split(places, np.flatnonzero(np.diff(places) > 2) + 1) if len(places) else ():
            plates = np.zeros(len(off), bool)
            plates[max(0, run[0] - 1) : run[-1] + 2] = True
            groups.append(Group(plates, np.where(plates & np.isfinite(residual_g), residual_g, 0.0)))
        return groups

    def _judge(self, group: Group, look: Look, changed: list[OpenStep]) -> None:
        """Take a group for news once it has held for long enough."""
        settings = self.settings
        total_g, gross_g = group.total_g, float(np.abs(group.mass_g).sum())
        carrying = np.abs(group.mass_g) > np.maximum(settings.plate_g_min, settings.carrying_share * gross_g)
        if not carrying.any():
            return
        held = int(self._steady_ticks[carrying].min())
        is_moved = abs(total_g) <= max(settings.step_g_min / 2, settings.cancel_share * gross_g)
        total_sd_g = float(np.sqrt((look.level_sd_g[group.plates] ** 2).sum()))
        if is_moved or abs(total_g) < max(settings.step_g_min, settings.significance * total_sd_g):
            if held >= settings.ticks_unnoticed:
                self.rest_g[group.plates] = look.level_g[group.plates]
            return
        if 0 < total_g < settings.small_g:
            held = int(self._calm_ticks[carrying].min())  # A hand that rests there trembles.
        if held < self._ticks_needed(total_g):
            return
        self._accept(group, look, changed)
        self.rest_g[group.plates] = look.level_g[group.plates]

    def _ticks_needed(self, total_g: float) -> int:
        settings = self.settings
        if total_g < 0:
            is_small = -total_g < settings.small_loss_g
            return settings.ticks_small_loss if is_small else settings.ticks_large_loss
        return settings.ticks_small_gain if total_g < settings.small_g else settings.ticks_large_gain

    def _accept(self, group: Group, look: Look, changed: list[OpenStep]) -> None:
        """A steady change: more of a step that is open, or the end of it, or a new step."""
        before_g = self.rest_g.copy()
        step = self._overlapping(group)
        closed: OpenStep | None = None
        if step is not None:
            if self._continues(step, group, look):
                changed.append(step)
                return
            if step.status is StepStatus.PROVISIONAL:
                pressed = self._is_press(step, group)
                if pressed:
                    # It was a hand that rested, and now the goods have left under it.
                    before_g[step.plates] = step.before_g[step.plates]
                    group = Group(group.plates | step.plates, group.mass_g + step.mass_g)
                else:
                    closed = step
                _revise(step, StepStatus.WITHDRAWN if pressed else StepStatus.CONFIRMED)
                self.open_steps.remove(step)
                changed.append(step)
        opened = self._open(group, before_g, look)
        if closed is not None:
            self._measure_between(closed, opened, look)
        changed.append(opened)

    def _measure_between(self, closed: OpenStep, opened: OpenStep, look: Look) -> None:
        """What a step had come to when the next one began on its plates, if there was time for a whole swing."""
        settings = self.settings
        from_ns = closed.edge_ns + settings.swings_ms * NS_PER_MS
        until_ns = opened.edge_ns - settings.lift_ms * NS_PER_MS
        wrong_share = settings.unsettled_share
        if until_ns - from_ns >= settings.swing_ms * NS_PER_MS:
            wrong_share = settings.swung_share
            first, end = np.searchsorted(look.times_ns[: look.row + 1], (from_ns, until_ns)).tolist()
            level_g = look.history_g[first:end].mean(axis=0)
            is_known = closed.plates & opened.plates & np.isfinite(level_g)
            off_g = np.where(is_known, level_g - opened.before_g, 0.0)
            closed.mass_g = closed.mass_g + off_g
            opened.mass_g = opened.mass_g - off_g
            opened.before_g = opened.before_g + off_g
        # What the one has too much of the other has too little of.
        wrong_g = wrong_share * closed.mass_g
        closed.sd_g = np.hypot(closed.sd_g, wrong_g)
        opened.before_sd_g = np.where(closed.plates & opened.plates, np.abs(wrong_g), 0.0)
        opened.sd_g = np.hypot(opened.sd_g, opened.before_sd_g)

    def _continues(self, step: OpenStep, group: Group, look: Look) -> bool:
        """True if the change belongs to an open step: a hand came and went, it still swings, or a hand let go."""
        settings = self.settings
        left_g = step.total_g + group.total_g
        is_small = abs(step.total_g) < settings.small_g
        if step.status is StepStatus.PROVISIONAL and is_small and abs(left_g) <= settings.step_g_min / 2:
            _revise(step, StepStatus.WITHDRAWN)
            self.open_steps.remove(step)
            return True
        is_settling = look.at_ns - step.edge_ns < settings.settle_ms * NS_PER_MS
        lets_go = -settings.hand_g_max <= group.total_g < 0
        correction_g = settings.correction_share * abs(step.total_g) + settings.correction_g
        is_same_way = left_g * step.total_g > 0
        if (is_settling or lets_go) and is_same_way and abs(group.total_g) <= correction_g:
            self._update(step, step.mass_g + group.mass_g, group.plates, look)
            return True
        if step.status is StepStatus.PROVISIONAL and step.total_g < 0 > group.total_g:
            _, edge, _ = _shape_in_time(group, self.rest_g, look)
            if look.times_ns[edge] - step.edge_ns <= settings.same_lift_ms * NS_PER_MS:
                self._update(step, step.mass_g + group.mass_g, group.plates, look)
                return True
        return False

    def _is_press(self, step: OpenStep, group: Group) -> bool:
        return 0 < step.total_g < self.settings.small_g and step.total_g + group.total_g < 0

    def _overlapping(self, group: Group) -> OpenStep | None:
        """The newest open step on the plates where most of this change is."""
        peak = int(np.argmax(np.abs(group.mass_g)))
        for step in reversed(self.open_steps):
            if step.plates[peak] and abs(step.mass_g[peak]) > 0.1 * np.abs(step.mass_g).max():
                return step
        return None

    def _open(self, group: Group, before_g: Floats, look: Look) -> OpenStep:
        started, edge, pressed_g = _shape_in_time(group, before_g, look)
        edge_ns = int(look.times_ns[edge])
        step = OpenStep(
            step_id=f"{self.shelf_id}/{edge_ns}/{int(np.argmax(np.abs(group.mass_g)))}",
            plates=group.plates.copy(),
            own=group.plates.copy(),
            before_g=before_g,
            mass_g=group.mass_g,
            sd_g=self._sd_g(look.level_sd_g, group.mass_g, look),
            before_sd_g=np.zeros(len(before_g)),
            started_ns=int(look.times_ns[started]),
            edge_ns=edge_ns,
            settled_ns=look.at_ns,
            pressed_g=pressed_g,
        )
        # What it covers can no longer be measured again for older steps.
        self.open_steps = [
            old
            for old in self.open_steps
            if old.status is StepStatus.PROVISIONAL or not (old.plates & step.plates).any()
        ]
        for old in self.open_steps:
            if old.status is StepStatus.PROVISIONAL:
                self._divide(old, step)
        self.open_steps.append(step)
        return step

    def _divide(self, old: OpenStep, new: OpenStep) -> None:
        """Plates that two steps share belong to that which moved them more, as long as the first still settles."""
        settings = self.settings
        his = old.own & new.plates & (np.abs(old.mass_g) > np.abs(new.mass_g))
        new.own &= ~his
        old.own &= his | ~new.plates
        # Where the new one is but felt from next door, the rest of what moved is the old one's ringing.
        is_felt = np.abs(new.mass_g) <= settings.carrying_share * np.abs(new.mass_g).sum()
        felt_g = settings.neighbour_share * np.convolve(new.mass_g, (1.0, 0.0, 1.0), "same")
        ringing_g = np.where(his & is_felt, new.mass_g - felt_g, 0.0)
        old.mass_g = old.mass_g + ringing_g
        new.mass_g = new.mass_g - ringing_g
        old.before_g = old.before_g + new.mass_g

    # --- settling -----------------------------------------------------------------------------------------------------

    def _settle(self, look: Look, changed: list[OpenStep]) -> None:
        """Confirm what has come to rest or waited too long; once more measure what was confirmed a while ago."""
        settings = self.settings
        kept: list[OpenStep] = []
        for rank, step in enumerate(self.open_steps):
            age_ms = (look.at_ns - step.edge_ns) / NS_PER_MS
            is_quiet = age_ms >= settings.settle_ms and self._is_quiet(look, step)
            is_late = len(self.open_steps) - rank > settings.open_steps_max
            if step.status is StepStatus.PROVISIONAL:
                if is_quiet or is_late or age_ms >= settings.unsettled_ms_max:
                    self._confirm(step, look, changed)
            elif is_quiet and look.at_ns - step.confirmed_ns >= settings.refine_ms * NS_PER_MS:
                if self._refine(step, look):
                    changed.append(step)
                is_late = True
            if step.status is not StepStatus.WITHDRAWN and not is_late and age_ms < settings.revisable_ms_max:
                kept.append(step)
        self.open_steps = kept

    def _confirm(self, step: OpenStep, look: Look, changed: list[OpenStep]) -> None:
        """Measure what has come to rest. Too little: it did not happen."""
        late_g = np.nan_to_num(
            look.long_level_g - self.rest_g
        )  # 0 where a plate says nothing now, or did before
        mass_g = step.mass_g + np.where(step.own, late_g, 0.0)
        self._update(step, mass_g, step.plates, look, use_long=True)
        is_nothing = abs(step.total_g) < self.settings.step_g_min
        _revise(step, StepStatus.WITHDRAWN if is_nothing else StepStatus.CONFIRMED)
        step.confirmed_ns = look.at_ns
        self.rest_g[step.own] = look.long_level_g[step.own]
        changed.append(step)

    def _refine(self, step: OpenStep, look: Look) -> bool:
        """A heavy change still rings when it is confirmed. True if what is left of that is worth saying."""
        heard = step.own & np.isfinite(look.long_level_g)
        mass_g = np.where(heard, look.long_level_g - step.before_g, step.mass_g)
        settings, rise_g = self.settings, float(mass_g.sum()) - step.total_g
        if not settings.refine_g_min < abs(rise_g) <= 0.1 * abs(step.total_g):
            return False
        if step.total_g < 0.0 and rise_g > settings.refine_rise_g - settings.refine_rise_share * step.total_g:
            return False
        self._update(step, mass_g, step.plates, look, use_long=True)
        step.revision += 1
        return True

    def _is_quiet(self, look: Look, step: OpenStep) -> bool:
        settings = self.settings
        own = step.plates & np.isfinite(look.long_level_g)
        # A heavy change rings longer; what is left of it may be a hundredth of it.
        slack_g = max(settings.steady_g, 0.01 * abs(step.total_g))
        rough_g = settings.rough_ratio * look.noise_sd_g[own] + slack_g / 2
        slope_g = 3.5 * look.long_level_sd_g[own] * 2.0 + slack_g
        return bool(
            (look.long_rough_g[own] <= rough_g).all() and (np.abs(look.long_slope_g[own]) <= slope_g).all()
        )

    def _update(
        self, step: OpenStep, mass_g: Floats, plates: Bools, look: Look, use_long: bool = False
    ) -> None:
        """New figures for an open step. A corrected step stays as sure as it was."""
        step.mass_g = mass_g
        step.own = step.own | (plates & ~step.plates)
        step.plates = step.plates | plates
        level_sd_g = look.long_level_sd_g if use_long else look.level_sd_g
        step.sd_g = np.hypot(self._sd_g(level_sd_g, mass_g, look), step.before_sd_g)
        step.settled_ns = look.at_ns
        if not use_long:
            step.revision += 1

    def _sd_g(self, level_sd_g: Floats, mass_g: Floats, look: Look) -> Floats:
        """[plates] of a change; NaN: the plate says nothing. One that said something keeps how sure it was."""
        sd_g = BOTH_LEVELS * np.where(np.isfinite(level_sd_g), level_sd_g, look.noise_sd_g)
        return np.where(np.isfinite(self.rest_g) | (mass_g != 0.0), sd_g, np.nan)


def _revise(step: OpenStep, status: StepStatus) -> None:
    step.revision += 1
    step.status = status


def _shape_in_time(group: Group, before_g: Floats, look: Look) -> tuple[int, int, float]:
    """(row where it began, row of its edge, load pressed on top of it) of a change that ends at `look.row`."""
    own = group.plates & np.isfinite(look.level_g)
    total_g = group.total_g
    course_g = (look.history_g[: look.row + 1, own] - before_g[own]).sum(axis=1)
    course_g = np.where(np.isfinite(course_g), course_g, 0.0)
    not_yet = np.flatnonzero(course_g / total_g < 0.5)
    edge = min(int(not_yet[-1]) + 1, look.row) if len(not_yet) else 0
    quiet_g = max(4.0, 3.0 * float(np.sqrt((look.noise_sd_g[own] ** 2).sum())))
    still = np.abs(course_g[:edge]) <= quiet_g
    # Three quiet samples in a row: one alone is a crossing of zero.
    rows = np.flatnonzero(still[2:] & still[1:-1] & still[:-2]) if edge > 2 else np.zeros(0, np.intp)
    started = int(rows[-1]) + 3 if len(rows) else 0
    started = min(started, edge)
    pressed_g = float(course_g[started : look.row + 1].max(initial=0.0)) - max(0.0, total_g)
    return started, edge, max(0.0, pressed_g)
