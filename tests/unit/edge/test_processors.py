"""Who moves a shop's money, by edge.toml, and what processors tell by webhook."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from starlette.applications import Starlette
from tests.unit.receipts.test_payment import CARD, NOW, receipt

from openaisle.adapters.charging import Charging
from openaisle.adapters.event_log_memory import MemoryEventLog
from openaisle.adapters.gate_http import GateServer
from openaisle.adapters.payment_stripe import StripePayments
from openaisle.adapters.webhook_http import webhook_route
from openaisle.bench.checkout_world import SteppedClock
from openaisle.core.errors import StoreError
from openaisle.edge.processors import SIMULATED_KEY, SIMULATED_SECRET, WEBHOOKS, Webhooks
from openaisle.edge.settings import load_edge_settings
from openaisle.receipts.payment import Payments
from openaisle.sim.processor import Notice, Processor, ProcessorFaults
from openaisle.sim.processor_http import ProcessorServer
from openaisle.store.load import load_store
from openaisle.store.write import write_store


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    write_store(load_store("corner"), tmp_path / "shop")
    (tmp_path / "shop" / "api.key").write_text("sk_live_1\n")
    return tmp_path / "shop"


def written(shop: Path, payments: str) -> Path:
    (shop / "edge.toml").write_text(f"format = 1\n\n{payments}")
    return shop


def test_without_a_word_nobody_moves_money(shop: Path) -> None:
    assert load_edge_settings(shop).payments is None
    assert load_edge_settings(shop).poslog_folder is None


def test_a_processor_and_where_sales_go_are_named_in_edge_toml(shop: Path) -> None:
    text = '[payments]\nprocessor = "stripe"\nkey_file = "api.key"\nwebhook_key_file = "api.key"\n'
    found = load_edge_settings(written(shop, text + '\n[pos]\nposlog_folder = "poslog"\n'))
    assert found.payments
    assert (found.payments.processor, found.payments.key_file) == ("stripe", shop / "api.key")
    assert found.poslog_folder == shop / "poslog"


def test_card_readers_are_named_by_gate(shop: Path) -> None:
    text = '[payments]\nprocessor = "stripe"\nkey_file = "api.key"\nwebhook_key_file = "api.key"\nhold_minor = 3000\n'
    found = load_edge_settings(written(shop, text + '\n[gates.readers]\nentry = "tmr_1"\n'))
    assert found.readers == {"entry": "tmr_1"}
    assert found.payments
    assert found.payments.hold_minor == 3000


MISTAKES = {
    '[gates.readers]\nentry = "tmr_1"\n': "card readers without Stripe",
    '[payments]\nkey_file = "api.key"\n': "something is missing",
    '[payments]\nprocessor = "adyen"\nkey_file = "api.key"\nwebhook_key_file = "api.key"\n': "account",
    '[payments]\nprocessor = "paypal"\n': "stripe",
    '[payments]\nprocessor = "stripe"\nkey_file = "no.key"\nwebhook_key_file = "api.key"\n': "no such file",
    '[payments]\nprocessor = "stripe"\nkey = "sk_live_1"\n': "unknown field",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_about_payments_is_named(shop: Path, text: str) -> None:
    with pytest.raises(StoreError, match=MISTAKES[text]):
        load_edge_settings(written(shop, text))


@contextmanager
def door(webhooks: Webhooks) -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = GateServer(Starlette(routes=[webhook_route(WEBHOOKS, webhooks.take)]), listener)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}{WEBHOOKS}"
    server.close()
    listener.close()


def test_a_charge_whose_answer_was_lost_is_known_by_its_webhook_once_that_is_in_the_ledger() -> None:
    clock, log, payments = SteppedClock(NOW), MemoryEventLog(), Payments()
    there = Processor(clock.now_ns, faults=ProcessorFaults(lost_answer=1.0, webhook_twice=1.0))
    processor = ProcessorServer(there, clock.now_ns)
    port = StripePayments(SIMULATED_KEY, SIMULATED_SECRET, clock, url=processor.url)
    charging = Charging(payments, log, port, in_thread=False)
    charging.record(payments.settle(receipt(), CARD, NOW))
    charging.step(NOW)
    assert payments.state("small/visit").state == "payment"
    webhooks = Webhooks(port)
    with door(webhooks) as url:
        sender = ProcessorServer(there, clock.now_ns, webhook_url=url, webhook_secret=SIMULATED_SECRET)
        taken: list[int] = []
        thread = threading.Thread(target=lambda: taken.append(sender.push_webhooks()))
        thread.start()
        before = len(list(log.read()))
        while thread.is_alive():
            with webhooks.waiting() as facts:
                charging.heard(facts, NOW)
            thread.join(0.01)
        assert taken == [2]
        # One that is signed otherwise is refused, and would come again.
        forger = ProcessorServer(there, clock.now_ns, webhook_url=url, webhook_secret="whsec_other")
        there.notify_again(_a_notice(there), 0)
        assert forger.push_webhooks() == 0
        for server in (sender, forger, processor):
            server.close()
    assert payments.state("small/visit").state == "paid"
    assert len(list(log.read())) == before + 1


def _a_notice(there: Processor) -> Notice:
    there.faults = ProcessorFaults()
    there.charge("other", 100, "EUR", "pm_1", "")
    (notice,) = there.take_notices()
    return notice
