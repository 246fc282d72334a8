// The bar with the case. Body of a function of (element, trigger, props, server, upload, watch), run once by gr.HTML.
//
// What comes in:  props.whose  {name, date, side, notes}: another case is on the desk
//                 props.file   {path, name}: a case file or a report to download
//                 props.reply  counts the server's answers, so that waiting ends even when nothing changed
// What goes out:  events "input" (the fields, when they were typed), "submit" (the fields: save), "download" (the
//                 fields: report), "upload" {path} and "clear"

const find = (selector) => element.querySelector(selector);
const root = find(".case"), line = find(".case-line"), file = find(".editor-file"), ask = find(".case-ask");
const fields = { name: find(".case-name input"), date: find(".case-date input"), side: find(".case-side select"),
  notes: find(".case-notes textarea") };
const PAUSE = 400; // ms without a key after which what was typed is sent
const EMPTY = { name: "", date: "", side: "unknown", notes: "" };

let typing = 0, pending = false, sent = JSON.stringify(EMPTY);
let saved = null, asSaved = false; // the desk as it was last saved, opened or cleared; or that it is as it is now

function typed() {
  return Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, field.value]));
}

function wait(text) {
  root.toggleAttribute("data-busy", Boolean(text));
  find(".case-busy").textContent = text ?? "";
  root.querySelectorAll(".case-do button").forEach((each) => (each.disabled = Boolean(text)));
}

// --- fields ---------------------------------------------------------------------------------------------------------

function tell() {
  const { name, date, side } = typed();
  const sides = { left: word("patient’s left"), right: word("patient’s right"), both: word("both sides") };
  const said = [name.trim(), date, sides[side]].filter(Boolean).join(" · ");
  find(".case-said").replaceChildren(...(said ? [said] : parts(word("|No |case| yet"))));
  fields.notes.title = fields.notes.value;
}

// One at a time, and the last one always: what is typed meanwhile goes when the answer has come.
function send() {
  clearTimeout(typing);
  const now = JSON.stringify(typed());
  if (pending || now === sent) return;
  sent = now;
  pending = true;
  trigger("input", typed());
}

for (const field of Object.values(fields)) {
  field.addEventListener("input", () => {
    tell();
    clearTimeout(typing);
    typing = setTimeout(send, PAUSE);
  });
  field.addEventListener("change", send);
}

line.addEventListener("click", () => line.setAttribute("aria-expanded", String(root.toggleAttribute("data-open"))));

// --- the desk -------------------------------------------------------------------------------------------------------

// Editors, results and settings of all tabs as they are now, to tell whether something was done since they were saved.
function desk() {
  const editors = Object.entries(window.philtrum ?? {}).map(([name, field]) => [name, field.value()]);
  const pictures = [...document.querySelectorAll(".compare img")].map((each) => each.src);
  const settings = [...document.querySelectorAll(".work :is(input, textarea):not([type=file])")].map((each) =>
    ["radio", "checkbox"].includes(each.type) ? each.checked : each.value);
  return JSON.stringify([typed(), editors, pictures, settings]);
}

function isEmpty() {
  const photos = Object.values(window.philtrum ?? {}).some((field) => field.value()?.photo);
  return !photos && JSON.stringify(typed()) === JSON.stringify(EMPTY);
}

// What the server sent is all there once a person does something again.
function settle() {
  if (asSaved) saved = desk();
  asSaved = false;
}
const life = new AbortController();
for (const kind of ["pointerdown", "keydown"])
  document.addEventListener(kind, settle, { capture: true, signal: life.signal });

function confirmed(question) {
  settle();
  if (isEmpty() || desk() === saved) return Promise.resolve(true);
  find("#case-asked").textContent = question;
  ask.showModal();
  return new Promise((resolve) => ask.addEventListener("close", () => resolve(ask.returnValue === "yes"), { once: true }));
}
ask.addEventListener("cancel", () => (ask.returnValue = "no"));
ask.querySelectorAll("[data-answer]").forEach((button) =>
  button.addEventListener("click", () => ask.close(button.dataset.answer)));

// Gradio draws a tab when it is first opened, and what is sent to one that never was is lost, with all that it began
// with: so each is opened once, before something is sent to all.
async function drawTabs() {
  const tabs = [...document.querySelectorAll("[role=tab]")].filter((tab) =>
    tab.offsetParent !== null && !tab.closest("[role=tabpanel], .visually-hidden"));
  const former = tabs.find((tab) => tab.getAttribute("aria-selected") === "true"), at = document.activeElement;
  for (const tab of tabs) {
    tab.click();
    const panel = () => document.getElementById(tab.getAttribute("aria-controls"));
    for (let i = 0; i < 100 && !panel()?.querySelector(".runs"); i += 1) await new Promise((done) => setTimeout(done, 50));
  }
  former?.click();
  at?.focus?.({ preventScroll: true });
}

const actions = {
  async new() {
    if (!(await confirmed(word("What is on the desk was not saved: case, photos, masks and results of all tabs go when a new case begins.")))) return;
    clearTimeout(typing);
    wait(word("Clearing the desk …"));
    await drawTabs();
    trigger("clear", {});
  },
  open: () => file.click(),
  save() {
    clearTimeout(typing);
    sent = JSON.stringify(typed());
    saved = desk();
    asSaved = false;
    wait(word("Saving the case …"));
    trigger("submit", typed());
  },
  report() {
    clearTimeout(typing);
    sent = JSON.stringify(typed());
    wait(word("Making the report …"));
    trigger("download", typed());
  },
};
root.querySelectorAll("[data-do]").forEach((button) => button.addEventListener("click", () => actions[button.dataset.do]()));

const REPLACED = word("What is on the desk was not saved: case, photos, masks and results of all tabs are replaced by those of the case file.");
file.addEventListener("change", async () => {
  const [chosen] = file.files;
  file.value = "";
  if (!chosen || !(await confirmed(REPLACED))) return;
  clearTimeout(typing);
  wait(word("Opening the case …"));
  try {
    await drawTabs();
    // Its own name stays here: names often say whose case it is.
    trigger("upload", { path: (await upload(new File([chosen], "case.philtrum"))).path });
  } catch {
    wait(null);
    trigger("upload", { path: null });
  }
});

// --- what the server sends ------------------------------------------------------------------------------------------

watch("whose", () => {
  for (const [name, field] of Object.entries(fields)) field.value = props.whose[name] ?? EMPTY[name];
  sent = JSON.stringify(typed());
  asSaved = true;
  tell();
});

watch("file", () => {
  if (!props.file) {
    saved = null; // nothing was saved
    return;
  }
  const { root: address = "", api_prefix: prefix = "/gradio_api" } = window.gradio_config ?? {};
  const link = document.createElement("a");
  link.href = `${address}${prefix}/file=${encodeURI(props.file.path).replace(/[?#]/g, encodeURIComponent)}`;
  link.download = props.file.name;
  link.click();
});

watch("reply", () => {
  wait(null);
  pending = false;
  send();
});
tell();
