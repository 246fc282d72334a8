// Two pictures over each other or side by side. Body of a function of (element, trigger, props, server, upload, watch),
// run once by gr.HTML.
//
// What comes in:  props.value  the files of both, [{url}, {url}], or null
//                 props.names  what they are called
//                 props.done   what is said aloud when a run has brought them

const find = (selector) => element.querySelector(selector);
const root = find(".compare-box"), stage = find(".compare-stage"), slider = find(".compare-at");
const panes = [find(".compare-before"), find(".compare-after")], hold = find(".compare-hold"), two = find(".compare-two");
const MOST_ZOOM = 16, THUMB = 18; // px: as wide as style.css makes the slider's handle, whose middle the line meets

let pictures = [], zoomed = 1, x = 0, y = 0, told = null, fingers = new Map(), dragging = null;

const beside = () => root.dataset.view === "beside";
const room = () => [panes[0].clientWidth, panes[0].clientHeight];

// --- view -----------------------------------------------------------------------------------------------------------

function place() {
  const [width, height] = room(), [picture] = pictures;
  const fit = picture ? Math.min(width / picture.naturalWidth, height / picture.naturalHeight) : 0;
  const keep = (at, space, length) => {
    const most = Math.max(0, (length * zoomed - space) / 2);
    return Math.min(most, Math.max(-most, at));
  };
  if (picture?.naturalWidth) {
    x = keep(x, width, fit * picture.naturalWidth);
    y = keep(y, height, fit * picture.naturalHeight);
  }
  pictures.forEach((each) => (each.style.transform = `translate(${x}px, ${y}px) scale(${zoomed})`));
  find(".editor-zoom").textContent = `${Math.round(100 * zoomed)} %`;
  stage.style.touchAction = zoomed > 1 ? "none" : "pan-y"; // the page can be scrolled until the picture can be moved
}

// Towards a point of the pane, measured from its middle.
function zoom(factor, px = 0, py = 0) {
  const next = Math.min(MOST_ZOOM, Math.max(1, zoomed * factor));
  x = px - ((px - x) * next) / zoomed;
  y = py - ((py - y) * next) / zoomed;
  zoomed = next;
  place();
}

function middle(event) {
  const box = (panes.find((pane) => pane.contains(event.target)) ?? panes[0]).getBoundingClientRect();
  return [event.clientX - box.left - box.width / 2, event.clientY - box.top - box.height / 2];
}

function part() {
  const share = slider.value / 100, [before, after] = props.names.map((name) => name.toLowerCase());
  root.style.setProperty("--at", `calc(${THUMB / 2}px + ${share} * (100% - ${THUMB}px))`);
  slider.setAttribute("aria-valuetext", word("{share} % {before}, {rest} % {after}", { share: slider.value, before, rest: 100 - slider.value, after }));
}

function press(button, on) {
  button.setAttribute("aria-pressed", String(on));
}

function arrange(view) {
  root.dataset.view = view;
  press(two, view === "beside");
  slider.disabled = hold.disabled = view === "beside" || !pictures.length;
  place();
}

// --- pointer: near the line it moves the line, elsewhere the picture, where that is larger than its pane ---------------

function moveLine(event) {
  const box = stage.getBoundingClientRect();
  slider.value = Math.round((100 * (event.clientX - box.left - THUMB / 2)) / (box.width - THUMB));
  part();
}

function spread() {
  const [[x0, y0], [x1, y1]] = [...fingers.values()];
  return { x: (x0 + x1) / 2, y: (y0 + y1) / 2, far: Math.hypot(x1 - x0, y1 - y0) };
}

