"""Sessions of the CPS-IoT Week 2020 autonomous-checkout competition (AiFi), as readings of ours.

A session is four files of JSON lines, exported from a MongoDB: `plate_data.json` (60 Hz plates, a batch of 12 samples
of one gondola a line), `full_targets.json` (3-D skeletons in inches), `planogram.json` and `products.json`.

What the format does not say, and what we take for it:
- A batch arrives about 100 ms after its `t_origin` yet spans 183 ms: `t_origin` is the time of its last sample.
- Row 0 and column 0 of a batch are padding. So are plates that the planogram names on no shelf of the gondola:
  they repeat other plates or stand at a constant.
- An absent joint is an empty `point`; a missing coordinate beside others is 0 (Protocol Buffers leave zeros out).
- The session has no gates. Skeletons come with an identity that lasts, so there is a visit for each of them, under
  its id: whoever reads the recording opens it when the body is first seen.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from openaisle.adapters.cps2020_documents import (
    Document,
    integer_of,
    number_of,
    part_of,
    read_documents,
    text_of,
    time_ns_of,
)
from openaisle.adapters.cps2020_store import PlateGrid, build_store
from openaisle.core.errors import RecordingError
from openaisle.core.messages import JOINT_INDEX, JOINTS, BodySkeletons, Reading, ScaleBatch
from openaisle.core.units import METRES_PER_INCH, NS_PER_S
from openaisle.store.schema import Store

Floats32 = NDArray[np.float32]

JOINT_OF_FIELD: Final = {
    "head": "nose",  # The middle of the head; COCO has no better place for it.
    "l_shoulder": "left_shoulder",
    "r_shoulder": "right_shoulder",
    "l_elbow": "left_elbow",
    "r_elbow": "right_elbow",
    "l_wrist": "left_wrist",
    "r_wrist": "right_wrist",
}
CONFIDENCE_IF_UNSAID: Final = 0.5
SOURCE_ID: Final = "cps2020"


@dataclass(frozen=True)
class Session:
    """One session: the shop it happened in and what its sensors said, in arrival order."""

    store: Store
    readings: list[Reading]
    warnings: tuple[str, ...]

    def counts(self) -> dict[str, int]:
        """Readings of each kind."""
        names = [type(reading).__name__ for reading in self.readings]
        return {name: names.count(name) for name in sorted(set(names))}


@dataclass(frozen=True)
class PlateBatch:
    """One line of plate_data.json."""

    gondola: int
    last_sample_ns: int
    received_ns: int
    rate_hz: float
    grams: Floats32  # [samples, shelves, plates], padding included


def read_session(folder: Path, store_id: str = "cps2020") -> Session:
    """Read one session. Raises RecordingError naming file and line; what can be done without is a warning."""
    if not folder.is_dir():
        raise RecordingError("there is no such session", file=str(folder), expected="a folder")
    batches = [_plate_batch(document) for document in read_documents(folder / "plate_data.json")]
    if not batches:
        raise RecordingError("holds no batch", file=str(folder / "plate_data.json"))
    warnings: list[str] = []
    skeletons = _skeletons(folder / "full_targets.json", warnings)
    grids = {
        gondola: _plate_grid([batch for batch in batches if batch.gondola == gondola])
        for gondola in sorted({batch.gondola for batch in batches})
    }
    store, gondola_ids = build_store(
        store_id,
        list(read_documents(folder / "planogram.json")),
        list(read_documents(folder / "products.json")),
        grids,
        _people_floor_m(skeletons),
        warnings,
    )
    readings: list[Reading] = list(skeletons)
    for gondola, gondola_id in gondola_ids.items():
        readings += _scale_batches([b for b in batches if b.gondola == gondola], store, gondola_id)
    readings.sort(key=_arrival)
    return Session(store, readings, tuple(warnings))


# --- plates -------------------------------------------------------------------------------------------------------


def _plate_batch(document: Document) -> PlateBatch:
    data = part_of(document, "document", "plate_data")
    header = part_of(document, "document", "header")
    gondola = integer_of(document, part_of(document, data, "plate_id", "shelf_id", "gondola_id"), "id")
    rate_hz = number_of(document, data, "freq_samp", default=60.0)
    if not 1 <= rate_hz <= 1000:
        raise document.error("sampling rate makes no sense", "freq_samp", "1 to 1000 Hz", rate_hz)
    return PlateBatch(
        gondola=gondola,
        last_sample_ns=time_ns_of(document, header, "t_origin"),
        received_ns=time_ns_of(document, document.body, "date_time"),
        rate_hz=rate_hz,
        grams=_grams(document, part_of(document, data, "values")),
    )


def _grams(document: Document, values: Mapping[str, Any]) -> Floats32:
    """Samples [samples, shelves, plates]; NaN where there is no reading."""
    kind = values.get("type", "DATATYPE_FLOAT32")
    if kind != "DATATYPE_FLOAT32":
        raise document.error("samples are of an unknown type", "values.type", "DATATYPE_FLOAT32", kind)
    shape = values.get("shape")
    if not (isinstance(shape, list) and len(shape) == 3 and all(isinstance(n, int) and n > 0 for n in shape)):
        raise document.error(
            "shape makes no sense", "values.shape", "three counts: samples, shelves, plates", shape
        )
    try:
        raw = base64.b64decode(text_of(document, values, "data"), validate=True)
    except binascii.Error as error:
        raise document.error(f"samples are no base64 ({error})", "values.data") from error
    samples, shelves, plates = shape
    if len(raw) != 4 * samples * shelves * plates:
        expected = f"{4 * samples * shelves * plates} bytes for shape {shape}"
        raise document.error("samples do not fill the shape", "values.data", expected, len(raw))
    grams = np.frombuffer(raw, "<f4").reshape(samples, shelves, plates)
    return np.where(np.isfinite(grams), grams, np.float32(np.nan))


def _plate_grid(batches: Sequence[PlateBatch]) -> PlateGrid:
    """Which plates of a gondola ever gave a reading."""
    shelves = max(batch.grams.shape[1] for batch in batches)
    plates = max(batch.grams.shape[2] for batch in batches)
    speaks = np.zeros((shelves, plates), bool)
    for batch in batches:
        _, rows, columns = batch.grams.shape
        speaks[:rows, :columns] |= np.isfinite(batch.grams).any(axis=0)
    rates = [batch.rate_hz for batch in batches]
    return PlateGrid(speaks, float(np.median(rates)))


def _scale_batches(batches: Sequence[PlateBatch], store: Store, gondola_id: str) -> list[ScaleBatch]:
    """Batches of one gondola with the store's plates as columns, numbered by their own time."""
    gondola = store.gondola_of[gondola_id]
    if not gondola.plates:
        return []
    cells = [
        (shelf.level, int(plate.plate_id.rsplit(".", 1)[1]))
        for shelf in gondola.shelves
        for plate in shelf.plates
    ]
    out: list[ScaleBatch] = []
    sequence, before_ns = 0, 0
    for batch in sorted(batches, key=lambda batch: (batch.last_sample_ns, batch.received_ns)):
        samples, shelves, plates = batch.grams.shape
        period_ns = samples / batch.rate_hz * NS_PER_S
        if before_ns and batch.last_sample_ns > before_ns:
            # Batches that never came leave a hole in the numbering, as they would in a live stream.
            sequence += max(1, round((batch.last_sample_ns - before_ns) / period_ns))
        before_ns = batch.last_sample_ns
        grams = np.full((samples, len(cells)), np.nan, np.float32)
        for column, (row, place) in enumerate(cells):
            if row < shelves and place < plates:
                grams[:, column] = batch.grams[:, row, place]
        out.append(
            ScaleBatch(
                scale_id=gondola.scale_id,
                boot_id="session",
                sequence=sequence,
                device_ns=batch.last_sample_ns - round((samples - 1) / batch.rate_hz * NS_PER_S),
                received_ns=max(batch.received_ns, batch.last_sample_ns),
                rate_hz=batch.rate_hz,
                grams=grams,
            )
        )
    return out


