"""What one decision rested on, in plain values: plates, candidates with their terms, skeletons; no picture.

Made from a recording (explain.py) or kept by a running shop for its reviewers (edge/reasons.py).
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from openaisle.core.arrays import array_from_list, decode_array, encode_array
from openaisle.core.messages import (
    Array,
    FloorTracks,
    Interaction,
    InteractionKind,
    ProductId,
    ScaleBatch,
    ShelfId,
    SlotId,
    TrackId,
    VisitId,
    WeightStep,
)
from openaisle.core.units import NS_PER_S
from openaisle.interactions.hypotheses import Hypothesis
from openaisle.interactions.weighing import Weighing
from openaisle.store.schema import Store

BEFORE_NS = 3 * NS_PER_S
AFTER_NS = 3 * NS_PER_S
NEAR_M = 2.5
_LEVEL_SAMPLES = 20


class Mover(msgspec.Struct, frozen=True, kw_only=True):
    """Units of a product and whoever moved them; None: nobody knows."""

    product_id: ProductId | None
    quantity: int
    slot_id: SlotId | None
    track_id: TrackId | None
    visit_id: VisitId | None


class Weighed(msgspec.Struct, frozen=True, kw_only=True):
    """One way that it can have come about."""

    kind: InteractionKind
    movers: tuple[Mover, ...]
    probability: float
    log_weight: float
    terms: dict[str, float]  # natural logarithms; they add up to `log_weight`


class StepClip(msgspec.Struct, frozen=True, kw_only=True):
    """One weight step that a line rests on: what plates and arms did about it, and what was weighed."""

    step: WeightStep
    mass_g: float
    mass_sd_g: float
    along_m: float  # from the shelf's left end
    along_sd_m: float
    weighed: tuple[Weighed, ...]  # likeliest first
    said: tuple[Interaction, ...]
    revisions: int  # how often it was decided
    since_s: Array  # [samples] time since the edge
    grams: Array  # [samples, plates of the shelf] less the level when it began
    tracks: tuple[FloorTracks, ...]


def clip_of(
    store: Store,
    weighing: Weighing,
    revisions: int,
    batches: Sequence[ScaleBatch],
    tracks: Sequence[FloorTracks],
) -> StepClip:
    """`batches`: of the shelf's scale; what lies outside of BEFORE_NS to AFTER_NS about the edge is left out."""
    step, change = weighing.step, weighing.change
    columns = [plate.channel for plate in store.shelves[step.shelf_id].plates]
    times_ns, grams = _samples(batches, columns)
    near = (times_ns >= step.edge_ns - BEFORE_NS) & (times_ns <= step.edge_ns + AFTER_NS)
    times_ns, grams = times_ns[near], grams[near]
    level_g = np.nanmedian(grams[:_LEVEL_SAMPLES], axis=0) if len(grams) else 0.0
    return StepClip(
        step=step,
        mass_g=change.mass_g,
        mass_sd_g=change.mass_sd_g,
        along_m=change.along_m,
        along_sd_m=change.along_sd_m,
        weighed=tuple(
            Weighed(
                kind=hypothesis.explanation.kind,
                movers=_movers(hypothesis),
                probability=probability,
                log_weight=hypothesis.log_weight,
                terms=terms,
            )
            for hypothesis, probability, terms in weighing.hypotheses
        ),
        said=weighing.said,
        revisions=revisions,
        since_s=((times_ns - step.edge_ns) / NS_PER_S).astype(np.float32),
        grams=_coarse(grams - level_g),
        tracks=tuple(
            _near(each, _middle_floor_m(store, step.shelf_id))
            for each in sorted(tracks, key=lambda message: message.captured_ns)
            if -BEFORE_NS <= each.captured_ns - step.edge_ns <= AFTER_NS
        ),
    )


def encode_clip(clip: StepClip) -> bytes:
    return _encoder.encode(clip)


def decode_clip(data: bytes) -> StepClip:
    """msgspec.DecodeError (a ValueError) if it is none."""
    return _decoder.decode(data)


def _middle_floor_m(store: Store, shelf_id: ShelfId) -> np.ndarray:
    """float64 [2] of the shelf's front edge."""
    shelf = store.shelves[shelf_id]
    middle = (shelf.left_m + shelf.width_m / 2, shelf.front_m, shelf.height_m)
    return store.gondola_of[shelf.gondola_id].floor_from_gondola.apply(np.array([middle]))[0, :2]


def _near(tracks: FloorTracks, middle_floor_m: np.ndarray) -> FloorTracks:
    """Nobody else than who stands near enough to have done it: others are none of a reviewer's business."""
    rows = np.flatnonzero(np.linalg.norm(tracks.positions_floor_m - middle_floor_m, axis=1) < NEAR_M)
    return msgspec.structs.replace(
        tracks,
        track_ids=tuple(tracks.track_ids[row] for row in rows),
        visit_ids=tuple(tracks.visit_ids[row] for row in rows),
        positions_floor_m=_coarse(tracks.positions_floor_m[rows]),
        position_sd_m=_coarse(tracks.position_sd_m[rows]),
        heights_m=_coarse(tracks.heights_m[rows]),
        joints_floor_m=_coarse(tracks.joints_floor_m[rows]),
    )


def _coarse(array: np.ndarray) -> np.ndarray:
    """To 11 bits: a centimetre in ten metres, a gram in two kilograms. What is kept compresses to half."""
    return array.astype(np.float16).astype(np.float32)


def _movers(hypothesis: Hypothesis) -> tuple[Mover, ...]:
    return tuple(
        Mover(
            product_id=part.product_id if part else None,
            quantity=part.quantity if part else 0,
            slot_id=part.slot_id if part else None,
            track_id=suspect.track_id if suspect else None,
            visit_id=suspect.visit_id if suspect else None,
        )
        for part, suspect in hypothesis.moves
    )


def _samples(batches: Sequence[ScaleBatch], columns: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """int64 [samples] device times and float64 [samples, columns] of batches in any order."""
    ordered = sorted(batches, key=lambda batch: batch.device_ns)
    if not ordered:
        return np.zeros(0, np.int64), np.zeros((0, len(columns)))
    times = [
        batch.device_ns + np.round(np.arange(len(batch.grams)) * NS_PER_S / batch.rate_hz).astype(np.int64)
        for batch in ordered
    ]
    return np.concatenate(times), np.concatenate(
        [batch.grams[:, columns].astype(np.float64) for batch in ordered]
    )


_encoder = msgspec.msgpack.Encoder(enc_hook=encode_array)
_decoder = msgspec.msgpack.Decoder(StepClip, ext_hook=decode_array, dec_hook=array_from_list)
