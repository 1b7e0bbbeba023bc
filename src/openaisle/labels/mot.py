"""MOTChallenge's folders (Leal-Taixé et al. 2015): who is where in a video, frame by frame.

    SEQUENCE/seqinfo.ini           name, size and number of its pictures
    SEQUENCE/img1/000001.jpg
    SEQUENCE/gt/gt.txt             frame,id,left,top,width,height,judged,class,visibility

Frames count from 1; an id of -1 says that nobody knows who it is, a visibility of -1 that nobody said.
"""

from __future__ import annotations

import configparser
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from openaisle.adapters.motchallenge import read_boxes
from openaisle.core.errors import InputError
from openaisle.labels.dataset import DataSet, FrameLabels, Label, box, by_sequence
from openaisle.labels.holding import Part, frame_name

HELD: Final = frozenset({Part.TRACKS, Part.IGNORED, Part.IN_VIEW, Part.BEYOND, Part.VIDEOS})
INFO: Final = "seqinfo.ini"
TRUTH: Final = Path("gt") / "gt.txt"
PICTURES: Final = "img1"
FPS: Final = 10
PEDESTRIAN: Final = 1
_UNKNOWN: Final = -1


def write(dataset: DataSet, out: Path) -> None:
    """A folder a sequence; pictures go to its img1/. Frames count through from 0: `holding.reduced` sees to it."""
    for name, frames in by_sequence(dataset).items():
        folder = out / name
        (folder / TRUTH).parent.mkdir(parents=True, exist_ok=True)
        info = configparser.ConfigParser()
        info.optionxform = str  # pyright: ignore[reportAttributeAccessIssue]
        info["Sequence"] = {
            "name": name,
            "imDir": PICTURES,
            "frameRate": str(FPS),
            "seqLength": str(len(frames)),
            "imWidth": str(frames[0].width_px),
            "imHeight": str(frames[0].height_px),
            "imExt": ".jpg",
        }
        with (folder / INFO).open("w", encoding="utf-8") as file:
            info.write(file, space_around_delimiters=False)
        lines = [_line(label, frame.frame_index + 1) for frame in frames for label in frame.labels]
        (folder / TRUTH).write_text("".join(lines), encoding="ascii")


def picture_path(out: Path, frame: FrameLabels) -> Path:
    """Where a frame's picture goes."""
    return out / frame.sequence_id / PICTURES / Path(frame.file).name


def read(source: Path) -> tuple[DataSet, dict[str, Path]]:
    """One sequence's folder, or one with several in it. Raises InputError."""
    folders = (
        [source] if (source / INFO).is_file() else sorted(path.parent for path in source.glob(f"*/{INFO}"))
    )
    if not folders:
        raise InputError("no sequence", file=str(source), expected=f"folders with {INFO} and {TRUTH}")
    frames: list[FrameLabels] = []
    pictures: dict[str, Path] = {}
    for folder in folders:
        name, width, height, count, image_folder = _info(folder / INFO)
        by_index = _truth(folder / TRUTH)
        beyond = [index for index in by_index if index >= count]
        if beyond:
            raise InputError(
                "a box after the last frame",
                file=str(folder / TRUTH),
                field="frame",
                expected=f"1 to {count}",
                found=beyond[0] + 1,
            )
        for index in range(count):
            file = frame_name(name, index)
            pictures[file] = folder / image_folder / Path(file).name
            frames.append(
                FrameLabels(
                    file=file,
                    width_px=width,
                    height_px=height,
                    sequence_id=name,
                    frame_index=index,
                    is_checked=True,
                    labels=tuple(by_index.get(index, ())),
                )
            )
    return DataSet(frames=tuple(frames)), pictures


def _line(label: Label, frame: int) -> str:
    x1, y1, x2, y2 = label.box_px
    who = label.track_id or str(_UNKNOWN)
    # MOT's own ground truth has no word for "nobody said": -1, which its tools do not ask for.
    in_view = _UNKNOWN if label.in_view is None else repr(label.in_view)
    judged = int(not label.is_ignored)
    sides = ",".join(f"{value:.3f}" for value in (x1, y1, x2 - x1, y2 - y1))
    return f"{frame},{who},{sides},{judged},{PEDESTRIAN},{in_view}\n"


def _truth(path: Path) -> dict[int, list[Label]]:
    """Labels by index of frames. People on foot, sitting or standing still; vehicles and the like are left out."""
    rows = read_boxes(path)
    by_index: dict[int, list[Label]] = {}
    for frame, who, (x1, y1, x2, y2), judged, (kind, in_view, _) in zip(
        rows.frame.tolist(),
        rows.id.tolist(),
        rows.boxes_image_px.tolist(),
        rows.score.tolist(),
        rows.more.tolist(),
        strict=True,
    ):
        if kind not in _PEOPLE:
            continue
        by_index.setdefault(int(frame) - 1, []).append(
            Label(
                box_px=box(x1, y1, x2, y2),
                track_id="" if who < 0 else str(who),
                is_ignored=judged == 0,
                in_view=in_view if 0 <= in_view <= 1 else None,
            )
        )
    return by_index


_PEOPLE: Final[Sequence[int]] = (
    _UNKNOWN,
    PEDESTRIAN,
    2,
    7,
)  # not said, on foot, on a vehicle, standing still


def _info(path: Path) -> tuple[str, int, int, int, str]:
    """Name, width, height, number of frames, folder of pictures."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(path.read_text(encoding="utf-8-sig"))
        section = parser["Sequence"]
        sizes = [int(section[name]) for name in ("imWidth", "imHeight", "seqLength")]
    except (configparser.Error, KeyError, ValueError) as error:
        raise InputError(
            "wrong sequence",
            file=str(path),
            expected="[Sequence] with name, imWidth, imHeight and seqLength",
            found=str(error).splitlines()[0],
        ) from None
    return section.get("name", path.parent.name), *sizes, section.get("imDir", PICTURES)  # pyright: ignore[reportReturnType]
