"""Splits keep visits apart and edge cases in, cards say what there is, pictures go when their time is over."""

from datetime import date
from pathlib import Path

import cv2
import numpy as np
import pytest
from msgspec.structs import replace
from tests.unit.labels.making import small, write_pictures

from openaisle.core.errors import InputError
from openaisle.labels.card import card, due
from openaisle.labels.dataset import SPLITS, TRAIN, DataSet, FrameLabels, Label
from openaisle.labels.edge_cases import CROWDING, LIGHT, LOOK_ALIKES, OCCLUSION, EdgeCases
from openaisle.labels.folder import read_dataset, write_dataset
from openaisle.labels.formats import size_of
from openaisle.labels.hand_over import forget
from openaisle.labels.packs import export_packs
from openaisle.labels.split import split


def person(x: float, **fields: object) -> Label:
    return Label(box_px=(x, 10.0, x + 40, 110.0), **fields)  # pyright: ignore[reportArgumentType]


def many_visits(count: int = 20, frames: int = 5) -> DataSet:
    """Every fifth visit is dark, every third has somebody hidden."""
    made = [
        FrameLabels(
            file=f"pictures/{visit:02d}-{number}.png",
            width_px=200,
            height_px=120,
            store_id=f"store-{visit % 4}",
            visit_ids=(f"v{visit}",),
            mean_grey=40.0 if visit % 5 == 0 else 100.0,
            is_checked=True,
            labels=(person(20, in_view=0.3 if visit % 3 == 0 else 1.0),),
        )
        for visit in range(count)
        for number in range(frames)
    ]
    return DataSet(frames=tuple(made))


def test_edge_cases_are_named() -> None:
    crowd = tuple(person(45.0 * at) for at in range(4))
    frame = FrameLabels(file="a.png", width_px=200, height_px=120, labels=crowd, mean_grey=100.0)
    usual = replace(frame, file="b.png", labels=())
    dataset = DataSet(frames=(frame, usual, usual))
    edge_cases = EdgeCases(dataset)
    assert edge_cases.of_frame(frame) == {CROWDING}
    assert edge_cases.of_frame(replace(frame, labels=(person(0, in_view=0.2),))) == {OCCLUSION}
    assert edge_cases.of_frame(replace(usual, mean_grey=30.0)) == {LIGHT}
    assert EdgeCases(small()).of_frame(small().frames[0]) == {LOOK_ALIKES}
    hidden = person(0, joints_px=((1.0, 1.0, 1),) * 10 + ((1.0, 1.0, 2),) * 7)
    assert edge_cases.of_frame(replace(frame, labels=(hidden,))) == {OCCLUSION}


@pytest.mark.parametrize("by", ["visit", "store"])
def test_no_visit_and_no_store_is_on_two_sides(by: str) -> None:
    dealt = split(many_visits(), by=by, check=0.2, held_out=0.3, seed=3)
    sides: dict[str, set[str]] = {}
    for frame in dealt.dataset.frames:
        key = frame.store_id if by == "store" else frame.visit_ids[0]
        sides.setdefault(key, set()).add(frame.split)
    assert {len(each) for each in sides.values()} == {1}
    assert set(dealt.groups) == set(SPLITS)


def test_every_part_gets_its_share_of_frames_and_of_edge_cases() -> None:
    dealt = split(many_visits(60), by="visit", check=0.2, held_out=0.3, seed=1)
    for name, share in (("train", 0.5), ("check", 0.2), ("held_out", 0.3)):
        for what in ("frames", OCCLUSION, LIGHT):
            whole = sum(counts.get(what, 0) for counts in dealt.counts.values())
            assert dealt.counts[name].get(what, 0) / whole == pytest.approx(share, abs=0.1)


def test_two_people_in_one_frame_tie_their_visits_together() -> None:
    frames = list(many_visits(6).frames)
    frames[0] = replace(frames[0], visit_ids=("v0", "v1"))
    dealt = split(replace(many_visits(6), frames=tuple(frames)), by="visit", check=0.2, held_out=0.3, seed=1)
    assert dealt.dataset.frames[0].split == dealt.dataset.frames[5].split == dealt.dataset.frames[9].split


def test_what_nobody_has_checked_is_in_no_part() -> None:
    dataset = many_visits()
    unchecked = tuple(replace(frame, is_checked=False, split=TRAIN) for frame in dataset.frames[:5])
    dealt = split(
        replace(dataset, frames=(*unchecked, *dataset.frames[5:])),
        by="visit",
        check=0.2,
        held_out=0.2,
        seed=1,
    )
    assert {frame.split for frame in dealt.dataset.frames[:5]} == {""}


def test_too_few_visits_are_refused() -> None:
    with pytest.raises(InputError, match="too few visits to keep apart; expected 3 or more"):
        split(many_visits(2), by="visit", check=0.2, held_out=0.2, seed=1)


def test_a_card_says_what_there_is_and_until_when() -> None:
    text = card(small(), 3, date(2027, 2, 1))
    for words in (
        "| frames | 3, of which people have looked at 3 |",
        "| product:P1 | 1 |",
        "CC-BY-4.0",
        "2027-01-31 (over)",
    ):
        assert words in text
    assert "2027-01-31 (over)" not in card(small(), 3, date(2027, 1, 31))


def test_pictures_go_when_their_time_is_over_and_skeletons_stay(tmp_path: Path) -> None:
    other = FrameLabels(file="pictures/own.png", width_px=160, height_px=120)
    dataset = replace(small(), frames=(*small().frames, other))
    write_dataset(tmp_path, dataset)
    write_pictures(tmp_path, dataset)
    cv2.imwrite(str(tmp_path / "pictures" / "stray.png"), np.zeros((4, 4, 3), np.uint8))
    assert due(dataset, date(2027, 1, 31)) == []
    assert forget(tmp_path, "2027-01-31") == []
    assert forget(tmp_path, "2027-02-01") == [frame.file for frame in small().frames]
    assert sorted(path.name for path in tmp_path.rglob("*.png")) == ["own.png", "stray.png"]
    assert read_dataset(tmp_path) == dataset
    with pytest.raises(InputError, match="not a day"):
        forget(tmp_path, "tomorrow")


def test_labelled_packs_become_pictures_to_enrol(tmp_path: Path) -> None:
    pack = replace(small().frames[0].labels[1], in_view=0.9)
    hidden = replace(pack, in_view=0.3)
    frames = (replace(small().frames[0], labels=(pack, hidden)), *small().frames[1:])
    write_dataset(tmp_path / "data", replace(small(), frames=frames))
    write_pictures(tmp_path / "data", small())
    assert export_packs(tmp_path / "data", tmp_path / "out", 8) == {"P1": 1}
    assert size_of(tmp_path / "out" / "P1" / "0001.png") == (16, 22)
    with pytest.raises(InputError, match="no packs"):
        export_packs(tmp_path / "data", tmp_path / "out", 64)
