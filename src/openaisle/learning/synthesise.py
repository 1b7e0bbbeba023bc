"""Rendered training pictures of people: other stores, people, cameras and light than any store that is measured.

Each store seed makes one shard of each kind (people_data.py says what is in them), so any number of processes gives
the same data set. What the shop would do to a picture is done to it here: the camera's noise, its encoder's loss,
and a background difference from the very code that runs in the shop.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from openaisle.core.errors import InputError
from openaisle.detections import coco, crops
from openaisle.detections.background import Background
from openaisle.detections.crops import Floats, Letterbox, Pixels
from openaisle.learning.coco_labels import CocoOut, StoreLabels, camera_fields, join, light_fields
from openaisle.learning.other_looks import (
    ENCODED,
    LIVE,
    LOOKS,
    OTHER,
    QUALITY_OF,
    other_appearance,
    other_body,
)
from openaisle.learning.people_data import (
    PEOPLE_MAX,
    shard_folder,
    write_manifest,
    write_shard,
    write_stores,
)
from openaisle.learning.people_scenes import CAST_MAX, Cast, SceneMaker, random_body, random_camera
from openaisle.learning.people_stores import training_store
from openaisle.learning.people_variation import STORED_CROP_PX, STORED_MARGIN
from openaisle.sim.labels import PersonLabel, labels
from openaisle.sim.optics import Appearance
from openaisle.sim.render import Renderer
from openaisle.sim.still import Eye
from openaisle.store.schema import Camera

PEOPLE_SHARES: Final = (0.04, 0.34, 0.30, 0.18, 0.10, 0.04)  # of frames with 0, 1, 2 ... people
CROWD: Final = (5, 12)
"""People before a camera in a crowd, from and up to but without."""
BLURRED_SHARE: Final = 0.5
"""Of frames in which what moves is blurred; drawing the moment before takes time."""
NOBODY_KNOWN: Final = -1
SEEN_PX_MIN: Final = 120
SEEN_SHARE_MIN: Final = 0.08
"""Less of a body than this cannot be judged: neither a person nor none."""


@dataclass(frozen=True, kw_only=True)
class SynthesiseSettings:
    first_store: int = 1000  # seed
    stores: int = 40
    cameras: int = 8  # of each store
    frames: int = 12  # of each camera
    false_crops: float = 0.8  # windows without a person, of each frame
    shopped: float = 0.4  # share of frames before which whole facings went, came or were disordered
    crowded: float = 0.0  # share of frames with a crowd in them, beyond what PEOPLE_SHARES has
    look: str = LIVE  # one of other_looks.LOOKS
    cast: int = 0  # people of a store who come again; 0: somebody new each time


@dataclass(frozen=True)
class Sight:
    """One rendered frame and the truth about it, in frame px."""

    camera: Camera
    empty: Pixels  # [h, w, 3] what the camera saw before anybody came
    pixels: Pixels  # [h, w, 3]
    people: list[PersonLabel]
    at_ns: int
    appearance: Appearance  # of the shop and its light
    who: tuple[int, ...] = ()  # each one's number, the same in all frames of the store; empty: unknown


def synthesise(
    out: Path,
    settings: SynthesiseSettings,
    *,
    coco_out: CocoOut | None = None,
    workers: int = 1,
    report: Callable[[int], None] = lambda _: None,
) -> dict[str, Any]:
    """Write a data set, or what it still lacks; `report` hears the number of finished stores. Returns the manifest.

    With `coco_out` the whole frames and their labels go there too, for other people's training code.
    """
    if settings.look not in LOOKS:
        raise InputError("no such look", field="--look", expected=" or ".join(LOOKS), found=settings.look)
    if settings.cast and not CROWD[1] <= settings.cast <= CAST_MAX:
        raise InputError(
            "too few or too many people",
            field="--cast",
            expected=f"0 or {CROWD[1]} to {CAST_MAX}",
            found=settings.cast,
        )
    out.mkdir(parents=True, exist_ok=True)
    write = partial(_write_store, out, settings, coco_out)
    counts = write_stores(write, settings.first_store, settings.stores, workers=workers, report=report)
    manifest = {"settings": asdict(settings), "counts": counts}
    write_manifest(out, manifest)
    if coco_out is not None:
        seeds = range(settings.first_store, settings.first_store + settings.stores)
        join(coco_out, seeds, "people in rendered shops, by OpenAisle")
    return manifest


def sights(seed: int, settings: SynthesiseSettings) -> Iterator[Sight]:
    """The frames of one random store, camera by camera."""
    store = training_store(seed)
    rng = np.random.default_rng([seed, 17])
    is_other = settings.look == OTHER
    draw_body = other_body if is_other else random_body
    if settings.cast:
        draw_body = Cast(settings.cast, seed).draw
    maker = SceneMaker(store, seed, shopped_share=settings.shopped, draw_body=draw_body)
    appearance = other_appearance(rng) if is_other else Appearance.random(rng)
    for number in range(settings.cameras):
        # Half of them as an integrator would hang them, half anywhere.
        is_planned = number % 2 == 0 and number // 2 < len(store.cameras)
        planned = store.cameras[number // 2] if is_planned else None
        camera = planned or random_camera(store, rng, f"any-{number + 1}")
        quality_drawn = QUALITY_OF[settings.look]
        renderer = Renderer(store, camera, seed=seed, appearance=appearance, quality=quality_drawn)
        eye = Eye(store, camera, appearance, renderer.lens)
        empty = renderer.draw(maker.empty()).pixels
        quality = int(rng.integers(35, 96)) if rng.random() < 0.75 else 100
        if is_other:
            quality = int(rng.integers(*ENCODED))
        for _ in range(settings.frames):
            count = int(rng.choice(len(PEOPLE_SHARES), p=PEOPLE_SHARES))
            if settings.crowded and rng.random() < settings.crowded:
                count = int(rng.integers(*CROWD))
            before, scene = maker.people(camera, count)
            if rng.random() < BLURRED_SHARE:
                renderer.draw(before)
            rendered = renderer.draw(scene)
            people = labels(scene, rendered, eye)
            yield Sight(
                camera,
                encoded(empty, quality),
                encoded(rendered.pixels, quality),
                people,
                scene.at_ns,
                appearance,
                tuple(label.body_id for label in people) if settings.cast else (),
            )


def is_judged(label: PersonLabel) -> bool:
    return label.visible_px >= SEEN_PX_MIN and label.visible_fraction >= SEEN_SHARE_MIN


def clipped_box(label: PersonLabel, width_px: int, height_px: int) -> Floats:
    """The whole body's box [4], also where hidden, as far as it is in the picture."""
    x1, y1, x2, y2 = label.amodal_box_px
    return np.array([max(0, x1), max(0, y1), min(width_px, x2), min(height_px, y2)], np.float32)


