// The two canvases: the strip of the whole run, and the lanes of the stretch in view. A scene is what they show.
const RIGHT = 7;
const TOP = 20;
const AXIS = 24;
const SEVERITY = { ok: 1, refused: 2, fail: 3, info: 4, open: 5 };
const SHAPES = { ok: [0, 1], refused: [0.2, 0.6], fail: [0.5, 0.5], info: [-0.1, 1.2], open: [-0.1, 1.2] };

const scale = (scene, [from, to]) => {
  const across = scene.width - scene.gutter - RIGHT;
  return (time) => scene.gutter + (time - from) / (to - from) * across;
};

const cut = (text, letters) => text.length > letters ? `${text.slice(0, letters - 1)}…` : text;

// Nothing is drawn beside the axis until the ink is restored.
function within(ink, scene, y, height) {
  ink.save();
  ink.beginPath();
  ink.rect(scene.gutter, y, scene.width - scene.gutter - RIGHT, height);
  ink.clip();
}

function bands(ink, scene, x, height) {
  const { ops, look } = scene;
  within(ink, scene, 0, height);
  ink.globalAlpha = 0.1;
  for (const fault of ops.faults) {
    ink.fillStyle = look[fault.colour];
    ink.fillRect(x(fault.from), 0, Math.max(x(fault.to) - x(fault.from), 2), height);
  }
  ink.globalAlpha = 0.5;
  ink.fillStyle = look.line;
  for (const [from, to] of ops.gaps) ink.fillRect(x(from), 0, x(to) - x(from), height);
  ink.restore();
}

const shown = (scene, row) => !scene.passed || scene.passed[row] === 1;

// How many operations were called in each of the strip's columns, by outcome.
function tally(scene) {
  const { ops } = scene;
  const across = Math.max(Math.floor((scene.width - scene.gutter - RIGHT) / 2), 1);
  const counts = ops.outcomes.map(() => new Uint32Array(across));
  for (let row = 0; row < ops.count; row += 1) {
    if (shown(scene, row)) counts[ops.outcome[row]][Math.min(Math.floor(ops.start[row] / ops.span * across), across - 1)] += 1;
  }
  const sums = Array.from({ length: across }, (_, at) => counts.reduce((sum, one) => sum + one[at], 0));
  const usual = sums.filter(Boolean).sort((a, b) => a - b);
  return { counts, top: usual[Math.floor(usual.length * 0.97)] ?? 1 };
}

function paintStrip(canvas, scene) {
  const height = 44;
  const { ops, look, view } = scene;
  const ink = sized(canvas, scene.width, height);
  const x = scale(scene, [0, ops.span]);
  bands(ink, scene, x, height);
  const { counts, top } = scene.tally;
  for (let at = 0; at < counts[0].length; at += 1) {
    let y = height;
    counts.forEach((count, place) => {
      const tall = Math.min(count[at] / top * (height - 9), y);
      ink.fillStyle = look.tone(ops.outcomes[place]);
      ink.fillRect(scene.gutter + 2 * at, y - tall, 2, tall);
      y -= tall;
    });
  }
  ink.fillStyle = look.fail;
  for (const number of ops.order) ink.fillRect(x(ops.moment(number)) - 1, 0, 2, 7);
  const [left, right] = view.map(x);
  ink.fillStyle = look.card;
  ink.globalAlpha = 0.65;
  ink.fillRect(scene.gutter, 0, left - scene.gutter, height);
  ink.fillRect(right, 0, scene.width - RIGHT - right, height);
  ink.globalAlpha = 1;
  ink.strokeStyle = look.accent;
  ink.lineWidth = 1.5;
  ink.strokeRect(left, 0.75, Math.max(right - left, 2), height - 1.5);
  ink.fillStyle = look.quiet;
  ink.font = `11.5px ${look.sans}`;
  ink.textAlign = "right";
  ink.fillText("whole run", scene.gutter - 8, height / 2 + 4);
}

