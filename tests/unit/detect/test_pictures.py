"""Files that anybody may have: pictures, videos, and what only says that it is one."""

from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from openaisle.adapters.pictures import PictureFile
from openaisle.core.errors import InputError
from openaisle.core.units import NS_PER_S
from openaisle.sim.video import VideoWriter

PIXELS = np.random.default_rng(1).integers(0, 255, (48, 64, 3), np.uint8)


def _video(path: Path, frames: int = 10, fps: float = 5.0) -> Path:
    with VideoWriter(path, 64, 48, fps, has_times=False) as video:
        for number in range(frames):
            video.write(np.full_like(PIXELS, 20 * number % 256), 77 + round(number * NS_PER_S / fps))
    return path


def test_a_picture_is_known_by_its_content(tmp_path: Path) -> None:
    path = tmp_path / "photo.dat"
    path.write_bytes(cv2.imencode(".png", PIXELS)[1].tobytes())
    file = PictureFile.open(path)
    (shot,) = file.shots()
    assert not file.is_video
    assert shot.frame_index is None
    assert np.array_equal(shot.pixels, PIXELS)


def test_a_grey_picture_has_three_channels(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "grey.png"), PIXELS[:, :, 0])
    (shot,) = PictureFile.open(tmp_path / "grey.png").shots()
    assert shot.pixels.shape == (48, 64, 3)


def test_a_video_gives_each_nth_frame_with_its_index_and_time_from_the_start(tmp_path: Path) -> None:
    file = PictureFile.open(_video(tmp_path / "a.mp4"))
    shots = list(file.shots(every=3))
    assert file.is_video
    assert file.frame_count == 10
    assert [shot.frame_index for shot in shots] == [0, 3, 6, 9]
    assert [round(shot.time_ns / NS_PER_S, 3) for shot in shots] == [0.0, 0.6, 1.2, 1.8]
    assert [round(float(shot.pixels.mean()) / 20) for shot in shots] == [0, 3, 6, 9]


def test_frames_of_a_container_without_times_are_counted(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.avi"), mode="w") as container:
        stream = container.add_stream("mpeg4", rate=5)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.max_b_frames = 2
        for _ in range(10):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(PIXELS, format="bgr24")))
        container.mux(stream.encode(None))
    shots = list(PictureFile.open(tmp_path / "a.avi").shots())
    assert [round(shot.time_ns / NS_PER_S, 3) for shot in shots] == [round(0.2 * n, 3) for n in range(10)]


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("none.jpg", None, "none.jpg: there is no such file"),
        ("empty.jpg", b"", "empty.jpg: the file is empty"),
        ("words.jpg", b"this is no picture", "words.jpg: the file is neither"),
    ],
)
def test_a_file_that_is_neither_is_named(tmp_path: Path, name: str, data: bytes | None, words: str) -> None:
    if data is not None:
        (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=words):
        PictureFile.open(tmp_path / name)


def test_a_video_that_was_cut_is_named(tmp_path: Path) -> None:
    whole = _video(tmp_path / "a.mp4", frames=40).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"cut\.mp4"):
        list(PictureFile.open(tmp_path / "cut.mp4").shots())
