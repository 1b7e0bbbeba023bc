"""Shops, people and cameras of another look than any network here was taught on: they stand in for real ones.

What is drawn so is drawn better too: sixteen samples a pixel, and shadows that lamps cast. Prints and builds are others
than `people_scenes.random_body` draws, light is harder and colours are more off, cameras are noisier and encode worse.
It is still a rendered shop: what is measured there says how much labelling a change of look costs, not how real
people look.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from openaisle.sim.clothes import OTHER_PATTERNS
from openaisle.sim.optics import Appearance
from openaisle.sim.people import draw_body
from openaisle.sim.scene import Body

LIVE: Final = "live"
OTHER: Final = "other"
LOOKS: Final = (LIVE, OTHER)
QUALITY_OF: Final = {LIVE: "live", OTHER: "high"}  # of the renderer
ENCODED: Final = (22, 60)
"""JPEG quality of what its cameras send."""


def other_body(rng: np.random.Generator, body_id: int) -> Body:
    """Anybody, in prints and proportions that the training pictures do not have."""
    return in_other_clothes(draw_body(rng, body_id), rng)


def in_other_clothes(body: Body, rng: np.random.Generator) -> Body:
    """The same joints under another build and other clothes."""
    girth = float(rng.choice([rng.uniform(0.62, 0.8), rng.uniform(1.4, 1.75)]))
    top, trousers, second = (tuple(rng.uniform(0.03, 0.97, 3).tolist()) for _ in range(3))
    return replace(
        body,
        girth=girth,
        top=top,
        trousers=trousers,
        pattern=int(rng.choice(OTHER_PATTERNS)),
        pattern_colour=second,
        has_long_sleeves=bool(rng.random() < 0.8),
        has_bag=bool(rng.random() < 0.9),
    )


def other_appearance(rng: np.random.Generator) -> Appearance:
    """A shop in harder light, seen through worse cameras."""
    cast = np.exp(rng.normal(0, 0.16, 3))
    return replace(
        Appearance.random(rng),
        ambient=float(rng.uniform(0.1, 0.25)),
        lamp_power=float(rng.uniform(0.5, 1.5)),
        white_balance=tuple((cast / cast.mean()).tolist()),
        vignetting=float(rng.uniform(0.35, 0.6)),
        contrast=float(rng.choice([rng.uniform(0.65, 0.8), rng.uniform(1.25, 1.5)])),
        noise_sd=float(rng.uniform(3.0, 7.0)),
        shot_noise=float(rng.uniform(1.5, 3.0)),
        shutter_s=1 / 25,
    )
