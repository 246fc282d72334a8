// The strip of the session's results, and two of them side by side. Body of a function of (element, trigger, props, server,
// upload, watch), run once by gr.HTML.
//
// What comes in:  props.runs      [{key, number, said, seconds, url, chosen, shown}, ...] in the order in which they were made
//                 props.compared  {sides: [{key, title, after, before}, {...}]}: opens the comparison
// What goes out:  events select, like and delete {key}, and expand {keys: [key, key]}

const root = element.querySelector(".runs"), list = root.querySelector(".runs-list"), said = root.querySelector("[aria-live]");
const none = root.querySelector(".runs-none");
const compare = root.querySelector(".runs-compare"), large = root.querySelector("dialog");
const panes = large.querySelector(".runs-sides"), hold = large.querySelector(".runs-hold");
const MOST_ZOOM = 16, STEP = 40;

let marked = []; // keys of the two to compare, in the order in which they were marked
let scale = 1, across = 0, down = 0; // of both pictures: zoom, and where their middle lies, in sides of the pane

// --- strip ----------------------------------------------------------------------------------------------------------

function button(text, label, pressed, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.append(text);
  made.setAttribute("aria-label", label);
  if (pressed !== null) made.setAttribute("aria-pressed", pressed);
  made.addEventListener("click", act);
  return made;
}

function card({ key, number, said: how, seconds, url, chosen, shown }) {
  const item = document.createElement("li"), picture = new Image(), text = document.createElement("span");
  item.dataset.key = key;
  item.toggleAttribute("data-shown", shown);
  picture.src = url;
  picture.alt = "";
  text.textContent = `${number} · ${how}`;
  const show = button(picture, word("Result {number}: {how}, {seconds}", { number, how, seconds }), null, () => shown || trigger("select", { key }));
  if (shown) show.setAttribute("aria-current", "true");
  show.title = `${how}, ${seconds}`;
  show.append(text);
  const choose = button(chosen ? "★" : "☆", word("Result {number} is the case's", { number }), chosen, () => trigger("like", { key }));
  const mark = button("⇆", word("Compare result {number}", { number }), marked.includes(key), () => toggle(key));
  const remove = button("×", word("Remove result {number}", { number }), null, () => trigger("delete", { key }));
  choose.title = chosen ? word("No longer the case's result") : word("Make it the case's result");
  mark.title = word("Mark it to compare it with another");
  remove.title = word("Remove it");
  show.className = "runs-show";
  const tools = document.createElement("div");
  tools.append(choose, mark, remove);
  item.append(show, tools);
  return item;
}

function toggle(key) {
  marked = marked.includes(key) ? marked.filter((one) => one !== key) : [...marked.slice(-1), key];
  draw();
}

// Drawn anew with each change; the focus stays where it was.
function draw() {
  const { activeElement } = document, item = activeElement?.closest?.(".runs-list > li");
  const held = item && list.contains(item) && [[...list.children].indexOf(item), [...item.querySelectorAll("button")].indexOf(activeElement)];
  marked = marked.filter((key) => props.runs.some((run) => run.key === key));
  none.hidden = props.runs.length > 0;
  list.replaceChildren(...props.runs.map(card));
  compare.disabled = props.runs.length < 2;
  if (held && list.children.length) list.children[Math.min(held[0], list.children.length - 1)].querySelectorAll("button")[held[1]].focus();
}

function show() {
  const before = list.children.length;
  draw();
  const shown = list.querySelector("[data-shown]");
  if (shown && props.runs.length > before) list.scrollLeft = shown.offsetLeft - list.offsetLeft;
  if (props.runs.length > before) said.textContent = counted("{count} result in this session.", "{count} results in this session.", props.runs.length);
}

// Two that are marked; else the one that is shown and the one before it.
compare.addEventListener("click", () => {
  const keys = props.runs.map((run) => run.key), at = props.runs.findIndex((run) => run.shown);
  const one = marked[0] ?? keys[at < 0 ? keys.length - 1 : at], others = keys.filter((key) => key !== one);
  const two = marked[1] ?? others[Math.max(0, keys.indexOf(one) - 1)] ?? others[0];
  trigger("expand", { keys: keys.filter((key) => key === one || key === two) });
});

// --- comparison -------------------------------------------------------------------------------------------------------

