/* Lines of a run's log, fetched in blocks by ranges of bytes as they are needed, and followed while the run goes on.
   Knows nothing of how they are shown. */
"use strict";

(() => {
  const STEP = 500; // lines of a block, as the index counts
  const KEPT = 60; // blocks that are held
  const AT_ONCE = 3; // ranges that are asked for side by side
  const AGAIN = 3000; // ms before a broken connection is tried again
  const REST = 30000; // ms that a page may be hidden before it lets go of its connection

  class Lines {
    constructor(run, told) {
      this.base = `/runs/${run}/log`;
      this.told = told; // called with "grown", "block", "lost", "back", "over" or "trouble"
      this.blocks = new Map();
      this.asked = new Set();
      this.wanted = [];
      this.total = 0;
    }

    async open() {
      const index = await this.indexed();
      this.offsets = index.offsets;
      this.size = index.size;
      this.total = index.lines;
      this.parts = index.parts;
      this.over = index.over;
      this.position = index.size; // of what has been read of the stream
      if (this.over) return;
      const last = this.offsets.length - 1;
      await this.load(last);
      if (!this.blocks.has(last)) this.blocks.set(last, { lines: [""], states: [{}] });
      this.blocks.get(last).live = true;
      this.follow();
      this.resting();
    }

    async indexed() {
      const answer = await fetch(`${this.base}/index`);
      if (!answer.ok) throw new Error(String(answer.status));
      return answer.json();
    }

    /* A stage may have begun: which lines are whose is asked anew. */
    async refresh() {
      this.parts = (await this.indexed()).parts;
      this.stretch();
    }

    /* Lines of a stage as [begin, end) pairs; of all when it is empty. */
    ranges(stage) {
      if (!stage) return [[0, this.total]];
      return this.parts.filter((part) => part.stage === stage).map((part) => [part.begin, part.end]);
    }

    /* A line and the colours that it begins with; null while it is not here. */
    line(number) {
      const k = Math.floor(number / STEP);
      const block = this.blocks.get(k);
      if (!block) return null;
      if (!block.live) {
        this.blocks.delete(k); // the last one that was used is the last one that goes
        this.blocks.set(k, block);
      }
      const at = number - k * STEP;
      for (let n = block.states.length; n <= at; n += 1) {
        const before = block.lines[n - 1] || "";
        const state = block.states[n - 1];
        block.states.push(before.includes("\x1b") ? window.shipwayLog.parsed(before, state).state : state);
      }
      return { text: block.lines[at] ?? "", state: block.states[at] };
    }

    /* The blocks that are looked at now, the most wanted first; what was wanted before is not any more. */
    want(first, last) {
      this.wanted = [];
      for (let k = Math.floor(first / STEP); k <= Math.floor(last / STEP); k += 1) {
        if (!this.blocks.has(k) && !this.asked.has(k)) this.wanted.push(k);
      }
      this.pump();
    }

    pump() {
      while (this.wanted.length && this.asked.size < AT_ONCE) {
        this.load(this.wanted.shift()).then(() => this.told("block"), () => this.told("trouble")).finally(() => this.pump());
      }
    }

    async load(k) {
      const begin = this.offsets[k];
      const end = this.offsets[k + 1] ?? this.size;
      if (begin === undefined || begin >= end) return;
      this.asked.add(k);
      try {
        const answer = await fetch(this.base, { headers: { Range: `bytes=${begin}-${end - 1}` } });
        if (answer.status !== 206) throw new Error(String(answer.status));
        const lines = (await answer.text()).split("\n");
        if (k + 1 < this.offsets.length) lines.pop();
        this.blocks.set(k, { lines, states: [{}] });
        this.forget();
      } finally {
        this.asked.delete(k);
      }
    }

    forget() {
      for (const [k, block] of this.blocks) {
        if (this.blocks.size <= KEPT) return;
        if (!block.live) this.blocks.delete(k);
      }
    }

    follow() {
      this.source = new EventSource(`${this.base}/follow?offset=${this.position}`);
      this.source.onopen = () => this.told("back");
      this.source.onmessage = (event) => this.append(event.data, Number(event.lastEventId));
      this.source.addEventListener("end", () => {
        this.source.close();
        this.over = true;
        this.told("over");
      });
      this.source.onerror = () => {
        this.told("lost");
        if (this.source.readyState !== EventSource.CLOSED) return; // else it comes back by itself
        clearTimeout(this.again);
        this.again = setTimeout(() => this.follow(), AGAIN);
      };
    }

    resting() {
      document.addEventListener("visibilitychange", () => {
        clearTimeout(this.falling);
        if (this.over) return;
        if (document.hidden) {
          this.falling = setTimeout(() => {
            clearTimeout(this.again);
            this.source.close();
            this.rests = true;
          }, REST);
        } else if (this.rests) {
          this.rests = false;
          this.follow();
        }
      });
    }

    /* What was followed stays: its bytes are in no index that we have. */
    append(text, position) {
      if (position <= this.position) return;
      this.position = position;
      let k = this.offsets.length - 1;
      let block = this.blocks.get(k);
      const [first, ...rest] = text.split("\n");
      block.lines[block.lines.length - 1] += first;
      for (const line of rest) {
        if (block.lines.length === STEP) {
          k += 1;
          this.offsets.push(null);
          block = { lines: [], states: [{}], live: true };
          this.blocks.set(k, block);
        }
        block.lines.push(line);
      }
      this.total = k * STEP + block.lines.length - (block.lines[block.lines.length - 1] === "" ? 1 : 0);
      this.stretch();
      this.told("grown");
    }

    /* What is being written belongs to the stage that wrote last, until the index says otherwise. */
    stretch() {
      const last = this.parts[this.parts.length - 1];
      if (last) last.end = Math.max(last.end, this.total);
    }
  }

  window.shipwayLog.Lines = Lines;
})();
