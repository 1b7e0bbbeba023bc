"""What a look at a pack costs: the network on a window, and the way of that window out of a camera's main stream.

The main stream is one camera's of a simulated shop in which somebody shops, coded as cameras code. It is read by the
adapter that reads real ones, on a clock that does not wait; processor time, one thread.
"""

from __future__ import annotations

import gc
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
import psutil

from openaisle.adapters.main_stream_av import AvMainStream
from openaisle.core.messages import LookWanted
from openaisle.core.units import NS_PER_MS, NS_PER_S
from openaisle.detections.looks import PackLooker, Window
from openaisle.detections.products import LOOK_PX, Pixels, ProductNetwork, ProductRecogniser
from openaisle.learning.galleries import rendered_gallery
from openaisle.learning.people_stores import training_store
from openaisle.sim.render import Renderer
from openaisle.sim.scripts import plan_day
from openaisle.sim.shop import SimulatedShop
from openaisle.store.schema import Camera, Store

PLAUSIBLE: Final = 8
BATCHES: Final = (1, 4, 8)
RUNS: Final = 40
WARM_RUNS: Final = 5
ASKS: Final = 30
WALK_NS: Final = 12 * NS_PER_S
"""From a shopper's coming until the film begins."""


@dataclass(frozen=True, kw_only=True)
class LookCosts:
    seed: int = 9000
    seconds: float = 6.0  # of main stream
    fps: int = 15
    key_s: tuple[float, ...] = (1.0, 2.0)  # between two key pictures


def measure(settings: LookCosts, report: Callable[[float], None] = lambda _share: None) -> dict[str, Any]:
    """Everything, as one JSON object."""
    store = training_store(settings.seed)
    windows = _windows(store)
    report(0.1)
    camera = store.cameras[0]
    pictures = _film(store, camera, settings, report)
    return {
        "what": "processor time, one thread, ms",
        "store_seed": settings.seed,
        "window_px": LOOK_PX,
        "plausible": PLAUSIBLE,
        "runs": RUNS,
        "look_ms_a_window": windows,
        "main_stream": {
            "px": [camera.main_width_px, camera.main_height_px],
            "fps": settings.fps,
            "asks": ASKS,
            "by_key_interval_s": {
                str(key_s): _fetched(camera, pictures, key_s, settings) for key_s in settings.key_s
            },
        },
    }


def _windows(store: Store) -> dict[str, float]:
    """Of one window, by how many go through the network together."""
    network = ProductNetwork()
    products = sorted(store.products)[: 4 * PLAUSIBLE]
    looker = PackLooker(ProductRecogniser(rendered_gallery(store, network, products), network))
    rng = np.random.default_rng(1)
    took: dict[str, float] = {}
    for count in BATCHES:
        ms: list[float] = []
        for run in range(WARM_RUNS + RUNS):
            windows = [
                Window(
                    _question(tuple(products[(run + place) % 8 :][:PLAUSIBLE])),
                    rng.integers(0, 255, (LOOK_PX, LOOK_PX, 3), np.uint8),
                    0,
                )
                for place in range(count)
            ]
            began_ns = time.process_time_ns()
            looker.look(windows, 0)
            ms.append((time.process_time_ns() - began_ns) / NS_PER_MS / count)
        took[str(count)] = round(float(np.median(ms[WARM_RUNS:])), 2)
    return took


def _question(product_ids: tuple[str, ...]) -> LookWanted:
    return LookWanted(
        look_id="bench",
        camera_id="bench",
        captured_ns=0,
        window_main_px=(0, 0, LOOK_PX),
        track_id=None,
        hand=-1,
        shelf_id="",
        product_ids=product_ids,
        wanted_ns=0,
    )