function place() {
  const most = Math.max(0, (scale - 1) / 2);
  across = Math.min(most, Math.max(-most, across));
  down = Math.min(most, Math.max(-most, down));
  panes.querySelectorAll(".runs-pane").forEach((pane) => {
    const { width, height } = pane.getBoundingClientRect();
    pane.firstElementChild.style.transform = `translate(${across * width}px, ${down * height}px) scale(${scale})`;
  });
}

// Zooms about a point of a pane, given from its middle in sides of the pane.
function zoom(factor, x = 0, y = 0) {
  const next = factor ? Math.min(MOST_ZOOM, Math.max(1, scale * factor)) : 1;
  across = x - ((x - across) * next) / scale;
  down = y - ((y - down) * next) / scale;
  scale = next;
  place();
}

function original(on) {
  hold.setAttribute("aria-pressed", on);
  panes.querySelectorAll("img").forEach((picture) => {
    picture.src = on ? picture.dataset.before : picture.dataset.after;
  });
  panes.toggleAttribute("data-original", on);
}

function pane({ title, after, before }) {
  const figure = document.createElement("figure"), frame = document.createElement("div"), picture = new Image();
  const caption = document.createElement("figcaption"), fingers = new Map();
  frame.className = "runs-pane";
  Object.assign(picture.dataset, { after, before });
  picture.src = after;
  picture.alt = title;
  picture.draggable = false;
  caption.textContent = title;
  frame.append(picture);
  figure.append(frame, caption);
  const from = (event) => {
    const box = frame.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width - 0.5, (event.clientY - box.top) / box.height - 0.5];
  };
  const spread = () => {
    const [[x0, y0], [x1, y1]] = [...fingers.values()];
    return { x: (x0 + x1) / 2, y: (y0 + y1) / 2, far: Math.hypot(x1 - x0, y1 - y0) };
  };
  frame.addEventListener("pointerdown", (event) => {
    frame.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, from(event));
  });
  frame.addEventListener("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    const pinched = fingers.size === 2 ? spread() : null, [x, y] = fingers.get(event.pointerId), now = from(event);
    fingers.set(event.pointerId, now);
    if (pinched) {
      const next = spread();
      across += next.x - pinched.x;
      down += next.y - pinched.y;
      zoom(next.far / (pinched.far || 1), next.x, next.y);
    } else {
      across += now[0] - x;
      down += now[1] - y;
      place();
    }
  });
  for (const end of ["pointerup", "pointercancel"]) frame.addEventListener(end, (event) => fingers.delete(event.pointerId));
  frame.addEventListener("wheel", (event) => {
    if (!(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    zoom(Math.exp(-event.deltaY / 300), ...from(event));
  }, { passive: false });
  return figure;
}

function open() {
  if (!props.compared) return;
  panes.replaceChildren(...props.compared.sides.map(pane));
  original(false);
  if (!large.open) large.showModal();
  zoom(0);
}

const shut = () => large.close();
large.querySelectorAll("[data-zoom]").forEach((one) => one.addEventListener("click", () => zoom(+one.dataset.zoom)));
large.querySelector(".runs-close").addEventListener("click", shut);
large.addEventListener("click", (event) => event.target === large && shut()); // beside it
large.addEventListener("close", () => {
  panes.replaceChildren();
  compare.focus();
});
hold.addEventListener("pointerdown", () => original(true));
for (const end of ["pointerup", "pointerleave", "pointercancel", "blur"]) hold.addEventListener(end, () => original(false));
large.addEventListener("keydown", (event) => {
  const key = event.key.toLowerCase(), side = panes.querySelector(".runs-pane")?.clientWidth || 1;
  const ways = { arrowleft: [1, 0], arrowright: [-1, 0], arrowup: [0, 1], arrowdown: [0, -1] };
  const isHold = key === "o" || (event.target === hold && (key === " " || key === "enter"));
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (isHold) event.repeat || original(true);
  else if (ways[key]) {
    across += (ways[key][0] * STEP) / side;
    down += (ways[key][1] * STEP) / side;
    place();
  } else if (key === "+" || key === "=") zoom(1.25);
  else if (key === "-") zoom(0.8);
  else if (key === "0") zoom(0);
  else return;
  event.preventDefault();
});
large.addEventListener("keyup", (event) => /^(o|O| |Enter)$/.test(event.key) && original(false));
new ResizeObserver(() => large.open && place()).observe(panes);

watch("runs", show);
watch("compared", open);
show();
