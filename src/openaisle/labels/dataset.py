"""A data set in memory: frames with labels, actions over frames, and what may be done with them until when.

Boxes and joints are px of the picture in thousandths: 0, 0 is the outer corner of the upper left pixel. `checked` finds
whatever else would be nonsense. docs/FORMATS.md describes the folder that keeps one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import Final, TypeAlias

import msgspec

from openaisle.core.errors import InputError
from openaisle.core.messages import JOINTS, Action

Box: TypeAlias = tuple[float, float, float, float]  # x1 y1 x2 y2
Joint: TypeAlias = tuple[float, float, int]  # x, y, sight

PERSON: Final = "person"
PRODUCT: Final = "product"
NOWHERE, HIDDEN, VISIBLE = 0, 1, 2
"""Sight of a joint, as COCO counts it; where nobody placed it, x and y are 0."""
TRAIN: Final = "train"
CHECK: Final = "check"
HELD_OUT: Final = "held_out"
SPLITS: Final = (TRAIN, CHECK, HELD_OUT)
"""To learn from; to stop training and choose thresholds by; to measure on."""
DIGITS: Final = 3
PX_MAX: Final = 1e6


class Label(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One person, one pack, or whatever else somebody drew a box around."""

    box_px: Box  # of the whole thing, hidden parts included
    kind: str = PERSON  # person, product, or a word of one's own
    product_id: str = ""  # of a product that somebody recognised
    joints_px: tuple[Joint, ...] = ()  # 17 in COCO's order, the person's own left and right; or none
    track_id: str = ""  # the same thing in other frames of the sequence
    visit_id: str = ""
    in_view: float | None = None  # share of its outline that can be seen
    is_ignored: bool = False  # so little is seen that nobody is to be blamed, whatever they say
    score: float | None = None  # of a model that proposed it; None: a person said so


