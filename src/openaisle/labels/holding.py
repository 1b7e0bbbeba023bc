"""What each format can hold, what a data set loses on its way through one, and the data set without it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from msgspec.structs import replace

from openaisle.labels.dataset import (
    NOWHERE,
    PERSON,
    DataSet,
    FrameLabels,
    Label,
    box,
    joint,
    placed,
    products_named,
)

NAMELESS: Final = "sequence"
"""What frames are a video of that say nothing about one."""


class Part(StrEnum):
    """What not every format has a place for."""

    JOINTS = "joints"
    TRACKS = "tracks"
    TRACK_NAMES = "names of tracks that are not numbers"
    VISITS = "visits of labels"
    IN_VIEW = "shares that can be seen"
    IGNORED = "marks of what is not to be judged"
    SCORES = "scores of proposals"
    BEYOND = "boxes and joints beyond the picture's edge"
    KINDS = "labels of other things than people"
    FACTS = "frames' store, camera, visits, time, empty picture, grey, split, and whether somebody looked"
    VIDEOS = "frames' places in videos"
    FRAME_NUMBERS = "numbers of frames that do not follow one another"
    FREE_NAMES = "pictures' own names"
    SOURCES = "the data set's name, licences, and until when pictures may be kept"
    LOOK_ALIKES = "look-alikes of products"
    ACTIONS = "actions"


@dataclass(frozen=True)
class _Way:
    """How often a part is there, and the data set without it."""

    count: Callable[[DataSet], int]
    without: Callable[[DataSet], DataSet]


def lost(dataset: DataSet, held: frozenset[Part]) -> list[str]:
    """In words, what a format that holds these parts does not keep of this data set."""
    implied = {small for large, small in _IMPLIED.items() if large not in held}
    counts = {part: way.count(dataset) for part, way in _WAYS.items() if part not in held | implied}
    return [f"{part.value} ({count})" for part, count in counts.items() if count]


def reduced(dataset: DataSet, held: frozenset[Part]) -> DataSet:
    """What is left of a data set in a format that holds these parts."""
    for part, way in _WAYS.items():
        if part not in held:
            dataset = way.without(dataset)
    return dataset


def _labels(dataset: DataSet) -> list[Label]:
    return [label for frame in dataset.frames for label in frame.labels]


def _frames_changed(dataset: DataSet, change: Callable[[FrameLabels], FrameLabels]) -> DataSet:
    return replace(dataset, frames=tuple(change(frame) for frame in dataset.frames))


def _field(name: str, nothing: object) -> _Way:
    """A field of labels."""

    def without(frame: FrameLabels) -> FrameLabels:
        return replace(frame, labels=tuple(replace(label, **{name: nothing}) for label in frame.labels))

    return _Way(
        lambda dataset: sum(getattr(label, name) != nothing for label in _labels(dataset)),
        lambda dataset: _frames_changed(dataset, without),
    )


def _frame_fields(names: Sequence[str]) -> _Way:
    nothing = {name: getattr(FrameLabels(file="x", width_px=1, height_px=1), name) for name in names}

    def has(frame: FrameLabels) -> bool:
        return any(getattr(frame, name) != value for name, value in nothing.items())

    return _Way(
        lambda dataset: sum(map(has, dataset.frames)),
        lambda dataset: _frames_changed(dataset, lambda frame: replace(frame, **nothing)),
    )


def inside(label: Label, width_px: int, height_px: int) -> Label | None:
    """A label as far as it lies in its picture; None where nothing of it does."""
    x1, y1, x2, y2 = label.box_px
    clipped = box(max(x1, 0.0), max(y1, 0.0), min(x2, width_px), min(y2, height_px))
    if clipped[2] <= clipped[0] or clipped[3] <= clipped[1]:
        return None
    joints = tuple(
        joint(x, y, sight if 0 <= x <= width_px and 0 <= y <= height_px else NOWHERE)
        for x, y, sight in label.joints_px
    )
    return replace(label, box_px=clipped, joints_px=placed(joints))


def _inside(frame: FrameLabels) -> FrameLabels:
    kept = [inside(label, frame.width_px, frame.height_px) for label in frame.labels]
    return replace(frame, labels=tuple(label for label in kept if label is not None))


def _people(frame: FrameLabels) -> FrameLabels:
    return replace(frame, labels=tuple(label for label in frame.labels if label.kind == PERSON))


def _numbered(dataset: DataSet) -> DataSet:
    """Tracks of a sequence numbered from 1 as they first come, where some have names that are not numbers."""
    numbers: dict[str, dict[str, str]] = {}
    for frame in dataset.frames:
        names = numbers.setdefault(frame.sequence_id, {})
        for label in frame.labels:
            if label.track_id:
                names.setdefault(label.track_id, str(len(names) + 1))
    for names in numbers.values():
        if all(is_number(name) for name in names):
            names.update({name: name for name in names})

    def change(frame: FrameLabels) -> FrameLabels:
        names = numbers[frame.sequence_id] | {"": ""}
        renamed = (replace(label, track_id=names[label.track_id]) for label in frame.labels)
        return replace(frame, labels=tuple(renamed))

    return _frames_changed(dataset, change)


def _ranked(dataset: DataSet) -> DataSet:
    """Frames of each sequence counted through from 0, in the order that they had; nameless ones get a sequence."""
    order: dict[str, list[tuple[int, int]]] = {}
    for place, frame in enumerate(dataset.frames):
        order.setdefault(frame.sequence_id or NAMELESS, []).append((frame.frame_index, place))
    rank = {place: at for each in order.values() for at, (_, place) in enumerate(sorted(each))}
    frames = (
        replace(frame, sequence_id=frame.sequence_id or NAMELESS, frame_index=rank[place])
        for place, frame in enumerate(dataset.frames)
    )
    return replace(dataset, frames=tuple(frames))


def is_number(track_id: str) -> bool:
    """Whether MOTChallenge can say it as it is."""
    return track_id.isascii() and track_id.isdigit() and not track_id.startswith("0") and len(track_id) < 16


def frame_name(sequence_id: str, frame_index: int) -> str:
    """What a frame of a video is called where pictures have no names of their own."""
    return f"{sequence_id}/{frame_index + 1:06d}.jpg"


def _renamed(frame: FrameLabels) -> FrameLabels:
    return replace(frame, file=frame_name(frame.sequence_id, frame.frame_index))


def _without_sources(dataset: DataSet) -> DataSet:
    nameless = _frames_changed(dataset, lambda frame: replace(frame, source=""))
    return replace(nameless, name="", sources=())


_WAYS: Final = {
    Part.KINDS: _Way(
        lambda dataset: sum(label.kind != PERSON for label in _labels(dataset)),
        lambda dataset: _frames_changed(dataset, _people),
    ),
    Part.BEYOND: _Way(
        lambda dataset: sum(
            inside(label, frame.width_px, frame.height_px) != label
            for frame in dataset.frames
            for label in frame.labels
        ),
        lambda dataset: _frames_changed(dataset, _inside),
    ),
    Part.JOINTS: _field("joints_px", ()),
    Part.TRACKS: _field("track_id", ""),
    Part.TRACK_NAMES: _Way(
        lambda dataset: len(
            {label.track_id for label in _labels(dataset) if label.track_id and not is_number(label.track_id)}
        ),
        _numbered,
    ),
    Part.VISITS: _field("visit_id", ""),
    Part.IN_VIEW: _field("in_view", None),
    Part.IGNORED: _field("is_ignored", False),
    Part.SCORES: _field("score", None),
    Part.FRAME_NUMBERS: _Way(
        lambda dataset: sum(
            one != other for one, other in zip(_ranked(dataset).frames, dataset.frames, strict=True)
        ),
        _ranked,
    ),
    Part.FREE_NAMES: _Way(
        lambda dataset: sum(_renamed(frame) != frame for frame in dataset.frames),
        lambda dataset: _frames_changed(dataset, _renamed),
    ),
    Part.VIDEOS: _frame_fields(("sequence_id", "frame_index")),
    Part.FACTS: _frame_fields(
        (
            "store_id",
            "camera_id",
            "visit_ids",
            "captured_ns",
            "empty_file",
            "mean_grey",
            "split",
            "is_checked",
        )
    ),
    Part.SOURCES: _Way(
        lambda dataset: len(dataset.sources) + bool(dataset.name),
        _without_sources,
    ),
    Part.ACTIONS: _Way(lambda dataset: len(dataset.actions), lambda dataset: replace(dataset, actions=())),
    Part.LOOK_ALIKES: _Way(
        lambda dataset: sum(bool(product.look_alike_of) for product in dataset.products),
        lambda dataset: replace(dataset, products=products_named(dataset.frames, dataset.actions)),
    ),
}
_IMPLIED: Final = {Part.TRACKS: Part.TRACK_NAMES, Part.VIDEOS: Part.FRAME_NUMBERS}
"""Whatever loses the one has lost the other."""
EVERYTHING: Final = frozenset(Part)
