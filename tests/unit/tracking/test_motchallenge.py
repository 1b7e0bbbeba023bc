from pathlib import Path

import numpy as np
import pytest

from openaisle.adapters.motchallenge import BoxRows, read_boxes, write_boxes
from openaisle.core.errors import InputError


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "det.txt"
    path.write_text(text)
    return path


def test_what_is_written_reads_back_equal(tmp_path: Path) -> None:
    rows = BoxRows(
        np.array([1, 1, 4]),
        np.array([7, 8, 7]),
        np.array([[1.5, 2.25, 11.5, 42.25], [-3.0, 0.0, 20.0, 9.0], [2.0, 2.0, 12.0, 42.0]]),
        np.array([0.5, 1.0, 0.25]),
    )
    write_boxes(tmp_path / "res.txt", rows)
    read = read_boxes(tmp_path / "res.txt", needs_ids=True)
    for ours, back in zip(vars(rows).values(), vars(read).values(), strict=True):
        np.testing.assert_array_equal(ours, back)


def test_frames_come_in_order_whatever_the_file_says_and_empty_ones_are_there(tmp_path: Path) -> None:
    rows = read_boxes(written(tmp_path, "3,-1,1,1,5,5,0.5\n1,-1,2,2,5,5,0.7,-1,-1,-1\n\n1,-1,3,3,5,5,0.6\n"))
    assert rows.frame.tolist() == [1, 1, 3]
    assert [rows.score[each].tolist() for each in rows.frames(4)] == [[0.7, 0.6], [], [0.5], []]
    assert rows.until(2).frame_count == 1


def test_a_file_without_a_box_is_no_box_and_no_error(tmp_path: Path) -> None:
    rows = read_boxes(written(tmp_path, ""), needs_ids=True)
    assert len(rows) == 0
    assert rows.frame_count == 0
    assert list(rows.frames()) == []


def test_ground_truth_without_a_score_counts_fully(tmp_path: Path) -> None:
    assert read_boxes(written(tmp_path, "1,2,0,0,5,5\n")).score.tolist() == [1.0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,-1,2,2\n", "det.txt:1: the line is no box; expected 6 to 10 numbers"),
        ("1,-1,2,2,5,5,1,-1,-1,-1,9\n", "found '11 columns'"),
        ("1,-1,2,2,5,5,1\n1,-1,2,tall,5,5,1\n", "det.txt:2: field 'top': not a number"),
        ("1,-1,2,2,nan,5,1\n", "det.txt:1: field 'width': not a number"),
        ("1,-1,2,2,0,5,1\n", "det.txt:1: field 'width': out of range; expected pixels above 0"),
        ("1,-1,2e9,2,5,5,1\n", "det.txt:1: field 'left': out of range"),
        ("0,-1,2,2,5,5,1\n", "det.txt:1: field 'frame': out of range; expected a whole number from 1"),
        ("1.5,-1,2,2,5,5,1\n", "det.txt:1: field 'frame': out of range"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read_boxes(written(tmp_path, text))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2,1,2,2,5,5,1\n1,-1,2,2,5,5,1\n", "det.txt:2: field 'id': the box has no id"),
        ("2,1,2,2,5,5,1\n1,1,2,2,5,5,1\n2,1,9,2,5,5,1\n", "det.txt:3: field 'id': id 1 is in frame 2 twice"),
    ],
)
def test_tracks_need_one_id_a_box(tmp_path: Path, text: str, message: str) -> None:
    path = written(tmp_path, text)
    read_boxes(path)
    with pytest.raises(InputError) as caught:
        read_boxes(path, needs_ids=True)
    assert message in str(caught.value)


def test_a_missing_file_and_one_of_bytes_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.txt: the file cannot be read"):
        read_boxes(tmp_path / "none.txt")
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="the file is not text"):
        read_boxes(tmp_path / "bytes.txt")
