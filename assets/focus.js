// The focus is kept. What has it may be switched off by its own press, as Run is: then a neighbour gets the focus, and gives
// it back when the other is switched on again. Part of the page's script.

const ROWS = ".go, .editor-bar, .suggest, .files, .stages-keys";
let last = null, owed = null, lender = null;

function lend(control) {
  const near = [...(control.closest(ROWS)?.querySelectorAll("button, input") ?? [])];
  const next = near.find((each) => !each.disabled && each.getClientRects().length);
  if (!next) return;
  [owed, lender] = [control, next];
  next.focus({ preventScroll: true });
}

function keepFocus(changes) {
  for (const { target } of changes) {
    const lost = document.activeElement === document.body || document.activeElement === target;
    if (target.disabled && target === last && lost) lend(target);
    if (target.disabled || target !== owed) continue;
    if (lost || document.activeElement === lender) owed.focus({ preventScroll: true });
    owed = lender = null;
  }
}

// Gradio's tables scroll by themselves, and without this by the pointer alone.
function reachTables() {
  document.querySelectorAll(".virtual-table-viewport:not([tabindex])").forEach((table) => {
    table.tabIndex = 0;
    table.setAttribute("role", "region");
    table.setAttribute("aria-label", word("Table, to be scrolled"));
  });
}

ready(() => new MutationObserver(reachTables).observe(document.body, { childList: true, subtree: true }));
document.addEventListener("focusin", (event) => (last = event.target));
ready(() => new MutationObserver(keepFocus).observe(document.body, { subtree: true, attributeFilter: ["disabled"] }));
