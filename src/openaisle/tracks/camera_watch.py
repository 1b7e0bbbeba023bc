"""Which cameras disagree with the others: turned a little, knocked away, or on another clock. People tell.

Everybody whom three cameras see is a target. A camera's view is off if what it sees lies beside that by the same angle
again and again (camera_errors.py), its clock if it sees whoever walks ahead of them or behind. While all is well
nothing is changed. A camera that is off is reported, with the advice to calibrate it anew; until then its rays are
turned by what was learned, and count for less. One that fits nobody is left out, and still watched.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
from numba import njit
from numpy.typing import NDArray

from openaisle.core.messages import CameraDetections, SensorDegraded, SensorRecovered
from openaisle.core.units import NS_PER_MS, NS_PER_S, ms_from_ns
from openaisle.tracks.associate import TRUST_MIN, assign_frames
from openaisle.tracks.camera_errors import CameraErrors, well_seen
from openaisle.tracks.fusion import fit
from openaisle.tracks.people import Bodies
from openaisle.tracks.sightings import OFFSET_TERMS, Rig, Sightings
from openaisle.tracks.triangulate import JOINT_COUNT, RANGE_M_MIN

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Health = SensorDegraded | SensorRecovered


@dataclass(frozen=True, kw_only=True)
class WatchSettings:
    """When a camera is believed to be off. Pairs: where a trouble begins, and where it ends."""

    judge_every_ns: int = NS_PER_S
    hold_judgements: int = 3  # as many in a row
    memory_sightings: float = 1500.0
    off_rad: tuple[float, float] = (0.03, 0.02)  # a network's own habits are worth up to 1.3 degrees
    off_factor_min: float = 1.5  # a turned camera's rays are at least so much less sure
    stray_share: tuple[float, float] = (
        0.4,
        0.25,
    )  # of what it sees fits nobody, though somebody stands there
    stray_sightings_min: float = 40.0
    stray_memory_judgements: float = 20.0
    stray_noise_factor: float = 6.0  # so much farther about people are looked for whom such a camera sees
    stray_trust_min: float = 5.0  # half a body's keypoints; less may be anything
    clock_ns: tuple[int, int] = (60 * NS_PER_MS, 35 * NS_PER_MS)
    clock_shift_ns_max: int = 400 * NS_PER_MS
    clock_information_min: float = 15.0  # (m/s)^2 walked across its view, summed over sightings
    clock_sure_sds: float = 4.0
    clock_memory_judgements: float = 60.0
    clock_cameras_min: int = 3


@dataclass
class _State:
    """A trouble of one camera, or none, and how many judgements in a row have said otherwise."""

    is_so: bool = False
    other_count: int = 0

    def settle(self, value: float, bounds: tuple[float, float], hold: int) -> bool:
        """Whether the trouble began or ended with this value."""
        is_now = value > (bounds[1] if self.is_so else bounds[0])
        self.other_count = self.other_count + 1 if is_now != self.is_so else 0
        if self.other_count < hold:
            return False
        self.is_so, self.other_count = is_now, 0
        return True


@dataclass
class _Camera:
    """What is thought of one camera."""

    off: _State = field(default_factory=_State)
    stray: _State = field(default_factory=_State)
    clock: _State = field(default_factory=_State)
    is_reported: bool = False  # as off or stray


class CameraWatch:
    """One row a camera of the rig. `offset` and `factor` are what rays are to be made with."""

    def __init__(self, rig: Rig, settings: WatchSettings | None = None) -> None:
        self.settings = settings or WatchSettings()
        count = len(rig.camera_ids)
        self._rig = rig
        self._index_of = rig.index_of()
        self._errors = CameraErrors(rig, self.settings.memory_sightings, against_others=True)
        self.offset = np.zeros((count, 2, OFFSET_TERMS))
        self.factor = np.ones(count)
        self._cameras = [_Camera() for _ in rig.camera_ids]
        self._is_mute = np.zeros(count, bool)
        self._shift_ns = [0] * count
        self._fitting = np.zeros(count)
        self._straying = np.zeros(count)
        self._clock_sums = np.zeros((count, _CLOCK_SUMS))
        self._grid = _grid(rig)
        self._judged_ns: int | None = None
        self._mute_sightings: Sightings | None = None

    def on_one_time(self, frames: Sequence[CameraDetections]) -> list[CameraDetections]:
        """Frames with the times of cameras set right whose clocks are off."""
        return [
            msgspec.structs.replace(frame, captured_ns=frame.captured_ns + shift_ns)
            if (shift_ns := self._shift_ns[self._index_of[frame.camera_id]])
            else frame
            for frame in frames
            if frame.camera_id in self._index_of
        ]

    def heard(self, sightings: Sightings) -> Sightings:
        """Those of cameras that are to be believed. The others' are kept for `learn`."""
        self._mute_sightings = None
        if not self._is_mute.any():
            return sightings
        is_mute = self._is_mute[sightings.camera]
        self._mute_sightings = sightings.of_rows(np.flatnonzero(is_mute))
        return sightings.of_rows(np.flatnonzero(~is_mute))

    def learn(self, bodies: Bodies, rows: Ints, sightings: Sightings, given: Ints, owner: Ints) -> None:
        """Take in a window: `given` [n] whom sightings were given to (index into rows or -1), `owner` who kept them."""
        views = np.bincount(owner[owner >= 0], minlength=len(rows))
        self._count(bodies, rows, sightings, owner, views)
        members = well_seen(given, len(rows))
        self._gather(bodies, members, rows[given[members]], sightings)
        if self._mute_sightings is not None and len(self._mute_sightings):
            self._learn_from_mute(bodies, rows, self._mute_sightings, views)

    def _learn_from_mute(self, bodies: Bodies, rows: Ints, sightings: Sightings, views: Ints) -> None:
        """What left-out cameras would say: whether they fit again, and by how much they are off."""
        self._count(bodies, rows, sightings, self._assigned(bodies, rows, sightings), views)
        wide = sightings.of_rows(np.arange(len(sightings)))
        wide.noise_rad = self.settings.stray_noise_factor * sightings.noise_rad
        found = self._assigned(bodies, rows, wide)
        members = np.flatnonzero((found >= 0) & (views[np.maximum(found, 0)] >= 2))
        self._gather(bodies, members, rows[found[members]], wide)

    def _assigned(self, bodies: Bodies, rows: Ints, sightings: Sightings) -> Ints:
        owner = np.full(len(sightings), -1, np.int64)
        if len(rows):
            assign_frames(fit(bodies, rows, sightings)[0], sightings.frame_starts, owner)
        return owner

    def _count(self, bodies: Bodies, rows: Ints, sightings: Sightings, owner: Ints, views: Ints) -> None:
        _count_strays(
            rows, bodies.mean, owner, views, sightings.frame_starts, sightings.camera, sightings.confidence,
            self._rig.rotation, self._rig.origin_floor_m, self._rig.pinhole, self._rig.size_px,
            self.settings.stray_trust_min, self._fitting, self._straying,
        )  # fmt: skip

    def _gather(self, bodies: Bodies, members: Ints, rows: Ints, sightings: Sightings) -> None:
        if not len(members):
            return
        self._errors.gather(
            members, rows, sightings, bodies.mean, bodies.covariance, self.offset, self.factor
        )
        _gather_clocks(
            members, rows, sightings.camera, sightings.origin_floor_m, sightings.rays_floor,
            sightings.confidence, sightings.dt_s, bodies.mean, bodies.root,
            self._rig.rotation, self._clock_sums,
        )  # fmt: skip

    # --- judgement ------------------------------------------------------------------------------------------------

    def judge(self, at_ns: int) -> list[Health]:
        """What began or ended; once a second, nothing in between."""
        if self._judged_ns is not None and at_ns - self._judged_ns < self.settings.judge_every_ns:
            return []
        self._judged_ns = at_ns
        if not self._cameras:
            return []
        self._errors.solve()
        return [*self._judge_views(at_ns), *self._judge_clocks(at_ns)]

    def _judge_views(self, at_ns: int) -> list[Health]:
        settings, said = self.settings, []
        off_rad = self._off_rad()
        # One wrong camera makes all others look a little wrong: the worst is set right first.
        others = [rad for rad, camera in zip(off_rad, self._cameras, strict=True) if not camera.off.is_so]
        worst_rad = max(others, default=0.0)
        for index, camera in enumerate(self._cameras):
            known = self._fitting[index] + self._straying[index]
            if known >= settings.stray_sightings_min:
                share = self._straying[index] / known
                has_changed = camera.stray.settle(share, settings.stray_share, settings.hold_judgements)
                if has_changed and camera.stray.is_so:
                    self._errors.forget(index)  # It is not where it was.
            began = False
            if camera.off.is_so or off_rad[index] >= worst_rad:
                began = camera.off.settle(off_rad[index], settings.off_rad, settings.hold_judgements)
            if began and camera.off.is_so:
                for other, its in enumerate(self._cameras):
                    if not its.off.is_so:
                        self._errors.forget(other)
            self._apply(index, camera)
            said += self._report_view(index, camera, off_rad[index], at_ns)
        keep = 1.0 - 1.0 / settings.stray_memory_judgements
        self._fitting *= keep
        self._straying *= keep
        return said

    def _apply(self, index: int, camera: _Camera) -> None:
        is_turned = camera.off.is_so
        self.offset[index] = self._errors.offset[index] if is_turned else 0.0
        factor = self._errors.factor[index]
        self.factor[index] = max(factor, self.settings.off_factor_min) if is_turned else 1.0
        self._is_mute[index] = camera.stray.is_so

    def _report_view(self, index: int, camera: _Camera, off_rad: float, at_ns: int) -> list[Health]:
        is_so = camera.off.is_so or camera.stray.is_so
        if is_so == camera.is_reported:
            return []
        camera.is_reported = is_so
        degrees = math.degrees(off_rad)
        detail = f"its view is off by about {degrees:.1f} degrees: calibrate it anew"
        if camera.stray.is_so and not camera.off.is_so:
            detail = "it sees people where no other camera does: calibrate it anew; left out until then"
        return [self._health(index, "pose_drift", is_so, at_ns, detail)]

    def _off_rad(self) -> list[float]:
        """By how much each camera's rays are off: root mean square over its picture."""
        by = np.einsum("cpk,cak->cpa", self._grid, self._errors.offset)
        return np.sqrt((by**2).sum(axis=2).mean(axis=1)).tolist()

    def _judge_clocks(self, at_ns: int) -> list[Health]:
        settings, said = self.settings, []
        late_s, sd_s, information = _lateness(self._clock_sums)
        self._clock_sums *= 1.0 - 1.0 / settings.clock_memory_judgements
        known = np.flatnonzero(information >= settings.clock_information_min)
        if len(known) < settings.clock_cameras_min:
            return []
        # A filter lags behind all cameras alike: only differences mean anything.
        late_s -= np.median(late_s[known])
        bounds = (float(settings.clock_ns[0]), float(settings.clock_ns[1]))
        limit_ns = settings.clock_shift_ns_max
        for index in known.tolist():
            # What a camera sees that fits nobody tells nothing of its clock.
            if self._is_mute[index] or abs(late_s[index]) < settings.clock_sure_sds * sd_s[index]:
                continue
            clock = self._cameras[index].clock
            shift_ns = self._shift_ns[index] + round(float(late_s[index]) * NS_PER_S)
            shift_ns = min(max(shift_ns, -limit_ns), limit_ns)
            has_changed = clock.settle(float(abs(shift_ns)), bounds, 1)
            if clock.is_so or has_changed:
                self._shift_ns[index] = shift_ns if clock.is_so else 0
                self._clock_sums[index] = 0.0
            if has_changed:
                detail = f"its times are corrected by {ms_from_ns(shift_ns):+.0f} ms: people who walk tell"
                said.append(self._health(index, "clock_skew", clock.is_so, at_ns, detail))
        return said

    def _health(self, index: int, reason: str, is_so: bool, at_ns: int, detail: str) -> Health:
        camera_id = self._rig.camera_ids[index]
        if is_so:
            return SensorDegraded(
                sensor_id=camera_id, kind="camera", reason=reason, since_ns=at_ns, detail=detail
            )
        return SensorRecovered(sensor_id=camera_id, kind="camera", reason=reason, recovered_ns=at_ns)


