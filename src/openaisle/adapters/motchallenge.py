"""Boxes over time in MOTChallenge's text, one box a line: detections, tracks and ground truth.

`frame,id,left,top,width,height,score` and up to three more numbers (Leal-Taixé et al. 2015): in ground truth the class
and the share that can be seen. Frames count from 1; an id of -1 says that nobody knows who it is. What is wrong is one
InputError with file, line and field.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openaisle.core.errors import InputError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

COLUMNS: Final = ("frame", "id", "left", "top", "width", "height", "score")
COLUMNS_MIN: Final = 6  # some ground truth has no score
COLUMNS_MAX: Final = 10
NOBODY: Final = -1
SIZE_PX_MAX: Final = 1e6


@dataclass(frozen=True)
class BoxRows:
    """The boxes of one file, in order of frames; within a frame as they stood in the file."""

    frame: Ints  # [n] from 1
    id: Ints  # [n] NOBODY where it is not known
    boxes_image_px: Floats  # [n, 4] x1 y1 x2 y2
    score: Floats  # [n]
    # [n, 3] what stands after the score; -1 where nothing does
    more: Floats = dataclasses.field(default_factory=lambda: np.zeros((0, 3)))

    def __post_init__(self) -> None:
        if not len(self.more):
            object.__setattr__(self, "more", np.full((len(self.frame), 3), -1.0))

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def frame_count(self) -> int:
        """Number of the last frame that has a box."""
        return int(self.frame[-1]) if len(self.frame) else 0

    def until(self, frame_last: int) -> BoxRows:
        """The rows of frames 1 to `frame_last`."""
        end = int(np.searchsorted(self.frame, frame_last, side="right"))
        return BoxRows(
            self.frame[:end], self.id[:end], self.boxes_image_px[:end], self.score[:end], self.more[:end]
        )

    def frames(self, frame_count: int | None = None) -> Iterator[slice]:
        """The rows of frame 1, 2, ... as slices; frames without boxes are there too."""
        count = self.frame_count if frame_count is None else frame_count
        edges = np.searchsorted(self.frame, np.arange(1, count + 2))
        for start, end in itertools.pairwise(edges):
            yield slice(int(start), int(end))


def read_boxes(path: Path, *, needs_ids: bool = False) -> BoxRows:
    """Read one file. With `needs_ids` every box must have an id, once a frame."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError("the file cannot be read", file=str(path), found=error.strerror) from error
    except UnicodeDecodeError as error:
        raise InputError(
            "the file is not text", file=str(path), expected="MOTChallenge's text, UTF-8"
        ) from error
    rows: list[tuple[float, ...]] = []
    lines: list[int] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            rows.append(_row(line, str(path), number))
            lines.append(number)
    table = np.array(rows, np.float64).reshape(-1, COLUMNS_MAX)
    order = np.argsort(table[:, 0], kind="stable")
    table = table[order]
    frame, who = table[:, 0].astype(np.int64), table[:, 1].astype(np.int64)
    if needs_ids:
        _check_ids(frame, who, np.array(lines, np.int64)[order], str(path))
    boxes = np.column_stack([table[:, 2:4], table[:, 2:4] + table[:, 4:6]])
    return BoxRows(frame, who, boxes, table[:, 6], table[:, 7:])


def write_boxes(path: Path, rows: BoxRows) -> None:
    """Write one file with ten columns, which `read_boxes` and TrackEval read."""
    sizes = rows.boxes_image_px[:, 2:] - rows.boxes_image_px[:, :2]
    lines = [
        f"{frame},{who},{left:.2f},{top:.2f},{width:.2f},{height:.2f},{score:.4f},{a:g},{b:g},{c:g}\n"
        for frame, who, (left, top), (width, height), score, (a, b, c) in zip(
            rows.frame.tolist(),
            rows.id.tolist(),
            rows.boxes_image_px[:, :2].tolist(),
            sizes.tolist(),
            rows.score.tolist(),
            rows.more.tolist(),
            strict=True,
        )
    ]
    write_file(path, "".join(lines).encode())


def write_file(path: Path, data: bytes) -> None:
    """Write a file that somebody named. Raises InputError where that cannot be."""
    try:
        path.write_bytes(data)
    except OSError as error:
        raise InputError(
            "the file cannot be written",
            file=str(path),
            expected="a folder that exists",
            found=error.strerror,
        ) from error


def _row(line: str, file: str, number: int) -> tuple[float, ...]:
    """frame, id, left, top, width, height, score, and the three that may follow."""
    parts = line.split(",")
    if not COLUMNS_MIN <= len(parts) <= COLUMNS_MAX:
        raise InputError(
            "the line is no box",
            file=file,
            line=number,
            expected=f"{COLUMNS_MIN} to {COLUMNS_MAX} numbers: {','.join(COLUMNS)},...",
            found=f"{len(parts)} columns",
        )
    values = [_number(part, file, number, field) for part, field in zip(parts, COLUMNS, strict=False)]
    values += [1.0] * (len(COLUMNS) - len(parts))
    values += [_number_if_any(part) for part in parts[len(COLUMNS) :]]
    values += [-1.0] * (COLUMNS_MAX - len(values))
    for field, value, least in (("frame", values[0], 1), ("id", values[1], NOBODY)):
        if value != math.floor(value) or value < least or value > 2**53:
            raise InputError(
                "out of range",
                file=file,
                line=number,
                field=field,
                expected=f"a whole number from {least}",
                found=value,
            )
    for field, value in zip(COLUMNS[2:6], values[2:6], strict=True):
        is_size = field in ("width", "height")
        if abs(value) > SIZE_PX_MAX or (is_size and value <= 0.0):
            expected = f"pixels{' above 0' if is_size else ''}, at most {SIZE_PX_MAX:.0f}"
            raise InputError(
                "out of range", file=file, line=number, field=field, expected=expected, found=value
            )
    return tuple(values)


def _number(part: str, file: str, line: int, field: str) -> float:
    try:
        value = float(part)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(
            "not a number", file=file, line=line, field=field, expected="a number", found=part.strip()
        )
    return value


def _number_if_any(part: str) -> float:
    """Of columns that say different things in different files: -1 where it is no number."""
    try:
        value = float(part)
    except ValueError:
        return -1.0
    return value if math.isfinite(value) else -1.0


def _check_ids(frame: Ints, who: Ints, lines: Ints, file: str) -> None:
    nameless = np.flatnonzero(who < 0)
    if len(nameless):
        raise InputError(
            "the box has no id",
            file=file,
            line=int(lines[nameless[0]]),
            field="id",
            expected="a whole number from 0",
            found=int(who[nameless[0]]),
        )
    order = np.lexsort((who, frame))
    twice = np.flatnonzero((np.diff(frame[order]) == 0) & (np.diff(who[order]) == 0))
    if len(twice):
        at = order[twice[0] + 1]
        raise InputError(
            f"id {who[at]} is in frame {frame[at]} twice",
            file=file,
            line=int(lines[at]),
            field="id",
            expected="one box a frame for each id",
        )
