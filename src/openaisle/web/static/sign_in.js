// Signing in and up; staff go on to their page, everybody else to the shopper's.
"use strict";

function goOn(signed) {
  location.assign(signed.role === "shopper" ? "/shopper" : "/staff");
}

onSubmit(byId("sign-in"), async (filled) => {
  try {
    goOn(await ask("POST", "/api/v1/sessions", filled));
  } catch (error) {
    throw error.status === 401 ? new Error(say("wrong_sign_in")) : error;
  }
});

onSubmit(byId("sign-up"), async (filled) => goOn(await ask("POST", "/api/v1/accounts", filled)));
