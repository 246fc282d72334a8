// Toasts. Gradio heaps them up in one box, where the first one's time ends them all: it is hidden, and what it says is said
// here. A toast goes when its time is over, when the same is said again, and when its cause has ended. Part of the page's
// script, after said.js.

const MOST_TOASTS = 3, SECONDS = { info: 5, success: 5, warning: 12, error: 20 }, LONG = { [`${word("A question")}.`]: 20 };

// What ends the cause of a toast, by its heading; of all others, another photo, another mask and another run.
// What tells of a case stays its time: its photos come onto the desk just then.
const UNTIL = {
  [`${word("Case opened")}.`]: [],
  [`${word("A large case")}.`]: [],
  [`${word("No face found")}.`]: ["photo"],
  [`${word("Run cancelled")}.`]: ["run"],
  [`${word("Files not made")}.`]: ["run"],
  [`${word("ZIP not made")}.`]: ["run"],
};
const ANYTHING = ["photo", "mask", "run"];
const toasts = document.createElement("div"), copied = new WeakSet();
toasts.className = "toasts";
toasts.setAttribute("role", "region");
toasts.setAttribute("aria-label", word("Messages"));
ready(() => document.body.append(toasts));

function toast(message) {
  const kind = Object.keys(SECONDS).find((each) => message.classList.contains(each)) ?? "info";
  const words = message.textContent.trim(), heading = message.querySelector("b")?.textContent;
  [...toasts.children].filter((each) => each.dataset.words === words).forEach((each) => each.remove());
  const made = document.createElement("div"), text = document.createElement("p"), close = document.createElement("button");
  made.className = "toast";
  Object.assign(made.dataset, { kind, words, until: (UNTIL[heading] ?? ANYTHING).join(" ") });
  made.setAttribute("role", kind === "warning" || kind === "error" ? "alert" : "status");
  text.append(...[...message.querySelector('[data-testid="toast-text"]').cloneNode(true).childNodes]);
  close.type = "button";
  close.textContent = "×";
  close.setAttribute("aria-label", word("Close the message"));
  close.addEventListener("click", () => made.remove());
  made.append(text, close);
  toasts.append(made);
  while (toasts.children.length > MOST_TOASTS) toasts.firstElementChild.remove();
  let left = 0;
  const run = () => (left = setTimeout(() => made.remove(), 1000 * (LONG[heading] ?? SECONDS[kind])));
  for (const kept of ["pointerenter", "focusin"]) made.addEventListener(kept, () => clearTimeout(left));
  for (const gone of ["pointerleave", "focusout"]) made.addEventListener(gone, run);
  run();
  if (heading === `${word("Not run")}.`) document.dispatchEvent(new Event("philtrum-not-run"));
}

// Something was done that ends the cause of some toasts.
window.philtrumDid = (what) =>
  [...toasts.children].filter((each) => each.dataset.until.split(" ").includes(what)).forEach((each) => each.remove());

ready(() =>
  new MutationObserver(() =>
    document.querySelectorAll(".toast-wrap .toast-message-item").forEach((message) => {
      if (copied.has(message)) return;
      copied.add(message);
      toast(message);
    })).observe(document.body, { childList: true, subtree: true }));
