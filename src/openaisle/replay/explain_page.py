"""The reasons for one receipt line as one page that needs no server: curves, slots, candidates, the people's skeletons.

Plain words first, figures after. Drawn from skeletons only: there is no picture of anybody in it.
"""

from __future__ import annotations

import json
import math
from html import escape
from typing import Final

import numpy as np

from openaisle.core.messages import JOINT_INDEX, Interaction, InteractionKind
from openaisle.core.units import NS_PER_S
from openaisle.interactions.decide import Weighing
from openaisle.interactions.hypotheses import Hypothesis
from openaisle.replay.explain import Reasons, StepReasons
from openaisle.store.money import text_from_minor
from openaisle.store.schema import Shelf, Store

CHART_W: Final = 720
CHART_H: Final = 200
COLOURS: Final = ("#0d5c4a", "#c2571a", "#3a5fb0", "#8a3f8f", "#7a6a00", "#a32020", "#2e9d78", "#555")
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


def explain_page(store: Store, reasons: Reasons) -> str:
    """HTML of one line's reasons."""
    line = reasons.line
    who = _people(reasons)
    title = f"Why is {line.quantity} × {line.name} on the receipt of {reasons.receipt.visit_id}?"
    price = text_from_minor(line.total_minor, store.currency_digits)
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p class=dim>{escape(store.name)} · receipt {escape(reasons.receipt.receipt_id)} · "
        f"{escape(line.gtin or line.product_id)} · {price} {escape(reasons.receipt.currency)}</p>",
        "<h2>In short</h2><ol>",
        *(f"<li>{_in_words(store, one, reasons, who)}</li>" for one in reasons.interactions),
        "</ol>",
    ]
    if reasons.reviews:
        asked = ", ".join(escape(review.reason.replace("_", " ")) for review in reasons.reviews)
        parts.append(f"<p class=warn>A person was asked to look at this line: {asked}.</p>")
    for number, step in enumerate(reasons.steps):
        parts.append(_step(store, step, number, who))
    return _PAGE.replace("{title}", escape(title)).replace("{body}", "\n".join(parts))


def _people(reasons: Reasons) -> dict[str, str]:
    """Short names: the shopper of the receipt is 'this shopper', others are letters."""
    names = {reasons.receipt.visit_id: "this shopper"}
    seen = [v for step in reasons.steps for tracks in step.tracks for v in tracks.visit_ids if v]
    for visit_id in sorted(set(seen) - set(names)):
        names[visit_id] = f"shopper {chr(ord('B') + len(names) - 1)}"
    return names


def _in_words(store: Store, one: Interaction, reasons: Reasons, who: dict[str, str]) -> str:
    at = _clock(one.happened_ns, reasons.receipt.issued_ns)
    name = escape(store.products[one.product_id].name) if one.product_id else "something unknown"
    person = escape(who.get(one.visit_id or "", one.visit_id or "nobody we can name"))
    grams = f": the shelf became {abs(one.mass_change_g):.0f} g {'lighter' if one.mass_change_g < 0 else 'heavier'}"
    where = f" at {escape(one.slot_id)}" if one.slot_id else ""
    scales = f"{where}{grams}" if one.step_ids else ", hand to hand, away from the shelves"
    return (
        f"{at}: {person} {KIND_WORDS.get(one.kind, str(one.kind))} {one.quantity} × {name}{scales}. "
        f"We are {_percent(one.probability)} sure of product, number and person."
    )


def _step(store: Store, step: StepReasons, number: int, who: dict[str, str]) -> str:
    weighing = step.weighing
    shelf = store.shelves[weighing.step.shelf_id]
    change, until = weighing.change, (weighing.step.settled_ns - weighing.step.edge_ns) / NS_PER_S
    return "\n".join(
        [
            f"<section><h2>Shelf {escape(shelf.shelf_id)}: {change.mass_g:+.1f} g, "
            f"{change.along_m * 100:.0f} cm from its left end</h2>",
            f"<p>The scales are sure of the weight to ±{change.mass_sd_g:.1f} g and of the place to "
            f"±{change.along_sd_m * 100:.1f} cm. It was decided {step.revisions} times as more was known; "
            f"the level had settled {until:.2f} s after the edge.</p>",
            "<h3>What the plates said</h3>",
            _curves(step, shelf),
            "<h3>What stands there</h3>",
            _slots(store, shelf, weighing),
            "<h3>What it may have been</h3>",
            "<p>Each row is one way it can have come about. The columns add up (natural logarithms of how well each "
            "piece of evidence fits); a row that is 3 behind the first is twenty times less likely.</p>",
            _candidates(store, weighing, who),
            "<h3>Who was there</h3>",
            _replay(store, step, shelf, number, who),
            "</section>",
        ]
    )


