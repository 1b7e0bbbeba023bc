"""When a picture was taken, carried inside the video: MISB ST 0604 precision time stamps.

A user-data SEI message (ITU-T H.264, D.1.7) ahead of the picture's slices holds microseconds since the Unix epoch.
Containers and RTP carry it along untouched. Encoders of several camera makers and GStreamer write it.
"""

from __future__ import annotations

from typing import Final

from openaisle.core.units import NS_PER_US

_UUID: Final = b"MISPmicrosectime"
_HEAD: Final = b"\x00\x00\x00\x01\x06\x05\x1c" + _UUID  # start code, NAL type SEI, payload 5 of 28 bytes
_STATUS: Final = 0x1F
_BYTES: Final = 12


def stamp(captured_ns: int) -> bytes:
    """The SEI message, to be put before the picture's own bytes (Annex B). Truncates to microseconds."""
    digits = (captured_ns // NS_PER_US).to_bytes(8)
    # A 0xFF after every two bytes keeps start codes from appearing by chance.
    spaced = digits[0:2] + b"\xff" + digits[2:4] + b"\xff" + digits[4:6] + b"\xff" + digits[6:8]
    return _HEAD + bytes((_STATUS,)) + spaced + b"\x80"


def stamped_ns(packet: bytes | memoryview) -> int | None:
    """The time stamp in a packet of H.264, if it carries one."""
    data = bytes(packet[:4096])  # It stands before the slices.
    at = data.find(_UUID)
    if at < 0 or len(data) < at + len(_UUID) + _BYTES:
        return None
    spaced = data[at + len(_UUID) + 1 : at + len(_UUID) + _BYTES]
    if spaced[2] != 0xFF or spaced[5] != 0xFF or spaced[8] != 0xFF:
        return None
    return int.from_bytes(spaced[0:2] + spaced[3:5] + spaced[6:8] + spaced[9:11]) * NS_PER_US