def _write_store(
    out: Path, settings: SynthesiseSettings, coco_out: CocoOut | None, seed: int
) -> dict[str, int]:
    """Both shards of one store, unless they are there already: a run that was stopped goes on."""
    is_written = all(shard_folder(out, kind, seed).is_dir() for kind in ("frames", "crops"))
    if not is_written or (coco_out is not None and not coco_out.part(seed).is_file()):
        _render_store(out, settings, coco_out, seed)
    is_person = np.load(shard_folder(out, "crops", seed) / "is_person.npy")
    frames = len(np.load(shard_folder(out, "frames", seed) / "boxes.npy"))
    people = int(is_person.sum())
    return {
        "frames": frames,
        "people": people,
        "crops": len(is_person),
        "false_crops": len(is_person) - people,
    }


def _render_store(out: Path, settings: SynthesiseSettings, coco_out: CocoOut | None, seed: int) -> None:
    rng = np.random.default_rng([seed, 23])
    shard = SightShard(rng, settings.false_crops)
    labels_of = None if coco_out is None else _SightLabels(StoreLabels(coco_out, seed, f"random-{seed}"))
    for sight in sights(seed, settings):
        if labels_of is not None:
            labels_of.add(sight)
        shard.add(sight)
    shard.write(out, seed)
    if labels_of is not None:
        labels_of.write()


