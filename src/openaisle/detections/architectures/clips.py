"""Networks that name what happens in a clip: SlowFast and X3D (pytorchvideo), VideoMAE and TimeSformer (transformers).

Frames are spread evenly over the clip, resized so that the shorter side fits, and their middle is taken. Inputs, RGB
and normalised: X3D [1, 3, frames, s, s]; SlowFast the same twice, a quarter of the frames first; VideoMAE and
TimeSformer [1, frames, 3, s, s]. Output: [1, classes] of logits, or probabilities where the export ends in softmax.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from openaisle.core.errors import ModelError
from openaisle.core.messages import Action
from openaisle.detections.architectures.model import BroughtModel, Layout
from openaisle.detections.crops import Floats, Pixels

SLOWFAST: Final = "slowfast"
X3D: Final = "x3d"
VIDEOMAE: Final = "videomae"
TIMESFORMER: Final = "timesformer"
NAMES: Final = (SLOWFAST, X3D, VIDEOMAE, TIMESFORMER)
SLOWER: Final = 4
"""The slow way of SlowFast sees each fourth frame of the fast one."""
_CHANNELS_FIRST: Final = (3, "frames", "side", "side")
_FRAMES_FIRST: Final = ("frames", 3, "side", "side")
LAYOUTS: Final = {
    SLOWFAST: Layout(
        [(1, 3, "slow frames", "side", "side"), (1, *_CHANNELS_FIRST)],
        [(1, "classes")],
    ),
    X3D: Layout([(1, *_CHANNELS_FIRST)], [(1, "classes")]),
    VIDEOMAE: Layout([(1, *_FRAMES_FIRST)], [(1, "classes")]),
    TIMESFORMER: Layout([(1, *_FRAMES_FIRST)], [(1, "classes")]),
}
_FRAMES: Final = {SLOWFAST: 32, X3D: 4, VIDEOMAE: 16, TIMESFORMER: 8}
_SIDES: Final = {SLOWFAST: 256, X3D: 182, VIDEOMAE: 224, TIMESFORMER: 224}
"""As published, where the file takes any."""
_KINETICS: Final = ((0.45, 0.45, 0.45), (0.225, 0.225, 0.225))
_IMAGENET: Final = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_COLOURS: Final = {SLOWFAST: _KINETICS, X3D: _KINETICS, VIDEOMAE: _IMAGENET, TIMESFORMER: _KINETICS}
"""Mean and spread of RGB 0..1."""


@dataclass(frozen=True, kw_only=True)
class ClipOptions:
    classes: tuple[str, ...] = tuple(Action)  # what the outputs stand for, in their order
    is_softmax: bool = False  # the export ends in softmax


class ClipModel:
    """Probabilities of what happens in a clip."""

    def __init__(self, model: BroughtModel, architecture: str, options: ClipOptions) -> None:
        """Raises ModelError for a file of another layout, or of another number of classes than are named."""
        self._model, self._architecture, self._options = model, architecture, options
        self._layout = model.check(LAYOUTS[architecture])
        count = model.outputs[0].shape[1]
        if count is not None and count != len(options.classes):
            raise ModelError(
                "the network knows another number of classes than are named",
                file=str(model.path),
                field="classes",
                expected=f"{count} names: --option classes=none,approach,...",
                found=len(options.classes),
            )
        is_channels_first = architecture in (SLOWFAST, X3D)
        shape = model.inputs[-1].shape
        self._frames = shape[2 if is_channels_first else 1] or _FRAMES[architecture]
        self._side_px = shape[-1] or _SIDES[architecture]

    @property
    def classes(self) -> tuple[str, ...]:
        return self._options.classes

    @property
    def frames(self) -> int:
        """How many the network looks at."""
        return self._frames

    def probabilities(self, clip: Sequence[Pixels]) -> Floats:
        """[classes] of a clip of pictures uint8 [h, w, 3] BGR of one size, in the order of their time."""
        assert clip
        chosen = spread_evenly(len(clip), self._frames)
        pictures = {index: self._seen(clip[index]) for index in dict.fromkeys(chosen.tolist())}
        frames = np.stack([pictures[index] for index in chosen.tolist()])  # [frames, 3, side, side]
        if self._architecture == SLOWFAST:
            slow = frames[spread_evenly(len(frames), len(frames) // SLOWER)]
            given = [slow.transpose(1, 0, 2, 3)[None], frames.transpose(1, 0, 2, 3)[None]]
        elif self._architecture == X3D:
            given = [frames.transpose(1, 0, 2, 3)[None]]
        else:
            given = [frames[None]]
        answers = self._model.answers(self._layout, *(np.ascontiguousarray(each) for each in given))
        values = np.asarray(answers[0][0], np.float32)
        if len(values) != len(self._options.classes):
            expected = f"{len(self._options.classes)} classes"
            raise ModelError("wrong output", file=str(self._model.path), expected=expected, found=len(values))
        if self._options.is_softmax:
            return values
        shares = np.exp(values - values.max())
        return shares / shares.sum()

    def deeds(self, clip: Sequence[Pixels]) -> tuple[float, ...]:
        """Probabilities of each Action, in its order. Classes of other names are nothing that concerns a shelf."""
        shares = dict.fromkeys(Action, 0.0)
        for name, share in zip(self.classes, self.probabilities(clip).tolist(), strict=True):
            shares[Action(name) if name in tuple(Action) else Action.NONE] += share
        return tuple(shares.values())

    def _seen(self, pixels: Pixels) -> Floats:
        """The middle of a picture as the network takes it: [3, side, side]."""
        side = self._side_px
        height, width = pixels.shape[:2]
        scale = side / min(height, width)
        size = (max(side, int(width * scale)), max(side, int(height * scale)))
        # transformers shrinks by areas, pytorchvideo takes samples.
        is_averaged = scale < 1 and self._architecture in (VIDEOMAE, TIMESFORMER)
        how = cv2.INTER_AREA if is_averaged else cv2.INTER_LINEAR
        small = cv2.resize(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), size, interpolation=how)
        top, left = (size[1] - side) // 2, (size[0] - side) // 2
        mean, spread = (np.array(each, np.float32) for each in _COLOURS[self._architecture])
        part = small[top : top + side, left : left + side].astype(np.float32) / np.float32(255)
        return ((part - mean) / spread).transpose(2, 0, 1)


def spread_evenly(count: int, wanted: int) -> np.ndarray:
    """Indices [wanted] of `count` frames, first and last among them, each cut off to a whole one."""
    return np.linspace(0, count - 1, wanted).astype(int)
