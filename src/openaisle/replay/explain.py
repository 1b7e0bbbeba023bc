"""Why is this line on the receipt? A recording played again, with everything that was weighed for one line kept.

A recording gives the same decisions again, byte for byte, so the reasons can be had at any time later. What a running
shop keeps for its reviewers is the same clips (edge/reasons.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from openaisle.adapters.event_log_memory import MemoryEventLog
from openaisle.core.errors import InputError
from openaisle.core.messages import (
    AnyMessage,
    FloorTracks,
    Interaction,
    Reading,
    Receipt,
    ReceiptLine,
    ReviewOpened,
    ScaleBatch,
)
from openaisle.interactions.weighing import Weighing
from openaisle.pipeline import Pipeline
from openaisle.replay.clips import AFTER_NS, BEFORE_NS, StepClip, clip_of
from openaisle.replay.player import play
from openaisle.replay.recording import Recording


@dataclass(frozen=True)
class Reasons:
    """All about one line."""

    receipt: Receipt
    line: ReceiptLine
    interactions: tuple[Interaction, ...]  # in the order they happened; hand-overs have no step
    steps: tuple[StepClip, ...]
    reviews: tuple[ReviewOpened, ...]


def explain(recording: Recording, visit_id: str, code: str) -> Reasons:
    """Why `visit_id` was billed `code` (a GTIN or a product id). Raises InputError that says what there is."""
    weighings: dict[str, list[Weighing]] = {}
    kept: dict[str, Interaction] = {}
    receipts: list[Receipt] = []
    reviews: list[ReviewOpened] = []

    def hear(message: AnyMessage, _: int) -> None:
        if isinstance(message, Interaction):
            kept[message.interaction_id] = message
        elif isinstance(message, Receipt):
            receipts.append(message)
        elif isinstance(message, ReviewOpened):
            reviews.append(message)

    def watch(weighing: Weighing) -> None:
        weighings.setdefault(weighing.step.step_id, []).append(weighing)

    path = Pipeline(recording.store, MemoryEventLog(), watch=watch)
    play(recording.readings(), path, keep=lambda _: False, hear=hear, until_visit=visit_id)
    receipt, line = _line(receipts, visit_id, code)
    about = sorted(
        (kept[interaction_id] for interaction_id in line.evidence if interaction_id in kept),
        key=lambda interaction: interaction.happened_ns,
    )
    step_ids = list(dict.fromkeys(step_id for interaction in about for step_id in interaction.step_ids))
    found = [weighings[step_id] for step_id in step_ids if step_id in weighings]
    return Reasons(
        receipt=receipt,
        line=line,
        interactions=tuple(about),
        steps=tuple(_seen(recording, found, visit_id)),
        reviews=tuple(review for review in reviews if review.interaction_id in line.evidence),
    )


def _line(receipts: list[Receipt], visit_id: str, code: str) -> tuple[Receipt, ReceiptLine]:
    receipt = next((receipt for receipt in receipts if receipt.visit_id == visit_id), None)
    if receipt is None:
        found = [receipt.visit_id for receipt in receipts]
        raise InputError("there is no such receipt", field="LINE", expected="VISIT/PRODUCT", found=found)
    line = next((line for line in receipt.lines if code in (line.gtin, line.product_id)), None)
    if line is None:
        lines = ", ".join(f"{visit_id}/{line.gtin or line.product_id}" for line in receipt.lines)
        raise InputError("the receipt has no such line", field="LINE", expected=lines or "none", found=code)
    return receipt, line


def _seen(recording: Recording, found: list[list[Weighing]], visit_id: str) -> Iterable[StepClip]:
    """The same once more, for what plates and arms did about each step."""
    store = recording.store
    spans = [(each[-1].step.edge_ns - BEFORE_NS, each[-1].step.edge_ns + AFTER_NS) for each in found]
    tracks: list[list[FloorTracks]] = [[] for _ in found]
    batches: list[list[ScaleBatch]] = [[] for _ in found]
    scale_ids = [
        store.gondola_of[store.shelves[each[-1].step.shelf_id].gondola_id].scale_id for each in found
    ]

    def hear(message: AnyMessage, _: int) -> None:
        if isinstance(message, FloorTracks):
            for (from_ns, until_ns), mine in zip(spans, tracks, strict=True):
                if from_ns <= message.captured_ns <= until_ns:
                    mine.append(message)

    def collected() -> Iterable[Reading]:
        for reading in recording.readings():
            if isinstance(reading, ScaleBatch):
                for (from_ns, until_ns), scale_id, mine in zip(spans, scale_ids, batches, strict=True):
                    if reading.scale_id == scale_id and from_ns <= reading.device_ns <= until_ns:
                        mine.append(reading)
            yield reading

    path = Pipeline(store, MemoryEventLog())
    play(collected(), path, keep=lambda _: False, hear=hear, until_visit=visit_id)
    for each, mine, seen in zip(found, batches, tracks, strict=True):
        yield clip_of(store, each[-1], len(each), mine, seen)
