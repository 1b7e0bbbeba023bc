"""The process of a demo's payment processor: simulated money behind real HTTP."""

from __future__ import annotations

import time
from typing import Final

from openaisle.edge.processors import SIMULATED_SECRET, WEBHOOKS
from openaisle.edge.worker import Context
from openaisle.sim.processor import Processor, ProcessorFaults
from openaisle.sim.processor_http import ProcessorServer

FAULTS: Final = ProcessorFaults(lost_answer=0.05, webhook_twice=0.1, webhook_late_s_max=5.0)
"""A demo's processor is a good one, over a good line."""


def run(context: Context) -> None:
    settings = context.settings
    assert settings.simulation is not None
    processor = Processor(context.clock.now_ns, faults=FAULTS, seed=settings.simulation.seed)
    host, port = context.gate_address
    server = ProcessorServer(
        processor,
        context.clock.now_ns,
        port=context.processor_port,
        webhook_url=f"http://{host}:{port}{WEBHOOKS}",
        webhook_secret=SIMULATED_SECRET,
    )
    context.ready()
    while not context.is_stopping:
        context.beat()
        server.push_webhooks()
        time.sleep(0.1)
    server.close()
