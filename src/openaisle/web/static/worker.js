// Keeps the shell of the shopper's page, so that it opens at once where the network is weak. Codes and carts are never kept.
"use strict";

const SHELL = "openaisle-shell-2";
const FILES = ["/static/openaisle.css", "/static/counter.css", "/static/counter.js", "/static/scan.js", "/static/shopper.js", "/static/mark.svg"];

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(SHELL).then((cache) => cache.addAll(FILES)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    caches.keys()
      .then((names) => Promise.all(names.filter((name) => name !== SHELL).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()));
});

// The network first: what is kept is for when there is none.
self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || !FILES.includes(url.pathname)) return;
  event.respondWith(fetch(event.request)
    .then((answer) => {
      const copy = answer.clone();
      event.waitUntil(caches.open(SHELL).then((cache) => cache.put(event.request, copy)));
      return answer;
    })
    .catch(() => caches.match(event.request)));
});
