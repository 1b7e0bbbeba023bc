"""Label Studio's JSON: a list of tasks, each a picture with what people said of it and what models proposed.

A person is a rectangle; its joints are key points whose `parentID` is the rectangle's. What a rectangle has besides
(track, visit, share in view, ignored) are per-region controls of the project's configuration, `CONFIG` below. What is
known of a frame goes along in the task's `data`, where Label Studio keeps it. Actions are a task a sequence.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import quoteattr

import msgspec

from openaisle.core.messages import JOINTS, Action
from openaisle.labels.dataset import (
    HIDDEN,
    NOWHERE,
    PERSON,
    VISIBLE,
    ActionInterval,
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
from openaisle.labels.fields import Fields, read_json
from openaisle.labels.holding import EVERYTHING, Part

HELD: Final = EVERYTHING - {Part.SOURCES, Part.LOOK_ALIKES}
FILE: Final = "tasks.json"
MODEL: Final = "openaisle"
_IGNORED: Final = "ignored"
_HIDDEN: Final = "hidden"
_FACTS: Final = "openaisle"
"""Key of a task's data under which a frame's facts travel."""


def config(classes: Sequence[str]) -> str:
    """A project's labelling configuration."""
    boxes = "\n".join(f"    <Label value={quoteattr(name)}/>" for name in classes or [PERSON])
    joints = "\n".join(f"    <Label value={quoteattr(name)}/>" for name in JOINTS)
    return f"""<View>
  <Image name="image" value="$image" zoom="true"/>
  <RectangleLabels name="box" toName="image">
{boxes}
  </RectangleLabels>
  <KeyPointLabels name="joint" toName="image" strokeWidth="3">
{joints}
  </KeyPointLabels>
  <Choices name="sight" toName="image" perRegion="true" choice="multiple">
    <Choice value="{_HIDDEN}"/>
    <Choice value="{_IGNORED}"/>
  </Choices>
  <TextArea name="track" toName="image" perRegion="true" maxSubmissions="1"/>
  <TextArea name="visit" toName="image" perRegion="true" maxSubmissions="1"/>
  <Number name="in_view" toName="image" perRegion="true" min="0" max="1" step="0.05"/>
</View>
"""


def write(dataset: DataSet, out: Path) -> None:
    """Write `out`/tasks.json and config.xml; pictures go beside them under their own names."""
    out.mkdir(parents=True, exist_ok=True)
    tasks = [task(frame, frame.file) for frame in dataset.frames] + action_tasks(dataset)
    (out / FILE).write_text(json.dumps(tasks), encoding="utf-8")
    (out / "config.xml").write_text(config(class_names(dataset)), encoding="utf-8")


def read(source: Path) -> tuple[DataSet, dict[str, Path]]:
    """A file, or a folder with tasks.json. Raises InputError."""
    path = source / FILE if source.is_dir() else source
    dataset = of_tasks(read_json(path), path)
    root = path.parent
    names = [name for frame in dataset.frames for name in (frame.file, frame.empty_file) if name]
    return dataset, {name: root / name for name in names}


def task(frame: FrameLabels, url: str) -> dict[str, Any]:
    """One frame as a task. `url`: where the server finds the picture."""
    facts = msgspec.to_builtins(frame)
    facts.pop("labels", None)
    result = [each for number, label in enumerate(frame.labels) for each in _regions(number, label, frame)]
    said: dict[str, Any] = {"data": {"image": url, _FACTS: facts}}
    if frame.is_checked:
        said["annotations"] = [{"result": result, "was_cancelled": False}]
    elif result:
        scores = [label.score for label in frame.labels if label.score is not None]
        least = {"score": min(scores)} if scores else {}
        said["predictions"] = [{"model_version": MODEL, "result": result, **least}]
    return said


def action_tasks(dataset: DataSet) -> list[dict[str, Any]]:
    """One task a sequence with its actions as a timeline; frames count from 1 there."""
    sequences: dict[str, list[dict[str, Any]]] = {}
    for number, action in enumerate(dataset.actions):
        facts = {"track_id": action.track_id, "visit_id": action.visit_id, "hand": action.hand}
        facts["product_id"] = action.product_id
        region = {
            "id": f"action{number}",
            "type": "timelinelabels",
            "from_name": "action",
            "to_name": "video",
            "value": {
                "ranges": [{"start": action.began_index + 1, "end": action.ended_index + 1}],
                "timelinelabels": [action.action.value],
            },
            "meta": {"text": [f"{name}={value}" for name, value in facts.items() if value]},
        }
        sequences.setdefault(action.sequence_id, []).append(region)
    return [
        {"data": {"video": name, "sequence_id": name}, "annotations": [{"result": result}]}
        for name, result in sequences.items()
    ]