# --- skeletons ----------------------------------------------------------------------------------------------------


def _skeletons(path: Path, warnings: list[str]) -> list[BodySkeletons]:
    if not path.is_file():
        warnings.append(f"{path.name} is missing: nobody was seen, so nothing can be billed to anybody")
        return []
    return [_skeleton(document) for document in read_documents(path)]


def _skeleton(document: Document) -> BodySkeletons:
    captured_ns = time_ns_of(document, part_of(document, "document", "header"), "t_origin")
    received_ns = max(captured_ns, time_ns_of(document, document.body, "date_time"))
    targets = part_of(document, "document", "targets", default={}).get("targets", [])
    if not (isinstance(targets, list) and all(isinstance(target, dict) for target in targets)):
        raise document.error("targets make no sense", "targets.targets", "a list of objects")
    joints = {_target_id(document, target): _joints_floor_m(document, target) for target in targets}
    body_ids = tuple(sorted(joints))
    return BodySkeletons(
        source_id=SOURCE_ID,
        captured_ns=captured_ns,
        received_ns=received_ns,
        body_ids=body_ids,
        joints_floor_m=np.array([joints[body_id] for body_id in body_ids], np.float32).reshape(
            -1, len(JOINTS), 4
        ),
    )


def _target_id(document: Document, target: Mapping[str, Any]) -> str:
    target_id = target.get("target_id")
    found = target_id.get("id") if isinstance(target_id, dict) else target_id
    if not isinstance(found, str | int) or str(found) == "":
        raise document.error("target has no id", "target_id.id", "text or a number", found)
    return str(found)


