"""What is said arrives as it was said."""

import msgspec
import numpy as np
import pytest

from openaisle.core.errors import StoreError
from openaisle.core.messages import (
    CameraDetections,
    FloorTracks,
    Message,
    ScaleBatch,
    decode,
    decode_json,
    encode,
    encode_json,
)
from openaisle.core.units import ns_from_s, s_from_ns


def detections(people: int) -> CameraDetections:
    rng = np.random.default_rng(people)
    return CameraDetections(
        camera_id="cam-1",
        captured_ns=1,
        received_ns=2,
        boxes_image_px=rng.random((people, 4), np.float32),
        scores=rng.random(people, np.float32),
        keypoints_image_px=rng.random((people, 17, 3), np.float32),
        appearance=rng.random((people, 24), np.float32),
    )


def batch() -> ScaleBatch:
    grams = np.array([[1.5, np.nan], [1809.4, -3.0]], np.float32)
    return ScaleBatch(
        scale_id="scale-A", boot_id="b", sequence=3, device_ns=4, received_ns=5, rate_hz=60.0, grams=grams
    )


@pytest.mark.parametrize("message", [batch(), detections(0), detections(3)], ids=["batch", "nobody", "three"])
def test_a_message_survives_both_encodings_bit_for_bit(message: Message) -> None:
    assert encode(decode(encode(message))) == encode(message)
    assert encode_json(decode_json(encode_json(message))) == encode_json(message)
    assert encode_json(decode(encode(message))) == encode_json(message)


def test_nobody_in_view_keeps_its_shape_through_json() -> None:
    again = decode_json(encode_json(detections(0)))
    assert isinstance(again, CameraDetections)
    assert again.keypoints_image_px.shape == (0, 17, 3)


def test_keypoints_for_another_number_of_people_are_refused() -> None:
    good = detections(2)
    with pytest.raises(
        ValueError, match=r"keypoints_image_px: expected shape \(2, 17, 3\), found \(1, 17, 3\)"
    ):
        msgspec.structs.replace(good, keypoints_image_px=good.keypoints_image_px[:1])


def test_tracks_with_a_visit_too_few_are_refused() -> None:
    with pytest.raises(AssertionError):
        FloorTracks(
            captured_ns=0,
            decided_ns=0,
            track_ids=("t1",),
            visit_ids=(),
            positions_floor_m=np.zeros((1, 2), np.float32),
            position_sd_m=np.zeros(1, np.float32),
            heights_m=np.zeros(1, np.float32),
            joints_floor_m=np.zeros((1, 17, 4), np.float32),
        )


def test_one_error_lists_every_problem_with_file_line_and_field() -> None:
    first = StoreError(
        "too dear", file="products.csv", line=3, field="price", expected="an integer", found="x"
    )
    second = StoreError("missing", file="store.toml", field="currency")
    error = StoreError.of_problems("shop", [first, second])
    assert "products.csv:3: field 'price': too dear; expected an integer, found 'x'" in str(error)
    assert "shop: 2 problems" in str(error)
    assert error.problems == (first, second)


def test_times_keep_microseconds() -> None:
    assert ns_from_s(1587531996.955074) == 1587531996955074000
    assert s_from_ns(ns_from_s(12.25)) == 12.25
