"""Recordings come back bit for bit, and a damaged one is refused with the spot named."""

import gzip
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as npst
from tests.unit.carts.small_store import small_store

from openaisle.core.errors import RecordingError
from openaisle.core.messages import BodySkeletons, CameraDetections, GateTap, Reading, ScaleBatch, encode
from openaisle.replay.recording import Recording, RecordingWriter, arrival_key
from openaisle.replay.streams import shortest_floats

START_NS = 1_700_000_000_000_000_000
MS = 1_000_000


def batch(sequence: int, *, received_ns: int | None = None, boot_id: str = "boot-1") -> ScaleBatch:
    rng = np.random.default_rng(sequence)
    grams = rng.normal(1500.0, 400.0, (12, 8)).astype(np.float32)
    grams[:, 3] = np.nan
    device_ns = START_NS + sequence * 200 * MS
    return ScaleBatch(
        scale_id="scale-A",
        boot_id=boot_id,
        sequence=sequence,
        device_ns=device_ns,
        received_ns=received_ns or device_ns + 298 * MS,
        rate_hz=60.0,
        grams=grams,
    )


def tap(received_ns: int) -> GateTap:
    return GateTap(
        gate_id="entry",
        direction="entry",
        visit_id="visit-1",
        tapped_ns=received_ns - MS,
        received_ns=received_ns,
    )


def people(received_ns: int, count: int) -> CameraDetections:
    rng = np.random.default_rng(received_ns % 2**32)
    return CameraDetections(
        camera_id="cam-1",
        captured_ns=received_ns - 80 * MS,
        received_ns=received_ns,
        boxes_image_px=rng.uniform(0, 640, (count, 4)).astype(np.float32),
        scores=rng.uniform(0, 1, count).astype(np.float32),
        keypoints_image_px=rng.uniform(0, 640, (count, 17, 3)).astype(np.float32),
        appearance=rng.normal(0, 1, (count, 8)).astype(np.float32),
    )


def bodies(received_ns: int) -> BodySkeletons:
    joints = np.full((1, 17, 4), np.nan, np.float32)
    joints[0, :7] = 1.25
    return BodySkeletons(
        source_id="poses",
        captured_ns=received_ns - 2_000 * MS,
        received_ns=received_ns,
        body_ids=("body-1",),
        joints_floor_m=joints,
    )


def a_day() -> list[Reading]:
    first_ns = START_NS + 298 * MS
    readings: list[Reading] = [batch(sequence) for sequence in range(20)]
    readings += [batch(7), batch(0, received_ns=START_NS + 5_000 * MS, boot_id="boot-2")]
    readings += [
        tap(first_ns),
        people(first_ns, 2),
        people(first_ns + 125 * MS, 1),
        bodies(first_ns + 10 * MS),
    ]
    return readings


def write(folder: Path, readings: list[Reading]) -> Path:
    with RecordingWriter(folder, small_store(), about={"command": "test"}) as writer:
        for reading in readings:
            writer.write(reading)
    return folder


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("recorded") / "day", a_day())


@pytest.fixture
def damaged(recorded: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(recorded, tmp_path / "day"))


def test_readings_come_back_bit_for_bit_in_arrival_order(recorded: Path) -> None:
    expected = [encode(reading) for reading in sorted(a_day(), key=arrival_key)]
    assert [encode(reading) for reading in Recording.open(recorded).readings()] == expected


def test_what_real_people_look_like_is_never_written(tmp_path: Path) -> None:
    with RecordingWriter(tmp_path / "real", small_store(), keeps_looks=False) as writer:
        writer.write(people(START_NS, 2))
    (seen,) = Recording.open(tmp_path / "real").readings()
    assert isinstance(seen, CameraDetections)
    assert seen.appearance.size == 0
    assert np.array_equal(seen.keypoints_image_px, people(START_NS, 2).keypoints_image_px)


def test_the_order_of_writing_changes_no_byte(recorded: Path, tmp_path: Path) -> None:
    again = write(tmp_path / "again", list(reversed(a_day())))
    assert files_of(again) == files_of(recorded)


def test_the_store_comes_back(recorded: Path) -> None:
    assert Recording.open(recorded).store == small_store()


@given(npst.arrays(np.float32, st.integers(0, 6), elements=st.floats(width=32)))
@settings(max_examples=300, deadline=None)
def test_shortest_floats_lose_nothing(array: np.ndarray) -> None:
    back = np.array(shortest_floats(array), dtype=np.float32)
    np.testing.assert_array_equal(back, array)
    np.testing.assert_array_equal(np.signbit(back)[array == 0], np.signbit(array)[array == 0])


def test_floats_are_written_short() -> None:
    assert shortest_floats(np.array([0.1, 1809.4, 1e-3, 5.0], np.float32)) == [0.1, 1809.4, 1e-3, 5.0]


def test_an_unfinished_recording_has_no_folder_of_its_name(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path / "day", small_store())
    writer.write(batch(0))
    assert not (tmp_path / "day").exists()
    with pytest.raises(RecordingError, match="no such recording"):
        Recording.open(tmp_path / "day")
    with pytest.raises(RecordingError, match="no finished recording"):
        Recording.open(writer.folder)
    writer.discard()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_writer_left_does_not_stop_the_next_one(tmp_path: Path) -> None:
    RecordingWriter(tmp_path / "day", small_store()).write(batch(0))
    assert len(list(Recording.open(write(tmp_path / "day", a_day())).readings())) == len(a_day())


