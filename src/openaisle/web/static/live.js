// The live board: one event stream in, eight cards out. No framework; each card draws itself from its part of the state.
"use strict";

const PALETTE = ["#1f77b4", "#d1495b", "#2e9d78", "#8f5bd1", "#d98e04", "#0f8b8d", "#c2569b", "#6b7a1e", "#4b6cb7", "#a4572b"];
const BONES = [[5, 6], [5, 7], [7, 9], [6, 8], [8, 10], [5, 11], [6, 12], [11, 12], [11, 13], [13, 15], [12, 14], [14, 16], [0, 5], [0, 6]];
const KINDS = { pick_up: "took", put_back: "put back", put_back_wrong: "put in a foreign slot", unexplained: "unexplained change", touch_return: "touched" };

const ACTIONS = { none: "does nothing", approach: "approaches", take: "takes", put_back: "puts back", browse: "browses" };

const $ = (id) => document.getElementById(id);
const colours = new Map();
let plan = null;
let latest = { floor: { people: [] }, latency: null };

function colourOf(visitId) {
  if (!visitId) return "#8a9792";
  if (!colours.has(visitId)) colours.set(visitId, PALETTE[colours.size % PALETTE.length]);
  return colours.get(visitId);
}
const shortId = (visitId) => (visitId ? visitId.slice(-6) : "not bound");
const money = (minor) => `${(minor / 10 ** plan.currency_digits).toFixed(plan.currency_digits)} ${plan.currency}`;

function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "who") node.style.setProperty("--who", value);
    else if (name === "className") node.className = value;
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

function sharpContext(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth, height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return [context, width, height];
}

const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(name);

function drawPlan() {
  const [context, width, height] = sharpContext($("plan"));
  const xs = plan.plan_m.map((p) => p[0]), ys = plan.plan_m.map((p) => p[1]);
  const [left, right, low, high] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const margin = 16;
  const scale = Math.min((width - 2 * margin) / (right - left), (height - 2 * margin) / (high - low));
  const at = ([x, y]) => [
    (width - scale * (right - left)) / 2 + (x - left) * scale, (height + scale * (high - low)) / 2 - (y - low) * scale];
  const path = (points) => { context.beginPath(); points.forEach((p) => context.lineTo(...at(p))); };

  path([...plan.plan_m, plan.plan_m[0]]);
  context.fillStyle = ink("--ground"); context.fill();
  context.strokeStyle = ink("--ink"); context.lineWidth = 2; context.stroke();
  context.textAlign = "center"; context.textBaseline = "middle"; context.font = "600 12px system-ui, sans-serif";
  for (const gondola of plan.gondolas) {
    path([...gondola.corners_m, gondola.corners_m[0]]);
    context.fillStyle = "#b9c9c1"; context.fill();
    context.strokeStyle = "#0d5c4a"; context.lineWidth = 3; path(gondola.corners_m.slice(0, 2)); context.stroke();
    const middle = [0, 1].map((axis) => gondola.corners_m.reduce((sum, p) => sum + p[axis], 0) / 4);
    context.fillStyle = "#14211d"; context.fillText(gondola.gondola_id, ...at(middle));
  }
  for (const gate of plan.gates) {
    path([gate.left_m, gate.right_m]); context.strokeStyle = "#ffb703"; context.lineWidth = 5; context.stroke();
    const [x, y] = at([(gate.left_m[0] + gate.right_m[0]) / 2, (gate.left_m[1] + gate.right_m[1]) / 2]);
    context.fillStyle = ink("--dim"); context.fillText(gate.gate_id, x, Math.min(height - 7, Math.max(8, y + 11)));
  }
  context.fillStyle = ink("--dim");
  for (const camera of plan.cameras) {
    const [x, y] = at(camera.position_m);
    const pan = camera.pan_deg * Math.PI / 180;
    context.beginPath(); context.moveTo(x, y);
    context.arc(x, y, 13, -pan - 0.5, -pan + 0.5); context.closePath(); context.globalAlpha = 0.35; context.fill(); context.globalAlpha = 1;
    context.beginPath(); context.arc(x, y, 2.5, 0, 7); context.fill();
  }
  for (const person of latest.floor.people) {
    const [x, y] = at(person.position_m);
    context.strokeStyle = context.fillStyle = colourOf(person.visit_id);
    context.lineWidth = 3;
    for (const wrist of person.wrists_m) {
      if (wrist[3] <= 0) continue;
      context.beginPath(); context.moveTo(x, y); context.lineTo(...at(wrist)); context.stroke();
    }
    context.beginPath(); context.arc(x, y, 9, 0, 7); context.fill();
    context.fillStyle = ink("--ink"); context.fillText(shortId(person.visit_id), x, y - 17);
  }
}

