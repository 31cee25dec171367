// Lanes: which operation is drawn where, top to bottom. `lane` and `deep` are per row; the others per lane.
const DEEP_MAX = 3;
const natural = new Intl.Collator("en", { numeric: true }).compare;

function lanes(ops, by, passed) {
  const made = by === "key" ? lanesByKey(ops, passed) : lanesByProcess(ops, passed);
  const height = by === "key" ? 13 : 20;
  made.tops = [0];
  for (const deep of made.depth) made.tops.push(made.tops.at(-1) + deep * height + 5);
  return { ...made, height, total: made.tops.at(-1) };
}

// A process that got no answer never asks again: whoever takes over its work has the next number. Those who follow
// each other on a node share a lane, so that a run has as many lanes as it had workers.
function lanesByProcess(ops, passed) {
  const first = new Float64Array(ops.workers.length).fill(Infinity);
  const last = new Float64Array(ops.workers.length).fill(-Infinity);
  for (let row = 0; row < ops.count; row += 1) {
    const worker = ops.worker[row];
    first[worker] = Math.min(first[worker], ops.start[row]);
    last[worker] = Math.max(last[worker], ops.until(row));
  }
  const nodes = ["", ...ops.nodes];
  const order = [...ops.workers.keys()].sort((a, b) => natural(nodes[ops.workers[a][1]], nodes[ops.workers[b][1]]) || first[a] - first[b]);
  const laneOf = new Int32Array(ops.workers.length);
  const found = [];
  let [from, node] = [0, -1];
  for (const worker of order) {
    const [process, mine] = ops.workers[worker];
    if (mine !== node) [from, node] = [found.length, mine];
    let lane = from;
    while (lane < found.length && found[lane].free > first[worker]) lane += 1;
    if (lane === found.length) found.push({ processes: [], node: nodes[mine] });
    found[lane].free = last[worker];
    found[lane].processes.push(process);
    laneOf[worker] = lane;
  }
  const lane = Int32Array.from(ops.worker, (worker) => laneOf[worker]);
  const names = found.map((one) => `${one.node} · ${one.processes[0]}${one.processes.length > 1 ? "…" : ""}`);
  return squeezed(lane, new Uint8Array(ops.count), names, names.map(() => 1), passed);
}

// Operations on one key overlap: they are stacked as deep as it takes, up to a limit.
function lanesByKey(ops, passed) {
  const free = Array.from({ length: ops.keys.length + 1 }, () => []);
  const deep = new Uint8Array(ops.count);
  for (let row = 0; row < ops.count; row += 1) {
    if (passed && !passed[row]) continue;
    const mine = free[ops.key[row]];
    let place = 0;
    while (place < mine.length && place < DEEP_MAX - 1 && mine[place] > ops.start[row]) place += 1;
    mine[place] = ops.until(row);
    deep[row] = place;
  }
  return squeezed(Int32Array.from(ops.key), deep, ["no key", ...ops.keys], free.map((one) => Math.max(one.length, 1)), passed, true);
}

// Only the lanes in which there is anything.
function squeezed(lane, deep, names, depth, passed, sorted) {
  const used = new Uint8Array(names.length);
  for (let row = 0; row < lane.length; row += 1) if (!passed || passed[row]) used[lane[row]] = 1;
  const kept = [...names.keys()].filter((place) => used[place]);
  if (sorted) kept.sort((a, b) => natural(names[a], names[b]));
  const places = new Int32Array(names.length).fill(-1);
  kept.forEach((place, now) => { places[place] = now; });
  return { lane: lane.map((place) => places[place]), deep, names: kept.map((place) => names[place]), depth: kept.map((place) => depth[place]) };
}
