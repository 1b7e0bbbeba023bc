"""A data set and a Label Studio server: frames there, corrections back; and pictures gone when their time is over.

Which project of which server the frames were sent to is kept in `DATASET/label-studio.json`.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import msgspec
from msgspec.structs import replace

from openaisle.adapters.label_studio import LabelStudioServer
from openaisle.core.errors import InputError
from openaisle.labels import card, folder, label_studio
from openaisle.labels.dataset import PERSON, DataSet, class_names
from openaisle.labels.fields import Fields, read_json
from openaisle.labels.formats import Corrected, corrections
from openaisle.labels.holding import lost, reduced

PROJECT: Final = "label-studio.json"
DERIVED: Final = ".shards"
"""Training pictures that were made of the frames."""


@dataclass(frozen=True)
class Sent:
    project: int
    frames: int
    labels: int
    lost: list[str]  # what stays in the data set only


def names_in(path: Path) -> list[str]:
    """Names of frames, one a line."""
    try:
        return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except OSError as error:
        raise InputError(
            "cannot be read", file=str(path), expected="names of frames", found=error.strerror
        ) from error


def send(
    source: Path, server: LabelStudioServer, *, only: list[str] | None = None, again: bool = False
) -> Sent:
    """Frames into a project, made at the first time. A frame that the project has already is not sent twice."""
    dataset = folder.read_dataset(source)
    unknown = sorted(set(only or ()) - {frame.file for frame in dataset.frames})
    if unknown:
        raise InputError("no such frame", field="--only", expected=f"frames of {source}", found=unknown[0])
    project = _project_of(source, server, dataset)
    there = {frame.file for frame in label_studio.of_tasks(server.tasks(project), source / PROJECT).frames}
    wanted = [
        frame
        for frame in dataset.frames
        if (again or not frame.is_checked)
        and (only is None or frame.file in only)
        and frame.file not in there
    ]
    if not wanted:
        raise InputError(
            "no frame to send", file=str(source), expected="frames that nobody has checked or sent"
        )
    gone = [frame.file for frame in wanted if not (source / frame.file).is_file()]
    if gone:
        raise InputError("no such picture", file=str(source / gone[0]), expected="a picture for each frame")
    some = replace(dataset, frames=tuple(wanted))
    small = reduced(some, label_studio.HELD)
    urls = server.upload(project, [source / frame.file for frame in wanted])
    tasks = [label_studio.task(frame, url) for frame, url in zip(small.frames, urls, strict=True)]
    server.add_tasks(project, tasks)
    return Sent(
        project, len(tasks), sum(len(frame.labels) for frame in wanted), lost(some, label_studio.HELD)
    )


def fetch(source: Path, server: LabelStudioServer) -> Corrected:
    """Corrections of the project that frames were sent to. Raises InputError where there is none."""
    dataset = folder.read_dataset(source)
    place = source / PROJECT
    said = Fields.of(read_json(place), place) if place.is_file() else None
    if said is None or said.text("server") != server.url:
        found = None if said is None else said.text("server")
        raise InputError(
            "nothing was sent there", file=str(place), expected=f"a project of {server.url}", found=found
        )
    back = label_studio.of_tasks(server.tasks(said.whole("project")), place)
    after, done = corrections(dataset, back, label_studio.HELD, server.url)
    folder.write_dataset(source, after)
    return done


def forget(source: Path, today: str) -> list[str]:
    """Delete pictures whose time is over before a day, and training pictures made of them. Returns their names."""
    dataset = folder.read_dataset(source)
    try:
        day = date.fromisoformat(today) if today else datetime.now(UTC).date()
    except ValueError:
        raise InputError("not a day", field="--today", expected="2027-01-31", found=today) from None
    names = [name for name in card.due(dataset, day) if (source / name).is_file()]
    for name in names:
        (source / name).unlink()
    if names:
        shutil.rmtree(source / DERIVED, ignore_errors=True)
    return names


def _project_of(source: Path, server: LabelStudioServer, dataset: DataSet) -> int:
    classes = class_names(dataset)
    classes = classes if PERSON in classes else [PERSON, *classes]
    config = label_studio.config(classes)
    place = source / PROJECT
    if place.is_file():
        said = Fields.of(read_json(place), place)
        if said.text("server") == server.url:
            server.configure(said.whole("project"), config)
            return said.whole("project")
    project = server.create_project(f"OpenAisle {dataset.name or source.name}"[:50], config)
    place.write_bytes(msgspec.json.encode({"server": server.url, "project": project}) + b"\n")
    return project
