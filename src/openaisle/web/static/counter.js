// What the scripts of the counter share: words, money, small elements, and asking the shop.
"use strict";

const WORDS = JSON.parse(document.getElementById("words").textContent);
const STORE = JSON.parse(document.getElementById("store").textContent);
const byId = (id) => document.getElementById(id);

function say(name, filled = {}) {
  return WORDS[name].replace(/\{(\w+)\}/g, (_, key) => String(filled[key]));
}

// As the server writes it: digits and code, isolated so that a line from the right keeps them in order.
function money(minor) {
  const text = (Math.abs(minor) / 10 ** STORE.currency_digits).toFixed(STORE.currency_digits);
  return `\u2066${minor < 0 ? "-" : ""}${text} ${STORE.currency}\u2069`;
}

// On the shop's own clock, as receipts have it.
function timeOf(ns) {
  const options = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
  const at = new Date(ns / 1e6);
  try {
    return at.toLocaleTimeString("en-GB", { ...options, timeZone: STORE.timezone });
  } catch {
    return at.toLocaleTimeString("en-GB", { ...options, timeZone: "UTC" });
  }
}

function minorOf(text) {
  return Math.round(Number(text) * 10 ** STORE.currency_digits);
}

function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "className") node.className = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

class Refused extends Error {
  constructor(status, body) {
    const detail = body && body.detail;
    super(Array.isArray(detail) ? detail.map((one) => one.msg).join("; ") : detail || say("try_again"));
    this.status = status;
    this.reason = body && body.reason;
  }
}

async function ask(method, path, body) {
  const options = { method, headers: {}, credentials: "same-origin" };
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  const answer = await fetch(path, options);
  const said = answer.status === 204 ? null : await answer.json().catch(() => null);
  if (!answer.ok) throw new Refused(answer.status, said);
  return said;
}

function tell(text) {
  byId("said").textContent = text;
}

// A form that asks the shop: its button rests meanwhile, and what went wrong is said.
function onSubmit(form, act) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const buttons = [...form.querySelectorAll("button")];
    buttons.forEach((button) => { button.disabled = true; });
    try {
      tell("");
      await act(Object.fromEntries(new FormData(form)), event.submitter);
    } catch (error) {
      tell(error.message);
    } finally {
      buttons.forEach((button) => { button.disabled = false; });
    }
  });
}

if (byId("sign-out")) {
  byId("sign-out").addEventListener("click", async () => {
    await ask("DELETE", "/api/v1/sessions").catch(() => null);
    location.assign("/sign-in");
  });
}
