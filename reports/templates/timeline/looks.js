// Colours of the page's theme for the canvas, and the hatchings that tell outcomes apart without them.
const TONES = {
  ok: ["green", ""], refused: ["sky", "M0,2H8M0,6H8"], fail: ["orange", "M-2,2L2,-2M0,8L8,0M6,10L10,6"],
  info: ["purple", "M0,4H8M4,0V8"], open: ["purple", ""],
};

function looks(context) {
  const probe = document.body.appendChild(document.createElement("i"));
  const colour = (name) => { probe.style.color = `var(--${name})`; return getComputedStyle(probe).color; };
  const names = "text quiet line card accent fail green sky orange purple blue vermillion yellow grey".split(" ");
  const found = Object.fromEntries(names.map((name) => [name, colour(name)]));
  for (const name of ["mono", "sans"]) found[name] = getComputedStyle(probe).getPropertyValue(`--${name}`);
  probe.remove();
  found.tone = (outcome) => found[TONES[outcome][0]];
  found.fills = {};
  for (const [outcome, [, marks]] of Object.entries(TONES)) {
    const tile = Object.assign(document.createElement("canvas"), { width: 8, height: 8 });
    const ink = tile.getContext("2d");
    ink.strokeStyle = ink.fillStyle = found.tone(outcome);
    ink.lineWidth = 1.5;
    ink.globalAlpha = marks ? 0.16 : 0.3;
    ink.fillRect(0, 0, 8, 8);
    ink.globalAlpha = 0.45;
    ink.stroke(new Path2D(marks));
    found.fills[outcome] = context.createPattern(tile, "repeat");
  }
  return found;
}

// A canvas as sharp as the screen, `width` by `height` of the page's pixels.
function sized(canvas, width, height) {
  const ratio = devicePixelRatio || 1;
  const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== across || canvas.height !== down) {
    Object.assign(canvas, { width: across, height: down });
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

// Round marks of the time axis, some `about` of them within [from, to], in ns.
function timeMarks(from, to, about) {
  const rough = (to - from) / about;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= rough) * power;
  const marks = [];
  for (let place = Math.ceil(from / step); place * step <= to; place += 1) marks.push(place * step);
  const digits = Math.max(0, Math.ceil(9 - Math.log10(step) - 1e-9));
  return marks.map((mark) => [mark, (mark / 1e9).toFixed(digits)]);
}
