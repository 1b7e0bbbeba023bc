"""What labelling is saved is read off two curves, for all visits and for each drawing of them."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch: pip install torch==2.13.0 onnx")
pytest.importorskip("onnx", reason="starting from a file needs onnx: pip install torch==2.13.0 onnx")

from openaisle.detections.runtime import SHIPPED
from openaisle.learning.curve_figures import figure
from openaisle.learning.export import FILE_OF
from openaisle.learning.labelling_curve import NOISE, TAUGHT, Drawn, frames_for, lines, summary
from openaisle.learning.train_people import Job, Trainer, TrainSettings


def drawn(reached: float, *on_drawings: float) -> Drawn:
    return Drawn(reached=reached, on_drawings=np.array(on_drawings))


def test_frames_for_an_accuracy_lie_between_those_that_were_tried() -> None:
    reached = [(0, 0.2), (10, 0.4), (100, 0.8)]
    assert frames_for(0.1, reached) == 0
    assert frames_for(0.4, reached) == pytest.approx(10)
    assert 10 < (frames_for(0.6, reached) or 0) < 100
    assert frames_for(0.9, reached) is None


def test_what_is_saved_has_an_interval_of_its_own() -> None:
    means = {
        (NOISE, 10): drawn(0.3, 0.2, 0.4),
        (NOISE, 100): drawn(0.5, 0.5, 0.9),
        (TAUGHT, 10): drawn(0.5, 0.5, 0.5),
        (TAUGHT, 100): drawn(0.8, 0.8, 0.8),
    }
    said = summary(drawn(0.4, 0.4, 0.4), means)
    assert said["frames_needed_when_taught"] == 10
    assert said["labelling_saved"] == pytest.approx(0.9)
    low, high = said["labelling_saved_interval"]  # in the second drawing nothing is saved
    assert low < 0.1 < 0.8 < high
    points = [{"seed": 1}, {"seed": 2}]
    text = "\n".join(lines({**said, "figure": "box AP50", "held_out_visits": 9, "points": points}))
    assert "what 100 frames give from noise (0.500) takes 10 after rendered pictures: 90% less" in text


@pytest.mark.parametrize("job", ["boxes", "keypoints"])
def test_a_figure_of_visits_drawn_twice_is_that_of_each_once(job: Job, data: Path, tmp_path: Path) -> None:
    network = Trainer(job, [data], tmp_path, TrainSettings(pictures=0), SHIPPED / FILE_OF[job]).averaged
    reached, visits = figure(job, network, data)
    once = reached(np.ones(visits))
    assert 0.3 < once <= 1
    assert reached(np.full(visits, 2.0)) == pytest.approx(once)
