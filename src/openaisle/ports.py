"""The doors of the house: everything outside (sensors, disks, clocks, processors) comes in through one of these.

A port says what rooms and processes may expect; adapters/, sim/ and tests implement it; tests/contracts/ runs one
suite against every implementation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Final, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from openaisle.core.messages import (
    CameraDetections,
    CameraId,
    ChargeRequested,
    Frame,
    GateTap,
    PaymentMethod,
    ProcessorSaid,
    Receipt,
    RefundRequested,
    ReleaseRequested,
    ScaleBatch,
    VisitId,
)
from openaisle.core.units import NS_PER_MS, NS_PER_S


class Clock(Protocol):
    """The shop's time. Wall time in a real shop; simulated (and possibly slower) time in a demo."""

    def now_ns(self) -> int:
        """Nanoseconds since the epoch, never going back."""
        ...

    def sleep_until(self, at_ns: int) -> None:
        """Return when `now_ns() >= at_ns`."""
        ...


class Camera(Protocol):
    """A stream of pictures. Reconnects by itself; silence is reported as health, not raised."""

    camera_id: str

    def frames(self) -> Iterator[Frame]:
        """Frames as they come, until `close`. A file ends; a live camera does not."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class Regions:
    """Parts of one picture. Live in RAM only."""

    captured_ns: int  # of the picture
    pixels: tuple[NDArray[np.uint8], ...]  # [side, side, 3] BGR each; of a smaller stream, as many as it has


KEPT_NS: Final = 4 * NS_PER_S
"""For so long a main stream's pictures can be asked for."""
NEAR_NS_MAX: Final = 250 * NS_PER_MS
"""A picture further than this from the time that was asked for is another moment."""


class MainStream(Protocol):
    """The large pictures of a camera around the present, of which somebody may want a part now and then."""

    camera_id: CameraId

    def newest_ns(self) -> int:
        """Capture time of the newest picture that can be asked for; 0 while there is none."""
        ...

    def regions(self, captured_ns: int, windows_main_px: Sequence[tuple[int, int, int]]) -> Regions | None:
        """What the picture nearest to a time shows in windows (left, top and side of squares in main-stream pixels).

        What lies outside the picture repeats its edge. None where there is no picture near that time, or no more.
        """
        ...

    def close(self) -> None: ...


class Scale(Protocol):
    """Batches of one or several weighing devices, as they arrive."""

    def batches(self) -> Iterator[ScaleBatch]: ...

    def close(self) -> None: ...


class Gate(Protocol):
    """Verified taps, as they arrive."""

    def taps(self) -> Iterator[GateTap]: ...

    def close(self) -> None: ...


class Detector(Protocol):
    """Pixels to people. The one costly model of the path; what it returns is the seam."""

    def detect(self, frames: Sequence[Frame]) -> list[CameraDetections]:
        """One result a frame, same order. Frames may be of different cameras."""
        ...


class EventLog(Protocol):
    """Append-only, durable, one writer. `append` returns only when the entries are on disk."""

    def append(self, entries: Sequence[bytes]) -> int:
        """Append all or none; return the sequence number of the last one. Raises LedgerDamaged, OSError."""
        ...

    def read(self, after: int = 0) -> Iterator[tuple[int, bytes]]:
        """(sequence, entry) of every entry with a sequence above `after`, in order."""
        ...

    def close(self) -> None: ...


class PaymentProcessor(Protocol):
    """Whoever moves the money. Knows a request by its key, so that the same one again moves nothing a second time.

    None: it was taken on, and the answer comes later, by webhook or by asking again. PortUnavailable: nothing is known,
    the money may or may not have moved. Both may be repeated with the same request.
    """

    name: str
    keys_kept_h: float
    """For so long after its first use a key is surely remembered; older requests are looked up first."""

    def charge(self, request: ChargeRequested) -> ProcessorSaid | None:
        """Charged or declined; less than was asked may have been charged."""
        ...

    def refund(self, request: RefundRequested, charge_reference: str) -> ProcessorSaid | None:
        """Refunded or refused. `charge_reference`: the processor's id of what is refunded."""
        ...

    def look_up_charge(self, request: ChargeRequested) -> ProcessorSaid | None:
        """What became of a charge that may have been made; None if it never was. Makes nothing.

        PortUnavailable also where it is there and not decided.
        """
        ...

    def look_up_refund(self, request: RefundRequested, charge_reference: str) -> ProcessorSaid | None:
        """The same of a refund."""
        ...

    def read_webhook(self, body: bytes, headers: Mapping[str, str]) -> list[ProcessorSaid]:
        """What a notification says about our keys; ReadingError if it is not the processor's own or too old."""
        ...

    def close(self) -> None: ...


@runtime_checkable
class HoldingProcessor(PaymentProcessor, Protocol):
    """One that also keeps what a `CardTerminal` had a bank hold.

    A charge whose method is a "hold" takes of what is held: all that is asked where the bank holds more, or adds what
    is missing; else what is held. The rest is let go with it. "tapped" is the card behind a hold, charged again.
    """

    def release(self, request: ReleaseRequested) -> ProcessorSaid | None:
        """Let go of a hold: released, also where it was before; refused where it was charged."""
        ...


@dataclass(frozen=True, kw_only=True)
class TappedCard:
    """A card that was held to a reader, its amount held by its bank."""

    method: PaymentMethod  # of kind "hold"
    amount_minor: int
    currency: str
    tapped_ns: int
    brand: str
    last4: str
    expires: str  # YYYY-MM


class CardTerminal(Protocol):
    """Card readers at gates, each asked for one card at a time. PortUnavailable: nothing is known, ask again."""

    def ask(self, reader_id: str, visit_id: VisitId, amount_minor: int, currency: str) -> None:
        """Show on a reader that a card opens this visit, its bank to hold so much. Again: the same, or once more after
        a card was refused."""
        ...

    def tapped(self, reader_id: str) -> TappedCard | None:
        """The card that was held to it since; None while none was. EntryRefused if its bank said no."""
        ...

    def left_over(self, reader_id: str) -> VisitId | None:
        """The visit that a reader was asked a card for before this process began."""
        ...

    def withdraw(self, reader_id: str) -> None:
        """It asks for no card any more, and what was held for that visit is let go."""
        ...


class Loyalty(Protocol):
    """Who belongs to which programme. Answers from what it knows already: a receipt never waits for a network."""

    def programmes(self, visit_id: VisitId) -> frozenset[str]:
        """Of the visit's shopper; none where nobody knows."""
        ...


@dataclass(frozen=True, kw_only=True)
class PosTender:
    """What settled a part of a sale, or of a return."""

    kind: str  # "card" | "voucher" | "credit" (not paid: a debt)
    amount_minor: int
    reference: str = ""


@dataclass(frozen=True, kw_only=True)
class PosTransaction:
    """One finished sale or return, as a shop's other systems want to hear of it."""

    sequence: int  # counts the shop's transactions from 1
    receipt: Receipt
    tenders: tuple[PosTender, ...]
    returned_minor: int = 0  # 0: the sale itself; otherwise a return of so much of it
    ended_ns: int


class Mail(Protocol):
    """Takes letters to somebody's mailbox."""

    sender: str

    def send(self, letter: EmailMessage) -> bool:
        """True: taken. False: it will never be. PortUnavailable: perhaps later."""
        ...


class Pos(Protocol):
    """A point-of-sale or enterprise system. The same transaction again changes nothing there."""

    def export(self, transactions: Sequence[PosTransaction]) -> None:
        """All are over there when this returns. PortUnavailable if they are not known to be."""
        ...

    def close(self) -> None: ...