def _grid(rig: Rig) -> Floats:
    """Terms of the offset [cameras, 9, OFFSET_TERMS] at nine points of each picture."""
    shares = np.array([(x, y) for x in (0.2, 0.5, 0.8) for y in (0.2, 0.5, 0.8)])
    pixels = shares[None] * rig.size_px[:, None, :]
    points = (pixels - rig.pinhole[:, None, 2:]) / rig.pinhole[:, None, :2]
    return np.concatenate([np.ones((*points.shape[:2], 1)), points], axis=2)


@njit(cache=True)
def _count_strays(
    rows, mean, owner, views, frame_starts, camera, confidence, rotation, origin, pinhole, size_px, trust_min,
    fitting, straying,
) -> None:  # fmt: skip
    """Count by camera the sightings that fit somebody, and those that do not although somebody unseen stands in view.

    views [rows] of everybody in this window. Whoever fewer than two cameras see proves nothing.
    """
    local = np.empty(3)
    for f in range(len(frame_starts) - 1):
        start, end = frame_starts[f], frame_starts[f + 1]
        if end <= start:
            continue
        c = camera[start]
        left = 0
        for i in range(start, end):
            if owner[i] >= 0 and views[owner[i]] >= 2:
                fitting[c] += 1.0
                continue
            trust = 0.0
            for j in range(JOINT_COUNT):
                trust += confidence[i, j]
            left += 1 if trust >= trust_min else 0
        expected = 0
        for t in range(len(rows)):
            if left == 0 or views[t] < 2:
                continue
            is_seen = False
            for i in range(start, end):
                is_seen = is_seen or owner[i] == t
            if is_seen:
                continue
            for a in range(3):
                local[a] = 0.0
                for b in range(3):
                    chest = 0.5 * (mean[rows[t], 5, b] + mean[rows[t], 6, b])
                    local[a] += rotation[c, b, a] * (chest - origin[c, b])
            if local[2] < RANGE_M_MIN:
                continue
            x = pinhole[c, 0] * local[0] / local[2] + pinhole[c, 2]
            y = pinhole[c, 1] * local[1] / local[2] + pinhole[c, 3]
            margin_x, margin_y = 0.1 * size_px[c, 0], 0.1 * size_px[c, 1]
            if margin_x < x < size_px[c, 0] - margin_x and margin_y < y < size_px[c, 1] - margin_y:
                expected += 1
        straying[c] += min(left, expected)


