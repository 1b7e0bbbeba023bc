"""A recording folder: what a shop's sensors said, as ordinary files. docs/FORMATS.md describes every one of them.

manifest.json            format version, store, counts, size and sha256 of every file
store/                   the store folder as it was that day
scales/<scale_id>.csv.gz, <scale_id>.batches.csv
gates.ndjson, detections.ndjson.gz, skeletons.ndjson.gz
cameras/<camera_id>.mp4, <camera_id>.times.csv
truth/                   only where somebody knows it; never read by the path
"""

from __future__ import annotations

import hashlib
import heapq
import shutil
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from openaisle.core.errors import RecordingError
from openaisle.core.messages import (
    BodySkeletons,
    CameraDetections,
    CameraId,
    GateTap,
    PackLook,
    Reading,
    ScaleBatch,
)
from openaisle.replay.streams import LinesWriter, ScaleWriter, read_frame_times, read_lines, read_scale
from openaisle.store.load import load_store
from openaisle.store.schema import Store
from openaisle.store.write import write_store

FORMAT: Final = "openaisle-recording"
FORMAT_VERSION: Final = 1
MANIFEST: Final = "manifest.json"

GATES: Final = "gates.ndjson"
DETECTIONS: Final = "detections.ndjson.gz"
SKELETONS: Final = "skeletons.ndjson.gz"
LOOKS: Final = "looks.ndjson.gz"

ARRIVAL_RANK: Final = {GateTap: 0, CameraDetections: 1, BodySkeletons: 2, ScaleBatch: 3, PackLook: 4}
"""Of readings that arrived in the same nanosecond, who tapped comes before who was seen and what was weighed."""


class FileEntry(msgspec.Struct, frozen=True):
    """One file of a recording, as the manifest has it."""

    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """manifest.json."""

    format: str
    version: int
    store_id: str
    started_ns: int  # of the first reading; 0 if there is none
    ended_ns: int  # of the last reading
    counts: dict[str, int]  # readings of each kind
    about: dict[str, str]  # where it came from: command, seed, ...
    files: dict[str, FileEntry]  # by path inside the recording


