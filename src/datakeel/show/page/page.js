"use strict";
// The page of a review: filters over its findings, and the map of the system. All text goes in as text, never as markup.

const SEVERITIES = ["critical", "major", "minor", "suggestion"];
const make = (name, classes, text) => {
  const element = document.createElement(name);
  if (classes) element.className = classes;
  if (text !== undefined) element.textContent = text;
  return element;
};
const draw = (name, attributes, ...inside) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...inside);
  return element;
};

// Light and dark ------------------------------------------------------------------------------------------------------

document.getElementById("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
});

// Filters over the findings ---------------------------------------------------------------------------------------------

const form = document.getElementById("filters");
if (form) {
  const articles = [...document.querySelectorAll("#findings article, #low article")];
  const said = document.getElementById("shown");
  const sift = () => {
    const severities = new Set([...form.querySelectorAll("input[type=checkbox]:checked")].map((box) => box.value));
    const category = form.elements.category.value;
    const path = form.elements.path.value.trim().toLowerCase();
    let shown = 0;
    for (const article of articles) {
      const { severity, category: own, path: place } = article.dataset;
      article.hidden = !(severities.has(severity) && (!category || category === own) && place.toLowerCase().includes(path));
      shown += !article.hidden;
    }
    said.textContent = `${shown} of ${articles.length} shown`;
  };
  form.addEventListener("input", sift);
  form.addEventListener("submit", (event) => event.preventDefault());
  sift();
}

// The map: what is drawn --------------------------------------------------------------------------------------------------

const WIDE = 190, HIGH = 42, GAP = 14, LOOSE = 40, COLUMN = 130, TALLEST = 30, MOST = 60;
const WORDS = { reads: "reads", writes: "writes", publishes: "publishes to", consumes: "consumes", calls: "calls", derives: "derives" };
const BACK = { reads: "Read by", writes: "Written by", publishes: "Published to by", consumes: "Consumed by", calls: "Called by", derives: "Derived from" };
const ON = { reads: "Reads", writes: "Writes", publishes: "Publishes to", consumes: "Consumes", calls: "Calls", derives: "Gives rise to" };
const SIGNS = {
  table: "M1 2h12v11h-12zM1 6h12M6 6v7", collection: "M1 3h9v9h-9zM4 3v-2h9v9h-3", index: "M9 9l4 4M1 5.5a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0",
  cache: "M8 1l-6 7h4l-1 5l6-7h-4z", topic: "M1 3l4 4l-4 4M5.5 3l4 4l-4 4M10 3l4 4l-4 4", queue: "M1 3h3v8h-3zM6 3h3v8h-3zM11 3h3v8h-3z",
  bucket: "M1 2h12l-2 11h-8zM1.5 5h11", file: "M2 1h7l3 3v9h-10z", service: "M7 1l6 3.2v6.4l-6 3.2l-6-3.2v-6.4z", part: "M4 3l-3 4l3 4M10 3l3 4l-3 4",
};

class Atlas {
  constructor(root, data) {
    Object.assign(this, { root, ...data });
    this.inside = new Map();
    this.folds.forEach((fold, number) => fold.members.forEach((member) => this.inside.set(member, number)));
    this.state = { chosen: null, focus: null, open: new Set(), kinds: new Set(Object.keys(WORDS)), broken: false, query: "" };
    this.svg = root.querySelector("svg");
    this.panel = root.querySelector(".panel");
    this.listen();
    this.kinds();
    this.show();
    this.describe();
  }

  // What is visible: links between boxes; a box is a node, or a fold of several.
  box(node) {
    const fold = this.inside.get(node);
    return fold === undefined || this.state.open.has(fold) || this.near ? `n${node}` : `f${fold}`;
  }
  info(box) {
    const number = Number(box.slice(1));
    if (box[0] === "n") return this.nodes[number];
    return { ...this.folds[number], fold: true, runs: [], ways: [], findings: this.folds[number].members.flatMap((m) => this.nodes[m].findings) };
  }
  visible() {
    const { focus, kinds, broken, query } = this.state;
    const own = Number(focus?.slice(1));
    this.near = Boolean(focus) && this.links.filter(({ a, b }) => a === own || b === own).length <= MOST; // no groups among few
    const links = new Map();
    for (const link of this.links) {
      const shown = link.kinds.filter((kind) => kinds.has(kind));
      if (!shown.length || (broken && !link.findings.length)) continue;
      const [a, b] = [this.box(link.a), this.box(link.b)];
      if (a === b || (focus && a !== focus && b !== focus)) continue;
      const names = [a, b].flatMap((box) => this.names(box, link));
      if (query && !names.some((name) => name.toLowerCase().includes(query))) continue;
      const key = `${a} ${b}`;
      const known = links.get(key) ?? { key, a, b, kinds: new Set(), findings: new Set(), places: [], verbs: new Set() };
      shown.forEach((kind) => known.kinds.add(kind));
      link.findings.forEach((finding) => known.findings.add(finding));
      link.verbs.forEach((verb) => known.verbs.add(verb));
      known.places.push(...link.places);
      links.set(key, known);
    }
    const boxes = new Set(focus ? [focus] : []);
    for (const { a, b } of links.values()) boxes.add(a).add(b);
    if (!focus && !query) this.nodes.forEach((node, number) => node.findings.length && boxes.add(this.box(number)));
    return { boxes: [...boxes], links: [...links.values()] };
  }
  names(box, link) {
    return [this.info(box).name, this.nodes[link.a].name, this.nodes[link.b].name];
  }

