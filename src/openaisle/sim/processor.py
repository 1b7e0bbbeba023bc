"""A payment processor made of numbers: cards, keys, money, and everything that goes wrong between us and it.

`Processor` moves simulated money and remembers keys for a day; `sim/processor_http.py` puts it behind real HTTP in the
words of Stripe, Adyen and Square. What truly happened is in `movements`, whatever anybody was told.
"""

from __future__ import annotations

import heapq
import random
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from openaisle.core.units import NS_PER_HOUR, NS_PER_S
from openaisle.sim.processor_holds import DECLINED_NUMBERS, HELD_NS_MAX, Card, Hold, Reader

KEYS_KEPT_NS: Final = 24 * NS_PER_HOUR
NOT_KEPT: Final = (400, 401, 404)
"""Answers to what was no request at all; a key is free again after them."""
DECLINED_TOKEN: Final = "pm_card_chargeDeclined"
"""A card that is always refused."""


@dataclass(frozen=True, kw_only=True)
class ProcessorFaults:
    """How often, of all calls, or of all notifications, something goes wrong."""

    lost_request: float = 0.0  # the connection breaks before anything happened
    lost_answer: float = 0.0  # the money moved, the answer got lost
    server_error: float = 0.0  # 500, and nothing happened
    busy: float = 0.0  # 429
    declined: float = 0.0  # of all charges
    in_part: float = 0.0  # of all charges: less is captured than was asked
    not_more: float = 0.0  # of all holds that should grow: the bank says no
    webhook_lost: float = 0.0
    webhook_twice: float = 0.0
    webhook_late_s_max: float = 0.0  # each is late by up to so much, so they come out of order


NO_FAULTS: Final = ProcessorFaults()
EVERY_FAULT: Final = ProcessorFaults(
    lost_request=0.05,
    lost_answer=0.08,
    server_error=0.03,
    busy=0.02,
    declined=0.03,
    in_part=0.02,
    not_more=0.3,
    webhook_lost=0.1,
    webhook_twice=0.15,
    webhook_late_s_max=48 * 3600.0,
)


@dataclass(kw_only=True)
class Payment:
    """One attempt to take money from a card."""

    payment_id: str
    reference: str  # ours: the key, as the request's data carries it
    amount_minor: int
    currency: str
    token: str
    customer: str
    created_ns: int
    captured_minor: int = 0  # 0: declined, or held
    hold: Hold | None = None  # of one that is tapped first and captured later
    is_pending: bool = False  # the processor does not say yet how it went
    refunds: list[Refund] = field(default_factory=list)

    @property
    def refunded_minor(self) -> int:
        return sum(refund.amount_minor for refund in self.refunds)


@dataclass(frozen=True, kw_only=True)
class Refund:
    refund_id: str
    reference: str
    payment_id: str
    amount_minor: int
    currency: str
    created_ns: int