def test_a_recording_is_never_overwritten(recorded: Path) -> None:
    with pytest.raises(RecordingError, match="something already"):
        RecordingWriter(recorded, small_store())


def test_a_batch_that_does_not_fit_the_store_is_refused(tmp_path: Path) -> None:
    with RecordingWriter(tmp_path / "day", small_store()) as writer:
        good = batch(0)
        narrow = ScaleBatch(
            scale_id="scale-A",
            boot_id="b",
            sequence=1,
            device_ns=good.device_ns,
            received_ns=good.received_ns,
            rate_hz=60.0,
            grams=good.grams[:, :5],
        )
        with pytest.raises(RecordingError, match=r"shape \(samples, 8\), found \(12, 5\)"):
            writer.write(narrow)


def test_a_reading_that_is_far_too_late_is_refused(tmp_path: Path) -> None:
    with RecordingWriter(tmp_path / "day", small_store()) as writer:
        writer.write(tap(START_NS + 1_000 * MS))
        writer.write(tap(START_NS + 12_000 * MS))
        with pytest.raises(RecordingError, match="too late to be put in order"):
            writer.write(tap(START_NS))


# Damage


def test_a_changed_file_is_named_with_both_checksums(damaged: Path) -> None:
    path = damaged / "gates.ndjson"
    path.write_bytes(path.read_bytes().replace(b"visit-1", b"visit-2"))
    with pytest.raises(
        RecordingError, match=r"gates\.ndjson: checksum .*sha256 [0-9a-f]{64}, found '[0-9a-f]{64}'"
    ):
        Recording.open(damaged)


def test_a_missing_file_is_named(damaged: Path) -> None:
    (damaged / "scales" / "scale-A.batches.csv").unlink()
    with pytest.raises(RecordingError, match=r"batches\.csv: file is missing"):
        Recording.open(damaged)


def test_a_cut_gzip_file_is_refused_with_the_line_it_breaks_at(damaged: Path) -> None:
    path = damaged / "scales" / "scale-A.csv.gz"
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(RecordingError, match="size is not what the manifest says"):
        Recording.open(damaged)
    with pytest.raises(RecordingError, match=r"scale-A\.csv\.gz:\d+: gzip data is damaged"):
        list(Recording.open(damaged, check=False).readings())


SPOILED_SAMPLES = {
    "a word for a number": (b"nan", b"heavy", "is no row of numbers"),
    "a column too few": (b",nan,", b",", "wrong number of columns"),
    "another plate": (b"A1.02", b"A9.02", "column names differ from the store's plates"),
}


@pytest.mark.parametrize("case", SPOILED_SAMPLES)
def test_a_spoiled_sample_is_refused_with_its_line(damaged: Path, case: str) -> None:
    old, new, message = SPOILED_SAMPLES[case]
    path = damaged / "scales" / "scale-A.csv.gz"
    lines = gzip.decompress(path.read_bytes()).split(b"\n")
    number = 0 if old in lines[0] else 30
    lines[number] = lines[number].replace(old, new)
    path.write_bytes(gzip.compress(b"\n".join(lines)))
    with pytest.raises(RecordingError, match=message) as refused:
        list(Recording.open(damaged, check=False).readings())
    assert refused.value.line == number + 1


def test_samples_and_batches_must_tell_the_same_story(damaged: Path) -> None:
    path = damaged / "scales" / "scale-A.batches.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:5], *lines[6:]]) + "\n")
    with pytest.raises(RecordingError, match=r"scale-A\.csv\.gz:50: sample is not where its batch puts it"):
        list(Recording.open(damaged, check=False).readings())


SPOILED_LINES = {
    "no JSON": (b"{", b"[", "is no GateTap"),
    "a field missing": (b'"visit_id":"visit-1",', b"", "is no GateTap"),
    "another kind": (b"GateTap", b"VisitClosed", "is no GateTap|another kind"),
    "no line end": (b"\n", b"", "file was cut"),
}


@pytest.mark.parametrize("case", SPOILED_LINES)
def test_a_spoiled_tap_is_refused_with_its_line(damaged: Path, case: str) -> None:
    old, new, message = SPOILED_LINES[case]
    path = damaged / "gates.ndjson"
    path.write_bytes(path.read_bytes().replace(old, new, 1))
    with pytest.raises(RecordingError, match=message) as refused:
        list(Recording.open(damaged, check=False).readings())
    assert refused.value.line == 1


def test_a_manifest_of_another_version_is_refused(damaged: Path) -> None:
    path = damaged / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b'"version": 1', b'"version": 99'))
    with pytest.raises(RecordingError, match=r"expected format openaisle-recording version 1, found .*99"):
        Recording.open(damaged)


def test_frame_times_must_count_from_zero(tmp_path: Path, recorded: Path) -> None:
    recording = Recording.open(recorded)
    path = tmp_path / "cameras" / "cam-1.times.csv"
    path.parent.mkdir()
    path.write_text("frame_index,captured_ns,received_ns\n0,5,9\n1,6,10\n")
    here = Recording(tmp_path, recording.manifest, recording.store)
    assert [times.tolist() for times in here.frame_times("cam-1")] == [[5, 6], [9, 10]]
    path.write_text("frame_index,captured_ns,received_ns\n0,5,9\n2,6,10\n")
    with pytest.raises(RecordingError, match=r"times\.csv:3: .*expected frame_index 1, found 2"):
        here.frame_times("cam-1")


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
