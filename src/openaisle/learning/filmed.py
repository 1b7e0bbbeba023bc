"""Videos of a small rendered shop in another look, and what a careful person would have labelled in their frames.

They stand in for a real shop's recordings where the way from raw video to a network in service is tried and measured:

    DIR/CAMERA__VISIT.mp4      one camera while some shoppers were in
    DIR/labels.json            the truth of every frame in COCO's format, under the names that `learn frames` gives
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from openaisle.core.errors import InputError
from openaisle.core.units import NS_PER_S, ns_from_s
from openaisle.labels import coco
from openaisle.labels.dataset import DataSet, FrameLabels, Label, Source, box, joint, placed
from openaisle.learning.other_looks import (
    ENCODED,
    LOOKS,
    OTHER,
    QUALITY_OF,
    in_other_clothes,
    other_appearance,
)
from openaisle.learning.people_stores import training_store
from openaisle.learning.synthesise import encoded, is_judged
from openaisle.sim.labels import PersonLabel, labels
from openaisle.sim.optics import Appearance
from openaisle.sim.render import Renderer
from openaisle.sim.scene import Body
from openaisle.sim.scripts import plan_day
from openaisle.sim.shop import SimulatedShop
from openaisle.sim.still import Eye
from openaisle.sim.video import VideoWriter
from openaisle.store.write import write_store

STORE: Final = "store"
WAITED_S_MAX: Final = 120
SEPARATOR: Final = "__"
"""Between camera and visit in a video's name."""


@dataclass(frozen=True, kw_only=True)
class FilmSettings:
    store_seed: int = 9600
    first_visit: int = 1
    visits: int = 12  # recorded one by one, each with shoppers of its own
    people: int = 3  # in the shop at once, at most
    cameras: int = 3
    seconds: float = 20.0  # of each visit
    skipped_s: float = 4.0  # after somebody has come in
    fps: float = 1.0
    look: str = OTHER  # one of other_looks.LOOKS


def film(out: Path, settings: FilmSettings, report: Callable[[int], None] = lambda _: None) -> dict[str, Any]:
    """Write videos, truth and the store's folder. `report` hears the number of finished visits."""
    if settings.look not in LOOKS:
        raise InputError("no such look", field="--look", expected=" or ".join(LOOKS), found=settings.look)
    store = training_store(settings.store_seed)
    out.mkdir(parents=True, exist_ok=True)
    if not (out / STORE).is_dir():
        write_store(store, out / STORE)
    rng = np.random.default_rng([settings.store_seed, 41])  # of the shop; each visit has its own
    is_other = settings.look == OTHER
    cameras = store.cameras[: settings.cameras]
    frames: list[FrameLabels] = []
    quality = int(rng.integers(*ENCODED)) if is_other else 90
    look = other_appearance(rng) if is_other else Appearance.random(rng)
    for done in range(settings.visits):
        number = settings.first_visit + done
        visit, seed = f"visit{number:02d}", settings.store_seed * 100 + number
        # The shop is one, its light is another from one time of the day to the next.
        dimmed = float(np.exp(np.random.default_rng([seed, 43]).normal(0, 0.25)))
        appearance = replace(look, lamp_power=look.lamp_power * dimmed)
        plan = plan_day(
            store,
            visit_count=settings.people,
            seed=seed,
            families="mixed",
            arrivals_per_minute=20.0,
            people_max=max(2, settings.people),
        )
        shop = SimulatedShop(store, plan)
        clothes: dict[int, Body] = {}
        renderers = [
            Renderer(store, each, seed=seed, appearance=appearance, quality=QUALITY_OF[settings.look])
            for each in cameras
        ]
        eyes = [Eye(store, each.camera, appearance, each.lens) for each in renderers]
        names = [f"{each.camera_id}{SEPARATOR}{visit}" for each in cameras]
        videos = [
            VideoWriter(out / f"{name}.mp4", each.width_px, each.height_px, settings.fps, has_times=False)
            for name, each in zip(names, renderers, strict=True)
        ]
        from_s = _first_in_s(shop, plan.start_ns) + settings.skipped_s
        for index in range(round(settings.seconds * settings.fps)):
            shop.advance(plan.start_ns + ns_from_s(from_s + index / settings.fps))
            scene = shop.scene()
            if is_other:
                for body in scene.bodies:
                    own = np.random.default_rng([seed, body.body_id])
                    clothes.setdefault(body.body_id, in_other_clothes(body, own))
                scene = replace(scene, bodies=tuple(clothes[body.body_id] for body in scene.bodies))
            for name, renderer, eye, video in zip(names, renderers, eyes, videos, strict=True):
                rendered = renderer.draw(scene)
                pixels = encoded(rendered.pixels, quality)
                video.write(pixels, scene.at_ns, scene.at_ns)
                frames.append(
                    FrameLabels(
                        file=f"pictures/{name}/{index:06d}.jpg",
                        width_px=pixels.shape[1],
                        height_px=pixels.shape[0],
                        store_id=store.store_id,
                        camera_id=renderer.camera.camera_id,
                        visit_ids=(visit,),
                        sequence_id=name,
                        frame_index=index,
                        captured_ns=round(index * NS_PER_S / settings.fps),
                        is_checked=True,
                        labels=tuple(_label(each) for each in labels(scene, rendered, eye)),
                    )
                )
        for video in videos:
            video.close()
        report(done + 1)
    source = Source(name="rendered", licence="Apache-2.0", basis="synthetic")
    truth = DataSet(name=f"shop {settings.store_seed}", sources=(source,), frames=tuple(frames))
    coco.write(truth, out)
    people = sum(len(frame.labels) for frame in frames)
    return {"videos": len(cameras) * settings.visits, "frames": len(frames), "people": people}


def _first_in_s(shop: SimulatedShop, start_ns: int) -> float:
    """Seconds until somebody is in the shop."""
    for waited_s in range(1, WAITED_S_MAX):
        shop.advance(start_ns + ns_from_s(waited_s))
        if shop.scene().bodies:
            return float(waited_s)
    return float(WAITED_S_MAX)


def _label(person: PersonLabel) -> Label:
    joints = np.nan_to_num(person.keypoints_px, nan=0.0)
    return Label(
        box_px=box(*person.amodal_box_px.tolist()),
        joints_px=placed([joint(x, y, int(sight)) for x, y, sight in joints.tolist()]),
        track_id=f"person{person.body_id}",
        in_view=round(float(person.visible_fraction), 4),
        is_ignored=not is_judged(person),
    )
