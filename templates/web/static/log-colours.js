/* Lines of a log become text and classes, never markup: what a program printed cannot become part of the page.
   Colours are classes (the policy forbids inline styles); 256 and true colours become the nearest of sixteen. */
"use strict";

window.shipwayLog = {};

(() => {
  const ESCAPE = /\x1b(?:\[([0-9;:?]*)[ -/]*([@-~])|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])/g;
  const CONTROL = /[\x00-\x08\x0b-\x1f\x7f]/g;
  const SIXTEEN = [
    [0, 0, 0], [187, 0, 0], [0, 187, 0], [187, 187, 0], [0, 0, 187], [187, 0, 187], [0, 187, 187], [187, 187, 187],
    [85, 85, 85], [255, 85, 85], [85, 255, 85], [255, 255, 85], [85, 85, 255], [255, 85, 255], [85, 255, 255], [255, 255, 255],
  ];
  const PLAIN = {};

  const nearest = (red, green, blue) => {
    let best = 0;
    let least = Infinity;
    SIXTEEN.forEach(([r, g, b], n) => {
      const away = (r - red) ** 2 + (g - green) ** 2 + (b - blue) ** 2;
      if (away < least) [best, least] = [n, away];
    });
    return best;
  };

  const of256 = (n) => {
    if (n < 16) return n;
    if (n >= 232) return nearest(...Array(3).fill((n - 232) * 10 + 8));
    const level = (step) => (step ? step * 40 + 55 : 0);
    return nearest(level(Math.floor((n - 16) / 36)), level(Math.floor((n - 16) / 6) % 6), level((n - 16) % 6));
  };

  const FLAGS = { 1: ["bold"], 2: ["dim"], 3: ["italic"], 4: ["line"], 7: ["swap"] };
  const OFF = { 22: ["bold", "dim"], 23: ["italic"], 24: ["line"], 27: ["swap"], 39: ["fore"], 49: ["back"] };

  /* What follows 38 or 48: `5;n` or `2;r;g;b`. */
  const extended = (codes) => {
    const kind = codes.shift();
    if (kind === 5) return of256(codes.shift() || 0);
    if (kind === 2) return nearest(...codes.splice(0, 3).map((n) => n || 0));
    return undefined;
  };

  const changed = (state, parameters) => {
    const codes = parameters.split(/[;:]/).map(Number);
    let now = { ...state };
    while (codes.length) {
      const code = codes.shift();
      if (!code) now = {};
      else if (FLAGS[code]) for (const flag of FLAGS[code]) now[flag] = true;
      else if (OFF[code]) for (const flag of OFF[code]) delete now[flag];
      else if (code === 38) now.fore = extended(codes);
      else if (code === 48) now.back = extended(codes);
      else if (code >= 30 && code < 38) now.fore = code - 30;
      else if (code >= 40 && code < 48) now.back = code - 40;
      else if (code >= 90 && code < 98) now.fore = code - 82;
      else if (code >= 100 && code < 108) now.back = code - 92;
    }
    return now;
  };

  const classes = (state) => {
    const found = ["bold", "dim", "italic", "line", "swap"].filter((flag) => state[flag]);
    if (state.fore !== undefined) found.push(`f${state.fore}`);
    if (state.back !== undefined) found.push(`b${state.back}`);
    return found.join(" ");
  };

  /* The runs of one line, and the state that the next one begins with. */
  const parsed = (text, state = PLAIN) => {
    const runs = [];
    let at = 0;
    const take = (end) => {
      const part = text.slice(at, end).replace(CONTROL, "");
      if (part) runs.push([part, classes(state)]);
    };
    for (const found of text.matchAll(ESCAPE)) {
      take(found.index);
      at = found.index + found[0].length;
      if (found[2] === "m" && !found[1].includes("?")) state = changed(state, found[1]);
    }
    take(text.length);
    return { runs, state };
  };

  const plain = (runs) => runs.map(([part]) => part).join("");

  /* Where the needle stands in the text, whatever its case. */
  const places = (text, needle) => {
    let lower = text.toLowerCase();
    if (lower.length !== text.length) lower = text;
    const found = [];
    for (let at = lower.indexOf(needle); at >= 0; at = lower.indexOf(needle, at + needle.length)) found.push(at);
    return found;
  };

  const span = (text, kind, tag = "span") => {
    const made = document.createElement(tag);
    made.textContent = text;
    if (kind) made.className = kind;
    return made;
  };

  /* Nodes for the runs; what was searched for stands in <mark>. */
  const painted = (runs, needle) => {
    const marks = needle ? places(plain(runs), needle) : [];
    const made = [];
    let at = 0;
    for (const [text, kind] of runs) {
      const cuts = new Set([0, text.length]);
      for (const mark of marks) for (const edge of [mark - at, mark + needle.length - at]) {
        if (edge > 0 && edge < text.length) cuts.add(edge);
      }
      const edges = [...cuts].sort((a, b) => a - b);
      edges.slice(0, -1).forEach((from, n) => {
        const part = text.slice(from, edges[n + 1]);
        const marked = marks.some((mark) => at + from >= mark && at + from < mark + needle.length);
        made.push(marked ? span(part, kind, "mark") : kind ? span(part, kind) : document.createTextNode(part));
      });
      at += text.length;
    }
    return made;
  };

  Object.assign(window.shipwayLog, { parsed, painted, plain });
})();
