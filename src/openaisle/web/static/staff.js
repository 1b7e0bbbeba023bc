// The counter: who is in, what needs a person, corrections, cash, and codes for those without a phone.
"use strict";

const products = new Map(); // what is typed -> product
let code = 0;

function alertText(alert) {
  return say(`alert_${alert.kind}`, { name: alert.name, age: alert.age_limit, place: alert.place, quantity: alert.quantity });
}

function cartOf(state) {
  const lines = state.lines.map((line) => element("li", { className: line.is_checking ? "is-checking" : "" },
    element("span", { className: "count" }, `${line.quantity} ×`),
    element("span", { className: "name" }, element("bdi", {}, line.name), line.is_checking ? element("em", {}, ` ${say("checking")}`) : ""),
    element("span", { className: "amount" }, money(line.total_minor))));
  return element("section", { className: "one-cart" },
    element("h2", {}, element("span", {}, state.visit_id), element("span", { className: "amount" }, money(state.total_minor))),
    element("ul", { className: "lines" }, ...lines));
}

function switchShelf(shelfId, isScanned) {
  return ask("PUT", `/api/v1/shelves/${shelfId}`, { is_scanned: isScanned }).catch((error) => tell(error.message));
}

function shelfOf(shelf) {
  const said = [];
  if (shelf.is_scanned) said.push(say("shelf_scanned"));
  if (shelf.trouble) said.push(say(`trouble_${shelf.trouble}`, { percent: Math.round(100 * (shelf.sure || 0)) }));
  return element("li", { className: shelf.trouble ? "alert" : "" },
    element("span", { className: "name" }, element("bdi", {}, shelf.shelf_id), `: ${said.join("; ")}`),
    element("button", { type: "button", onclick: () => switchShelf(shelf.shelf_id, !shelf.is_scanned) }, say(shelf.is_scanned ? "shelf_trust" : "shelf_scan")));
}

function draw(desk) {
  byId("alerts").replaceChildren(...desk.alerts.map((alert) => element("li", { className: `alert is-${alert.kind}` },
    element("span", { className: "name" }, alertText(alert), alert.visit_id ? ` (${alert.visit_id})` : ""),
    element("button", { type: "button", onclick: () => ask("POST", "/api/v1/alerts/done", { alert_id: alert.alert_id }).catch(() => null) }, say("done")))));
  byId("no-alerts").hidden = desk.alerts.length > 0;
  byId("owed").replaceChildren(...desk.owed.map((one) => element("li", {},
    element("a", { className: "name", href: `/receipts/${one.visit_id}` }, say("receipt_number", { number: one.number })),
    element("span", { className: "amount" }, money(one.owed_minor)),
    element("button", { type: "button", onclick: () => ask("POST", `/api/v1/receipts/${one.visit_id}/cash`).catch((error) => tell(error.message)) }, say("cash")),
    ...(desk.has_reader ? [element("button", { type: "button", onclick: () => ask("POST", `/api/v1/receipts/${one.visit_id}/card`).then(() => tell(say("card_asked"))).catch((error) => tell(error.message)) }, say("card"))] : []))));
  byId("shelves").replaceChildren(...desk.shelves.map(shelfOf));
  byId("shelves-well").hidden = desk.shelves.length > 0;
  byId("nothing-owed").hidden = desk.owed.length > 0;
  byId("rates").textContent = say("rate", { reviews: desk.rates.reviews_per_1000, disputes: desk.rates.disputes_per_1000 });
  byId("carts").replaceChildren(...desk.carts.map(cartOf));
  byId("nobody").hidden = desk.carts.length > 0;
  const choice = byId("correct").elements.visit_id;
  const kept = choice.value;
  choice.replaceChildren(...desk.carts.map((state) => element("option", { value: state.visit_id }, state.visit_id)));
  if (desk.carts.some((state) => state.visit_id === kept)) choice.value = kept;
}

onSubmit(byId("correct"), async (filled, button) => {
  const product = products.get(filled.product);
  if (!product) throw new Error(`${say("product")}: ${filled.product}`);
  const quantity = Number(filled.quantity) * Number(button.value);
  await ask("POST", `/api/v1/visits/${filled.visit_id}/corrections`, { product_id: product.product_id, quantity, price_minor: filled.price ? minorOf(filled.price) : 0 });
  byId("correct").elements.product.value = byId("correct").elements.price.value = "";
  tell(say("done"));
});

onSubmit(byId("scan-shelf"), (filled) => switchShelf(filled.shelf_id, true));

onSubmit(byId("member"), async (filled) => {
  const said = [];
  if (filled.number) {
    await ask("PUT", "/api/v1/badges", { email: filled.email, number: filled.number });
    said.push(`${say("badge_number")}: ${say("done")}`);
  }
  if (filled.amount) {
    const plan = await ask("POST", "/api/v1/plans", { email: filled.email, amount_minor: minorOf(filled.amount) });
    said.push(say("plan_left", { amount: money(plan.left_minor) }));
  }
  byId("member").reset();
  tell(said.join("; "));
});

onSubmit(byId("let-in"), async (filled) => {
  let voucherId = "";
  if (filled.pays === "voucher") {
    const voucher = await ask("POST", "/api/v1/vouchers", { amount_minor: minorOf(filled.amount) });
    voucherId = voucher.voucher_id;
    byId("voucher").textContent = say("voucher_sold", { voucher: voucherId, amount: money(voucher.paid_minor) });
  }
  showCode(await ask("POST", "/api/v1/visits", { pays: filled.pays, voucher_id: voucherId, people_count: Number(filled.people_count) }));
});

function showCode(offered) {
  clearTimeout(code);
  byId("code").hidden = false;
  byId("code").innerHTML = offered.svg;
  code = setTimeout(async () => {
    try {
      showCode(await ask("POST", `/api/v1/visits/${offered.visit_id}/codes`));
    } catch {
      byId("code").hidden = true; // It was used, or is given up.
    }
  }, offered.lasts_ms * 0.6);
}

for (const choice of byId("let-in").elements.pays) {
  choice.addEventListener("change", () => { byId("cash").hidden = byId("let-in").elements.pays.value !== "voucher"; });
}

ask("GET", "/api/v1/products").then((all) => {
  for (const product of all) {
    const typed = `${product.name} (${product.product_id})`;
    products.set(typed, product);
    if (product.gtin) products.set(product.gtin, product); // what a hand scanner types
    byId("products").append(element("option", { value: typed }));
  }
});
ask("GET", "/api/v1/shelves").then((all) => {
  byId("scan-shelf").elements.shelf_id.append(...all.map((shelf) => element("option", {}, shelf.shelf_id)));
});
new EventSource("/api/v1/desk/live").onmessage = (event) => draw(JSON.parse(event.data));
