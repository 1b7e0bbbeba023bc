"""COCO's format (Lin et al. 2014): one document, boxes as x, y, width, height, 17 joints as x, y, sight.

What COCO has no field for goes into fields of our own, which its tools read past; so nothing is lost. `track_id` and
`video_id` are as COCO's video children have them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from openaisle.core.messages import JOINTS
from openaisle.detections.coco import BONES
from openaisle.labels.dataset import (
    PERSON,
    PRODUCT,
    ActionInterval,
    DataSet,
    FrameLabels,
    Joint,
    Label,
    Product,
    Source,
    box,
    class_name,
    class_names,
    joint,
    of_class,
    placed,
    products_named,
)
from openaisle.labels.fields import Fields, read_json
from openaisle.labels.holding import EVERYTHING

HELD: Final = EVERYTHING
FILE: Final = "labels.json"
_FRAME_FIELDS: Final = (
    "store_id", "camera_id", "visit_ids", "sequence_id", "frame_index", "captured_ns", "mean_grey", "source", "split",
)  # fmt: skip
_LABEL_FIELDS: Final = ("track_id", "visit_id", "in_view", "score")


def write(dataset: DataSet, out: Path) -> None:
    """Write `out`/labels.json; pictures go beside it under their own names."""
    names = class_names(dataset)
    looks = {product.product_id: product for product in dataset.products}
    categories = [_category(number, name, looks) for number, name in enumerate(names, start=1)]
    number_of = {name: number for number, name in enumerate(names, start=1)}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for frame in dataset.frames:
        image_id = len(images) + 1
        facts = {
            name: value for name in _FRAME_FIELDS if (value := getattr(frame, name)) not in ("", (), None)
        }
        if frame.empty_file:
            facts["empty_file_name"] = frame.empty_file
        size = {"file_name": frame.file, "width": frame.width_px, "height": frame.height_px}
        images.append({"id": image_id, **size, "is_checked": frame.is_checked, **facts})
        for label in frame.labels:
            place = {"id": len(annotations) + 1, "image_id": image_id}
            annotations.append(place | _annotation(label, number_of[class_name(label)]))
    document = {
        "info": {"description": dataset.name, "sources": msgspec.to_builtins(dataset.sources)},
        "licenses": [
            {"id": number, "name": source.licence}
            for number, source in enumerate(dataset.sources, start=1)
            if source.licence
        ],
        "images": images,
        "annotations": annotations,
        "categories": categories,
        "products": msgspec.to_builtins(dataset.products),
        "actions": msgspec.to_builtins(dataset.actions),
    }
    out.mkdir(parents=True, exist_ok=True)
    (out / FILE).write_text(json.dumps(document), encoding="utf-8")


def read(source: Path) -> tuple[DataSet, dict[str, Path]]:
    """A file, or a folder with labels.json; and where the pictures lie, by name. Raises InputError."""
    path = source / FILE if source.is_dir() else source
    document = Fields.of(read_json(path), path)
    categories = {each.whole("id"): each for each in document.rows("categories")}
    labels: dict[int, list[Label]] = {}
    images = document.rows("images")
    known = {each.whole("id") for each in images}
    for each in document.rows("annotations"):
        image_id = each.whole("image_id")
        if image_id not in known:
            raise each.error("image_id", "no such image", "the id of one of `images`", image_id)
        labels.setdefault(image_id, []).append(_label(each, categories))
    frames = tuple(_frame(each, tuple(labels.get(each.whole("id"), ()))) for each in images)
    actions = document.structs("actions", ActionInterval)
    products = document.structs("products", Product) or _products(categories, frames, actions)
    info = Fields.of(document.get("info", {}), path, "info")
    # COCO's own data sets list licences by number; ours name their sources.
    dataset = DataSet(
        name=info.text("description"),
        sources=info.structs("sources", Source),
        products=products,
        frames=frames,
        actions=actions,
    )
    root = path.parent
    return dataset, {name: root / name for frame in frames for name in (frame.file, frame.empty_file) if name}


def _category(number: int, name: str, looks: Mapping[str, Product]) -> dict[str, Any]:
    said: dict[str, Any] = {"id": number, "name": name}
    kind, product_id = of_class(name)
    if product_id:
        said |= {"supercategory": PRODUCT, "product_id": product_id}
        if product_id in looks and looks[product_id].look_alike_of:
            said["look_alike_of"] = looks[product_id].look_alike_of
    if kind == PERSON:
        said |= {"keypoints": list(JOINTS), "skeleton": [[a + 1, b + 1] for a, b in BONES]}
    return said


def _annotation(label: Label, category_id: int) -> dict[str, Any]:
    x1, y1, x2, y2 = label.box_px
    sides = [x1, y1, round(x2 - x1, 3), round(y2 - y1, 3)]
    said: dict[str, Any] = {"category_id": category_id, "bbox": sides, "area": round(sides[2] * sides[3], 3)}
    said |= {"iscrowd": int(label.is_ignored), "segmentation": []}
    if label.kind == PERSON or label.joints_px:  # COCO's evaluation asks everybody of a kind that has joints
        joints = label.joints_px or (joint(0, 0, 0),) * len(JOINTS)
        said["keypoints"] = [value for each in joints for value in each]
        said["num_keypoints"] = sum(sight > 0 for _, _, sight in joints)
    return said | {name: value for name in _LABEL_FIELDS if (value := getattr(label, name)) not in ("", None)}


def _label(each: Fields, categories: Mapping[int, Fields]) -> Label:
    category = categories.get(each.whole("category_id"))
    if category is None:
        raise each.error(
            "category_id", "no such category", "the id of one of `categories`", each.get("category_id")
        )
    kind, product_id = of_class(category.text("name"))
    if category.has("product_id"):
        kind, product_id = PRODUCT, category.text("product_id")
    x, y, width, height = each.numbers("bbox", 4)
    # `visibility` is what our own rendered data sets call it.
    in_view = each.share("in_view") if each.has("in_view") else each.share("visibility")
    return Label(
        box_px=box(x, y, x + width, y + height),
        kind=kind,
        product_id=product_id,
        joints_px=_joints(each) if each.has("keypoints") else (),
        track_id=each.name("track_id"),
        visit_id=each.name("visit_id"),
        in_view=in_view,
        is_ignored=bool(each.get("iscrowd", 0)),
        score=each.share("score"),
    )


def _joints(each: Fields) -> tuple[Joint, ...]:
    values = each.numbers("keypoints", 3 * len(JOINTS))
    return placed([joint(values[at], values[at + 1], int(values[at + 2])) for at in range(0, len(values), 3)])


def _frame(each: Fields, labels: tuple[Label, ...]) -> FrameLabels:
    camera = each.get("camera", {})
    camera_id = each.name("camera_id") or (camera.get("camera_id", "") if isinstance(camera, dict) else "")
    return FrameLabels(
        file=each.text("file_name"),
        width_px=each.whole("width"),
        height_px=each.whole("height"),
        store_id=each.name("store_id"),
        camera_id=str(camera_id),
        visit_ids=each.names("visit_ids"),
        sequence_id=each.name("sequence_id"),
        frame_index=each.whole("frame_index") if each.has("frame_index") else 0,
        captured_ns=each.whole("captured_ns") if each.has("captured_ns") else None,
        empty_file=each.name("empty_file_name"),
        mean_grey=_grey(each),
        source=each.name("source"),
        is_checked=bool(each.get("is_checked", True)),
        split=each.name("split"),
        labels=labels,
    )


def _grey(each: Fields) -> float | None:
    if each.has("mean_grey"):
        return each.number("mean_grey")
    light = each.get("light", {})
    return float(light["mean_grey"]) if isinstance(light, dict) and "mean_grey" in light else None


def _products(
    categories: Mapping[int, Fields], frames: tuple[FrameLabels, ...], actions: tuple[ActionInterval, ...]
) -> tuple[Product, ...]:
    alike = {
        each.text("product_id"): each.name("look_alike_of")
        for each in categories.values()
        if each.has("product_id")
    }
    named = {product.product_id: "" for product in products_named(frames, actions)}
    return tuple(
        Product(product_id=product_id, look_alike_of=other)
        for product_id, other in sorted((named | alike).items())
    )
