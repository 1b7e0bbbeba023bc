"""Power cuts, simulated: what SQLite asked of the disk is recorded, and a disk is made that lost its power meanwhile.

A recording VFS (sqlite.org/vfs.html) stands between SQLite and the operating system's own. A disk keeps everything that
was synced. Of what was written since, each 512-byte sector by itself is there or not, whatever came before or after it.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

SECTOR_BYTES: Final = 512

_OPEN = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_int,
    ctypes.POINTER(ctypes.c_int),
)
_DELETE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int)
_WRITE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_int64)
_TRUNCATE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int64)
_SYNC = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int)


class _Vfs(ctypes.Structure):
    """struct sqlite3_vfs, version 3."""

    _fields_ = [
        ("version", ctypes.c_int),
        ("file_bytes", ctypes.c_int),
        ("path_max", ctypes.c_int),
        ("next", ctypes.c_void_p),
        ("name", ctypes.c_char_p),
        ("data", ctypes.c_void_p),
        ("open", ctypes.c_void_p),
        ("delete", ctypes.c_void_p),
        ("others", ctypes.c_void_p * 14),
    ]


class _Methods(ctypes.Structure):
    """struct sqlite3_io_methods, version 3."""

    _fields_ = [
        ("version", ctypes.c_int),
        ("close", ctypes.c_void_p),
        ("read", ctypes.c_void_p),
        ("write", ctypes.c_void_p),
        ("truncate", ctypes.c_void_p),
        ("sync", ctypes.c_void_p),
        ("others", ctypes.c_void_p * 13),
    ]


@dataclass(frozen=True)
class Operation:
    """One thing the disk was asked to do; `mark` is what the writer said of itself at that time."""

    kind: str  # write | truncate | sync | delete | mark
    file: str = ""
    offset: int = 0
    data: bytes = b""
    mark: Any = None


@dataclass
class Recorder:
    """Everything that was asked of the disk, in order."""

    operations: list[Operation] = field(default_factory=list)

    def mark(self, mark: Any) -> None:
        """The writer acknowledges something."""
        self.operations.append(Operation("mark", mark=mark))


def sqlite_library() -> ctypes.CDLL | None:
    """The library that Python's sqlite3 uses; None where it is inside Python and cannot be reached."""
    import _sqlite3

    with open("/proc/self/maps") as maps:
        loaded = {line.split()[-1] for line in maps if "libsqlite3" in line}
    for path in sorted(loaded) or [getattr(_sqlite3, "__file__", "")]:
        try:
            library = ctypes.CDLL(path)
            library.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
        except (OSError, AttributeError):
            continue
        return library
    return None


@contextmanager
def recording() -> Iterator[Recorder]:
    """Every database opened inside is recorded. Close it inside, too."""
    library = sqlite_library()
    assert library is not None
    original = library.sqlite3_vfs_find(None)
    recorder = Recorder()
    shim = _Shim(original, recorder)
    assert library.sqlite3_vfs_register(ctypes.byref(shim.vfs), 1) == 0
    try:
        yield recorder
    finally:
        library.sqlite3_vfs_unregister(ctypes.byref(shim.vfs))
        library.sqlite3_vfs_register(original, 1)


