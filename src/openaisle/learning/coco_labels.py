"""Rendered pictures and the truth about them as a data set that anybody's training code reads: COCO's format.

    labels.json                 info, images, annotations, categories; ids count from 1
    images/1003/0007.jpg        the pictures of one random store
    stores/1003.json            its part of labels.json: a run that was stopped goes on

Boxes are x, y, width, height in px. What cannot be judged, because next to nothing of it is seen, has `iscrowd` 1:
COCO's own evaluation then neither expects it nor calls it wrong. docs/FORMATS.md says what else is in it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from openaisle.core.errors import InputError
from openaisle.sim.optics import Appearance
from openaisle.store.schema import Camera

LABELS: Final = "labels.json"
SUFFIXES: Final = ("jpg", "png")
_JPEG_QUALITY: Final = 95


@dataclass(frozen=True, kw_only=True)
class CocoOut:
    """Where a data set in COCO's format goes, and how its pictures are written."""

    folder: Path
    suffix: str = "jpg"  # one of SUFFIXES

    def __post_init__(self) -> None:
        if self.suffix not in SUFFIXES:
            raise InputError(
                "no such picture format",
                field="--pictures",
                expected=" or ".join(SUFFIXES),
                found=self.suffix,
            )

    def part(self, seed: int) -> Path:
        """The finished labels of one store; there once all of its pictures are."""
        return self.folder / "stores" / f"{seed:04d}.json"


class StoreLabels:
    """Collects the pictures of one random store."""

    def __init__(self, out: CocoOut, seed: int, store_id: str) -> None:
        self._out, self._seed, self.store_id = out, seed, store_id
        self._images: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []
        self._written = 0
        (out.folder / "images" / f"{seed:04d}").mkdir(parents=True, exist_ok=True)

    def save(self, pixels: NDArray[np.uint8]) -> str:
        """Write a picture [h, w, 3] BGR; its name, from the data set's folder."""
        self._written += 1
        name = f"images/{self._seed:04d}/{self._written:04d}.{self._out.suffix}"
        ok, data = cv2.imencode(f".{self._out.suffix}", pixels, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
        assert ok
        (self._out.folder / name).write_bytes(data.tobytes())
        return name

    def add_image(self, pixels: NDArray[np.uint8], **fields: Any) -> None:
        """A picture; annotations that follow are of it."""
        height, width = pixels.shape[:2]
        image = {
            "id": len(self._images) + 1,
            "file_name": self.save(pixels),
            "width": width,
            "height": height,
        }
        self._images.append(image | {"store_id": self.store_id, "store_seed": self._seed} | fields)

    def add_annotation(self, **fields: Any) -> None:
        place = {"id": len(self._annotations) + 1, "image_id": len(self._images)}
        self._annotations.append(place | fields)

    def write(self, categories: Sequence[Mapping[str, Any]]) -> None:
        part = {"images": self._images, "annotations": self._annotations, "categories": list(categories)}
        path = self._out.part(self._seed)
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(part), encoding="utf-8")
        unfinished.replace(path)


def join(out: CocoOut, seeds: Sequence[int], description: str) -> dict[str, int]:
    """Write labels.json from the parts of these stores. Returns how much is in it."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    categories: dict[str, dict[str, Any]] = {}  # by all that is said of one but its id
    for seed in seeds:
        part = json.loads(out.part(seed).read_text(encoding="utf-8"))
        image_before, annotation_before = len(images), len(annotations)
        category_of: dict[int, int] = {}
        for each in part["categories"]:
            said = {name: value for name, value in each.items() if name != "id"}
            joined = categories.setdefault(json.dumps(said), {"id": len(categories) + 1} | said)
            category_of[each["id"]] = joined["id"]
        images += [each | {"id": image_before + each["id"]} for each in part["images"]]
        annotations += [
            each
            | {
                "id": annotation_before + each["id"],
                "image_id": image_before + each["image_id"],
                "category_id": category_of[each["category_id"]],
            }
            for each in part["annotations"]
        ]
    document = {
        "info": {"description": description, "stores": list(seeds)},
        "licenses": [],
        "images": images,
        "annotations": annotations,
        "categories": list(categories.values()),
    }
    (out.folder / LABELS).write_text(json.dumps(document), encoding="utf-8")
    return {"images": len(images), "annotations": len(annotations), "categories": len(categories)}


def light_fields(appearance: Appearance) -> dict[str, Any]:
    """What lit a picture and how it was exposed."""
    return {
        "level": round(light_level(appearance), 3),
        "lamp_power": round(appearance.lamp_power, 3),
        "lamp_tint": rounded(appearance.lamp_tint),
        "ambient": round(appearance.ambient, 3),
        "exposure": round(appearance.exposure, 3),
        "white_balance": rounded(appearance.white_balance),
    }


def light_level(appearance: Appearance) -> float:
    """How bright a shop's pictures are, 1 = a white floor is nearly white."""
    return appearance.lamp_power * appearance.exposure


def camera_fields(camera: Camera) -> dict[str, Any]:
    """Where a camera hangs, where it looks, and how: metres and degrees of the floor frame, lens in px."""
    lens = camera.lens
    return {
        "camera_id": camera.camera_id,
        "position_floor_m": rounded(camera.position_floor_m),
        "pan_deg": round(camera.pan_deg, 3),
        "tilt_deg": round(camera.tilt_deg, 3),
        "roll_deg": round(camera.roll_deg, 3),
        "focal_px": rounded((lens.focal_x_px, lens.focal_y_px)),
        "centre_px": rounded((lens.centre_x_px, lens.centre_y_px)),
        "distortion": [round(float(each), 6) for each in lens.distortion],
    }


def rounded(values: Sequence[float] | NDArray[np.floating]) -> list[float]:
    return [round(float(each), 3) for each in values]
