"""YOLO's text, as Ultralytics' tools read it: a file a picture, a line a label, in shares of the picture.

    data.yaml                names of classes, where pictures lie; of poses also the shape and order of joints
    images/walk/0001.jpg
    labels/walk/0001.txt     class centre_x centre_y width height [x y sight, 17 times]

Every picture has a file of labels, an empty one where it shows nothing; without one nobody has looked at it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final

import yaml

from openaisle.core.errors import InputError
from openaisle.core.messages import JOINTS
from openaisle.detections.decode import PAIRS
from openaisle.labels.dataset import (
    DataSet,
    FrameLabels,
    Joint,
    Label,
    box,
    class_name,
    class_names,
    joint,
    of_class,
    placed,
    products_named,
)
from openaisle.labels.fields import Fields
from openaisle.labels.holding import Part

HELD_BOXES: Final = frozenset({Part.KINDS, Part.FREE_NAMES})
HELD_POSES: Final = HELD_BOXES | {Part.JOINTS}
HEAD: Final = "data.yaml"
IMAGES: Final = "images"
LABELS: Final = "labels"
PICTURE_SUFFIXES: Final = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
_DIGITS: Final = 9
_BOX_COLUMNS: Final = 5

SizeOf = Callable[[Path], tuple[int, int]]


def write(dataset: DataSet, out: Path, *, with_joints: bool) -> None:
    """Write data.yaml and labels/; pictures go to images/. Every frame gets a file, also those that show nothing."""
    names = class_names(dataset) or ["person"]
    number_of = {name: number for number, name in enumerate(names)}
    head: dict[str, Any] = {
        "path": ".",
        "train": IMAGES,
        "val": IMAGES,
        "names": dict(enumerate(names)),
    }
    if with_joints:
        mirrored = dict(PAIRS) | {right: left for left, right in PAIRS}
        head |= {
            "kpt_shape": [len(JOINTS), 3],
            "flip_idx": [mirrored.get(place, place) for place in range(len(JOINTS))],
            "kpt_names": list(JOINTS),
        }
    out.mkdir(parents=True, exist_ok=True)
    (out / HEAD).write_text(yaml.safe_dump(head, sort_keys=False, allow_unicode=True), encoding="utf-8")
    written: dict[Path, str] = {}
    for frame in dataset.frames:
        path = _label_path(out / LABELS / frame.file)
        if path in written:
            raise InputError(
                "two pictures share one file of labels",
                file=str(path),
                expected="names that differ in more than their suffix",
                found=f"{written[path]}, {frame.file}",
            )
        written[path] = frame.file
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [_line(label, frame, number_of[class_name(label)], with_joints) for label in frame.labels]
        path.write_text("".join(lines), encoding="ascii")


def read(source: Path, size_of: SizeOf) -> tuple[DataSet, dict[str, Path]]:
    """A folder with data.yaml, images/ and labels/. `size_of` says a picture's width and height. Raises InputError."""
    head = _head(source / HEAD)
    names = _names(head)
    has_joints = head.has("kpt_shape")
    if has_joints and list(head.numbers("kpt_shape", 2)) not in ([len(JOINTS), 3], [len(JOINTS), 2]):
        raise head.error(
            "kpt_shape", "other joints than COCO's", f"[{len(JOINTS)}, 3]", head.get("kpt_shape")
        )
    dims = int(head.numbers("kpt_shape", 2)[1]) if has_joints else 0
    folder = source / IMAGES
    pictures = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURE_SUFFIXES)
    if not pictures:
        raise InputError("no pictures", file=str(folder), expected="pictures, with their labels in labels/")
    frames: list[FrameLabels] = []
    for picture in pictures:
        file = picture.relative_to(folder).as_posix()
        width, height = size_of(picture)
        path = _label_path(source / LABELS / file)
        labels = _read_labels(path, names, width, height, dims) if path.is_file() else ()
        frame = FrameLabels(
            file=file, width_px=width, height_px=height, is_checked=path.is_file(), labels=labels
        )
        frames.append(frame)
    dataset = DataSet(frames=tuple(frames), products=products_named(frames))
    return dataset, {frame.file: folder / frame.file for frame in frames}