def _film(store: Store, camera: Camera, settings: LookCosts, report: Callable[[float], None]) -> list[Pixels]:
    """A main stream's whole pictures while somebody shops."""
    plan = plan_day(store, visit_count=1, seed=settings.seed, families=["many_picks"])
    shop = SimulatedShop(store, plan)
    shop.advance(plan.visits[0].enters_ns + WALK_NS)
    renderer = Renderer(
        store, camera, seed=settings.seed, width_px=camera.main_width_px, height_px=camera.main_height_px
    )
    pictures: list[Pixels] = []
    count = round(settings.seconds * settings.fps)
    for number in range(count):
        pictures.append(renderer.draw(shop.scene()).pixels)
        shop.advance(shop.now_ns + NS_PER_S // settings.fps)
        report(0.1 + 0.6 * (number + 1) / count)
    return pictures


def _fetched(
    camera: Camera, pictures: Sequence[Pixels], key_s: float, settings: LookCosts
) -> dict[str, float]:
    """Of windows at moments in no order, of each a picture later, and what is kept meanwhile."""
    process = psutil.Process()
    with tempfile.TemporaryDirectory() as folder:
        path = _coded(pictures, Path(folder) / "main.mp4", key_s, settings.fps)
        stream = AvMainStream(replace(camera, main_source=f"file:{path}"), _Sprint(), lambda _: None)
        while stream.newest_ns() < round((settings.seconds - 0.3) * NS_PER_S):
            time.sleep(0.01)
        time.sleep(0.2)
        gc.collect()
        before_mb = process.memory_info().rss / 2**20
        ages_ns = np.random.default_rng(1).uniform(0.1, 3.0, ASKS) * NS_PER_S  # not beyond what is kept
        period_ns = NS_PER_S // settings.fps
        anew_ms, next_ms = [], []
        for age_ns in ages_ns.tolist():
            at_ns = stream.newest_ns() - round(age_ns)
            anew_ms.append(_timed(stream, at_ns))
            next_ms.append(_timed(stream, at_ns + period_ns))
        kept = stream.byte_count
        decoder_mb = process.memory_info().rss / 2**20 - before_mb
        stream.close()
        size = path.stat().st_size
    return {
        "megabits_a_second": round(8 * size / settings.seconds / 1e6, 2),
        "fetch_ms": round(float(np.median(anew_ms)), 1),
        "fetch_ms_p95": round(float(np.percentile(anew_ms, 95)), 1),
        "next_picture_ms": round(float(np.median(next_ms)), 1),
        "kept_mb": round(kept / 2**20, 2),
        "decoder_mb": round(max(0.0, decoder_mb), 1),
    }


def _timed(stream: AvMainStream, at_ns: int) -> float:
    began_ns = time.process_time_ns()
    assert stream.regions(at_ns, [(400, 300, LOOK_PX)]) is not None
    return (time.process_time_ns() - began_ns) / NS_PER_MS


def _coded(pictures: Sequence[Pixels], path: Path, key_s: float, fps: int) -> Path:
    """H.264 as a camera sends it: no picture waits for a later one, a key picture now and then."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt, stream.codec_context.thread_count = "yuv420p", 1
        stream.codec_context.gop_size, stream.codec_context.max_b_frames = round(key_s * fps), 0
        stream.time_base = Fraction(1, 90_000)
        stream.options = {"preset": "veryfast", "crf": "23", "x264-params": "scenecut=0"}
        for pixels in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="bgr24")))
        container.mux(stream.encode(None))
    return path


class _Sprint:
    """A clock on which whoever waits has waited: a film is read as fast as it can be."""

    def __init__(self) -> None:
        self._now_ns = 0

    def now_ns(self) -> int:
        return self._now_ns

    def sleep_until(self, at_ns: int) -> None:
        self._now_ns = max(self._now_ns, at_ns)


def lines(result: dict[str, Any]) -> list[str]:
    """For people to read."""
    stream = result["main_stream"]
    width, height = stream["px"]
    rows = [
        f"{result['what']}; store seed {result['store_seed']}",
        f"a window of {result['window_px']} px against {result['plausible']} products, medians of {result['runs']}:",
        *(f"  {count:>2} together {ms:9.2f} a window" for count, ms in result["look_ms_a_window"].items()),
        f"a window out of a main stream of {width}x{height} at {stream['fps']} a second, {stream['asks']} asks:",
    ]
    for key_s, row in stream["by_key_interval_s"].items():
        rows.append(
            f"  key picture every {key_s} s: {row['fetch_ms']} (p95 {row['fetch_ms_p95']}), the next picture "
            f"{row['next_picture_ms']}; kept {row['kept_mb']} MB at {row['megabits_a_second']} Mbit/s, decoder "
            f"{row['decoder_mb']} MB"
        )
    return rows
