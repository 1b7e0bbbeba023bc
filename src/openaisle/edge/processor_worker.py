"""The process of a demo's payment processor: simulated money behind real HTTP."""

from __future__ import annotations

import time

from openaisle.edge.worker import Context
from openaisle.sim.processor import NO_FAULTS, Processor
from openaisle.sim.processor_http import ProcessorServer


def run(context: Context) -> None:
    settings = context.settings
    assert settings.simulation is not None
    processor = Processor(context.clock.now_ns, faults=NO_FAULTS, seed=settings.simulation.seed)
    server = ProcessorServer(processor, context.clock.now_ns, port=context.processor_port)
    context.ready()
    while not context.is_stopping:
        context.beat()
        time.sleep(0.1)
    server.close()
