"""Clothes as numbers: the same person is alike under another light and at another size, another person is not."""

import numpy as np

from openaisle.core.messages import JOINT_INDEX
from openaisle.detections import appearance
from openaisle.detections.crops import Floats, Pixels

RED, BLUE, GREEN = (40, 40, 190), (170, 60, 30), (40, 150, 60)
GREY_BALANCE = np.array([110.0, 110.0, 110.0])


def figure(
    top: tuple[int, int, int], trousers: tuple[int, int, int], scale: float = 1.0
) -> tuple[Pixels, Floats]:
    """A frame with a person of two colours, and the joints [1, 17, 3]."""
    frame = np.full((360, 640, 3), 120, np.uint8)
    corners = {
        "left_shoulder": (330, 100), "right_shoulder": (290, 100), "left_hip": (325, 170), "right_hip": (295, 170),
        "left_knee": (325, 230), "right_knee": (295, 230),
    }  # fmt: skip
    joints = np.zeros((1, 17, 3), np.float32)
    for name, (x, y) in corners.items():
        joints[0, JOINT_INDEX[name]] = (310 + (x - 310) * scale, 100 + (y - 100) * scale, 0.9)
    half, hip, knee = round(22 * scale), round(100 + 70 * scale), round(100 + 130 * scale)
    frame[100:hip, 310 - half : 310 + half] = top
    frame[hip:knee, 310 - half : 310 + half] = trousers
    return frame, joints


def test_vectors_are_unit_length_and_have_24_numbers() -> None:
    vector = appearance.describe(*figure(RED, BLUE), GREY_BALANCE)
    assert vector.shape == (1, appearance.FEATURES)
    assert vector.dtype == np.float32
    assert abs(float(np.linalg.norm(vector[0])) - 1) < 1e-5


def test_the_same_clothes_are_alike_at_any_size_and_under_any_light() -> None:
    near, far = figure(RED, BLUE), figure(RED, BLUE, scale=0.5)
    warm = np.array([0.8, 1.0, 1.2])
    other_light = (np.clip(near[0] * warm, 0, 255).astype(np.uint8), near[1])
    vectors = [
        appearance.describe(*near, GREY_BALANCE)[0],
        appearance.describe(*far, GREY_BALANCE)[0],
        appearance.describe(*other_light, GREY_BALANCE * warm)[0],
    ]
    assert vectors[0] @ vectors[1] > 0.97
    assert vectors[0] @ vectors[2] > 0.9


def test_other_clothes_are_not_alike() -> None:
    red = appearance.describe(*figure(RED, BLUE), GREY_BALANCE)[0]
    assert red @ appearance.describe(*figure(GREEN, BLUE), GREY_BALANCE)[0] < 0.75
    assert red @ appearance.describe(*figure(BLUE, RED), GREY_BALANCE)[0] < 0.4


def test_somebody_without_a_part_in_view_has_no_vector() -> None:
    frame, joints = figure(RED, BLUE)
    joints[:, :, 2] = 0.0
    assert not appearance.describe(frame, joints, GREY_BALANCE).any()
    joints[:, :, 2] = 0.5
    joints[:, :, 0] -= 5000
    assert not appearance.describe(frame, joints, GREY_BALANCE).any()


def test_nobody_gives_no_vectors() -> None:
    frame, joints = figure(RED, BLUE)
    assert appearance.describe(frame, joints[:0], GREY_BALANCE).shape == (0, appearance.FEATURES)


def test_what_nearly_everybody_wears_tells_nobody_apart() -> None:
    """Two in dark trousers are no more alike for them than two in trousers of any colour."""
    dark = (60, 58, 56)
    one = appearance.describe(*figure(RED, dark), GREY_BALANCE)[0]
    assert one @ appearance.describe(*figure(GREEN, dark), GREY_BALANCE)[0] < 0.5
    assert one @ appearance.describe(*figure(RED, BLUE), GREY_BALANCE)[0] > 0.3
