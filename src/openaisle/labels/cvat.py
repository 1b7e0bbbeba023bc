"""CVAT's XML 1.1: labels of pictures (`image` elements), or of a video (`track` elements, a file a sequence).

A person is a box and a skeleton of 17 points with the same group; a point is `occluded` where the joint is hidden and
`outside` where it is nowhere. Between two keyframes CVAT moves boxes and points along straight lines, and so do we.
"""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from xml.etree.ElementTree import Element, SubElement

import defusedxml
import defusedxml.ElementTree
from msgspec.structs import replace

from openaisle.core.errors import InputError
from openaisle.core.messages import JOINTS
from openaisle.labels.dataset import (
    HIDDEN,
    NOWHERE,
    PERSON,
    VISIBLE,
    Box,
    DataSet,
    FrameLabels,
    Joint,
    Label,
    box,
    by_sequence,
    class_name,
    class_names,
    joint,
    of_class,
    placed,
    products_named,
)
from openaisle.labels.holding import Part, frame_name

HELD_PICTURES: Final = frozenset(
    {
        Part.KINDS,
        Part.BEYOND,
        Part.JOINTS,
        Part.TRACKS,
        Part.TRACK_NAMES,
        Part.VISITS,
        Part.IN_VIEW,
        Part.IGNORED,
        Part.SCORES,
        Part.FREE_NAMES,
    }
)
HELD_VIDEO: Final = HELD_PICTURES - {Part.FREE_NAMES} | {Part.VIDEOS}
FILE: Final = "annotations.xml"
VIDEO_SUFFIXES: Final = (".mp4", ".avi", ".mkv", ".mov", ".webm")
_ATTRIBUTES: Final = ("track_id", "visit_id", "in_view", "ignored", "score")
_YES, _NO = "1", "0"


def write_pictures(dataset: DataSet, out: Path) -> None:
    """Write `out`/annotations.xml; pictures go beside it under their own names."""
    root = _root(dataset, "annotation", dataset.name or "pictures", len(dataset.frames))
    for number, frame in enumerate(dataset.frames):
        size = {"width": str(frame.width_px), "height": str(frame.height_px)}
        image = SubElement(root, "image", {"id": str(number), "name": frame.file, **size})
        for group, label in enumerate(frame.labels, start=1):
            common = {"label": class_name(label), "source": "manual", "group_id": str(group), "z_order": "0"}
            shape = SubElement(image, "box", common | {"occluded": _occluded(label)} | _corners(label.box_px))
            _write_attributes(shape, label)
            if label.joints_px:
                skeleton = SubElement(image, "skeleton", common | {"label": _skeleton_of(label)})
                _write_points(skeleton, label.joints_px, {})
    _save(root, out / FILE)


def write_video(dataset: DataSet, out: Path) -> None:
    """Write `out`/SEQUENCE.xml for each sequence. Frames count through from 0: `holding.reduced` sees to it."""
    for name, frames in by_sequence(dataset).items():
        indices = [frame.frame_index for frame in frames]
        root = _root(dataset, "interpolation", name, len(frames), frames[0])
        tracks: dict[tuple[str, str, str], list[tuple[int, Label]]] = {}
        for frame in frames:
            for place, label in enumerate(frame.labels):
                # What nobody follows is a track of one frame.
                key = (
                    class_name(label),
                    label.track_id,
                    "" if label.track_id else f"{frame.frame_index}.{place}",
                )
                tracks.setdefault(key, []).append((frame.frame_index, label))
        number = 0
        for group, (key, shapes) in enumerate(tracks.items(), start=1):
            common = {"source": "manual", "group_id": str(group)}
            _write_track(root, number, common | {"label": key[0]}, shapes, indices, "box")
            number += 1
            with_joints = [(index, label) for index, label in shapes if label.joints_px]
            if with_joints:
                named = common | {"label": _skeleton_of(with_joints[0][1])}
                _write_track(root, number, named, with_joints, indices, "skeleton")
                number += 1
        _save(root, out / f"{name}.xml")


def read(source: Path) -> tuple[DataSet, dict[str, Path]]:
    """A file, or a folder with annotations.xml or a file a video. Raises InputError with file and line."""
    paths = [source] if source.is_file() else sorted(source.glob("*.xml"))
    if not paths:
        raise InputError("no labels", file=str(source), expected="CVAT's XML 1.1, or a folder with it")
    frames: list[FrameLabels] = []
    for path in paths:
        root = _parsed(path)
        is_video = root.find("track") is not None or root.findtext("meta/task/mode") == "interpolation"
        frames += (
            _video_frames(root, path) if is_video else [_picture(each, path) for each in root.iter("image")]
        )
    dataset = DataSet(frames=tuple(frames), products=products_named(frames))
    folder = source if source.is_dir() else source.parent
    return dataset, {frame.file: folder / frame.file for frame in frames}


