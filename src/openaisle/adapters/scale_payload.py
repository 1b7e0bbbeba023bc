"""What a weighing device says over MQTT: JSON for people and prototypes, compact binary for plants.

Topic: `openaisle/<store_id>/scales/<scale_id>`. Both payloads carry device, boot id, sequence, device time and rate.

JSON:
    {"device": "scale-A", "boot": "b1", "sequence": 7, "device_ns": 1, "rate_hz": 60, "grams": [[12.1, null], ...]}

Binary, little-endian, 24 bytes of head:
    "S" (0x53), version 1, boot_length u8, 0, sample_count u16, plate_count u16, sequence u32, device_ns i64,
    rate_hz f32, then boot_length bytes of boot id (UTF-8, 1 to 64), then sample_count * plate_count f32 grams, row by
    row, NaN = no plate, then crc32 (IEEE 802.3) u32 of all bytes before it.
"""

from __future__ import annotations

import math
import struct
import zlib

import msgspec
import numpy as np

from openaisle.core.errors import ReadingError
from openaisle.core.messages import ScaleBatch

TOPIC_ROOT = "openaisle"
SAMPLES_MAX = 4096  # A batch longer than this is a broken device.
BOOT_BYTES_MAX = 64
_HEAD = struct.Struct("<BBBxHHIqf")
_MAGIC, _VERSION = 0x53, 1


class _JsonPayload(msgspec.Struct, forbid_unknown_fields=True):
    device: str
    boot: str
    sequence: int
    device_ns: int
    rate_hz: float
    grams: list[list[float | None]]


def scale_topic(store_id: str, scale_id: str) -> str:
    """Where a device publishes its batches."""
    return f"{TOPIC_ROOT}/{store_id}/scales/{scale_id}"


def encode_json_payload(batch: ScaleBatch) -> bytes:
    """A batch as the JSON payload."""
    grams = [[None if math.isnan(value) else value for value in row] for row in batch.grams.tolist()]
    payload = _JsonPayload(
        batch.scale_id, batch.boot_id, batch.sequence, batch.device_ns, batch.rate_hz, grams
    )
    return msgspec.json.encode(payload)


def encode_binary_payload(batch: ScaleBatch) -> bytes:
    """A batch as the binary payload. The boot id must fit in 64 bytes of UTF-8."""
    boot = batch.boot_id.encode()
    assert 0 < len(boot) <= BOOT_BYTES_MAX, batch.boot_id
    samples, plates = batch.grams.shape
    head = _HEAD.pack(
        _MAGIC, _VERSION, len(boot), samples, plates, batch.sequence, batch.device_ns, batch.rate_hz
    )
    body = head + boot + np.ascontiguousarray(batch.grams, "<f4").tobytes()
    return body + struct.pack("<I", zlib.crc32(body))


def decode_payload(scale_id: str, payload: bytes, received_ns: int) -> ScaleBatch:
    """Either payload to a batch, received at `received_ns`. `scale_id` comes from the topic.

    Raises ReadingError naming the device, the field, what was expected and what was found.
    """
    if payload[:1] == bytes([_MAGIC]):
        batch = _decode_binary(scale_id, payload, received_ns)
    else:
        batch = _decode_json(scale_id, payload, received_ns)
    if not (math.isfinite(batch.rate_hz) and 0 < batch.rate_hz <= 10_000):
        raise _error(scale_id, "rate_hz", "a rate above 0 and up to 10000 Hz", batch.rate_hz)
    if not (0 < len(batch.boot_id.encode()) <= BOOT_BYTES_MAX and batch.boot_id.isprintable()):
        raise _error(
            scale_id, "boot_id", f"1 to {BOOT_BYTES_MAX} bytes of printable text", batch.boot_id[:80]
        )
    if not 0 <= batch.device_ns < 2**62:
        raise _error(scale_id, "device_ns", "nanoseconds, 0 to 2**62", batch.device_ns)
    if np.isinf(batch.grams).any():
        raise _error(scale_id, "grams", "finite grams, or NaN for no plate", "infinity")
    return batch


def _decode_json(scale_id: str, payload: bytes, received_ns: int) -> ScaleBatch:
    try:
        said = msgspec.json.decode(payload, type=_JsonPayload)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _error(
            scale_id, "payload", "a JSON or binary scale batch (docs/FORMATS.md)", str(error)
        ) from error
    if said.device != scale_id:
        raise _error(scale_id, "device", f"the topic's device {scale_id!r}", said.device)
    widths = {len(row) for row in said.grams}
    if len(widths) != 1 or len(said.grams) > SAMPLES_MAX:
        raise _error(
            scale_id, "grams", f"1 to {SAMPLES_MAX} rows of equal length", f"rows of {sorted(widths)}"
        )
    if not 0 <= said.sequence < 2**32:
        raise _error(scale_id, "sequence", "a count from 0, below 2**32", said.sequence)
    with np.errstate(over="ignore"):  # becomes infinity, which is refused
        grams = np.array(said.grams, dtype=np.float32)
    return ScaleBatch(
        scale_id=scale_id,
        boot_id=said.boot,
        sequence=said.sequence,
        device_ns=said.device_ns,
        received_ns=received_ns,
        rate_hz=said.rate_hz,
        grams=grams,
    )


def _decode_binary(scale_id: str, payload: bytes, received_ns: int) -> ScaleBatch:
    if len(payload) < _HEAD.size + 4:
        raise _error(scale_id, "payload", f"at least {_HEAD.size + 4} bytes", f"{len(payload)} bytes")
    _, version, boot_length, samples, plates, sequence, device_ns, rate_hz = _HEAD.unpack_from(payload)
    if version != _VERSION:
        raise _error(scale_id, "version", str(_VERSION), version)
    if not 0 < boot_length <= BOOT_BYTES_MAX:
        raise _error(scale_id, "boot_length", f"1 to {BOOT_BYTES_MAX}", boot_length)
    length = _HEAD.size + boot_length + samples * plates * 4 + 4
    if len(payload) != length or not 0 < samples <= SAMPLES_MAX or plates == 0:
        raise _error(scale_id, "payload", f"{length} bytes for {samples} x {plates}", f"{len(payload)} bytes")
    if zlib.crc32(payload[:-4]) != struct.unpack("<I", payload[-4:])[0]:
        raise _error(scale_id, "crc32", "the checksum of the bytes before it", "another")
    try:
        boot_id = payload[_HEAD.size : _HEAD.size + boot_length].decode()
    except UnicodeDecodeError as error:
        raise _error(scale_id, "boot_id", "UTF-8", str(error)) from error
    grams = np.frombuffer(payload, "<f4", samples * plates, _HEAD.size + boot_length)
    return ScaleBatch(
        scale_id=scale_id,
        boot_id=boot_id,
        sequence=sequence,
        device_ns=device_ns,
        received_ns=received_ns,
        rate_hz=rate_hz,
        grams=grams.reshape(samples, plates).astype(np.float32),
    )


def _error(scale_id: str, field: str, expected: str, found: object) -> ReadingError:
    return ReadingError(f"batch of {scale_id}", field=field, expected=expected, found=found)