def _curves(step: StepReasons, shelf: Shelf) -> str:
    """Every plate of the shelf that moved, and their sum, against the time of the edge."""
    if not len(step.times_ns):
        return "<p class=dim>The recording holds no samples of that time.</p>"
    since_s = (step.times_ns - step.weighing.step.edge_ns) / NS_PER_S
    spans = np.nanmax(step.grams, axis=0, initial=-1e9) - np.nanmin(step.grams, axis=0, initial=1e9)
    moved = [int(i) for i in np.argsort(-np.nan_to_num(spans, nan=-1.0))[:5] if spans[i] > 4.0]
    low = min(0.0, *(float(np.nanmin(step.grams[:, i])) for i in moved)) if moved else -10.0
    high = max(0.0, *(float(np.nanmax(step.grams[:, i])) for i in moved)) if moved else 10.0
    pad = 0.06 * (high - low) + 1.0
    low, high = low - pad, high + pad

    def at(seconds: float, grams: float) -> str:
        x = 44 + (seconds - since_s[0]) / max(since_s[-1] - since_s[0], 1e-6) * (CHART_W - 54)
        return f"{x:.1f},{8 + (high - grams) / (high - low) * (CHART_H - 30):.1f}"

    marks = [f"<line class=axis x1=44 x2={CHART_W - 10} {_y(at(0, 0))}></line>"]
    for label in (low + pad, 0.0, high - pad):
        x, y = at(since_s[0], label).split(",")
        marks.append(f"<text x=40 y={float(y) + 4:.0f} text-anchor=end>{label:.0f}</text>")
    for second in range(math.ceil(since_s[0]), math.floor(since_s[-1]) + 1):
        x, _ = at(second, 0).split(",")
        marks.append(f"<text x={x} y={CHART_H - 4} text-anchor=middle>{second:+d} s</text>")
    x, _ = at(0.0, 0.0).split(",")
    marks.append(f"<line class=edge x1={x} x2={x} y1=8 y2={CHART_H - 22}></line>")
    keys: list[str] = []
    for rank, plate in enumerate(moved):
        colour = COLOURS[rank % len(COLOURS)]
        points = " ".join(
            at(s, g) for s, g in zip(since_s[::2], step.grams[::2, plate], strict=True) if math.isfinite(g)
        )
        marks.append(f'<polyline points="{points}" stroke="{colour}"></polyline>')
        keys.append(f'<span style="color:{colour}">■ {escape(shelf.plates[plate].plate_id)}</span>')
    return (
        f'<svg viewBox="0 0 {CHART_W} {CHART_H}" role=img aria-label="Grams of each plate over time">'
        f"{''.join(marks)}</svg><p class=dim>{' '.join(keys)} grams against before; dashed: the edge</p>"
    )


def _y(point: str) -> str:
    y = point.split(",")[1]
    return f"y1={y} y2={y}"


def _slots(store: Store, shelf: Shelf, weighing: Weighing) -> str:
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
    change = weighing.change
    x, spread = 10 + change.along_m * scale, max(2.0, 2 * change.along_sd_m * scale)
    felt = f"<rect class=felt x={x - spread:.1f} y=46 width={2 * spread:.1f} height=8></rect>"
    return f'<svg class=slots viewBox="0 0 {CHART_W} 60" role=img aria-label="Slots">{"".join(boxes)}{felt}</svg>'


def _short(name: str, width_px: float) -> str:
    letters = max(3, int(width_px / 6.5))
    return name if len(name) <= letters else name[: letters - 1] + "…"


