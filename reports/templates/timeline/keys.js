// What keys do, and the buttons that name them. Letters work wherever no field has the focus, unless they are switched
// off; arrows where the lanes have it.
const ACTIONS = {
  1: ["violation", 0], n: ["step", 1], p: ["step", -1], j: ["next", 1], k: ["next", -1],
  "+": ["zoom", 0.5], "=": ["zoom", 0.5], "-": ["zoom", 2], 0: ["whole"], "/": ["seek"],
};
const ARROWS = { ArrowLeft: ["pan", -0.2], ArrowRight: ["pan", 0.2], ArrowUp: ["scroll", -50], ArrowDown: ["scroll", 50] };

function listenToKeys(timeline) {
  const { section, stage, search } = timeline;
  const letters = section.querySelector("[type=checkbox]");
  const act = ([name, ...given]) => {
    timeline[name](...given);
    if (["violation", "step", "next"].includes(name)) stage.scrollIntoView({ block: "nearest" });
  };
  for (const one of section.querySelectorAll("[data-key]")) one.onclick = () => act(ACTIONS[one.dataset.key]);
  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = target.matches("input:not([type=checkbox]), textarea, select");
    const onStage = target === stage;
    const asked = key === "Escape" && (!typing || target === search) ? ["escape"]
      : !typing && (letters.checked || onStage) && ACTIONS[key] || onStage && ARROWS[key];
    if (!asked) return;
    event.preventDefault();
    act(asked);
  });
}
