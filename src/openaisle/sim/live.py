"""The simulator as hardware: cameras that stream, scales that publish, phones that show codes, in the shop's time.

It speaks through what it is given (streams, a publisher, a gate) and through nothing else, so that the processes of a
shop cannot tell it from a real one. Only its caller learns the truth, for the score.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from openaisle.core.messages import CameraId, GateTap, ScaleBatch
from openaisle.core.units import NS_PER_MS, NS_PER_S, NS_PER_US
from openaisle.ports import Clock
from openaisle.sim.live_video import VideoStream
from openaisle.sim.render import Renderer
from openaisle.sim.scene import Scene
from openaisle.sim.shop import SimulatedShop

PUMP_NS: Final = 10 * NS_PER_MS
"""Batches and taps leave at most this much shop time after they are due."""


class LiveShop:
    """One simulated day, run along a clock: `wait`, then `take`, again and again until `shop.is_over`.

    Cameras are not in step, as real ones are not: each has its own phase within the period.
    """

    def __init__(
        self,
        shop: SimulatedShop,
        clock: Clock,
        streams: Mapping[CameraId, VideoStream],
        renderers: Mapping[CameraId, Renderer],
        *,
        fps: float,
        publish: Callable[[ScaleBatch], None],
        present: Callable[[GateTap], None],
        on_pump: Callable[[], None],
        show: Callable[[Scene, Sequence[CameraId]], None] = lambda scene, camera_ids: None,
    ) -> None:
        """`show` hears of every scene that cameras take a frame of, and of which cameras."""
        self.shop = shop
        self._clock = clock
        self._streams = streams
        self._renderers = renderers
        self._period_ns = round(NS_PER_S / fps) // NS_PER_US * NS_PER_US  # exact in a video's time stamps
        self._publish = publish
        self._present = present
        self._on_pump = on_pump
        self._show = show
        phase_ns = self._period_ns // max(1, len(streams)) // NS_PER_US * NS_PER_US
        first_ns = (shop.now_ns // NS_PER_US + 1) * NS_PER_US + self._period_ns
        self._due = [
            (first_ns + number * phase_ns, camera_id) for number, camera_id in enumerate(sorted(streams))
        ]

    @property
    def due_ns(self) -> int:
        """When the next frame is to be taken."""
        return self._due[0][0]

    def wait(self) -> None:
        """Until the next frame's time, letting the world go on."""
        while (now_ns := self._clock.now_ns()) < self.due_ns:
            self._pump(now_ns)
            self._clock.sleep_until(min(self.due_ns, now_ns + PUMP_NS))

    def take(self) -> None:
        """Take the next frame with its camera, and send it."""
        due_ns, camera_id = self._due[0]
        self.shop.advance(due_ns)
        scene = self.shop.scene()
        heapq.heapreplace(self._due, (due_ns + self._period_ns, camera_id))
        self._show(scene, [camera_id])
        self._streams[camera_id].send(self._renderers[camera_id].draw(scene).pixels, due_ns)
        self._pump(self._clock.now_ns())

    def _pump(self, now_ns: int) -> None:
        """Let the world go on, but not past the next frame, and send what is due."""
        self._on_pump()
        to_ns = min(now_ns, self._due[0][0])
        if to_ns > self.shop.now_ns:
            self.shop.advance(to_ns)
        for batch in self.shop.take_scale_batches():
            self._publish(batch)
        for tap in self.shop.take_gate_taps():
            self._present(tap)
