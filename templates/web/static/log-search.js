/* The search in a log: the server finds the lines, Enter goes to the next of them, Shift+Enter back. */
"use strict";

(() => {
  class Search {
    constructor(card, lines, go) {
      this.form = card.querySelector(".seek");
      this.input = this.form.elements.q;
      this.count = this.form.querySelector(".count");
      this.words = card.dataset;
      this.lines = lines;
      this.go = go; // called with a line's number and what was searched for
      this.found = [];
      this.needle = "";
      this.at = -1;
      this.form.addEventListener("submit", (event) => {
        event.preventDefault();
        this.step(1);
      });
      this.input.addEventListener("keydown", (event) => this.key(event));
      this.input.addEventListener("input", () => {
        if (!this.input.value) this.clear();
      });
      document.addEventListener("keydown", (event) => {
        const typing = event.target.closest("input, textarea, select");
        if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
        event.preventDefault();
        this.input.focus();
      });
    }

    key(event) {
      if (event.key === "Enter" && event.shiftKey) {
        event.preventDefault();
        this.step(-1);
      } else if (event.key === "Escape") {
        this.input.value = "";
        this.clear();
      }
    }

    clear() {
      this.found = [];
      this.needle = "";
      this.at = -1;
      this.count.textContent = "";
      this.go(null, "");
    }

    async step(way) {
      const wanted = this.input.value;
      if (!wanted) return this.clear();
      const fresh = wanted.toLowerCase() !== this.needle;
      if (fresh || this.seen !== this.lines.total) await this.ask(wanted, fresh);
      const shown = this.found.filter((number) => this.go(number, this.needle, true));
      if (!shown.length) {
        this.count.textContent = this.words.none;
        return this.go(null, this.needle);
      }
      this.at = (this.at + way + shown.length) % shown.length;
      const count = `${shown.length}${this.more ? "+" : ""}`;
      this.count.textContent = this.words.count.replace("{at}", this.at + 1).replace("{count}", count);
      return this.go(shown[this.at], this.needle);
    }

    async ask(wanted, fresh) {
      this.seen = this.lines.total;
      const answer = await fetch(`${this.lines.base}/search?q=${encodeURIComponent(wanted)}`);
      const { lines, more } = answer.ok ? await answer.json() : { lines: [], more: false };
      [this.found, this.more, this.needle] = [lines, more, wanted.toLowerCase()];
      if (fresh) this.at = -1;
    }
  }

  window.shipwayLog.Search = Search;
})();
