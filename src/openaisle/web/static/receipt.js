// A receipt: dispute a line with one tap, or what is missing, and see what comes of it.
"use strict";

const POLL_MS = 1500;
const PATH = `/api/v1/receipts/${document.querySelector("article").dataset.visit}`;
const NAMES = new Map([...document.querySelectorAll("tr[data-product]")].map((row) => [row.dataset.product, row.dataset.name]));

function outcome(one) {
  if (one.state === "accepted") return say(one.is_automatic ? "given_back" : "dispute_accepted", { amount: money(one.amount_minor) });
  return say(one.state === "declined" ? "dispute_declined" : "dispute_open");
}

function draw(receipt) {
  const state = byId("state");
  state.textContent = say(`state_${receipt.state}`);
  state.dataset.state = receipt.state;
  byId("pay").hidden = receipt.state !== "unpaid" && receipt.state !== "draft";
  byId("owed-row").hidden = receipt.state !== "unpaid";
  byId("owed").textContent = money(receipt.owed_minor);
  byId("refunded-row").hidden = receipt.refunded_minor === 0;
  byId("refunded").textContent = money(receipt.refunded_minor);
  const shown = JSON.stringify(receipt.cases);
  if (byId("cases").dataset.shown === shown) return;
  byId("cases").dataset.shown = shown;
  byId("cases").replaceChildren(...receipt.cases.map((one) => element("li", {},
    element("bdi", {}, one.missing || `${one.quantity} × ${NAMES.get(one.product_id)}`),
    element("span", { className: "state", "data-state": one.state }, outcome(one)))));
  for (const row of document.querySelectorAll("tr[data-product]")) {
    const asked = receipt.cases.some((one) => one.product_id === row.dataset.product);
    row.querySelectorAll(".dispute button").forEach((button) => { button.hidden = asked; });
  }
}

byId("pay").querySelector("button").addEventListener("click", async (event) => {
  event.target.disabled = true;
  try {
    await ask("POST", `${PATH}/payments`);
    tell(say("state_payment"));
  } catch (error) {
    tell(WORDS[`refused_${error.reason}`] || error.message);
  }
  event.target.disabled = false;
});

async function refresh() {
  draw(await ask("GET", PATH));
}

async function dispute(body) {
  const made = await ask("POST", `${PATH}/disputes`, body);
  tell(made.state === "accepted" ? outcome(made) : say("disputed"));
  await refresh();
}

for (const form of document.querySelectorAll(".dispute")) {
  const row = form.closest("tr");
  onSubmit(form, (filled) => dispute({ product_id: row.dataset.product, quantity: Number(filled.quantity || row.dataset.quantity) }));
}
onSubmit(byId("missing"), async (filled) => {
  await dispute(filled);
  byId("missing").reset();
});

refresh().catch(() => null);
setInterval(() => { if (!document.hidden) refresh().catch(() => null); }, POLL_MS);