stage.addEventListener("pointerdown", (event) => {
  if (!pictures.length || event.button !== 0) return;
  stage.setPointerCapture(event.pointerId);
  fingers.set(event.pointerId, [event.clientX, event.clientY]);
  if (fingers.size === 2) return (dragging = spread());
  const line = find(".compare-line").getBoundingClientRect();
  const near = !beside() && Math.abs(event.clientX - line.left) < 24;
  dragging = near || (zoomed === 1 && !beside()) ? "line" : "picture";
  if (dragging === "line") moveLine(event);
});
stage.addEventListener("pointermove", (event) => {
  const before = fingers.get(event.pointerId);
  if (!before) return;
  fingers.set(event.pointerId, [event.clientX, event.clientY]);
  if (fingers.size === 2 && dragging?.far) {
    const now = spread();
    x += now.x - dragging.x;
    y += now.y - dragging.y;
    zoom(now.far / dragging.far, ...middle({ target: event.target, clientX: now.x, clientY: now.y }));
    dragging = now;
  } else if (dragging === "line") moveLine(event);
  else if (dragging === "picture") {
    x += event.clientX - before[0];
    y += event.clientY - before[1];
    place();
  }
});
for (const kind of ["pointerup", "pointercancel"]) {
  stage.addEventListener(kind, (event) => {
    fingers.delete(event.pointerId);
    dragging = null;
  });
}
stage.addEventListener("wheel", (event) => {
  if (!pictures.length || !(event.ctrlKey || event.metaKey)) return; // as in every picture: else the page is scrolled
  event.preventDefault();
  zoom(Math.exp(-event.deltaY / 300), ...middle(event));
}, { passive: false });

// --- tools ----------------------------------------------------------------------------------------------------------

function holding(on) {
  root.toggleAttribute("data-held", on);
  press(hold, on);
}
hold.addEventListener("pointerdown", () => holding(true));
hold.addEventListener("keydown", (event) => {
  if (event.key !== " " && event.key !== "Enter") return;
  event.preventDefault();
  holding(true);
});
for (const kind of ["pointerup", "pointerleave", "pointercancel", "keyup", "blur"]) {
  hold.addEventListener(kind, () => holding(false));
}
two.addEventListener("click", () => arrange(beside() ? "over" : "beside"));
slider.addEventListener("input", part);

const actions = {
  in: () => zoom(1.25),
  out: () => zoom(0.8),
  fit: () => zoom(0),
  full: () => (document.fullscreenElement ? document.exitFullscreen() : root.requestFullscreen()),
};
root.querySelectorAll("[data-do]").forEach((button) =>
  button.addEventListener("click", () => actions[button.dataset.do]()));
root.addEventListener("keydown", (event) => {
  if (!pictures.length || event.ctrlKey || event.metaKey || event.altKey) return;
  const act = { "+": "in", "=": "in", "-": "out", 0: "fit" }[event.key];
  if (!act) return;
  event.preventDefault();
  event.stopPropagation(); // the photo's own keys are the same
  actions[act]();
});

// --- what the server sends ------------------------------------------------------------------------------------------

function show() {
  const files = props.value || [];
  pictures = files.map(({ url }, i) => {
    const picture = panes[i].querySelector("img") ?? new Image();
    picture.draggable = false;
    picture.alt = props.names[i];
    picture.onload = place;
    picture.src = url;
    panes[i].append(picture);
    return picture;
  });
  if (!files.length) panes.forEach((pane) => pane.replaceChildren());
  root.dataset.state = files.length ? "ready" : "empty";
  root.querySelectorAll("button").forEach((button) => (button.disabled = !files.length));
  arrange(files.length ? root.dataset.view : "over");
  if (!files.length) [zoomed, x, y] = [1, 0, 0];
  part();
  place();
  // A run has a folder of its own, so that what is only drawn anew is not said again.
  const run = files[0]?.url.replace(/[^/]*$/, "") ?? null;
  if (run && run !== told && props.done) setTimeout(() => announce(), 300); // what else it brings comes with it
  told = run;
}

function announce() {
  const column = root.closest(".get") ?? root;
  const more = [...column.querySelectorAll("[data-said]")].map((each) => each.innerText);
  window.philtrumSay([props.done, ...more].join(" "));
}

new ResizeObserver(place).observe(stage);
watch("value", show);
show();
