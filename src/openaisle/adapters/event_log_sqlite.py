"""The ledger on disk: an append-only, hash-chained event log in SQLite. docs/decisions/0020 has the measurements.

WAL with `synchronous=FULL`: an entry is on disk when `append` returns. One writer, held by a lock on a file beside the
ledger. One transaction an `append`: all of its entries and their outbox rows, or none. The whole chain is checked when
the ledger is opened; one that does not verify is copied aside and refused, and is never started anew over.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NoReturn

from openaisle.adapters.chain import FIRST_HASH, entry_hash
from openaisle.adapters.event_log_memory import MemoryEventLog
from openaisle.core.errors import LedgerDamaged, PortUnavailable

__all__ = ["MemoryEventLog", "SqliteEventLog", "read_ledger"]

SCHEMA_VERSION: Final = 1
BUSY_MS: Final = 2_000

_SCHEMA: Final = f"""
CREATE TABLE entries (
  sequence INTEGER PRIMARY KEY,
  previous_hash BLOB NOT NULL,
  entry BLOB NOT NULL,
  hash BLOB NOT NULL
);
CREATE TABLE head (one INTEGER PRIMARY KEY CHECK (one = 1), sequence INTEGER NOT NULL, hash BLOB NOT NULL);
CREATE TABLE outbox (sequence INTEGER PRIMARY KEY REFERENCES entries (sequence));
INSERT INTO head VALUES (1, 0, zeroblob(32));
PRAGMA user_version = {SCHEMA_VERSION};
"""

_CREATED: Final = b"ledger created\n"


class SqliteEventLog:
    """The `EventLog` port on one SQLite file. Use it from the thread that made it."""

    def __init__(self, path: Path, *, busy_ms: int = BUSY_MS) -> None:
        """Open or create the ledger at `path`.

        Raises PortUnavailable if another process writes it, LedgerDamaged if it does not verify (a copy is beside it
        then, named in the message), OSError if the disk refuses.
        """
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = _lock(path)
        self._failed: OSError | None = None
        try:
            if not _exists_whole(path, self._lock):
                _create(path)
                _remember_created(self._lock)
            self._database = _connect(path, busy_ms)
        except BaseException:
            os.close(self._lock)
            raise
        try:
            self._sequence, self._head = self._verify()
        except BaseException as error:
            if isinstance(error, LedgerDamaged | sqlite3.DatabaseError):
                error = self._quarantined(error)
            self._database.close()
            os.close(self._lock)
            raise error from error.__cause__

    def append(self, entries: Sequence[bytes]) -> int:
        """All entries in one transaction, on disk when this returns. OSError if they are not; then none of them is."""
        if self._failed is not None:
            raise OSError(self._failed.errno, f"{self._path}: an earlier write failed, open the ledger again")
        sequence, head = self._sequence, self._head
        rows: list[tuple[int, bytes, bytes, bytes]] = []
        for entry in entries:
            sequence += 1
            digest = entry_hash(sequence, head, entry)
            rows.append((sequence, head, entry, digest))
            head = digest
        if rows:
            self._commit(rows)
        self._sequence, self._head = sequence, head
        return sequence

    def read(self, after: int = 0) -> Iterator[tuple[int, bytes]]:
        query = "SELECT sequence, entry FROM entries WHERE sequence > ? ORDER BY sequence"
        yield from self._database.execute(query, (after,))

    def digest(self) -> str:
        """Hexadecimal hash of the whole log."""
        return self._head.hex()

    def outbox(self, entries_max: int) -> list[tuple[int, bytes]]:
        """The oldest entries that have not been delivered to central, at most so many."""
        query = "SELECT sequence, entry FROM outbox JOIN entries USING (sequence) ORDER BY sequence LIMIT ?"
        return list(self._database.execute(query, (entries_max,)))

    def delivered(self, up_to: int) -> None:
        """Central has every entry up to this one."""
        try:
            self._database.execute("DELETE FROM outbox WHERE sequence <= ?", (up_to,))
        except sqlite3.OperationalError as error:
            raise _os_error(error, self._path) from error

    def close(self) -> None:
        self._database.close()
        os.close(self._lock)

    # --- writing --------------------------------------------------------------------------------------------------

    def _commit(self, rows: list[tuple[int, bytes, bytes, bytes]]) -> None:
        try:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany("INSERT INTO entries VALUES (?, ?, ?, ?)", rows)
            self._database.executemany("INSERT INTO outbox VALUES (?)", [(row[0],) for row in rows])
            sequence, _, _, head = rows[-1]
            self._database.execute("UPDATE head SET sequence = ?, hash = ? WHERE one = 1", (sequence, head))
            self._database.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back()
            failure = _os_error(error, self._path)
            # A full disk or a busy ledger left nothing behind and may be better in a moment. After any other failure
            # the kernel may have dropped what it could not write, so only opening anew tells what is on disk.
            if failure.errno not in (errno.ENOSPC, errno.EBUSY):
                self._failed = failure
            raise failure from error

    def _roll_back(self) -> None:
        try:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
        except sqlite3.Error as error:
            self._failed = _os_error(error, self._path)

    # --- checking -------------------------------------------------------------------------------------------------

    def _verify(self) -> tuple[int, bytes]:
        sequence, head = _verified(self._database)
        (stray,) = self._database.execute(
            "SELECT count(*) FROM outbox WHERE sequence > ?", (sequence,)
        ).fetchone()
        if stray:
            raise LedgerDamaged(f"{stray} outbox rows refer to entries that do not exist")
        return sequence, head

    def _quarantined(self, error: Exception) -> LedgerDamaged:
        """Copy the ledger aside as it is, before closing it lets SQLite tidy it up."""
        mark = _content_mark(self._path)
        copies = [Path(f"{source}.damaged-{mark}") for source in _files_of(self._path)]
        for source, copy in zip(_files_of(self._path), copies, strict=True):
            if not copy.exists():
                shutil.copy2(source, copy)
        damage = LedgerDamaged(
            f"{self._path}: the ledger does not verify: {error}. It is kept as it is, with a copy at {copies[0]}; "
            "restore a backup or repair it before the shop opens"
        )
        damage.__cause__ = error
        return damage


def read_ledger(path: Path) -> list[bytes]:
    """Every entry of a ledger that is perhaps being written, checked. Changes nothing. LedgerDamaged, OSError."""
    if not path.is_file():
        raise FileNotFoundError(errno.ENOENT, "no such ledger", str(path))
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
    try:
        database.execute("BEGIN")
        _verified(database)
        return [entry for (entry,) in database.execute("SELECT entry FROM entries ORDER BY sequence")]
    except sqlite3.DatabaseError as error:
        raise LedgerDamaged(f"{path}: the ledger does not verify: {error}") from error
    finally:
        database.close()


# --- leaves -------------------------------------------------------------------------------------------------------


def _verified(database: sqlite3.Connection) -> tuple[int, bytes]:
    """Sequence and hash of the last entry. LedgerDamaged or sqlite3.DatabaseError where the chain breaks."""
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version != SCHEMA_VERSION:
        raise LedgerDamaged(f"schema version {SCHEMA_VERSION} expected, found {version}")
    sequence, head = 0, FIRST_HASH
    rows = database.execute("SELECT sequence, previous_hash, entry, hash FROM entries ORDER BY sequence")
    for found, previous_hash, entry, digest in rows:
        if found != sequence + 1:
            raise LedgerDamaged(f"entry {sequence + 1} is missing, the next one is {found}")
        if previous_hash != head or digest != entry_hash(found, head, entry):
            raise LedgerDamaged(f"entry {found} is not what was written: its hash does not match")
        sequence, head = found, digest
    kept = database.execute("SELECT sequence, hash FROM head").fetchone()
    if kept != (sequence, head):
        raise LedgerDamaged(f"entries end at {sequence}, but {kept and kept[0]} were written")
    return sequence, head


def _lock(path: Path) -> int:
    lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise PortUnavailable(f"{path}: another process writes this ledger; there can be only one") from None
    return lock


def _exists_whole(path: Path, lock: int) -> bool:
    """Whether there is a ledger; False only if there never was one. LedgerDamaged if parts of one are missing."""
    if path.exists() and path.stat().st_size > 0:
        return True
    if path.exists():
        _vanished(path, "it is empty")
    if Path(f"{path}-wal").exists():
        _vanished(path, "it is missing, but its write-ahead log is there")
    if os.pread(lock, len(_CREATED), 0) == _CREATED:
        _vanished(path, f"it is missing, but {path.name}.lock says that there was one")
    return False


def _vanished(path: Path, how: str) -> NoReturn:
    raise LedgerDamaged(
        f"{path}: the ledger is damaged: {how}. Restore a backup; to give it up for good, remove {path.name}* yourself"
    )


def _create(path: Path) -> None:
    """A whole, empty ledger appears under its name at once: a kill in between leaves none."""
    unborn = Path(f"{path}.new")
    for file in _files_of(unborn):
        file.unlink()
    database = sqlite3.connect(unborn, isolation_level=None)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.executescript(f"BEGIN; {_SCHEMA} COMMIT;")
    finally:
        database.close()
    descriptor = os.open(unborn, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
    unborn.rename(path)
    _sync_folder(path.parent)


def _remember_created(lock: int) -> None:
    os.pwrite(lock, _CREATED, 0)
    os.fsync(lock)


def _connect(path: Path, busy_ms: int) -> sqlite3.Connection:
    database = sqlite3.connect(path, isolation_level=None, timeout=busy_ms / 1_000)
    try:
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = OFF"):
            database.execute(f"PRAGMA {pragma}")
    except sqlite3.OperationalError as error:
        database.close()
        raise _os_error(error, path) from error
    except sqlite3.DatabaseError:
        pass  # Not a database: `_verify` finds the same and says so, with a copy put aside.
    return database


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(descriptor)
    os.close(descriptor)


def _files_of(path: Path) -> list[Path]:
    return [file for file in (path, Path(f"{path}-wal")) if file.exists()]


def _content_mark(path: Path) -> str:
    """Twelve hexadecimal digits of the content: the same damage, met again, is not copied again."""
    digest = hashlib.sha256()
    for file in _files_of(path):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


_ERRNO: Final = {
    sqlite3.SQLITE_FULL: errno.ENOSPC,
    sqlite3.SQLITE_BUSY: errno.EBUSY,
    sqlite3.SQLITE_LOCKED: errno.EBUSY,
    sqlite3.SQLITE_READONLY: errno.EROFS,
}


def _os_error(error: sqlite3.Error, path: Path) -> OSError:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_IOERR) & 0xFF
    number = _ERRNO.get(code, errno.EIO)
    return OSError(number, f"the ledger cannot be written, nothing of this was kept: {error}", str(path))
