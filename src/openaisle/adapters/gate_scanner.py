"""Codes that a scanner reads by itself: a hand or gate scanner that types, one on a serial line, a camera.

What a scanner read goes to the gatekeeper; the answer goes to `on_answer`, which may drive a lamp or a gate's relay. A
code that stays in front of a scanner is presented once, until it has been away for a moment.

    keyboard:/dev/input/by-id/...-event-kbd     a keyboard wedge: Linux input events, read so that nobody else gets them
    serial:/dev/ttyACM0                         lines of text
    camera:rtsp://...                           QR codes in a picture (zxing-cpp)
"""

from __future__ import annotations

import fcntl
import os
import select
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import numpy as np
import zxingcpp
from numpy.typing import NDArray

from openaisle.adapters.camera_av import AvCamera
from openaisle.adapters.gatekeeper import Answer, Gatekeeper, OnAnswer
from openaisle.adapters.mqtt import OnHealth
from openaisle.core.errors import EntryRefused, PortUnavailable, ReadingError
from openaisle.core.messages import GateId
from openaisle.core.units import NS_PER_S
from openaisle.ports import Camera, Clock

AWAY_NS: Final = 2 * NS_PER_S
PAUSE_S: Final = 1.0  # A scanner types a whole code in less; what was begun before is somebody's elbow.
TEXT_MAX: Final = 1024
RETRY_S: Final = 1.0


