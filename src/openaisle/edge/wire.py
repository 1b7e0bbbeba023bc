"""What travels between the processes of a shop, beside messages themselves."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from openaisle.core.messages import CameraDetections, decode, encode

DETECTIONS, MESSAGE, PREVIEW, STATUS, LOOK_WANTED, LOOK, REGIONS_WANTED, REGIONS, WISH, CLIP = range(10)
"""Kinds on the bus: an encoded CameraDetections to core; to the pages an encoded message, a camera's view, counters;
an encoded LookWanted from core and a PackLook to it; parts of pictures, asked of the simulator and given by it; a
person's wish from the pages to core; what a decision rested on, to the pages."""

_LENGTH_BYTES: Final = 4


def encode_preview(detections: CameraDetections, jpeg: bytes) -> bytes:
    """A camera's view: who it saw and, in a simulated shop, its picture."""
    head = encode(detections)
    return len(head).to_bytes(_LENGTH_BYTES, "little") + head + jpeg


def decode_preview(data: bytes) -> tuple[CameraDetections, bytes]:
    length = int.from_bytes(data[:_LENGTH_BYTES], "little")
    detections = decode(data[_LENGTH_BYTES : _LENGTH_BYTES + length])
    assert isinstance(detections, CameraDetections)
    return detections, data[_LENGTH_BYTES + length :]


def encode_status(status: dict[str, Any]) -> bytes:
    return msgspec.json.encode(status)


def decode_status(data: bytes) -> dict[str, Any]:
    return msgspec.json.decode(data)
