"""Who is who in one camera's picture, from boxes alone or with appearances: a library tracker.

    tracker = ImageTracker(1920, 1080, fps=25)
    for boxes in frames:  # N x 6: x1 y1 x2 y2 score class
        for x1, y1, x2, y2, who, score, label, index in tracker.update(boxes):
            ...

How boxes are associated is decided by the settings: ours (EvidenceSettings), or ByteTrack, DeepSORT and StrongSORT as
their papers have them. The same boxes give the same tracks, in whatever order the rows of a frame come.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from openaisle.core.errors import InputError
from openaisle.tracks.image_bytetrack import ByteTrackSettings, ByteTrackStrategy
from openaisle.tracks.image_deepsort import DeepSortSettings, DeepSortStrategy, StrongSortSettings
from openaisle.tracks.image_evidence import EvidenceSettings, EvidenceStrategy

Floats = NDArray[np.float64]
ImageTrackerSettings = EvidenceSettings | ByteTrackSettings | DeepSortSettings | StrongSortSettings

STRATEGIES: Final[Mapping[str, type[ImageTrackerSettings]]] = {
    "openaisle": EvidenceSettings,
    "bytetrack": ByteTrackSettings,
    "deepsort": DeepSortSettings,
    "strongsort": StrongSortSettings,
}
"""Settings of each strategy by its name."""
NO_BOX: Final = -1.0
"""Index of a track that is shown where it must be, although no box shows it in this frame."""
COLUMNS: Final = ("x1", "y1", "x2", "y2", "score", "class")
SIDE_PX_MAX: Final = 65536
FPS_MAX: Final = 1000.0
BOXES_MAX: Final = 10_000


class _Strategy(Protocol):
    def step(self, boxes: Floats, look: Floats | None) -> Floats: ...


class ImageTracker:
    """Gives each box of a camera an id that stays with whoever it shows.

    `update` is called once a frame, for frames without boxes too: time is counted in frames of 1 / fps seconds.
    """

    def __init__(
        self,
        width_px: int,
        height_px: int,
        fps: float,
        settings: ImageTrackerSettings | None = None,
    ) -> None:
        for field, value, most in (
            ("width_px", width_px, SIDE_PX_MAX),
            ("height_px", height_px, SIDE_PX_MAX),
            ("fps", fps, FPS_MAX),
        ):
            if not 0 < value <= most:
                raise InputError(
                    "out of range", field=field, expected=f"above 0, at most {most:g}", found=value
                )
        settings = EvidenceSettings() if settings is None else settings
        self._strategy = _strategy(settings, float(width_px), float(height_px), float(fps))
        self._look_size: int | None = None

    def update(self, boxes: ArrayLike, appearance: ArrayLike | None = None) -> Floats:
        """Follow everybody into the next frame.

        boxes [N, 6] x1 y1 x2 y2 score class: pixels, score 0 to 1, class a whole number (nobody changes class).
        appearance [N, d] or None: alike for the same person, compared by the angle between two; a row of zeros is
        unknown. d stays the same. Out: [M, 8] x1 y1 x2 y2 id score class index, in order of ids; ids count from 1 and
        never come again; index is the row of `boxes`, or NO_BOX for somebody who is shown without one (ours only:
        ask for EvidenceSettings(unseen_s_max=0) to have none). Raises InputError that names the row and the column.
        """
        rows = _table(boxes, len(COLUMNS), "boxes")
        if len(rows) > BOXES_MAX:
            raise InputError(
                "too many boxes", field="boxes", expected=f"at most {BOXES_MAX} rows", found=len(rows)
            )
        wrong, column = _first_wrong(rows)
        if wrong >= 0:
            raise InputError(
                "the box cannot be",
                field=f"boxes[{wrong}, {column}] ({COLUMNS[column]})",
                expected="finite numbers, x1 < x2, y1 < y2, score from 0 to 1, class a whole number from 0",
                found=rows[wrong].tolist(),
            )
        look = self._looks(appearance, len(rows))
        # One order for all orders: surest first, then by place.
        order = np.lexsort((rows[:, 3], rows[:, 2], rows[:, 1], rows[:, 0], -rows[:, 4]))
        tracked = self._strategy.step(rows[order], None if look is None else look[order])
        has_box = tracked[:, 7] >= 0
        tracked[has_box, 7] = order[tracked[has_box, 7].astype(np.int64)]
        return tracked

    def _looks(self, appearance: ArrayLike | None, count: int) -> Floats | None:
        """[count, d] of unit length; zeros where they are missing, None before there were any."""
        if appearance is None:
            return None if self._look_size is None else np.zeros((count, self._look_size))
        look = _table(appearance, None, "appearance")
        if len(look) != count:
            raise InputError(
                "not a row for each box", field="appearance", expected=f"{count} rows", found=len(look)
            )
        if count and self._look_size not in (None, look.shape[1]):
            raise InputError(
                "the length of appearances changed",
                field="appearance",
                expected=f"{self._look_size} columns",
                found=look.shape[1],
            )
        if not np.isfinite(look).all():
            row = int(np.flatnonzero(~np.isfinite(look).all(axis=1))[0])
            raise InputError("not a number", field=f"appearance[{row}]", expected="finite numbers")
        if not count:
            return self._looks(None, 0)
        self._look_size = look.shape[1]
        length = np.linalg.norm(look, axis=1, keepdims=True)
        return look / np.where(length > 0.0, length, 1.0)


def _strategy(settings: Any, width_px: float, height_px: float, fps: float) -> _Strategy:
    if isinstance(settings, EvidenceSettings):
        return EvidenceStrategy(settings, width_px, height_px, fps)
    if isinstance(settings, ByteTrackSettings):
        return ByteTrackStrategy(settings, fps)
    if isinstance(settings, DeepSortSettings | StrongSortSettings):
        return DeepSortStrategy(settings)
    expected = ", ".join(kind.__name__ for kind in STRATEGIES.values())
    raise InputError("no such settings", field="settings", expected=expected, found=settings)


def _table(given: ArrayLike, columns: int | None, field: str) -> Floats:
    try:
        table = np.asarray(given, np.float64)
    except (TypeError, ValueError):
        raise InputError("not an array of numbers", field=field, expected="a table of numbers") from None
    if table.size == 0 and table.ndim <= 2:
        return np.zeros((table.shape[0] if table.ndim == 2 else 0, columns or 0))
    if table.ndim != 2 or (columns is not None and table.shape[1] != columns):
        expected = f"[N, {columns or 'd'}]"
        raise InputError("wrong shape", field=field, expected=expected, found=table.shape)
    return table


@njit(cache=True)
def _first_wrong(boxes):
    """(row, column) of the first value that cannot be, or (-1, -1)."""
    for i in range(len(boxes)):
        for k in range(6):
            if not np.isfinite(boxes[i, k]):
                return i, k
        for k in range(2):
            if boxes[i, k + 2] <= boxes[i, k]:
                return i, k + 2
        if boxes[i, 4] < 0.0 or boxes[i, 4] > 1.0:
            return i, 4
        if boxes[i, 5] < 0.0 or boxes[i, 5] != np.floor(boxes[i, 5]):
            return i, 5
    return -1, -1
