"""Money and stock in the ledger's process: who pays for a visit, charges and refunds, wishes of people granted."""

from __future__ import annotations

import queue
import time
from collections.abc import Sequence
from functools import partial
from typing import Final

from openaisle.adapters.charging import Charging, into_ledger
from openaisle.adapters.payment_adyen import AdyenPayments
from openaisle.adapters.pos_export import PosExport
from openaisle.adapters.pos_poslog import PosLogFiles
from openaisle.carts.stock import Stock
from openaisle.central.database import FILE
from openaisle.central.entry import EXIT, TOKEN, Standing, payment_method
from openaisle.core.errors import PaymentRefused, PortUnavailable
from openaisle.core.messages import (
    AnyMessage,
    CardHeld,
    Message,
    PaymentMethod,
    VisitId,
    VisitOpened,
    Wish,
)
from openaisle.edge.badges import Badges
from openaisle.edge.cards import Cards, Refusal, open_desk_reader
from openaisle.edge.desk_reader import DeskReader
from openaisle.edge.processors import Webhooks, payment_processor
from openaisle.edge.wishes import WISHES_MAX, Wishes
from openaisle.edge.worker import Context
from openaisle.pipeline import Pipeline
from openaisle.ports import EventLog
from openaisle.receipts.payment import Payments, PaymentSettings

POSLOG: Final = "poslog"
LOOK_S: Final = 1.0
"""How often sales go out, and who may come in on credit is worked out anew."""
ON_CREDIT: Final = {
    "unsettled_debt": "an earlier receipt is not paid yet",
    "offline_too_long": "an earlier receipt could not be charged for a week: please ask at the counter",
    "exposure_payer": "earlier receipts are still being charged: please come back a little later",
    "exposure_store": "the store cannot charge cards just now: please ask at the counter",
}
"""Why somebody is not let in whom the shop would have to lend to; in words for a person."""
SIMULATED_TOKEN: Final = "pm_card_visa"