# Writing


def _root(
    dataset: DataSet,
    mode: str,
    name: str,
    size: int,
    first: FrameLabels | None = None,
) -> Element:
    root = Element("annotations")
    SubElement(root, "version").text = "1.1"
    task = SubElement(SubElement(root, "meta"), "task")
    said = {"name": name, "size": str(size), "mode": mode, "overlap": "0", "source": name}
    if first is not None:
        said |= {"start_frame": "0", "stop_frame": str(size - 1), "frame_filter": ""}
    for key, value in said.items():
        SubElement(task, key).text = value
    labels = SubElement(task, "labels")
    for each in class_names(dataset):
        _label_meta(labels, each, "rectangle", _ATTRIBUTES)
    if any(label.joints_px for frame in dataset.frames for label in frame.labels):
        _label_meta(labels, f"{PERSON} joints", "skeleton", ())
        for each in JOINTS:
            _label_meta(labels, each, "points", (), parent=f"{PERSON} joints")
    if first is not None:
        sizes = SubElement(task, "original_size")
        SubElement(sizes, "width").text = str(first.width_px)
        SubElement(sizes, "height").text = str(first.height_px)
    return root


def _label_meta(labels: Element, name: str, kind: str, attributes: Iterable[str], parent: str = "") -> None:
    label = SubElement(labels, "label")
    SubElement(label, "name").text = name
    SubElement(label, "type").text = kind
    listed = SubElement(label, "attributes")
    for each in attributes:
        attribute = SubElement(listed, "attribute")
        values = {"name": each, "mutable": "True", "input_type": "text", "default_value": "", "values": ""}
        for key, value in values.items():
            SubElement(attribute, key).text = value
    if parent:
        SubElement(label, "parent").text = parent


def _skeleton_of(label: Label) -> str:
    return f"{label.kind} joints"


def _write_track(
    root: Element,
    number: int,
    common: dict[str, str],
    shapes: Sequence[tuple[int, Label]],
    indices: Sequence[int],
    kind: str,
) -> None:
    """Every frame is a keyframe; where the thing is gone in the next, its last shape is said once more, outside."""
    track = SubElement(root, "track", {"id": str(number), **common})
    following = dict(itertools.pairwise(indices))
    there = {index for index, _ in shapes}
    for index, label in shapes:
        _write_shape(track, index, label, kind, _NO)
        after = following.get(index)
        if after is not None and after not in there:
            _write_shape(track, after, label, kind, _YES)


def _write_shape(track: Element, index: int, label: Label, kind: str, outside: str) -> None:
    when = {"frame": str(index), "keyframe": "1"}
    if kind == "box":
        place = {"outside": outside, "occluded": _occluded(label), **_corners(label.box_px), "z_order": "0"}
        _write_attributes(SubElement(track, "box", when | place), label)
        return
    skeleton = SubElement(track, "skeleton", when | {"z_order": "0"})
    joints = label.joints_px if outside == _NO else tuple(joint(0, 0, NOWHERE) for _ in JOINTS)
    _write_points(skeleton, joints, when)


def _write_points(skeleton: Element, joints: Sequence[Joint], more: dict[str, str]) -> None:
    for name, (x, y, sight) in zip(JOINTS, joints, strict=True):
        state = {"outside": _YES if sight == NOWHERE else _NO, "occluded": _YES if sight == HIDDEN else _NO}
        SubElement(skeleton, "points", {"label": name, **more, **state, "points": f"{x:.3f},{y:.3f}"})


def _corners(corners: Box) -> dict[str, str]:
    return {name: f"{value:.3f}" for name, value in zip(("xtl", "ytl", "xbr", "ybr"), corners, strict=True)}


def _occluded(label: Label) -> str:
    return _YES if label.in_view is not None and label.in_view < 0.5 else _NO


def _write_attributes(shape: Element, label: Label) -> None:
    values = {
        "track_id": label.track_id,
        "visit_id": label.visit_id,
        "in_view": "" if label.in_view is None else repr(label.in_view),
        "ignored": "true" if label.is_ignored else "",
        "score": "" if label.score is None else repr(label.score),
    }
    for name, value in values.items():
        if value:
            SubElement(shape, "attribute", {"name": name}).text = value


