// The operations, as columns: row i of each is one operation, in the order of their calls. Times are ns.
const OUTCOMES = { ok: "ok", refused: "refused", fail: "failed", info: "unknown", open: "never answered" };

// Reads the block that `reports/packing.py` describes.
async function readOperations(element) {
  const text = atob(element.textContent.trim());
  const packed = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i += 1) packed[i] = text.charCodeAt(i);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  const length = new DataView(bytes.buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  const columns = head.columns.map((name, place) => [name, column(bytes, 4 + length + 4 * place * head.ops, head.ops)]);
  return new Operations(head, Object.fromEntries(columns));
}

function column(bytes, at, count) {
  const numbers = new Uint32Array(count);
  const [b, c, d] = [at + count, at + 2 * count, at + 3 * count];
  for (let i = 0; i < count; i += 1) {
    numbers[i] = bytes[at + i] | bytes[b + i] << 8 | bytes[c + i] << 16 | bytes[d + i] << 24;
  }
  return numbers;
}

function firstNotBelow(sorted, value) {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < value) low = middle + 1; else high = middle;
  }
  return low;
}

class Operations {
  constructor(head, { start, lasted, kind, worker, key, event }) {
    Object.assign(this, head, { count: head.ops, kind, worker, key, event });
    this.start = new Float64Array(this.count);
    this.end = new Float64Array(this.count);
    this.outcome = new Uint8Array(this.count);
    const kinds = head.outcomes.length;
    const open = head.outcomes.indexOf("open");
    let [units, index] = [0, 0];
    for (let i = 0; i < this.count; i += 1) {
      units += start[i];
      index += event[i];
      event[i] = index;
      this.outcome[i] = kind[i] % kinds;
      this.start[i] = units * head.unit;
      this.end[i] = this.outcome[i] === open ? Math.max(head.span, this.start[i]) : (units + lasted[i]) * head.unit;
    }
    this.least = 20 * head.unit;
    this.valued = new Map(head.values.rows.map((row, place) => [row, place]));
    this.proofs = new Map();
    this.violations.forEach((one, number) => {
      for (const row of one.rows) this.proofs.set(row, [...this.proofs.get(row) ?? [], number]);
    });
    // In the order of time, whatever the order in which checkers found them.
    this.order = [...this.violations.keys()].sort((a, b) => this.moment(a) - this.moment(b));
  }

  // The first row that was called at `time` or later.
  at(time) { return firstNotBelow(this.start, time); }

  // The row whose call is this event of the history, else that called last before it; -1 of none.
  ofEvent(event) { return firstNotBelow(this.event, event + 1) - 1; }

  // When the last operation of a violation was called.
  moment(number) { return this.start[this.violations[number].rows.at(-1)]; }

  // When it ended, or was called where it never did.
  until(row) { return this.open(row) ? this.start[row] : this.end[row]; }
  open(row) { return this.outcomeOf(row) === "open"; }

  f(row) { return this.fs[Math.floor(this.kind[row] / this.outcomes.length)]; }
  process(row) { return this.workers[this.worker[row]][0]; }
  node(row) { return this.nodes[this.workers[this.worker[row]][1] - 1] ?? "–"; }
  keyOf(row) { return this.keys[this.key[row] - 1] ?? "–"; }
  outcomeOf(row) { return this.outcomes[this.outcome[row]]; }
  asked(row) { return this.said("asked", row); }
  answered(row) { return this.said("answered", row); }

  // What was said, as JSON: undefined where the page does not have it, empty for nothing.
  said(what, row) {
    const place = this.valued.get(row);
    return place === undefined ? undefined : this.values.texts[this.values[what][place]] ?? "";
  }

  // The operation in a few words, as the block of a lane has them.
  words(row) {
    const [asked, answered, outcome] = [this.asked(row), this.answered(row), this.outcomeOf(row)];
    const call = asked ? `${this.f(row)} ${asked}` : this.f(row);
    if (outcome !== "ok") return `${call}: ${OUTCOMES[outcome]}${answered ? `, ${answered}` : ""}`;
    return asked === answered && asked !== "" ? call : `${call} → ${answered || "nothing"}`;
  }
}

// A time of the run, to what the stretch of time in view makes worth telling.
function seconds(ns, across = 0) {
  const digits = across ? Math.min(Math.max(3 - Math.floor(Math.log10(across / 1e9)), 0), 6) : 6;
  return `${(ns / 1e9).toFixed(digits)} s`;
}

function duration(ns) {
  const [size, unit] = ns < 1e3 ? [1, "ns"] : ns < 1e6 ? [1e3, "µs"] : ns < 1e9 ? [1e6, "ms"] : [1e9, "s"];
  return `${Number((ns / size).toPrecision(3))} ${unit}`;
}

const many = (number, one) => `${number.toLocaleString("en")} ${one}${number === 1 ? "" : "s"}`;
