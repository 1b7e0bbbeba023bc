"""Messages between the processes of one machine: bounded, over Unix sockets, each end may die and come back.

An `Inlet` listens; any number of `Outlet`s connect to it, again and again if they must. What is full waits or drops
its oldest, as the sender chose, and counts what it dropped. A queue of the multiprocessing package would not do: a
process killed while it holds that queue's lock stops everybody else.
"""

from __future__ import annotations

import os
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

_HEAD: Final = struct.Struct("<BI")
MESSAGE_BYTES_MAX: Final = 4 * 2**20
RETRY_S: Final = 0.1
POLL_S: Final = 0.2

Delivery = tuple[int, bytes]  # kind, payload


class Inlet:
    """The receiving end. `take` gives what came, in order for each sender; senders wait while it is full."""

    def __init__(self, path: Path, messages_max: int) -> None:
        self._messages: deque[Delivery] = deque()
        self._messages_max = messages_max
        self._changed = threading.Condition()
        self._is_closed = False
        self._path = path
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen(16)
        self._listener.settimeout(POLL_S)
        threading.Thread(target=self._accept, name="inlet", daemon=True).start()

    def take(self, timeout_s: float) -> list[Delivery]:
        """All that is there, after waiting up to `timeout_s` for the first."""
        with self._changed:
            if not self._messages:
                self._changed.wait(timeout_s)
            taken = list(self._messages)
            self._messages.clear()
            self._changed.notify_all()
        return taken

    def close(self) -> None:
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        self._listener.close()
        self._path.unlink(missing_ok=True)

    def _accept(self) -> None:
        while not self._is_closed:
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            connection.settimeout(POLL_S)
            threading.Thread(target=self._receive, args=(connection,), name="inlet", daemon=True).start()

    def _receive(self, connection: socket.socket) -> None:
        with connection:
            while (head := self._read(connection, _HEAD.size)) is not None:
                kind, length = _HEAD.unpack(head)
                assert length <= MESSAGE_BYTES_MAX, length
                payload = self._read(connection, length)
                if payload is None:
                    return  # The sender died in the middle of a message: it never was one.
                with self._changed:
                    self._changed.wait_for(
                        lambda: len(self._messages) < self._messages_max or self._is_closed
                    )
                    self._messages.append((kind, payload))
                    self._changed.notify_all()

    def _read(self, connection: socket.socket, length: int) -> bytes | None:
        parts: list[bytes] = []
        while length and not self._is_closed:
            try:
                part = connection.recv(min(length, 1 << 16))
            except TimeoutError:
                continue
            except OSError:
                return None
            if not part:
                return None
            parts.append(part)
            length -= len(part)
        return None if length else b"".join(parts)


class Outlet:
    """The sending end. A thread connects and sends; `send` only queues."""

    def __init__(
        self,
        path: Path,
        messages_max: int,
        *,
        drops_oldest: bool = False,
        on_drop: Callable[[], None] | None = None,
    ) -> None:
        self._path = path
        self._messages: deque[bytes] = deque()
        self._messages_max = messages_max
        self._drops_oldest = drops_oldest
        self._on_drop = on_drop
        self._changed = threading.Condition()
        self._is_closed = False
        self._socket: socket.socket | None = None
        self._thread = threading.Thread(target=self._run, name="outlet", daemon=True)
        self._thread.start()

    def send(self, kind: int, payload: bytes, timeout_s: float = POLL_S) -> bool:
        """Queue one message. When full: drop the oldest, or wait; False if it still is full after `timeout_s`."""
        assert len(payload) <= MESSAGE_BYTES_MAX, len(payload)
        data = _HEAD.pack(kind, len(payload)) + payload
        with self._changed:
            if len(self._messages) >= self._messages_max and self._drops_oldest:
                self._messages.popleft()
                if self._on_drop is not None:
                    self._on_drop()
            elif not self._changed.wait_for(
                lambda: len(self._messages) < self._messages_max or self._is_closed, timeout_s
            ):
                return False
            self._messages.append(data)
            self._changed.notify_all()
        return True

    @property
    def waiting(self) -> int:
        """Messages not yet sent."""
        return len(self._messages)

    def close(self, timeout_s: float = 0.0) -> None:
        """Stop, after trying for `timeout_s` to send what is left."""
        until = time.monotonic() + timeout_s
        with self._changed:
            self._changed.wait_for(lambda: not self._messages, max(0.0, until - time.monotonic()))
            self._is_closed = True
            self._changed.notify_all()
        self._thread.join(timeout=0.5)

    def _run(self) -> None:
        while not self._is_closed:
            with self._changed:
                if not self._messages:
                    self._changed.wait(POLL_S)
                    continue
                data = self._messages[0]
            if not self._push(data):
                continue
            with self._changed:
                # It may have been dropped meanwhile as the oldest; then it was sent all the same.
                if self._messages and self._messages[0] is data:
                    self._messages.popleft()
                self._changed.notify_all()
        if self._socket is not None:
            self._socket.close()

    def _push(self, data: bytes) -> bool:
        """Send one message whole; False if the connection was lost, so that it is sent again from its start."""
        try:
            if self._socket is None:
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                self._socket.connect(str(self._path))
                self._socket.settimeout(POLL_S)
            left = memoryview(data)
            while left and not self._is_closed:
                try:
                    left = left[self._socket.send(left) :]
                except TimeoutError:
                    continue
            return not left
        except OSError:
            if self._socket is not None:
                self._socket.close()
                self._socket = None
            with self._changed:
                self._changed.wait_for(lambda: self._is_closed, RETRY_S)
            return False


def socket_folder() -> Path:
    """A new folder for sockets that nobody else may open. Short: a socket's path has 107 bytes at most."""
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix="openaisle-", dir=os.environ.get("XDG_RUNTIME_DIR") or None))
    return folder