// Where an operation is: its box on the stage.
function box(scene, row, x) {
  const { ops, layout } = scene;
  const [up, tall] = SHAPES[ops.outcomeOf(row)];
  const y = TOP + layout.tops[layout.lane[row]] + 3 + layout.deep[row] * layout.height - scene.scroll;
  const left = x(ops.start[row]);
  const height = layout.height - 3;
  return { left, width: x(ops.end[row]) - left, y: y + up * height, height: tall * height, slot: Math.round(y) };
}

function paintLanes(canvas, scene) {
  const { ops, view, layout } = scene;
  const floor = TOP + scene.room;
  const ink = sized(canvas, scene.width, floor + AXIS);
  const x = scale(scene, view);
  bands(ink, scene, x, floor);
  grid(ink, scene, x, floor);
  within(ink, scene, TOP - 4, floor - TOP + 4);
  const raster = { across: Math.ceil(scene.width), slots: new Map() };
  scene.seen = 0;
  for (let row = 0, stop = ops.at(view[1]); row < stop; row += 1) {
    if (ops.end[row] < view[0] || !shown(scene, row)) continue;
    scene.visible[scene.seen] = row;
    scene.seen += 1;
    const lane = layout.lane[row];
    if (layout.tops[lane + 1] < scene.scroll || layout.tops[lane] > scene.scroll + floor) continue;
    const one = box(scene, row, x);
    if (one.width < 1.6) dot(raster, one, SEVERITY[ops.outcomeOf(row)]); else block(ink, scene, row, one);
  }
  dots(ink, scene, raster);
  marks(ink, scene, x);
  ink.restore();
  flags(ink, scene, x);
  labels(ink, scene, floor);
}

// What is no wider than a pixel or so goes to a raster, in which the worst outcome wins.
function dot(raster, { slot, left }, severity) {
  let line = raster.slots.get(slot);
  if (!line) raster.slots.set(slot, line = new Uint8Array(raster.across));
  const at = Math.floor(left);
  if (at >= 0 && line[at] < severity) line[at] = severity;
}

function dots(ink, scene, raster) {
  const outcomes = Object.keys(SEVERITY);
  for (const [slot, line] of raster.slots) {
    for (let at = 0; at < line.length; at += 1) {
      if (!line[at]) continue;
      const outcome = outcomes[line[at] - 1];
      let width = 1;
      while (line[at + width] === line[at]) width += 1;
      const [up, tall] = SHAPES[outcome].map((part) => part * (scene.layout.height - 3));
      ink.fillStyle = scene.look.tone(outcome);
      ink.fillRect(at, slot + up, Math.max(width, 1.5), tall);
      at += width - 1;
    }
  }
}

function block(ink, scene, row, { left, width, y, height }) {
  const { ops, look } = scene;
  const outcome = ops.outcomeOf(row);
  const from = Math.max(left, scene.gutter - 4);
  const across = Math.min(left + width, scene.width) - from;
  ink.fillStyle = look.tone(outcome);
  if (width < 7) { ink.fillRect(left, y, Math.max(width - 0.7, 1.2), height); return; }
  if (outcome === "open") {
    ink.fillRect(from, y + height / 2 - 1, across, 1.5);
    return;
  }
  ink.fillStyle = look.fills[outcome];
  ink.fillRect(from, y, across - 1, height);
  ink.fillStyle = look.tone(outcome);
  if (left >= from) ink.fillRect(left, y, 2.5, height);
  if (outcome !== "info") ink.fillRect(left + width - 2, y, 1, height);
  const letters = Math.floor((across - 11) / 6.65);
  if (letters < 3 || scene.layout.height < 12) return;
  ink.font = `11px ${look.mono}`;
  ink.textAlign = "left";
  const told = cut(ops.words(row), letters);
  ink.lineWidth = 3;
  ink.strokeStyle = look.card;
  if (outcome !== "ok") ink.strokeText(told, from + 6, y + height / 2 + 4);
  ink.fillStyle = look.text;
  ink.fillText(told, from + 6, y + height / 2 + 4);
}

