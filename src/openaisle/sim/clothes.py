"""What is printed on people's surfaces: skin, hair, clothes, shoes and bags, made from a `Body` alone."""

from __future__ import annotations

import zlib
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from openaisle.sim.raster import Atlas, Bytes
from openaisle.sim.scene import Body

TEXTURES: Final = ("head", "skin", "torso", "sleeve", "trousers", "shoe", "bag", "hair")
OTHER_PATTERNS: Final = (4, 5, 6)
"""Large flowers, tartan, a darkening towards the hem: of `scene.Body`, worn only by people of another look."""
HAIR_STYLES: Final = ("short", "bald", "long", "bob", "bun", "short")


def hair_style(body: Body) -> str:
    """One of HAIR_STYLES, by the body's id: bodies with the same clothes still differ."""
    return HAIR_STYLES[zlib.crc32(f"hair {body.body_id}".encode()) % len(HAIR_STYLES)]


def body_atlas(bodies: tuple[Body, ...]) -> Atlas:
    """The textures of these bodies, TEXTURES of the first, then of the second, ..."""
    atlas = Atlas()
    for body in bodies:
        for texture in _clothes(body):
            atlas.add(texture)
    return atlas


@lru_cache(maxsize=256)
def _clothes(body: Body) -> tuple[Bytes, ...]:
    """TEXTURES of one body, each [h, w, 3] BGR."""
    rng = np.random.default_rng(zlib.crc32(f"clothes {body.body_id}".encode()))
    skin, hair = _bgr(body.skin), _bgr(body.hair)
    top, trousers, shoes = _bgr(body.top), _bgr(body.trousers), _bgr(body.shoes)
    pattern = _bgr(body.pattern_colour)
    torso = _cloth(rng, top, 96, 96)
    sleeve = _cloth(rng, top, 64, 48)
    if body.pattern == 1:
        torso[np.arange(96) // 6 % 2 == 0] += pattern - top
        sleeve[np.arange(64) // 5 % 2 == 0] += pattern - top
    elif body.pattern == 2:
        for picture in (torso, sleeve):
            rows, columns = np.arange(picture.shape[0])[:, None], np.arange(picture.shape[1])[None]
            share = (rows // 8 % 2 + columns // 8 % 2) / 2
            picture += share[..., None] * (pattern - top)
    elif body.pattern == 3:
        torso[:] = _cloth(rng, _bgr((0.88, 0.92, 0.15)), 96, 96)
        torso[44:52] = torso[66:74] = _bgr((0.82, 0.83, 0.84))
        torso[:44, 8:13] = torso[:44, 35:40] = torso[:44, 56:61] = torso[:44, 83:88] = _bgr(
            (0.82, 0.83, 0.84)
        )
    elif body.pattern in OTHER_PATTERNS:
        for picture in (torso, sleeve):
            share = _printed(rng, body.pattern, *picture.shape[:2])
            picture += share[..., None] * (pattern - top)
    _collar(torso, skin, rng)
    if not body.has_long_sleeves:
        # From the middle of the upper arm down: bare.
        sleeve[round(64 * 0.33) :] = _skin(rng, skin, 64 - round(64 * 0.33), 48)
        sleeve[round(64 * 0.31) : round(64 * 0.33)] *= 0.75
    legs = _cloth(rng, trousers, 64, 48)
    legs[:, 0] *= 0.85
    shoe = _cloth(rng, shoes, 32, 32)
    shoe[:, 5:12] = 235 if sum(body.shoes) < 2 else 90  # the sole: below is at a quarter of the width
    bag = _cloth(rng, _bgr((0.25, 0.2, 0.16)) + rng.uniform(0, 90, 3), 32, 48)
    bag[4:6] *= 0.6
    return tuple(
        np.clip(np.rint(picture), 0, 255).astype(np.uint8)
        for picture in (
            _face(rng, skin, hair, body),
            _skin(rng, skin, 16, 16),
            torso,
            sleeve,
            legs,
            shoe,
            bag,
            _strands(rng, hair, 32, 32),
        )
    )


def _bgr(colour: tuple[float, float, float]) -> NDArray[np.float64]:
    return np.array(colour[::-1]) * 255.0


def _cloth(
    rng: np.random.Generator, colour: NDArray[np.float64], height: int, width: int
) -> NDArray[np.float64]:
    """Cloth with soft folds."""
    folds = cv2.GaussianBlur(rng.normal(0, 1, (height, width)), (0, 0), sigmaX=2.0, sigmaY=5.0)
    folds = folds / (folds.std() + 1e-9) * 0.055
    return np.asarray(colour) * (1 + folds[..., None]) + rng.normal(0, 2.0, (height, width, 1))


def _printed(rng: np.random.Generator, pattern: int, height: int, width: int) -> NDArray[np.float64]:
    """Share [h, w] of the second colour in one of OTHER_PATTERNS."""
    rows, columns = np.arange(height)[:, None], np.arange(width)[None]
    if pattern == 4:
        blobs = cv2.GaussianBlur(rng.normal(0, 1, (height, width)), (0, 0), sigmaX=3.5)
        return (blobs > 0.6 * blobs.std()).astype(np.float64)
    if pattern == 5:
        return (
            0.5 * (rows % 14 < 5)
            + 0.35 * (columns % 12 < 4)
            + 0.15 * ((rows % 14 == 9) | (columns % 12 == 7))
        )
    return np.broadcast_to((rows / height) ** 1.5, (height, width)).copy()


def _skin(
    rng: np.random.Generator, colour: NDArray[np.float64], height: int, width: int
) -> NDArray[np.float64]:
    return np.asarray(colour) + rng.normal(0, 2.0, (height, width, 1))


def _strands(
    rng: np.random.Generator, colour: NDArray[np.float64], height: int, width: int
) -> NDArray[np.float64]:
    strands = cv2.GaussianBlur(rng.normal(0, 1, (height, width)), (0, 0), sigmaX=0.6, sigmaY=4.0)
    return np.asarray(colour) * (1 + strands[..., None] / (strands.std() + 1e-9) * 0.16) + 4


def _collar(torso: NDArray[np.float64], skin: NDArray[np.float64], rng: np.random.Generator) -> None:
    """Neckline, front opening or print. The front is at a quarter of the width."""
    torso[:5] = skin
    kind = int(rng.integers(0, 4))
    if kind == 0:
        for row in range(5, 14):
            torso[row, 24 - (14 - row) // 2 : 25 + (14 - row) // 2] = skin
    elif kind == 1:
        torso[6:, 24] *= 0.6
        torso[5:9] *= 0.9
    elif kind == 2:
        torso[30:48, 17:32] = torso[30:48, 17:32] * 0.3 + rng.uniform(60, 240, 3) * 0.7
    torso[-5:] *= 0.85


def _face(
    rng: np.random.Generator, skin: NDArray[np.float64], hair: NDArray[np.float64], body: Body
) -> NDArray[np.float64]:
    """A head's skin and hair [64, 96]; the face is at a quarter of the width, the crown in the first row."""
    height, width = 64, 96
    style = hair_style(body)
    picture = _strands(rng, hair, height, width)
    bare = np.zeros((height, width), np.uint8)
    middle = width // 4
    if style == "bald":
        bare[:] = 1
        rows = np.arange(height)[:, None]
        around = np.abs((np.arange(width)[None] - middle + width // 2) % width - width // 2)
        bare[(rows > 26) & (rows < 46) & (around > 22)] = 0
    else:
        cv2.ellipse(bare, (middle, 50), (17, 29), 0, 0, 360, 1, -1)
        bare[52:] = 1
        bare[:20] = 0
    face = _skin(rng, skin, height, width)
    picture = np.where(bare[..., None] == 1, face, picture)
    for side in (-1, 1):
        x = middle + 5 * side
        picture[34:36, x - 2 : x + 3] = 0.5 * skin + 0.5 * hair  # brow
        picture[37:39, x - 1 : x + 2] = (235, 235, 235)
        picture[37:39, x] = (40, 30, 25)
        ear = np.arange(-2, 3) + middle + 24 * side
        picture[34:44, ear % width] = skin * 0.92
    picture[40:45, middle - 1 : middle + 2] *= 0.93
    picture[49:51, middle - 4 : middle + 5] = skin * np.array([0.72, 0.62, 0.85])
    if style in ("short", "bald") and rng.random() < 0.5:
        picture[46:58, middle - 13 : middle + 14] = (
            0.45 * picture[46:58, middle - 13 : middle + 14] + 0.55 * hair
        )
    return picture
