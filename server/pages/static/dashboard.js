"use strict";

// Renews the parts of the page that are marked `data-live` when the ledger's mark changes.
// Everything is drawn by the server; this asks for the same page again and swaps its parts.
(() => {
  const line = document.getElementById("live");
  if (!line || !("EventSource" in window)) return;
  const STALE_MS = 60_000; // holds and questions end by the clock alone
  let shown = line.dataset.mark;
  let busy = false;
  let again = false;

  const say = (text, on) => {
    line.textContent = text;
    line.classList.toggle("on", on);
  };

  const read = async (address) => {
    const answer = await fetch(address, { credentials: "same-origin", cache: "no-store" });
    if (!answer.ok) throw new Error(String(answer.status));
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  };

  const CONTROLS = "a, summary, [tabindex]";
  const swap = (old, page) => {
    const fresh = document.importNode(page.getElementById(old.id), true);
    const focused = [...old.querySelectorAll(CONTROLS)].indexOf(document.activeElement);
    for (const one of old.querySelectorAll("details[open]")) {
      fresh.querySelector(`#${CSS.escape(one.id)}`)?.setAttribute("open", "");
    }
    old.replaceWith(fresh);
    if (focused >= 0) fresh.querySelectorAll(CONTROLS)[focused]?.focus();
  };

  const renew = async () => {
    if (busy) { again = true; return; }
    busy = true;
    try {
      const page = await read(location.href);
      for (const old of document.querySelectorAll("[data-live]")) {
        const fresh = page.getElementById(old.id);
        if (fresh && !fresh.isEqualNode(old)) swap(old, page);
      }
      shown = page.getElementById("live")?.dataset.mark ?? shown;
      say("Live: follows the ledger", true);
    } catch {
      say("Not reached any more. Is purser dashboard still running?", false);
    }
    busy = false;
    if (again) { again = false; renew(); }
  };

  const load = async () => {
    for (const place of document.querySelectorAll("[data-load]")) {
      try {
        const fresh = (await read(place.dataset.load)).getElementById(place.id);
        if (fresh) place.replaceChildren(...document.importNode(fresh, true).childNodes);
      } catch { /* the link to ask by hand stays */ }
    }
  };

  const stream = new EventSource(line.dataset.changes);
  stream.addEventListener("mark", (event) => {
    if (event.data === shown) say("Live: follows the ledger", true);
    else renew();
  });
  stream.addEventListener("error", () => say("Connecting again", false));
  addEventListener("pagehide", () => stream.close());
  setInterval(() => { if (!document.hidden) { renew(); load(); } }, STALE_MS);
  load();
})();
