"""A picture as a list of marks, in page pixels (x right, y down): written as SVG, or painted as PNG."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from openaisle.core.errors import InputError

Points: TypeAlias = Sequence[tuple[float, float]]
Image: TypeAlias = NDArray[np.uint8]

FONT: Final = "Rubik, Inter, 'Helvetica Neue', Arial, sans-serif"
_SUBPIXEL_BITS: Final = 4


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Rings filled by the even-odd rule, or one open line. Colours are #rrggbb."""

    rings: Sequence[Points]
    fill: str = ""
    stroke: str = ""
    width: float = 1.0
    opacity: float = 1.0
    dash: tuple[float, float] | None = None
    is_closed: bool = True
    is_clipped: bool = False  # to the picture's `clip`


@dataclass(frozen=True, kw_only=True)
class Text:
    """One line of text; `at` is on its baseline."""

    text: str
    at: tuple[float, float]
    size: float
    colour: str
    weight: int = 400
    anchor: str = "start"  # start | middle | end
    halo: str = ""  # colour of an outline that keeps it legible over lines


@dataclass
class Picture:
    """Marks, in the order they are drawn."""

    width: int
    height: int
    title: str
    clip: Points
    marks: list[Shape | Text] = field(default_factory=list[Shape | Text])

    def svg(self) -> str:
        """The picture as a self-contained SVG file."""
        lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" '
            f'width="{self.width}" height="{self.height}" font-family="{FONT}" role="img">',
            f"<title>{escape(self.title)}</title>",
            f'<clipPath id="plan"><path d="{_path([self.clip], is_closed=True)}"/></clipPath>',
        ]
        lines += [_svg_shape(mark) if isinstance(mark, Shape) else _svg_text(mark) for mark in self.marks]
        return "\n".join([*lines, "</svg>", ""])

    def encoded(self, path: Path) -> bytes:
        """The bytes of a file of that name, which `check_drawing` let pass."""
        return self.svg().encode() if path.suffix.lower() == ".svg" else self.png()

    def png(self, scale: float = 2.0) -> bytes:
        """The picture as PNG, `scale` times as large."""
        painter = _Painter(self, scale)
        for mark in self.marks:
            if isinstance(mark, Shape):
                painter.shape(mark)
            else:
                painter.text(mark)
        ok, data = cv2.imencode(".png", painter.image)
        assert ok
        return data.tobytes()


# --- SVG ----------------------------------------------------------------------------------------------------------


def check_drawing(path: Path, what_is_drawn: str) -> None:
    """Raise InputError unless the name is that of an SVG or PNG file."""
    if path.suffix.lower() not in (".svg", ".png"):
        raise InputError(
            f"{what_is_drawn} as SVG or PNG", file=str(path), expected="a name that ends in .svg or .png"
        )


def _svg_shape(shape: Shape) -> str:
    attributes = [f'd="{_path(shape.rings, is_closed=shape.is_closed)}"', f'fill="{shape.fill or "none"}"']
    if len(shape.rings) > 1:
        attributes.append('fill-rule="evenodd"')
    if shape.stroke:
        attributes.append(
            f'stroke="{shape.stroke}" stroke-width="{_short(shape.width)}" stroke-linejoin="round"'
        )
        if not shape.is_closed and shape.dash is None:
            attributes.append('stroke-linecap="round"')
    if shape.dash:
        attributes.append(f'stroke-dasharray="{_short(shape.dash[0])} {_short(shape.dash[1])}"')
    if shape.opacity < 1:
        attributes.append(f'opacity="{_short(shape.opacity)}"')
    if shape.is_clipped:
        attributes.append('clip-path="url(#plan)"')
    return f"<path {' '.join(attributes)}/>"


def _svg_text(text: Text) -> str:
    halo = ""
    if text.halo:
        width = _short(text.size * 0.28)
        halo = f' stroke="{text.halo}" stroke-width="{width}" stroke-linejoin="round" paint-order="stroke"'
    return (
        f'<text x="{_short(text.at[0])}" y="{_short(text.at[1])}" font-size="{_short(text.size)}" '
        f'font-weight="{text.weight}" fill="{text.colour}" text-anchor="{text.anchor}"{halo}>{escape(text.text)}</text>'
    )


def _path(rings: Sequence[Points], *, is_closed: bool) -> str:
    return " ".join(
        "M" + " L".join(f"{_short(x)},{_short(y)}" for x, y in ring) + (" Z" if is_closed else "")
        for ring in rings
    )


