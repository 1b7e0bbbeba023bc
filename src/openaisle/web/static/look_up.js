// Finding receipts without an account: by the card that paid, or by number and total.
"use strict";

async function find(asked) {
  const found = await ask("POST", "/api/v1/look-ups", asked);
  byId("found").replaceChildren(...(found.length ? found.map((one) => element("li", {},
    element("a", { href: `/receipts/${one.visit_id}` }, say("receipt_number", { number: one.number })),
    element("span", { className: "amount" }, money(one.total_minor)))) : [element("li", {}, say("found_none"))]));
}

onSubmit(byId("look-up"), find);
onSubmit(byId("look-up-number"), ({ number, total, day }) =>
  find({ day, number: Number(number), total_minor: minorOf(total.replace(",", ".")) }));
