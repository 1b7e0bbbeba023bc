"""The power goes at any moment: nothing that was acknowledged is lost, and the outbox never parts from the ledger."""

import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.simulation.power import Disk, Operation, Recorder, recording, sqlite_library

from openaisle.adapters.event_log_sqlite import SqliteEventLog
from openaisle.core.errors import LedgerDamaged

pytestmark = pytest.mark.skipif(
    sqlite_library() is None, reason="this Python's SQLite is inside it and cannot be recorded"
)

LEDGER = "ledger.sqlite"
APPENDS = 50
CHECKPOINT_PAGES = 12  # so that checkpoints happen among the appends, too


@pytest.fixture
def folder() -> Iterator[Path]:
    """In memory where there is such a place: thousands of disks are written here."""
    memory = Path("/dev/shm")
    path = Path(tempfile.mkdtemp(prefix="openaisle-", dir=memory if memory.is_dir() else None))
    yield path
    shutil.rmtree(path)


def entry(number: int) -> bytes:
    return b"%06d" % number * (10 + number * 37 % 200)


def written(folder: Path, seed: int, synchronous: str) -> tuple[dict[str, bytes], Recorder]:
    """A ledger at work: the files as they were before, and everything asked of the disk, acknowledgements included."""
    chance = random.Random(seed)
    path = folder / "work" / LEDGER
    SqliteEventLog(path).close()
    before = {path.name: path.read_bytes()}
    with recording() as recorder:
        log = SqliteEventLog(path)
        log._database.execute(f"PRAGMA synchronous = {synchronous}")
        log._database.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        sequence = delivered = 0
        for _ in range(APPENDS):
            count = chance.randint(1, 4)
            sequence = log.append([entry(sequence + number) for number in range(1, count + 1)])
            recorder.mark((sequence, delivered))
            if chance.random() < 0.3:
                wanted = chance.randint(delivered, sequence)
                log.delivered(wanted)
                delivered = wanted
                recorder.mark((sequence, delivered))
        log.close()
    shutil.rmtree(path.parent)
    return before, recorder


def cut(folder: Path, images: int, synchronous: str = "FULL") -> tuple[int, int]:
    """Cut the power at random moments: how many of so many disks lost something, and how many were refused."""
    lost = refused = 0
    runs = -(-images // 250)
    for seed in range(runs):
        before, recorder = written(folder, seed, synchronous)
        chance = random.Random(f"cuts {seed}")
        count = min(250, images - seed * 250)
        for image in disks(before, recorder.operations, count, chance):
            outcome = after(folder / "image", *image)
            lost += outcome == "lost"
            refused += outcome == "refused"
    return lost, refused


def disks(
    before: dict[str, bytes], operations: list[Operation], count: int, chance: random.Random
) -> Iterator[tuple[dict[str, bytes], int, int]]:
    """Disks after a cut, each with the sequence that had been acknowledged and the last one delivered by then."""
    disk, sequence, delivered = Disk(before), 0, 0
    moments = sorted(chance.randrange(len(operations) + 1) for _ in range(count))
    done = 0
    for moment in moments:
        for operation in operations[done:moment]:
            if operation.kind == "mark":
                sequence, delivered = operation.mark
            else:
                disk.do(operation)
        done = moment
        yield disk.after_power_cut(chance), sequence, delivered


def after(image: Path, files: dict[str, bytes], sequence: int, delivered: int) -> str:
    """What a shop finds that starts on such a disk."""
    image.mkdir()
    try:
        for name, data in files.items():
            (image / name).write_bytes(data)
        try:
            log = SqliteEventLog(image / LEDGER)
        except LedgerDamaged:
            return "refused"
        entries, outbox = list(log.read()), log.outbox(10_000)
        log.close()
    finally:
        shutil.rmtree(image)
    assert all(data == entry(number) for number, data in entries)
    # Ledger and outbox agree: what is still to be delivered is an unbroken tail of what is there.
    assert outbox == entries[len(entries) - len(outbox) :]
    # That something was delivered is acknowledged, too; a running call may have taken out more.
    is_whole = len(entries) >= sequence and len(entries) - len(outbox) >= delivered
    return "whole" if is_whole else "lost"


def test_3000_power_cuts_lose_nothing_that_was_acknowledged(folder: Path) -> None:
    """0 in 3,000: 95 % upper bound 1 in 1,000."""
    assert cut(folder, 3_000) == (0, 0)


def test_the_same_cuts_lose_entries_when_not_every_commit_is_synced(folder: Path) -> None:
    lost, _ = cut(folder, 250, "NORMAL")
    assert lost > 25


@pytest.mark.soak
def test_100000_power_cuts_lose_nothing_that_was_acknowledged(folder: Path) -> None:
    assert cut(folder, 100_000) == (0, 0)
