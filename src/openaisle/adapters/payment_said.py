"""What a processor said, in the shop's words: shared by all adapters of processors."""

from __future__ import annotations

from openaisle.core.errors import PortUnavailable
from openaisle.core.messages import ProcessorSaid
from openaisle.ports import Clock


class Speaker:
    """Says it at the shop's time."""

    def __init__(self, processor: str, clock: Clock) -> None:
        self._processor = processor
        self._clock = clock

    def said(
        self, key: str, outcome: str, amount_minor: int, reference: str, reason: str = "", via: str = "answer"
    ) -> ProcessorSaid:
        return ProcessorSaid(
            key=key,
            outcome=outcome,
            amount_minor=amount_minor,
            reference=reference,
            reason=reason,
            via=via,
            said_ns=self._clock.now_ns(),
        )

    def decided(self, said: ProcessorSaid | None) -> ProcessorSaid:
        """What is there and not decided is not absent: it must not be made again. Raises PortUnavailable then."""
        if said is None:
            raise PortUnavailable(f"{self._processor} has not decided yet")
        return said
