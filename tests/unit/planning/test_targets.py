import numpy as np
import pytest

from openaisle.planning.catalogue import camera_models
from openaisle.planning.targets import BODY_HEIGHT_M, hidden_by_people, px_per_m_at


def is_hidden(eye, point, person, normal=(np.nan, np.nan)) -> bool:
    return bool(
        hidden_by_people(np.array([eye], float), np.array([point], float), np.array([person], float),
                         np.array([normal], float))[0]
    )  # fmt: skip


def test_somebody_between_hides_and_somebody_aside_does_not() -> None:
    eye, hand = (4.0, 0.0, 2.5), (0.0, 0.0, 1.0)
    assert is_hidden(eye, hand, (0.5, 0.0))
    assert not is_hidden(eye, hand, (0.5, 0.6))
    assert not is_hidden(eye, hand, (-0.5, 0.0))
    assert not is_hidden(eye, hand, (5.0, 0.0))


def test_a_steep_view_passes_over_heads() -> None:
    hand = (0.0, 0.0, 1.4)
    assert is_hidden((3.0, 0.0, 2.5), hand, (0.6, 0.0))
    assert not is_hidden((0.8, 0.0, BODY_HEIGHT_M + 1.0), hand, (0.7, 0.0))


def test_people_are_wider_than_deep() -> None:
    """Facing a shelf whose shoppers look north: shoulders run east to west."""
    eye, hand = (0.27, -4.0, 2.0), (0.27, 0.0, 1.0)
    assert is_hidden(eye, hand, (0.0, -0.45), normal=(0.0, -1.0))
    assert not is_hidden((-4.0, -0.27, 2.0), (0.0, -0.27, 1.0), (-0.5, 0.0), normal=(0.0, -1.0))


@pytest.mark.parametrize("model", camera_models(), ids=lambda model: model.model_id)
def test_pixels_a_metre_are_what_the_lens_projects(model) -> None:
    camera = model.at((0.0, 0.0, 2.5), 0.0, 35.0)
    rng = np.random.default_rng(1)
    points = np.column_stack(
        [rng.uniform(1.0, 5.0, 40), rng.uniform(-1.5, 1.5, 40), rng.uniform(0.0, 2.0, 40)]
    )
    said = px_per_m_at(camera, points, camera.lens.width_px)
    for point, density in zip(points, said, strict=True):
        ray = point - np.array(camera.position_floor_m)
        across = np.cross(ray, [0.0, 0.0, 1.0])
        across /= np.linalg.norm(across)
        other = np.cross(ray, across)
        other /= np.linalg.norm(other)
        turns = np.linspace(0, np.pi, 90)
        ends = point + 5e-4 * (np.cos(turns)[:, None] * across + np.sin(turns)[:, None] * other)
        starts = 2 * point - ends
        spans = np.linalg.norm(camera.project(ends) - camera.project(starts), axis=1) / 1e-3
        assert density == pytest.approx(spans.min(), rel=0.01)