  // Where it stands: the layered drawing of Sugiyama, Tagawa and Toda.
  placed({ boxes, links }) {
    const flows = links.map((link) => (link.kinds.has("consumes") && link.kinds.size === 1 ? [link.b, link.a] : [link.a, link.b]));
    const islands = islandsOf(boxes, flows).map(({ boxes: own, flows: within }) => {
      const graph = layered(own, acyclic(own, within));
      ordered(graph);
      return positioned(graph);
    });
    const owner = packed(islands);
    const at = new Map(islands.flatMap((island) => [...island.at]));
    return { at, low: owner.low, ways: (a, b) => owner.get(a).ways(a, b) };
  }

  show() {
    const seen = this.visible();
    const { at, low, ways } = this.placed(seen);
    Object.assign(this, { at, low });
    this.marks = [];
    const linked = draw("g", {}), boxes = draw("g", {}), badges = draw("g", {});
    this.shapes = new Map();
    for (const link of seen.links) linked.append(this.link(link, ways, at, badges));
    for (const box of seen.boxes) boxes.append(this.node(box, at.get(box)));
    this.svg.replaceChildren(this.heads(), linked, boxes, badges);
    this.seen = seen;
    this.root.querySelector(".none").hidden = seen.boxes.length > 0;
    this.fit();
    this.list(new Set(seen.boxes));
    this.emphasise();
    const where = this.root.querySelector(".where");
    where.hidden = !this.state.focus && !this.state.open.size;
    where.querySelector("span").textContent = this.state.focus ? `Around ${this.info(this.state.focus).name}` : "Groups opened";
  }
  heads() {
    const arrow = draw("marker", { id: "arrow", viewBox: "0 0 10 10", refX: 9, refY: 5, markerWidth: 7, markerHeight: 7, markerUnits: "userSpaceOnUse", orient: "auto-start-reverse" }, draw("path", { d: "M0 0.8L9.5 5L0 9.2z" }));
    return draw("defs", {}, arrow);
  }
  worst(findings) {
    return SEVERITIES.find((severity) => [...findings].some((number) => this.findings[number].severity === severity));
  }
  link(link, ways, at, badges) {
    const first = ["writes", "publishes", "consumes", "calls", "derives", "reads"].find((kind) => link.kinds.has(kind));
    const points = ways(link.a, link.b);
    const d = curve(points);
    const into = link.kinds.has("reads") || link.kinds.has("consumes");
    const out = [...link.kinds].some((kind) => kind !== "reads" && kind !== "consumes");
    const drawn = draw("path", { class: "drawn", d });
    if (into) drawn.setAttribute("marker-start", "url(#arrow)");
    if (out) drawn.setAttribute("marker-end", "url(#arrow)");
    const group = draw("g", { class: `link ${first}` }, drawn, draw("path", { class: "wide", d }));
    group.append(draw("title", {}, this.sentence(link)));
    group.addEventListener("click", () => this.choose({ link: link.key }));
    if (link.findings.size) {
      const worst = this.worst(link.findings);
      group.classList.add("broken");
      group.style.setProperty("--tone", `var(--${worst})`);
      const badge = this.badge(link.findings, this.freeSpot(points), worst, `${this.sentence(link)}: ${counted(link.findings.size, "finding")}`);
      badge.addEventListener("click", () => this.choose({ link: link.key }));
      badge.dataset.link = link.key;
      badges.append(badge);
    }
    this.shapes.set(link.key, group);
    return group;
  }
  freeSpot(points) { // on the line, off the badges that are there
    const spots = [0.5, 0.34, 0.66, 0.22, 0.78].map((part) => along(points, part));
    const far = (spot) => Math.min(Infinity, ...this.marks.map(([x, y]) => Math.hypot(spot[0] - x, spot[1] - y)));
    const free = spots.find((spot) => far(spot) > 30) ?? spots.reduce((a, b) => (far(b) > far(a) ? b : a));
    this.marks.push(free);
    return free;
  }
  badge(findings, [x, y], worst, label) {
    const badge = draw("g", { class: `badge ${worst}`, tabindex: 0, role: "button", "aria-label": label, transform: `translate(${x} ${y})` }, draw("circle", { r: 10 }));
    const text = draw("text", { y: 4 });
    text.textContent = String(findings.size ?? findings.length);
    badge.append(text);
    return badge;
  }
  node(box, [x, y]) {
    const info = this.info(box);
    const classes = `node ${info.kind === "part" ? "part" : "data"}${info.fold ? " fold" : ""}`;
    const title = draw("text", { class: "near", x: 32, y: 18 }), afar = draw("text", { class: "afar", x: 32, y: 28 }), sub = draw("text", { class: "sub", x: 32, y: 33 });
    title.textContent = shortened(info.name, 21);
    afar.textContent = shortened(info.short ?? info.name, 14);
    const below = info.fold ? info.about : info.kind === "part" ? info.runs.join(", ") || "nobody known calls it" : `${info.kind} · ${/\((.*)\)$/.exec(info.group)?.[1] ?? info.group}`;
    sub.textContent = shortened(below, 25);
    const group = draw("g", { class: classes, tabindex: 0, role: "button", transform: `translate(${x} ${y})`, "aria-label": `${info.name}, ${below}` },
      draw("rect", { class: "body", width: WIDE, height: HIGH, rx: info.kind === "part" ? 8 : info.kind === "topic" || info.kind === "queue" ? 21 : 3 }),
      draw("path", { class: "sign", d: SIGNS[info.kind] ?? SIGNS.table, transform: "translate(10 14)" }), title, afar, sub, draw("title", {}, `${info.name}\n${below}`));
    group.dataset.box = box;
    group.addEventListener("click", () => this.choose({ box }));
    group.addEventListener("dblclick", () => this.enter(box));
    if (info.findings.length) group.append(this.badge(info.findings, [WIDE - 4, 3], this.worst(info.findings), ""));
    this.shapes.set(box, group);
    return group;
  }
  sentence(link) {
    const kinds = [...link.kinds].map((kind) => WORDS[kind]).join(", ");
    return `${this.info(link.a).name} ${kinds} ${this.info(link.b).name}`;
  }

