// The table of a folder's photos. Body of a function of (element, trigger, props, server, upload, watch), run once by gr.HTML.
//
// What comes in:  props.columns  what is told of a result
//                 props.rows     [{key, name, state, share, doing, seconds, cells, error}, ...] in their order
//                 props.running  whether a run is under way, and props.told how long it still takes
//                 props.looked   {key}: the photo that the page turns to
// What goes out:  events select, like (run again) and delete {key}

const root = element.querySelector(".folder"), scroll = root.querySelector(".folder-scroll"), table = root.querySelector("table");
const body = table.tBodies[0], said = root.querySelector(".folder-told span"), bar = root.querySelector(".folder-told i");
const STATES = { waiting: word("Not run yet"), running: word("At work"), done: word("Done"), failed: word("Failed"), stale: word("To run again") };

let chosen = props.looked?.key ?? null, lines = new Map(), wasRunning = false;

// --- rows -----------------------------------------------------------------------------------------------------------

function heading(text, name) {
  const cell = document.createElement("th");
  cell.scope = "col";
  cell.textContent = text;
  if (name) cell.className = name;
  return cell;
}

function button(text, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.addEventListener("click", act);
  return made;
}

function line({ key }) {
  const row = document.createElement("tr"), name = document.createElement("th"), tools = document.createElement("td");
  const show = button("", () => choose(key)), again = button("↻", () => trigger("like", { key }));
  const remove = button("×", () => trigger("delete", { key }));
  name.scope = "row";
  name.append(show);
  tools.className = "folder-tools";
  tools.append(again, remove);
  row.append(name, document.createElement("td"), tools);
  row.addEventListener("click", (event) => event.target.closest("button") || choose(key));
  return { row, show, again, remove, state: row.children[1], tools, was: "" };
}

function fill(made, one) {
  const now = JSON.stringify([one, props.running]);
  if (now === made.was) return;
  made.was = now;
  const { row, show, again, remove, state, tools } = made, { name, error, seconds, cells } = one;
  row.dataset.state = one.state;
  show.textContent = name;
  show.title = name;
  state.textContent = one.state === "running" ? `${one.share} %` : STATES[one.state];
  state.title = one.doing && one.state === "running" ? one.doing : "";
  while (state.nextElementSibling !== tools) state.nextElementSibling.remove();
  const texts = error ? [error] : [seconds, ...(cells.length ? cells : props.columns.map(() => ""))];
  tools.before(...texts.map((text) => {
    const cell = document.createElement("td");
    cell.textContent = text;
    if (error) [cell.colSpan, cell.className] = [1 + props.columns.length, "folder-error"];
    return cell;
  }));
  again.disabled = remove.disabled = props.running;
  again.hidden = one.state === "waiting";
  again.setAttribute("aria-label", word("Run {name} again", { name }));
  remove.setAttribute("aria-label", word("Remove {name}", { name }));
  again.title = word("Run this photo again");
  remove.title = word("Remove this photo");
}

function draw() {
  const { rows } = props;
  root.toggleAttribute("data-empty", !rows.length);
  const keep = new Set(rows.map(({ key }) => key));
  for (const [key, made] of lines) {
    if (keep.has(key)) continue;
    made.row.remove();
    lines.delete(key);
  }
  rows.forEach((one, at) => {
    if (!lines.has(one.key)) lines.set(one.key, line(one));
    const made = lines.get(one.key);
    fill(made, one);
    if (body.children[at] !== made.row) body.insertBefore(made.row, body.children[at] ?? null);
  });
  mark();
  tell();
}

function tell() {
  const { rows, running, told } = props, count = (state) => rows.filter((one) => one.state === state).length;
  const parts = [word("{number} of {count} done", { number: count("done"), count: rows.length })];
  if (count("failed")) parts.push(word("{count} failed", { count: count("failed") }));
  if (count("stale")) parts.push(word("{count} to run again", { count: count("stale") }));
  const left = running && told, doing = rows.find((one) => one.state === "running")?.doing;
  const words = rows.length ? [parts.join(", "), running && doing?.startsWith(word("waiting for")) ? doing : left].filter(Boolean).join(" · ") : "";
  if (said.textContent !== words) said.textContent = words;
  const gone = count("done") + count("failed");
  bar.hidden = !running;
  bar.style.setProperty("--at", `${(100 * gone) / Math.max(1, rows.length)}%`);
  if (wasRunning && !running) window.philtrumSay(word("The run is over: {parts}.", { parts: parts.join(", ") }));
  wasRunning = running;
}

// --- the photo that is looked at ------------------------------------------------------------------------------------------

function mark() {
  for (const [key, { row, show }] of lines) {
    row.toggleAttribute("data-chosen", key === chosen);
    key === chosen ? show.setAttribute("aria-current", "true") : show.removeAttribute("aria-current");
  }
}

function toView(key) {
  const row = lines.get(key)?.row;
  if (!row) return;
  const head = table.tHead.offsetHeight, top = row.offsetTop - head, end = row.offsetTop + row.offsetHeight - scroll.clientHeight;
  if (scroll.scrollTop > top) scroll.scrollTop = top;
  else if (scroll.scrollTop < end) scroll.scrollTop = end;
}

function choose(key) {
  const focused = body.contains(document.activeElement);
  chosen = key;
  mark();
  toView(key);
  if (focused) lines.get(key).show.focus({ preventScroll: true });
  trigger("select", { key });
}

function move(step) {
  const keys = props.rows.map(({ key }) => key), at = keys.indexOf(chosen), next = at < 0 ? 0 : at + step;
  if (keys[next] !== undefined) choose(keys[next]);
}

function look() {
  if (!props.looked) return;
  chosen = props.looked.key;
  mark();
  toView(chosen);
}

// --- keys ---------------------------------------------------------------------------------------------------------------

const STEPS = { j: 1, k: -1 }, ARROWS = { ArrowDown: 1, ArrowUp: -1 };

function onKey(event) {
  if (!element.isConnected) return life.abort();
  if (element.offsetParent === null || document.querySelector("dialog[open]")) return;
  const command = event.ctrlKey || event.metaKey, { target } = event;
  if (command && event.key === "Enter") {
    event.preventDefault();
    return document.getElementById(props.run)?.click();
  }
  const typed = target.closest?.("textarea, select, [contenteditable=true], input:not([type=range], [type=checkbox], [type=radio])");
  if (command || event.altKey || event.shiftKey || typed) return;
  const step = STEPS[event.key.toLowerCase()] ?? (body.contains(target) ? ARROWS[event.key] : undefined);
  if (!step) return;
  event.preventDefault();
  move(step);
}

function onClick(event) {
  const way = event.target.closest?.(".folder-back, .folder-on");
  if (way && way.closest(".work") === root.closest(".work")) move(way.matches(".folder-on") ? 1 : -1);
}

const life = new AbortController(), folders = (window.philtrumFolder ??= {});
folders[props.name]?.life.abort();
folders[props.name] = { life };
document.addEventListener("keydown", onKey, { signal: life.signal });
document.addEventListener("click", onClick, { signal: life.signal });

table.tHead.rows[0].append(heading(word("Photo")), heading(word("State")), heading(word("Seconds")), ...props.columns.map((text) => heading(text)), heading("", "folder-tools"));
table.tHead.rows[0].lastElementChild.innerHTML = `<span class="sr">${word("What can be done")}</span>`;
watch("rows", draw);
watch(["running", "told"], draw);
watch("looked", look);
draw();
