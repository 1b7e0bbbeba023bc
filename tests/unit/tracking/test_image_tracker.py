import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from tests.unit.tracking.walkers import boxes_at, walk

from openaisle.core.errors import InputError
from openaisle.tracks import ImageTracker
from openaisle.tracks.image import NO_BOX, STRATEGIES
from openaisle.tracks.image_evidence import EvidenceSettings


def tracker(name: str = "openaisle", fps: float = 25.0) -> ImageTracker:
    return ImageTracker(640, 480, fps, STRATEGIES[name]())


def ids_by_index(rows: np.ndarray) -> dict[int, int]:
    return {int(row[7]): int(row[4]) for row in rows if row[7] >= 0}


@pytest.mark.parametrize("name", STRATEGIES)
def test_people_who_pass_each_other_keep_their_ids(name: str) -> None:
    following = tracker(name)
    last: dict[int, int] = {}
    for boxes in walk(40, [(60.0, 200.0), (380.0, 230.0)], [(8.0, 0.0), (-8.0, 0.0)]):
        seen = ids_by_index(following.update(boxes))
        for index, who in seen.items():
            assert last.setdefault(index, who) == who
    assert set(last) == {0, 1}
    assert last[0] != last[1]


@pytest.mark.parametrize("name", STRATEGIES)
def test_frames_without_boxes_are_frames(name: str) -> None:
    following = tracker(name)
    assert following.update([]).shape == (0, 8)
    for boxes in walk(5, [(100.0, 200.0)], [(4.0, 0.0)]):
        following.update(boxes)
    for empty in ([], np.zeros((0, 6)), np.zeros((0, 0))):
        assert (following.update(empty)[:, 7] == NO_BOX).all()


@pytest.mark.parametrize("name", STRATEGIES)
@given(seed=st.integers(0, 2**32 - 1), people=st.integers(0, 6), has_looks=st.booleans())
@settings(max_examples=15)
def test_ids_are_unique_rows_are_real_and_their_order_does_not_matter(
    name: str, seed: int, people: int, has_looks: bool
) -> None:
    rng = np.random.default_rng(seed)
    one, other = tracker(name), tracker(name)
    newest = 0
    for _ in range(8):
        count = int(rng.integers(0, people + 1))
        corner = rng.uniform(0.0, 300.0, (count, 2))
        label = rng.integers(0, 2, (count, 1))
        size = rng.uniform(20.0, 150.0, (count, 2))
        boxes = np.column_stack([corner, corner + size, rng.random((count, 1)), label])
        look = rng.standard_normal((count, 5)) if has_looks else None
        order = rng.permutation(count)
        rows = one.update(boxes, look)
        shuffled = other.update(boxes[order], None if look is None else look[order])
        assert len(set(rows[:, 4])) == len(rows)
        assert (np.diff(rows[:, 4]) > 0).all()
        index = rows[rows[:, 7] >= 0, 7].astype(int)
        assert len(set(index)) == len(index)
        assert set(index) <= set(range(count))
        assert np.array_equal(rows[rows[:, 7] >= 0, 6], boxes[index, 5])
        assert (rows[:, 2:4] > rows[:, :2]).all()
        begun = rows[rows[:, 4] > newest, 4]
        newest = max(newest, *begun.astype(int), 0)
        has_box = shuffled[:, 7] >= 0
        shuffled[has_box, 7] = order[shuffled[has_box, 7].astype(int)]
        np.testing.assert_allclose(rows, shuffled)


def test_somebody_covered_for_a_second_comes_back_as_himself() -> None:
    following = tracker()
    frames = walk(60, [(60.0, 200.0)], [(5.0, 0.0)])
    before = after = {}
    for number, boxes in enumerate(frames):
        rows = following.update([] if 20 <= number < 45 else boxes)
        if number == 19:
            before = ids_by_index(rows)
        if number == 46:
            after = ids_by_index(rows)
    assert before
    assert before == after


def test_a_missed_box_is_bridged_for_a_moment_and_only_if_asked() -> None:
    for unseen_s_max, shown in ((0.13, 1), (0.0, 0)):
        following = ImageTracker(640, 480, 25, EvidenceSettings(unseen_s_max=unseen_s_max))
        for boxes in walk(10, [(60.0, 200.0)], [(5.0, 0.0)]):
            following.update(boxes)
        rows = following.update([])
        assert len(rows) == shown
        if shown:
            assert rows[0, 7] == NO_BOX
            assert abs(0.5 * (rows[0, 0] + rows[0, 2]) - 110.0) < 3.0