class RecordingWriter:
    """Writes one recording. It lies in `<folder>.part` until `close`, which renames it: there is no half recording.

    Readings may come up to 10 s (of received_ns) out of order. Videos and truth are written by others, to
    `video_paths(camera_id)` and under `truth_folder`; `close` counts them in. What real people look like is not to be
    kept (`keeps_looks=False`): a replay then tells them apart by places and measures alone.
    """

    def __init__(
        self,
        folder: Path,
        store: Store,
        about: Mapping[str, str] | None = None,
        *,
        keeps_looks: bool = True,
    ) -> None:
        self._keeps_looks = keeps_looks
        _refuse_used_folder(folder)
        self._target = folder
        self._store = store
        self._about = dict(about or {})
        self.folder = folder.with_name(folder.name + ".part")
        if self.folder.exists():
            shutil.rmtree(self.folder)  # What a killed writer left behind was never a recording.
        (self.folder / "scales").mkdir(parents=True)
        (self.folder / "cameras").mkdir()
        write_store(store, self.folder / "store")
        self._scales = {
            gondola.scale_id: ScaleWriter(
                self.folder / "scales", gondola.scale_id, [plate.plate_id for plate in gondola.plates]
            )
            for gondola in store.gondolas
        }
        self._taps: LinesWriter[GateTap] = LinesWriter(self.folder / GATES)
        self._detections: LinesWriter[CameraDetections] = LinesWriter(self.folder / DETECTIONS)
        self._skeletons: LinesWriter[BodySkeletons] = LinesWriter(self.folder / SKELETONS)
        self._looks: LinesWriter[PackLook] = LinesWriter(self.folder / LOOKS)
        self._counts = {kind.__name__: 0 for kind in ARRIVAL_RANK}
        self._started_ns = 0
        self._ended_ns = 0
        self._is_open = True

    @property
    def truth_folder(self) -> Path:
        """Where whoever knows the truth writes it, before `close`."""
        folder = self.folder / "truth"
        folder.mkdir(exist_ok=True)
        return folder

    def video_paths(self, camera_id: CameraId) -> tuple[Path, Path]:
        """(video, frame times) to be written by whoever has the frames, before `close`."""
        assert camera_id in self._store.camera_of, camera_id
        return (
            self.folder / "cameras" / f"{camera_id}.mp4",
            self.folder / "cameras" / f"{camera_id}.times.csv",
        )

    def write(self, reading: Reading) -> None:
        """Record one reading. Raises RecordingError if it does not fit the store or comes far too late."""
        assert self._is_open
        if isinstance(reading, ScaleBatch):
            scale = self._scales.get(reading.scale_id)
            if scale is None:
                raise RecordingError(
                    "batch of a scale that the store does not have",
                    field="scale_id",
                    expected=f"one of {sorted(self._scales)}",
                    found=reading.scale_id,
                )
            scale.write(reading)
        elif isinstance(reading, GateTap):
            self._taps.write(reading, reading.received_ns, reading.gate_id)
        elif isinstance(reading, CameraDetections):
            if not self._keeps_looks:
                nothing = np.zeros((len(reading.scores), 0), np.float32)
                reading = msgspec.structs.replace(reading, appearance=nothing)
            self._detections.write(reading, reading.received_ns, reading.camera_id)
        elif isinstance(reading, PackLook):
            self._looks.write(reading, reading.received_ns, reading.look_id)
        else:
            self._skeletons.write(reading, reading.received_ns, reading.source_id)
        self._counts[type(reading).__name__] += 1
        self._started_ns = min(self._started_ns or reading.received_ns, reading.received_ns)
        self._ended_ns = max(self._ended_ns, reading.received_ns)

    def close(self) -> None:
        """Write what is still held and the manifest, then give the folder its name."""
        if not self._is_open:
            return
        self._close_files()
        files = {
            path.relative_to(self.folder).as_posix(): FileEntry(path.stat().st_size, sha256_of(path))
            for path in sorted(self.folder.rglob("*"))
            if path.is_file()
        }
        manifest = Manifest(
            format=FORMAT,
            version=FORMAT_VERSION,
            store_id=self._store.store_id,
            started_ns=self._started_ns,
            ended_ns=self._ended_ns,
            counts=self._counts,
            about=self._about,
            files=files,
        )
        text = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
        (self.folder / MANIFEST).write_bytes(text + b"\n")
        _refuse_used_folder(self._target)
        if self._target.exists():
            self._target.rmdir()
        self.folder.rename(self._target)

    def discard(self) -> None:
        """Throw away what was written: something went wrong."""
        if self._is_open:
            self._close_files()
            shutil.rmtree(self.folder)

    def __enter__(self) -> RecordingWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()

    def _close_files(self) -> None:
        self._is_open = False
        for writer in (*self._scales.values(), self._taps, self._detections, self._skeletons, self._looks):
            writer.close()