def _candidates(store: Store, weighing: Weighing, who: dict[str, str]) -> str:
    terms = list(dict.fromkeys(name for _, _, each in weighing.hypotheses for name in each))
    head = "".join(f"<th scope=col>{escape(name)}</th>" for name in terms)
    rows: list[str] = []
    for rank, (hypothesis, probability, each) in enumerate(weighing.hypotheses):
        cells = "".join(
            f"<td>{each[name]:+.1f}</td>" if name in each else "<td class=dim>·</td>" for name in terms
        )
        rows.append(
            f"<tr{' class=best' if rank == 0 else ''}><th scope=row>{_hypothesis(store, hypothesis, who)}</th>"
            f"<td>{_percent(probability)}</td>{cells}<td>{hypothesis.log_weight:+.1f}</td></tr>"
        )
    return (
        f"<div class=wide><table><thead><tr><th scope=col>what and who</th><th scope=col>likely</th>{head}"
        f"<th scope=col>sum</th></tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
        "<p class=dim>Likely: this step by itself. Steps of one moment are then decided together.</p>"
    )


def _hypothesis(store: Store, hypothesis: Hypothesis, who: dict[str, str]) -> str:
    kind = hypothesis.explanation.kind
    words: list[str] = []
    for part, suspect in hypothesis.moves:
        visit_id = suspect.visit_id if suspect else None
        person = who.get(
            visit_id or "", visit_id or ("somebody unseen" if suspect is None else suspect.track_id)
        )
        if part is None:
            words.append(f"something unknown, beside {person}")
            continue
        name = store.products[part.product_id].name
        at = f" ({part.slot_id})" if part.slot_id else ""
        words.append(f"{person} {KIND_WORDS.get(kind, kind)} {part.quantity} × {name}{at}")
    return escape("; ".join(words))


def _replay(store: Store, step: StepReasons, shelf: Shelf, number: int, who: dict[str, str]) -> str:
    """Skeletons from above and from the side of the shelf, over the seconds about the edge."""
    if not step.tracks:
        return "<p class=dim>Nobody was tracked at that time.</p>"
    gondola = store.gondola_of[shelf.gondola_id]
    into = gondola.floor_from_gondola.inverse()
    frames: list[dict[str, object]] = []
    for tracks in step.tracks:
        people: list[dict[str, object]] = []
        for row, visit_id in enumerate(tracks.visit_ids):
            joints = into.apply(tracks.joints_floor_m[row, :, :3].astype(np.float64))
            if not np.isfinite(joints).any() or np.nanmin(np.abs(joints[:, 1])) > 2.0:
                continue
            points = [[round(float(v), 2) if math.isfinite(v) else None for v in joint] for joint in joints]
            people.append({"who": who.get(visit_id or "", "?"), "joints": points})
        frames.append(
            {"t": round((tracks.captured_ns - step.weighing.step.edge_ns) / NS_PER_S, 2), "people": people}
        )
    data = {
        "frames": frames,
        "bones": [[JOINT_INDEX[a], JOINT_INDEX[b]] for a, b in BONES],
        "shelves": [[s.height_m, s.front_m, s.depth_m] for s in gondola.shelves],
        "width": gondola.width_m,
        "depth": gondola.depth_m,
        "place": [shelf.left_m + step.weighing.change.along_m, shelf.front_m + 0.1, shelf.height_m + 0.1],
        "names": list(who.values()),
    }
    return (
        f'<div class=replay id=replay{number}><canvas width=350 height=300 aria-label="From above"></canvas>'
        '<canvas width=350 height=300 aria-label="From the side"></canvas>'
        '<p><button type=button>Play</button> <input type=range min=0 value=0 aria-label="Time"> <output></output></p>'
        f"<script type=application/json>{json.dumps(data, separators=(',', ':'))}</script></div>"
    )


def _percent(probability: float) -> str:
    return "over 99.9 %" if probability > 0.999 else f"{100 * probability:.1f} %"


def _clock(at_ns: int, issued_ns: int) -> str:
    return f"{(issued_ns - at_ns) / NS_PER_S:.1f} s before the receipt"