class Cashier:
    """Makes the payments that the pipeline settles with, and drives them. Everything but `wishes` in one thread.

    Without a processor receipts stay drafts: somebody else collects the money.
    """

    def __init__(self, context: Context, event_log: EventLog) -> None:
        self.payments = Payments(_patience(context))
        self.wishes: queue.Queue[Wish] = queue.Queue(WISHES_MAX)
        self.standing = Standing(context.settings.state_folder / FILE)
        self.badges = Badges(self.standing)
        self._context = context
        self._processor = payment_processor(context)
        self.cards = Cards(self._card_refusal)
        self.webhooks = Webhooks(self._processor) if self._processor else None
        self._pos: PosExport | None = None
        self._looked_s = 0.0
        self._refused: tuple[dict[str, str], str | None] = ({}, None)
        self._stock = Stock(context.settings.store())
        self._event_log = event_log
        folder = context.settings.edge.poslog_folder
        if context.settings.is_simulated:
            folder = context.settings.state_folder / POSLOG
        if folder is not None:
            self._pos = PosExport(event_log, PosLogFiles(folder, context.settings.store()))
        self._charging: Charging | None = None
        self._reader: DeskReader | None = None
        self._wishes: Wishes | None = None

    def follow(self, sequence: int, message: Message) -> None:
        """An entry of the ledger's past, for stock and sales; the pipeline gives the payments theirs."""
        self._stock.follow(message)
        if self._pos is not None:
            self._pos.follow(sequence, message)

    def open(self, pipeline: Pipeline) -> None:
        """Once the pipeline has read the ledger, with `follow` and into the payments."""
        context = self._context
        if self._processor is not None:
            self._charging = Charging(
                self.payments,
                self._event_log,
                self._processor,
                on_trouble=lambda why: context.line(f"payment: {why}"),
            )
        self._reader = open_desk_reader(context, self.payments.knows_hold)
        self._wishes = Wishes(
            pipeline,
            self.payments,
            partial(into_ledger, self._event_log),
            context.settings.store().currency,
            self._reader and self._reader.ask,
        )

    def step(self, said: Sequence[AnyMessage]) -> list[AnyMessage]:
        """What money follows from what the path said, from wishes and from the processor; in the ledger already."""
        assert self._wishes is not None
        now_ns = self._context.clock.now_ns()
        follows: list[AnyMessage] = []
        for message in said:
            if isinstance(message, VisitOpened) and not message.is_staff:
                method = self._method(message.visit_id)
                if method is not None:
                    bound = self.payments.bind(message.visit_id, method, now_ns)
                    into_ledger(self._event_log, bound)
                    follows += bound
        self.badges.hear(said)
        follows += self.cards.step(self.payments, partial(into_ledger, self._event_log), now_ns)
        while self._reader is not None and not self._reader.tapped.empty():
            asked, held = self._reader.tapped.get()
            paid = self.payments.pay_out_of(held, asked.receipt_id, now_ns)
            into_ledger(self._event_log, paid)
            follows += paid
        while not self.wishes.empty():
            wish = self.wishes.get()
            try:
                follows += self._wishes.grant(wish, now_ns)
            except PaymentRefused as error:
                self._context.line(f"{type(wish).__name__}: {error}")
        if self._charging is not None and self.webhooks is not None:
            with self.webhooks.waiting() as facts:
                follows += self._charging.heard(facts, now_ns)
            follows += self._charging.step(now_ns)
        follows += self._stock.step(said, now_ns)
        if time.monotonic() - self._looked_s > LOOK_S:
            self._looked_s = time.monotonic()
            self._refused = self.payments.refused_payers(now_ns)
            self._export()
        return follows

    def refusal(self, visit_id: VisitId, now_ns: int) -> tuple[str, str] | None:
        """Why the gate should not open for a visit, reason and words. From any thread."""
        refusal = self.standing.refusal(visit_id, now_ns)
        method = None if refusal else self.standing.method(visit_id)
        if method is None or not method.startswith(TOKEN):
            return refusal  # Nobody whom the shop would have to lend to.
        payers, everybody = self._refused
        reason = payers.get(self.standing.account(visit_id) or visit_id, everybody)
        return (reason, ON_CREDIT[reason]) if reason else None

    def _card_refusal(self, held: CardHeld) -> Refusal | None:
        """Why a tapped card does not open the gate. Its money is held, so nothing is lent: only debts count."""
        payers, _ = self._refused
        reason = payers.get(held.method.payer_id)
        return (reason, ON_CREDIT[reason]) if reason in ("unsettled_debt", "offline_too_long") else None

    def _export(self) -> None:
        try:
            if self._pos is not None:
                self._pos.step()
        except PortUnavailable as error:
            self._context.line(f"POS: {error}")

    @property
    def is_settled(self) -> bool:
        """Whether the processor has answered everything."""
        return self._charging is None or not self.payments.open_count

    def close(self) -> None:
        self._export()
        if self._reader is not None:
            self._reader.close()
        if self._charging is not None:
            self._charging.close()
        if self._processor is not None:
            self._processor.close()

    def _method(self, visit_id: VisitId) -> PaymentMethod | None:
        """How a visit pays; None where it pays on the way out, or nobody here knows."""
        if badge := self.badges.payer(visit_id):
            return payment_method(badge[1], badge[0])
        method = self.standing.method(visit_id)
        if method is None and self._context.settings.is_simulated:
            return PaymentMethod(kind="card", payer_id=visit_id, token=SIMULATED_TOKEN)
        if method is None or method == EXIT:
            return None
        if method.startswith(TOKEN) and self._processor is None:
            return None
        return payment_method(method, self.standing.account(visit_id), visit_id)


def _patience(context: Context) -> PaymentSettings:
    """Older requests are looked up first, an hour before the processor may forget their keys."""
    settings = context.settings.edge.payments
    if settings is not None and settings.processor == "adyen":
        return PaymentSettings(look_up_after_h=AdyenPayments.keys_kept_h - 1)
    return PaymentSettings()
