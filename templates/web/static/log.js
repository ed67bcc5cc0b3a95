/* The log of a run on its page: of 100,000 lines only those on the screen are in the document.
   Without this file the page shows the same log in pieces. */
"use strict";

(() => {
  const OVER = 12; // lines above and below the screen
  const TALLEST = 12e6; // pixels that browsers can still scroll; a longer log is scrolled faster
  const LONGEST = 4000; // characters of a line that are shown
  const STAMP = /^\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?\]?\s?/;

  class View {
    constructor(card) {
      this.card = card;
      this.words = card.dataset;
      this.pane = card.querySelector(".lines");
      this.wire = card.querySelector(".wire");
      this.button = card.querySelector(".follow");
      this.stamps = card.querySelector(".stamps");
      this.stage = card.dataset.stage;
      this.made = new Map(); // line -> element
      this.version = 0; // grows when all rows look different
      this.needle = "";
      this.hit = -1;
      this.chosen = [-1, -1];
      this.following = false;
      this.stamped = true;
      this.lines = new window.shipwayLog.Lines(card.dataset.run, (what) => this.heard(what));
    }

    async open() {
      await this.lines.open();
      this.room = document.createElement("div");
      this.room.className = "room";
      this.rows = document.createElement("div");
      this.rows.className = "rows";
      this.room.append(this.rows);
      this.pane.replaceChildren(this.room);
      this.card.classList.add("alive");
      this.search = new window.shipwayLog.Search(this.card, this.lines, (...what) => this.sought(...what));
      this.listen();
      this.arrange();
      if (!this.follow_hash()) this.end();
      if (this.search.input.value) this.search.step(1);
    }

    listen() {
      this.pane.addEventListener("scroll", () => this.scrolled(), { passive: true });
      new ResizeObserver(() => this.later()).observe(this.pane);
      this.button.addEventListener("click", () => this.end());
      this.rows.addEventListener("click", (event) => this.picked(event));
      window.addEventListener("hashchange", () => this.follow_hash());
      document.addEventListener("click", (event) => this.staged(event));
      document.addEventListener("htmx:sseMessage", () => this.lines.refresh().then(() => this.arrange(), () => {}));
      this.stamps.addEventListener("click", () => {
        this.stamped = !this.stamped;
        this.stamps.setAttribute("aria-pressed", String(this.stamped));
        this.renew();
      });
    }

    heard(what) {
      if (what === "lost" || what === "trouble") {
        this.wire.textContent = what === "lost" ? this.words.lost : this.words.trouble;
        this.wire.hidden = false;
        return;
      }
      if (what !== "block") this.wire.hidden = true;
      if (this.rows) this.arrange();
    }

    /* How many rows there are, and which line stands in which. */
    arrange() {
      this.ranges = this.lines.ranges(this.stage);
      this.count = this.ranges.reduce((sum, [begin, end]) => sum + end - begin, 0);
      this.height = parseFloat(getComputedStyle(this.rows).lineHeight);
      const tall = this.count * this.height;
      this.room.style.height = `${Math.min(tall, TALLEST)}px`;
      this.room.dataset.empty = this.count ? "" : this.words.empty;
      if (this.following) this.pane.scrollTop = this.pane.scrollHeight;
      this.later();
    }

    scale() {
      const rest = this.room.clientHeight - this.pane.clientHeight;
      return rest > 0 ? (this.count * this.height - this.pane.clientHeight) / rest : 1;
    }

    line_of(row) {
      for (const [begin, end] of this.ranges) {
        if (row < end - begin) return begin + row;
        row -= end - begin;
      }
      return -1;
    }

    row_of(line) {
      let row = 0;
      for (const [begin, end] of this.ranges) {
        if (line >= begin && line < end) return row + line - begin;
        row += end - begin;
      }
      return -1;
    }

    later() {
      this.frame ||= requestAnimationFrame(() => {
        this.frame = 0;
        this.draw();
      });
    }

    draw() {
      const top = this.pane.scrollTop * this.scale();
      const first = Math.max(0, Math.floor(top / this.height) - OVER);
      const last = Math.min(this.count, Math.ceil((top + this.pane.clientHeight) / this.height) + OVER) - 1;
      this.rows.style.transform = `translateY(${this.pane.scrollTop - top + first * this.height}px)`;
      const shown = [];
      for (let row = first; row <= last; row += 1) shown.push(this.row(this.line_of(row)));
      if (shown.length) this.lines.want(this.line_of(first), this.line_of(last));
      this.put(shown);
      this.button.hidden = this.lines.over || this.following;
    }

    /* Rows that stay are not touched: somebody may be marking their text. */
    put(shown) {
      const staying = new Set(shown);
      for (const element of [...this.rows.children]) if (!staying.has(element)) element.remove();
      let next = this.rows.firstChild;
      for (const element of shown) {
        if (element === next) next = next.nextSibling;
        else this.rows.insertBefore(element, next);
      }
      this.made = new Map(shown.map((element) => [element.line, element]));
    }

    row(line) {
      const found = this.lines.line(line);
      const known = this.made.get(line);
      if (known && known.version === this.version && known.text === found?.text) return known;
      const element = document.createElement("div");
      Object.assign(element, { line, version: this.version, text: found?.text });
      const number = document.createElement("a");
      number.href = `#L${line + 1}`;
      number.textContent = line + 1;
      number.tabIndex = -1;
      const text = document.createElement("span");
      if (found) text.append(...this.painted(found));
      element.append(number, text);
      element.classList.toggle("on", line >= this.chosen[0] && line <= this.chosen[1]);
      element.classList.toggle("hit", line === this.hit);
      return element;
    }

    painted({ text, state }) {
      const stamp = STAMP.exec(text);
      if (stamp) this.stamps.hidden = false;
      let shown = stamp && !this.stamped ? text.slice(stamp[0].length) : text;
      const rest = shown.length - LONGEST;
      if (rest > 0) shown = shown.slice(0, LONGEST);
      const nodes = window.shipwayLog.painted(window.shipwayLog.parsed(shown, state).runs, this.needle);
      if (rest > 0) nodes.push(` … ${this.words.cut.replace("{n}", rest)}`);
      return nodes;
    }

    renew() {
      this.version += 1;
      this.later();
    }

    scrolled() {
      const below = this.pane.scrollHeight - this.pane.clientHeight - this.pane.scrollTop;
      this.following = !this.lines.over && below < 2 * this.height;
      this.later();
    }

    end() {
      this.following = !this.lines.over;
      this.pane.scrollTop = this.pane.scrollHeight;
      this.later();
    }

    show(line) {
      let row = this.row_of(line);
      if (row < 0) {
        this.choose("");
        row = this.row_of(line);
      }
      if (row < 0) return;
      const middle = row * this.height - this.pane.clientHeight / 3;
      this.following = false;
      this.pane.scrollTop = Math.max(0, middle) / this.scale();
      this.renew();
    }

    /* `asking`: only whether the line can be shown in this stage. */
    sought(number, needle, asking = false) {
      if (asking) return this.row_of(number - 1) >= 0;
      this.needle = needle;
      this.hit = number === null ? -1 : number - 1;
      if (number === null) this.renew();
      else this.show(number - 1);
      return true;
    }

    follow_hash() {
      const found = /^#L(\d+)(?:-L?(\d+))?$/.exec(location.hash);
      if (!found) return false;
      const ends = [Number(found[1]), Number(found[2] || found[1])].sort((a, b) => a - b);
      this.chosen = ends.map((number) => number - 1);
      this.show(this.chosen[0]);
      return true;
    }

    picked(event) {
      const number = event.target.closest("a");
      if (!number || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      const line = number.parentElement.line;
      const from = event.shiftKey && this.chosen[0] >= 0 ? this.chosen[0] : line;
      this.chosen = [Math.min(from, line), Math.max(from, line)];
      const [first, last] = this.chosen.map((n) => `L${n + 1}`);
      history.replaceState(null, "", first === last ? `#${first}` : `#${first}-${last}`);
      this.renew();
    }

    staged(event) {
      const link = event.target.closest("a[data-stage]");
      if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      this.choose(link.dataset.stage);
      this.end();
      this.card.scrollIntoView({ block: "nearest" });
    }

    choose(stage) {
      this.stage = stage;
      for (const tab of this.card.querySelectorAll(".tabs a")) {
        if (tab.dataset.stage === stage) tab.setAttribute("aria-current", "true");
        else tab.removeAttribute("aria-current");
      }
      history.replaceState(null, "", `${location.pathname}${stage ? `?stage=${stage}` : ""}${location.hash}`);
      this.version += 1;
      this.arrange();
    }
  }

  const card = document.querySelector(".log[data-run]");
  if (!card) return;
  const view = new View(card);
  view.open().catch(() => view.heard("trouble"));
})();
