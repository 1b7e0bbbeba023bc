"""Small sessions in the 2020 competition's format, written as its export wrote them."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

START = datetime(2020, 4, 22, 5, 6, 36, 859_000, tzinfo=UTC)
PITCH_M = 0.1016
COLA, WATER, CRISPS = "049000042566", "071142008582", "028400040037"


def iso(after_s: float) -> str:
    return (START + timedelta(seconds=after_s)).isoformat(timespec="microseconds").replace("+00:00", "Z")


def plate_line(gondola: int, at_s: float, grams: np.ndarray, late_s: float = 0.1) -> dict[str, Any]:
    """A batch [samples, shelves, plates], padding included, whose last sample was taken at `at_s`."""
    data = base64.b64encode(np.ascontiguousarray(grams, "<f4").tobytes()).decode()
    return {
        "date_time": {"$date": iso(at_s + late_s)},
        "document": {
            "header": {"t_origin": iso(at_s)},
            "plate_data": {
                "plate_id": {"shelf_id": {"gondola_id": {"id": gondola}}},
                "freq_samp": 60.0,
                "values": {"data": data, "shape": list(grams.shape), "type": "DATATYPE_FLOAT32"},
            },
        },
    }


def padded(samples: int, shelves: int, plates: int, level_g: float = 1000.0) -> np.ndarray:
    """Steady grams with row 0 and column 0 empty."""
    grams = np.full((samples, shelves + 1, plates + 1), level_g, np.float32)
    grams[:, 0], grams[:, :, 0] = np.nan, np.nan
    return grams


def placement(
    gondola: int,
    shelf: int,
    plates: Sequence[int],
    product_id: str,
    corner: tuple[float, float] = (0.0, 0.0),
    turn: float = 0.0,
) -> dict[str, Any]:
    """One line of planogram.json: plates count from 1, shelves stand 0.3 m apart."""
    left = (plates[0] - 1) * PITCH_M
    size = {"dim_x": len(plates) * PITCH_M, "dim_y": 0.4, "dim_z": 0.25}
    at = {"x": corner[0] + np.cos(turn) * left, "y": corner[1] + np.sin(turn) * left, "z": 0.3 * shelf}
    return {
        "plate_ids": [
            {"shelf_id": {"gondola_id": {"id": gondola}, "shelf_index": shelf}, "plate_index": plate}
            for plate in plates
        ],
        "planogram_product_id": {"barcode_type": "UPC", "id": product_id} if product_id else {},
        "coordinates": {"transform": {"translation": {"x": left} if left else {}, "rotation": {}}, **size},
        "global_coordinates": {
            "transform": {"translation": at, "rotation": {"z": turn} if turn else {}},
            **size,
        },
    }


def product(product_id: str, weight: float | None, **metadata: Any) -> dict[str, Any]:
    metadata = {"name": f"Product {product_id}", "price": 1, **metadata}
    if weight is not None:
        metadata["weight"] = weight
    return {"product_id": {"barcode_type": "UPC", "id": product_id}, "metadata": metadata}


def point(x: float, y: float, z: float, score: float | None = 0.9) -> dict[str, Any]:
    """A joint in inches."""
    joint: dict[str, Any] = {"point": {"x": x, "y": y, "z": z}}
    return joint if score is None else {**joint, "score": score}


def target(target_id: str, **joints: Any) -> dict[str, Any]:
    return {
        "target_id": {"id": target_id},
        "target_state": "TARGETSTATE_VALID_ENTRANCE",
        "head": point(10.0, -20.0, 66.0),
        "neck": {"point": {}},
        "l_shoulder": {"point": {}},
        "r_shoulder": point(12.0, -20.0, 58.0),
        "l_elbow": {"point": {}},
        "r_elbow": point(14.0, -10.0, 45.0),
        "l_wrist": {"point": {}},
        "r_wrist": point(15.0, -2.0, 40.0),
        **joints,
    }


def target_line(at_s: float, targets: Sequence[Mapping[str, Any]], late_s: float = 2.3) -> dict[str, Any]:
    return {
        "date_time": {"$date": iso(at_s + late_s)},
        "document": {
            "header": {"t_origin": iso(at_s)},
            "targets": {"targets": list(targets)} if targets else {},
        },
    }


def write_session(
    folder: Path,
    *,
    plates: Sequence[Mapping[str, Any] | str] | None = None,
    targets: Sequence[Mapping[str, Any] | str] | None = None,
    planogram: Sequence[Mapping[str, Any] | str] | None = None,
    products: Sequence[Mapping[str, Any] | str] | None = None,
) -> Path:
    """Write a whole small session, each file replaced by what is given (text as it stands)."""
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, Sequence[Mapping[str, Any] | str]] = {
        "plate_data.json": plates or [plate_line(1, 0.2 * n, padded(12, 2, 4)) for n in range(3)],
        "full_targets.json": targets or [target_line(0.1, [target("111")])],
        "planogram.json": planogram
        or [
            placement(1, 1, [1, 2], COLA),
            placement(1, 1, [3, 4], WATER),
            placement(1, 2, [1, 2, 3, 4], CRISPS),
        ],
        "products.json": products or [product(COLA, 371.0), product(WATER, 621.67), product(CRISPS, 30.5)],
    }
    for name, lines in files.items():
        text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
        (folder / name).write_text(text + "\n", encoding="utf-8")
    return folder
