"""One decision drawn in HTML from its clip: curves, slots, candidates, the people's skeletons. Needs clip.css, clip.js.

Plain words first, figures after. Drawn from skeletons only: there is no picture of anybody in it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Reader:
    """Whom a decision is drawn for: their words by name (those that begin with `why_`), and what they call whom."""

    store: Store
    words: Mapping[str, str]
    who: Mapping[VisitId, str]

    @classmethod
    def of(
        cls, store: Store, words: Mapping[str, str], visit_id: VisitId | None, clips: Sequence[StepClip]
    ) -> Reader:
        """Short names: the shopper in question is 'this shopper', others are letters."""
        names = {visit_id: words["why_this"]} if visit_id else {}
        seen = {v for clip in clips for tracks in clip.tracks for v in tracks.visit_ids if v}
        for visit in sorted(seen - names.keys()):
            names[visit] = words["why_other"].format(letter=chr(ord("A") + len(names)))
        return cls(store, words, names)

    def say(self, word: str, /, **filled: object) -> str:
        """Words, for HTML."""
        return escape(self.words[f"why_{word}"].format(**filled))

    def deed(self, kind: InteractionKind, person: str, quantity: int, name: str) -> str:
        """Who did what with what."""
        return self.words[f"why_{kind.value}"].format(who=person, goods=f"{quantity} × {name}")

    def term(self, name: str) -> str:
        """A piece of evidence, by the name that `interactions` gives it."""
        return self.words.get(f"why_term_{name.replace(' ', '_')}", name)


def clips_html(reader: Reader, clips: Sequence[StepClip]) -> str:
    """A section for each clip, to stand in an element of class `why`."""
    return "\n".join(_section(reader, clip) for clip in clips)


def percent(probability: float) -> str:
    return "> 99.9 %" if probability > 0.999 else f"{100 * probability:.1f} %"


def _section(reader: Reader, clip: StepClip) -> str:
    shelf, say = reader.store.shelves[clip.step.shelf_id], reader.say
    until_s = (clip.step.settled_ns - clip.step.edge_ns) / NS_PER_S
    heading = say(
        "shelf", shelf=shelf.shelf_id, grams=f"\u2066{clip.mass_g:+.1f}\u2069", cm=f"{clip.along_m * 100:.0f}"
    )
    sure = say(
        "sure",
        grams=f"{clip.mass_sd_g:.1f}",
        cm=f"{clip.along_sd_m * 100:.1f}",
        count=clip.revisions,
        seconds=f"{until_s:.2f}",
    )
    return "\n".join(
        [
            f"<section><h2>{heading}</h2>",
            f"<p>{sure}</p>",
            f"<h3>{say('plates')}</h3>",
            _curves(reader, clip, shelf),
            f"<h3>{say('slots')}</h3>",
            _slots(reader, shelf, clip),
            f"<h3>{say('candidates')}</h3>",
            f"<p>{say('candidates_hint')}</p>",
            _candidates(reader, clip),
            f"<h3>{say('people')}</h3>",
            _replay(reader, clip, shelf),
            "</section>",
        ]
    )


def _curves(reader: Reader, clip: StepClip, shelf: Shelf) -> str:
    """Every plate of the shelf that moved against the time of the edge."""
    since_s, grams = clip.since_s.astype(np.float64), clip.grams.astype(np.float64)
    if not len(since_s):
        return f"<p class=dim>{reader.say('no_samples')}</p>"
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
        f'<svg viewBox="0 0 {CHART_W} {CHART_H}" role=img aria-label="{reader.say("curves")}">'
        f"{''.join(marks)}</svg><p class=dim>{' '.join(keys)} {reader.say('curves_key')}</p>"
    )


def _slots(reader: Reader, shelf: Shelf, clip: StepClip) -> str:
    """The shelf from the front: its slots, and where the change was felt."""
    scale = (CHART_W - 20) / shelf.width_m
    boxes: list[str] = []
    for slot in shelf.slots:
        product = reader.store.products[slot.product_id]
        x, width = 10 + slot.left_m * scale, slot.width_m * scale
        words = f"{product.name}, {product.mass_g:.0f} g"
        boxes.append(
            f"<rect x={x + 1:.1f} y=8 width={width - 2:.1f} height=34><title>{escape(words)}</title></rect>"
            f"<text x={x + width / 2:.1f} y=22 text-anchor=middle>{escape(_short(product.name, width))}</text>"
            f"<text x={x + width / 2:.1f} y=36 text-anchor=middle>{product.mass_g:.0f} g</text>"
        )
    x, spread = 10 + clip.along_m * scale, max(2.0, 2 * clip.along_sd_m * scale)
    felt = f"<rect class=felt x={x - spread:.1f} y=46 width={2 * spread:.1f} height=8></rect>"
    label = reader.say("slots")
    return (
        f'<svg class=slots viewBox="0 0 {CHART_W} 60" role=img aria-label="{label}">'
        f"{''.join(boxes)}{felt}</svg>"
    )


def _short(name: str, width_px: float) -> str:
    letters = max(3, int(width_px / 6.5))
    return name if len(name) <= letters else name[: letters - 1] + "…"


def _candidates(reader: Reader, clip: StepClip) -> str:
    terms = list(dict.fromkeys(name for one in clip.weighed for name in one.terms))
    head = "".join(f"<th scope=col>{escape(reader.term(name))}</th>" for name in terms)
    rows: list[str] = []
    for rank, one in enumerate(clip.weighed):
        cells = "".join(
            f"<td>{one.terms[name]:+.1f}</td>" if name in one.terms else "<td class=dim>·</td>"
            for name in terms
        )
        rows.append(
            f"<tr{' class=best' if rank == 0 else ''}><th scope=row>{_in_words(reader, one)}</th>"
            f"<td>{escape(percent(one.probability))}</td>{cells}<td>{one.log_weight:+.1f}</td></tr>"
        )
    return (
        f"<div class=wide><table><thead><tr><th scope=col>{reader.say('what')}</th>"
        f"<th scope=col>{reader.say('likely')}</th>{head}<th scope=col>{reader.say('sum')}</th></tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div><p class=dim>{reader.say('likely_hint')}</p>"
    )


def _in_words(reader: Reader, one: Weighed) -> str:
    said: list[str] = []
    for mover in one.movers:
        person = reader.who.get(
            mover.visit_id or "", mover.visit_id or mover.track_id or reader.words["why_unseen"]
        )
        if mover.product_id is None:
            said.append(reader.words["why_beside"].format(who=person))
            continue
        name = reader.store.products[mover.product_id].name
        at = f" ({mover.slot_id})" if mover.slot_id else ""
        said.append(reader.deed(one.kind, person, mover.quantity, f"{name}{at}"))
    return escape("; ".join(said))


def _replay(reader: Reader, clip: StepClip, shelf: Shelf) -> str:
    """Skeletons from above and from the side of the shelf, over the seconds about the edge."""
    if not clip.tracks:
        return f"<p class=dim>{reader.say('nobody')}</p>"
    gondola = reader.store.gondola_of[shelf.gondola_id]
    into = gondola.floor_from_gondola.inverse()
    frames: list[dict[str, object]] = []
    for tracks in clip.tracks:
        people: list[dict[str, object]] = []
        for row, visit_id in enumerate(tracks.visit_ids):
            joints = into.apply(tracks.joints_floor_m[row, :, :3].astype(np.float64))
            if not np.isfinite(joints).any():
                continue
            points = [[round(float(v), 2) if math.isfinite(v) else None for v in joint] for joint in joints]
            people.append({"who": reader.who.get(visit_id or "", "?"), "joints": points})
        frames.append({"t": round((tracks.captured_ns - clip.step.edge_ns) / NS_PER_S, 2), "people": people})
    data = {
        "frames": frames,
        "bones": [[JOINT_INDEX[a], JOINT_INDEX[b]] for a, b in BONES],
        "shelves": [[s.height_m, s.front_m, s.depth_m] for s in gondola.shelves],
        "width": gondola.width_m,
        "depth": gondola.depth_m,
        "place": [shelf.left_m + clip.along_m, shelf.front_m + 0.1, shelf.height_m + 0.1],
        "names": list(reader.who.values()),
        "play": reader.words["why_play"],
        "stop": reader.words["why_stop"],
    }
    canvases = "".join(
        f'<canvas width=350 height=300 role=img aria-label="{reader.say(name)}"></canvas>'
        for name in ("above", "side")
    )
    # A name may not end the element that it stands in.
    text = json.dumps(data, separators=(",", ":")).replace("</", "<\\/")
    return (
        f"<div class=replay>{canvases}<p><button type=button>{reader.say('play')}</button> "
        f'<input type=range min=0 value=0 aria-label="{reader.say("time")}"> <output></output></p>'
        f"<script type=application/json>{text}</script></div>"
    )