def _joints_floor_m(document: Document, target: Mapping[str, Any]) -> Floats32:
    """[17, 4]: x y z in metres and confidence; NaN and 0 where the joint is absent."""
    joints = np.full((len(JOINTS), 4), np.nan, np.float32)
    joints[:, 3] = 0.0
    for field, joint in JOINT_OF_FIELD.items():
        joints[JOINT_INDEX[joint]] = _joint(document, target.get(field), field)
    _fill_wrist_from_hands(document, target, joints)
    return joints


def _joint(document: Document, value: object, field: str) -> Floats32:
    absent = np.array([np.nan, np.nan, np.nan, 0.0], np.float32)
    if value is None:
        return absent
    point = value.get("point") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(point, dict | None):
        raise document.error("joint makes no sense", field, "an object with a point")
    if not point:
        return absent
    if any(isinstance(value, float) and math.isnan(value) for value in point.values()):
        return absent
    coordinates = [number_of(document, point, axis, default=0.0) * METRES_PER_INCH for axis in "xyz"]
    score = number_of(document, value, "score", default=CONFIDENCE_IF_UNSAID)
    return np.array([*coordinates, min(max(score, 0.0), 1.0)], np.float32)


def _fill_wrist_from_hands(document: Document, target: Mapping[str, Any], joints: Floats32) -> None:
    """Where one wrist is absent, the hand that is not the other wrist stands in for it."""
    hands = target.get("hands", [])
    if not isinstance(hands, list):
        raise document.error("hands make no sense", "hands", "a list")
    left, right = JOINT_INDEX["left_wrist"], JOINT_INDEX["right_wrist"]
    for missing, other in ((left, right), (right, left)):
        if not np.isnan(joints[missing, 0]) or np.isnan(joints[other, 0]):
            continue
        found = [_joint(document, hand, "hands") for hand in hands]
        apart = [hand for hand in found if np.linalg.norm(hand[:3] - joints[other, :3]) > 0.01]
        if apart:
            joints[missing] = apart[0]


def _people_floor_m(skeletons: Sequence[BodySkeletons]) -> NDArray[np.float64]:
    """Where heads were [points, 2]."""
    if not skeletons:
        return np.zeros((0, 2))
    heads = np.concatenate([body.joints_floor_m[:, 0, :2] for body in skeletons]).astype(np.float64)
    return heads[np.isfinite(heads).all(axis=1)]


def _arrival(reading: Reading) -> tuple[int, int, int]:
    if isinstance(reading, ScaleBatch):
        return reading.received_ns, 2, reading.device_ns
    assert isinstance(reading, BodySkeletons)
    return reading.received_ns, 1, reading.captured_ns
