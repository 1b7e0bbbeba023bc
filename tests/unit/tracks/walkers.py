"""People who walk through a bare room, as its cameras' keypoint networks would report them. No simulator needed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from openaisle.core.geometry import Floats, Lens
from openaisle.core.messages import (
    JOINT_INDEX,
    AnyMessage,
    CameraDetections,
    FloorTracks,
    GateTap,
    Reading,
    VisitClosed,
    VisitOpened,
)
from openaisle.core.units import NS_PER_MS, NS_PER_S
from openaisle.pipeline import Pipeline
from openaisle.store.schema import Camera, Gate, Store
from openaisle.tracks.floor import Tracks, TracksMessage
from openaisle.tracks.skeleton import standing

START_NS = 1_000 * NS_PER_S
STEP_NS = 25 * NS_PER_MS


def bare_room(camera_count: int = 6, order: Sequence[int] | None = None) -> Store:
    """5 x 4 m, entry and exit in the south wall, cameras under the ceiling around it."""
    places = [
        (0.1, 0.1, 45.0),
        (4.9, 0.1, 135.0),
        (4.9, 3.9, 225.0),
        (0.1, 3.9, 315.0),
        (2.5, 0.1, 90.0),
        (2.5, 3.9, 270.0),
    ]
    lens = Lens(640, 360, 500.0, 500.0, 319.5, 179.5, (-0.35, 0.1, 0.0, 0.0, 0.0))
    cameras = [
        Camera(
            camera_id=f"cam-{number + 1}",
            position_floor_m=(x, y, 2.5),
            pan_deg=pan,
            tilt_deg=38.0,
            roll_deg=0.0,
            lens=lens,
            main_width_px=1920,
            main_height_px=1080,
            fps=8.0,
        )
        for number, (x, y, pan) in enumerate(places[:camera_count])
    ]
    return Store(
        store_id="room",
        name="Room",
        timezone="UTC",
        currency="EUR",
        currency_digits=2,
        prices_include_tax=True,
        tax_rates={},
        jurisdiction="",
        ceiling_height_m=2.6,
        plan_floor_m=((0.0, 0.0), (5.0, 0.0), (5.0, 4.0), (0.0, 4.0)),
        walls_floor_m=(),
        gates=(_gate("entry", 0.5), _gate("exit", 3.5)),
        zones=(),
        gondolas=(),
        cameras=tuple(cameras[index] for index in (order or range(len(cameras)))),
        products={},
    )


def _gate(kind: str, x_m: float) -> Gate:
    return Gate(
        gate_id=kind,
        kind=kind,
        left_floor_m=(x_m, 0.0),
        right_floor_m=(x_m + 1.0, 0.0),
        inside_floor_m=(x_m + 0.5, 0.4),
    )


@dataclass(frozen=True)
class Walker:
    """Somebody who goes through timed points (seconds, x, y) on straight lines and swings the right hand."""

    points: tuple[tuple[float, float, float], ...]
    height_m: float = 1.72
    look: tuple[float, ...] = ()
    hand_hz: float = 0.6
    hand_reach_m: float = 0.25
    hidden_s: tuple[float, float] = (-1.0, -1.0)  # no camera sees them in between

    def position_at(self, seconds: float) -> tuple[float, float] | None:
        times = [point[0] for point in self.points]
        if not times[0] <= seconds <= times[-1]:
            return None
        around = seconds + np.linspace(-0.3, 0.3, 9)  # People turn in half a second, not at once.
        x = np.interp(around, times, [point[1] for point in self.points]).mean()
        y = np.interp(around, times, [point[2] for point in self.points]).mean()
        return float(x), float(y)

    def joints_at(self, seconds: float) -> Floats | None:
        """[17, 3], floor frame."""
        here = self.position_at(seconds)
        if here is None:
            return None
        ahead = self.position_at(min(seconds + 0.1, self.points[-1][0])) or here
        before = self.position_at(max(seconds - 0.1, self.points[0][0])) or here
        dx, dy = ahead[0] - before[0], ahead[1] - before[1]
        yaw = math.atan2(dy, dx) if math.hypot(dx, dy) > 1e-3 else math.pi / 2
        joints = standing(np.array(here), self.height_m, yaw)
        forward = np.array([math.cos(yaw), math.sin(yaw), 0.0])
        reach = self.hand_reach_m * math.sin(2 * math.pi * self.hand_hz * seconds)
        joints[JOINT_INDEX["right_wrist"]] += forward * (reach + 0.05)
        joints[JOINT_INDEX["right_elbow"]] += forward * 0.4 * (reach + 0.05)
        return joints


@dataclass
class World:
    """A room with walkers; makes what its cameras report."""

    store: Store
    walkers: Sequence[Walker]
    seed: int = 0
    noise_px: float = 3.0
    miss_share: float = 0.03
    swap_share: float = 0.02
    false_share: float = 0.0
    blind_cameras: Callable[[str, float], bool] = lambda camera_id, seconds: False
    delay_ms: tuple[float, float] = (50.0, 150.0)
    turned_deg: Callable[[str, float], float] = lambda camera_id, seconds: (
        0.0
    )  # away from where the plan has it
    skews_ms: Mapping[str, float] = field(default_factory=dict)  # of cameras' clocks
    frames: list[CameraDetections] = field(default_factory=list)

    def film(self, until_s: float) -> list[CameraDetections]:
        """All frames of all cameras up to `until_s`, by arrival."""
        frames: list[CameraDetections] = []
        for camera in sorted(self.store.cameras, key=lambda camera: camera.camera_id):
            # Each camera has its own chances, so that their order in the store changes nothing.
            rng = np.random.default_rng([self.seed, int(camera.camera_id.split("-")[1])])
            seconds = float(rng.uniform(0.0, 0.125))
            while seconds < until_s:
                if not self.blind_cameras(camera.camera_id, seconds):
                    turned = self.turned_deg(camera.camera_id, seconds)
                    as_it_is = replace(camera, pan_deg=camera.pan_deg + turned) if turned else camera
                    frames.append(self._frame(as_it_is, seconds, rng))
                seconds += 0.125
        return sorted(frames, key=lambda frame: (frame.received_ns, frame.camera_id))

    def _frame(self, camera: Camera, seconds: float, rng: np.random.Generator) -> CameraDetections:
        people: list[Floats] = []
        looks: list[tuple[float, ...]] = []
        for walker in self.walkers:
            joints = walker.joints_at(seconds)
            if joints is None or walker.hidden_s[0] <= seconds <= walker.hidden_s[1]:
                continue
            found = self._keypoints(camera, joints, rng)
            if found is not None and rng.random() >= self.miss_share:
                people.append(found)
                looks.append(walker.look)
        if rng.random() < self.false_share:
            width, height = camera.lens.width_px, camera.lens.height_px
            corner = rng.uniform((0, 0), (width - 80, height - 160))
            strewn = corner + rng.uniform((0, 0), (80, 160), (17, 2))
            people.append(np.column_stack([strewn, rng.uniform(0.1, 0.8, 17)]))
            looks.append(tuple(rng.normal(size=len(self.walkers[0].look))) if self.walkers else ())
        keypoints = np.array(people).reshape(-1, 17, 3)
        received_ns = (
            START_NS + round(seconds * NS_PER_S) + round(float(rng.uniform(*self.delay_ms)) * NS_PER_MS)
        )
        skew_s = self.skews_ms.get(camera.camera_id, 0.0) / 1e3
        captured_ns = START_NS + round((seconds + skew_s) * NS_PER_S)
        seen = np.where(keypoints[:, :, 2:] > 0, keypoints[:, :, :2], np.nan)
        low, high = np.nanmin(seen, axis=1), np.nanmax(seen, axis=1)
        return CameraDetections(
            camera_id=camera.camera_id,
            captured_ns=captured_ns,
            received_ns=received_ns,
            boxes_image_px=np.concatenate([low, high], axis=1).astype(np.float32),
            scores=np.full(len(people), 0.9, np.float32),
            keypoints_image_px=keypoints.astype(np.float32),
            appearance=np.array(looks, np.float32).reshape(len(people), len(looks[0]) if looks else 0),
        )

    def _keypoints(self, camera: Camera, joints: Floats, rng: np.random.Generator) -> Floats | None:
        pixels = camera.project(joints)
        noise = rng.normal(0.0, self.noise_px, pixels.shape)
        with np.errstate(invalid="ignore"):
            is_inside = (
                (pixels[:, 0] >= 0)
                & (pixels[:, 0] < camera.lens.width_px)
                & (pixels[:, 1] >= 0)
                & (pixels[:, 1] < camera.lens.height_px)
            )
        is_swapped = rng.random() < self.swap_share
        if is_inside.sum() < 5:
            return None
        keypoints: Floats = np.zeros((len(pixels), 3))
        keypoints[is_inside, :2] = (pixels + noise)[is_inside]
        keypoints[is_inside, 2] = 0.85
        if is_swapped:
            keypoints[1:] = keypoints[1:].reshape(8, 2, 3)[:, ::-1].reshape(16, 3)
        return keypoints


def tap(
    visit_id: str, seconds: float, *, direction: str = "entry", gate: str = "", people: int = 1
) -> GateTap:
    at_ns = START_NS + round(seconds * NS_PER_S)
    return GateTap(
        gate_id=gate or direction,
        direction=direction,
        visit_id=visit_id,
        tapped_ns=at_ns,
        received_ns=at_ns + 20 * NS_PER_MS,
        people_count=people,
    )


def play(
    tracks: Tracks, frames: Sequence[CameraDetections], taps: Sequence[GateTap], until_s: float
) -> list[TracksMessage]:
    """Step every 25 ms; everything arrives when it was received. Ends without `finish`."""
    said: list[TracksMessage] = []
    frames, taps = list(frames), sorted(taps, key=lambda one: one.received_ns)
    for now_ns in range(START_NS, START_NS + round(until_s * NS_PER_S) + 1, STEP_NS):
        due = [frame for frame in frames[:64] if frame.received_ns <= now_ns]
        shown = [one for one in taps if one.received_ns <= now_ns]
        frames, taps = frames[len(due) :], taps[len(shown) :]
        said += tracks.step(due, [], shown, now_ns)
    return said


def play_path(
    pipeline: Pipeline, frames: Sequence[CameraDetections], taps: Sequence[GateTap], until_s: float
) -> list[AnyMessage]:
    """The same through the whole path, reading by reading. Ends without `finish`."""
    readings: list[Reading] = sorted([*frames, *taps], key=lambda reading: reading.received_ns)
    said: list[AnyMessage] = []
    ticks = range(START_NS, START_NS + round(until_s * NS_PER_S) + 1, 4 * STEP_NS)
    for now_ns in ticks:
        while readings and readings[0].received_ns <= now_ns:
            reading = readings.pop(0)
            said += pipeline.step([reading], reading.received_ns)
        said += pipeline.step([], now_ns)
    return said


def floors(said: Sequence[AnyMessage]) -> list[FloorTracks]:
    return [message for message in said if isinstance(message, FloorTracks)]


def opened(said: Sequence[AnyMessage]) -> list[VisitOpened]:
    return [message for message in said if isinstance(message, VisitOpened)]


def closed(said: Sequence[AnyMessage]) -> list[VisitClosed]:
    return [message for message in said if isinstance(message, VisitClosed)]


def seconds_of(at_ns: int) -> float:
    return (at_ns - START_NS) / NS_PER_S


def place_of(floor: FloorTracks, visit_id: str) -> Floats | None:
    """[2] of the only row of a visit, or None."""
    rows = [row for row, known in enumerate(floor.visit_ids) if known == visit_id]
    assert len(rows) <= 1, f"{visit_id} is in two places"
    return np.array(floor.positions_floor_m[rows[0]].tolist()) if rows else None