function drawCarts(carts) {
  const shown = carts.map((cart) => {
    const rows = cart.lines.map((line) => element("tr", { className: line.is_pending ? "is-pending" : "" },
      element("td", {}, `${line.quantity} × ${line.name}`),
      element("td", { className: "sure" }, line.is_pending ? "checking…" : `${Math.round(100 * line.probability)} %`),
      element("td", {}, money(line.quantity * line.price_minor))));
    const who = (cart.is_staff ? "staff " : "") + shortId(cart.visit_id) + (cart.people_count > 1 ? `, ${cart.people_count} people` : "");
    return element("div", { className: "cart", who: colourOf(cart.visit_id) },
      element("h3", {}, element("span", {}, who + (cart.is_leaving ? ", leaving" : "")), element("span", {}, money(cart.total_minor))),
      element("table", {}, element("tbody", {}, ...rows)));
  });
  $("carts").replaceChildren(...(shown.length ? shown : [element("p", { className: "none" }, "Nobody is in the shop.")]));
}

function drawEvents(events) {
  $("events").replaceChildren(...events.map((event) => {
    const what = event.name ? ` ${event.quantity} × ${event.name}` : "";
    return element("li", { who: colourOf(event.visit_id), className: event.is_withdrawn ? "is-withdrawn" : "" },
      `${shortId(event.visit_id)} ${KINDS[event.kind] || event.kind}${what} `,
      element("small", {}, `${event.place}, ${event.mass_change_g} g, ${Math.round(100 * event.probability)} %, ${event.delay_ms} ms`));
  }));
}

function drawSeen(seen) {
  const percent = (share) => `${Math.round(100 * share)} %`;
  const arms = seen.arms.slice(0, 4).map((arm) => element("li", { who: colourOf(arm.visit_id), className: arm.is_over ? "is-over" : "" },
    `${shortId(arm.visit_id)}, ${arm.hand} hand, ${ACTIONS[arm.verdict]} `,
    element("small", {}, `${arm.shelf_id}, ${percent(arm.probability)}`)));
  const looks = seen.looks.map((look) => element("li", { who: colourOf(look.visit_id), className: "is-look" },
    `${look.is_hand ? `in the hand of ${shortId(look.visit_id)}` : `changed on ${look.shelf_id}`}: ${look.none > look.probability ? "not recognised" : look.name} `,
    element("small", {}, `${percent(Math.max(look.none, look.probability))}, ${look.camera_id}`)));
  $("seen").replaceChildren(...arms, ...looks);
}

function drawReceipts(receipts) {
  if (!receipts.length) return;
  const rows = receipts.map((receipt) => element("tr", {},
    element("td", {}, element("a", { href: `/receipts/${receipt.visit_id}` }, shortId(receipt.visit_id))),
    element("td", {}, `${receipt.units} unit${receipt.units === 1 ? "" : "s"}${receipt.reviews ? ", in review" : ""}`),
    element("td", {}, money(receipt.total_minor))));
  $("receipts").replaceChildren(element("table", {}, element("tbody", {}, ...rows)));
}

function drawLatency(latency) {
  const [context, width, height] = sharpContext($("latency"));
  $("latency-text").textContent = latency.n ? `p50 ${latency.p50} ms, p99 ${latency.p99} ms, n = ${latency.n}` : "nothing was taken yet";
  const most = Math.max(1, ...latency.counts), bar = width / latency.counts.length, base = height - 16;
  context.font = "10px system-ui, sans-serif";
  latency.counts.forEach((count, index) => {
    const isLate = index >= latency.edges_ms.length || latency.edges_ms[index] > 500;
    context.fillStyle = isLate ? "#d1495b" : "#2e9d78";
    const tall = (base - 4) * count / most;
    context.fillRect(index * bar + 1, base - tall, bar - 2, tall);
    if ((index + 1) % 5 === 0 && index < latency.edges_ms.length) {
      context.fillStyle = ink("--dim"); context.textAlign = "right"; context.fillText(String(latency.edges_ms[index]), (index + 1) * bar, height - 3);
    }
  });
  context.fillStyle = ink("--line"); context.fillRect(0, base, width, 1);
}