class FrameLabels(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One picture and what is in it."""

    file: str  # the picture's name from the data set's folder on, which is also the frame's
    width_px: int
    height_px: int
    store_id: str = ""
    camera_id: str = ""
    visit_ids: tuple[str, ...] = ()  # whose visits it was recorded in
    sequence_id: str = ""  # the video it is of
    frame_index: int = 0  # in that video, from 0
    captured_ns: int | None = None
    empty_file: str = ""  # what the same camera saw with nobody there
    mean_grey: float | None = None  # of the picture, 0..255
    source: str = ""  # name of a Source
    is_checked: bool = False  # a person has looked: what is not labelled is not there
    split: str = ""  # one of SPLITS; "" not assigned
    labels: tuple[Label, ...] = ()


class ActionInterval(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What somebody did at a shelf, over frames of a sequence."""

    sequence_id: str
    began_index: int  # first frame
    ended_index: int  # last frame
    action: Action
    track_id: str = ""
    visit_id: str = ""
    hand: str = ""  # left | right, their own
    product_id: str = ""


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where pictures came from, and what holds for them."""

    name: str
    licence: str = ""  # SPDX identifier, or words
    keep_until: str = ""  # day, as 2027-01-31, after which pictures of people must be gone; "" no limit
    basis: str = ""  # why one may have them: consent, synthetic, ...


class Product(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One product that labels name."""

    product_id: str
    look_alike_of: str = ""  # product id


class DataSet(msgspec.Struct, frozen=True, kw_only=True):
    """Frames in order; `file` is unique."""

    name: str = ""
    sources: tuple[Source, ...] = ()
    products: tuple[Product, ...] = ()
    frames: tuple[FrameLabels, ...] = ()
    actions: tuple[ActionInterval, ...] = ()

    def part(self, *splits: str) -> tuple[FrameLabels, ...]:
        """Checked frames of these splits."""
        return tuple(frame for frame in self.frames if frame.is_checked and frame.split in splits)


def px(value: float) -> float:
    """A coordinate as data sets keep it."""
    return round(float(value), DIGITS) + 0.0  # never -0.0


def box(x1: float, y1: float, x2: float, y2: float) -> Box:
    return (px(x1), px(y1), px(x2), px(y2))


def joint(x: float, y: float, sight: int) -> Joint:
    """`sight` NOWHERE: whatever x and y are, they mean nothing."""
    return (px(x), px(y), sight) if sight else (0.0, 0.0, NOWHERE)


def placed(joints: Sequence[Joint]) -> tuple[Joint, ...]:
    """17 joints, or none where no joint is anywhere."""
    return tuple(joints) if any(sight for _, _, sight in joints) else ()


def by_sequence(dataset: DataSet) -> dict[str, list[FrameLabels]]:
    """Frames of each video in their order there. Raises InputError where pictures of one are not of one size."""
    sequences: dict[str, list[FrameLabels]] = {}
    for frame in dataset.frames:
        sequences.setdefault(frame.sequence_id, []).append(frame)
    for name, frames in sequences.items():
        sizes = sorted({(frame.width_px, frame.height_px) for frame in frames})
        if len(sizes) > 1:
            field = f"sequence_id {name}"
            raise InputError(
                "pictures of one video differ in size", field=field, expected="one size", found=sizes
            )
        frames.sort(key=lambda frame: frame.frame_index)
    return sequences


def class_name(label: Label) -> str:
    """What formats that know classes only call it: person, product, product:P017."""
    return f"{PRODUCT}:{label.product_id}" if label.product_id else label.kind


def of_class(name: str) -> tuple[str, str]:
    """Kind and product id that a class name stands for."""
    kind, _, product_id = name.partition(":")
    return (PRODUCT, product_id) if kind == PRODUCT and product_id else (name, "")


def class_names(dataset: DataSet) -> list[str]:
    """Of all labels, person first, as far as there are any."""
    names = {class_name(label) for frame in dataset.frames for label in frame.labels}
    return sorted(names, key=lambda name: (name != PERSON, name))


def products_named(
    frames: Iterable[FrameLabels], actions: Iterable[ActionInterval] = ()
) -> tuple[Product, ...]:
    """Every product that something names, in order of ids."""
    ids = {label.product_id for frame in frames for label in frame.labels}
    ids |= {action.product_id for action in actions}
    return tuple(Product(product_id=each) for each in sorted(ids - {""}))


def checked(dataset: DataSet, file: str) -> DataSet:
    """The data set, if it makes sense. `file`: what to name in an InputError where it does not."""
    sources = {source.name for source in dataset.sources}
    seen: set[str] = set()
    for place, frame in enumerate(dataset.frames):
        try:
            _check_frame(frame, sources)
        except _Nonsense as nonsense:
            field = f"frames[{place}].{nonsense.field}"
            message, expected, found = nonsense.message, nonsense.expected, nonsense.found
            raise InputError(message, file=file, field=field, expected=expected, found=found) from None
        if frame.file in seen:
            raise InputError(
                "the picture is named twice", file=file, field=f"frames[{place}].file", found=frame.file
            )
        seen.add(frame.file)
    for place, action in enumerate(dataset.actions):
        if not 0 <= action.began_index <= action.ended_index:
            raise InputError(
                "the action ends before it begins",
                file=file,
                field=f"actions[{place}]",
                expected="0 <= began_index <= ended_index",
                found=f"{action.began_index}, {action.ended_index}",
            )
        if action.hand not in ("", "left", "right"):
            raise InputError(
                "no such hand",
                file=file,
                field=f"actions[{place}].hand",
                expected="left or right",
                found=action.hand,
            )
    return dataset


class _Nonsense(Exception):
    def __init__(self, field: str, message: str, expected: str, found: object) -> None:
        self.field, self.message, self.expected, self.found = field, message, expected, found
        super().__init__(message)


def _check_frame(frame: FrameLabels, sources: set[str]) -> None:
    for field in ("file", "empty_file"):
        name: str = getattr(frame, field)
        path = PurePosixPath(name)
        if (not name and field == "file") or path.is_absolute() or ".." in path.parts or "\\" in name:
            raise _Nonsense(field, "not a picture's name", "a path below the data set's folder", name)
    for field in ("file", "store_id", "camera_id", "sequence_id"):
        _check_words(field, getattr(frame, field))
    if min(frame.width_px, frame.height_px) < 1:
        raise _Nonsense("width_px", "not a picture's size", "px above 0", (frame.width_px, frame.height_px))
    if frame.frame_index < 0:
        raise _Nonsense("frame_index", "out of range", "0 or more", frame.frame_index)
    if frame.split and frame.split not in SPLITS:
        raise _Nonsense("split", "no such split", ", ".join(SPLITS), frame.split)
    if frame.source and frame.source not in sources:
        raise _Nonsense("source", "no such source", "one of those that the data set names", frame.source)
    if "/" in frame.sequence_id or frame.sequence_id.startswith("."):
        raise _Nonsense(
            "sequence_id", "not a video's name", "no slash, no dot at its beginning", frame.sequence_id
        )
    tracks: set[str] = set()
    for place, label in enumerate(frame.labels):
        where = f"labels[{place}]"
        _check_label(label, where)
        if label.track_id in tracks:
            raise _Nonsense(
                f"{where}.track_id", "the track is in the frame twice", "one label a frame", label.track_id
            )
        tracks |= {label.track_id} - {""}


def _check_label(label: Label, where: str) -> None:
    x1, y1, x2, y2 = label.box_px
    if not all(math.isfinite(each) and abs(each) <= PX_MAX for each in label.box_px) or x2 <= x1 or y2 <= y1:
        raise _Nonsense(
            f"{where}.box_px", "not a box", "x1, y1, x2, y2 px, x1 < x2 and y1 < y2", label.box_px
        )
    if label.joints_px and len(label.joints_px) != len(JOINTS):
        raise _Nonsense(
            f"{where}.joints_px", "wrong number of joints", str(len(JOINTS)), len(label.joints_px)
        )
    for name, (x, y, sight) in zip(JOINTS, label.joints_px, strict=False):
        is_px = math.isfinite(x) and math.isfinite(y) and abs(x) <= PX_MAX and abs(y) <= PX_MAX
        if not is_px or sight not in (NOWHERE, HIDDEN, VISIBLE):
            expected = "x, y px and a sight of 0 nowhere, 1 hidden, 2 visible"
            raise _Nonsense(f"{where}.joints_px", f"wrong {name}", expected, (x, y, sight))
    for field in ("in_view", "score"):
        share: float | None = getattr(label, field)
        if share is not None and not 0.0 <= share <= 1.0:
            raise _Nonsense(f"{where}.{field}", "out of range", "0 to 1", share)
    if label.product_id and label.kind != PRODUCT:
        raise _Nonsense(f"{where}.kind", "only a product has a product id", PRODUCT, label.kind)
    if not label.kind or ":" in label.kind:
        raise _Nonsense(f"{where}.kind", "not a kind", "a word without a colon", label.kind)
    for field in ("kind", "product_id", "track_id", "visit_id"):
        _check_words(f"{where}.{field}", getattr(label, field))


def _check_words(field: str, words: str) -> None:
    if not words.isprintable() or words != words.strip():
        raise _Nonsense(field, "not a name", "letters without line breaks, and no space at the ends", words)
