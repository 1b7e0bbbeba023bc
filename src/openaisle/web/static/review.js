// The queue: J and K move, A gives back, D lets it stand. One case at a time, with all that is known about it.
"use strict";

const POLL_MS = 3000;
const TOLD_MIN = 0.005; // Other explanations less likely than that help nobody decide.
let cases = [];
let at = 0;

function title(one) {
  return one.product ? `${one.quantity} × ${one.product}` : one.missing || one.visit_id;
}

function draw() {
  at = Math.max(0, Math.min(at, cases.length - 1));
  byId("queue").replaceChildren(...cases.map((one, index) => element("li",
    { role: "option", id: `case-${index}`, "aria-selected": String(index === at), onclick: () => { at = index; draw(); } },
    element("span", { className: "state" }, say(`kind_${one.kind}`)), " ", element("bdi", {}, title(one)),
    element("span", { className: "amount" }, money(one.amount_minor)),
    element("small", {}, WORDS[`reason_${one.reason}`] || one.reason))));
  byId("empty").hidden = cases.length > 0;
  byId("case").hidden = byId("reasons").hidden = cases.length === 0;
  if (!cases.length) return;
  byId("queue").setAttribute("aria-activedescendant", `case-${at}`);
  drawCase(cases[at]);
}

function evidenceText(one) {
  const time = timeOf(one.happened_ns);
  if (one.source === "scan") return say("evidence_scan", { time });
  if (one.source === "staff") return say("evidence_staff", { time });
  return say("evidence_line", { time, grams: one.mass_change_g, place: one.place, percent: Math.round(100 * one.probability) });
}

function evidenceOf(one) {
  const row = element("li", {}, evidenceText(one));
  const others = one.alternatives.filter((other) => other.probability >= TOLD_MIN);
  if (others.length) {
    row.append(element("p", { className: "dim" }, say("alternatives")), element("ul", {}, ...others.map((other) => element("li", {},
      `${Math.round(100 * other.probability)} % ${other.quantity} × ${other.product_id || "?"}${other.is_this_visit ? "" : `, ${say("other_visit")}`}`))));
  }
  return row;
}

function drawCase(one) {
  const buttons = element("div", { className: "row" },
    element("button", { type: "button", className: "main", id: "accept", onclick: () => decide(true) }, `${say("give_back")} (A) ${money(one.amount_minor)}`),
    element("button", { type: "button", id: "decline", onclick: () => decide(false) }, `${say("let_stand")} (D)`));
  byId("case").replaceChildren(
    element("h2", {}, element("bdi", {}, title(one))),
    element("p", {}, `${say(`kind_${one.kind}`)}: ${WORDS[`reason_${one.reason}`] || one.reason}`),
    element("p", {}, `${say("visit")} `, one.receipt_id ? element("a", { href: `/receipts/${one.visit_id}` }, one.visit_id) : one.visit_id),
    ...(one.note ? [element("blockquote", { dir: "auto" }, one.note)] : []),
    element("ul", { className: "evidence" }, ...one.evidence.map(evidenceOf)),
    ...(one.needs_two ? [element("p", { className: "warning" }, say("second_needed"))] : []),
    buttons);
  drawReasons(one);
}

// Plates and skeletons about each piece of evidence, as far as they are kept; the least sure one is open.
async function drawReasons(one) {
  if (byId("reasons").dataset.of === one.case_id) return;
  byId("reasons").dataset.of = one.case_id;
  const shown = [];
  for (const each of one.evidence.filter((some) => some.has_reasons)) {
    const answer = await fetch(`/review/reasons/${encodeURIComponent(each.interaction_id)}`, { credentials: "same-origin" });
    if (answer.ok) shown.push([each, await answer.text()]);
  }
  if (byId("reasons").dataset.of !== one.case_id) return; // Another case was chosen meanwhile.
  shown.sort(([a], [b]) => a.probability - b.probability);
  byId("reasons").replaceChildren(...shown.map(([each, html], index) => {
    const details = element("details", index ? {} : { open: "" }, element("summary", {}, evidenceText(each)), element("div"));
    details.lastElementChild.innerHTML = html;
    return details;
  }));
  if (!shown.length) byId("reasons").append(element("p", { className: "dim" }, say("evidence_none")));
  showReplays(byId("reasons"));
}

async function decide(accept) {
  const one = cases[at];
  if (!one) return;
  try {
    const made = await ask("POST", "/api/v1/decisions", { case_id: one.case_id, accept });
    tell(made.state === "seconded" ? say("second_needed") : `${title(one)}: ${say(made.state === "accepted" ? "give_back" : "let_stand")}`);
  } catch (error) {
    tell(error.message);
  }
  await refresh();
}

async function refresh() {
  const queue = await ask("GET", "/api/v1/cases");
  byId("rates").textContent = say("rate", { reviews: queue.rates.reviews_per_1000, disputes: queue.rates.disputes_per_1000 });
  const current = cases[at] && cases[at].case_id;
  if (JSON.stringify(queue.cases) === JSON.stringify(cases)) return;
  cases = queue.cases;
  const kept = cases.findIndex((one) => one.case_id === current);
  if (kept >= 0) at = kept;
  draw();
}

const KEYS = { j: () => { at += 1; draw(); }, k: () => { at -= 1; draw(); }, a: () => decide(true), d: () => decide(false) };
KEYS.ArrowDown = KEYS.j;
KEYS.ArrowUp = KEYS.k;
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
  const act = KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

refresh();
setInterval(() => { if (!document.hidden) refresh().catch(() => null); }, POLL_MS);
byId("queue").focus();
