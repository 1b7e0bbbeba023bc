"""The importer of the 2020 competition's sessions, on small sessions made here."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from tests.unit.cps2020.sessions import (
    COLA,
    CRISPS,
    START,
    WATER,
    padded,
    placement,
    plate_line,
    point,
    product,
    target,
    target_line,
    write_session,
)

from openaisle.adapters.cps2020 import read_session
from openaisle.core.errors import RecordingError
from openaisle.core.messages import JOINT_INDEX, BodySkeletons, ScaleBatch
from openaisle.replay.recording import Recording, RecordingWriter

START_NS = round(START.timestamp() * 1000) * 1_000_000


def test_a_session_becomes_a_recording_that_reads_back(tmp_path: Path) -> None:
    session = read_session(write_session(tmp_path / "in"))
    with RecordingWriter(tmp_path / "out", session.store) as writer:
        for reading in session.readings:
            writer.write(reading)
    readings = list(Recording.open(tmp_path / "out").readings())
    assert [type(reading).__name__ for reading in readings] == ["ScaleBatch"] * 3 + ["BodySkeletons"]
    assert readings[0].received_ns == START_NS + 100_000_000


def test_plates_are_columns_in_the_stores_order_and_padding_is_left_out(tmp_path: Path) -> None:
    grams = padded(12, 2, 6)  # Two plates more than the planogram names on any shelf.
    grams[:, 2, 3] = 7.0
    grams[:, 1, 2] = np.nan  # No sensor there.
    session = read_session(write_session(tmp_path, plates=[plate_line(1, 0.0, grams)]))
    (gondola,) = session.store.gondolas
    assert [plate.plate_id for plate in gondola.plates] == [
        "A1.01", "A1.03", "A1.04", "A2.01", "A2.02", "A2.03", "A2.04",
    ]  # fmt: skip
    batch = next(reading for reading in session.readings if isinstance(reading, ScaleBatch))
    assert batch.grams[0].tolist() == [1000, 1000, 1000, 1000, 1000, 7, 1000]
    assert [plate.channel for plate in gondola.plates] == list(range(7))


def test_the_time_of_a_batch_is_that_of_its_last_sample(tmp_path: Path) -> None:
    session = read_session(write_session(tmp_path))
    batch = next(reading for reading in session.readings if isinstance(reading, ScaleBatch))
    assert batch.device_ns == START_NS - round(11 / 60 * 1e9)
    assert batch.device_ns + 11 / 60 * 1e9 <= batch.received_ns


def test_lost_batches_leave_a_hole_in_the_numbering_and_repeated_ones_share_a_number(tmp_path: Path) -> None:
    times_s = [0.0, 0.2, 0.2, 0.8, 1.0]
    lines = [plate_line(1, at_s, padded(12, 2, 4)) for at_s in times_s]
    session = read_session(write_session(tmp_path, plates=lines))
    assert [r.sequence for r in session.readings if isinstance(r, ScaleBatch)] == [0, 1, 1, 4, 5]


def test_gondolas_stand_where_the_planogram_says_and_face_their_shoppers(tmp_path: Path) -> None:
    planogram = [
        placement(1, 1, [1, 2], COLA, corner=(0.025, 0.0)),
        placement(1, 1, [3, 4], WATER, corner=(0.025, 0.0)),
        placement(5, 1, [1, 2, 3], CRISPS, corner=(4.3, -0.34), turn=-math.pi / 2),
    ]
    session = read_session(write_session(tmp_path, planogram=planogram))
    first, fifth = session.store.gondolas
    assert (first.gondola_id, first.origin_floor_m, first.heading_deg) == ("A", (0.025, 0.0), 0.0)
    assert (fifth.gondola_id, fifth.origin_floor_m, fifth.heading_deg) == ("B", (4.3, -0.34), -90.0)
    # Deeper into the shelf is away from the shopper, who looks east at the fifth.
    inside = session.store.shelf_point_floor_m(fifth.shelves[0], along_m=0.1, into_m=0.2)
    np.testing.assert_allclose(inside, [4.5, -0.44, 0.3], atol=1e-9)
    assert "gondola 5 has no plate data" in " ".join(session.warnings)


def test_skeletons_become_metres_with_absent_joints_unknown(tmp_path: Path) -> None:
    nan_wrist = json.dumps(
        target("2", r_wrist={"point": {"x": 1.0, "y": float("nan"), "z": 2.0}, "score": 1})
    )
    line = json.dumps(target_line(0.1, [target("1", r_elbow=point(0, -10, 45, score=None))]))
    line = line.replace('"targets": [', '"targets": [' + nan_wrist + ", ")
    session = read_session(write_session(tmp_path, targets=[line, target_line(0.2, [])]))
    first, nobody = (reading for reading in session.readings if isinstance(reading, BodySkeletons))
    assert first.body_ids == ("1", "2")
    joints = dict(zip(first.body_ids, first.joints_floor_m, strict=True))
    np.testing.assert_allclose(
        joints["1"][JOINT_INDEX["right_wrist"]], [0.381, -0.0508, 1.016, 0.9], rtol=1e-6
    )
    assert joints["1"][JOINT_INDEX["right_elbow"], 3] == 0.5  # unsaid
    assert np.isnan(joints["1"][JOINT_INDEX["left_wrist"], :3]).all()
    assert np.isnan(joints["2"][JOINT_INDEX["right_wrist"], :3]).all()
    assert nobody.body_ids == ()
    assert nobody.joints_floor_m.shape == (0, 17, 4)


def test_a_hand_stands_in_for_its_absent_wrist(tmp_path: Path) -> None:
    hands = [point(15, -2, 40), point(3, -9, 30, 0.7)]
    session = read_session(write_session(tmp_path, targets=[target_line(0.1, [target("1", hands=hands)])]))
    (body,) = (reading for reading in session.readings if isinstance(reading, BodySkeletons))
    np.testing.assert_allclose(
        body.joints_floor_m[0, JOINT_INDEX["left_wrist"]], [0.0762, -0.2286, 0.762, 0.7], rtol=1e-6
    )


def test_what_a_session_can_do_without_is_a_warning(tmp_path: Path) -> None:
    folder = write_session(
        tmp_path,
        planogram=[placement(1, 1, [1, 2], COLA), placement(1, 1, [3], ""), placement(1, 1, [4], "4711")],
        plates=["", json.dumps(plate_line(1, 0.0, padded(12, 1, 4))), "   "],
    )
    (folder / "full_targets.json").unlink()
    session = read_session(folder)
    text = "\n".join(session.warnings)
    assert "full_targets.json is missing" in text
    assert "planogram.json:2: no product" in text
    assert "planogram.json:3: product '4711'" in text
    assert [slot.product_id for slot in session.store.slots.values()] == [COLA]


def test_a_product_without_a_weight_keeps_its_place_with_a_mass_nobody_knows(tmp_path: Path) -> None:
    lines = [
        product(COLA, None),
        product(COLA, 371.0),
        product(WATER, None, price=2.5),
        product(CRISPS, 30.5),
    ]
    session = read_session(write_session(tmp_path, products=lines))
    assert session.store.products[COLA].mass_g == 371.0
    assert session.store.products[WATER].mass_g == 1.0
    assert session.store.products[WATER].price_minor == 250
    assert "weighs nothing" in " ".join(session.warnings)


@pytest.mark.parametrize(
    ("file", "lines", "where", "what"),
    [
        ("plates", ['{"document"'], "plate_data.json:1", "is no JSON"),
        ("plates", ["[1, 2]"], "plate_data.json:1", "is no document"),
        ("plates", [plate_line(1, 0, padded(12, 2, 4)), {"document": {}}], "plate_data.json:2", "plate_data"),
        ("targets", [target_line(0, [{"head": {}}])], "full_targets.json:1", "target has no id"),
        ("targets", [target_line(0, [target("1", head=3)])], "full_targets.json:1", "head"),
        ("planogram", [{"plate_ids": []}], "planogram.json:1", "planogram_product_id"),
        ("products", ["nonsense"], "products.json:1", "is no JSON"),
    ],
)
def test_what_is_wrong_is_named_with_file_line_and_field(
    tmp_path: Path, file: str, lines: list, where: str, what: str
) -> None:
    with pytest.raises(RecordingError) as error:
        read_session(write_session(tmp_path, **{file: lines}))
    assert where in str(error.value)
    assert what in str(error.value)


def test_a_batch_that_does_not_fill_its_shape_is_refused(tmp_path: Path) -> None:
    line = plate_line(1, 0, padded(12, 2, 4))
    line["document"]["plate_data"]["values"]["shape"] = [12, 3, 6]
    with pytest.raises(RecordingError, match=r"do not fill the shape; expected 864 bytes .* found 720"):
        read_session(write_session(tmp_path, plates=[line]))


def test_placements_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    lines = [
        placement(1, 1, [1, 2], COLA),
        placement(1, 1, [3], WATER),
        placement(1, 1, [4], CRISPS, (0.5, 0)),
    ]
    with pytest.raises(RecordingError, match=r"planogram.json:3: .* contradicts the other placements"):
        read_session(write_session(tmp_path, planogram=lines))


@pytest.mark.parametrize("name", ["plate_data.json", "planogram.json", "products.json"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    folder = write_session(tmp_path)
    (folder / name).unlink()
    with pytest.raises(RecordingError, match=name):
        read_session(folder)


def test_people_behind_a_gondola_raise_the_question_of_its_frame(tmp_path: Path) -> None:
    heads = [target_line(0.1 * n, [target("1", head=point(8, 30, 66))]) for n in range(30)]
    session = read_session(write_session(tmp_path, targets=heads))
    assert "the planogram's frame may be turned" in " ".join(session.warnings)
