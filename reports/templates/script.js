// Conveniences only: the page says everything without this file.
(() => {
  const root = document.documentElement;
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  // Theme: the system's, light, dark. The choice is kept where the browser lets a local file keep anything.
  const themes = ["system", "light", "dark"];
  const remember = (name) => { try { localStorage.setItem("splitbrain-theme", name); } catch { /* a file may not store */ } };
  const recall = () => { try { return localStorage.getItem("splitbrain-theme"); } catch { return null; } };
  const toggle = document.querySelector("button.theme");
  const apply = (name) => {
    if (name === "system") root.removeAttribute("data-theme"); else root.dataset.theme = name;
    toggle.querySelector("span").textContent = name;
    toggle.setAttribute("aria-label", `Theme: ${name}. Change it`);
  };
  let theme = themes.includes(recall()) ? recall() : "system";
  apply(theme);
  toggle.hidden = false;
  toggle.addEventListener("click", () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length];
    apply(theme);
    remember(theme);
  });

  // Copy the command that repeats the run.
  for (const button of all("button.copy")) {
    const code = button.parentElement.querySelector("code");
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(code);
        button.textContent = "Selected: press Ctrl+C";
      }
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
  }

  // Tables sort by a click on a column's head; numbers by the value behind the text.
  const worth = (row, column, number) => {
    const cell = row.cells[column];
    return number ? Number(cell.dataset.value ?? cell.textContent.replace(/[^0-9.eE+-]/g, "")) : cell.textContent.trim();
  };
  for (const table of all("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const number = head.dataset.kind === "number";
        const order = (a, b) => {
          const [x, y] = [worth(a, column, number), worth(b, column, number)];
          return number ? x - y : x.localeCompare(y, undefined, { numeric: true });
        };
        const body = table.tBodies[0];
        body.append(...[...body.rows].sort((a, b) => (down ? order(b, a) : order(a, b))));
      });
    });
  }

  // Longer tables get a filter.
  for (const table of all("table.filterable")) {
    const rows = [...table.tBodies[0].rows];
    if (rows.length < 8) continue;
    const input = Object.assign(document.createElement("input"), { type: "search", className: "filter", placeholder: "Filter rows" });
    input.setAttribute("aria-label", "Filter the rows of this table");
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
      }
    });
    table.closest(".scroll").before(input);
  }

  // A link into something folded unfolds it.
  const reveal = () => {
    const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    for (let one = target || null; one; one = one.parentElement) if (one.tagName === "DETAILS") one.open = true;
  };
  addEventListener("hashchange", reveal);
  reveal();

  // Paper shows what is folded away, in any browser.
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = all("details:not([open])");
    folded.forEach((one) => { one.open = true; });
  });
  addEventListener("afterprint", () => folded.forEach((one) => { one.open = false; }));
})();
