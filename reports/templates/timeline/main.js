// The timeline: what is in view, and what may be done to it. The scene is what the canvases show.
const STAGE_MAX = 480;

class Timeline {
  constructor(section, ops) {
    const find = (selector) => section.querySelector(selector);
    Object.assign(this, {
      section, ops, strip: find(".strip"), stage: find(".stage"), said: find(".said"), chosen: find(".chosen"),
      table: find(".rows"), search: find("[type=search]"),
    });
    this.scene = {
      ops, view: [0, ops.span], scroll: 0, by: "process", passed: null, pinned: -1, hovered: -1, violation: -1,
      visible: new Uint32Array(ops.count), seen: 0,
    };
    find(".violations").hidden = !ops.violations.length;
    section.hidden = false;
    document.querySelector('nav a[href="#timeline"]').hidden = false;
    this.listen();
    this.lay();
  }

  listen() {
    for (const one of this.section.querySelectorAll("[data-by]")) one.onclick = () => this.lanesBy(one.dataset.by);
    this.search.oninput = () => {
      clearTimeout(this.typing);
      this.typing = setTimeout(() => this.filter(this.search.value), 120);
    };
    const chosen = (from, to) => this.brush(from, to);
    this.frames = brushCharts([...document.querySelectorAll("#time .canvas > svg.chart")], chosen);
    brushed(this.strip, () => this.edges(), chosen);
    listenToKeys(this);
    listenToPointer(this);
    new ResizeObserver(() => this.measure()).observe(this.stage);
    new MutationObserver(() => this.repaint()).observe(document.documentElement, { attributeFilter: ["data-theme"] });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.repaint());
  }

  // From what is shown to pixels, in the order in which one thing depends on the other.
  lay() {
    this.scene.layout = lanes(this.ops, this.scene.by, this.scene.passed);
    this.measure();
  }

  measure() {
    const { scene } = this;
    const root = getComputedStyle(document.documentElement);
    scene.gutter = parseFloat(root.getPropertyValue("--gutter")) * parseFloat(root.fontSize);
    scene.width = this.stage.clientWidth;
    scene.room = Math.min(Math.max(scene.layout.total, 60), STAGE_MAX);
    scene.tally = tally(scene);
    this.repaint();
    this.scroll(0);
  }

  repaint() {
    this.scene.look = looks(this.stage.firstElementChild.getContext("2d"));
    this.draw();
  }

  draw() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      paintStrip(this.strip.firstElementChild, this.scene);
      paintLanes(this.stage.firstElementChild, this.scene);
      this.frames(this.scene.view, this.ops.span);
      clearTimeout(this.telling);
      this.telling = setTimeout(() => this.tell(), 150);
    });
  }

  tell() {
    const words = summary(this.scene);
    if (this.said.textContent !== words) this.said.textContent = words;
    fillTable(this.table, this.scene, (row) => this.pin(row, true));
    if (this.touched) history.replaceState(null, "", address(this));
    this.section.dataset.ready = "true";
  }

  // Moving about.
  edges() {
    const { left } = this.strip.getBoundingClientRect();
    return [left + this.scene.gutter, left + this.scene.width - RIGHT];
  }

  seek() { this.search.focus(); }
  whole() { this.show(0, this.ops.span, true); }

  show(from, to, gently = false) {
    const across = Math.min(Math.max(to - from, this.ops.least), this.ops.span);
    const start = Math.min(Math.max((from + to - across) / 2, 0), this.ops.span - across);
    const [before, after] = [this.scene.view, [start, start + across]];
    const still = !gently || matchMedia("(prefers-reduced-motion: reduce)").matches;
    const began = performance.now();
    const move = () => {
      const left = still ? 0 : Math.max(1 - (performance.now() - began) / 220, 0) ** 3;
      this.scene.view = after.map((time, edge) => time + (before[edge] - time) * left);
      if (left) this.moving = requestAnimationFrame(move);
      this.draw();
    };
    this.touched = true;
    cancelAnimationFrame(this.moving);
    move();
  }

  // A stretch of the run, in parts of its whole; without a beginning, as long as now, round `to`.
  brush(from, to) {
    const { view, ops: { span } } = this.scene;
    const half = (view[1] - view[0]) / 2;
    if (from === null) this.show(to * span - half, to * span + half); else this.show(from * span, to * span);
  }

  zoom(factor, about = 0.5) {
    const [from, to] = this.scene.view;
    const across = Math.max((to - from) * factor, this.ops.least);
    const centre = from + (to - from) * about;
    this.show(centre - across * about, centre + across * (1 - about));
  }

  pan(part) {
    const [from, to] = this.scene.view;
    this.slide(from + (to - from) * part, to - from);
  }

  slide(from, across) {
    const start = Math.min(Math.max(from, 0), this.ops.span - across);
    this.show(start, start + across);
  }

  scroll(by) {
    const { scene } = this;
    scene.scroll = Math.max(Math.min(scene.scroll + by, scene.layout.total - scene.room), 0);
    this.draw();
  }

  lanesBy(by) {
    Object.assign(this.scene, { by, scroll: 0 });
    this.touched = true;
    for (const one of this.section.querySelectorAll("[data-by]")) one.ariaPressed = String(one.dataset.by === by);
    this.lay();
  }

  filter(text) {
    this.search.value = text;
    Object.assign(this.scene, { passed: filtered(this.ops, text), hovered: -1 });
    this.touched = true;
    this.lay();
  }

  // Choosing.
  pin(row, gently = false) {
    const { scene, ops } = this;
    if (!shown(scene, row)) this.filter("");
    scene.pinned = row;
    this.choose(chosenOperation(ops, row));
    const [start, took, across] = [ops.start[row], ops.until(row) - ops.start[row], scene.view[1] - scene.view[0]];
    const half = took < across / 400 ? Math.max(took, ops.least) * 60 : across / 2;
    if (half < across / 2 || start < scene.view[0] || start > scene.view[1]) this.show(start - half, start + half, gently);
    this.reach(row);
  }

  // Brings its lane into view.
  reach(row) {
    const { scroll, room, layout } = this.scene;
    const top = layout.tops[layout.lane[row]];
    this.scroll(top < scroll || top + 30 > scroll + room ? top - room / 2 - scroll : 0);
  }

  // Along the violations in the order of time, round and round.
  step(by) {
    const { order } = this.ops;
    const at = order.indexOf(this.scene.violation);
    this.violation(at < 0 && by < 0 ? order.length - 1 : (at + by + order.length) % order.length);
  }

  violation(place) {
    const { ops, scene } = this;
    const number = ops.order[place];
    if (number === undefined) return;
    const { rows } = ops.violations[number];
    if (!rows.every((row) => shown(scene, row))) this.filter("");
    Object.assign(scene, { violation: number, pinned: -1 });
    const [from, to] = [ops.start[rows[0]], Math.max(...rows.map((row) => ops.until(row)))];
    const margin = Math.max(to - from, ops.least) * 0.35;
    this.choose(chosenViolation(ops, place, (row) => this.pin(row, true)));
    this.show(from - margin, to + margin, true);
    this.reach(rows[0]);
  }

  // Along the operations that pass the filter, from the chosen one or the first in view.
  next(by) {
    const { pinned, view } = this.scene;
    let row = pinned >= 0 ? pinned + by : this.ops.at(view[0]);
    while (row in this.ops.start && !shown(this.scene, row)) row += by;
    if (row in this.ops.start) this.pin(row);
  }

  choose(children) {
    this.chosen.replaceChildren(button("close", "Close", () => this.close()), ...children);
    this.chosen.hidden = false;
    this.touched = true;
  }

  close() {
    Object.assign(this.scene, { pinned: -1, violation: -1 });
    if (this.chosen.contains(document.activeElement)) this.stage.focus({ preventScroll: true });
    this.chosen.hidden = true;
    this.draw();
  }

  escape() {
    if (!this.chosen.hidden) this.close(); else if (this.search.value) this.filter(""); else this.whole();
    if (document.activeElement === this.search) this.stage.focus({ preventScroll: true });
  }
}

(async () => {
  const [section, element] = ["timeline", "operations-block"].map((id) => document.getElementById(id));
  if (!globalThis.DecompressionStream) return;
  const ops = await readOperations(element);
  if (!ops.count) return;
  const timeline = new Timeline(section, ops);
  linkViolations(ops);
  addEventListener("hashchange", () => follow(timeline));
  follow(timeline);
})();
