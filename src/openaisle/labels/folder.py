"""A data set on disk: text that people can read and compare, and pictures beside it.

    dataset.json      format, version, name, sources, products
    frames.jsonl      one frame a line, with its labels
    actions.jsonl     one action a line
    pictures/...      as the frames name them; a frame's picture may be gone, its labels stay

Lines stand in the order of the frames, so that two versions can be compared line by line.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from openaisle.core.errors import InputError
from openaisle.labels.dataset import ActionInterval, DataSet, FrameLabels, Product, Source, checked

FORMAT: Final = "openaisle-labels"
VERSION: Final = 1
HEAD: Final = "dataset.json"
FRAMES: Final = "frames.jsonl"
ACTIONS: Final = "actions.jsonl"
CARD: Final = "CARD.md"

T = TypeVar("T")


class _Head(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    format: str
    version: int
    name: str = ""
    sources: tuple[Source, ...] = ()
    products: tuple[Product, ...] = ()


def read_dataset(folder: Path) -> DataSet:
    """Raises InputError with file, line and field."""
    path = folder / HEAD
    head = _decoded(_bytes(path, f"a data set's folder, with {HEAD} in it"), _Head, path, None)
    if (head.format, head.version) != (FORMAT, VERSION):
        raise InputError(
            "not a data set of this version",
            file=str(path),
            field="format, version",
            expected=f"{FORMAT} {VERSION}",
            found=f"{head.format} {head.version}",
        )
    dataset = DataSet(
        name=head.name,
        sources=head.sources,
        products=head.products,
        frames=tuple(_lines(folder / FRAMES, FrameLabels)),
        actions=tuple(_lines(folder / ACTIONS, ActionInterval)),
    )
    return checked(dataset, str(folder / FRAMES))


def write_dataset(folder: Path, dataset: DataSet) -> None:
    """Write all but the pictures; what was there before stays until the new is whole."""
    checked(dataset, str(folder))
    folder.mkdir(parents=True, exist_ok=True)
    head = _Head(
        format=FORMAT, version=VERSION, name=dataset.name, sources=dataset.sources, products=dataset.products
    )
    encode = msgspec.json.encode
    files = {
        HEAD: msgspec.json.format(encode(head), indent=1) + b"\n",
        FRAMES: b"".join(encode(frame) + b"\n" for frame in dataset.frames),
        ACTIONS: b"".join(encode(action) + b"\n" for action in dataset.actions),
    }
    for name, data in files.items():
        unfinished = folder / f".{name}.new"
        unfinished.write_bytes(data)
    for name in files:
        (folder / f".{name}.new").replace(folder / name)


def copy_pictures(pictures: Mapping[str, Path], folder: Path) -> int:
    """Copy pictures to the names that frames have for them, as far as they are there. Returns how many."""
    copied = 0
    for name, path in pictures.items():
        target = folder / name
        if path.is_file() and not (target.exists() and target.samefile(path)):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            copied += 1
    return copied


def pictures_of(folder: Path, dataset: DataSet) -> dict[str, Path]:
    """Every picture that frames name and that is there, empty ones too."""
    names = dict.fromkeys(name for frame in dataset.frames for name in (frame.file, frame.empty_file) if name)
    return {name: folder / name for name in names if (folder / name).is_file()}


def read_pixels(folder: Path, name: str) -> NDArray[np.uint8]:
    """A picture [h, w, 3] BGR. Raises InputError."""
    path = folder / name
    if not path.is_file():
        raise InputError("no such picture", file=str(path), expected=f"a picture that {FRAMES} names")
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if pixels is None:
        raise InputError(
            "the picture is damaged", file=str(path), expected="a picture (PNG, JPEG, WebP, BMP, TIFF)"
        )
    return np.asarray(pixels, np.uint8)


def _bytes(path: Path, expected: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError("cannot be read", file=str(path), expected=expected, found=error.strerror) from error


def _lines(path: Path, kind: type[T]) -> Iterator[T]:
    for number, line in enumerate(_bytes(path, "one JSON object a line").splitlines(), start=1):
        if line.strip():
            yield _decoded(line, kind, path, number)


def _decoded(data: bytes, kind: Any, path: Path, line: int | None) -> Any:
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as error:
        words, _, field = str(error).partition(" - at `$")
        raise InputError(words, file=str(path), line=line, field=field.strip("`.") or None) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError("not JSON", file=str(path), line=line, found=str(error)) from None
