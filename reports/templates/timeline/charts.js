// The charts above choose a stretch of time, too: their axis is that of the whole run, from edge to edge.
const partOf = (event, [left, right]) => Math.min(Math.max((event.clientX - left) / (right - left), 0), 1);

function brushed(area, edges, chosen) {
  const at = (event) => partOf(event, edges());
  let from = null;
  let moved = false;
  area.onpointerdown = (event) => {
    if (event.button || event.target.closest("a")) return;
    from = at(event);
    moved = false;
    area.setPointerCapture(event.pointerId);
  };
  area.onpointermove = (event) => {
    if (from === null) return;
    const to = at(event);
    moved ||= Math.abs(to - from) * area.clientWidth > 4;
    if (moved) chosen(Math.min(from, to), Math.max(from, to));
  };
  area.onpointerup = (event) => {
    if (from !== null && !moved) chosen(null, at(event));
    from = null;
  };
  area.onpointercancel = () => { from = null; };
}

function brushCharts(charts, chosen) {
  const frames = charts.map((chart) => {
    const area = chart.parentElement;
    area.classList.add("brushable");
    const frame = area.appendChild(make("div", { className: "range", hidden: true }));
    brushed(area, () => { const { left, right } = chart.getBoundingClientRect(); return [left, right]; }, chosen);
    return [chart, frame];
  });
  return ([from, to], span) => {
    for (const [chart, frame] of frames) {
      frame.hidden = from <= 0 && to >= span;
      const [inner, outer] = [chart.getBoundingClientRect(), chart.parentElement.getBoundingClientRect()];
      frame.style.left = `${inner.left - outer.left + from / span * inner.width}px`;
      frame.style.width = `${Math.max((to - from) / span * inner.width, 2)}px`;
    }
  };
}
