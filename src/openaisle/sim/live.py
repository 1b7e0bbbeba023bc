"""The simulator as hardware: cameras that stream, scales that publish, phones that show codes, in the shop's time.

It speaks through what it is given (streams, a publisher, a gate) and through nothing else, so that the processes of a
shop cannot tell it from a real one. Only its caller learns the truth, for the score.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from openaisle.core.messages import CameraId, GateTap, ScaleBatch
from openaisle.core.units import NS_PER_MS, NS_PER_S
from openaisle.ports import Clock
from openaisle.sim.live_video import VideoStream
from openaisle.sim.render import Renderer
from openaisle.sim.shop import SimulatedShop

PUMP_NS: Final = 10 * NS_PER_MS
"""Batches and taps leave at most this much shop time after they are due."""


class LiveShop:
    """One simulated day, run along a clock: `wait`, then `take`, again and again until `shop.is_over`."""

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
    ) -> None:
        self.shop = shop
        self._clock = clock
        self._streams = streams
        self._renderers = renderers
        self._period_ns = round(NS_PER_S / fps)
        self._publish = publish
        self._present = present
        self._on_pump = on_pump
        self._frame_ns = shop.now_ns + self._period_ns

    @property
    def due_ns(self) -> int:
        """Shop time by which the next frame is due, negative while it is not."""
        return self._clock.now_ns() - self._frame_ns

    def wait(self) -> int:
        """Until the next frame's time, letting the world go on. How late the frame is now, in shop ns."""
        while (now_ns := self._clock.now_ns()) < self._frame_ns:
            self._pump(now_ns)
            self._clock.sleep_until(min(self._frame_ns, now_ns + PUMP_NS))
        return now_ns - self._frame_ns

    def take(self) -> None:
        """Take the frame with all cameras, and send it."""
        self.shop.advance(self._frame_ns)
        scene = self.shop.scene()
        captured_ns = self._frame_ns
        self._frame_ns += self._period_ns
        for camera_id in sorted(self._streams):
            self._streams[camera_id].send(self._renderers[camera_id].draw(scene).pixels, captured_ns)
            self._pump(self._clock.now_ns())

    def _pump(self, now_ns: int) -> None:
        """Let the world go on, but not past the next frame, and send what is due."""
        self._on_pump()
        to_ns = min(now_ns, self._frame_ns)
        if to_ns > self.shop.now_ns:
            self.shop.advance(to_ns)
        for batch in self.shop.take_scale_batches():
            self._publish(batch)
        for tap in self.shop.take_gate_taps():
            self._present(tap)