class SightShard:
    """Collects sights as both networks' training pictures, and writes them as a shard of each kind."""

    def __init__(self, rng: np.random.Generator, false_crops: float) -> None:
        """`false_crops`: windows without a person, of each frame."""
        self._rng, self._false_crops = rng, false_crops
        self._frames: list[Pixels] = []
        self._boxes: list[Floats] = []
        self._windows: list[tuple[Pixels, Floats, int, int]] = []

    def __len__(self) -> int:
        return len(self._frames)

    def add(
        self, sight: Sight, *, has_empty: bool = True, joints_known: Collection[int] | None = None
    ) -> None:
        """`has_empty`: of the sight is what it says. `joints_known`: rows of people whose joints are; None: all."""
        rng = self._rng
        height, width = sight.pixels.shape[:2]
        letterbox = Letterbox(width, height)
        background = Background()
        if has_empty:
            background.start_from(letterbox.shrink(sight.empty), 0)
        working = letterbox.shrink(sight.pixels)
        difference = background.compare(working, sight.at_ns)
        self._frames.append(crops.box_input(working, difference))
        table = np.zeros((PEOPLE_MAX, 5), np.float32)
        for row, label in enumerate(sight.people[:PEOPLE_MAX]):
            box = clipped_box(label, width, height)
            table[row] = (*(box * letterbox.scale), 1.0 if is_judged(label) else -1.0)
            if is_judged(label) and (joints_known is None or row in joints_known):
                crop, joints = _person_crop(sight, working, difference, label, box)
                self._windows.append((crop, joints, 1, sight.who[row] if sight.who else NOBODY_KNOWN))
        self._boxes.append(table)
        if rng.random() < self._false_crops:
            window = _empty_window(sight, background.foreground, letterbox.scale, rng)
            if window is not None:
                crop = crops.cut(sight.pixels, working, difference, window, STORED_CROP_PX)
                self._windows.append((crop, np.zeros((17, 3), np.float32), 0, NOBODY_KNOWN))

    def write(self, out: Path, number: int) -> None:
        """Shards of what was collected; none of crops where no window was."""
        write_shard(out, "frames", number, {"pixels": np.stack(self._frames), "boxes": np.stack(self._boxes)})
        if self._windows:
            pixels, joints, is_person, who = zip(*self._windows, strict=True)
            arrays = {
                "pixels": np.stack(pixels),
                "joints": np.stack(joints),
                "is_person": np.array(is_person, np.uint8),
                "who": np.array(who, np.int32),
            }
            write_shard(out, "crops", number, arrays)


class _SightLabels:
    """Frames of one store in COCO's format, each camera's empty picture beside them."""

    def __init__(self, store: StoreLabels) -> None:
        self._store = store
        self._camera_id = self._empty = ""

    def add(self, sight: Sight) -> None:
        height, width = sight.pixels.shape[:2]
        if sight.camera.camera_id != self._camera_id:
            self._camera_id, self._empty = sight.camera.camera_id, self._store.save(sight.empty)
        self._store.add_image(
            sight.pixels,
            empty_file_name=self._empty,
            captured_ns=sight.at_ns,
            camera=camera_fields(sight.camera),
            light=light_fields(sight.appearance) | {"mean_grey": round(float(sight.pixels.mean()), 1)},
        )
        for label in sight.people:
            joints = label.keypoints_px
            seen_px = np.nan_to_num(label.visible_box_px)
            self._store.add_annotation(
                category_id=coco.PERSON,
                bbox=coco.clipped_bbox(label.amodal_box_px, width, height),
                visible_bbox=coco.clipped_bbox(seen_px, width, height),
                area=label.visible_px,
                iscrowd=int(not is_judged(label)),
                segmentation=[],
                keypoints=coco.flat_keypoints(joints[:, :2], joints[:, 2].astype(int)),
                num_keypoints=int((joints[:, 2] > 0).sum()),
                visibility=round(label.visible_fraction, 4),
            )

    def write(self) -> None:
        self._store.write([coco.PERSON_CATEGORY])