def _short(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


# --- PNG ----------------------------------------------------------------------------------------------------------


class _Painter:
    """Paints marks on one picture, each blended over what is there."""

    def __init__(self, picture: Picture, scale: float) -> None:
        self._scale = scale
        self._height, self._width = round(picture.height * scale), round(picture.width * scale)
        self.image: Image = np.full((self._height, self._width, 3), 255, np.uint8)
        self._clip: Image = np.zeros((self._height, self._width), np.uint8)
        cv2.fillPoly(self._clip, [self._fixed(picture.clip, (0, 0))], 255, cv2.LINE_AA, _SUBPIXEL_BITS)
        self._font = cv2.FontFace("sans")

    def shape(self, shape: Shape) -> None:
        rings = [ring for ring in shape.rings if len(ring) > 1]
        if not rings:
            return
        width_px = shape.width * self._scale
        corners = np.concatenate([np.asarray(ring, float) for ring in rings]) * self._scale
        box = self._box(corners.min(axis=0), corners.max(axis=0), round(width_px) + 2)
        if shape.fill:
            mask = _blank(box)
            inside = [self._fixed(ring, (box.x, box.y)) for ring in rings]
            cv2.fillPoly(mask, inside, 255, cv2.LINE_AA, _SUBPIXEL_BITS)
            self._blend(box, mask, shape.fill, shape)
        if shape.stroke:
            mask = _blank(box)
            for line in self._lines(shape):
                cv2.polylines(
                    mask,
                    [self._fixed(line, (box.x, box.y))],
                    isClosed=shape.is_closed and shape.dash is None,
                    color=round(
                        255 * min(1.0, width_px)
                    ),  # A line thinner than a pixel is one pixel wide, and faint.
                    thickness=max(1, round(width_px)),
                    lineType=cv2.LINE_AA,
                    shift=_SUBPIXEL_BITS,
                )
            self._blend(box, mask, shape.stroke, shape)

    def text(self, text: Text) -> None:
        size = max(1, round(text.size * self._scale))
        x, y = text.at[0] * self._scale, text.at[1] * self._scale
        extent = (self._width, self._height)
        _, _, width, _ = cv2.getTextSize(extent, text.text, (0, 0), self._font, size, text.weight)
        x -= {"start": 0.0, "middle": width / 2, "end": float(width)}[text.anchor]
        box = self._box(np.array([x, y - size]), np.array([x + width, y + 0.4 * size]), size // 2)
        ink = np.zeros((box.height, box.width, 3), np.uint8)
        white = (255, 255, 255)
        cv2.putText(
            ink, text.text, (round(x) - box.x, round(y) - box.y), white, self._font, size, text.weight
        )
        mask = np.ascontiguousarray(ink[..., 0])
        if text.halo:
            reach = 2 * max(1, round(text.size * 0.14 * self._scale)) + 1
            kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
            self._blend(box, cv2.dilate(mask, kernel).astype(np.uint8), text.halo, None)
        self._blend(box, mask, text.colour, None)

    def _lines(self, shape: Shape) -> Iterator[Points]:
        for ring in shape.rings:
            if shape.dash is None:
                yield ring
            else:
                closed = [*ring, ring[0]] if shape.is_closed else list(ring)
                # OpenCV rounds the ends of a line: each dash grows by half its width at both.
                drawn = max(0.1, shape.dash[0] - shape.width)
                yield from _dashes(closed, (drawn, sum(shape.dash) - drawn))

    def _box(self, low: NDArray[np.float64], high: NDArray[np.float64], margin: int) -> _Box:
        """The part of the image around two corners."""
        left, top = (max(0, math.floor(value) - margin) for value in low)
        right = max(left + 1, min(self._width, math.ceil(high[0]) + margin))
        bottom = max(top + 1, min(self._height, math.ceil(high[1]) + margin))
        return _Box(left, top, right - left, bottom - top)

    def _blend(self, box: _Box, mask: Image, colour: str, shape: Shape | None) -> None:
        """Paint `colour` where the mask is above 0, in proportion to it."""
        part = np.s_[box.y : box.y + box.height, box.x : box.x + box.width]
        ground = self.image[part]
        rows, columns = np.nonzero(
            mask[: ground.shape[0], : ground.shape[1]]
        )  # a line covers little of its box
        alpha = mask[rows, columns].astype(np.float32) / 255
        if shape is not None:
            alpha *= shape.opacity
            if shape.is_clipped:
                alpha *= self._clip[part][rows, columns].astype(np.float32) / 255
        paint = np.array(_bgr(colour), np.float32)
        old = ground[rows, columns].astype(np.float32)
        ground[rows, columns] = np.round(old + (paint - old) * alpha[:, None]).astype(np.uint8)

    def _fixed(self, points: Points, origin: tuple[int, int]) -> NDArray[np.int32]:
        """Page pixels to this image's, in fixed point. Pixel centres are at half-integers of the page."""
        scaled = np.asarray(points, float) * self._scale - 0.5 - origin
        return np.round(scaled * 2**_SUBPIXEL_BITS).astype(np.int32)


@dataclass(frozen=True)
class _Box:
    x: int
    y: int
    width: int
    height: int


def _blank(box: _Box) -> Image:
    return np.zeros((box.height, box.width), np.uint8)


def _dashes(line: Points, dash: tuple[float, float]) -> Iterator[Points]:
    """The drawn stretches of a dashed line."""
    period = sum(dash)
    drawn: list[tuple[float, float]] = []
    travelled = 0.0
    for (ax, ay), (bx, by) in pairwise(line):
        length = math.hypot(bx - ax, by - ay)
        done = 0.0
        while done < length - 1e-9:
            phase = (travelled + done) % period
            is_drawn = phase < dash[0] - 1e-9
            step = min(length - done, (dash[0] if is_drawn else period) - phase)
            step = max(step, 1e-6)
            start, end = done / length, (done + step) / length
            if is_drawn:
                if not drawn:
                    drawn.append((ax + (bx - ax) * start, ay + (by - ay) * start))
                drawn.append((ax + (bx - ax) * end, ay + (by - ay) * end))
            elif drawn:
                yield drawn
                drawn = []
            done += step
        travelled += length
    if drawn:
        yield drawn


def _bgr(colour: str) -> tuple[int, int, int]:
    return (int(colour[5:7], 16), int(colour[3:5], 16), int(colour[1:3], 16))