  // What is chosen, and what is told of it.
  choose(chosen) {
    this.state.chosen = chosen;
    this.emphasise();
    this.describe();
  }
  enter(box) {
    if (box[0] === "f") this.state.open.add(Number(box.slice(1)));
    else this.state.focus = box;
    this.state.chosen = box[0] === "f" ? null : { box };
    this.show();
    this.describe();
    this.shapes.get(box)?.focus();
  }
  leave() {
    const back = this.state.focus;
    if (this.state.focus) this.state.focus = null;
    else if (this.state.chosen) this.state.chosen = null;
    else this.state.open.clear();
    this.show();
    this.describe();
    if (back) this.shapes.get(this.box(Number(back.slice(1))))?.focus();
  }
  emphasise() {
    const { chosen } = this.state;
    const near = new Set();
    for (const link of this.seen.links) {
      const own = chosen && (chosen.link === link.key || chosen.box === link.a || chosen.box === link.b || link.findings.has(chosen.finding));
      if (own) near.add(link.key).add(link.a).add(link.b);
    }
    if (chosen?.box) near.add(chosen.box);
    if (chosen?.finding !== undefined) this.seen.boxes.filter((box) => this.info(box).findings.includes(chosen.finding)).forEach((box) => near.add(box));
    const some = chosen && (near.size > 0);
    for (const [key, shape] of this.shapes) {
      shape.classList.toggle("dim", Boolean(some) && !near.has(key));
      shape.classList.toggle("chosen", key === chosen?.box || key === chosen?.link);
    }
    this.svg.querySelectorAll(".badge[data-link]").forEach((badge) => badge.classList.toggle("dim", Boolean(some) && !near.has(badge.dataset.link)));
    this.root.querySelectorAll(".side .list button").forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.box === chosen?.box)));
  }
  describe() {
    const { chosen } = this.state;
    const parts = [];
    if (chosen?.finding !== undefined) parts.push(...this.story(chosen));
    else if (chosen?.link && this.seen.links.some((link) => link.key === chosen.link)) parts.push(...this.ofLink(this.seen.links.find((link) => link.key === chosen.link)));
    else if (chosen?.box) parts.push(...this.ofBox(chosen.box));
    else parts.push(...this.overview());
    this.panel.replaceChildren(...parts);
    this.panel.scrollTop = 0;
  }
  overview() {
    const data = this.nodes.filter((node) => node.kind !== "part").length;
    const parts = [make("h3", "", "The system"), make("p", "", `${counted(this.nodes.length - data, "part")} of the code, ${counted(data, "dataset")} and other ends, ${counted(this.links.length, "line")} between them.`)];
    if (this.untouched) parts.push(make("p", "soft", `${counted(this.untouched, "table")} that no code was seen to touch ${this.untouched === 1 ? "is" : "are"} not drawn.`));
    parts.push(make("p", "soft", "Choose a box or a line. Enter or a double click shows a box with its neighbours only, or opens a group; Escape goes back; arrows move; / searches; + − 0 zoom."));
    if (this.findings.length) parts.push(make("h4", "", "Findings"), this.told(this.findings.map((_, number) => number), null));
    return parts;
  }
  ofBox(box) {
    const info = this.info(box);
    const parts = [make("h3", "", info.name), make("p", "soft", `${info.kind === "part" ? "part of the code" : info.kind}${info.group ? ` · ${info.group}` : ""}`)];
    const enter = make("button", "", info.fold ? "Open the group" : "Only its neighbours");
    enter.addEventListener("click", () => this.enter(box));
    if (this.state.focus !== box) parts.push(enter);
    const findings = new Set(info.findings);
    const groups = new Map();
    for (const link of this.seen.links) {
      if (link.a !== box && link.b !== box) continue;
      link.findings.forEach((number) => findings.add(number));
      for (const kind of link.kinds) {
        const title = link.a === box ? ON[kind] : BACK[kind];
        groups.set(title, [...(groups.get(title) ?? []), link.a === box ? link.b : link.a]);
      }
    }
    if (findings.size) parts.push(make("h4", "", "Findings"), this.told([...findings].sort((a, b) => a - b), this.state.chosen));
    if (info.fold) groups.set("Holds", info.members.map((member) => `n${member}`));
    for (const [title, boxes] of groups) parts.push(make("h4", "", title), this.buttons(boxes));
    if (info.place) parts.push(make("h4", "", "Defined at"), make("code", "", info.place));
    if (info.ways.length) parts.push(make("h4", "", "Reached from"), listed(info.ways));
    return parts;
  }
  ofLink(link) {
    const parts = [make("h3", "", this.sentence(link)), make("p", "soft", [...link.verbs].join(", "))];
    if (link.findings.size) parts.push(make("h4", "", "Findings"), this.told([...link.findings], this.state.chosen));
    parts.push(make("h4", "", "Between"), this.buttons([link.a, link.b]));
    if (link.places.length) parts.push(make("h4", "", "In the code"), listed([...new Set(link.places)].slice(0, 20)));
    return parts;
  }
  story(chosen) {
    const back = make("button", "", "← Back");
    back.addEventListener("click", () => this.choose(chosen.from));
    const article = document.getElementById(this.findings[chosen.finding].article).cloneNode(true);
    article.removeAttribute("id");
    article.hidden = false;
    return [back, article];
  }
  told(numbers, from) {
    return this.items(numbers, (number) => {
      const { rule, severity, symbol } = this.findings[number];
      const button = make("button");
      const text = make("span", "", `${rule}${symbol ? ` in ${symbol}` : ""}`);
      button.append(text, make("span", `count ${severity}`, severity));
      button.addEventListener("click", () => { this.choose({ ...(from ?? {}), finding: number, from }); this.panel.querySelector("button")?.focus(); });
      return button;
    });
  }
  buttons(boxes) {
    return this.items([...new Set(boxes)], (box) => {
      const button = make("button", "", this.info(box).name);
      button.addEventListener("click", () => this.reach(box));
      return button;
    });
  }
  reach(box) {
    if (box[0] === "n" && this.inside.has(Number(box.slice(1)))) this.state.open.add(this.inside.get(Number(box.slice(1))));
    if (!this.shapes.has(box)) { this.state.focus = this.state.focus ? box : null; this.show(); }
    this.choose({ box });
    this.shapes.get(box)?.focus();
  }
  items(values, entry) {
    const list = make("ul", "list");
    for (const value of values) { const item = make("li"); item.append(entry(value)); list.append(item); }
    return list;
  }

  // The list at the side, and what is typed and clicked.
  list(shown) {
    const groups = new Map();
    const { query } = this.state;
    this.nodes.forEach((node, number) => {
      if (query && !node.name.toLowerCase().includes(query)) return;
      const title = node.kind === "part" ? "Code" : node.group;
      groups.set(title, [...(groups.get(title) ?? []), number]);
    });
    const parts = [];
    for (const title of [...groups.keys()].sort((a, b) => (a === "Code" ? -1 : b === "Code" ? 1 : a.localeCompare(b)))) {
      const numbers = groups.get(title).sort((a, b) => this.nodes[a].name.localeCompare(this.nodes[b].name));
      parts.push(make("h4", "", title), this.items(numbers, (number) => {
        const button = make("button", "", "");
        const broken = this.broken(number);
        button.append(make("span", "", this.nodes[number].name));
        if (broken.size) button.append(make("span", `count ${this.worst(broken)}`, String(broken.size)));
        button.dataset.box = `n${number}`;
        button.classList.toggle("soft", !shown.has(this.box(number)));
        button.addEventListener("click", () => this.reach(`n${number}`));
        button.addEventListener("dblclick", () => this.enter(`n${number}`));
        return button;
      }));
    }
    this.root.querySelector(".nodes").replaceChildren(...parts);
  }
  broken(number) {
    const own = this.links.filter((link) => link.a === number || link.b === number).flatMap((link) => link.findings);
    return new Set([...this.nodes[number].findings, ...own]);
  }
  kinds() {
    const field = this.root.querySelector("fieldset");
    for (const kind of Object.keys(WORDS)) {
      if (!this.links.some((link) => link.kinds.includes(kind))) continue;
      const box = make("input"), label = make("label"), swatch = make("span", "swatch");
      Object.assign(box, { type: "checkbox", checked: true, value: kind });
      swatch.style.borderColor = `var(--${kind})`;
      if (kind === "derives") swatch.style.borderTopStyle = "dashed";
      if (kind === "calls") swatch.style.borderTopStyle = "dotted";
      label.append(box, swatch, kind);
      box.addEventListener("input", () => { this.state.kinds[box.checked ? "add" : "delete"](kind); this.show(); });
      field.append(label);
    }
  }
  listen() {
    const search = this.root.querySelector("input[type=search]"), only = this.root.querySelector("#only-broken");
    search.addEventListener("input", () => { this.state.query = search.value.trim().toLowerCase(); this.show(); });
    only.addEventListener("input", () => { this.state.broken = only.checked; this.show(); });
    this.root.querySelector(".where button").addEventListener("click", () => { this.state.focus = null; this.state.open.clear(); this.show(); this.describe(); });
    for (const button of this.root.querySelectorAll(".tools button")) button.addEventListener("click", () => this.zoom(button.dataset.zoom));
    document.addEventListener("keydown", (event) => {
      const typing = /INPUT|SELECT|TEXTAREA/.test(event.target.tagName);
      if (event.key === "/" && !typing) { event.preventDefault(); search.focus(); }
      if (event.key === "Escape" && this.root.contains(event.target) | (event.target === document.body)) { if (typing && search.value) { search.value = ""; this.state.query = ""; this.show(); } else this.leave(); }
    });
    this.svg.addEventListener("keydown", (event) => this.key(event));
    this.svg.addEventListener("wheel", (event) => {
      if (!(event.ctrlKey || event.metaKey || document.body.classList.contains("whole"))) return;
      event.preventDefault();
      this.zoom(event.deltaY < 0 ? "in" : "out", event);
    }, { passive: false });
    let held = null;
    this.svg.addEventListener("pointerdown", (event) => { held = event.target === this.svg || event.target.closest(".link") ? { x: event.clientX, y: event.clientY, view: [...this.view] } : null; });
    addEventListener("pointerup", () => { held = null; });
    this.svg.addEventListener("pointermove", (event) => {
      if (!held) return;
      const scale = this.view[2] / this.svg.clientWidth;
      this.look([held.view[0] - (event.clientX - held.x) * scale, held.view[1] - (event.clientY - held.y) * scale, held.view[2], held.view[3]]);
    });
    this.svg.addEventListener("click", (event) => { if (event.target === this.svg && this.state.chosen) this.choose(null); });
    new ResizeObserver(() => this.fit()).observe(this.svg);
  }
  key(event) {
    const own = event.target.closest(".node, .badge");
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if ((event.key === "Enter" || event.key === " ") && own) {
      event.preventDefault();
      const { box, link } = own.dataset;
      if (link) { this.choose({ link }); this.panel.querySelector("button")?.focus(); }
      else if (box && event.key === "Enter" && this.state.chosen?.box === box && this.state.focus !== box) this.enter(box);
      else if (box) this.choose({ box });
    } else if (event.key in moves && own?.dataset.box) {
      event.preventDefault();
      this.step(own.dataset.box, moves[event.key]);
    } else if (event.key === "+" || event.key === "-" || event.key === "0") this.zoom({ "+": "in", "-": "out", 0: "fit" }[event.key]);
  }
  step(box, [dx, dy]) {
    const [x, y] = this.at.get(box);
    let best = null;
    for (const other of this.seen.boxes) {
      const [ox, oy] = this.at.get(other);
      const along = (ox - x) * dx + (oy - y) * dy, across = Math.abs((ox - x) * dy) + Math.abs((oy - y) * dx);
      if (other !== box && along > 1 && (!best || along + 2 * across < best[0])) best = [along + 2 * across, other];
    }
    if (best) { this.shapes.get(best[1]).focus(); this.bring(best[1]); }
  }
  bring(box) {
    const [x, y] = this.at.get(box), [left, top, wide, high] = this.view;
    if (x < left || y < top || x + WIDE > left + wide || y + HIGH > top + high) this.look([x + WIDE / 2 - wide / 2, y - high / 2, wide, high]);
  }
  fit() {
    const all = [...(this.at?.values() ?? [])];
    const right = Math.max(WIDE, ...all.map(([x]) => x + WIDE)), low = this.low ?? HIGH;
    const ratio = (this.svg.clientWidth || 800) / (this.svg.clientHeight || 600);
    const wide = Math.max(right + 60, (low + 60) * ratio, 640), high = wide / ratio;
    this.look([(right - wide) / 2, (low - high) / 2, wide, high]);
  }
  zoom(how, at) {
    if (how === "fit") return this.fit();
    const factor = how === "in" ? 0.8 : 1.25, [x, y, wide, high] = this.view;
    const frame = this.svg.getBoundingClientRect();
    const [px, py] = at ? [(at.clientX - frame.left) / frame.width, (at.clientY - frame.top) / frame.height] : [0.5, 0.5];
    if ((wide < 240 && factor < 1) || (wide > 20000 && factor > 1)) return undefined;
    return this.look([x + wide * px * (1 - factor), y + high * py * (1 - factor), wide * factor, high * factor]);
  }
  look(view) {
    this.view = view;
    this.svg.classList.toggle("far", this.svg.clientWidth / view[2] < 0.62); // then names are larger, and alone
    this.svg.setAttribute("viewBox", view.map((number) => number.toFixed(1)).join(" "));
  }
}