class Recording:
    """A recording that was written whole. Open it with `Recording.open`."""

    def __init__(self, folder: Path, manifest: Manifest, store: Store) -> None:
        self.folder = folder
        self.manifest = manifest
        self.store = store

    @classmethod
    def open(cls, folder: Path, *, check: bool = True) -> Recording:
        """Check the files against the manifest and load the store.

        Everything is hashed but video, of which the size is compared (`check_videos` hashes it). `check=False`
        is for a recording edited by hand: its files are still refused where they make no sense.
        Raises RecordingError, StoreError.
        """
        manifest = _read_manifest(folder)
        if check:
            for name, entry in sorted(manifest.files.items()):
                _check_file(folder / name, entry, with_hash=not name.endswith(".mp4"))
        store = load_store(folder / "store")
        if store.store_id != manifest.store_id:
            raise RecordingError(
                "manifest is of another store",
                file=str(folder / MANIFEST),
                field="store_id",
                expected=store.store_id,
                found=manifest.store_id,
            )
        return cls(folder, manifest, store)

    @cached_property
    def video_paths(self) -> dict[CameraId, Path]:
        """The video of each camera that has one, by camera id."""
        paths = {
            camera.camera_id: self.folder / "cameras" / f"{camera.camera_id}.mp4"
            for camera in self.store.cameras
        }
        return {camera_id: path for camera_id, path in sorted(paths.items()) if path.is_file()}

    @property
    def truth_folder(self) -> Path | None:
        """What really happened, where it is known. For scoring only."""
        folder = self.folder / "truth"
        return folder if folder.is_dir() else None

    def frame_times(self, camera_id: CameraId) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """captured_ns [frames], received_ns [frames] of one camera's video."""
        return read_frame_times(self.folder / "cameras" / f"{camera_id}.times.csv")

    def readings(self) -> Iterator[Reading]:
        """Every reading at or below the seam in arrival order: received_ns, then kind (ARRIVAL_RANK), then id."""
        return heapq.merge(*self._streams(), key=arrival_key)

    def check_videos(self) -> None:
        """Hash the videos too. Raises RecordingError."""
        for name, entry in sorted(self.manifest.files.items()):
            if name.endswith(".mp4"):
                _check_file(self.folder / name, entry, with_hash=True)

    def _streams(self) -> list[Iterator[Reading]]:
        streams: list[Iterator[Reading]] = []
        for name, kind in (
            (GATES, GateTap),
            (DETECTIONS, CameraDetections),
            (SKELETONS, BodySkeletons),
            (LOOKS, PackLook),
        ):
            if (self.folder / name).exists():
                streams.append(read_lines(self.folder / name, kind))
        for gondola in sorted(self.store.gondolas, key=lambda gondola: gondola.scale_id):
            if (self.folder / "scales" / f"{gondola.scale_id}.batches.csv").exists():
                plate_ids = [plate.plate_id for plate in gondola.plates]
                streams.append(read_scale(self.folder / "scales", gondola.scale_id, plate_ids))
        return streams


def arrival_key(reading: Reading) -> tuple[int, int, str]:
    """Sort key of the order in which readings enter the path."""
    return reading.received_ns, ARRIVAL_RANK[type(reading)], _source_id(reading)


def sha256_of(path: Path) -> str:
    """Hexadecimal digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _source_id(reading: Reading) -> str:
    if isinstance(reading, ScaleBatch):
        return reading.scale_id
    if isinstance(reading, GateTap):
        return reading.gate_id
    if isinstance(reading, CameraDetections):
        return reading.camera_id
    if isinstance(reading, PackLook):
        return reading.look_id
    return reading.source_id


def _refuse_used_folder(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RecordingError("there is something already", file=str(folder), expected="a new or empty folder")


def _read_manifest(folder: Path) -> Manifest:
    path = folder / MANIFEST
    if not folder.is_dir():
        raise RecordingError("there is no such recording", file=str(folder), expected="a folder")
    if not path.is_file():
        raise RecordingError("is no finished recording", file=str(folder), expected=f"a {MANIFEST} in it")
    try:
        head: Any = msgspec.json.decode(path.read_bytes())
        found = (head["format"], head["version"])
        if found != (FORMAT, FORMAT_VERSION):
            expected = f"format {FORMAT} version {FORMAT_VERSION}"
            raise RecordingError("is of an unknown format", file=str(path), expected=expected, found=found)
        return msgspec.convert(head, Manifest)
    except (ValueError, KeyError, TypeError) as error:
        raise RecordingError(f"is no manifest ({error})", file=str(path)) from error


def _check_file(path: Path, entry: FileEntry, *, with_hash: bool) -> None:
    if not path.is_file():
        raise RecordingError(
            "file is missing", file=str(path), expected=f"{entry.bytes} bytes", found="nothing"
        )
    size = path.stat().st_size
    if size != entry.bytes:
        raise RecordingError(
            "size is not what the manifest says", file=str(path), expected=f"{entry.bytes} bytes", found=size
        )
    if with_hash and (digest := sha256_of(path)) != entry.sha256:
        raise RecordingError(
            "checksum is not what the manifest says",
            file=str(path),
            expected=f"sha256 {entry.sha256}",
            found=digest,
        )
