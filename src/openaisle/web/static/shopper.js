// The phone: a code that changes by itself, then the cart as it fills, then the receipt.
"use strict";

const RENEW_SHARE = 0.6; // of a code's life, after which the next one is fetched
const PEOPLE_MAX = 20;

let people = 1;
let visit = null; // of the code that is shown, or the one that is going on
let stream = null;
let renewal = 0;
let isInside = false;

function show(id) {
  for (const section of ["at-gate", "in-shop", "after", "refused"]) byId(section).hidden = section !== id;
}

async function renew() {
  clearTimeout(renewal);
  if (isInside) return;
  const carry = byId("carry");
  try {
    const code = await ask("POST", "/api/v1/me/codes", { people_count: people, is_carried: Boolean(carry && carry.checked) });
    if (isInside) return;
    byId("offline").hidden = true;
    byId("code").innerHTML = code.svg;
    byId("code").dataset.code = code.code;
    const timer = byId("timer");
    timer.getAnimations().forEach((one) => one.cancel());
    timer.animate([{ width: "100%" }, { width: "0%" }], { duration: code.lasts_ms, fill: "forwards" });
    show("at-gate");
    follow(code.visit_id);
    renewal = setTimeout(renew, code.lasts_ms * RENEW_SHARE);
  } catch (error) {
    if (error.status === 401) location.reload();
    else if (error.reason) refuse(error.reason);
    else {
      byId("offline").hidden = false;
      renewal = setTimeout(renew, 3000);
    }
  }
}

function refuse(reason) {
  byId("refused-text").textContent = WORDS[`refused_${reason}`] || reason;
  show("refused");
  if (reason === "no_method" || reason === "card_expired") byId("paying").open = true;
  else renewal = setTimeout(renew, 10000);
}

function follow(visitId) {
  if (visit === visitId && stream) return;
  if (stream) stream.close();
  visit = visitId;
  stream = new EventSource(`/api/v1/visits/${visitId}/live`);
  stream.onmessage = (event) => draw(JSON.parse(event.data));
  stream.onopen = () => { byId("offline").hidden = true; };
  stream.onerror = () => { byId("offline").hidden = false; };
}

function draw(state) {
  if (state.stage === "offered") return;
  isInside = state.stage !== "over";
  clearTimeout(renewal);
  if (state.stage === "over") return drawAfter(state);
  show("in-shop");
  byId("is-leaving").hidden = state.stage !== "leaving";
  byId("lines").replaceChildren(...state.lines.map(lineOf));
  byId("cart-empty").hidden = state.lines.length > 0;
  Scan.draw(state);
  byId("offers").replaceChildren(...state.offers.map(offerOf));
  byId("offers").hidden = byId("offers-hint").hidden = state.offers.length === 0;
  byId("total").textContent = money(state.total_minor);
  byId("checking-hint").hidden = !state.lines.some((line) => line.is_checking);
}

function lineOf(line) {
  const name = element("span", { className: "name" }, element("bdi", {}, line.name));
  if (line.age_limit) name.append(" ", element("span", { className: "badge", title: say("age_hint") }, say("age_limit", { age: line.age_limit })));
  if (line.is_checking) name.append(" ", element("em", {}, say("checking")));
  return element("li", { className: line.is_checking ? "is-checking" : "" },
    element("span", { className: "count" }, `${line.quantity} ×`), name, line.scans.length ? Scan.undo(line) : "", element("span", { className: "amount" }, money(line.total_minor)));
}

function offerOf(offer) {
  const amount = money(offer.saves_minor);
  const filled = { name: `\u2068${offer.name}\u2069`, amount };
  let text = say("offer_applies", filled);
  if (offer.missing_units) text = say("offer_units", { ...filled, count: offer.missing_units });
  else if (offer.missing_minor) text = say("offer_spend", { ...filled, amount: money(offer.missing_minor) });
  return element("li", { className: offer.applies ? "applies" : "near" }, text);
}

function programmeOf(one) {
  const act = async () => { await ask("POST", "/api/v1/me/programmes", { programme: one.programme, is_member: !one.is_member }); await drawMe(); };
  return element("li", {}, element("bdi", {}, one.programme), one.is_member ? element("span", { className: "state", "data-state": "paid" }, say("member")) : "",
    element("button", { type: "button", onclick: act }, say(one.is_member ? "leave" : "join")));
}

function drawAfter(state) {
  show("after");
  Scan.stop();
  byId("after-total").textContent = money(state.total_minor);
  const paid = state.payment ? state.payment.state : "payment";
  byId("after-state").textContent = say(`state_${paid}`);
  byId("after-state").dataset.state = paid;
  byId("show-receipt").href = `/receipts/${state.visit_id}`;
  drawMe();
}

async function drawMe() {
  const me = await ask("GET", "/api/v1/me");
  const method = me.methods[0];
  byId("method").textContent = method ? `\u2066•••• ${method.last4} ${method.expires}\u2069` : "";
  byId("plan").hidden = me.plan_minor === null;
  byId("plan").textContent = say("plan_left", { amount: money(me.plan_minor || 0) });
  byId("loyalty").hidden = me.programmes.length === 0;
  byId("programmes").replaceChildren(...me.programmes.map(programmeOf));
  byId("by-mail").hidden = me.wants_mail === null;
  byId("by-mail").firstElementChild.checked = Boolean(me.wants_mail);
  byId("no-receipts").hidden = me.receipts.length > 0;
  byId("receipts").replaceChildren(...me.receipts.map((one) => element("li", {},
    element("a", { href: `/receipts/${one.visit_id}` }, say("receipt_number", { number: one.number }), " · ", element("bdi", { dir: "ltr" }, one.when)),
    element("span", { className: "amount" }, money(one.total_minor)), element("span", { className: "state", "data-state": one.state }, say(`state_${one.state}`)))));
  return me;
}

function step(by) {
  people = Math.min(PEOPLE_MAX, Math.max(1, people + by));
  byId("people").textContent = String(people);
  byId("fewer").disabled = people === 1;
  byId("group-hint").hidden = people === 1;
  renew();
}

byId("fewer").addEventListener("click", () => step(-1));
byId("more").addEventListener("click", () => step(1));
byId("again").addEventListener("click", () => { visit = null; isInside = false; renew(); });
if (byId("carry")) byId("carry").addEventListener("change", () => { byId("carried").hidden = !byId("carry").checked; renew(); });
onSubmit(byId("add-method"), async (filled) => {
  await ask("POST", "/api/v1/me/methods", filled);
  byId("add-method").reset();
  byId("paying").open = false;
  await drawMe();
  renew();
});
byId("by-mail").addEventListener("change", (event) => {
  ask("PUT", "/api/v1/me/mail", { is_wanted: event.target.checked }).catch((error) => { tell(error.message); drawMe(); });
});
document.addEventListener("visibilitychange", () => { if (!document.hidden && !isInside && !byId("at-gate").hidden) renew(); });

async function start() {
  byId("fewer").disabled = true;
  if ("serviceWorker" in navigator) navigator.serviceWorker.register("/shopper/worker.js", { scope: "/shopper" }).catch(() => null);
  const me = await drawMe();
  if (me.visit_id) {
    isInside = true;
    follow(me.visit_id);
  } else {
    renew();
  }
}

start().catch(() => { byId("offline").hidden = false; setTimeout(() => location.reload(), 5000); });