class _Shim:
    """A copy of the system's VFS whose files note what is written before they write it."""

    def __init__(self, original: Any, recorder: Recorder) -> None:
        self._recorder = recorder
        self._names: dict[int, str] = {}  # of open files, by address
        self._methods: dict[int, _Methods] = {}  # patched copies, by address of the original
        self._real: dict[int, Any] = {}
        self.vfs = _Vfs.from_buffer_copy(original.contents)
        self.vfs.name = b"recording"
        self.vfs.next = None
        real_open, real_delete = _OPEN(original.contents.open), _DELETE(original.contents.delete)
        address = ctypes.cast(original, ctypes.c_void_p).value

        def open_(_: int, name: int, file: int, flags: int, out: Any) -> int:
            status = real_open(address, name, file, flags, out)
            methods = ctypes.c_void_p.from_address(file).value
            if status == 0 and methods and name:
                text = ctypes.string_at(name).decode()
                self._names[file] = Path(text).name
                ctypes.c_void_p.from_address(file).value = ctypes.addressof(self._patched(methods))
            return status

        def delete(_: int, name: bytes, sync: int) -> int:
            recorder.operations.append(Operation("delete", Path(name.decode()).name))
            return real_delete(address, name, sync)

        self._kept: list[Any] = [_OPEN(open_), _DELETE(delete), original]
        self.vfs.open = ctypes.cast(self._kept[0], ctypes.c_void_p).value
        self.vfs.delete = ctypes.cast(self._kept[1], ctypes.c_void_p).value

    def _patched(self, address: int) -> _Methods:
        if address in self._methods:
            return self._methods[address]
        methods = _Methods.from_buffer_copy(_Methods.from_address(address))
        write, truncate, sync = (
            _WRITE(methods.write),
            _TRUNCATE(methods.truncate),
            _SYNC(methods.sync),
        )
        note, names = self._recorder.operations.append, self._names

        def write_(file: int, data: int, length: int, offset: int) -> int:
            note(Operation("write", names[file], offset, ctypes.string_at(data, length)))
            return write(file, data, length, offset)

        def truncate_(file: int, size: int) -> int:
            note(Operation("truncate", names[file], size))
            return truncate(file, size)

        def sync_(file: int, flags: int) -> int:
            status = sync(file, flags)
            note(Operation("sync", names[file]))
            return status

        patched = [_WRITE(write_), _TRUNCATE(truncate_), _SYNC(sync_)]
        methods.write, methods.truncate, methods.sync = (
            ctypes.cast(each, ctypes.c_void_p).value for each in patched
        )
        self._kept += [*patched, write, truncate, sync]
        self._methods[address] = methods
        return methods


class Disk:
    """A disk that carries out operations, and can be asked what it would hold if the power went now."""

    def __init__(self, files: dict[str, bytes]) -> None:
        """`files` are there, synced."""
        self._synced = {name: bytearray(data) for name, data in files.items()}
        self._pending: dict[str, list[Operation]] = {}

    def do(self, operation: Operation) -> None:
        name = operation.file
        if operation.kind == "sync":
            for each in self._pending.pop(name, ()):
                _apply(self._synced.setdefault(name, bytearray()), each)
        elif operation.kind == "delete":
            self._synced.pop(name, None)
            self._pending.pop(name, None)
        elif operation.kind in ("write", "truncate"):
            self._pending.setdefault(name, []).append(operation)

    def after_power_cut(self, chance: random.Random) -> dict[str, bytes]:
        """One of the many things that may be on it then."""
        share = chance.choice([0.0, 0.1, 0.5, 0.9, 1.0])  # of the sectors that made it
        found = {name: bytearray(data) for name, data in self._synced.items()}
        for name, operations in self._pending.items():
            content = found.setdefault(name, bytearray())
            for operation in operations:
                for piece in _sectors(operation):
                    if chance.random() < share:
                        _apply(content, piece)
        return {name: bytes(data) for name, data in found.items()}


def _sectors(operation: Operation) -> Iterator[Operation]:
    if operation.kind == "truncate":
        yield operation
        return
    at, data = operation.offset, operation.data
    while data:
        length = SECTOR_BYTES - at % SECTOR_BYTES
        yield Operation("write", operation.file, at, data[:length])
        at, data = at + length, data[length:]


def _apply(content: bytearray, operation: Operation) -> None:
    if operation.kind == "truncate":
        del content[operation.offset :]
        return
    end = operation.offset + len(operation.data)
    if len(content) < end:
        content.extend(bytes(end - len(content)))
    content[operation.offset : end] = operation.data
