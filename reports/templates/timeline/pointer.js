// The pointer on the lanes: drag to move, point for a tip, click to choose, wheel to zoom.
function listenToPointer(timeline) {
  const { stage, scene, ops } = timeline;
  const tip = stage.lastElementChild;
  const point = (found, x, y) => {
    const { row = -1, violation } = found;
    stage.classList.toggle("over", row >= 0 || violation !== undefined);
    tip.hidden = row < 0;
    if (row !== scene.hovered) {
      scene.hovered = row;
      if (row >= 0) tip.replaceChildren(...tipOf(ops, row));
      timeline.draw();
    }
    tip.style.left = `${Math.max(Math.min(x + 14, scene.width - tip.offsetWidth - 4), 0)}px`;
    tip.style.top = `${y + 18}px`;
  };
  let held = null;
  stage.onpointerdown = (event) => {
    if (event.button) return;
    held = { at: [event.offsetX, event.offsetY], view: scene.view, scroll: scene.scroll, moved: false };
    stage.setPointerCapture(event.pointerId);
  };
  stage.onpointermove = (event) => {
    const { offsetX: x, offsetY: y } = event;
    if (!held) { point(under(scene, x, y), x, y); return; }
    const [dx, dy] = [x - held.at[0], y - held.at[1]];
    held.moved ||= Math.hypot(dx, dy) > 4;
    if (!held.moved) return;
    point({});
    const [left, right] = timeline.edges();
    const across = held.view[1] - held.view[0];
    timeline.scroll(held.scroll - dy - scene.scroll);
    timeline.slide(held.view[0] - dx / (right - left) * across, across);
  };
  stage.onpointerup = (event) => {
    if (held && !held.moved) {
      const { row, violation } = under(scene, event.offsetX, event.offsetY);
      if (violation !== undefined) timeline.violation(ops.order.indexOf(violation)); else if (row >= 0) timeline.pin(row);
    }
    held = null;
  };
  stage.onpointercancel = () => { held = null; };
  stage.onpointerleave = () => point({});
  // A wheel alone scrolls the page, until the lanes have the focus.
  stage.addEventListener("wheel", (event) => {
    const aside = Math.abs(event.deltaX) > Math.abs(event.deltaY) ? event.deltaX : event.shiftKey ? event.deltaY : 0;
    if (!aside && !event.ctrlKey && !event.metaKey && document.activeElement !== stage) return;
    event.preventDefault();
    if (aside) timeline.pan(aside / scene.width); else timeline.zoom(Math.exp(event.deltaY / 300), partOf(event, timeline.edges()));
  }, { passive: false });
}