// Layers: no cycles, each box right of what leads to it, few crossings, straight lines --------------------------------------

function islandsOf(boxes, flows) {
  const beside = new Map(boxes.map((box) => [box, []]));
  for (const [a, b] of flows) { beside.get(a).push(b); beside.get(b).push(a); }
  const seen = new Map(), islands = [];
  for (const start of boxes) {
    if (seen.has(start)) continue;
    const island = { boxes: [start], flows: [] };
    seen.set(start, island);
    for (const box of island.boxes) for (const next of beside.get(box)) if (!seen.has(next)) { seen.set(next, island); island.boxes.push(next); }
    islands.push(island);
  }
  for (const flow of flows) seen.get(flow[0]).flows.push(flow);
  return islands.sort((a, b) => b.boxes.length - a.boxes.length);
}

function packed(islands) { // the largest first; the others in rows below it, as wide as it is
  const owner = new Map(), size = ({ at, low }) => [Math.max(...[...at.values()].map(([x]) => x)) + WIDE, low];
  const most = Math.max(900, ...islands.map((island) => size(island)[0]));
  let x = 0, y = 0, high = 0;
  for (const island of islands) {
    const [wide, own] = size(island);
    if (x && x + wide > most) { x = 0; y += high + 2 * GAP; high = 0; }
    island.move(x, y);
    x += wide + COLUMN / 2;
    high = Math.max(high, own);
    owner.low = y + high;
    for (const box of island.at.keys()) owner.set(box, island);
  }
  return owner;
}