const pictures = new Map();

function drawCameras(views) {
  for (const view of views) {
    const camera = plan.cameras.find((one) => one.camera_id === view.camera_id);
    let shown = pictures.get(view.camera_id);
    if (!shown) {
      const canvas = element("canvas", { role: "img", "aria-label": `View of ${view.camera_id}` });
      $("views").append(element("figure", {}, canvas, element("figcaption", {}, view.camera_id)));
      shown = { canvas, image: null, captured: 0 };
      pictures.set(view.camera_id, shown);
    }
    if (shown.captured === view.captured_ns) continue;
    shown.captured = view.captured_ns;
    const paint = () => {
      const [context, width, height] = sharpContext(shown.canvas);
      if (shown.image) context.drawImage(shown.image, 0, 0, width, height);
      context.lineWidth = 2;
      view.skeletons.forEach((joints, index) => {
        context.strokeStyle = context.fillStyle = PALETTE[index % PALETTE.length];
        const x = (joint) => joint[0] / camera.width_px * width, y = (joint) => joint[1] / camera.height_px * height;
        for (const [a, b] of BONES) {
          if (joints[a][2] < 0.2 || joints[b][2] < 0.2) continue;
          context.beginPath(); context.moveTo(x(joints[a]), y(joints[a])); context.lineTo(x(joints[b]), y(joints[b])); context.stroke();
        }
        for (const joint of [joints[9], joints[10]]) {
          if (joint[2] >= 0.2) { context.beginPath(); context.arc(x(joint), y(joint), 3.5, 0, 7); context.fill(); }
        }
      });
    };
    if (!view.has_picture) { paint(); continue; }
    const image = new Image();
    image.onload = () => { shown.image = image; paint(); };
    image.src = `/api/cameras/${view.camera_id}.jpg?at=${view.captured_ns}`;
  }
}

function drawHealth() {
  const strangers = (latest.strangers || []).map((each) => element("div", { className: "fault" },
    `A visitor without a code${each.gate_id ? ` came in at ${each.gate_id}` : ""}${each.behind_visit_id ? ` behind ${shortId(each.behind_visit_id)}` : ""}: please look after them.`));
  const faults = (latest.health || []).map((fault) => element("div", { className: "fault" }, `${fault.sensor_id}: ${fault.reason.replaceAll("_", " ")} ${fault.detail}`));
  const rows = [...strangers, ...faults];
  $("health").replaceChildren(...(rows.length ? rows : [element("p", { className: "well" }, "Every sensor is well.")]), counters());
}

function counters() {
  const list = element("dl", { className: "counters", id: "counters" });
  for (const [name, value] of Object.entries(latest.status || {})) {
    if (typeof value === "object") continue;
    list.append(element("dt", {}, name.replaceAll("_", " ")), element("dd", {}, String(value)));
  }
  return list;
}

function drawStatus(status) {
  const rate = status.shop_rate;
  const slow = typeof rate === "number" && rate < 0.99 ? `, the shop runs at ${rate.toFixed(2)} of real time` : "";
  $("facts").textContent = `${status.visits} visit${status.visits === 1 ? "" : "s"}, ${status.reviews} in review (${status.reviews_per_1000} of 1,000)${slow}`;
  $("counters")?.replaceWith(counters());
}

const DRAW = {
  floor: drawPlan, carts: drawCarts, events: drawEvents, seen: drawSeen, receipts: drawReceipts, latency: drawLatency,
  cameras: drawCameras, health: drawHealth, strangers: drawHealth, status: drawStatus,
};

async function start() {
  plan = await (await fetch("/api/store")).json();
  drawPlan();
  const stream = new EventSource("/api/stream");
  stream.onopen = () => { $("link").textContent = "live"; $("link").className = "link is-live"; };
  stream.onerror = () => { $("link").textContent = "connection lost, trying again"; $("link").className = "link is-lost"; };
  for (const [part, draw] of Object.entries(DRAW)) {
    stream.addEventListener(part, (event) => { latest[part] = JSON.parse(event.data); draw(latest[part]); });
  }
  window.addEventListener("resize", () => { drawPlan(); if (latest.latency) drawLatency(latest.latency); });
}

start();
