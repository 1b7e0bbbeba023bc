"""Windows end as early as they can and as late as they must."""

import numpy as np
from tests.unit.tracks.walkers import bare_room

from openaisle.core.messages import CameraDetections
from openaisle.core.units import NS_PER_MS, NS_PER_S
from openaisle.tracks.sightings import Rig
from openaisle.tracks.window import FrameWindow

PERIOD_NS = NS_PER_S // 8
START_NS = 1000 * NS_PER_S


def frame(camera: int, captured_ms: float) -> CameraDetections:
    captured_ns = START_NS + round(captured_ms * NS_PER_MS)
    return CameraDetections(
        camera_id=f"cam-{camera}",
        captured_ns=captured_ns,
        received_ns=captured_ns,
        boxes_image_px=np.zeros((0, 4), np.float32),
        scores=np.zeros(0, np.float32),
        keypoints_image_px=np.zeros((0, 17, 3), np.float32),
        appearance=np.zeros((0, 0), np.float32),
    )


def window_of(cameras: int = 2) -> FrameWindow:
    return FrameWindow(Rig.of(bare_room(cameras).cameras))


def times_ms(window: FrameWindow, now_ms: float) -> tuple[float, list[float]] | None:
    taken = window.take(START_NS + round(now_ms * NS_PER_MS))
    if taken is None:
        return None
    until_ns, frames = taken
    return (until_ns - START_NS) / NS_PER_MS, [(f.captured_ns - START_NS) / NS_PER_MS for f in frames]


def test_a_window_ends_as_soon_as_no_camera_can_still_have_a_frame_for_it() -> None:
    window = window_of()
    window.add([frame(1, -105), frame(2, -35)], START_NS)
    assert times_ms(window, 60) == (0, [-105, -35])
    window.add([frame(1, 20)], START_NS + 100 * NS_PER_MS)
    assert times_ms(window, 100) is None
    window.add([frame(2, 90)], START_NS + 160 * NS_PER_MS)
    assert times_ms(window, 160) == (125, [20, 90])
    assert times_ms(window, 161) is None


def test_a_camera_that_lags_holds_a_window_for_a_fifth_second_at_most() -> None:
    window = window_of()
    window.add([frame(1, 20), frame(2, 30), frame(1, 145)], START_NS + 200 * NS_PER_MS)
    assert times_ms(window, 200) == (125, [20, 30])
    assert times_ms(window, 449) is None
    assert times_ms(window, 450) == (250, [145])


def test_a_frame_that_missed_its_window_is_used_in_the_next_and_a_very_late_one_is_not() -> None:
    window = window_of()
    window.add([frame(1, 20), frame(1, 145)], START_NS + 150 * NS_PER_MS)
    assert times_ms(window, 330) == (125, [20])
    window.add([frame(2, 30)], START_NS + 340 * NS_PER_MS)
    assert times_ms(window, 460) == (250, [30, 145])
    window.add([frame(1, 520), frame(1, 645), frame(2, -10)], START_NS + 650 * NS_PER_MS)
    late = [at_ms for taken in iter(lambda: times_ms(window, 1000), None) for at_ms in taken[1]]
    assert late == [520, 645]


def test_a_long_silence_costs_one_window_not_thousands() -> None:
    window = window_of()
    window.add([frame(1, 20), frame(2, 30)], START_NS)
    hour_ms = 3_600_000.0
    count = 0
    while times_ms(window, hour_ms) is not None:
        count += 1
    assert count <= 3
    window.add([frame(1, hour_ms + 10)], START_NS + round((hour_ms + 60) * NS_PER_MS))
    taken = times_ms(window, hour_ms + 400)
    while taken is not None and not taken[1]:
        taken = times_ms(window, hour_ms + 400)
    assert taken is not None
    assert taken[1] == [hour_ms + 10]


def test_frames_of_cameras_that_the_store_does_not_have_are_ignored() -> None:
    window = window_of()
    window.add([frame(9, 20)], START_NS)
    assert window.take(START_NS + NS_PER_S) is None
