"""How a shop and a camera look: colours, lamps, exposure, noise. And a sensor that turns light into bytes.

`Appearance.of_store` is one shop as it is; `Appearance.random` draws another one, so that networks trained on
pictures see many. Colours are RGB 0..1; pictures are BGR bytes.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from openaisle.sim.raster import Bytes, Floats
from openaisle.store.schema import Camera, Store

Colour = tuple[float, float, float]
FLOORS = ("tiles", "wood", "terrazzo", "concrete", "checker")


@dataclass(frozen=True, kw_only=True)
class Appearance:
    """Everything about pictures that is neither geometry nor goods nor people."""

    texture_seed: int = 0
    floor: str = "tiles"  # one of FLOORS
    floor_colour: Colour = (0.74, 0.72, 0.68)
    floor_second: Colour = (0.60, 0.58, 0.55)
    floor_tile_m: float = 0.4
    wall_colour: Colour = (0.86, 0.85, 0.82)
    wall_band: Colour = (0.30, 0.47, 0.42)
    gondola_colour: Colour = (0.80, 0.80, 0.79)
    board_colour: Colour = (0.88, 0.88, 0.87)
    rail_colour: Colour = (0.93, 0.93, 0.91)
    header_colour: Colour = (0.16, 0.36, 0.32)
    lamp_rows: int = 2
    lamp_columns: int = 3
    lamp_power: float = 1.0  # 1 = the floor is as bright as its colour says
    lamp_shift_m: tuple[float, float] = (0.0, 0.0)
    ambient: float = 0.45  # share of the light that comes from everywhere
    lamp_tint: Colour = (1.0, 0.985, 0.95)
    exposure: float = 1.0
    white_balance: Colour = (1.0, 1.0, 1.0)
    vignetting: float = 0.18  # loss of light in the corners
    contrast: float = 1.0
    noise_sd: float = 1.6  # of 255, in the dark
    shot_noise: float = 1.0  # grows with the square root of the light
    shutter_s: float = 1 / 60

    @staticmethod
    def of_store(store: Store) -> Appearance:
        """The look of one shop: always the same for the same store id."""
        rng = np.random.default_rng(zlib.crc32(store.store_id.encode()))
        header = _hsv_rgb(rng.random(), 0.55, 0.42)
        return Appearance(
            texture_seed=int(rng.integers(1 << 30)),
            floor=FLOORS[int(rng.integers(0, 3))],
            floor_tile_m=float(rng.choice([0.3, 0.4, 0.6])),
            wall_band=header,
            header_colour=header,
        )

    @staticmethod
    def random(rng: np.random.Generator) -> Appearance:
        """Another shop's look, under another light, through another camera."""
        grey = float(rng.uniform(0.35, 0.9))
        floor = _hsv_rgb(rng.random(), float(rng.uniform(0, 0.25)), grey)
        gondola = _hsv_rgb(rng.random(), float(rng.uniform(0, 0.3)), float(rng.uniform(0.15, 0.95)))
        warmth = float(rng.uniform(-0.12, 0.12))
        second = float(rng.uniform(0.7, 1.15))
        return Appearance(
            texture_seed=int(rng.integers(1 << 30)),
            floor=FLOORS[int(rng.integers(0, len(FLOORS)))],
            floor_colour=floor,
            floor_second=_scaled(floor, second),
            floor_tile_m=float(rng.uniform(0.15, 1.0)),
            wall_colour=_hsv_rgb(rng.random(), float(rng.uniform(0, 0.4)), float(rng.uniform(0.4, 0.95))),
            wall_band=_hsv_rgb(rng.random(), float(rng.uniform(0, 0.9)), float(rng.uniform(0.15, 0.9))),
            gondola_colour=gondola,
            board_colour=_scaled(gondola, float(rng.uniform(0.85, 1.15))),
            rail_colour=_hsv_rgb(rng.random(), float(rng.uniform(0, 0.7)), float(rng.uniform(0.3, 0.97))),
            header_colour=_hsv_rgb(rng.random(), float(rng.uniform(0.1, 0.9)), float(rng.uniform(0.2, 0.9))),
            lamp_rows=int(rng.integers(1, 4)),
            lamp_columns=int(rng.integers(1, 5)),
            lamp_power=float(rng.uniform(0.7, 1.25)),
            lamp_shift_m=(float(rng.uniform(-0.8, 0.8)), float(rng.uniform(-0.8, 0.8))),
            ambient=float(rng.uniform(0.25, 0.7)),
            lamp_tint=(1.0 + warmth, 1.0, 1.0 - warmth),
            exposure=float(np.exp(rng.normal(0, 0.18))),
            white_balance=(float(rng.normal(1, 0.05)), 1.0, float(rng.normal(1, 0.05))),
            vignetting=float(rng.uniform(0.0, 0.4)),
            contrast=float(rng.uniform(0.8, 1.25)),
            noise_sd=float(rng.uniform(0.5, 5.0)),
            shot_noise=float(rng.uniform(0.3, 2.5)),
            shutter_s=float(rng.choice([1 / 30, 1 / 60, 1 / 120])),
        )


def _hsv_rgb(hue: float, saturation: float, value: float) -> Colour:
    sector, rest = divmod(hue % 1.0 * 6.0, 1.0)
    low, falling, rising = (
        value * (1 - saturation),
        value * (1 - saturation * rest),
        value * (1 - saturation * (1 - rest)),
    )
    return (
        (value, rising, low),
        (falling, value, low),
        (low, value, rising),
        (low, falling, value),
        (rising, low, value),
        (value, low, falling),
    )[int(sector) % 6]


def _scaled(colour: Colour, factor: float) -> Colour:
    red, green, blue = (min(1.0, channel * factor) for channel in colour)
    return (red, green, blue)


