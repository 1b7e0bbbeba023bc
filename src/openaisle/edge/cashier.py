"""Money in the ledger's process: who pays for a visit, charges and refunds carried out, wishes of people granted."""

from __future__ import annotations

import queue
from collections.abc import Sequence
from typing import Final

from openaisle.adapters.charging import Charging
from openaisle.central.database import FILE
from openaisle.central.entry import EXIT, Standing
from openaisle.central.vouchers import METHOD as VOUCHER
from openaisle.core.errors import PaymentRefused
from openaisle.core.messages import AnyMessage, PaymentMethod, VisitId, VisitOpened, Wish, encode
from openaisle.edge.settings import LOOPBACK
from openaisle.edge.wishes import WISHES_MAX, Wishes
from openaisle.edge.worker import Context
from openaisle.pipeline import Pipeline
from openaisle.ports import EventLog, PaymentProcessor
from openaisle.receipts.payment import PaymentMessage, Payments, to_log

SIMULATED_KEY: Final = "sk_test_simulated"
SIMULATED_TOKEN: Final = "pm_card_visa"
TOKEN: Final = "token:"


class Cashier:
    """Makes the payments that the pipeline settles with, and drives them. Everything but `wishes` in one thread.

    Without a processor receipts stay drafts: somebody else collects the money.
    """

    def __init__(self, context: Context, event_log: EventLog) -> None:
        self.payments = Payments()
        self.wishes: queue.Queue[Wish] = queue.Queue(WISHES_MAX)
        self.standing = Standing(context.settings.state_folder / FILE)
        self._context = context
        self._processor = _processor(context)
        self._event_log = event_log
        self._charging: Charging | None = None
        self._wishes: Wishes | None = None

    def open(self, pipeline: Pipeline) -> None:
        """Once the pipeline has replayed the ledger into the payments."""
        context = self._context
        if self._processor is not None:
            self._charging = Charging(
                self.payments,
                self._event_log,
                self._processor,
                on_trouble=lambda why: context.line(f"payment: {why}"),
            )
        self._wishes = Wishes(pipeline, self.payments, self._record, context.settings.store().currency)

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
                    self._record(bound)
                    follows += bound
        while not self.wishes.empty():
            wish = self.wishes.get()
            try:
                follows += self._wishes.grant(wish, now_ns)
            except PaymentRefused as error:
                self._context.line(f"{type(wish).__name__}: {error}")
        if self._charging is not None:
            follows += self._charging.step(now_ns)
        return follows

    @property
    def is_settled(self) -> bool:
        """Whether the processor has answered everything."""
        return self._charging is None or not self.payments.open_count

    def close(self) -> None:
        if self._charging is not None:
            self._charging.close()
        if self._processor is not None:
            self._processor.close()

    def _record(self, messages: Sequence[PaymentMessage]) -> None:
        entries = [encode(message) for message in to_log(messages)]
        if entries:
            self._event_log.append(entries)

    def _method(self, visit_id: VisitId) -> PaymentMethod | None:
        """How a visit pays; None where it pays on the way out, or nobody here knows."""
        method = self.standing.method(visit_id)
        if method is None and self._context.settings.is_simulated:
            return PaymentMethod(kind="card", payer_id=visit_id, token=SIMULATED_TOKEN)
        if method is None or method == EXIT:
            return None
        if method.startswith(VOUCHER):
            voucher_id = method.removeprefix(VOUCHER)
            return PaymentMethod(kind="voucher", payer_id=voucher_id, token=voucher_id)
        if self._processor is None or not method.startswith(TOKEN):
            return None
        payer_id = self.standing.account(visit_id) or visit_id
        return PaymentMethod(kind="card", payer_id=payer_id, token=method.removeprefix(TOKEN))


def _processor(context: Context) -> PaymentProcessor | None:
    """The simulated one of a demo, spoken to through Stripe's own library over HTTP."""
    if not context.processor_port:
        return None
    from openaisle.adapters.payment_stripe import StripePayments

    url = f"http://{LOOPBACK}:{context.processor_port}"
    return StripePayments(SIMULATED_KEY, "whsec_simulated", context.clock, url=url)
