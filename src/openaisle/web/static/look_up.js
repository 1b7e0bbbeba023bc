// Finding receipts without an account.
"use strict";

onSubmit(byId("look-up"), async (filled) => {
  const found = await ask("POST", "/api/v1/look-ups", filled);
  byId("found").replaceChildren(...(found.length ? found.map((one) => element("li", {},
    element("a", { href: `/receipts/${one.visit_id}` }, say("receipt_number", { number: one.number })),
    element("span", { className: "amount" }, money(one.total_minor)))) : [element("li", {}, say("found_none"))]));
});