function acyclic(boxes, flows) {
  const out = new Map(boxes.map((box) => [box, []]));
  for (const [a, b] of flows) if (a !== b) out.get(a).push(b);
  const state = new Map(), kept = [];
  const visit = (start) => {
    const stack = [[start, 0]];
    state.set(start, 1);
    while (stack.length) {
      const top = stack.at(-1), next = out.get(top[0])[top[1]++];
      if (next === undefined) { state.set(top[0], 2); stack.pop(); continue; }
      kept.push(state.get(next) === 1 ? [next, top[0]] : [top[0], next]); // a way back is turned round
      if (!state.has(next)) { state.set(next, 1); stack.push([next, 0]); }
    }
  };
  const entered = new Set(flows.map(([, b]) => b));
  for (const box of [...boxes.filter((b) => !entered.has(b)), ...boxes]) if (!state.has(box)) visit(box);
  return kept;
}

function layered(boxes, flows) {
  const layer = new Map(boxes.map((box) => [box, 0])), ins = new Map(boxes.map((box) => [box, 0])), out = new Map(boxes.map((box) => [box, []]));
  for (const [a, b] of flows) { out.get(a).push(b); ins.set(b, ins.get(b) + 1); }
  const ready = boxes.filter((box) => !ins.get(box)), order = [];
  while (ready.length) {
    const box = ready.shift();
    order.push(box);
    for (const next of out.get(box)) {
      layer.set(next, Math.max(layer.get(next), layer.get(box) + 1));
      ins.set(next, ins.get(next) - 1);
      if (!ins.get(next)) ready.push(next);
    }
  }
  for (const box of order.reverse()) { // what only leads on stands beside what it leads to
    const next = out.get(box).map((other) => layer.get(other));
    if (next.length) layer.set(box, Math.min(...next) - 1);
  }
  const columns = [], chains = new Map();
  const put = (name, number) => { (columns[number] ??= []).push(name); };
  boxes.forEach((box) => put(box, layer.get(box)));
  const near = [];
  for (const [a, b] of flows) {
    let before = a;
    const chain = [];
    for (let number = layer.get(a) + 1; number < layer.get(b); number++) {
      const bend = `~${a} ${b} ${number}`;
      put(bend, number);
      chain.push(bend);
      near.push([before, bend]);
      before = bend;
    }
    near.push([before, b]);
    chains.set(`${a} ${b}`, chain);
  }
  return { columns: [...columns].map((column) => column ?? []), near, chains };
}