def bgr(colour: Colour) -> NDArray[np.float64]:
    """RGB 0..1 to BGR 0..255."""
    return np.array([colour[2], colour[1], colour[0]]) * 255.0


def lamps_of(store: Store, appearance: Appearance) -> Floats:
    """Ceiling lamps [n, 4]: x, y, z in the floor frame, and power for `raster.illuminate`."""
    plan = np.array(store.plan_floor_m)
    low, high = plan.min(axis=0), plan.max(axis=0)
    # About one panel for 4 m2 at least, whatever the rows say: a large shop is not darker.
    columns = max(appearance.lamp_columns, math.ceil((high[0] - low[0]) / 3.0))
    rows = max(appearance.lamp_rows, math.ceil((high[1] - low[1]) / 3.0))
    x = low[0] + (np.arange(columns) + 0.5) / columns * (high[0] - low[0]) + appearance.lamp_shift_m[0]
    y = low[1] + (np.arange(rows) + 0.5) / rows * (high[1] - low[1]) + appearance.lamp_shift_m[1]
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    z = store.ceiling_height_m - 0.03
    # The mean over the floor of power * cos / d^2 of one lamp is about power * pi / area.
    area = float(np.prod(high - low))
    power = (1 - appearance.ambient) * appearance.lamp_power * area / (math.pi * len(grid)) * 1.35
    return np.column_stack([grid, np.full(len(grid), z), np.full(len(grid), power)])


class Sensor:
    """From light to bytes for one stream: gain over the picture, tone curve, noise. All from one seed."""

    NOISE_PX = 300_000  # of the table; a frame begins anywhere in it and goes round

    def __init__(
        self, camera: Camera, appearance: Appearance, seed: int, width_px: int, height_px: int
    ) -> None:
        rng = np.random.default_rng([seed, zlib.crc32(camera.camera_id.encode())])
        self._exposure = appearance.exposure * math.exp(rng.normal(0, 0.04))
        wobble = np.exp(rng.normal(0, 0.015, 3))
        self._balance = (
            np.array(appearance.white_balance[::-1]) * np.array(appearance.lamp_tint[::-1]) * wobble
        )
        x = (np.arange(width_px) - (width_px - 1) / 2) / (width_px / 2)
        y = (np.arange(height_px) - (height_px - 1) / 2) / (width_px / 2)
        r2 = x[None] ** 2 + y[:, None] ** 2
        self._vignette = (1 - appearance.vignetting * r2 / r2.max()).astype(np.float32)
        self._curve = _tone_curve(appearance.contrast)
        # Shot noise grows with the root of the light; after the display's gamma that is nearly a straight line.
        self._noise_dark = np.float32(appearance.noise_sd / 32)
        bright_sd = math.hypot(appearance.noise_sd, 1.4 * appearance.shot_noise)
        self._noise_slope = np.float32((bright_sd - appearance.noise_sd) / 32 / 255)
        # Neighbouring pixels share some noise, as demosaicing and the camera's own encoder leave it.
        own = rng.standard_normal((self.NOISE_PX, 3), np.float32)
        shared = rng.standard_normal((self.NOISE_PX, 1), np.float32)
        table = np.rint((0.55 * own + 0.83 * shared) * 32)
        self._noise = np.clip(table, -127, 127).astype(np.int8).reshape(-1)

    def gain(self, light: float) -> NDArray[np.float32]:
        """[3] BGR gain in the middle of the picture at this brightness of the shop's lamps (display gamma)."""
        return (self._balance * (self._exposure * max(light, 0.0)) ** 0.5).astype(np.float32)

    def develop(self, colour: Bytes, light: float, left: int, top: int) -> Bytes:
        """Bytes [h, w, 3] before noise of a piece of the picture that begins at (left, top)."""
        out = np.empty_like(colour)
        _develop(colour, self._vignette, self.gain(light), self._curve, left, top, out)
        return out

    def expose(self, developed: Bytes, frame_key: int) -> Bytes:
        """A frame with noise; `frame_key` chooses which."""
        out = np.empty_like(developed)
        start = 3 * (frame_key * 104_729 % self.NOISE_PX)
        _add_noise(
            developed.reshape(-1), self._noise, start, self._noise_dark, self._noise_slope, out.reshape(-1)
        )
        return out


def _tone_curve(contrast: float) -> Bytes:
    """Light 0..511 (255 = white) to bytes, with a shoulder so that lamps do not clip hard."""
    x = np.arange(512) / 255.0
    curve = np.where(x < 0.8, x, 0.8 + 0.2 * (1 - np.exp(-(x - 0.8) / 0.2)))
    curve = 0.45 + (curve - 0.45) * contrast
    return np.clip(np.rint(curve * 255), 0, 255).astype(np.uint8)


@njit(cache=True)
def _develop(colour, vignette, gain, curve, left, top, out):
    for y in range(colour.shape[0]):
        for x in range(colour.shape[1]):
            at = vignette[top + y, left + x]
            for k in range(3):
                value = int(colour[y, x, k] * (at * gain[k]))
                out[y, x, k] = curve[min(value, 511)]


@njit(cache=True)
def _add_noise_to(developed, noise, dark, slope, out):
    for i in range(developed.shape[0]):
        level = np.float32(developed[i])
        value = level + np.float32(noise[i]) * (dark + slope * level) + np.float32(0.5)
        out[i] = np.uint8(min(max(value, np.float32(0.0)), np.float32(255.0)))


@njit(cache=True)
def _add_noise(developed, noise, start, dark, slope, out):
    done = 0
    while done < developed.shape[0]:
        count = min(noise.shape[0] - start, developed.shape[0] - done)
        _add_noise_to(developed[done : done + count], noise[start : start + count], dark, slope, out[done:])
        done += count
        start = 0
