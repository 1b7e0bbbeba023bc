"""The card of a data set: what is in it, where it is from, and until when it may be kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from openaisle.core.errors import InputError
from openaisle.labels.dataset import PERSON, SPLITS, DataSet, Source, class_name
from openaisle.labels.edge_cases import EDGE_CASES, EdgeCases
from openaisle.labels.folder import CARD, pictures_of, read_dataset

_UNSAID = "(not said)"


def write_card(folder: Path, today: date) -> Path:
    """Write CARD.md into a data set's folder."""
    dataset = read_dataset(folder)
    path = folder / CARD
    path.write_text(card(dataset, len(pictures_of(folder, dataset)), today), encoding="utf-8")
    return path


def card(dataset: DataSet, pictures: int, today: date) -> str:
    """In Markdown. `pictures`: how many there still are."""
    frames = dataset.frames
    labels = [label for frame in frames for label in frame.labels]
    people = [label for label in labels if label.kind == PERSON]
    checked = sum(frame.is_checked for frame in frames)
    what = [
        ("frames", f"{len(frames):,}, of which people have looked at {checked:,}"),
        ("pictures and empty pictures still there", f"{pictures:,}"),
        ("people", f"{len(people):,}, {sum(bool(label.joints_px) for label in people):,} with joints"),
        ("labels that only a model proposed", f"{sum(label.score is not None for label in labels):,}"),
        ("tracks", f"{len({(f.sequence_id, x.track_id) for f in frames for x in f.labels if x.track_id}):,}"),
        ("actions", f"{len(dataset.actions):,}"),
        ("stores, cameras, visits", ", ".join(str(len(each)) for each in _where(dataset))),
    ]
    parts = [
        f"# {dataset.name or 'Data set'}\n",
        _table(("what", "how much"), what),
        _table(("class", "labels"), Counter(class_name(label) for label in labels).most_common()),
        _split_table(dataset),
        "Edge cases: " + "; ".join(f"{name}: {words}" for name, words in EDGE_CASES.items()) + ".\n",
        "## Where it is from, and until when\n",
        _source_table(dataset, today),
        f"Written by `openaisle learn card dataset` on {today}. `openaisle learn forget DATASET` takes away pictures "
        "whose time is over and leaves boxes and joints; `openaisle learn export skeletons` copies those alone.\n",
    ]
    return "\n".join(parts)


def due(dataset: DataSet, today: date) -> list[str]:
    """Names of pictures whose time is over: last day of their source before `today`. Raises InputError for no date."""
    over = {source.name for source in dataset.sources if _is_over(source, today)}
    kept = {frame.empty_file for frame in dataset.frames if frame.source not in over}
    names = [
        name for frame in dataset.frames if frame.source in over for name in (frame.file, frame.empty_file)
    ]
    return [name for name in dict.fromkeys(names) if name and name not in kept]


def _is_over(source: Source, today: date) -> bool:
    if not source.keep_until:
        return False
    try:
        return date.fromisoformat(source.keep_until) < today
    except ValueError:
        raise InputError(
            "not a day",
            field=f"keep_until of source {source.name}",
            expected="2027-01-31",
            found=source.keep_until,
        ) from None


def _where(dataset: DataSet) -> tuple[set[str], set[tuple[str, str]], set[tuple[str, str]]]:
    frames = dataset.frames
    visits = {(frame.store_id, visit) for frame in frames for visit in frame.visit_ids}
    visits |= {
        (frame.store_id, label.visit_id) for frame in frames for label in frame.labels if label.visit_id
    }
    cameras = {(frame.store_id, frame.camera_id) for frame in frames if frame.camera_id}
    return {frame.store_id for frame in frames} - {""}, cameras, visits


def _split_table(dataset: DataSet) -> str:
    edge_cases = EdgeCases(dataset)
    rows: list[tuple[object, ...]] = []
    for split in (*SPLITS, ""):
        frames = [frame for frame in dataset.frames if frame.split == split]
        counts = Counter(name for frame in frames for name in edge_cases.of_frame(frame))
        if frames:
            rows.append((split or "not assigned", len(frames), *(counts[name] for name in EDGE_CASES)))
    return _table(("part", "frames", *EDGE_CASES), rows)


def _source_table(dataset: DataSet, today: date) -> str:
    counts = Counter(frame.source for frame in dataset.frames)
    sources = [*dataset.sources, *([Source(name="")] if counts[""] else [])]
    rows = [
        (
            source.name or _UNSAID,
            counts[source.name],
            source.licence or _UNSAID,
            source.basis or _UNSAID,
            _until(source, today),
        )
        for source in sources
    ]
    return _table(("source", "frames", "licence", "why one may have it", "pictures may be kept until"), rows)


def _until(source: Source, today: date) -> str:
    if not source.keep_until:
        return "no limit said"
    return source.keep_until + (" (over)" if _is_over(source, today) else "")


def _table(head: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(_cell(each) for each in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value).replace("|", "\\|")
