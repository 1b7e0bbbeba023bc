"""Who comes: builds and clothes, drawn from a seed."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from openaisle.sim.scene import Body

Colour = tuple[float, float, float]

SKINS: Final[tuple[Colour, ...]] = (
    (0.93, 0.78, 0.68), (0.87, 0.68, 0.55), (0.76, 0.57, 0.43), (0.60, 0.42, 0.30), (0.42, 0.28, 0.20),
    (0.30, 0.20, 0.14),
)  # fmt: skip
HAIRS: Final[tuple[Colour, ...]] = (
    (0.08, 0.06, 0.05), (0.18, 0.12, 0.08), (0.35, 0.22, 0.12), (0.62, 0.48, 0.28), (0.55, 0.55, 0.55),
)  # fmt: skip
TOPS: Final[tuple[Colour, ...]] = (
    (0.10, 0.10, 0.12), (0.85, 0.85, 0.83), (0.45, 0.46, 0.48), (0.13, 0.18, 0.36), (0.60, 0.10, 0.12),
    (0.12, 0.35, 0.20), (0.78, 0.62, 0.20), (0.32, 0.50, 0.68), (0.70, 0.42, 0.50), (0.38, 0.24, 0.44),
    (0.72, 0.36, 0.14), (0.55, 0.45, 0.34),
)  # fmt: skip
TROUSERS: Final[tuple[Colour, ...]] = (
    (0.10, 0.10, 0.12), (0.14, 0.20, 0.36), (0.30, 0.40, 0.56), (0.52, 0.46, 0.36), (0.34, 0.34, 0.36),
    (0.24, 0.28, 0.20), (0.76, 0.72, 0.64),
)  # fmt: skip
SHOES: Final[tuple[Colour, ...]] = (
    (0.08, 0.08, 0.08),
    (0.85, 0.85, 0.85),
    (0.40, 0.26, 0.16),
    (0.5, 0.12, 0.12),
)


STAFF_VEST: Final = 3  # pattern of scene.Body


def draw_child(rng: np.random.Generator, body_id: int) -> Body:
    """A child of 1.1-1.45 m."""
    grown = draw_body(rng, body_id)
    height = round(float(rng.uniform(1.1, 1.45)), 3)
    width = round(height * 0.225, 3)
    return replace(grown, height_m=height, shoulder_width_m=width, girth=0.85, has_bag=False)


def draw_staff(rng: np.random.Generator, body_id: int) -> Body:
    """Somebody in the shop's bright vest, with a crate."""
    vest = (0.9, 0.75, 0.1)
    return replace(draw_body(rng, body_id), pattern=STAFF_VEST, pattern_colour=vest, has_bag=True)


def draw_body(rng: np.random.Generator, body_id: int) -> Body:
    """A grown-up of 1.55-1.95 m in everyday clothes."""
    height = float(np.clip(rng.normal(1.72, 0.09), 1.55, 1.95))
    girth = float(np.clip(rng.normal(1.0, 0.11), 0.8, 1.35))
    return Body(
        body_id=body_id,
        height_m=round(height, 3),
        girth=round(girth, 3),
        shoulder_width_m=round(height * float(rng.normal(0.225, 0.01)) * (0.8 + 0.2 * girth), 3),
        skin=_near(rng, SKINS, 0.02),
        hair=_near(rng, HAIRS, 0.02),
        top=_near(rng, TOPS, 0.05),
        trousers=_near(rng, TROUSERS, 0.04),
        shoes=_near(rng, SHOES, 0.02),
        pattern=int(rng.choice([0, 1, 2], p=[0.7, 0.18, 0.12])),
        pattern_colour=_near(rng, TOPS, 0.05),
        has_long_sleeves=bool(rng.random() < 0.6),
        has_bag=bool(rng.random() < 0.75),
    )


def _near(rng: np.random.Generator, palette: tuple[Colour, ...], sd: float) -> Colour:
    """One of a palette, a little off."""
    colour = np.array(palette[int(rng.integers(len(palette)))]) + rng.normal(0.0, sd, 3)
    red, green, blue = (round(float(value), 3) for value in np.clip(colour, 0.02, 0.98))
    return (red, green, blue)