def _label_path(path: Path) -> Path:
    return path.with_suffix(".txt")


def picture_path(out: Path, frame: FrameLabels) -> Path:
    """Where a frame's picture goes."""
    return out / IMAGES / PurePosixPath(frame.file)


def _line(label: Label, frame: FrameLabels, number: int, with_joints: bool) -> str:
    x1, y1, x2, y2 = label.box_px
    width, height = frame.width_px, frame.height_px
    values: list[float] = [
        (x1 + x2) / 2 / width,
        (y1 + y2) / 2 / height,
        (x2 - x1) / width,
        (y2 - y1) / height,
    ]
    words = [str(number), *(_share(value) for value in values)]
    if with_joints:
        joints = label.joints_px or (joint(0, 0, 0),) * len(JOINTS)
        for x, y, sight in joints:
            words += [_share(x / width), _share(y / height), str(sight)]
    return " ".join(words) + "\n"


def _share(value: float) -> str:
    return f"{value:.{_DIGITS}f}".rstrip("0").rstrip(".")


def _head(path: Path) -> Fields:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        expected = "a folder with data.yaml, images/ and labels/"
        raise InputError("cannot be read", file=str(path), expected=expected, found=error.strerror) from error
    try:
        return Fields.of(yaml.safe_load(text), path)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = None if mark is None else mark.line + 1
        raise InputError("not YAML", file=str(path), line=line, found=str(error).splitlines()[0]) from None


def _names(head: Fields) -> list[str]:
    names = head.get("names")
    if isinstance(names, dict) and sorted(names) == list(range(len(names))):
        names = [names[number] for number in range(len(names))]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise head.error("names", "no names of classes", "a list, or numbers from 0 with their names", names)
    return names


def _read_labels(path: Path, names: Sequence[str], width: int, height: int, dims: int) -> tuple[Label, ...]:
    try:
        text = path.read_text(encoding="ascii")
    except UnicodeDecodeError:
        raise InputError("not text", file=str(path), expected="class x y width height") from None
    lines = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    return tuple(_label(line, path, number, names, width, height, dims) for number, line in lines)


def _label(
    line: str, path: Path, number: int, names: Sequence[str], width: int, height: int, dims: int
) -> Label:
    columns = _BOX_COLUMNS + dims * len(JOINTS)
    try:
        values = [float(each) for each in line.split()]
    except ValueError:
        values = []
    if len(values) != columns or not all(math.isfinite(value) for value in values):
        expected = "class x y width height" + (f" and {len(JOINTS)} joints" if dims else "")
        raise InputError(
            "wrong label", file=str(path), line=number, expected=expected, found=line.strip()[:80]
        )
    place, x, y, wide, high = values[:_BOX_COLUMNS]
    if place not in range(len(names)):
        raise InputError(
            "no such class",
            file=str(path),
            line=number,
            expected=f"0 to {len(names) - 1}",
            found=line.split()[0],
        )
    kind, product_id = of_class(names[int(place)])
    joints: list[Joint] = []
    for at in range(_BOX_COLUMNS, len(values), dims or 1):
        # Without a sight of its own, a joint at 0, 0 is nowhere: as Ultralytics has it.
        sight = values[at + 2] if dims == 3 else 2 * any(values[at : at + 2])
        if sight not in (0, 1, 2):
            raise InputError(
                "wrong joint", file=str(path), line=number, expected="a sight of 0, 1 or 2", found=sight
            )
        joints.append(joint(values[at] * width, values[at + 1] * height, int(sight)))
    return Label(
        box_px=box(
            (x - wide / 2) * width, (y - high / 2) * height, (x + wide / 2) * width, (y + high / 2) * height
        ),
        kind=kind,
        product_id=product_id,
        joints_px=placed(joints),
    )
