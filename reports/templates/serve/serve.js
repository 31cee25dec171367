
// What the pages of a server have beside: forms that send themselves, and pages that follow what goes on.
(() => {
  const page = () => document.getElementById("page");

  // A choice in a filter is asked for at once; without script there is the button.
  for (const form of document.querySelectorAll("form.filters")) {
    form.addEventListener("change", (event) => { if (event.target.tagName === "SELECT") form.requestSubmit(); });
  }

  // The slash goes to the search, as in most lists.
  addEventListener("keydown", (event) => {
    const search = document.querySelector("input[type=search][name=q]");
    if (event.key !== "/" || !search || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, select, textarea")) return;
    event.preventDefault();
    search.focus();
    search.select();
  });

  // A page that goes on asks for itself and takes the new text over. What the reader does meanwhile comes first:
  // a hidden page asks nothing, and nothing moves under a field in use, a selection, or something unfolded.
  const busy = () => page().contains(document.activeElement) && document.activeElement.matches("input, select, button")
    || !getSelection().isCollapsed || page().querySelector("details[open], :checked:is([type=checkbox])");
  const follow = async () => {
    const seconds = Number(page().dataset.refresh);
    if (!seconds) return;
    await new Promise((wake) => { setTimeout(wake, seconds * 1000); });
    if (!document.hidden && !busy()) {
      try {
        const answer = await fetch(location.href, { headers: { accept: "text/html" } });
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
        const there = fresh.getElementById("page");
        if (there) {
          page().replaceWith(document.adoptNode(there));
          document.title = fresh.title;
        }
      } catch { /* the server is gone or busy: ask again */ }
    }
    follow();
  };
  follow();
})();