class GateScanner:
    """Presents what `texts` gives at one gate, in a thread of its own, until it is closed."""

    def __init__(
        self,
        gate_id: GateId,
        texts: Callable[[Callable[[], bool]], Iterator[str]],
        gatekeeper: Gatekeeper,
        clock: Clock,
        on_answer: OnAnswer,
    ) -> None:
        """`texts(is_closed)`: what is read, until `is_closed()`. It ends or raises PortUnavailable when its device is
        gone, and is begun again a second later."""
        self._gate_id = gate_id
        self._texts = texts
        self._gatekeeper = gatekeeper
        self._clock = clock
        self._on_answer = on_answer
        self._closing = threading.Event()
        self._seen: tuple[str, int] = ("", 0)
        self._thread = threading.Thread(target=self._run, name=f"scanner {gate_id}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        self._thread.join(timeout=1.0)

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                for text in self._texts(self._closing.is_set):
                    self._read(text)
            except (OSError, PortUnavailable) as error:
                message = f"the scanner of gate {self._gate_id} is away: {error}"
                self._on_answer(
                    Answer(gate_id=self._gate_id, is_admitted=False, reason="scanner_away", message=message)
                )
            self._closing.wait(RETRY_S)

    def _read(self, text: str) -> None:
        now_ns = self._clock.now_ns()
        before, seen_ns = self._seen
        self._seen = text, now_ns
        if text == before and now_ns - seen_ns < AWAY_NS:
            return  # The same phone still lies there.
        try:
            tap = self._gatekeeper.admit(self._gate_id, text)
            answer = Answer(gate_id=self._gate_id, is_admitted=True, visit_id=tap.visit_id)
        except EntryRefused as error:
            answer = Answer(gate_id=self._gate_id, is_admitted=False, reason=error.reason, message=str(error))
        except ReadingError as error:
            answer = Answer(gate_id=self._gate_id, is_admitted=False, reason="no_entry", message=str(error))
        self._on_answer(answer)


def scanner_texts(
    gate_id: GateId, source: str, clock: Clock, on_health: OnHealth
) -> Callable[[Callable[[], bool]], Iterator[str]]:
    """What the scanner that `source` names will read: keyboard:PATH, serial:PATH or camera:URL."""
    kind, _, place = source.partition(":")
    match kind:
        case "keyboard":
            return keyboard_texts(Path(place))
        case "serial":
            return serial_texts(Path(place))
        case _:
            assert kind == "camera", source
            return camera_texts(AvCamera(f"scanner {gate_id}", place, clock, on_health))


# --- what scanners read -------------------------------------------------------------------------------------------


def keyboard_texts(device: Path) -> Callable[[Callable[[], bool]], Iterator[str]]:
    """Texts that a keyboard wedge types, each ended by Enter (Linux input subsystem, `struct input_event`)."""

    def texts(is_closed: Callable[[], bool]) -> Iterator[str]:
        with device.open("rb", buffering=0) as file:
            _grab(file.fileno())
            typed, is_shifted = "", False
            for event in _events(file.fileno(), is_closed):
                if event is None:
                    typed = ""
                    continue
                kind, code, value = event
                if kind != _EV_KEY:
                    continue
                if code in _SHIFTS:
                    is_shifted = value != 0
                elif value != 1:
                    continue  # 0 releases a key, 2 repeats it; a scanner does neither on purpose.
                elif code in _ENTERS:
                    if typed:
                        yield typed
                    typed = ""
                elif code in _KEYS:
                    typed = (typed + _KEYS[code][is_shifted])[:TEXT_MAX]

    return texts


def serial_texts(device: Path) -> Callable[[Callable[[], bool]], Iterator[str]]:
    """Lines that a scanner sends over a serial line, a FIFO or a terminal."""

    def texts(is_closed: Callable[[], bool]) -> Iterator[str]:
        with device.open("rb", buffering=0) as file:
            line = b""
            while not is_closed():
                if not select.select([file], [], [], PAUSE_S)[0]:
                    line = b""
                    continue
                data = file.read(TEXT_MAX)
                if not data:
                    return
                *lines, line = (line + data).replace(b"\r", b"\n").split(b"\n")
                line = line[:TEXT_MAX]
                yield from (text.decode("ascii", "replace") for text in lines if text)

    return texts


def camera_texts(camera: Camera) -> Callable[[Callable[[], bool]], Iterator[str]]:
    """QR codes that a camera sees. The camera's pictures go nowhere else."""

    def texts(is_closed: Callable[[], bool]) -> Iterator[str]:
        for frame in camera.frames():
            if is_closed():
                return
            yield from codes_in(frame.pixels)

    return texts


def codes_in(pixels: NDArray[np.uint8]) -> list[str]:
    """The texts of all QR codes in a picture [height, width, 3]."""
    found = zxingcpp.read_barcodes(np.ascontiguousarray(pixels), formats=_FORMATS)
    return [code.text for code in found if code.valid]


# --- leaves -------------------------------------------------------------------------------------------------------

_FORMATS: Final = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
_EVENT: Final = struct.Struct("llHHi")  # seconds, microseconds, type, code, value
_EV_KEY: Final = 1
_EVIOCGRAB: Final = 0x40044590
_ENTERS: Final = frozenset({28, 96})
_SHIFTS: Final = frozenset({42, 54})


def _keys() -> dict[int, tuple[str, str]]:
    """Key code to what it types without and with Shift, on the US layout that scanners assume."""
    rows = (
        (2, "1234567890-=", "!@#$%^&*()_+"),
        (16, "qwertyuiop[]", "QWERTYUIOP{}"),
        (30, "asdfghjkl;'`", 'ASDFGHJKL:"~'),
        (43, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
        (57, " ", " "),
    )
    return {
        first + at: pair
        for first, plain, shifted in rows
        for at, pair in enumerate(zip(plain, shifted, strict=True))
    }


_KEYS: Final = _keys()


def _grab(descriptor: int) -> None:
    """Take the device for ourselves, so that codes are not typed into a terminal too. A pipe has no such thing."""
    try:
        fcntl.ioctl(descriptor, _EVIOCGRAB, 1)
    except OSError:
        pass


def _events(descriptor: int, is_closed: Callable[[], bool]) -> Iterator[tuple[int, int, int] | None]:
    """Type, code and value of each event; None after a pause. Ends when the device is gone."""
    waiting = b""
    while not is_closed():
        if not select.select([descriptor], [], [], PAUSE_S)[0]:
            yield None
            continue
        data = os.read(descriptor, _EVENT.size * 64)
        if not data:
            return
        waiting += data
        whole = len(waiting) // _EVENT.size * _EVENT.size
        for _, _, kind, code, value in _EVENT.iter_unpack(waiting[:whole]):
            yield kind, code, value
        waiting = waiting[whole:]