_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root { --ink: #14211d; --dim: #5a6b65; --line: #d8e0dc; --green: #0d5c4a; --amber: #8a5a00; }
body { margin: 0 auto; max-width: 780px; padding: 16px; color: var(--ink); background: #f2f5f3; }
body { font: 15px/1.45 system-ui, "DejaVu Sans", sans-serif; }
section { background: #fff; border: 1px solid var(--line); border-radius: 10px; }
section { padding: 4px 16px 12px; margin: 16px 0; }
h1 { font-size: 22px; } h2 { font-size: 17px; } h3 { font-size: 14px; margin: 16px 0 4px; }
.dim { color: var(--dim); font-size: 13px; } .warn { color: var(--amber); }
svg { width: 100%; height: auto; background: #fff; } svg text { font-size: 10px; fill: var(--dim); }
polyline { fill: none; stroke-width: 1.6; }
.axis { stroke: var(--line); } .edge { stroke: #888; stroke-dasharray: 4 4; }
.slots rect { fill: #e6efeb; stroke: var(--line); } .slots .felt { fill: #c2571a; stroke: none; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: 13px; width: 100%; }
td, th { padding: 3px 8px 3px 0; text-align: left; border-bottom: 1px solid var(--line); }
td, th { font-weight: 400; vertical-align: top; }
td { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; } thead th { color: var(--dim); }
.best th, .best td { font-weight: 600; }
.replay canvas { background: #f7faf8; border: 1px solid var(--line); border-radius: 6px; max-width: 48%; height: auto; }
.replay input { width: 60%; vertical-align: middle; }
</style></head><body>
{body}
<p class=dim>Made from a recording by <code>openaisle explain</code>. Skeletons only: no picture of anybody is kept.</p>
<script>
for (const box of document.querySelectorAll(".replay")) {
  const data = JSON.parse(box.querySelector("script").textContent);
  const [above, side] = box.querySelectorAll("canvas");
  const slider = box.querySelector("input"), button = box.querySelector("button"), said = box.querySelector("output");
  const colours = ["#0d5c4a", "#c2571a", "#3a5fb0", "#8a3f8f", "#7a6a00"];
  slider.max = data.frames.length - 1;
  const nearest = data.frames.reduce((b, f, i) => Math.abs(f.t) < Math.abs(data.frames[b].t) ? i : b, 0);
  slider.value = nearest;
  const draw = () => {
    const frame = data.frames[slider.value], scale = 120;
    said.textContent = (frame.t >= 0 ? "+" : "") + frame.t.toFixed(2) + " s";
    const views = [
      [above, p => [175 + (p[0] - data.place[0]) * scale, 90 - p[1] * scale]],
      [side, p => [110 - p[1] * scale + 0, 285 - p[2] * scale * 1.15]],
    ];
    for (const [canvas, at] of views) {
      const c = canvas.getContext("2d");
      c.clearRect(0, 0, canvas.width, canvas.height);
      c.fillStyle = "#dfe7e3"; c.strokeStyle = "#b9c8c1";
      if (canvas === above) {
        const [x0, y0] = at([0, data.depth, 0]), [x1, y1] = at([data.width, 0, 0]);
        c.fillRect(x0, y0, x1 - x0, y1 - y0);
      } else for (const [z, front, depth] of data.shelves) {
        const [x0, y] = at([0, front + depth, z]), [x1] = at([0, front, z]);
        c.fillRect(x0, y, x1 - x0, 4);
      }
      const [px, py] = at(data.place);
      c.fillStyle = "#c2571a"; c.beginPath(); c.arc(px, py, 5, 0, 7); c.fill();
      frame.people.forEach(person => {
        const rank = data.names.indexOf(person.who);
        c.strokeStyle = c.fillStyle = rank < 0 ? "#777" : colours[rank % colours.length];
        c.lineWidth = 3;
        for (const [a, b] of data.bones) {
          const p = person.joints[a], q = person.joints[b];
          if (p.includes(null) || q.includes(null)) continue;
          c.beginPath(); c.moveTo(...at(p)); c.lineTo(...at(q)); c.stroke();
        }
        const head = person.joints[0];
        if (!head.includes(null)) {
          const [x, y] = at(head);
          c.beginPath(); c.arc(x, y, 8, 0, 7); c.fill();
          c.font = "12px sans-serif"; c.fillText(person.who, x + 11, y + 4);
        }
      });
    }
  };
  slider.addEventListener("input", draw);
  let timer = null;
  button.addEventListener("click", () => {
    if (timer) { clearInterval(timer); timer = null; button.textContent = "Play"; return; }
    button.textContent = "Stop";
    timer = setInterval(() => {
      slider.value = (Number(slider.value) + 1) % data.frames.length;
      draw();
    }, 100);
  });
  draw();
}
</script></body></html>
"""
