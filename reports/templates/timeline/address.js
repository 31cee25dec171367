// The address says what is chosen, the stretch in view, lanes and filter: a link shows what was seen.
function address({ ops, scene, search }) {
  const parts = [];
  if (scene.pinned >= 0) parts.push(`op=${ops.event[scene.pinned]}`);
  else if (scene.violation >= 0) parts.push(`violation=${scene.violation + 1}`);
  if (scene.view[0] > 0 || scene.view[1] < ops.span) parts.push(`t=${scene.view.map((time) => +(time / 1e9).toFixed(6)).join("-")}`);
  if (scene.by === "key") parts.push("by=key");
  if (search.value) parts.push(`filter=${encodeURIComponent(search.value)}`);
  return parts.length ? `#${parts.join("&")}` : location.pathname + location.search;
}

function follow(timeline) {
  const { ops, section } = timeline;
  const asked = new URLSearchParams(location.hash.slice(1));
  const number = (name) => Number(asked.get(name) ?? NaN);
  if (!["op", "t", "by", "filter", "violation"].some((name) => asked.has(name))) return;
  if (asked.get("by") === "key") timeline.lanesBy("key");
  if (asked.has("filter")) timeline.filter(asked.get("filter"));
  timeline.violation(ops.order.indexOf(number("violation") - 1));
  const row = ops.ofEvent(number("op"));
  if (row >= 0) timeline.pin(row);
  const [from, to] = (asked.get("t") ?? "").split("-").map((text) => text * 1e9);
  if (to > from) timeline.show(from, to);
  section.scrollIntoView();
}

// From where a violation is told to where it is drawn among all that went on at the time.
function linkViolations(ops) {
  ops.violations.forEach((one, number) => {
    const told = one.anchor && document.getElementById(one.anchor);
    if (told) told.querySelector("header").append(make("a", { href: `#violation=${number + 1}`, className: "in-timeline", textContent: "See it in the timeline" }));
  });
}
