"""Is a camera's picture as good as its own was? Exposure, colour, focus, and whether it still shows the same place.

Once a second the picture is reduced to blocks: the mean of each colour and the mean step from pixel to pixel. Blocks in
which nobody is are compared with what they used to be. What is wrong for a while is said once, with a fixed word, and
taken back once it is well again for as long; the bounds of beginning and end lie apart, so nothing chatters. While
something is wrong the reference stands still; otherwise it follows, within hours, what goods and daylight do.
Black and frozen pictures are noticed at the door already (adapters/camera_av.py) and never come here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from openaisle.core.messages import CameraId, SensorDegraded, SensorRecovered
from openaisle.core.units import NS_PER_S
from openaisle.detections.background import GRID_PX, Background, Planes

Blocks = NDArray[np.float32]
Health = SensorDegraded | SensorRecovered

REASONS: Final = (
    "covered", "moved", "too_dark", "over_exposed", "exposure_drift", "colour_drift", "out_of_focus",
)  # fmt: skip
OCCUPIED_SHARE: Final = 0.1
"""Of a block's pixels differ: it is not compared."""
_PLACE: Final = frozenset({"covered", "moved"})  # while one of these is so, the others say nothing
_LEVEL: Final = frozenset(
    {"too_dark", "over_exposed"}
)  # while one of these is so, drift and focus say nothing


@dataclass(frozen=True, kw_only=True)
class PictureHealthSettings:
    """Bounds are pairs: where a trouble begins, and where it ends."""

    look_every_s: float = 1.0
    hold_s: float = 4.0  # so long it must last to begin, and to end
    follow_s: float = 6 * 3600.0  # the reference follows a picture that is well
    fair_share_min: float = 0.25  # of the blocks must be without anybody
    dark_level: tuple[float, float] = (22.0, 30.0)  # mean of the picture, 0..255
    blown_share: tuple[float, float] = (0.35, 0.25)  # of blocks at the upper end
    exposure_octaves: tuple[float, float] = (0.9, 0.7)  # brightness against the reference, either way
    colour_octaves: tuple[float, float] = (
        0.45,
        0.3,
    )  # between the colour that rose most and that which fell most
    sharpness: tuple[float, float] = (0.55, 0.7)  # steps from pixel to pixel against the reference
    likeness: tuple[float, float] = (0.35, 0.5)  # correlation of blocks with the reference
    contrast: tuple[float, float] = (
        0.4,
        0.6,
    )  # spread of blocks against the reference: less, and it is covered


@dataclass(frozen=True)
class _Look:
    """One picture in blocks [rows, columns] of GRID_PX."""

    level: Blocks  # [3, rows, columns] BGR
    steps: Blocks  # [rows, columns] mean difference of neighbouring pixels, green

    @property
    def grey(self) -> Blocks:
        return self.level.mean(axis=0)


@dataclass
class _State:
    """A trouble, or none, and since when the picture has looked otherwise."""

    is_so: bool = False
    other_since_ns: int | None = None