def of_tasks(tasks: Any, path: Path) -> DataSet:
    """What a list of tasks says. `path`: what to name in an InputError."""
    rows = Fields.of({"tasks": tasks}, path).rows("tasks")
    frames: list[FrameLabels] = []
    actions: list[ActionInterval] = []
    for each in rows:
        data = each.fields("data")
        result, is_checked = _result(each)
        if data.has("sequence_id"):
            actions += [_action(region, data.name("sequence_id")) for region in result]
        else:
            frames.append(_frame(data, result, is_checked))
    return DataSet(frames=tuple(frames), actions=tuple(actions), products=products_named(frames, actions))


def _result(each: Fields) -> tuple[list[Fields], bool]:
    """The regions that hold: of the last annotation that was not cancelled, else of the last prediction."""
    done = [one for one in each.rows("annotations") if not one.get("was_cancelled")]
    proposed = [] if done else each.rows("predictions")
    held = done or proposed
    return (held[-1].rows("result") if held else []), bool(done)


def _regions(number: int, label: Label, frame: FrameLabels) -> list[dict[str, Any]]:
    width, height = frame.width_px, frame.height_px
    # Ids are the same in every export, so that a task sent twice stays one.
    identity = f"{zlib.crc32(frame.file.encode()):08x}b{number}"
    x1, y1, x2, y2 = label.box_px
    place = {
        "x": _percent(x1, width),
        "y": _percent(y1, height),
        "width": _percent(x2 - x1, width),
        "height": _percent(y2 - y1, height),
        "rotation": 0,
    }
    size = {"original_width": width, "original_height": height, "image_rotation": 0, "to_name": "image"}
    common = size | {"id": identity}
    score = {} if label.score is None else {"score": label.score}
    found = [_region(common, "box", "rectanglelabels", place, [class_name(label)]) | score]
    more: Mapping[str, tuple[str, str, Any]] = {
        "sight": ("choices", "choices", [_IGNORED] if label.is_ignored else None),
        "track": ("textarea", "text", [label.track_id] if label.track_id else None),
        "visit": ("textarea", "text", [label.visit_id] if label.visit_id else None),
        "in_view": ("number", "number", label.in_view),
    }
    for name, (kind, key, value) in more.items():
        if value is not None:
            found.append(common | {"from_name": name, "type": kind, "value": {**place, key: value}})
    for name, (x, y, sight) in zip(JOINTS, label.joints_px, strict=False):
        if sight == NOWHERE:
            continue
        point = {"x": _percent(x, width), "y": _percent(y, height), "width": 0.5}
        joint_common = size | {"id": f"{identity}{name}", "parentID": identity}
        found.append(_region(joint_common, "joint", "keypointlabels", point, [name]))
        if sight == HIDDEN:
            value = {**point, "choices": [_HIDDEN]}
            found.append(joint_common | {"from_name": "sight", "type": "choices", "value": value})
    return found


def _region(
    common: dict[str, Any], name: str, kind: str, place: dict[str, Any], labels: list[str]
) -> dict[str, Any]:
    return common | {"from_name": name, "type": kind, "value": place | {kind: labels}}


def _percent(value: float, whole: int) -> float:
    return value / whole * 100


def _frame(data: Fields, result: Sequence[Fields], is_checked: bool) -> FrameLabels:
    if data.has(_FACTS):
        said = data.fields(_FACTS)
        try:
            frame = msgspec.convert({**said.values, "labels": []}, FrameLabels)
        except msgspec.ValidationError as error:
            raise data.error(
                _FACTS, str(error), "what `learn export label-studio` writes", said.values
            ) from None
    else:  # a task that somebody made there
        size = next((one for one in result if one.has("original_width")), None)
        if size is None:
            raise data.error(
                "image", "nobody says how large the picture is", "a task with labels", data.get("image")
            )
        frame = FrameLabels(
            file=Path(data.text("image")).name,
            width_px=size.whole("original_width"),
            height_px=size.whole("original_height"),
        )
    labels = _labels(result, frame)
    return msgspec.structs.replace(frame, labels=labels, is_checked=is_checked)