def _save(root: Element, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    ElementTree.indent(root)
    ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


# Reading


def _parsed(path: Path) -> Element:
    try:
        root = defusedxml.ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        line = error.position[0]
        raise InputError("not XML", file=str(path), line=line, found=str(error)) from None
    except defusedxml.DefusedXmlException as error:
        raise InputError("XML that is not safe to read", file=str(path), found=type(error).__name__) from None
    except OSError as error:
        raise InputError(
            "cannot be read", file=str(path), expected="CVAT's XML 1.1", found=error.strerror
        ) from None
    if root is None or root.tag != "annotations":
        found = None if root is None else root.tag
        raise InputError(
            "not labels of CVAT", file=str(path), expected="an element `annotations`", found=found
        )
    return root


def _picture(image: Element, path: Path) -> FrameLabels:
    where = f"image {image.get('name', image.get('id', '?'))}"
    boxes: dict[str, Label] = {}
    joints: dict[str, tuple[Joint, ...]] = {}
    for place, shape in enumerate(image):
        group = shape.get("group_id", "0")
        key = group if group != "0" else f"alone {place}"
        if shape.tag == "box":
            boxes[key] = _boxed(shape, shape.get("label", PERSON), path, where)
        elif shape.tag == "skeleton":
            joints[key] = _points(shape, path, where)
    return FrameLabels(
        file=_needed(image, "name", path, where),
        width_px=int(_number(image, "width", path, where)),
        height_px=int(_number(image, "height", path, where)),
        is_checked=True,
        labels=_joined(boxes, joints),
    )


def _joined(boxes: dict[str, Label], joints: dict[str, tuple[Joint, ...]]) -> tuple[Label, ...]:
    """Boxes with their joints; a skeleton without a box gets the one around its joints."""
    labels = [replace(label, joints_px=joints.get(key, ())) for key, label in boxes.items()]
    alone = [points for key, points in joints.items() if key not in boxes and points]
    return (*labels, *(Label(box_px=_around(points), joints_px=points) for points in alone))


def _around(points: Sequence[Joint]) -> Box:
    xs, ys = [x for x, _, sight in points if sight], [y for _, y, sight in points if sight]
    return box(min(xs) - 0.5, min(ys) - 0.5, max(xs) + 0.5, max(ys) + 0.5)


def _boxed(shape: Element, name: str, path: Path, where: str) -> Label:
    corners = [_number(shape, side, path, where) for side in ("xtl", "ytl", "xbr", "ybr")]
    said = {each.get("name", ""): (each.text or "").strip() for each in shape.iter("attribute")}
    shares: dict[str, float | None] = {}
    for field_name in ("in_view", "score"):
        try:
            shares[field_name] = float(said[field_name]) if said.get(field_name) else None
        except ValueError:
            raise InputError(
                "not a number", file=str(path), field=f"{where}: {field_name}", found=said[field_name]
            ) from None
    kind, product_id = of_class(name)
    return Label(
        box_px=box(*corners),
        kind=kind,
        product_id=product_id,
        track_id=said.get("track_id", ""),
        visit_id=said.get("visit_id", ""),
        in_view=shares["in_view"],
        is_ignored=said.get("ignored", "") == "true",
        score=shares["score"],
    )


def _points(skeleton: Element, path: Path, where: str) -> tuple[Joint, ...]:
    joints = {name: joint(0, 0, NOWHERE) for name in JOINTS}
    for point in skeleton.iter("points"):
        name = point.get("label", "")
        if name not in joints:
            expected = ", ".join(JOINTS)
            raise InputError(
                "no such joint", file=str(path), field=f"{where}: skeleton", expected=expected, found=name
            )
        try:
            x, y = (float(value) for value in point.get("points", "").split(","))
        except ValueError:
            raise InputError(
                "wrong point",
                file=str(path),
                field=f"{where}: {name}",
                expected="x,y",
                found=point.get("points"),
            ) from None
        is_outside, is_hidden = point.get("outside") == _YES, point.get("occluded") == _YES
        joints[name] = joint(x, y, NOWHERE if is_outside else HIDDEN if is_hidden else VISIBLE)
    return placed(list(joints.values()))


@dataclass
class _Track:
    """One thing through a video: what is said of it at keyframes; None where it is gone."""

    name: str
    group: str
    boxes: dict[int, Label | None] = field(default_factory=dict[int, "Label | None"])
    joints: dict[int, tuple[Joint, ...]] = field(default_factory=dict[int, tuple[Joint, ...]])


def _video_frames(root: Element, path: Path) -> list[FrameLabels]:
    task = root.find("meta/task")
    if task is None:
        task = root.find("meta/job")
    if task is None:
        raise InputError("no task", file=str(path), field="meta", expected="an element `task`")
    sequence_id = task.findtext("source") or task.findtext("name") or path.stem
    if sequence_id.lower().endswith(VIDEO_SUFFIXES):
        sequence_id = Path(sequence_id).stem
    width, height = (_size(task, name, path) for name in ("width", "height"))
    tracks = _tracks(root, path)
    indices = _indices(task, tracks, path)
    labels: dict[int, list[Label]] = {index: [] for index in indices}
    for track in tracks:
        for index, label in _filled(track, indices):
            labels[index].append(label)
    return [
        FrameLabels(
            file=frame_name(sequence_id, index),
            width_px=width,
            height_px=height,
            sequence_id=sequence_id,
            frame_index=index,
            is_checked=True,
            labels=tuple(labels[index]),
        )
        for index in indices
    ]


def _indices(task: Element, tracks: Sequence[_Track], path: Path) -> list[int]:
    """All frames of the task, labelled or not."""
    try:
        first, last = int(task.findtext("start_frame") or 0), int(task.findtext("stop_frame") or -1)
        step = int((task.findtext("frame_filter") or "step=1").rpartition("=")[2])
        last = first + int(task.findtext("size") or 1) - 1 if last < 0 else last
    except ValueError as error:
        raise InputError(
            "wrong frames of the task", file=str(path), field="meta.task", found=str(error)
        ) from None
    named = {index for track in tracks for index in (*track.boxes, *track.joints)}
    return sorted({*range(first, last + 1, max(step, 1)), *named})


def _tracks(root: Element, path: Path) -> list[_Track]:
    """Boxes with the skeletons of their group."""
    found: list[_Track] = []
    by_group: dict[str, _Track] = {}
    for element in root.iter("track"):
        where = f"track {element.get('id', '?')}"
        group, name = element.get("group_id", "0"), element.get("label", PERSON)
        has_boxes = element.find("box") is not None
        track = by_group.get(group) if group != "0" else None
        if track is None:
            track = _Track(name=name if has_boxes else PERSON, group=group)
            found.append(track)
            if group != "0":
                by_group[group] = track
        for shape in element:
            index = int(_number(shape, "frame", path, where))
            if shape.tag == "box":
                is_gone = shape.get("outside") == _YES
                label = None if is_gone else _boxed(shape, name, path, where)
                if label is not None and not label.track_id and not _is_lone(element):
                    label = replace(label, track_id=element.get("id", ""))
                track.boxes[index] = label
            elif shape.tag == "skeleton":
                track.joints[index] = _points(shape, path, where)
    return found


def _is_lone(track: Element) -> bool:
    """A track of one frame follows nothing."""
    return sum(shape.get("outside") != _YES for shape in track) == 1


def _filled(track: _Track, indices: Sequence[int]) -> Iterator[tuple[int, Label]]:
    """Labels of one thing, frame by frame, with straight lines between keyframes."""
    if not track.boxes:
        for index, points in sorted(track.joints.items()):
            if points:
                yield index, Label(box_px=_around(points), joints_px=points)
        return
    keys = sorted(track.boxes)
    for index in indices:
        before = max((key for key in keys if key <= index), default=None)
        after = min((key for key in keys if key >= index), default=None)
        label = None if before is None else track.boxes[before]
        if before is None or label is None:
            continue
        later = None if after is None else track.boxes[after]
        if later is not None and after is not None and after > before:
            share = (index - before) / (after - before)
            label = replace(label, box_px=_between(label.box_px, later.box_px, share))
        yield index, replace(label, joints_px=_joints_at(track.joints, index))


def _joints_at(joints: dict[int, tuple[Joint, ...]], index: int) -> tuple[Joint, ...]:
    before = max((key for key in joints if key <= index), default=None)
    after = min((key for key in joints if key >= index), default=None)
    if before is None or not joints[before]:
        return ()
    if after is None or after == before or not joints[after]:
        return joints[before]
    share = (index - before) / (after - before)
    return tuple(
        joint(x + share * (later[0] - x), y + share * (later[1] - y), sight) if later[2] else (x, y, sight)
        for (x, y, sight), later in zip(joints[before], joints[after], strict=True)
    )


def _between(a: Box, b: Box, share: float) -> Box:
    x1, y1, x2, y2 = (one + share * (other - one) for one, other in zip(a, b, strict=True))
    return box(x1, y1, x2, y2)


def _size(task: Element, name: str, path: Path) -> int:
    text = task.findtext(f"original_size/{name}")
    if text is None or not text.strip().isdigit():
        raise InputError("no size", file=str(path), field=f"original_size.{name}", expected="px", found=text)
    return int(text)


def _needed(element: Element, name: str, path: Path, where: str) -> str:
    value = element.get(name)
    if value is None:
        raise InputError("the attribute is missing", file=str(path), field=f"{where}: {name}")
    return value


def _number(element: Element, name: str, path: Path, where: str) -> float:
    value = _needed(element, name, path, where)
    try:
        return float(value)
    except ValueError:
        raise InputError(
            "not a number", file=str(path), field=f"{where}: {name}", expected="a number", found=value
        ) from None