_WALKS_M_PER_S = 0.4
_ASIDE_M_MAX = 0.8
_TRUNK = np.array([0, 3, 4, 5, 6, 11, 12])
"""Head, shoulders and hips go where their owner goes; arms and legs swing."""


_CLOCK_SUMS = 8
"""Sightings; what is seen beside the body, metres right and down; speed, the same; speed squared, product, square."""
_ALIKE = 6.0  # so many sightings err as one


def _lateness(sums: Floats) -> tuple[Floats, Floats, Floats]:
    """Sums [cameras, 8] to seconds by which times must be raised, their standard deviation, and how much is known.

    Least squares of "beside" = speed times seconds + a constant: a view that is off is no clock that is.
    """
    count = np.maximum(sums[:, 0], 1.0)
    information = sums[:, 5] - (sums[:, 3] ** 2 + sums[:, 4] ** 2) / count
    pull = sums[:, 6] - (sums[:, 1] * sums[:, 3] + sums[:, 2] * sums[:, 4]) / count
    known = np.maximum(information, 1e-9)
    strays = sums[:, 7] - (sums[:, 1] ** 2 + sums[:, 2] ** 2) / count - pull**2 / known
    return pull / known, np.sqrt(np.maximum(strays, 0.0) / (2.0 * count) * _ALIKE / known), information


