"""Video keeps every frame and its exact time, or says plainly that it does not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from openaisle.core.errors import PortUnavailable, RecordingError
from openaisle.sim.video import VideoWriter, read_video, times_path

START_NS = 1_790_000_000_123_456_789


def frames(count: int) -> list[tuple[int, np.ndarray]]:
    """Frames with a bright square that moves, at uneven times."""
    made = []
    for index in range(count):
        pixels = np.full((90, 160, 3), 60, np.uint8)
        pixels[20:60, 5 * index : 5 * index + 40] = (40, 160, 220)
        made.append((START_NS + index * 125_000_000 + index * index * 1_237, pixels))
    return made


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "cam-1.mp4"
    with VideoWriter(path, 160, 90, 8.0) as writer:
        for captured_ns, pixels in frames(20):
            writer.write(pixels, captured_ns, captured_ns + 80_000_000)
    return path


@pytest.mark.parametrize("is_live", [True, False])
def test_frames_come_back_with_their_exact_times(tmp_path: Path, is_live: bool) -> None:
    path = tmp_path / "cam-1.mp4"
    with VideoWriter(path, 160, 90, 8.0, is_live=is_live) as writer:
        for captured_ns, pixels in frames(20):
            writer.write(pixels, captured_ns)
    back = list(read_video(path))
    assert [captured_ns for captured_ns, _ in back] == [captured_ns for captured_ns, _ in frames(20)]
    for (_, seen), (_, written) in zip(back, frames(20), strict=True):
        assert np.abs(seen.astype(int) - written.astype(int)).mean() < 3


def test_the_same_frames_give_the_same_bytes(tmp_path: Path, video: Path) -> None:
    again = tmp_path / "again.mp4"
    with VideoWriter(again, 160, 90, 8.0) as writer:
        for captured_ns, pixels in frames(20):
            writer.write(pixels, captured_ns, captured_ns + 80_000_000)
    assert again.read_bytes() == video.read_bytes()
    assert times_path(again).read_bytes() == times_path(video).read_bytes()


def test_a_video_without_times_counts_from_zero(video: Path) -> None:
    times_path(video).unlink()
    stamps = [captured_ns for captured_ns, _ in read_video(video)]
    expected = [captured_ns - START_NS for captured_ns, _ in frames(20)]
    assert np.abs(np.array(stamps) - expected).max() <= 11_000


@pytest.mark.parametrize("share", [0.3, 0.7, 0.97])
def test_a_truncated_video_is_one_clear_error(video: Path, share: float) -> None:
    data = video.read_bytes()
    video.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(RecordingError, match=r"cam-1\.mp4"):
        list(read_video(video))


def test_damage_within_a_video_is_an_error(video: Path) -> None:
    data = bytearray(video.read_bytes())
    begin = data.index(b"mdat") + 900
    data[begin : begin + 200] = bytes(200)
    video.write_bytes(bytes(data))
    with pytest.raises(RecordingError, match=r"cam-1\.mp4"):
        list(read_video(video))


def test_a_missing_frame_time_is_an_error(video: Path) -> None:
    lines = times_path(video).read_text().splitlines(keepends=True)
    times_path(video).write_text("".join(lines[:-2]))
    with pytest.raises(RecordingError, match="video and times differ"):
        list(read_video(video))


def test_a_frame_too_few_is_an_error(video: Path) -> None:
    with times_path(video).open("a") as file:
        file.write(f"20,{START_NS + 10**10},{START_NS + 10**10}\n")
    with pytest.raises(RecordingError, match="video was cut; expected 21 frames, found '20 frames'"):
        list(read_video(video))


def test_a_wrong_frame_time_names_the_line(video: Path) -> None:
    lines = times_path(video).read_text().splitlines()
    index, captured_ns, received_ns = lines[6].split(",")
    lines[6] = f"{index},{int(captured_ns) + 50_000_000},{received_ns}"
    times_path(video).write_text("\n".join(lines) + "\n")
    with pytest.raises(RecordingError, match=r"times\.csv:7: field 'captured_ns'"):
        list(read_video(video))


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PortUnavailable, match="cannot write video"):
        VideoWriter(tmp_path / "no" / "cam-1.mp4", 160, 90, 8.0)