function grid(ink, scene, x, floor) {
  const { look, view, layout } = scene;
  ink.font = `11.5px ${look.sans}`;
  const about = Math.max(Math.floor((scene.width - scene.gutter) / 130), 2);
  const times = timeMarks(view[0], view[1], about);
  times.forEach(([time, text], place) => {
    const at = Math.round(x(time));
    ink.fillStyle = look.quiet;
    ink.globalAlpha = 0.2;
    ink.fillRect(at, TOP - 4, 1, floor - TOP + 8);
    ink.globalAlpha = 1;
    ink.textAlign = at < scene.gutter + 12 ? "left" : at > scene.width - 40 ? "right" : "center";
    ink.fillText(place === times.length - 1 ? `${text} s` : text, at, floor + 17);
  });
  ink.globalAlpha = 0.2;
  for (const top of [...layout.tops, scene.room + scene.scroll]) {
    const y = Math.round(TOP + top - scene.scroll);
    if (y >= TOP && y <= floor) ink.fillRect(scene.gutter, y, scene.width - RIGHT - scene.gutter, 1);
  }
  ink.globalAlpha = 1;
}

function labels(ink, scene, floor) {
  const { look, layout } = scene;
  ink.font = `11.5px ${look.sans}`;
  ink.textAlign = "right";
  ink.fillStyle = look.text;
  layout.names.forEach((name, lane) => {
    const y = TOP + (layout.tops[lane] + layout.tops[lane + 1]) / 2 + 4 - scene.scroll;
    if (y > TOP + 6 && y < floor + 4) ink.fillText(cut(name, 12), scene.gutter - 8, y);
  });
}

function outline(ink, one, colour, thick, room) {
  const wide = Math.max(one.width, 3);
  ink.strokeStyle = colour;
  ink.lineWidth = thick;
  ink.strokeRect(one.left - room, one.y - room, wide + 2 * room - 1, one.height + 2 * room);
}

function marks(ink, scene, x) {
  const { ops, look } = scene;
  const at = (row) => row >= 0 && shown(scene, row);
  const current = ops.violations[scene.violation]?.rows ?? [];
  for (const row of ops.proofs.keys()) if (at(row)) outline(ink, box(scene, row, x), look.fail, current.includes(row) ? 2.5 : 1, 1);
  if (at(scene.hovered)) outline(ink, box(scene, scene.hovered, x), look.text, 1.5, 1);
  if (at(scene.pinned)) outline(ink, box(scene, scene.pinned, x), look.accent, 2.5, 2.5);
}

// A flag for each violation, where the last of its operations was called.
function flags(ink, scene, x) {
  const { ops, look } = scene;
  for (const number of ops.order) {
    const at = x(ops.moment(number));
    if (at < scene.gutter - 1 || at > scene.width - RIGHT + 1) continue;
    const flag = new Path2D(`M${at - 5.5},3h11l-5.5,10z`);
    ink.lineWidth = 1.5;
    ink.strokeStyle = look.fail;
    ink.fillStyle = number === scene.violation ? look.fail : look.card;
    ink.fill(flag);
    ink.stroke(flag);
  }
}

// What is under a point of the stage: a row, or a violation by its flag.
function under(scene, left, top) {
  const x = scale(scene, scene.view);
  const { ops, layout } = scene;
  if (top < TOP - 3) {
    return { violation: ops.order.find((number) => Math.abs(x(ops.moment(number)) - left) < 7) };
  }
  let [best, nearest] = [-1, 5];
  for (let place = 0; place < scene.seen; place += 1) {
    const row = scene.visible[place];
    const y = TOP + layout.tops[layout.lane[row]] + 3 + layout.deep[row] * layout.height - scene.scroll;
    if (top < y - 1 || top > y + layout.height - 1) continue;
    const from = x(ops.start[row]);
    const until = x(ops.until(row));
    const far = left < from ? from - left : left > until ? left - until : 0;
    if (far < nearest || far === 0 && nearest === 0) [best, nearest] = [row, far];
  }
  return { row: best };
}