function ordered(graph) {
  const left = new Map(), right = new Map();
  for (const [a, b] of graph.near) { left.set(b, [...(left.get(b) ?? []), a]); right.set(a, [...(right.get(a) ?? []), b]); }
  Object.assign(graph, { left, right });
  const rank = new Map();
  const note = (column) => column.forEach((box, number) => rank.set(box, number / Math.max(column.length - 1, 1)));
  graph.columns.forEach(note);
  const sweep = (columns, beside) => {
    for (const column of columns) {
      const middle = new Map(column.map((box) => {
        const near = (beside.get(box) ?? []).map((other) => rank.get(other));
        return [box, near.length ? near.reduce((a, b) => a + b) / near.length : rank.get(box)];
      }));
      column.sort((a, b) => middle.get(a) - middle.get(b));
      note(column);
    }
  };
  for (let turn = 0; turn < 12; turn++) {
    sweep(graph.columns.slice(1), left);
    sweep(graph.columns.slice(0, -1).reverse(), right);
  }
}

function positioned(graph) {
  const height = (box) => (box[0] === "~" ? 10 : HIGH);
  const y = new Map();
  const settle = (column, wanted) => {
    let floor = -Infinity;
    const placed = column.map((box) => { // neither over the one above it, nor far below it
      const top = Math.min(Math.max(wanted(box), floor), floor === -Infinity ? Infinity : floor + LOOSE);
      floor = top + height(box) + GAP;
      return top;
    });
    const drift = column.reduce((sum, box, n) => sum + wanted(box) - placed[n], 0) / (column.length || 1);
    column.forEach((box, n) => y.set(box, placed[n] + drift));
  };
  for (const column of graph.columns) {
    let top = 0;
    for (const box of column) { y.set(box, top); top += height(box) + GAP; }
    for (const box of column) y.set(box, y.get(box) - top / 2);
  }
  const middle = (box) => y.get(box) + height(box) / 2;
  for (let turn = 0; turn < 10; turn++) {
    const columns = turn % 2 ? [...graph.columns].reverse() : graph.columns;
    for (const column of columns) settle(column, (box) => {
      const near = [...(graph.left.get(box) ?? []), ...(graph.right.get(box) ?? [])].map(middle);
      return near.length ? near.reduce((a, b) => a + b) / near.length - height(box) / 2 : y.get(box);
    });
  }
  const at = new Map(), bends = new Map();
  const count = graph.columns.length, high = (HIGH + GAP) * Math.max(...graph.columns.map((column) => column.length));
  const gap = Math.min(3 * COLUMN, Math.max((count > 5 ? 0.6 : 0.9) * COLUMN, (high - count * WIDE) / (count - 1 || 1))); // about as wide as high
  let x = 0, lines = null;
  for (const column of graph.columns) {
    const real = column.filter((box) => box[0] !== "~");
    const wide = Math.ceil(real.length / TALLEST) || 1; // a long column stands in several, side by side
    if (wide > 1) {
      const high = Math.ceil(real.length / wide);
      real.forEach((box, n) => at.set(box, [x + Math.floor(n / high) * (WIDE + 40), (n % high - high / 2) * (HIGH + GAP)]));
    } else real.forEach((box) => at.set(box, [x, y.get(box)]));
    const right = x + wide * WIDE + (wide - 1) * 40;
    column.filter((box) => box[0] === "~").forEach((box) => bends.set(box, [[x, middle(box)], [right, middle(box)]])); // straight past a column
    x = right + gap;
  }
  const top = Math.min(...[...at.values(), ...[...bends.values()].flat()].map(([, high]) => high));
  at.forEach((spot) => { spot[1] -= top; });
  bends.forEach((spots) => spots.forEach((spot) => { spot[1] -= top; }));
  const low = Math.max(...[...at.values()].map(([, y]) => y + HIGH), ...[...bends.values()].flat().map(([, y]) => y));
  const move = (dx, dy) => { for (const spot of [...at.values(), ...[...bends.values()].flat()]) { spot[0] += dx; spot[1] += dy; } };
  return { at, low, move, ways: (a, b) => (lines ??= routes(graph, at, bends))(a, b) };
}