def test_a_doubtful_box_continues_a_track_and_begins_none() -> None:
    following = tracker()
    rows = np.zeros((0, 8))
    for boxes in walk(6, [(100.0, 200.0)], [(4.0, 0.0)]):
        rows = following.update(boxes)
    who = rows[0, 4]
    rows = following.update(
        np.concatenate([boxes_at([(124.0, 200.0)], 0.3), boxes_at([(500.0, 200.0)], 0.3)])
    )
    assert ids_by_index(rows) == {0: int(who)}


def test_nobody_changes_class() -> None:
    following = tracker()
    person = 0.0
    for _ in range(6):
        person = following.update(boxes_at([(100.0, 200.0)]))[0, 4]
    trolley = [row for row in following.update(boxes_at([(100.0, 200.0)], label=1)) if row[7] >= 0]
    assert all(row[4] != person for row in trolley)


@pytest.mark.parametrize("name", ["openaisle", "deepsort", "strongsort"])
def test_appearances_tell_apart_whom_places_do_not(name: str) -> None:
    """Two people stand where either could be the other's next place; they change places in one frame."""
    following = tracker(name, fps=5.0)
    looks, rows = np.eye(2), np.zeros((0, 8))
    for _ in range(8):
        rows = following.update(boxes_at([(200.0, 200.0), (230.0, 200.0)]), looks)
    before = ids_by_index(rows)
    after = ids_by_index(following.update(boxes_at([(216.0, 200.0), (214.0, 200.0)]), looks))
    assert before == after


def test_a_shaken_camera_loses_nobody() -> None:
    rng = np.random.default_rng(1)
    following = tracker()
    people = [(100.0 + 90.0 * number, 150.0 + 40.0 * (number % 3)) for number in range(6)]
    first: dict[int, int] = {}
    for number in range(30):
        shift = rng.uniform(-20.0, 20.0, 2) if number >= 10 else np.zeros(2)
        rows = following.update(boxes_at([(x + shift[0], y + shift[1] / 3) for x, y in people]))
        for index, who in ids_by_index(rows).items():
            assert first.setdefault(index, who) == who
    assert len(first) == 6


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        (np.zeros((2, 5)), "field 'boxes': wrong shape; expected [N, 6], found (2, 5)"),
        ("people", "field 'boxes': not an array of numbers"),
        ([[0, 0, 5, 5, 0.5, 0], [0, 0, np.nan, 5, 0.5, 0]], "field 'boxes[1, 2] (x2)'"),
        ([[9, 0, 5, 5, 0.5, 0]], "field 'boxes[0, 2] (x2)': the box cannot be; expected"),
        ([[0, 0, 5, 5, 1.5, 0]], "field 'boxes[0, 4] (score)'"),
        ([[0, 0, 5, 5, 0.5, 0.5]], "field 'boxes[0, 5] (class)'"),
    ],
)
def test_a_box_that_cannot_be_is_named(boxes: object, message: str) -> None:
    with pytest.raises(InputError) as caught:
        tracker().update(boxes)  # type: ignore[arg-type]
    assert message in str(caught.value)


def test_appearances_that_do_not_fit_are_named() -> None:
    following = tracker()
    boxes = boxes_at([(100.0, 200.0)])
    following.update(boxes, [[1.0, 0.0]])
    for look, message in (
        ([[1.0, 0.0]] * 2, "field 'appearance': not a row for each box; expected 1 rows, found 2"),
        ([[1.0, 0.0, 0.0]], "the length of appearances changed; expected 2 columns, found 3"),
        ([[np.inf, 0.0]], "field 'appearance[0]': not a number"),
    ):
        with pytest.raises(InputError) as caught:
            following.update(boxes, look)
        assert message in str(caught.value)


def test_settings_and_pictures_that_cannot_be_are_named() -> None:
    with pytest.raises(InputError, match="field 'fps': out of range; expected above 0"):
        ImageTracker(640, 480, 0)
    with pytest.raises(InputError, match="field 'width_px': out of range"):
        ImageTracker(-1, 480, 25)
    with pytest.raises(InputError, match="field 'tail': out of range; expected above 0"):
        EvidenceSettings(tail=0.0)
    with pytest.raises(InputError, match="field 'score_begin': out of order"):
        EvidenceSettings(score_sure=0.9)
