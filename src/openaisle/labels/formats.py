"""The formats by name: read one into a data set's folder, write a folder out as one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import cv2
from msgspec.structs import replace

from openaisle.adapters.pictures import PictureFile
from openaisle.core.errors import InputError
from openaisle.labels import coco, cvat, folder, label_studio, mot, yolo
from openaisle.labels.dataset import DataSet, FrameLabels, Label, Product, Source, checked
from openaisle.labels.holding import Part, lost, reduced

Read = Callable[[Path], tuple[DataSet, dict[str, Path]]]


@dataclass(frozen=True)
class Format:
    held: frozenset[Part]
    write: Callable[[DataSet, Path], None]
    read: Read
    picture_path: Callable[[Path, FrameLabels], Path]


def size_of(picture: Path) -> tuple[int, int]:
    """Width and height of a picture, px. Raises InputError."""
    pixels = next(PictureFile.open(picture).shots()).pixels
    return pixels.shape[1], pixels.shape[0]


def _beside(out: Path, frame: FrameLabels) -> Path:
    return out / frame.file


_read_yolo: Final = partial(yolo.read, size_of=size_of)
FORMATS: Final[Mapping[str, Format]] = {
    "coco": Format(coco.HELD, coco.write, coco.read, _beside),
    "yolo": Format(yolo.HELD_BOXES, partial(yolo.write, with_joints=False), _read_yolo, yolo.picture_path),
    "yolo-pose": Format(
        yolo.HELD_POSES, partial(yolo.write, with_joints=True), _read_yolo, yolo.picture_path
    ),
    "cvat": Format(cvat.HELD_PICTURES, cvat.write_pictures, cvat.read, _beside),
    "cvat-video": Format(cvat.HELD_VIDEO, cvat.write_video, cvat.read, _beside),
    "label-studio": Format(label_studio.HELD, label_studio.write, label_studio.read, _beside),
    "mot": Format(mot.HELD, mot.write, mot.read, mot.picture_path),
}


def named(name: str) -> Format:
    if name not in FORMATS:
        raise InputError("no such format", field="FORMAT", expected=", ".join(FORMATS), found=name)
    return FORMATS[name]


@dataclass(frozen=True)
class Exported:
    frames: int
    labels: int
    pictures: int
    lost: list[str]  # in words


def export(name: str, source: Path, out: Path, *, with_pictures: bool = True) -> Exported:
    """Write the data set in a folder in another format. Returns how much, and what the format has no place for."""
    form, dataset = named(name), folder.read_dataset(source)
    said = lost(dataset, form.held)
    small = checked(reduced(dataset, form.held), str(source))
    form.write(small, out)
    pictures = 0
    if with_pictures:
        pairs = list(zip(dataset.frames, small.frames, strict=True))
        ways = {form.picture_path(out, after): source / before.file for before, after in pairs}
        ways |= {out / after.empty_file: source / after.empty_file for _, after in pairs if after.empty_file}
        pictures = sum(_copy(path, target) for target, path in ways.items())
    return Exported(len(small.frames), sum(len(frame.labels) for frame in small.frames), pictures, said)


def bring(
    name: str, source: Path, out: Path, *, facts: Mapping[str, object], origin: Source, title: str = ""
) -> DataSet:
    """Make a data set's folder of somebody's labels. `facts`: fields of frames that say nothing about it themselves."""
    if (out / folder.HEAD).exists():
        raise InputError(
            "there is a data set already",
            file=str(out),
            expected="another folder, or --onto to correct this one",
        )
    dataset, pictures = named(name).read(source)
    folder.copy_pictures(pictures, out)
    frames = [_with_facts(frame, facts) for frame in dataset.frames]
    sources = dataset.sources
    if origin.name:
        sources = (*(each for each in sources if each.name != origin.name), origin)
        frames = [frame if frame.source else replace(frame, source=origin.name) for frame in frames]
    frames = [frame if frame.mean_grey is not None else _with_grey(frame, out) for frame in frames]
    made = replace(dataset, name=title or dataset.name, sources=sources, frames=tuple(frames))
    checked(made, str(source))
    folder.write_dataset(out, made)
    return made


@dataclass(frozen=True)
class Corrected:
    frames: int  # whose labels were replaced
    changed: int  # of those, whose labels are others than before
    unknown: int  # frames that the data set does not have


def bring_onto(name: str, source: Path, onto: Path) -> Corrected:
    """Replace labels of a data set by corrected ones that came back; all that the format cannot say stays.

    Raises InputError where none of the frames is one of the data set's.
    """
    form, before = named(name), folder.read_dataset(onto)
    back, _ = form.read(source)
    after, corrected = corrections(before, checked(back, str(source)), form.held, str(source))
    folder.write_dataset(onto, after)
    return corrected


def corrections(
    before: DataSet, back: DataSet, held: frozenset[Part], file: str
) -> tuple[DataSet, Corrected]:
    """`before` with the labels of the checked frames of `back`, which went through a format that holds these parts."""
    small = reduced(before, held)
    place_of = {frame.file: place for place, frame in enumerate(small.frames)}
    frames = list(before.frames)
    done = changed = unknown = 0
    for frame in back.frames:
        place = place_of.get(frame.file)
        if place is None:
            unknown += 1
        elif frame.is_checked:
            done += 1
            kept, said = _unscored(before.frames[place].labels), _unscored(frame.labels)
            is_same = said == _unscored(small.frames[place].labels)
            changed += not is_same
            # What was only confirmed keeps all that the format has no place for.
            labels = kept if is_same else said
            frames[place] = replace(before.frames[place], labels=labels, is_checked=True)
    if back.frames and unknown == len(back.frames):
        raise InputError(
            "no frame of it is one of this data set's",
            file=file,
            expected=f"names as {small.frames[0].file if small.frames else '(none)'}",
            found=back.frames[0].file,
        )
    known = {product.product_id for product in before.products}
    more = tuple(
        Product(product_id=each.product_id) for each in back.products if each.product_id not in known
    )
    actions = back.actions if Part.ACTIONS in held and back.actions else before.actions
    after = replace(before, frames=tuple(frames), products=(*before.products, *more), actions=actions)
    return after, Corrected(done, changed, unknown)


def _unscored(labels: tuple[Label, ...]) -> tuple[Label, ...]:
    """A person has said so."""
    return tuple(replace(label, score=None) for label in labels)


def without_pictures(dataset: DataSet) -> DataSet:
    """Skeletons only: boxes and joints, which say how somebody stood and nothing about how they look."""
    frames: Iterable[FrameLabels] = (replace(frame, empty_file="") for frame in dataset.frames)
    return replace(dataset, frames=tuple(frames))


def _with_facts(frame: FrameLabels, facts: Mapping[str, object]) -> FrameLabels:
    missing = {name: value for name, value in facts.items() if value and not getattr(frame, name)}
    return replace(frame, **missing) if missing else frame


def _with_grey(frame: FrameLabels, out: Path) -> FrameLabels:
    """With the mean grey of its picture, if that is there: what tells dark from bright."""
    path = out / frame.file
    if not path.is_file():
        return frame
    small = cv2.imread(str(path), cv2.IMREAD_REDUCED_GRAYSCALE_8)
    return frame if small is None else replace(frame, mean_grey=round(float(small.mean()), 1))


def _copy(path: Path, target: Path) -> bool:
    return bool(folder.copy_pictures({target.name: path}, target.parent))