function routes(graph, at, bends) {
  const ends = new Map(); // of each box and side: the lines that end there, from top to bottom
  const chain = (a, b) => graph.chains.get(`${a} ${b}`) ?? [...(graph.chains.get(`${b} ${a}`) ?? [])].reverse();
  const centre = (box) => [at.get(box)[0] + WIDE / 2, at.get(box)[1] + HIGH / 2];
  const next = (from, to) => { const bend = chain(from, to)[0]; return bend ? middleOf(bends.get(bend)) : centre(to); };
  const side = (box, spot) => (spot[0] >= centre(box)[0] ? "right" : "left");
  for (const key of graph.chains.keys()) {
    const [a, b] = key.split(" ");
    for (const [own, other] of [[a, b], [b, a]]) {
      const name = `${own} ${side(own, next(own, other))}`;
      ends.set(name, [...(ends.get(name) ?? []), other]);
    }
  }
  ends.forEach((others, name) => others.sort((a, b) => next(name.split(" ")[0], a)[1] - next(name.split(" ")[0], b)[1]));
  const port = (own, other) => {
    const where = side(own, next(own, other)), others = [...new Set(ends.get(`${own} ${where}`))];
    const step = Math.min(7, (HIGH - 12) / Math.max(others.length - 1, 1));
    const [x, y] = at.get(own);
    return [where === "right" ? x + WIDE + 2 : x - 2, y + HIGH / 2 + (others.indexOf(other) - (others.length - 1) / 2) * step];
  };
  return (a, b) => {
    const [from, to] = [port(a, b), port(b, a)];
    const between = chain(a, b).map((bend) => bends.get(bend));
    return [from, ...between.flatMap((spots) => (from[0] < to[0] ? spots : [...spots].reverse())), to];
  };
}