def _labels(result: Sequence[Fields], frame: FrameLabels) -> tuple[Label, ...]:
    by_id: dict[str, list[Fields]] = {}
    for region in result:
        by_id.setdefault(region.name("id"), []).append(region)
    boxes: dict[str, Label] = {}
    points: list[tuple[str, str, Joint]] = []  # parent, name, joint
    for identity, regions in by_id.items():
        main = next(
            (each for each in regions if each.get("type") in ("rectanglelabels", "keypointlabels")), None
        )
        if main is None:
            continue
        if main.get("type") == "rectanglelabels":
            boxes[identity] = _box(main, regions, frame)
        else:
            points.append((main.name("parentID"), *_joint(main, regions, frame)))
    joints: dict[str, dict[str, Joint]] = {}
    for parent, name, each in points:
        owner = parent if parent in boxes else _owner(boxes, joints, name, each)
        if owner is None:
            raise result[0].error(
                "value", f"a {name} outside of every box", "a box around it, or parentID", [each[0], each[1]]
            )
        joints.setdefault(owner, {})[name] = each
    nowhere = joint(0, 0, NOWHERE)
    return tuple(
        msgspec.structs.replace(
            label, joints_px=placed([joints.get(identity, {}).get(name, nowhere) for name in JOINTS])
        )
        for identity, label in boxes.items()
    )


def _owner(
    boxes: Mapping[str, Label], joints: Mapping[str, Mapping[str, Joint]], name: str, each: Joint
) -> str | None:
    """The smallest box around a joint that has none of this name yet."""
    x, y, _ = each
    around = [
        ((x2 - x1) * (y2 - y1), identity)
        for identity, label in boxes.items()
        for x1, y1, x2, y2 in [label.box_px]
        if x1 <= x <= x2 and y1 <= y <= y2 and name not in joints.get(identity, {})
    ]
    return min(around)[1] if around else None


def _box(main: Fields, regions: Sequence[Fields], frame: FrameLabels) -> Label:
    value = main.fields("value")
    names = value.names("rectanglelabels")
    if len(names) != 1:
        raise value.error("rectanglelabels", "wrong labels", "one label a box", list(names))
    x, y = value.number("x") * frame.width_px / 100, value.number("y") * frame.height_px / 100
    width, height = (
        value.number("width") * frame.width_px / 100,
        value.number("height") * frame.height_px / 100,
    )
    kind, product_id = of_class(names[0])
    said = {each.name("from_name"): each.fields("value") for each in regions}
    return Label(
        box_px=box(x, y, x + width, y + height),
        kind=kind,
        product_id=product_id,
        track_id=_words(said.get("track")),
        visit_id=_words(said.get("visit")),
        in_view=said["in_view"].number("number") if "in_view" in said else None,
        is_ignored="sight" in said and _IGNORED in said["sight"].names("choices"),
        score=main.share("score"),
    )


def _words(value: Fields | None) -> str:
    if value is None:
        return ""
    text = value.get("text", "")
    return str(text[0] if isinstance(text, list) and text else text or "").strip()


def _joint(main: Fields, regions: Sequence[Fields], frame: FrameLabels) -> tuple[str, Joint]:
    value = main.fields("value")
    names = value.names("keypointlabels")
    if len(names) != 1 or names[0] not in JOINTS:
        raise value.error("keypointlabels", "no such joint", ", ".join(JOINTS), list(names))
    said = [each.fields("value") for each in regions if each.get("from_name") == "sight"]
    is_hidden = any(_HIDDEN in each.names("choices") for each in said)
    x, y = value.number("x") * frame.width_px / 100, value.number("y") * frame.height_px / 100
    return names[0], joint(x, y, HIDDEN if is_hidden else VISIBLE)


def _action(region: Fields, sequence_id: str) -> ActionInterval:
    value = region.fields("value")
    ranges = value.rows("ranges")
    names = value.names("timelinelabels")
    if len(ranges) != 1 or len(names) != 1:
        raise value.error("ranges", "wrong interval", "one range and one label", value.values)
    try:
        action = Action(names[0])
    except ValueError:
        raise value.error("timelinelabels", "no such action", ", ".join(Action), names[0]) from None
    meta = region.get("meta") or {}
    words = meta.get("text", []) if isinstance(meta, dict) else []
    facts = dict(each.split("=", 1) for each in words if isinstance(each, str) and "=" in each)
    return ActionInterval(
        sequence_id=sequence_id,
        began_index=ranges[0].whole("start") - 1,
        ended_index=ranges[0].whole("end") - 1,
        action=action,
        **{name: facts.get(name, "") for name in ("track_id", "visit_id", "hand", "product_id")},
    )
