"""An event log in memory: for replays and benches. Same entries, same digest as on disk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from openaisle.adapters.chain import FIRST_HASH, entry_hash


class MemoryEventLog:
    """The `EventLog` port without a disk; gone with the process."""

    def __init__(self) -> None:
        self._entries: list[bytes] = []
        self._head = FIRST_HASH

    def append(self, entries: Sequence[bytes]) -> int:
        for entry in entries:
            self._entries.append(entry)
            self._head = entry_hash(len(self._entries), self._head, entry)
        return len(self._entries)

    def read(self, after: int = 0) -> Iterator[tuple[int, bytes]]:
        for index in range(after, len(self._entries)):
            yield index + 1, self._entries[index]

    def digest(self) -> str:
        """Hexadecimal hash of the whole log."""
        return self._head.hex()

    def close(self) -> None:
        pass
