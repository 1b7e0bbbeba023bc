"""The model card beside the weights: what they are, how they came to be, what was measured, where they end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from openaisle.detections.runtime import sha256
from openaisle.learning.evaluate import HeldOut, PeopleFigures, lines
from openaisle.learning.export import FILE_OF, read_metadata

CARD: Final = "MODEL_CARD.md"

_HEAD: Final = """# People and their 17 joints, from the ceiling

Two compact networks in ONNX, trained by commands of this repository on pictures that it renders itself. No picture of
a real person was used, and none is needed. They find people and the 17 COCO keypoints of each; they say nothing about
faces, age, sex or identity.

| file | job | input | parameters | began from | trained on | minutes on one core | sha256 |
|---|---|---|---|---|---|---|---|
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


def write_card(
    weights: Path,
    figures: PeopleFigures,
    held_out: HeldOut,
    *,
    data: Sequence[Mapping[str, Any]],
    commands: Sequence[str],
    notes: Sequence[str] = (),
) -> Path:
    """Write `weights`/MODEL_CARD.md. `data`: the manifests of the data sets; `notes`: further measurements."""
    rows = [_row(job, weights) for job in ("boxes", "keypoints")]
    measured = "\n".join(f"| {what} | {how_much} |" for what, how_much in lines(figures))
    joints = ", ".join(f"{name} {px:.1f}" for name, px in figures.joint_px_median.items())
    text = (
        _HEAD + "\n".join(rows) + "\n\n## How to make them again\n\n```\n" + "\n".join(commands) + "\n```\n\n"
    )
    for manifest in data:
        settings, counts = manifest["settings"], manifest["counts"]
        last = settings["first_store"] + settings["stores"] - 1
        text += (
            f"Training pictures: random stores of seeds {settings['first_store']}-{last}, {counts['frames']} frames, "
            f"{counts['people']} people, {counts['false_crops']} windows without a person.\n"
        )
    first, last = held_out.first_store, held_out.first_store + held_out.stores - 1
    text += (
        "The same commands give the same pictures; training repeats within noise (threads and bf16 differ).\n"
        f"\n## Measured\n\nOn random stores of seeds {first}-{last}, which were never trained on nor calibrated on; "
        "px of 640x360 frames.\n\n"
        f"| what | figure |\n|---|---|\n{measured}\n\nMedian error of joints in view, px: {joints}.\n"
    )
    text += "".join(f"\n{note}\n" for note in notes)
    path = weights / CARD
    path.write_text(text + _LIMITS, encoding="utf-8")
    return path


def _row(job: str, weights: Path) -> str:
    import onnx  # pyright: ignore[reportMissingImports]

    path = weights / FILE_OF[job]
    made = read_metadata(path)["made"]
    parameters = sum(_size(tensor.dims) for tensor in onnx.load(str(path)).graph.initializer)
    doing = "centres and boxes" if job == "boxes" else "joints, left or right, person or not"
    seen = "320x192x4" if job == "boxes" else "128x128x4"
    return (
        f"| `{path.name}` | {doing} | {seen} | {parameters / 1e6:.2f} M | {made.get('start', 'noise')} | "
        f"{made['pictures']:,} pictures of {made['samples']:,} | {made['minutes']} | `{sha256(path)[:16]}...` |"
    )


def _size(dims: Sequence[int]) -> int:
    size = 1
    for each in dims:
        size *= each
    return size