function curve(points) {
  let d = `M${points[0].map(round).join(" ")}`;
  for (let n = 1; n < points.length; n++) {
    const [[ax, ay], [bx, by]] = [points[n - 1], points[n]];
    const turn = turnOf(ax, bx);
    d += `C${round(ax + turn)} ${round(ay)} ${round(bx - turn)} ${round(by)} ${round(bx)} ${round(by)}`;
  }
  return d;
}
function middleOf(points) { // in the gap between two columns
  const half = 2 * Math.floor((points.length - 1) / 4);
  const [a, b] = [points[half], points[half + 1]];
  return [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
}
function along(points, part) { // of the line's curve in that gap
  const half = 2 * Math.floor((points.length - 1) / 4), [[ax, ay], [bx, by]] = [points[half], points[half + 1]];
  const turn = turnOf(ax, bx), rest = 1 - part;
  const mix = (a, b, c, d) => a * rest ** 3 + 3 * b * rest * rest * part + 3 * c * rest * part * part + d * part ** 3;
  return [mix(ax, ax + turn, bx - turn, bx), mix(ay, ay, by, by)];
}
const turnOf = (ax, bx) => Math.max(Math.abs(bx - ax) * 0.45, 30) * Math.sign(bx - ax || 1);
const round = (number) => Math.round(number * 10) / 10;
const shortened = (text, most) => {
  if (text.length <= most) return text;
  return /^[\w.-]+$/.test(text) && text.includes(".") ? `…${text.slice(1 - most)}` : `${text.slice(0, most - 1)}…`; // the end of a dotted name tells more
};
const counted = (number, word) => `${number.toLocaleString("en")} ${word}${number === 1 ? "" : "s"}`;
function listed(texts) {
  const list = make("ul", "list");
  for (const text of texts) { const item = make("li"); item.append(make("code", "", text)); list.append(item); }
  return list;
}

const stored = document.getElementById("atlas-data");
if (stored) window.atlas = new Atlas(document.querySelector(".atlas"), JSON.parse(stored.textContent));
