"""The chain of hashes through an event log: an entry changed, lost or put elsewhere breaks every hash after it."""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

FIRST_HASH: Final = bytes(32)
"""What the first entry gives as the hash of the one before it."""


def entry_hash(sequence: int, previous_hash: bytes, entry: bytes) -> bytes:
    """SHA-256 of the msgpack array [sequence, previous_hash, entry]."""
    return hashlib.sha256(msgspec.msgpack.encode((sequence, previous_hash, entry))).digest()
