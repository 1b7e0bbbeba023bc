"""How many cameras at 30 frames a second one GPU serves, and what a processor must do to feed it.

Every frame has two people, and batches hold several cameras. The networks see the same sizes whatever a camera sends;
what grows with the picture is shrinking and cutting, on the processor. Wall time for the GPU, processor time for that.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np

from openaisle.core.errors import MachineError
from openaisle.core.units import NS_PER_MS, NS_PER_S
from openaisle.detections import crops
from openaisle.detections.background import Background
from openaisle.detections.crops import Letterbox, Pixels
from openaisle.detections.people_networks import PeopleNetworks
from openaisle.detections.regions import WHOLE
from openaisle.detections.runtime import SHIPPED, RuntimeSettings

SIZES_PX: Final = ((640, 360), (1920, 1080))
PEOPLE: Final = 2
BATCH: Final = 16
ROUNDS: Final = 20
FPS: Final = 30.0
TORCH: Final = "torch"
"""Instead of a provider: torch itself, where there is no ONNX Runtime for the GPU."""


def measure(provider: str, weights: Path | None, batch: int = BATCH, rounds: int = ROUNDS) -> dict[str, Any]:
    """One JSON object. ModelError, with what to install, where the provider is not there or does not start, and
    MachineError where there is no torch for a GPU and `provider` is TORCH."""
    networks = _networks(provider, weights or SHIPPED)
    rng = np.random.default_rng(1)
    pictures = list(_noise(rng, batch, crops.FRAME_HEIGHT_PX, crops.FRAME_WIDTH_PX, 4))
    windows = _noise(rng, batch * PEOPLE, crops.CROP_PX, crops.CROP_PX, 4)

    def networks_run() -> None:
        networks.propose(pictures, [[WHOLE]] * batch, 0.5, 24)
        networks.look(windows)

    networks_run()  # the first run plans and compiles
    networks_ms = _median_ms(networks_run, rounds, time.perf_counter_ns) / batch
    sizes = {}
    for width, height in SIZES_PX:
        frame = _noise(rng, 1, height, width, 3)[0]
        feeding_ms = _median_ms(_feeder(frame), rounds, time.process_time_ns)
        sizes[f"{width}x{height}"] = {
            "cameras_at_30_fps": int(NS_PER_S / NS_PER_MS / FPS / networks_ms),
            "feeding_ms_a_frame": round(feeding_ms, 3),
            "cores_to_feed_them": round(feeding_ms / networks_ms, 1),
        }
    return {
        "what": f"{PEOPLE} people in every frame, {batch} cameras a batch; medians of {rounds} rounds",
        "provider": provider,
        "networks_ms_a_frame": round(networks_ms, 4),
        "sizes": sizes,
    }


def _networks(provider: str, weights: Path) -> PeopleNetworks:
    if provider != TORCH:
        return PeopleNetworks(RuntimeSettings(weights=weights, providers=(provider,)))
    if find_spec("torch") is None:
        raise MachineError("--provider torch needs torch for the GPU, and onnx")
    from openaisle.learning.torch_networks import TorchPeopleNetworks

    return TorchPeopleNetworks(weights, "cuda")


def _feeder(frame: Pixels) -> Callable[[], None]:
    """What the processor does with one frame before the networks."""
    height, width = frame.shape[:2]
    letterbox, background = Letterbox(width, height), Background()
    background.start_from(letterbox.shrink(frame), 0)
    windows = [np.array([width * share, height / 2, height / 2], np.float32) for share in (0.3, 0.7)]

    def feed() -> None:
        working = letterbox.shrink(frame)
        difference = background.compare(working, NS_PER_S)
        crops.box_input(working, difference, background.gain)
        for window in windows:
            crops.cut(frame, working, difference, window, gain=background.gain)

    return feed


def _noise(rng: np.random.Generator, *shape: int) -> Pixels:
    return rng.integers(0, 255, shape, np.uint8)


def _median_ms(run: Callable[[], None], rounds: int, clock_ns: Callable[[], int]) -> float:
    taken_ns = []
    for _ in range(rounds):
        started_ns = clock_ns()
        run()
        taken_ns.append(clock_ns() - started_ns)
    return float(np.median(taken_ns)) / NS_PER_MS


def lines(result: Mapping[str, Any]) -> list[str]:
    """For people to read."""
    rows = [f"{result['provider']}: {result['what']}; networks {result['networks_ms_a_frame']} ms a frame"]
    rows += [
        f"  {size}: {row['cameras_at_30_fps']} cameras at 30 fps, fed by {row['cores_to_feed_them']} cores "
        f"({row['feeding_ms_a_frame']} ms a frame)"
        for size, row in result["sizes"].items()
    ]
    return rows
