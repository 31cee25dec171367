// What is told in words: the operation chosen, the one pointed at, and those in view as a table.
const ROWS_MAX = 100;

function make(name, fields, ...children) {
  const made = Object.assign(document.createElement(name), fields);
  made.append(...children);
  return made;
}

const button = (className, text, act) => make("button", { type: "button", className, onclick: act }, make("bdi", { textContent: text }));

const facts = (named) => make("dl", { className: "facts" }, ...Object.entries(named).filter(([, value]) => value)
  .map(([name, value]) => make("div", {}, make("dt", { textContent: name }), make("dd", {}, make("bdi", {}, value)))));

const whence = (ops, row) => `process ${ops.process(row)} on ${ops.node(row)}, ${seconds(ops.start[row])}`;
const took = (ops, row) => ops.open(row) ? "–" : duration(ops.end[row] - ops.start[row]);

function tipOf(ops, row) {
  const lines = [ops.words(row), `key ${ops.keyOf(row)}, ${whence(ops, row)}, took ${took(ops, row)}`];
  return lines.map((text, place) => make("p", { textContent: text, className: place ? "quiet" : "call" }));
}

function chosenOperation(ops, row) {
  const proofs = (ops.proofs.get(row) ?? []).map((number) => make("p", { className: "proves" }, "Proves ", toldAt(ops.violations[number])));
  const link = `#op=${ops.event[row]}`;
  return [
    make("h3", {}, make("code", {}, make("bdi", { textContent: ops.words(row) }))),
    ...proofs,
    facts({
      Function: ops.f(row), Key: ops.keyOf(row), Process: String(ops.process(row)), Node: ops.node(row),
      Outcome: OUTCOMES[ops.outcomeOf(row)], Called: seconds(ops.start[row]), Ended: ops.open(row) ? "" : seconds(ops.end[row]),
      Took: took(ops, row), Asked: ops.asked(row), Answered: ops.answered(row),
      Values: ops.asked(row) === undefined ? `not on this page: event ${ops.event[row]} of the history` : "",
      Link: make("a", { href: link, textContent: link }),
    }),
  ];
}

function chosenViolation(ops, place, pin) {
  const one = ops.violations[ops.order[place]];
  const rows = one.rows.slice(0, 40).map((row) => {
    return make("li", {}, button("plain", ops.words(row), () => pin(row)), make("span", { className: "quiet", textContent: ` ${whence(ops, row)}` }));
  });
  return [
    make("h3", {}, `Violation ${place + 1} of ${ops.violations.length}: `, toldAt(one)),
    make("p", { className: "prose" }, make("bdi", { textContent: one.message })),
    make("ol", { className: "proof-list" }, ...rows),
  ];
}

function toldAt(one) {
  const words = make("bdi", { textContent: one.key === null ? one.type : `${one.type} on key ${one.key}` });
  return one.anchor ? make("a", { href: `#${one.anchor}` }, words) : words;
}

function fillTable(table, scene, pin) {
  const { ops } = scene;
  const rows = [...scene.visible.subarray(0, Math.min(scene.seen, ROWS_MAX))];
  table.caption.textContent = rows.length < scene.seen ? `The first ${rows.length} of ${many(scene.seen, "operation")} in view` : `${many(scene.seen, "operation")} in view`;
  table.tBodies[0].replaceChildren(...rows.map((row) => {
    const first = button("plain", ops.event[row], () => pin(row));
    first.ariaLabel = `${ops.event[row]}: show this operation`;
    const told = OUTCOMES[ops.outcomeOf(row)] + (ops.proofs.has(row) ? ", in a violation" : "");
    const texts = [seconds(ops.start[row]), took(ops, row), String(ops.process(row)), ops.node(row), ops.keyOf(row), ops.words(row), told];
    const head = make("th", { scope: "row" }, first);
    const line = make("tr", {}, head, ...texts.map((text) => make("td", {}, make("bdi", { textContent: text }))));
    if (row === scene.pinned) line.ariaCurrent = "true";
    if (ops.proofs.has(row)) line.className = "proves";
    return line;
  }));
}

function summary(scene) {
  const { ops, view } = scene;
  const across = view[1] - view[0];
  const within = ops.faults.filter((fault) => fault.from < view[1] && fault.to > view[0]).map((fault) => fault.name);
  const broken = ops.violations.filter((one) => one.rows.some((row) => ops.start[row] <= view[1] && ops.end[row] >= view[0])).length;
  const faults = within.length > 4 ? `${within.length} faults` : within.join(", ");
  return [
    `${many(scene.seen, "operation")} from ${seconds(view[0], across)} to ${seconds(view[1], across)}`,
    broken ? `${many(broken, "violation")}` : "", faults ? `in force: ${faults}` : "no fault in force",
  ].filter(Boolean).join("; ") + ".";
}
