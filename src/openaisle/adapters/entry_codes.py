"""Codes that open the gate: signed, short-lived, for one store, good for one entry.

A code is a token of at most 30 s, signed with Ed25519 (RFC 8032) over the store's id and what it grants, and written in
base 45 (RFC 9285) so that a QR code holds it in its alphanumeric mode. A copy of a shown code is worth nothing: the
visit it opens is put on a spent list, on disk, before the gate moves.

    "OA1:" + base45( payload | signature[64] )
    payload = key mark[4] | store mark[4] | valid from, ms since the epoch[6] | validity, ms[2] | people[1] | flags[1]
              | visit id, UTF-8[1..24]
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from openaisle.core.errors import EntryRefused, InputError
from openaisle.core.messages import GateId, GateTap, StoreId, VisitId
from openaisle.core.units import NS_PER_MS, NS_PER_S

PREFIX: Final = "OA1:"
VALIDITY_MS_MAX: Final = 30_000
EARLY_MS_MAX: Final = 2_000
"""How far the issuer's clock may be ahead of the gate's."""
PEOPLE_MAX: Final = 20
VISIT_ID_BYTES_MAX: Final = 24
SPENT_KEPT_NS: Final = 7 * 24 * 3_600 * NS_PER_S

REASONS: Final = (
    "malformed", "wrong_store", "forged", "not_yet_valid", "expired", "store_closed", "blocked", "unsettled_debt",
    "card_expired", "used",
)  # fmt: skip
"""Why a code may be refused, in the order in which it is looked at."""

_DOMAIN: Final = b"openaisle entry code 1\0"
_HEAD_BYTES: Final = 4 + 4 + 6 + 2 + 1 + 1
_SIGNATURE_BYTES: Final = 64
_STAFF: Final = 1


@dataclass(frozen=True, kw_only=True)
class EntryPass:
    """What a good code grants."""

    visit_id: VisitId
    people_count: int
    is_staff: bool
    valid_from_ns: int

    def tap(self, gate_id: GateId, tapped_ns: int, received_ns: int) -> GateTap:
        """The reading that a gate gives into the path."""
        return GateTap(
            gate_id=gate_id,
            direction="entry",
            visit_id=self.visit_id,
            tapped_ns=tapped_ns,
            received_ns=received_ns,
            people_count=self.people_count,
            is_staff=self.is_staff,
        )


class CodeIssuer:
    """Makes codes for one store. Holds the private key."""

    def __init__(self, key: Ed25519PrivateKey, store_id: StoreId) -> None:
        self._key = key
        self._store_id = store_id
        self._key_mark = _key_mark(key.public_key())

    @property
    def public_key(self) -> Ed25519PublicKey:
        return self._key.public_key()

    def issue(
        self,
        visit_id: VisitId,
        now_ns: int,
        *,
        people_count: int = 1,
        is_staff: bool = False,
        validity_ms: int = VALIDITY_MS_MAX,
    ) -> str:
        """The text to show as a QR code. A phone may ask for a fresh one of the same visit until one was used."""
        name = visit_id.encode()
        assert 0 < len(name) <= VISIT_ID_BYTES_MAX, visit_id
        assert 0 < people_count <= PEOPLE_MAX
        assert 0 < validity_ms <= VALIDITY_MS_MAX
        payload = (
            self._key_mark
            + _store_mark(self._store_id)
            + (now_ns // NS_PER_MS).to_bytes(6)
            + validity_ms.to_bytes(2)
            + bytes((people_count, _STAFF if is_staff else 0))
            + name
        )
        return PREFIX + base45_encode(payload + self._key.sign(_signed(self._store_id, payload)))


class CodeVerifier:
    """Decides at the gate, without a network. Several verifiers of one store may share a spent list.

    `is_entry_open`: set it to False and every code is refused as store_closed. Exits need no code.
    """

    def __init__(
        self,
        keys: Sequence[Ed25519PublicKey],
        store_id: StoreId,
        spent_path: Path,
        refusal: Callable[[VisitId, int], tuple[str, str] | None] = lambda visit_id, now_ns: None,
    ) -> None:
        """`keys`: those in force, more than one while one replaces another. `refusal`: reason and words where whoever
        pays for a visit may not come in; asked before a code is spent.
        """
        self.is_entry_open = True
        self._keys = {_key_mark(key): key for key in keys}
        self._store_id = store_id
        self._refusal = refusal
        self._spent = _SpentList(spent_path)

    def verify(self, text: str, now_ns: int) -> EntryPass:
        """What the code grants; from then on it is spent. Raises EntryRefused with one of REASONS."""
        payload, signature = _parts(text)
        if payload[4:8] != _store_mark(self._store_id):
            raise EntryRefused("wrong_store", "this code is for another store")
        key = self._keys.get(payload[:4])
        if key is None:
            raise EntryRefused("forged", "this code was not issued for this store")
        try:
            key.verify(signature, _signed(self._store_id, payload))
        except InvalidSignature:
            raise EntryRefused("forged", "this code was not issued for this store") from None
        granted = self._in_time(payload, now_ns)
        self.check_open()
        refusal = self._refusal(granted.visit_id, now_ns)
        if refusal is not None:
            raise EntryRefused(*refusal)
        if not self._spent.spend(granted.visit_id, now_ns):
            raise EntryRefused("used", "this code was used before")
        return granted

    def check_open(self) -> None:
        """EntryRefused while the store lets nobody in."""
        if not self.is_entry_open:
            raise EntryRefused("store_closed", "the store is closed for entry")

    def close(self) -> None:
        self._spent.close()

    def _in_time(self, payload: bytes, now_ns: int) -> EntryPass:
        valid_from_ns = int.from_bytes(payload[8:14]) * NS_PER_MS
        validity_ms = int.from_bytes(payload[14:16])
        people_count, flags = payload[16], payload[17]
        if not (
            0 < validity_ms <= VALIDITY_MS_MAX and 0 < people_count <= PEOPLE_MAX and flags in (0, _STAFF)
        ):
            raise EntryRefused("malformed", "this code grants what no code may grant")
        try:
            visit_id = payload[_HEAD_BYTES:].decode()
        except UnicodeDecodeError:
            raise EntryRefused("malformed", "this code names no visit") from None
        if now_ns < valid_from_ns - EARLY_MS_MAX * NS_PER_MS:
            raise EntryRefused("not_yet_valid", "this code is not valid yet")
        if now_ns >= valid_from_ns + validity_ms * NS_PER_MS:
            raise EntryRefused("expired", "this code is too old, please show a fresh one")
        return EntryPass(
            visit_id=visit_id,
            people_count=people_count,
            is_staff=flags == _STAFF,
            valid_from_ns=valid_from_ns,
        )


class _SpentList:
    """Visits that were opened, on disk before the gate opens; forgotten after a week, when every code is long dead."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()  # Gates may ask from threads of their own.
        self._database = sqlite3.connect(path, isolation_level=None, timeout=2.0, check_same_thread=False)
        for pragma in ("journal_mode = WAL", "synchronous = FULL"):
            self._database.execute(f"PRAGMA {pragma}")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS spent (visit TEXT PRIMARY KEY, spent_ns INTEGER NOT NULL) WITHOUT ROWID"
        )

    def spend(self, visit_id: VisitId, now_ns: int) -> bool:
        """Put the visit on the list; False if it is there already."""
        with self._lock:
            return self._spend(visit_id, now_ns)

    def _spend(self, visit_id: VisitId, now_ns: int) -> bool:
        try:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.execute("DELETE FROM spent WHERE spent_ns < ?", (now_ns - SPENT_KEPT_NS,))
            added = self._database.execute("INSERT OR IGNORE INTO spent VALUES (?, ?)", (visit_id, now_ns))
            self._database.execute("COMMIT")
        except sqlite3.Error as error:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise EntryRefused(
                "store_closed", f"the list of spent codes cannot be written: {error}"
            ) from error
        return added.rowcount == 1

    def close(self) -> None:
        self._database.close()


