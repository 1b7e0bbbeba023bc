"""The model card of the two people networks."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Final

from openaisle.learning.card import Card, short_sha256
from openaisle.learning.export import FILE_OF, read_metadata
from openaisle.learning.report import Report

_HEAD: Final = """# People and their 17 joints, from the ceiling

Two compact networks in ONNX, trained by commands of this repository on pictures that it renders itself. No picture of
a real person was used, and none is needed. They find people and the 17 COCO keypoints of each; they say nothing about
faces, age, sex or identity.
"""

_LIMITS: Final = """
## Limits

- **These are simulator figures.** The people are rendered bodies in rendered shops; real people, hair, coats, prams
  and real noise look otherwise. Measure on your own shop before you rely on them, and bring a network of your own
  where they do not do: the detector is a port.
- Frames are seen at 320 px width first: people less than about 50 px high (of 640x360) are often missed.
- The difference to the empty shop helps much. A quarter of the training pictures had it missing or wrong, so a camera
  that has not yet learned its empty picture sees people too, but worse.
- A wrist behind a body is a guess; its confidence says so. Left and right are told apart from the body as a whole and
  are sometimes wrong; they are the person's own.
- Children, wheelchairs, prams and costumes are rare or absent in the training pictures.
"""


def people_card(weights: Path) -> Card:
    files = [weights / name for name in FILE_OF.values()]
    head = "| file | job | input | parameters | began from | trained on | minutes on one core | sha256 |"
    rows = [head, "|---|---|---|---|---|---|---|---|", *(_row(job, weights) for job in FILE_OF)]
    return Card(
        path=weights / "MODEL_CARD.md",
        files=files,
        head=_HEAD,
        table="\n".join(rows),
        limits=_LIMITS,
        written_by="openaisle learn card people",
    )


def joints_note(report: Report) -> str:
    """Median errors of all joints."""
    joints = ", ".join(f"{name} {px:.1f}" for name, px in report.figures["joint_px_median"].items())
    return f"Median error of joints in view, px of 640x360 frames: {joints}."


def _row(job: str, weights: Path) -> str:
    path = weights / FILE_OF[job]
    made = read_metadata(path)["made"]
    doing = "centres and boxes" if job == "boxes" else "joints, left or right, person or not"
    seen = "320x192x4" if job == "boxes" else "128x128x4"
    return (
        f"| `{path.name}` | {doing} | {seen} | {parameters(path) / 1e6:.2f} M | {made.get('start', 'noise')} | "
        f"{made['pictures']:,} pictures of {made['samples']:,} | {made['minutes']} | `{short_sha256(path)}...` |"
    )


def parameters(path: Path) -> int:
    """Numbers in an ONNX file."""
    import onnx  # pyright: ignore[reportMissingImports]

    return sum(math.prod(tensor.dims) for tensor in onnx.load(str(path)).graph.initializer)
