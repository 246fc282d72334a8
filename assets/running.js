// On small screens the result lies below what is given: a run shows it, with its progress, and goes back where it could not
// begin. Part of the page's script, after toasts.js.

let before = null; // how far the page was scrolled

document.addEventListener("click", (event) => {
  const run = event.target.closest?.(".go .primary");
  if (!run) return;
  window.philtrumDid("run");
  const row = run.closest(".work"), give = row?.querySelector(":scope > .give"), get = row?.querySelector(":scope > .get");
  before = null;
  if (!get || get.getBoundingClientRect().top < give.getBoundingClientRect().bottom - 1) return; // they lie side by side
  before = window.scrollY;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  get.scrollIntoView({ behavior: still ? "auto" : "smooth", block: "start" });
}, true);

document.addEventListener("philtrum-not-run", () => {
  if (before !== null) window.scrollTo({ top: before });
  before = null;
});