def _person_crop(
    sight: Sight, working: Pixels, difference: Pixels, label: PersonLabel, box_px: Floats
) -> tuple[Pixels, Floats]:
    window = crops.windows_of_boxes(box_px[None], STORED_MARGIN)
    crop = crops.cut(sight.pixels, working, difference, window[0], STORED_CROP_PX)
    joints = np.zeros((17, 3), np.float32)
    points = np.nan_to_num(label.keypoints_px[:, :2], nan=-1e4, posinf=-1e4, neginf=-1e4).astype(np.float32)
    joints[:, :2] = np.clip(crops.crop_from_frame(points[None], window, STORED_CROP_PX)[0], -1e3, 1e3)
    joints[:, 2] = label.keypoints_px[:, 2]
    return crop, joints


def _empty_window(sight: Sight, foreground: Pixels, scale: float, rng: np.random.Generator) -> Floats | None:
    """A window [3] in frame px that shows nobody, or too little of somebody: where a box network may be wrong."""
    height, width = sight.pixels.shape[:2]
    taken = np.array([clipped_box(label, width, height) for label in sight.people], np.float32).reshape(-1, 4)
    changed = np.argwhere(foreground > 0)
    for _ in range(20):
        size = rng.uniform(40, 260)
        half = np.array([size * rng.uniform(0.3, 0.6), size]) / 2
        draw = rng.random()
        part = False
        if draw < 0.35 and len(changed):  # something changed there
            row, column = changed[int(rng.integers(len(changed)))]
            centre = np.array([column, row]) / scale + rng.normal(0, 15, 2)
        elif draw < 0.55 and len(taken):  # beside somebody
            box = taken[int(rng.integers(len(taken)))]
            half = (box[2:] - box[:2]) / 2 * rng.uniform(0.7, 1.2)
            centre = (box[2:] + box[:2]) / 2 + half * 2 * rng.choice([-1, 1], 2) * rng.uniform(0.35, 0.9, 2)
        elif draw < 0.8 and len(taken):  # only a part of somebody
            box, part = taken[int(rng.integers(len(taken)))], True
            share = rng.uniform(0.25, 0.5)
            half = (box[2:] - box[:2]) / 2 * np.array([rng.uniform(0.6, 1.0), share])
            centre = (box[2:] + box[:2]) / 2
            centre[1] += rng.choice([-1, 1]) * (1 - share) * (box[3] - box[1]) / 2
        else:
            centre = rng.uniform((0, 0), (width, height))
        box = np.concatenate([centre - half, centre + half])
        box[[0, 2]] = box[[0, 2]].clip(0, width)
        box[[1, 3]] = box[[1, 3]].clip(0, height)
        if (box[2:] - box[:2]).min() < 12:
            continue
        low, high = np.maximum(taken[:, :2], box[:2]), np.minimum(taken[:, 2:], box[2:])
        shared = np.clip(high - low, 0, None).prod(axis=1)
        of_person = shared / np.maximum((taken[:, 2:] - taken[:, :2]).prod(axis=1), 1)
        of_box = shared / (box[2:] - box[:2]).prod()
        if not len(taken) or (of_person.max() < (0.45 if part else 0.3) and (part or of_box.max() < 0.5)):
            return crops.windows_of_boxes(box[None].astype(np.float32), STORED_MARGIN)[0]
    return None


def encoded(pixels: Pixels, quality: int) -> Pixels:
    """What an encoder leaves of a picture; 100 = everything."""
    if quality >= 100:
        return pixels
    data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