@njit(cache=True)
def _gather_clocks(members, rows, camera, origin, rays, confidence, dt_s, mean, root, rotation, sums) -> None:
    """Sum up by camera where it sees whoever walks, against how fast they walk across its view."""
    for m in range(len(members)):
        i, row, c = members[m], rows[m], camera[members[m]]
        vx, vy = root[row, 2], root[row, 3]
        if vx * vx + vy * vy < _WALKS_M_PER_S**2:
            continue
        weights, right, down, speed_right, speed_down = 0.0, 0.0, 0.0, 0.0, 0.0
        for j in _TRUNK:
            trust = confidence[i, j]
            if trust < TRUST_MIN:
                continue
            dt = dt_s[i]
            wx = mean[row, j, 0] + mean[row, j, 3] * dt - origin[i, 0]
            wy = mean[row, j, 1] + mean[row, j, 4] * dt - origin[i, 1]
            wz = mean[row, j, 2] + mean[row, j, 5] * dt - origin[i, 2]
            rx, ry, rz = rays[i, j, 0], rays[i, j, 1], rays[i, j, 2]
            along = wx * rx + wy * ry + wz * rz
            if along < RANGE_M_MIN:
                continue
            towards = vx * rx + vy * ry
            ax, ay, az = vx - towards * rx, vy - towards * ry, -towards * rz
            ex, ey, ez = along * rx - wx, along * ry - wy, along * rz - wz
            weights += trust
            right += trust * (ex * rotation[c, 0, 0] + ey * rotation[c, 1, 0] + ez * rotation[c, 2, 0])
            down += trust * (ex * rotation[c, 0, 1] + ey * rotation[c, 1, 1] + ez * rotation[c, 2, 1])
            speed_right += trust * (ax * rotation[c, 0, 0] + ay * rotation[c, 1, 0] + az * rotation[c, 2, 0])
            speed_down += trust * (ax * rotation[c, 0, 1] + ay * rotation[c, 1, 1] + az * rotation[c, 2, 1])
        if weights < 1.0:
            continue
        right, down = right / weights, down / weights
        if right * right + down * down > _ASIDE_M_MAX**2:
            continue
        speed_right, speed_down = speed_right / weights, speed_down / weights
        sums[c, 0] += 1.0
        sums[c, 1] += right
        sums[c, 2] += down
        sums[c, 3] += speed_right
        sums[c, 4] += speed_down
        sums[c, 5] += speed_right * speed_right + speed_down * speed_down
        sums[c, 6] += right * speed_right + down * speed_down
        sums[c, 7] += right * right + down * down
