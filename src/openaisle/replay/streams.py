"""The text files of a recording: one class to write and one function to read each kind. See docs/FORMATS.md.

Numbers are written with the fewest decimals that give the same float32 again, so text loses nothing and stays
readable. gzip carries no time and no name: equal readings give equal files.
"""

from __future__ import annotations

import csv
import gzip
import heapq
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Generic, NoReturn, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from openaisle.core.errors import RecordingError
from openaisle.core.messages import Array, Message, ScaleBatch, decode_json
from openaisle.core.units import NS_PER_S

REORDER_NS_MAX: Final = 10 * NS_PER_S
"""A reading may be handed to the writer this much after a younger one and still find its place."""

DECIMALS_MAX: Final = 12
GZIP_LEVEL: Final = 4

BATCH_COLUMNS: Final = ("boot_id", "sequence", "device_ns", "received_ns", "rate_hz", "sample_count")

M = TypeVar("M", bound=Message)


# --- writing ------------------------------------------------------------------------------------------------------


class ArrivalOrder(Generic[M]):
    """Sorts messages by (received_ns, id, order given) within a window of REORDER_NS_MAX."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._waiting: list[tuple[int, str, int, M]] = []
        self._count = 0
        self._newest_ns = 0
        self._written_ns = 0

    def add(self, received_ns: int, key: str, message: M) -> Iterator[M]:
        """Take one message; give back those that can no longer be overtaken."""
        if received_ns < self._written_ns:
            raise RecordingError(
                "reading is too late to be put in order",
                file=self._name,
                field="received_ns",
                expected=f"{self._written_ns} or later",
                found=received_ns,
            )
        self._count += 1
        self._newest_ns = max(self._newest_ns, received_ns)
        heapq.heappush(self._waiting, (received_ns, key, self._count, message))
        return self._until(self._newest_ns - REORDER_NS_MAX)

    def rest(self) -> Iterator[M]:
        """Everything still held, in order."""
        return self._until(self._newest_ns + 1)

    def _until(self, before_ns: int) -> Iterator[M]:
        while self._waiting and self._waiting[0][0] < before_ns:
            received_ns, _, _, message = heapq.heappop(self._waiting)
            self._written_ns = received_ns
            yield message


class ScaleWriter:
    """`<scale_id>.csv.gz`, one row a sample, and `<scale_id>.batches.csv`, one row a batch."""

    def __init__(self, folder: Path, scale_id: str, plate_ids: Sequence[str]) -> None:
        self._plate_count = len(plate_ids)
        self._order: ArrivalOrder[ScaleBatch] = ArrivalOrder(f"scales/{scale_id}.batches.csv")
        self._samples = DeterministicGzip(folder / f"{scale_id}.csv.gz")
        self._samples.write(",".join(("captured_ns", *plate_ids)).encode() + b"\n")
        self._batches = (folder / f"{scale_id}.batches.csv").open("w", encoding="utf-8", newline="")
        self._batch_rows = csv.writer(self._batches, lineterminator="\n")
        self._batch_rows.writerow(BATCH_COLUMNS)

    def write(self, batch: ScaleBatch) -> None:
        if batch.grams.ndim != 2 or batch.grams.shape[1] != self._plate_count:
            raise RecordingError(
                f"batch {batch.sequence} of scale {batch.scale_id} does not fit the store",
                field="grams",
                expected=f"shape (samples, {self._plate_count})",
                found=batch.grams.shape,
            )
        if not batch.boot_id.isprintable():
            raise RecordingError("boot id is no printable text", field="boot_id", found=batch.boot_id)
        for ready in self._order.add(batch.received_ns, f"{batch.boot_id} {batch.sequence:012d}", batch):
            self._write(ready)

    def close(self) -> None:
        for ready in self._order.rest():
            self._write(ready)
        self._samples.close()
        self._batches.close()

    def _write(self, batch: ScaleBatch) -> None:
        times_ns = sample_times_ns(batch.device_ns, batch.rate_hz, len(batch.grams))
        rows = shortest_floats(batch.grams)
        lines = [
            b"%d,%s\n" % (at_ns, msgspec.json.encode(row)[1:-1].replace(b"null", b"nan"))
            for at_ns, row in zip(times_ns, rows, strict=True)
        ]
        self._samples.write(b"".join(lines))
        self._batch_rows.writerow(
            (batch.boot_id, batch.sequence, batch.device_ns, batch.received_ns, batch.rate_hz, len(lines))
        )


class LinesWriter(Generic[M]):
    """One JSON message a line, in arrival order; gzipped when the name says so."""

    def __init__(self, path: Path) -> None:
        self._order: ArrivalOrder[M] = ArrivalOrder(path.name)
        self._file = DeterministicGzip(path) if path.suffix == ".gz" else path.open("wb")
        self._encoder = msgspec.json.Encoder(enc_hook=_short_list)

    def write(self, message: M, received_ns: int, key: str) -> None:
        for ready in self._order.add(received_ns, key, message):
            self._file.write(self._encoder.encode(ready) + b"\n")

    def close(self) -> None:
        for ready in self._order.rest():
            self._file.write(self._encoder.encode(ready) + b"\n")
        self._file.close()


# --- reading ------------------------------------------------------------------------------------------------------


def read_scale(folder: Path, scale_id: str, plate_ids: Sequence[str]) -> Iterator[ScaleBatch]:
    """The batches of one scale in arrival order. Raises RecordingError where the files are damaged."""
    samples_path, batches_path = folder / f"{scale_id}.csv.gz", folder / f"{scale_id}.batches.csv"
    samples = numbered_lines(samples_path)
    number, head = next(samples, (1, b""))
    expected_head = ",".join(("captured_ns", *plate_ids))
    if head != expected_head.encode():
        damaged(
            samples_path, number, "column names differ from the store's plates", expected_head, _text(head)
        )
    for batch_line, row in _batch_rows(batches_path):
        boot_id, sequence, device_ns, received_ns, rate_hz, sample_count = row
        values: list[list[float | None]] = []
        for index, at_ns in enumerate(sample_times_ns(device_ns, rate_hz, sample_count)):
            number, line = next(samples, (number + 1, None))
            if line is None:
                damaged(
                    samples_path,
                    number,
                    f"ends inside the batch of {batches_path.name}:{batch_line}",
                    f"{sample_count} samples",
                    index,
                )
            values.append(_sample(samples_path, number, line, at_ns, len(plate_ids)))
        grams = np.array(values, dtype=np.float32).reshape(sample_count, len(plate_ids))
        yield ScaleBatch(
            scale_id=scale_id,
            boot_id=boot_id,
            sequence=sequence,
            device_ns=device_ns,
            received_ns=received_ns,
            rate_hz=rate_hz,
            grams=grams,
        )
    number, line = next(samples, (0, None))
    if line is not None:
        damaged(
            samples_path,
            number,
            f"sample belongs to no batch of {batches_path.name}",
            "end of file",
            _text(line),
        )


def read_lines(path: Path, kind: type[M]) -> Iterator[M]:
    """The messages of one ndjson file, in arrival order. Raises RecordingError where it is damaged."""
    newest_ns = 0
    for number, line in numbered_lines(path):
        try:
            message: Any = decode_json(line)
        except (ValueError, TypeError, AssertionError) as error:
            damaged(
                path, number, f"is no {kind.__name__} ({error})", f"a {kind.__name__} as JSON", _text(line)
            )
        if not isinstance(message, kind):
            damaged(path, number, "is another kind of message", kind.__name__, type(message).__name__)
        received_ns: int = message.received_ns  # type: ignore[attr-defined]
        if received_ns < newest_ns:
            damaged(path, number, "is out of arrival order", f"received_ns >= {newest_ns}", received_ns)
        newest_ns = received_ns
        yield message


def read_frame_times(path: Path) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """`<camera>.times.csv` -> captured_ns [frames], received_ns [frames] (int64, arrival order)."""
    captured: list[int] = []
    received: list[int] = []
    lines = numbered_lines(path)
    number, head = next(lines, (1, b""))
    if head != b"frame_index,captured_ns,received_ns":
        damaged(path, number, "column names are wrong", "frame_index,captured_ns,received_ns", _text(head))
    for number, line in lines:
        try:
            index, captured_ns, received_ns = (int(part) for part in line.split(b","))
        except ValueError:
            damaged(path, number, "is no row of times", "three integers", _text(line))
        if index != len(captured):
            damaged(path, number, "frames are not counted from 0", f"frame_index {len(captured)}", index)
        if received and received_ns < received[-1]:
            damaged(path, number, "is out of arrival order", f"received_ns >= {received[-1]}", received_ns)
        captured.append(captured_ns)
        received.append(received_ns)
    return np.array(captured, np.int64), np.array(received, np.int64)


def numbered_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """(line number from 1, line without its end) of a text file, gzipped when the name ends in .gz."""
    number = 0
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            for line in file:
                number += 1
                if not line.endswith(b"\n"):
                    damaged(path, number, "file was cut", "a line end", _text(line))
                yield number, line[:-1]
    except FileNotFoundError:
        damaged(path, None, "file is missing", "a file", "nothing")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        damaged(
            path, number + 1, f"gzip data is damaged ({error})", "whole gzip data", f"{number} good lines"
        )


def damaged(path: Path, line: int | None, message: str, expected: str, found: object) -> NoReturn:
    """Raise the RecordingError for one spot of one file."""
    raise RecordingError(message, file=str(path), line=line, expected=expected, found=found)


# --- leaves -------------------------------------------------------------------------------------------------------


def sample_times_ns(device_ns: int, rate_hz: float, count: int) -> list[int]:
    """Device time of each of `count` samples, the first at `device_ns`."""
    return [device_ns + round(index * NS_PER_S / rate_hz) for index in range(count)]


def shortest_floats(array: Array) -> list[Any]:
    """A float32 array as nested lists of floats with the fewest decimals that give the same float32 again."""
    exact = array.astype(np.float64)
    short = exact.copy()
    left = np.isfinite(exact)
    for decimals in range(DECIMALS_MAX + 1):
        if not left.any():
            break
        rounded = np.round(exact, decimals)
        fits = left & (rounded.astype(np.float32) == array)
        short[fits] = rounded[fits]
        left &= ~fits
    return short.tolist()


def _short_list(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return shortest_floats(value)
    raise TypeError(f"cannot write {type(value).__name__} in a recording")


class DeterministicGzip(gzip.GzipFile):
    """A gzip file without name and time, so that equal content gives equal bytes."""

    def __init__(self, path: Path) -> None:
        self._raw = path.open("wb")
        super().__init__(filename="", mode="wb", compresslevel=GZIP_LEVEL, fileobj=self._raw, mtime=0)

    def close(self) -> None:
        super().close()
        self._raw.close()


def _batch_rows(path: Path) -> Iterator[tuple[int, tuple[str, int, int, int, float, int]]]:
    lines = numbered_lines(path)
    number, head = next(lines, (1, b""))
    if head != ",".join(BATCH_COLUMNS).encode():
        damaged(path, number, "column names are wrong", ",".join(BATCH_COLUMNS), _text(head))
    newest_ns = 0
    for number, line in lines:
        try:
            boot_id, sequence, device_ns, received_ns, rate, count = next(csv.reader([line.decode()]))
            row = (boot_id, int(sequence), int(device_ns), int(received_ns), float(rate), int(count))
            if not (row[4] > 0 and row[5] >= 0):
                raise ValueError
        except (ValueError, StopIteration, csv.Error):
            damaged(path, number, "is no row of a batch", ",".join(BATCH_COLUMNS), _text(line))
        if row[3] < newest_ns:
            damaged(path, number, "is out of arrival order", f"received_ns >= {newest_ns}", row[3])
        newest_ns = row[3]
        yield number, row


def _sample(path: Path, number: int, line: bytes, at_ns: int, plate_count: int) -> list[float | None]:
    try:
        values: list[float | None] = _floats.decode(b"[" + line.replace(b"nan", b"null") + b"]")
    except ValueError:
        damaged(path, number, "is no row of numbers", f"{plate_count + 1} numbers", _text(line))
    if len(values) != plate_count + 1:
        damaged(path, number, "has the wrong number of columns", str(plate_count + 1), len(values))
    captured = line[: line.find(b",")] if plate_count else line
    if captured != b"%d" % at_ns:
        damaged(
            path, number, "sample is not where its batch puts it", f"captured_ns {at_ns}", _text(captured)
        )
    return values[1:]


_floats = msgspec.json.Decoder(list[float | None])


def _text(line: bytes | None) -> str:
    shown = (line or b"").decode("utf-8", "replace")
    return shown if len(shown) <= 80 else shown[:77] + "..."