@dataclass(frozen=True, kw_only=True)
class Movement:
    """Money that really moved: a line of the processor's statement."""

    reference: str
    payment_id: str
    kind: str  # charge | refund
    amount_minor: int
    currency: str
    moved_ns: int


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a call brought, as the processor remembers it under its key."""

    status: int
    body: bytes


@dataclass(frozen=True, order=True)
class Notice:
    """A notification on its way."""

    due_ns: int
    number: int
    payment: Payment = field(compare=False)
    refund: Refund | None = field(compare=False, default=None)


class ConnectionLost(Exception):
    """No answer: the caller cannot know what happened."""


class Processor:
    """Moves money once a key, for as long as it remembers the key. One thread at a time."""

    def __init__(
        self,
        now_ns: Callable[[], int],
        *,
        faults: ProcessorFaults = NO_FAULTS,
        seed: int = 0,
        keys_kept_ns: int = KEYS_KEPT_NS,
    ) -> None:
        self._keys_kept_ns = keys_kept_ns
        self.faults = faults
        self.down_until_ns = 0  # nobody reaches it until then
        self.payments: dict[str, Payment] = {}
        self.movements: list[Movement] = []
        self.notices: list[Notice] = []  # a heap, soonest first
        self.readers: dict[str, Reader] = {}
        self.customers: dict[str, str] = {}  # of each card that belongs to one
        self.calls = 0
        self._now_ns = now_ns
        self._random = random.Random(f"processor {seed}")
        self._keys: OrderedDict[str, tuple[int, str, Reply]] = OrderedDict()
        self._created: list[Payment] = []
        self._notice_count = 0

    def call(self, key: str, request: str, act: Callable[[], Reply]) -> Reply:
        """Answer one call as its faults have it; under a known key what was answered before.

        `act` does the work. ConnectionLost where no answer arrives. Keyless calls change nothing and are not kept.
        """
        now_ns = self._now_ns()
        self.calls += 1
        if now_ns < self.down_until_ns or self._happens(self.faults.lost_request):
            raise ConnectionLost
        if self._happens(self.faults.server_error):
            return Reply(status=500, body=b'{"error": {"type": "api_error", "message": "simulated"}}')
        if self._happens(self.faults.busy):
            return Reply(status=429, body=b'{"error": {"type": "rate_limit_error", "message": "simulated"}}')
        self._forget(now_ns)
        if key and key in self._keys:
            _, before, reply = self._keys[key]
            if before != request:
                message = (
                    b'{"error": {"type": "idempotency_error", "message": "another request had this key"}}'
                )
                return Reply(status=400, body=message)
        else:
            reply = act()
            if key and reply.status not in NOT_KEPT:
                self._keys[key] = (now_ns + self._keys_kept_ns, request, reply)
        if self._happens(self.faults.lost_answer):
            raise ConnectionLost
        return reply

    def charge(self, reference: str, amount_minor: int, currency: str, token: str, customer: str) -> Payment:
        """Take money from a card, unless it is refused; the payment says how it went."""
        assert amount_minor > 0
        is_declined = token == DECLINED_TOKEN or self._happens(self.faults.declined)
        captured_minor = 0 if is_declined else amount_minor
        if captured_minor > 1 and self._happens(self.faults.in_part):
            captured_minor = self._random.randrange(1, captured_minor)
        payment = self._new_payment(reference, amount_minor, currency, token, customer)
        payment.captured_minor = captured_minor
        if captured_minor:
            self._moved(payment, reference, "charge", captured_minor)
        self._notify(payment)
        return payment

    def refund(self, reference: str, payment_id: str, amount_minor: int) -> Refund | None:
        """Give money back; None if the payment does not hold so much."""
        payment = self.payments.get(payment_id)
        if payment is None or not 0 < amount_minor <= payment.captured_minor - payment.refunded_minor:
            return None
        refund = Refund(
            refund_id=f"re_{len(self.movements) + 1:08d}",
            reference=reference,
            payment_id=payment_id,
            amount_minor=amount_minor,
            currency=payment.currency,
            created_ns=self._now_ns(),
        )
        payment.refunds.append(refund)
        self._moved(payment, reference, "refund", amount_minor)
        self._notify(payment, refund)
        return refund

    def open_hold(self, visit_id: str, amount_minor: int, currency: str) -> Payment:
        """A payment that waits for a card at a reader."""
        payment = self._new_payment("", amount_minor, currency, "", "")
        payment.hold = Hold(visit_id=visit_id)
        return payment

    def ask_for_card(self, reader_id: str, payment: Payment) -> None:
        self.readers[reader_id] = Reader(payment_id=payment.payment_id, status="in_progress")

    def tap(self, reader_id: str, number: str) -> bool:
        """Somebody holds a card to a reader; whether it was asking for one."""
        reader = self.readers.get(reader_id)
        if reader is None or reader.status != "in_progress":
            return False
        hold = self.payments[reader.payment_id].hold
        assert hold is not None
        reader.failure = DECLINED_NUMBERS.get(number, "")
        reader.status = "failed" if reader.failure else "succeeded"
        if not reader.failure:
            hold.card, hold.held_ns = Card.of_number(number), self._now_ns()
        return True

    def grow(self, payment: Payment, amount_minor: int) -> bool:
        """Hold more; False where the bank does not."""
        hold = self._standing(payment)
        if hold is None or hold.card is None or not hold.card.can_grow or self._happens(self.faults.not_more):
            return False
        payment.amount_minor = max(payment.amount_minor, amount_minor)
        return True

    def capture(self, payment: Payment, amount_minor: int, reference: str) -> bool:
        """Take of what is held; the rest is let go. False where nothing, or less, is held."""
        hold = self._standing(payment)
        if hold is None or hold.card is None or not 0 < amount_minor <= payment.amount_minor:
            return False
        payment.reference, payment.captured_minor = reference, amount_minor
        self._moved(payment, reference, "charge", amount_minor)
        self._notify(payment)
        return True

    def cancel(self, payment: Payment) -> bool:
        """Let go of what is held."""
        hold = self._standing(payment)
        if hold is None:
            return False
        hold.is_canceled = True
        self._notify(payment)
        return True

    def lapse(self, payment: Payment) -> None:
        """What was held for too long is not any more."""
        hold = payment.hold
        is_old = hold is not None and hold.card is not None and self._now_ns() - hold.held_ns > HELD_NS_MAX
        if hold is not None and is_old and not payment.captured_minor:
            hold.is_canceled = True

    def created_since(self, from_ns: int, customer: str = "") -> list[Payment]:
        """Payments of a customer (of all without one), newest first."""
        found: list[Payment] = []
        for payment in reversed(self._created):
            if payment.created_ns < from_ns:
                break
            if not customer or payment.customer == customer:
                found.append(payment)
        return found

    def take_notices(self) -> list[Notice]:
        """Notifications that are due by now, in the order in which they arrive."""
        now_ns = self._now_ns()
        due: list[Notice] = []
        while self.notices and self.notices[0].due_ns <= now_ns:
            due.append(heapq.heappop(self.notices))
        return due

    def notify_again(self, notice: Notice, after_s: int) -> None:
        """A notification was not taken: it comes again."""
        heapq.heappush(self.notices, replace(notice, due_ns=self._now_ns() + after_s * NS_PER_S))

    # --- leaves ---------------------------------------------------------------------------------------------------

    def _new_payment(
        self, reference: str, amount_minor: int, currency: str, token: str, customer: str
    ) -> Payment:
        payment = Payment(
            payment_id=f"pi_{len(self.payments) + 1:08d}",
            reference=reference,
            amount_minor=amount_minor,
            currency=currency.upper(),
            token=token,
            customer=customer,
            created_ns=self._now_ns(),
        )
        self.payments[payment.payment_id] = payment
        self._created.append(payment)
        return payment

    def _standing(self, payment: Payment) -> Hold | None:
        """The hold of a payment that is neither captured nor canceled."""
        self.lapse(payment)
        hold = payment.hold
        return None if hold is None or hold.is_canceled or payment.captured_minor else hold

    def _happens(self, rate: float) -> bool:
        return rate > 0 and self._random.random() < rate

    def _moved(self, payment: Payment, reference: str, kind: str, amount_minor: int) -> None:
        self.movements.append(
            Movement(
                reference=reference,
                payment_id=payment.payment_id,
                kind=kind,
                amount_minor=amount_minor,
                currency=payment.currency,
                moved_ns=self._now_ns(),
            )
        )

    def _notify(self, payment: Payment, refund: Refund | None = None) -> None:
        for _ in range(1 + self._happens(self.faults.webhook_twice)):
            if self._happens(self.faults.webhook_lost):
                continue
            late_ns = round(self._random.random() * self.faults.webhook_late_s_max * NS_PER_S)
            self._notice_count += 1
            notice = Notice(self._now_ns() + late_ns, self._notice_count, payment, refund)
            heapq.heappush(self.notices, notice)

    def _forget(self, now_ns: int) -> None:
        while self._keys:
            key, (until_ns, _, _) = next(iter(self._keys.items()))
            if until_ns > now_ns:
                return
            del self._keys[key]
