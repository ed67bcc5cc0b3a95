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

  document.addEventListener("visibilitychange", () => {
    clearTimeout(falling);
    if (document.hidden) falling = setTimeout(rest, REST);
    else if (window.htmx) wake();
  });
})();
