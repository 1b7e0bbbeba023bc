"""The payment of each receipt as a state machine: requested once, asked for until it is known, ended by a deadline.

    draft -> payment -> paid -> contested -> reviewed | refunded
                    \\-> unpaid (a debt; paid later, or written off)

A charge is an entry of the ledger before anybody tries it, under a key made of what it is for, so a crash, a retry
and a repeated answer are the same charge. What the processor says (answers, look-ups, webhooks) is a set of facts:
any order and any repetition of them ends in the same state. No clock and no network here: `Payments` says what is to be
asked (`take_due`), whoever asks brings back the answer (`heard`) or that there was none (`failed`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from openaisle.core.errors import PaymentRefused
from openaisle.core.messages import (
    CardHeld,
    ChargeRequested,
    Message,
    PayerBound,
    PaymentMarked,
    PaymentMethod,
    PaymentState,
    ProcessorSaid,
    Receipt,
    RefundRequested,
    ReleaseRequested,
    VisitId,
    VoucherChanged,
)
from openaisle.core.units import NS_PER_HOUR
from openaisle.receipts.bill import Bill, request_key
from openaisle.receipts.book import REMEMBER_H, PaymentBook, PaymentMessage
from openaisle.receipts.errands import Errand, Errands, Request
from openaisle.receipts.holds import HOLD, beyond

NEVER_MADE: Final = "never made"


@dataclass(frozen=True, kw_only=True)
class PaymentSettings:
    """How patient a shop is, and how much it lends.

    `look_up_after_h`, shorter than the processor's `keys_kept_h` (Stripe forgets keys after 24 h): older requests are
    looked up before they are made again. `give_up_after_h`: a day more than the longest outage a shop must survive.
    `ask_late_every_h`: what is not known by then is for a person, and still looked up. `remember_h`: for so long a
    receipt can be refunded. `hold_h_max`: a hold on a card whose visit has no receipt by then is released. The caps are
    on what was taken and is not paid yet, by one payer and by all; beyond them nobody is let in on credit, everybody
    gets out.
    """

    look_up_after_h: float = 23.0
    give_up_after_h: float = 8 * 24.0
    write_off_after_h: float = 30 * 24.0
    offline_h_max: float = 7 * 24.0
    remember_h: float = REMEMBER_H
    hold_h_max: float = 12.0
    ask_late_every_h: float = 24.0
    retry_s: tuple[float, ...] = (2.0, 10.0, 60.0, 300.0, 900.0, 3600.0)
    payer_exposure_minor_max: int = 20_000
    store_exposure_minor_max: int = 5_000_000

    def __post_init__(self) -> None:
        assert 0 < self.look_up_after_h < self.give_up_after_h
        assert self.offline_h_max < self.give_up_after_h <= self.write_off_after_h
        assert self.write_off_after_h < self.remember_h
        assert self.retry_s
        assert min(self.retry_s) > 0


class Payments(PaymentBook):
    """All payments of one shop. Every method gives the messages that follow: those of LOGGED go into the ledger, in
    one transaction, before any of them is acted upon; `PaymentChanged` is for whoever shows it."""

    def __init__(self, settings: PaymentSettings | None = None) -> None:
        self._settings = settings or PaymentSettings()
        super().__init__(self._settings.remember_h)
        self._errands = Errands(self._settings.retry_s)

    # --- the shop's side ------------------------------------------------------------------------------------------

    def bind(self, visit_id: VisitId, method: PaymentMethod, now_ns: int) -> list[PaymentMessage]:
        """This is how the visit will pay. Said again, or otherwise, it changes nothing."""
        if visit_id in self._payers:
            return []
        return self._take([PayerBound(visit_id=visit_id, method=method, bound_ns=now_ns)], now_ns)

    def hold(self, held: CardHeld, now_ns: int, *, refused: str = "") -> list[PaymentMessage]:
        """A card was tapped: what its bank holds will pay for the visit. `refused`: why the gate stays shut, and the
        hold is released. Said again, it changes nothing."""
        if self._holds.get(held.visit_id) is not None:
            return []
        fresh: list[PaymentMessage] = [held]
        if refused:
            fresh.append(_release(held, refused, now_ns))
        return self._take(fresh, now_ns)

    def pay_out_of(self, held: CardHeld, receipt_id: str, now_ns: int) -> list[PaymentMessage]:
        """A card was tapped for what a receipt still owes; where it owes nothing any more, nothing is held either."""
        said = self.hold(held, now_ns)
        said += self.settle(self.receipt(receipt_id), held.method, now_ns)
        hold = self._holds.get(held.visit_id)
        if said and hold is not None and not hold.is_billed:
            said += self._take([_release(held, "nothing to charge", now_ns)], now_ns)
        return said

    def knows_hold(self, visit_id: VisitId) -> bool:
        """Whether a tap is in the ledger. From any thread."""
        return self._holds.get(visit_id) is not None

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
        fresh += self._needless_hold(receipt, fresh, now_ns)
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
            left_minor=self._vouchers_minor.get(voucher_id, 0) + amount_minor,
        )
        return self._take([loaded], now_ns)

    # --- the processor's side -------------------------------------------------------------------------------------

    def take_due(self, now_ns: int, errands_max: int) -> list[Errand]:
        """What to ask now, oldest first; each comes back with `heard` or `failed`, and is not given twice till then."""
        errands: list[Errand] = []
        while len(errands) < errands_max and (key := self._errands.take(now_ns)) is not None:
            errand = self._errand(key, now_ns)
            if errand is not None:
                self._errands.sent(key)
                errands.append(errand)
        return errands

    def failed(self, key: str, now_ns: int) -> list[PaymentMessage]:
        """Asked, and nothing is known: no answer, no connection, a fault of the processor. Asked again later."""
        self._errands.back(key)
        if not self.is_open(key):
            return []
        request = self._request(key)
        if not self._is_late(request, now_ns):
            self._errands.again(key, now_ns)
            return []
        if isinstance(request, ReleaseRequested):
            return []  # A bank lets go of a hold by itself, days before this.
        self._errands.wait(key, now_ns + round(self._settings.ask_late_every_h * NS_PER_HOUR))
        if self._bills[request.receipt_id].ended:
            return []
        return self._mark(request.receipt_id, "needs_reconcile", "no answer until the deadline", now_ns)

    def absent(self, key: str, now_ns: int) -> Errand | list[PaymentMessage]:
        """A look-up found nothing: the errand that makes it now, if it is still wanted; or what follows.

        A charge that nobody made until the deadline is made no more: it is a debt, to be paid as its payer wishes.
        """
        errand = self._errand(key, now_ns)
        if errand is None:
            self._errands.back(key)
            return []
        if isinstance(errand.request, ChargeRequested) and self._is_late(errand.request, now_ns):
            never = ProcessorSaid(
                key=key,
                outcome="declined",
                amount_minor=0,
                reference="",
                reason=NEVER_MADE,
                via="look_up",
                said_ns=now_ns,
            )
            return self.heard(never, now_ns)
        return replace(errand, is_look_up=False)

    def heard(self, said: ProcessorSaid, now_ns: int) -> list[PaymentMessage]:
        """Take in a fact. One that is known, or about nothing of ours, changes nothing."""
        self._errands.done(said.key)
        if self._holds.is_open(said.key):
            return self._take([said], now_ns)
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

    def release_stale(self, now_ns: int) -> list[PaymentMessage]:
        """Release holds of visits that never came to a receipt. Call it now and then."""
        horizon_ns = now_ns - round(self._settings.hold_h_max * NS_PER_HOUR)
        stale: list[PaymentMessage] = []
        for held in self._holds.waiting():
            if held.held_ns > horizon_ns:
                break  # They stand in the order in which they came.
            stale.append(_release(held, "no receipt", now_ns))
        return self._take(stale, now_ns)

    # --- questions ------------------------------------------------------------------------------------------------

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

    # --- applying -------------------------------------------------------------------------------------------------

    def _apply(self, message: Message) -> str:
        concerned = super()._apply(message)
        is_request = isinstance(message, ChargeRequested | RefundRequested | ReleaseRequested)
        if is_request and self.is_open(message.key):
            self._errands.wait(message.key, message.requested_ns)
        return concerned

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
                left_minor=self._vouchers_minor.get(method.token, 0) - spent_minor,
            )
            return [spent]
        if method.kind == HOLD and not self._is_held(receipt, method):
            card = beyond(method)
            if card is None:
                return []
            method = card
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

    def _is_held(self, receipt: Receipt, method: PaymentMethod) -> bool:
        """Whether a hold still stands: it is charged once, and not once its release was asked for."""
        hold = self._holds.of_method(method)
        bill = self._bills.get(receipt.receipt_id)
        is_used = bill is not None and any(each.request.method == method for each in bill.charges.values())
        return not is_used and (hold is None or hold.release is None)

    def _needless_hold(
        self, receipt: Receipt, fresh: Iterable[PaymentMessage], now_ns: int
    ) -> list[PaymentMessage]:
        """The release of a hold that no charge of its visit's receipt will use."""
        hold = self._holds.get(receipt.visit_id)
        if hold is None or hold.release is not None:
            return []
        bill = self._bills.get(receipt.receipt_id)
        asked = [charge.request for charge in bill.charges.values()] if bill else []
        asked += [message for message in fresh if isinstance(message, ChargeRequested)]
        if any(request.method == hold.held.method for request in asked):
            return []
        return [_release(hold.held, "nothing to charge", now_ns)]

    def _consequences(self, bill: Bill, said: ProcessorSaid, now_ns: int) -> list[PaymentMessage]:
        """A charge that brought less than was asked, or a hold that had lapsed, is followed by one for the rest; what
        is too much goes back by itself."""
        if said.key not in bill.charges:
            return []
        charge = bill.charges[said.key]
        fresh: list[PaymentMessage] = list(bill.excess(now_ns))
        method = charge.request.method
        is_short = 0 < charge.charged_minor < charge.request.amount_minor
        is_refused = bool(charge.declined) and not charge.charged_minor
        is_lapsed = method.kind == HOLD and is_refused and said.reason != NEVER_MADE
        if (is_short or is_lapsed) and bill.owed_minor > 0 and not bill.open_minor:
            part = len(bill.charges) + 1
            fresh += self._requested(bill.receipt, method, bill.owed_minor, part, now_ns)
        for refund in bill.refunds.values():
            if refund.request.charge_key == said.key and refund.is_open and charge.charged_minor:
                self._errands.wait(refund.request.key, now_ns)
        return fresh

    def _voucher_changed(self, bill: Bill, change_minor: int, now_ns: int) -> VoucherChanged:
        return VoucherChanged(
            voucher_id=bill.voucher_id,
            change_minor=change_minor,
            currency=bill.receipt.currency,
            receipt_id=bill.receipt.receipt_id,
            changed_ns=now_ns,
            left_minor=self._vouchers_minor.get(bill.voucher_id, 0) + change_minor,
        )

    def _mark(self, receipt_id: str, mark: str, reason: str, now_ns: int) -> list[PaymentMessage]:
        self._bill(receipt_id)
        return self._take(
            [PaymentMarked(receipt_id=receipt_id, mark=mark, reason=reason, marked_ns=now_ns)], now_ns
        )

    def _errand(self, key: str, now_ns: int) -> Errand | None:
        """None where nothing is to be asked: answered meanwhile, or a refund whose charge is not there yet."""
        if not self.is_open(key):
            return None
        request = self._request(key)
        if isinstance(request, ReleaseRequested):
            method = request.method
            return Errand(request=request, method=method, reference=method.token, is_look_up=False)
        bill = self._bills[request.receipt_id]
        charge_key = request.key if isinstance(request, ChargeRequested) else request.charge_key
        charge = bill.charges[charge_key]
        if isinstance(request, RefundRequested) and not charge.charged_minor:
            return None  # Comes into the queue again when the charge is known.
        if isinstance(request, RefundRequested):
            request = msgspec.structs.replace(request, amount_minor=bill.part_of(bill.refunds[key]))
        is_old = now_ns - request.requested_ns > self._settings.look_up_after_h * NS_PER_HOUR
        return Errand(
            request=request, method=charge.request.method, reference=charge.reference, is_look_up=is_old
        )

    def _is_late(self, request: Request, now_ns: int) -> bool:
        """Whether it is past its deadline."""
        return now_ns - request.requested_ns >= self._settings.give_up_after_h * NS_PER_HOUR

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


# --- leaves -------------------------------------------------------------------------------------------------------


def _release(held: CardHeld, reason: str, now_ns: int) -> ReleaseRequested:
    return ReleaseRequested(
        key=request_key(held.visit_id, "release"),
        visit_id=held.visit_id,
        method=held.method,
        reason=reason,
        requested_ns=now_ns,
    )
