"""One decision drawn in HTML from its clip: curves, slots, candidates, the people's skeletons. Needs clip.css, clip.js.

Plain words first, figures after. Drawn from skeletons only: there is no picture of anybody in it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Final

import numpy as np

from openaisle.core.messages import JOINT_INDEX, InteractionKind, VisitId
from openaisle.core.units import NS_PER_S
from openaisle.replay.clips import StepClip, Weighed
from openaisle.store.schema import Shelf, Store

STYLE: Final = Path(__file__).with_name("clip.css")
SCRIPT: Final = Path(__file__).with_name("clip.js")
CHART_W: Final = 720
CHART_H: Final = 200
PLATES_DRAWN: Final = 5  # there are as many colours in clip.css
MOVED_G: Final = 4.0
BONES: Final = (
    ("left_shoulder", "right_shoulder"), ("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist"),
    ("right_shoulder", "right_elbow"), ("right_elbow", "right_wrist"), ("left_shoulder", "left_hip"),
    ("right_shoulder", "right_hip"), ("left_hip", "right_hip"), ("nose", "left_shoulder"),
    ("nose", "right_shoulder"),
)  # fmt: skip
KIND_WORDS: Final = {
    InteractionKind.PICK_UP: "took",
    InteractionKind.PUT_BACK: "put back",
    InteractionKind.PUT_BACK_WRONG: "put into another product's place",
    InteractionKind.GIVE: "handed on",
    InteractionKind.GET: "was handed",
    InteractionKind.UNEXPLAINED: "something nobody can name moved",
}


def people_of(visit_id: VisitId | None, clips: Sequence[StepClip]) -> dict[VisitId, str]:
    """Short names: the shopper in question is 'this shopper', others are letters."""
    names = {visit_id: "this shopper"} if visit_id else {}
    seen = {v for clip in clips for tracks in clip.tracks for v in tracks.visit_ids if v}
    for visit in sorted(seen - names.keys()):
        names[visit] = f"shopper {chr(ord('A') + len(names))}"
    return names


def clips_html(store: Store, clips: Sequence[StepClip], who: Mapping[VisitId, str]) -> str:
    """A section for each clip, to stand in an element of class `why`."""
    return "\n".join(_section(store, clip, who) for clip in clips)


def percent(probability: float) -> str:
    return "over 99.9 %" if probability > 0.999 else f"{100 * probability:.1f} %"


def _section(store: Store, clip: StepClip, who: Mapping[VisitId, str]) -> str:
    shelf = store.shelves[clip.step.shelf_id]
    until_s = (clip.step.settled_ns - clip.step.edge_ns) / NS_PER_S
    return "\n".join(
        [
            f"<section><h2>Shelf {escape(shelf.shelf_id)}: {clip.mass_g:+.1f} g, "
            f"{clip.along_m * 100:.0f} cm from its left end</h2>",
            f"<p>The scales are sure of the weight to ±{clip.mass_sd_g:.1f} g and of the place to "
            f"±{clip.along_sd_m * 100:.1f} cm. It was decided {clip.revisions} times as more was known; "
            f"the level had settled {until_s:.2f} s after the edge.</p>",
            "<h3>What the plates said</h3>",
            _curves(clip, shelf),
            "<h3>What stands there</h3>",
            _slots(store, shelf, clip),
            "<h3>What it may have been</h3>",
            "<p>Each row is one way it can have come about. The columns add up (natural logarithms of how well each "
            "piece of evidence fits); a row that is 3 behind the first is twenty times less likely.</p>",
            _candidates(store, clip, who),
            "<h3>Who was there</h3>",
            _replay(store, clip, shelf, who),
            "</section>",
        ]
    )


def _curves(clip: StepClip, shelf: Shelf) -> str:
    """Every plate of the shelf that moved against the time of the edge."""
    since_s, grams = clip.since_s.astype(np.float64), clip.grams.astype(np.float64)
    if not len(since_s):
        return "<p class=dim>No samples of that time were kept.</p>"
    spans = np.nanmax(grams, axis=0, initial=-1e9) - np.nanmin(grams, axis=0, initial=1e9)
    ranked = np.argsort(-np.nan_to_num(spans, nan=-1.0))[:PLATES_DRAWN]
    moved = [int(plate) for plate in ranked if spans[plate] > MOVED_G]
    low = min(0.0, *(float(np.nanmin(grams[:, plate])) for plate in moved)) if moved else -10.0
    high = max(0.0, *(float(np.nanmax(grams[:, plate])) for plate in moved)) if moved else 10.0
    pad = 0.06 * (high - low) + 1.0
    low, high = low - pad, high + pad

    def at(seconds: float, of_grams: float) -> tuple[float, float]:
        x = 44 + (seconds - since_s[0]) / max(since_s[-1] - since_s[0], 1e-6) * (CHART_W - 54)
        return round(x, 1), round(8 + (high - of_grams) / (high - low) * (CHART_H - 30), 1)

    _, y = at(0, 0)
    marks = [f"<line class=axis x1=44 x2={CHART_W - 10} y1={y} y2={y}></line>"]
    for label in (low + pad, 0.0, high - pad):
        _, y = at(since_s[0], label)
        marks.append(f"<text x=40 y={y + 4:.0f} text-anchor=end>{label:.0f}</text>")
    for second in range(math.ceil(since_s[0]), math.floor(since_s[-1]) + 1):
        x, _ = at(second, 0)
        marks.append(f"<text x={x} y={CHART_H - 4} text-anchor=middle>{second:+d} s</text>")
    x, _ = at(0.0, 0.0)
    marks.append(f"<line class=edge x1={x} x2={x} y1=8 y2={CHART_H - 22}></line>")
    keys: list[str] = []
    for rank, plate in enumerate(moved):
        places = [at(s, g) for s, g in zip(since_s[::2], grams[::2, plate], strict=True) if math.isfinite(g)]
        points = " ".join(f"{x},{y}" for x, y in places)
        marks.append(f'<polyline class="key-{rank}" points="{points}"></polyline>')
        keys.append(f'<span class="key key-{rank}">■ {escape(shelf.plates[plate].plate_id)}</span>')
    return (
        f'<svg viewBox="0 0 {CHART_W} {CHART_H}" role=img aria-label="Grams of each plate over time">'
        f"{''.join(marks)}</svg><p class=dim>{' '.join(keys)} grams against before; dashed: the edge</p>"
    )


def _slots(store: Store, shelf: Shelf, clip: StepClip) -> str:
    """The shelf from the front: its slots, and where the change was felt."""
    scale = (CHART_W - 20) / shelf.width_m
    boxes: list[str] = []
    for slot in shelf.slots:
        product = store.products[slot.product_id]
        x, width = 10 + slot.left_m * scale, slot.width_m * scale
        words = f"{product.name}, {product.mass_g:.0f} g"
        boxes.append(
            f"<rect x={x + 1:.1f} y=8 width={width - 2:.1f} height=34><title>{escape(words)}</title></rect>"
            f"<text x={x + width / 2:.1f} y=22 text-anchor=middle>{escape(_short(product.name, width))}</text>"
            f"<text x={x + width / 2:.1f} y=36 text-anchor=middle>{product.mass_g:.0f} g</text>"
        )
    x, spread = 10 + clip.along_m * scale, max(2.0, 2 * clip.along_sd_m * scale)
    felt = f"<rect class=felt x={x - spread:.1f} y=46 width={2 * spread:.1f} height=8></rect>"
    return f'<svg class=slots viewBox="0 0 {CHART_W} 60" role=img aria-label="Slots">{"".join(boxes)}{felt}</svg>'


def _short(name: str, width_px: float) -> str:
    letters = max(3, int(width_px / 6.5))
    return name if len(name) <= letters else name[: letters - 1] + "…"


def _candidates(store: Store, clip: StepClip, who: Mapping[VisitId, str]) -> str:
    terms = list(dict.fromkeys(name for one in clip.weighed for name in one.terms))
    head = "".join(f"<th scope=col>{escape(name)}</th>" for name in terms)
    rows: list[str] = []
    for rank, one in enumerate(clip.weighed):
        cells = "".join(
            f"<td>{one.terms[name]:+.1f}</td>" if name in one.terms else "<td class=dim>·</td>"
            for name in terms
        )
        rows.append(
            f"<tr{' class=best' if rank == 0 else ''}><th scope=row>{_in_words(store, one, who)}</th>"
            f"<td>{percent(one.probability)}</td>{cells}<td>{one.log_weight:+.1f}</td></tr>"
        )
    return (
        f"<div class=wide><table><thead><tr><th scope=col>what and who</th><th scope=col>likely</th>{head}"
        f"<th scope=col>sum</th></tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
        "<p class=dim>Likely: this step by itself. Steps of one moment are then decided together.</p>"
    )


def _in_words(store: Store, one: Weighed, who: Mapping[VisitId, str]) -> str:
    words: list[str] = []
    for mover in one.movers:
        person = who.get(mover.visit_id or "", mover.visit_id or mover.track_id or "somebody unseen")
        if mover.product_id is None:
            words.append(f"something unknown, beside {person}")
            continue
        name = store.products[mover.product_id].name
        at = f" ({mover.slot_id})" if mover.slot_id else ""
        words.append(f"{person} {KIND_WORDS.get(one.kind, one.kind)} {mover.quantity} × {name}{at}")
    return escape("; ".join(words))


def _replay(store: Store, clip: StepClip, shelf: Shelf, who: Mapping[VisitId, str]) -> str:
    """Skeletons from above and from the side of the shelf, over the seconds about the edge."""
    if not clip.tracks:
        return "<p class=dim>Nobody was tracked at that time.</p>"
    gondola = store.gondola_of[shelf.gondola_id]
    into = gondola.floor_from_gondola.inverse()
    frames: list[dict[str, object]] = []
    for tracks in clip.tracks:
        people: list[dict[str, object]] = []
        for row, visit_id in enumerate(tracks.visit_ids):
            joints = into.apply(tracks.joints_floor_m[row, :, :3].astype(np.float64))
            if not np.isfinite(joints).any():
                continue
            points = [[round(float(v), 2) if math.isfinite(v) else None for v in joint] for joint in joints]
            people.append({"who": who.get(visit_id or "", "?"), "joints": points})
        frames.append({"t": round((tracks.captured_ns - clip.step.edge_ns) / NS_PER_S, 2), "people": people})
    data = {
        "frames": frames,
        "bones": [[JOINT_INDEX[a], JOINT_INDEX[b]] for a, b in BONES],
        "shelves": [[s.height_m, s.front_m, s.depth_m] for s in gondola.shelves],
        "width": gondola.width_m,
        "depth": gondola.depth_m,
        "place": [shelf.left_m + clip.along_m, shelf.front_m + 0.1, shelf.height_m + 0.1],
        "names": list(who.values()),
    }
    return (
        '<div class=replay><canvas width=350 height=300 role=img aria-label="From above"></canvas>'
        '<canvas width=350 height=300 role=img aria-label="From the side"></canvas>'
        '<p><button type=button>Play</button> <input type=range min=0 value=0 aria-label="Time"> <output></output></p>'
        f"<script type=application/json>{json.dumps(data, separators=(',', ':'))}</script></div>"
    )