def load_or_create_key(path: Path) -> Ed25519PrivateKey:
    """The private key in a PEM file that only its owner can read; made when there is none."""
    if path.exists():
        try:
            key = load_pem_private_key(path.read_bytes(), password=None)
        except ValueError as error:
            raise InputError(
                f"is no private key ({error})", file=str(path), expected="Ed25519 PEM"
            ) from error
        if not isinstance(key, Ed25519PrivateKey):
            raise InputError("is another kind of key", file=str(path), expected="Ed25519 PEM")
        return key
    path.parent.mkdir(parents=True, exist_ok=True)
    unborn = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(unborn, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        key = Ed25519PrivateKey.generate()
        file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    try:
        os.link(unborn, path)  # Whole or not at all, and of two processes only one makes it.
    except FileExistsError:
        pass
    finally:
        unborn.unlink()
    return load_or_create_key(path)


def code_as_svg(text: str) -> str:
    """The code as a QR picture for a page, 15 % error correction."""
    import segno

    return segno.make_qr(text, error="m", mode="alphanumeric").svg_inline(border=4, omitsize=True)


# --- leaves -------------------------------------------------------------------------------------------------------


def _parts(text: str) -> tuple[bytes, bytes]:
    """Payload and signature of a code, or EntryRefused as malformed. One text only for each code."""
    longest = len(PREFIX) + (_HEAD_BYTES + VISIT_ID_BYTES_MAX + _SIGNATURE_BYTES) * 3 // 2 + 1
    if not text.startswith(PREFIX) or len(text) > longest:
        raise EntryRefused("malformed", "this is no entry code")
    try:
        data = base45_decode(text[len(PREFIX) :])
    except ValueError:
        raise EntryRefused("malformed", "this is no entry code") from None
    if not _HEAD_BYTES < len(data) - _SIGNATURE_BYTES <= _HEAD_BYTES + VISIT_ID_BYTES_MAX:
        raise EntryRefused("malformed", "this is no entry code")
    return data[:-_SIGNATURE_BYTES], data[-_SIGNATURE_BYTES:]


def _signed(store_id: StoreId, payload: bytes) -> bytes:
    return _DOMAIN + store_id.encode() + b"\0" + payload


def _store_mark(store_id: StoreId) -> bytes:
    return hashlib.sha256(store_id.encode()).digest()[:4]


def _key_mark(key: Ed25519PublicKey) -> bytes:
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).digest()[:4]


_BASE45: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_BASE45_VALUE: Final = {character: value for value, character in enumerate(_BASE45)}


def base45_encode(data: bytes) -> str:
    """RFC 9285."""
    out: list[str] = []
    for at in range(0, len(data), 2):
        value = int.from_bytes(data[at : at + 2])
        for _ in range(len(data[at : at + 2]) + 1):
            value, digit = divmod(value, 45)
            out.append(_BASE45[digit])
    return "".join(out)


def base45_decode(text: str) -> bytes:
    """RFC 9285; ValueError for anything that `base45_encode` would not have written."""
    if len(text) % 3 == 1:
        raise ValueError("length")
    out = bytearray()
    for at in range(0, len(text), 3):
        group = text[at : at + 3]
        if any(character not in _BASE45_VALUE for character in group):
            raise ValueError("alphabet")
        value = sum(_BASE45_VALUE[character] * 45**power for power, character in enumerate(group))
        if value >= 256 ** (len(group) - 1):
            raise ValueError("value")
        out += value.to_bytes(len(group) - 1)
    return bytes(out)
