"""The payment of each receipt as a state machine: requested once, asked for until it is known, ended by a deadline.

    draft -> payment -> paid -> contested -> reviewed | refunded
                    \\-> unpaid (a debt; paid later, or written off)

A charge is an entry of the ledger before anybody tries it, under a key made of what it is for, so a crash, a retry
and a repeated answer are the same charge. What the processor says (answers, look-ups, webhooks) is a set of facts:
any order and any repetition of them ends in the same state. No clock and no network here: `Payments` says what is to be
asked (`take_due`), whoever asks brings back the answer (`heard`) or that there was none (`failed`).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from openaisle.core.errors import LedgerDamaged, PaymentRefused
from openaisle.core.messages import (
    ChargeRequested,
    Message,
    MoneyEntry,
    PayerBound,
    PaymentChanged,
    PaymentMarked,
    PaymentMethod,
    PaymentState,
    ProcessorSaid,
    Receipt,
    RefundRequested,
    VisitId,
    VoucherChanged,
)
from openaisle.core.units import NS_PER_HOUR, NS_PER_S
from openaisle.receipts.bill import EXCESS, Bill, Charge, Refund, request_key
from openaisle.receipts.credit import Credit

Request: TypeAlias = ChargeRequested | RefundRequested
PaymentMessage: TypeAlias = Receipt | MoneyEntry | PaymentChanged

LOGGED: Final = (Receipt, *MoneyEntry.__args__)
"""Classes of what the ledger must hold before the rest of the world may know: `PaymentChanged` follows from it."""


@dataclass(frozen=True, kw_only=True)
class PaymentSettings:
    """How patient a shop is, and how much it lends.

    `look_up_after_h`, shorter than the processor's `keys_kept_h` (Stripe forgets keys after 24 h): older requests are
    looked up before they are made again. `give_up_after_h`: a day more than the longest outage a shop must survive.
    `remember_h`: for so long a receipt can be refunded. The caps are on what was taken and is not paid yet, by one
    payer and by all; beyond them nobody is let in on credit, everybody gets out.
    """

    look_up_after_h: float = 23.0
    give_up_after_h: float = 8 * 24.0
    write_off_after_h: float = 30 * 24.0
    offline_h_max: float = 7 * 24.0
    remember_h: float = 180 * 24.0
    retry_s: tuple[float, ...] = (2.0, 10.0, 60.0, 300.0, 900.0, 3600.0)
    payer_exposure_minor_max: int = 20_000
    store_exposure_minor_max: int = 5_000_000

    def __post_init__(self) -> None:
        assert 0 < self.look_up_after_h < self.give_up_after_h
        assert self.offline_h_max < self.give_up_after_h <= self.write_off_after_h
        assert self.write_off_after_h < self.remember_h
        assert self.retry_s
        assert min(self.retry_s) > 0


@dataclass(frozen=True, kw_only=True)
class Errand:
    """One question to the processor: make this (a repetition is harmless), or say whether it was ever made."""

    request: Request
    method: PaymentMethod
    reference: str  # of a refund: the processor's id of its charge
    is_look_up: bool


class Payments:
    """All payments of one shop. Every method gives the messages that follow: those of LOGGED go into the ledger, in
    one transaction, before any of them is acted upon; `PaymentChanged` is for whoever shows it."""

    def __init__(self, settings: PaymentSettings | None = None) -> None:
        self._settings = settings or PaymentSettings()
        self._bills: dict[str, Bill] = {}
        self._bill_of_key: dict[str, str] = {}
        self._payers: dict[VisitId, PaymentMethod] = {}
        self._vouchers_minor: dict[str, int] = {}
        self._credit = Credit()
        self._queue: list[tuple[int, str]] = []  # when to ask next, of every request that has no answer
        self._attempts: dict[str, int] = {}  # without an answer since this process began
        self._forgotten: set[str] = set()  # settled long ago
        self._asked: set[str] = set()  # an errand for it is on its way

    # --- the shop's side ------------------------------------------------------------------------------------------

    def bind(self, visit_id: VisitId, method: PaymentMethod, now_ns: int) -> list[PaymentMessage]:
        """This is how the visit will pay. Said again, or otherwise, it changes nothing."""
        if visit_id in self._payers:
            return []
        return self._take([PayerBound(visit_id=visit_id, method=method, bound_ns=now_ns)], now_ns)

    def settle(self, receipt: Receipt, method: PaymentMethod | None, now_ns: int) -> list[PaymentMessage]:
        """Take on a receipt, or try one again that is not paid; `method` None: what the visit was bound to.

        Said twice it is one charge: while a request is open, and once it is paid, nothing is added.
        """
        if receipt.receipt_id in self._forgotten:
            return []
        fresh: list[PaymentMessage] = []
        bill = self._bills.get(receipt.receipt_id)
        if bill is None:
            fresh.append(receipt)
            owed_minor, part = receipt.total_minor, 1
        else:
            owed_minor, part = bill.owed_minor, len(bill.charges) + 1
        method = method or (bill.method if bill else None) or self._payers.get(receipt.visit_id)
        if method is not None and owed_minor > 0 and not (bill and bill.open_minor):
            if bill is None and receipt.visit_id not in self._payers:
                fresh.append(PayerBound(visit_id=receipt.visit_id, method=method, bound_ns=now_ns))
            fresh += self._requested(receipt, method, owed_minor, part, now_ns)
        return self._take(fresh, now_ns)

    def refund(
        self, receipt_id: str, amount_minor: int, reason: str, key: str, now_ns: int
    ) -> list[PaymentMessage]:
        """Give money back, newest charge first. `key` names the wish: said again, it is the same refund.

        PaymentRefused for an unknown receipt, or for more than the receipt still holds.
        """
        bill = self._bill(receipt_id)
        stem = f"{request_key(receipt_id, key)}"
        if any(known == stem or known.startswith(f"{stem}-") for known in bill.refunds):
            return []
        room_minor = bill.receipt.total_minor - bill.asked_back_minor
        if not 0 < amount_minor <= room_minor:
            raise PaymentRefused(
                f"receipt {receipt_id} cannot give back so much",
                expected=f"1 to {room_minor}",
                found=amount_minor,
            )
        fresh: list[PaymentMessage] = []
        left_minor = amount_minor
        for number, charge_key in enumerate([*reversed(bill.charges), ""]):
            if not charge_key and bill.voucher_minor > bill.voucher_back_minor:
                back_minor = min(left_minor, bill.voucher_minor - bill.voucher_back_minor)
                fresh.append(self._voucher_changed(bill, back_minor, now_ns))
                left_minor -= back_minor
            takes_minor = left_minor if not charge_key else min(left_minor, bill.room_of(charge_key))
            if takes_minor <= 0:
                continue
            left_minor -= takes_minor
            fresh.append(
                RefundRequested(
                    key=f"{stem}-{number}",
                    receipt_id=receipt_id,
                    charge_key=charge_key,
                    amount_minor=takes_minor,
                    currency=bill.receipt.currency,
                    reason=reason,
                    requested_ns=now_ns,
                )
            )
        return self._take(fresh, now_ns)

    def contest(self, receipt_id: str, reason: str, now_ns: int) -> list[PaymentMessage]:
        """The shopper disputes it. A refund or `reviewed` answers."""
        return self._mark(receipt_id, "contested", reason, now_ns)

    def reviewed(self, receipt_id: str, reason: str, now_ns: int) -> list[PaymentMessage]:
        """A person looked at it, and nothing is given back."""
        return self._mark(receipt_id, "reviewed", reason, now_ns)

    def load_voucher(
        self, voucher_id: str, amount_minor: int, currency: str, now_ns: int
    ) -> list[PaymentMessage]:
        """Cash was taken in for a voucher."""
        assert amount_minor > 0
        loaded = VoucherChanged(
            voucher_id=voucher_id,
            change_minor=amount_minor,
            currency=currency,
            receipt_id="",
            changed_ns=now_ns,
        )
        return self._take([loaded], now_ns)

    # --- the processor's side -------------------------------------------------------------------------------------

    def take_due(self, now_ns: int, errands_max: int) -> list[Errand]:
        """What to ask now, oldest first; each comes back with `heard` or `failed`, and is not given twice till then."""
        errands: list[Errand] = []
        while self._queue and self._queue[0][0] <= now_ns and len(errands) < errands_max:
            _, key = heapq.heappop(self._queue)
            is_wanted = key in self._bill_of_key and key not in self._asked
            errand = self._errand(key, now_ns) if is_wanted else None
            if errand is not None:
                self._asked.add(key)
                errands.append(errand)
        return errands

    def failed(self, key: str, now_ns: int) -> list[PaymentMessage]:
        """Asked, and nothing is known: no answer, no connection, a fault of the processor. Asked again later."""
        self._asked.discard(key)
        if not self.is_open(key):
            return []
        attempts = self._attempts[key] = self._attempts.get(key, 0) + 1
        request = self._request(key)
        settings = self._settings
        bill = self._bills[request.receipt_id]
        if now_ns - request.requested_ns >= settings.give_up_after_h * NS_PER_HOUR:
            if bill.ended:
                return []
            return self._mark(request.receipt_id, "needs_reconcile", "no answer until the deadline", now_ns)
        wait_s = settings.retry_s[min(attempts, len(settings.retry_s)) - 1]
        heapq.heappush(self._queue, (now_ns + round(wait_s * NS_PER_S), key))
        return []

    def absent(self, key: str, now_ns: int) -> Errand | None:
        """A look-up found nothing: the errand that makes it now, if it is still wanted."""
        if not self.is_open(key):
            self._asked.discard(key)
            return None
        errand = self._errand(key, now_ns)
        return errand and Errand(
            request=errand.request, method=errand.method, reference=errand.reference, is_look_up=False
        )

    def heard(self, said: ProcessorSaid, now_ns: int) -> list[PaymentMessage]:
        """Take in a fact. One that is known, or about nothing of ours, changes nothing."""
        self._asked.discard(said.key)
        receipt_id = self.receipt_of(said.key)
        if not receipt_id or not self._is_news(said):
            return []
        messages = self._take([said], now_ns)
        return messages + self._take(self._consequences(self._bills[receipt_id], said, now_ns), now_ns)

    def write_off(self, now_ns: int) -> list[PaymentMessage]:
        """Give up debts that are older than `write_off_after_h`. Call it now and then."""
        horizon_ns = now_ns - round(self._settings.write_off_after_h * NS_PER_HOUR)
        old = [at for at in self.unpaid() if self._bills[at].receipt.issued_ns <= horizon_ns]
        said: list[PaymentMessage] = []
        for receipt_id in old:
            said += self._mark(receipt_id, "written_off", "not paid until the deadline", now_ns)
        return said

    def forget(self, now_ns: int) -> list[str]:
        """Let go of receipts issued `remember_h` ago that are settled; which. The ledger keeps them.

        They can neither be refunded nor charged again. Call it now and then.
        """
        horizon_ns = now_ns - round(self._settings.remember_h * NS_PER_HOUR)
        gone: list[str] = []
        for receipt_id, bill in self._bills.items():
            if bill.receipt.issued_ns > horizon_ns:
                break  # They stand in the order in which they came.
            keys = (*bill.charges, *bill.refunds)
            if not self._credit.owes(receipt_id) and not any(self.is_open(key) for key in keys):
                gone.append(receipt_id)
        for receipt_id in gone:
            bill = self._bills.pop(receipt_id)
            self._forgotten.add(receipt_id)
            self._payers.pop(bill.receipt.visit_id, None)
            for key in (*bill.charges, *bill.refunds):
                del self._bill_of_key[key]
                self._attempts.pop(key, None)
        return gone

    # --- questions ------------------------------------------------------------------------------------------------

    def state(self, receipt_id: str, now_ns: int = 0) -> PaymentChanged:
        """How a receipt's payment stands. PaymentRefused for an unknown receipt."""
        return self._changed(self._bill(receipt_id), now_ns)

    def states(self, now_ns: int = 0) -> list[PaymentChanged]:
        """Of every receipt, in the order in which they came."""
        return [self._changed(bill, now_ns) for bill in self._bills.values()]

    def receipt(self, receipt_id: str) -> Receipt:
        return self._bill(receipt_id).receipt

    def charges(self, receipt_id: str) -> list[tuple[ChargeRequested, int]]:
        """Every charge of a receipt with what it brought, 0 if nothing (yet)."""
        return [(charge.request, charge.charged_minor) for charge in self._bill(receipt_id).charges.values()]

    def refunds(self, receipt_id: str) -> list[tuple[RefundRequested, int]]:
        """Every refund of a receipt with what went back, 0 if nothing (yet)."""
        return [(refund.request, refund.refunded_minor) for refund in self._bill(receipt_id).refunds.values()]

    def owed_by_card_minor(self, receipt_id: str) -> int:
        """What cards must have brought for a receipt, refunds taken off, once nothing of it is open any more."""
        bill = self._bill(receipt_id)
        by_card_back_minor = bill.refunded_minor - bill.voucher_back_minor
        owed_minor = bill.receipt.total_minor - bill.waived_minor - bill.voucher_minor
        back_minor = by_card_back_minor - sum(
            refund.refunded_minor for refund in bill.refunds.values() if refund.request.reason == EXCESS
        )
        return owed_minor - back_minor

    def receipt_of(self, key: str) -> str:
        """The receipt that a charge or refund belongs to; "" where nobody knows its key."""
        return self._bill_of_key.get(key, "")

    def is_by_voucher(self, receipt_id: str) -> bool:
        return bool(self._bill(receipt_id).voucher_id)

    @property
    def vouchers_minor(self) -> Mapping[str, int]:
        return self._vouchers_minor

    def is_open(self, key: str) -> bool:
        """Whether a charge or refund still waits for its answer."""
        bill = self._bills[self._bill_of_key[key]]
        if key in bill.charges:
            return bill.charges[key].is_open
        return bill.refunds[key].is_open

    @property
    def open_count(self) -> int:
        """Requests without an answer."""
        return sum(self.is_open(key) for key in self._bill_of_key)

    def unpaid(self) -> list[str]:
        """Receipts that are debts now, in order of their ids."""
        return [at for at in self._credit.receipts() if self._bills[at].state is PaymentState.UNPAID]

    def exposure_minor(self, payer_id: str | None = None) -> int:
        """What was taken and is not paid: of one payer, or of all."""
        return self._credit.exposure_minor(payer_id)

    def refused_payers(self, now_ns: int) -> tuple[dict[str, str], str | None]:
        """Why not, for every payer who should not be let in on credit now; and for everybody else, if so."""
        payers = {payer_id: self.entry_refusal(payer_id, now_ns) for payer_id in self._credit.payers()}
        refused = {payer_id: reason for payer_id, reason in payers.items() if reason}
        return refused, "exposure_store" if self._is_store_over_its_cap else None

    def entry_refusal(self, payer_id: str, now_ns: int) -> str | None:
        """Why this payer should not be let in on credit now, a fixed word; None: let them in."""
        settings = self._settings
        bills = [self._bills[receipt_id] for receipt_id in self._credit.receipts(payer_id)]
        if any(bill.state is PaymentState.UNPAID for bill in bills):
            return "unsettled_debt"
        oldest_ns = min((bill.receipt.issued_ns for bill in bills), default=now_ns)
        if now_ns - oldest_ns > settings.offline_h_max * NS_PER_HOUR:
            return "offline_too_long"
        if self.exposure_minor(payer_id) >= settings.payer_exposure_minor_max:
            return "exposure_payer"
        return "exposure_store" if self._is_store_over_its_cap else None

    @property
    def _is_store_over_its_cap(self) -> bool:
        return self.exposure_minor() >= self._settings.store_exposure_minor_max

    # --- the ledger's side ----------------------------------------------------------------------------------------

    def replay(self, message: Message) -> None:
        """Take over an entry of the ledger; others than LOGGED are passed over. LedgerDamaged if it contradicts."""
        if isinstance(message, LOGGED):
            try:
                self._apply(message)
            except (KeyError, AssertionError) as error:
                raise LedgerDamaged(
                    f"{type(message).__name__} contradicts what came before: {error}"
                ) from error

    # --- applying -------------------------------------------------------------------------------------------------

    def _take(self, fresh: Iterable[PaymentMessage], now_ns: int) -> list[PaymentMessage]:
        """Apply, and add how the payments concerned stand now, where that is news."""
        messages = list(fresh)
        concerned: dict[str, None] = {}
        for message in messages:
            receipt_id = self._apply(message)
            if receipt_id:
                concerned[receipt_id] = None
        for receipt_id in concerned:
            bill = self._bills[receipt_id]
            view = self._changed(bill, now_ns)
            shown = (
                view.state,
                view.end,
                view.paid_minor,
                view.refunded_minor,
                view.waived_minor,
                view.reason,
            )
            if shown != bill.said:
                bill.said = shown
                messages.append(view)
        return messages

    def _apply(self, message: Message) -> str:
        """The receipt concerned, "" for none."""
        if isinstance(message, PayerBound):
            self._payers.setdefault(message.visit_id, message.method)
            return ""
        if isinstance(message, VoucherChanged):
            return self._apply_voucher(message)
        if isinstance(message, Receipt):
            assert message.receipt_id not in self._bills, f"receipt {message.receipt_id} twice"
            self._bills[message.receipt_id] = Bill(receipt=message)
            receipt_id = message.receipt_id
        elif isinstance(message, ChargeRequested | RefundRequested):
            self._apply_request(message)
            receipt_id = message.receipt_id
        elif isinstance(message, ProcessorSaid):
            receipt_id = self._bill_of_key[message.key]
            self._apply_said(self._bills[receipt_id], message)
        else:
            assert isinstance(message, PaymentMarked)
            receipt_id = message.receipt_id
            self._apply_mark(self._bills[receipt_id], message)
        self._note(self._bills[receipt_id])
        return receipt_id

    def _apply_request(self, request: Request) -> None:
        bill = self._bills[request.receipt_id]
        assert request.key not in self._bill_of_key, f"{request.key} is requested twice"
        if isinstance(request, ChargeRequested):
            bill.charges[request.key] = Charge(request=request)
            bill.method = request.method
            bill.ended = ""
        else:
            bill.refunds[request.key] = Refund(request=request)
            bill.is_contested = False
            bill.is_reviewed = True
            bill.reason = request.reason
        self._bill_of_key[request.key] = request.receipt_id
        if self.is_open(request.key):
            heapq.heappush(self._queue, (request.requested_ns, request.key))

    def _apply_said(self, bill: Bill, said: ProcessorSaid) -> None:
        if said.key in bill.charges:
            charge = bill.charges[said.key]
            charge.charged_minor = max(charge.charged_minor, said.amount_minor)
            charge.reference = max(charge.reference, said.reference)
            if said.outcome == "declined":
                charge.declined = max(charge.declined, said.reason or "declined")
            bill.reason = "" if charge.charged_minor else charge.declined
        else:
            refund = bill.refunds[said.key]
            refund.refunded_minor = max(refund.refunded_minor, said.amount_minor)
            if said.outcome == "refused":
                refund.refused = max(refund.refused, said.reason or "refused")
            # Whichever is said last: money that went back went back.
            if refund.refunded_minor:
                refund.refused = ""

    def _apply_mark(self, bill: Bill, marked: PaymentMarked) -> None:
        bill.reason = marked.reason
        if marked.mark in ("contested", "reviewed"):
            bill.is_contested = marked.mark == "contested"
            bill.is_reviewed = bill.is_reviewed or marked.mark == "reviewed"
        else:
            bill.ended = marked.mark

    def _apply_voucher(self, changed: VoucherChanged) -> str:
        left = self._vouchers_minor.get(changed.voucher_id, 0) + changed.change_minor
        assert left >= 0, f"voucher {changed.voucher_id} below zero"
        self._vouchers_minor[changed.voucher_id] = left
        if not changed.receipt_id:
            return ""
        bill = self._bills[changed.receipt_id]
        if changed.change_minor < 0:
            bill.voucher_minor -= changed.change_minor
            bill.voucher_id = changed.voucher_id
        else:
            bill.voucher_back_minor += changed.change_minor
            bill.is_contested = False
        self._note(bill)
        return changed.receipt_id

    def _note(self, bill: Bill) -> None:
        owed_minor = 0 if bill.ended == "written_off" else bill.owed_minor
        self._credit.note(bill.receipt.receipt_id, self._payer_id(bill), owed_minor)

    def _payer_id(self, bill: Bill) -> str:
        method = bill.method or self._payers.get(bill.receipt.visit_id)
        return method.payer_id if method else ""

    # --- leaves ---------------------------------------------------------------------------------------------------

    def _requested(
        self, receipt: Receipt, method: PaymentMethod, amount_minor: int, part: int, now_ns: int
    ) -> list[PaymentMessage]:
        if method.kind == "voucher":
            spent_minor = min(amount_minor, self._vouchers_minor.get(method.token, 0))
            if not spent_minor:
                return []
            spent = VoucherChanged(
                voucher_id=method.token,
                change_minor=-spent_minor,
                currency=receipt.currency,
                receipt_id=receipt.receipt_id,
                changed_ns=now_ns,
            )
            return [spent]
        return [
            ChargeRequested(
                key=request_key(receipt.receipt_id, f"charge {part}"),
                receipt_id=receipt.receipt_id,
                part=part,
                amount_minor=amount_minor,
                currency=receipt.currency,
                method=method,
                requested_ns=now_ns,
            )
        ]

    def _consequences(self, bill: Bill, said: ProcessorSaid, now_ns: int) -> list[PaymentMessage]:
        """A charge that brought less than was asked is followed by one for the rest; too much goes back by itself."""
        if said.key not in bill.charges:
            return []
        charge = bill.charges[said.key]
        fresh: list[PaymentMessage] = list(bill.excess(now_ns))
        is_short = 0 < charge.charged_minor < charge.request.amount_minor
        if is_short and bill.owed_minor > 0 and not bill.open_minor:
            part = len(bill.charges) + 1
            fresh += self._requested(bill.receipt, charge.request.method, bill.owed_minor, part, now_ns)
        for refund in bill.refunds.values():
            if refund.request.charge_key == said.key and refund.is_open and charge.charged_minor:
                heapq.heappush(self._queue, (now_ns, refund.request.key))
        return fresh

    def _voucher_changed(self, bill: Bill, change_minor: int, now_ns: int) -> VoucherChanged:
        return VoucherChanged(
            voucher_id=bill.voucher_id,
            change_minor=change_minor,
            currency=bill.receipt.currency,
            receipt_id=bill.receipt.receipt_id,
            changed_ns=now_ns,
        )

    def _mark(self, receipt_id: str, mark: str, reason: str, now_ns: int) -> list[PaymentMessage]:
        self._bill(receipt_id)
        return self._take(
            [PaymentMarked(receipt_id=receipt_id, mark=mark, reason=reason, marked_ns=now_ns)], now_ns
        )

    def _errand(self, key: str, now_ns: int) -> Errand | None:
        """None where nothing is to be asked: answered meanwhile, or a refund whose charge is not there yet."""
        request = self._request(key)
        bill = self._bills[request.receipt_id]
        if not self.is_open(key):
            return None
        charge_key = request.key if isinstance(request, ChargeRequested) else request.charge_key
        charge = bill.charges[charge_key]
        if isinstance(request, RefundRequested) and not charge.charged_minor:
            return None  # Comes into the queue again when the charge is known.
        is_old = now_ns - request.requested_ns > self._settings.look_up_after_h * NS_PER_HOUR
        return Errand(
            request=request, method=charge.request.method, reference=charge.reference, is_look_up=is_old
        )

    def _is_news(self, said: ProcessorSaid) -> bool:
        bill = self._bills[self._bill_of_key[said.key]]
        if said.key in bill.charges:
            charge = bill.charges[said.key]
            if said.outcome == "declined":
                return (said.reason or "declined") > charge.declined
            return said.amount_minor > charge.charged_minor or said.reference > charge.reference
        refund = bill.refunds[said.key]
        if said.outcome == "refused":
            return not refund.refunded_minor and (said.reason or "refused") > refund.refused
        return said.amount_minor > refund.refunded_minor

    def _request(self, key: str) -> Request:
        bill = self._bills[self._bill_of_key[key]]
        return bill.charges[key].request if key in bill.charges else bill.refunds[key].request

    def _bill(self, receipt_id: str) -> Bill:
        if receipt_id not in self._bills:
            raise PaymentRefused("no such receipt", field="receipt_id", found=receipt_id)
        return self._bills[receipt_id]

    def _changed(self, bill: Bill, now_ns: int) -> PaymentChanged:
        return PaymentChanged(
            receipt_id=bill.receipt.receipt_id,
            visit_id=bill.receipt.visit_id,
            payer_id=self._payer_id(bill),
            state=bill.state,
            end=bill.end,
            amount_minor=bill.receipt.total_minor,
            currency=bill.receipt.currency,
            paid_minor=bill.paid_minor,
            refunded_minor=bill.refunded_minor,
            reason=bill.reason,
            at_ns=now_ns,
            waived_minor=bill.waived_minor,
        )


def to_log(messages: Iterable[Message]) -> list[Message]:
    """Those that the ledger must hold."""
    return [message for message in messages if isinstance(message, LOGGED)]