class PictureHealth:
    """One camera's. `step` after `Background.compare`, for each frame."""

    def __init__(self, camera_id: CameraId, settings: PictureHealthSettings | None = None) -> None:
        self._camera_id = camera_id
        self._settings = settings or PictureHealthSettings()
        self._reference: _Look | None = None
        self._looked_ns = -(1 << 62)
        self._states = {reason: _State() for reason in REASONS}

    def step(self, background: Background, at_ns: int) -> list[Health]:
        """What began or ended with this picture; nothing in most frames, which are not looked at."""
        elapsed_s = (at_ns - self._looked_ns) / NS_PER_S
        if elapsed_s < self._settings.look_every_s:
            return []
        self._looked_ns = at_ns
        look = _look(background.planes)
        fair = _fair_blocks(background)
        if self._reference is None or self._reference.level.shape != look.level.shape:
            if background.is_trusted:
                self._reference = look
            return []
        if fair.mean() < self._settings.fair_share_min:
            return []
        said = self._judge(look, fair, at_ns)
        if not any(state.is_so or state.other_since_ns is not None for state in self._states.values()):
            self._follow(look, fair, elapsed_s)
        return said

    def _judge(self, look: _Look, fair: NDArray[np.bool_], at_ns: int) -> list[Health]:
        reference, settings = self._reference, self._settings
        assert reference is not None
        grey, known = look.grey, reference.grey
        level = float(grey.mean())  # of all of it: in the dark nobody stands out
        blown = float((look.level.min(axis=0) >= 250).mean())
        # A block without light, or full of it, says nothing about gain.
        told = fair & (known > 12) & (grey < 245)
        gains = [
            _median(now[lit] / before[lit])
            for now, before in zip(look.level, reference.level, strict=True)
            for lit in [told & (before > 4)]  # pure colours have nothing of the others
        ]
        gain = max(float(np.mean(gains)), 1e-3)
        octaves = [math.log2(max(each, 1e-3)) for each in gains]
        sharpness = float(look.steps[fair].sum() / gain / max(float(reference.steps[fair].sum()), 1e-6))
        likeness = _correlation(grey[fair], known[fair])
        contrast = float(grey[fair].std() / max(float(known[fair].std()), 1e-6))
        is_foreign = self._is_so("moved", -likeness, settings.likeness) or self._is_so(
            "covered", -likeness, settings.likeness
        )
        is_flat = self._is_so("covered", -contrast, settings.contrast)
        found = {
            "covered": (is_foreign and is_flat, f"{contrast:.2f} of its contrast is left"),
            "moved": (is_foreign and not is_flat, f"likeness {likeness:.2f} to its own empty picture"),
            "too_dark": (
                self._is_so("too_dark", -level, settings.dark_level), f"mean level {level:.0f} of 255"
            ),
            "over_exposed": (
                self._is_so("over_exposed", blown, settings.blown_share), f"{blown:.0%} of it is blown out"
            ),
            "exposure_drift": (
                self._is_so("exposure_drift", abs(math.log2(gain)), settings.exposure_octaves),
                f"{gain:.2f} times as bright as it was",
            ),
            "colour_drift": (
                self._is_so("colour_drift", max(octaves) - min(octaves), settings.colour_octaves),
                "blue, green, red times " + ", ".join(f"{each:.2f}" for each in gains),
            ),
            "out_of_focus": (
                self._is_so("out_of_focus", -sharpness, settings.sharpness),
                f"{sharpness:.2f} of its sharpness is left",
            ),
        }  # fmt: skip
        said: list[Health] = []
        mute: frozenset[str] = frozenset()
        for reason in REASONS:
            is_now, detail = found[reason]
            if reason not in mute:
                said += self._settle(reason, is_now, detail, at_ns)
            if is_now and reason in _PLACE | _LEVEL:
                mute |= frozenset(REASONS[2:]) if reason in _PLACE else frozenset(REASONS[4:])
        return said

    def _is_so(self, reason: str, value: float, bounds: tuple[float, float]) -> bool:
        """Whether a value is beyond its bound: that of the end while it lasts, else that of the beginning.

        Values that are bad when small come with a minus.
        """
        bound = bounds[1] if self._states[reason].is_so else bounds[0]
        return value > bound if bounds[0] > bounds[1] else value > -bound

    def _settle(self, reason: str, is_now: bool, detail: str, at_ns: int) -> list[Health]:
        state = self._states[reason]
        if is_now == state.is_so:
            state.other_since_ns = None
            return []
        if state.other_since_ns is None:
            state.other_since_ns = at_ns
        if at_ns - state.other_since_ns < self._settings.hold_s * NS_PER_S:
            return []
        since_ns, state.is_so, state.other_since_ns = state.other_since_ns, is_now, None
        if not is_now:
            return [
                SensorRecovered(sensor_id=self._camera_id, kind="camera", reason=reason, recovered_ns=at_ns)
            ]
        return [
            SensorDegraded(
                sensor_id=self._camera_id, kind="camera", reason=reason, since_ns=since_ns, detail=detail
            )
        ]

    def _follow(self, look: _Look, fair: NDArray[np.bool_], elapsed_s: float) -> None:
        assert self._reference is not None
        rate = (1.0 - math.exp(-elapsed_s / self._settings.follow_s)) * fair.astype(np.float32)
        self._reference.level[:] += rate * (look.level - self._reference.level)
        self._reference.steps[:] += rate * (look.steps - self._reference.steps)


def _look(planes: Planes) -> _Look:
    level = np.stack([_block_means(plane) for plane in planes])
    steps = np.zeros_like(planes[1])
    cv2.absdiff(planes[1][:, 1:], planes[1][:, :-1], dst=steps[:, 1:])
    # A sharp picture's steps are a few grey values: whole ones would not tell it from a dull one.
    return _Look(level, _block_means(steps.astype(np.float32)))


def _block_means(plane: NDArray[np.uint8] | Blocks) -> Blocks:
    """Mean of each whole block, as `Background.block_shares` has them."""
    height, width = (max(GRID_PX, each // GRID_PX * GRID_PX) for each in plane.shape)
    size = (width // GRID_PX, height // GRID_PX)
    return np.asarray(cv2.resize(plane[:height, :width], size, interpolation=cv2.INTER_AREA), np.float32)


def _fair_blocks(background: Background) -> NDArray[np.bool_]:
    """Blocks [rows, columns] in which nothing stands that was not there; all, while that is not known."""
    shares = background.block_shares
    return shares < OCCUPIED_SHARE * 255 if background.is_trusted else np.ones(shares.shape, bool)


def _median(values: NDArray[np.floating]) -> float:
    return float(np.median(values)) if len(values) else 1.0


def _correlation(one: Blocks, other: Blocks) -> float:
    a, b = one - one.mean(), other - other.mean()
    return float((a * b).sum() / max(float(np.sqrt((a * a).sum() * (b * b).sum())), 1e-6))
