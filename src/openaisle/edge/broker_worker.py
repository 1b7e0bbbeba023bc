"""The process of the embedded broker."""

from __future__ import annotations

from openaisle.adapters.broker_amqtt import run_broker
from openaisle.edge.settings import LOOPBACK
from openaisle.edge.worker import Context


def run(context: Context) -> None:
    def is_stopping() -> bool:
        context.beat()
        return context.is_stopping

    run_broker(LOOPBACK, context.broker_port, on_ready=context.ready, is_stopping=is_stopping)
