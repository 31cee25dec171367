// What a reader types to see fewer operations: words that all have to hold; commas within a word are "or".
const FIELDS = ["f", "key", "node", "type", "process"];

// A byte per row, 1 where the operation passes; null when everything does.
function filtered(ops, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return null;
  const passed = new Uint8Array(ops.count).fill(1);
  for (const word of words) {
    const test = fields(ops, word);
    for (let row = 0; row < ops.count; row += 1) {
      if (passed[row] && !(test.kind[ops.kind[row]] || test.key[ops.key[row]] || test.worker[ops.worker[row]])) passed[row] = 0;
    }
  }
  return passed;
}

// Which codes of each column a word is true of. Names may be cut short at their end, numbers of processes may not.
function fields(ops, word) {
  const colon = word.indexOf(":");
  const field = FIELDS.find((name) => colon > 0 && name.startsWith(word.slice(0, colon)));
  const sought = (field ? word.slice(colon + 1) : word).split(",").filter(Boolean);
  const named = (name, text) => (!field || field === name) && sought.some((one) => text.toLowerCase().startsWith(one));
  const exact = (name, text) => (!field || field === name) && sought.includes(text);
  const types = ops.outcomes.map((name) => named("type", name) || named("type", OUTCOMES[name]));
  const nodes = ops.nodes.map((name) => named("node", name));
  return {
    kind: Uint8Array.from(ops.fs.flatMap((f) => types.map((type) => named("f", f) || type))),
    key: Uint8Array.from([false, ...ops.keys.map((key) => exact("key", key.toLowerCase()))]),
    worker: Uint8Array.from(ops.workers, ([process, node]) => exact("process", String(process)) || Boolean(nodes[node - 1])),
  };
}
