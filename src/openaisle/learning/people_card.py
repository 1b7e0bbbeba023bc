"""The model card of the two people networks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from openaisle.labels.dataset import PERSON, TRAIN, DataSet
from openaisle.labels.folder import CARD
from openaisle.learning.card import Card, minutes, short_sha256
from openaisle.learning.export import FILE_OF, read_metadata
from openaisle.learning.report import Report

_HEAD: Final = """# People and their 17 joints, from the ceiling

Two compact networks in ONNX, trained by commands of this repository on pictures that it renders itself. No picture of
a real person was used, and none is needed. They find people and the 17 COCO keypoints of each, and say in 32 numbers
what somebody looks like from top to toe, to know them again while they are in the shop (docs/decisions/0165). They say
nothing about faces, age or sex.
"""

_OWN_HEAD: Final = """# People and their 17 joints, in {name}

Two compact networks in ONNX: those that ship, trained on with {frames:,} frames of {people:,} people that the shop
labelled. Where these are from, why the shop may have them and until when is in the data set's `{card}`. The networks
find people and the 17 COCO keypoints of each; they say nothing about faces, age, sex or identity.
"""

_SIMULATED: Final = """
- **These are simulator figures.** The people are rendered bodies in rendered shops; real people, hair, coats, prams
  and real noise look otherwise. Measure on your own shop before you rely on them, and bring a network of your own
  where they do not do: the detector is a port.
"""

_OWN: Final = """
- **These are one shop's figures**, of visits that were held out. Other cameras, other shelves or another season are
  another shop: label some of it and compare again.
"""

_LIMITS: Final = """
- Frames are seen at 320 px width first: people less than about 50 px high (of 640x360) are often missed.
- Of somebody whom a shelf or the picture's edge hides for the most part, the whole body's box is a guess.
- The difference to the empty shop helps much. A quarter of the training pictures had it missing or wrong, so a camera
  that has not yet learned its empty picture sees people too, but worse.
- A wrist behind a body is a guess; its confidence says so. Left and right are told apart from the body as a whole and
  are sometimes wrong; they are the person's own.
- Children, wheelchairs, prams and costumes are rare or absent in the training pictures.
"""


def people_card(weights: Path, own: DataSet | None = None) -> Card:
    """`own`: labels of the shop that they were trained on for."""
    files = [weights / name for name in FILE_OF.values()]
    head = "| file | job | input | parameters | began from | trained on | minutes | sha256 |"
    rows = [head, "|---|---|---|---|---|---|---|---|", *(_row(job, weights) for job in FILE_OF)]
    return Card(
        path=weights / "MODEL_CARD.md",
        files=files,
        head=_HEAD if own is None else _own_head(own),
        table="\n".join(rows),
        limits=f"\n## Limits\n{(_SIMULATED if own is None else _OWN).rstrip()}{_LIMITS}",
        written_by="openaisle learn card people" + ("" if own is None else " --store-data"),
    )


def has_own(weights: Path) -> bool:
    """Whether one of the networks was trained on a shop's own labels."""
    return any("own_samples" in read_metadata(weights / name)["made"] for name in FILE_OF.values())


def own_how(weights: Path) -> str:
    """How networks for a shop came to be, by what their files say."""
    lines: list[str] = []
    for job, name in FILE_OF.items():
        made = read_metadata(weights / name)["made"]
        lines.append(_command(job, made) if "own_samples" in made else f"# {name}: as it ships")
    said = read_metadata(weights / FILE_OF["keypoints"])
    on = said["calibrated_on"]
    stores = f"{on['stores']} random stores from seed {on['first_store']} on"
    if "store_data" in on:
        stores += f" and the checked part of {on['store_data']}"
    words = [f"Scores are calibrated on {stores}."]
    if chosen := said.get("score_min_chosen"):
        words.append(
            f"Somebody is reported from {chosen['threshold']} on: a wrong charge costs "
            f"{chosen['wrong_charge_cost']:g}, a missed item {chosen['missed_item_cost']:g}."
        )
    lines = ["```", *lines, "```", "", " ".join(words)]
    return "\n".join(lines)


def _own_head(own: DataSet) -> str:
    frames = [frame for frame in own.frames if frame.is_checked and frame.split == TRAIN]
    people = sum(label.kind == PERSON for frame in frames for label in frame.labels)
    return _OWN_HEAD.format(name=own.name or "a shop", frames=len(frames), people=people, card=CARD)


def _command(job: str, made: Mapping[str, Any]) -> str:
    """What trained it, after its settings; folders are the reader's."""
    options = {
        name: made["settings"][name]
        for name in ("pictures", "batch", "rate", "seed", "check_every", "patience")
    }
    words = " ".join(f"--{name.replace('_', '-')} {value}" for name, value in options.items())
    bf16 = "" if made["settings"]["bf16"] else " --no-bf16"
    return f"openaisle learn train people {job} --store-data DATASET {words}{bf16}"


def joints_note(report: Report) -> str:
    """Median errors of all joints."""
    joints = ", ".join(f"{name} {px:.1f}" for name, px in report.figures["joint_px_median"].items())
    return f"Median error of joints in view, px of 640x360 frames: {joints}."


def _row(job: str, weights: Path) -> str:
    path = weights / FILE_OF[job]
    made = read_metadata(path)["made"]
    doing = "centres and boxes" if job == "boxes" else "joints, left or right, person or not, looks"
    seen = "320x192x4" if job == "boxes" else "128x128x4"
    return (
        f"| `{path.name}` | {doing} | {seen} | {parameters(path) / 1e6:.2f} M | {made.get('start', 'noise')} | "
        f"{made['pictures']:,} pictures of {made['samples']:,} | {minutes(made)} | `{short_sha256(path)}...` |"
    )


def parameters(path: Path) -> int:
    """Numbers in an ONNX file."""
    import onnx  # pyright: ignore[reportMissingImports]

    return sum(math.prod(tensor.dims) for tensor in onnx.load(str(path)).graph.initializer)
