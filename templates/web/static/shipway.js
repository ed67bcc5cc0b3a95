/* What pages do beyond showing: a live part rests while nobody looks, and says so when it is cut off.
   Everything can be read without this file. */
"use strict";

(() => {
  const REST = 30000; // ms that a page may be hidden before its stream ends: a browser opens only six to one server
  let source = null;
  let falling = 0;

  document.addEventListener("htmx:sseOpen", (event) => {
    source = event.detail.source;
    document.body.dataset.live = "on";
  });
  document.addEventListener("htmx:sseError", () => {
    document.body.dataset.live = "off";
  });

  /* What a reader had opened, and where the keyboard was, outlive the exchange of the part. */
  let opened = [];
  let focused = "";
  document.addEventListener("htmx:sseBeforeMessage", (event) => {
    const active = document.activeElement;
    opened = [...event.target.querySelectorAll("details[open][id]")].map((one) => one.id);
    focused = event.target.contains(active) ? active.getAttribute("href") || "" : "";
  });
  document.addEventListener("htmx:sseMessage", (event) => {
    for (const id of opened) document.getElementById(id)?.setAttribute("open", "");
    if (focused) event.target.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus();
  });

  const rest = () => {
    if (source) source.close();
    source = null;
  };

  /* A clone is a new element to htmx, and connects anew. */
  const wake = () => {
    const part = document.querySelector("[sse-connect]");
    if (!part || source) return;
    const fresh = part.cloneNode(true);
    part.replaceWith(fresh);
    window.htmx.process(fresh);
  };

  /* Times that still run are sent as their beginning, so that what did not change is not sent again. */
  const tick = () => {
    for (const time of document.querySelectorAll("time.ticking")) {
      const seconds = Math.max(0, Math.floor(Date.now() / 1000 - Number(time.dataset.since)));
      const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
      const shown = (parts[0] ? parts : parts.slice(1)).map((n, at) => (at ? String(n).padStart(2, "0") : n));
      time.textContent = shown.join(":");
    }
  };
  tick();
  setInterval(tick, 1000);
  document.addEventListener("htmx:afterSwap", tick);

  document.addEventListener("visibilitychange", () => {
    clearTimeout(falling);
    if (document.hidden) falling = setTimeout(rest, REST);
    else if (window.htmx) wake();
  });
})();
