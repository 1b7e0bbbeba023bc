"""What a format has a place for comes back from it as it went in, for any data set."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from tests.unit.labels.making import datasets, settled, write_pictures

from openaisle.labels.dataset import DataSet
from openaisle.labels.folder import read_dataset, write_dataset
from openaisle.labels.formats import FORMATS, export
from openaisle.labels.holding import Part, reduced


@given(datasets())
def test_a_data_sets_own_folder_keeps_everything(dataset: DataSet) -> None:
    with tempfile.TemporaryDirectory() as name:
        write_dataset(Path(name), dataset)
        assert read_dataset(Path(name)) == dataset


@pytest.mark.parametrize("name", sorted(FORMATS))
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(dataset=datasets())
def test_what_a_format_can_hold_comes_back(name: str, dataset: DataSet) -> None:
    form = FORMATS[name]
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / "data", Path(folder) / "out"
        write_dataset(source, dataset)
        if name.startswith("yolo"):  # which measures by shares of the picture
            write_pictures(source, dataset)
        if not dataset.frames and name != "coco":
            return  # nothing to write a file of
        export(name, source, out)
        back, _ = form.read(out)
    expected = reduced(dataset, form.held)
    if Part.FACTS not in form.held:  # whoever exports it, says that somebody looked
        expected = _all_checked(expected)
    assert settled(back) == settled(expected)


def _all_checked(dataset: DataSet) -> DataSet:
    from msgspec.structs import replace

    return replace(dataset, frames=tuple(replace(frame, is_checked=True) for frame in dataset.frames))
