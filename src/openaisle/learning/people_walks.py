"""One store's own cameras while simulated shoppers go about it: what a detector sees frame after frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from openaisle.core.units import ns_from_s
from openaisle.learning.synthesise import Sight, encoded
from openaisle.sim.labels import labels
from openaisle.sim.render import Renderer
from openaisle.sim.scripts import plan_day
from openaisle.sim.shop import SimulatedShop
from openaisle.sim.still import Eye
from openaisle.store.schema import Store


def walks(
    store: Store,
    seed: int,
    *,
    visits: int,
    seconds: float,
    fps: float,
    families: Sequence[str] | Literal["mixed"] = "mixed",
    arrivals_per_minute: float = 6.0,
    people_max: int = 4,
    jpeg_quality: int = 70,
) -> Iterator[list[Sight]]:
    """The sights of all cameras at one time after another, until the day ends or `seconds` of it are over."""
    plan = plan_day(
        store,
        visit_count=visits,
        seed=seed,
        families=families,
        arrivals_per_minute=arrivals_per_minute,
        people_max=people_max,
    )
    shop = SimulatedShop(store, plan)
    renderers = [Renderer(store, camera, seed=seed) for camera in store.cameras]
    eyes = [Eye(store, each.camera, each.appearance, each.lens) for each in renderers]
    empty = [renderer.draw(shop.scene()).pixels for renderer in renderers]
    for number in range(round(seconds * fps)):
        shop.advance(plan.start_ns + ns_from_s((number + 1) / fps))
        if shop.is_over:
            return
        scene = shop.scene()
        sights: list[Sight] = []
        for renderer, eye, before in zip(renderers, eyes, empty, strict=True):
            rendered = renderer.draw(scene)
            pixels = encoded(rendered.pixels, jpeg_quality)
            people = labels(scene, rendered, eye)
            sights.append(Sight(renderer.camera, before, pixels, people, scene.at_ns, renderer.appearance))
        yield sights
