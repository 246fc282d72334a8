// The mask editor: body of a function of (element, trigger, props, server, upload, watch), run once by gr.HTML.
//
// What comes in:  props.photo  {key, url, width, height, brush, faces: [[left, top, right, bottom], ...]}
//                 props.base   {key, photo, url, said}: a suggested or uploaded mask, to lie under the strokes
//                 props.face   number of the chosen face
//                 props.reply  counts the server's answers, so that waiting ends even when nothing changed
// What goes out:  props.value  {photo, base, layer}: the mask layer as a PNG whose alpha is the mask
//                 events upload {path} and select {example}
//
// The mask is the suggested layer plus the painted one. Everything done to it is a step in a list; undo replays the list.

const find = (selector) => element.querySelector(selector);
const root = find(".editor"), stage = find(".editor-stage"), view = find(".editor-view"), file = find(".editor-file");
const video = find("video"), slider = find(".editor-size input"), pen = view.getContext("2d");
const COLOUR = "#0a84ff", FILL = 0.42, MOST_ZOOM = 16;

let photo = null, picture = null;
let paint = null, under = null, mask = null, edge = null; // canvases of the photo copy's size
let steps = [], undone = [], stroke = null;
let tool = "brush", size = 40, held = false;
let scale = 1, left = 0, top = 0, fitted = true, scheduled = false, outlined = false;
let pointer = null, fingers = new Map(), pinch = null, stream = null, waiting = 0;
let queue = Promise.resolve();

// --- layers ---------------------------------------------------------------------------------------------------------

function canvas() {
  const made = document.createElement("canvas");
  made.width = photo.width;
  made.height = photo.height;
  return made;
}

function wipe(layer) {
  layer.getContext("2d").clearRect(0, 0, layer.width, layer.height);
}

// One piece of a stroke. Live painting and replay take the same pieces, so undo gives back the same pixels.
function dab(layer, step, from, to) {
  const brush = layer.getContext("2d"), [x, y] = step.points[to];
  brush.globalCompositeOperation = step.erase ? "destination-out" : "source-over";
  brush.fillStyle = brush.strokeStyle = "#fff";
  brush.lineWidth = step.size;
  brush.lineCap = "round";
  brush.beginPath();
  if (from === to) {
    brush.arc(x, y, step.size / 2, 0, 2 * Math.PI);
    brush.fill();
  } else {
    brush.moveTo(...step.points[from]);
    brush.lineTo(x, y);
    brush.stroke();
  }
  brush.globalCompositeOperation = "source-over";
}

function layersOf(step) {
  return step.erase ? [paint, under, mask] : [paint, mask];
}

function merge() {
  wipe(mask);
  const pen = mask.getContext("2d");
  pen.drawImage(under, 0, 0);
  pen.drawImage(paint, 0, 0);
}

function apply(step) {
  if (step.kind === "stroke") {
    step.points.forEach((_, i) => layersOf(step).forEach((layer) => dab(layer, step, Math.max(0, i - 1), i)));
  } else {
    wipe(under);
    if (step.kind === "clear") wipe(paint);
    else under.getContext("2d").drawImage(step.image, 0, 0);
    merge();
  }
}

function replay() {
  [paint, under, mask].forEach(wipe);
  steps.forEach(apply);
  commit();
}

function did(step) {
  steps.push(step);
  undone = [];
  apply(step);
  commit();
}

// The outline of the mask: the mask moved a little every way, less the mask itself.
function outline() {
  const pen = edge.getContext("2d"), far = Math.max(1, 1.6 / scale);
  wipe(edge);
  for (let i = 0; i < 8; i++) {
    const angle = (i * Math.PI) / 4;
    pen.drawImage(mask, far * Math.cos(angle), far * Math.sin(angle));
  }
  pen.globalCompositeOperation = "destination-out";
  pen.drawImage(mask, 0, 0);
  pen.globalCompositeOperation = "source-over";
  outlined = true;
}

function commit() {
  const last = steps.findLast((step) => step.kind !== "stroke");
  const empty = steps.length === 0 || steps[steps.length - 1].kind === "clear";
  outlined = false;
  draw();
  buttons();
  props.value = {
    photo: photo.key,
    base: last && last.kind === "base" ? last.key : null,
    layer: empty ? null : mask.toDataURL("image/png"),
  };
}

// --- view -----------------------------------------------------------------------------------------------------------

function fitScale() {
  return Math.min(view.clientWidth / photo.width, view.clientHeight / photo.height);
}

function fit() {
  scale = fitScale();
  left = (view.clientWidth - scale * photo.width) / 2;
  top = (view.clientHeight - scale * photo.height) / 2;
  fitted = true;
  changedView();
}

// As near to the chosen face as lets the chin and the hair be seen; the whole photo where the face fills it.
function focus() {
  const box = photo.faces[props.face ?? 0];
  fit();
  if (!box) return;
  const [x0, y0, x1, y1] = box, near = Math.min(view.clientWidth / (x1 - x0), view.clientHeight / (y1 - y0)) / 1.5;
  if (near < 1.25 * scale) return;
  scale = Math.min(near, MOST_ZOOM * scale);
  left = view.clientWidth / 2 - (scale * (x0 + x1)) / 2;
  top = view.clientHeight / 2 - (scale * (y0 + y1)) / 2;
  fitted = false;
  changedView();
}

function zoom(factor, x = view.clientWidth / 2, y = view.clientHeight / 2) {
  const least = fitScale(), next = Math.min(Math.max(scale * factor, least), MOST_ZOOM * least);
  left = x - ((x - left) * next) / scale;
  top = y - ((y - top) * next) / scale;
  scale = next;
  fitted = scale === least;
  fitted ? fit() : changedView();
}

function changedView() {
  // The picture never leaves the stage: it is centred where it is smaller, and covers the stage where it is larger.
  const keep = (at, room, length) => (length <= room ? (room - length) / 2 : Math.min(0, Math.max(room - length, at)));
  left = keep(left, view.clientWidth, scale * photo.width);
  top = keep(top, view.clientHeight, scale * photo.height);
  find(".editor-zoom").textContent = `${Math.round((100 * scale) / fitScale())} %`;
  outlined = false;
  draw();
}

function draw() {
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(() => {
    scheduled = false;
    const ratio = window.devicePixelRatio || 1, width = view.clientWidth, height = view.clientHeight;
    if (view.width !== Math.round(width * ratio) || view.height !== Math.round(height * ratio)) {
      view.width = Math.round(width * ratio);
      view.height = Math.round(height * ratio);
    }
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    if (!photo || root.dataset.state !== "ready") return;
    pen.imageSmoothingQuality = "high";
    pen.drawImage(picture, left, top, scale * photo.width, scale * photo.height);
    layer(mask, COLOUR, FILL);
    if (!stroke) {
      if (!outlined) outline();
      layer(edge, "#fff", 0.95);
    }
    faces();
    ring();
  });
}

// Masks are kept white; the colour is laid on when they are shown.
let tint = null;
function layer(source, colour, alpha) {
  const width = Math.ceil(view.clientWidth), height = Math.ceil(view.clientHeight);
  tint ??= document.createElement("canvas");
  if (tint.width !== width || tint.height !== height) [tint.width, tint.height] = [width, height];
  const brush = tint.getContext("2d");
  brush.globalCompositeOperation = "copy";
  brush.drawImage(source, left, top, scale * photo.width, scale * photo.height);
  brush.globalCompositeOperation = "source-in";
  brush.fillStyle = colour;
  brush.fillRect(0, 0, width, height);
  pen.globalAlpha = alpha;
  pen.drawImage(tint, 0, 0);
  pen.globalAlpha = 1;
}

function faces() {
  if (photo.faces.length < 2) return;
  photo.faces.forEach(([x0, y0, x1, y1], i) => {
    const chosen = i === (props.face ?? 0), x = left + scale * x0, y = top + scale * y0;
    pen.lineWidth = chosen ? 2.5 : 1.5;
    for (const [colour, wide] of [["rgba(0,0,0,.55)", 2], [chosen ? "#ffd60a" : "#fff", 0]]) {
      pen.strokeStyle = colour;
      pen.lineWidth = (chosen ? 2.5 : 1.5) + wide;
      pen.strokeRect(x, y, scale * (x1 - x0), scale * (y1 - y0));
    }
    pen.fillStyle = chosen ? "#ffd60a" : "#fff";
    pen.fillRect(x - 1, y - 1, 20, 20);
    pen.fillStyle = "#000";
    pen.font = "600 13px system-ui, sans-serif";
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.fillText(String(i + 1), x + 9, y + 9.5);
  });
}

function ring() {
  if (!pointer || activeTool() === "move" || pinch) return;
  for (const [colour, wide] of [["rgba(0,0,0,.6)", 3], ["#fff", 1.25]]) {
    pen.strokeStyle = colour;
    pen.lineWidth = wide;
    pen.beginPath();
    pen.arc(pointer[0], pointer[1], Math.max(1.5, (size * scale) / 2), 0, 2 * Math.PI);
    pen.stroke();
  }
}

// --- pointer --------------------------------------------------------------------------------------------------------

function activeTool() {
  return held ? "move" : tool;
}

function at(event) {
  const box = view.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}

function inPhoto([x, y]) {
  return [(x - left) / scale, (y - top) / scale];
}

function extend(point) {
  stroke.points.push(point);
  const i = stroke.points.length - 1;
  layersOf(stroke).forEach((layer) => dab(layer, stroke, Math.max(0, i - 1), i));
}

function pinchState() {
  const [[x0, y0], [x1, y1]] = [...fingers.values()];
  return { x: (x0 + x1) / 2, y: (y0 + y1) / 2, far: Math.hypot(x1 - x0, y1 - y0) };
}

function dropStroke() {
  if (!stroke) return;
  stroke = null;
  replay();
}

view.addEventListener("pointerdown", (event) => {
  if (!photo || root.dataset.state !== "ready") return;
  view.setPointerCapture(event.pointerId);
  pointer = at(event);
  fingers.set(event.pointerId, pointer);
  if (event.pointerType === "touch" && fingers.size === 2) {
    dropStroke(); // a second finger means moving and zooming, not painting
    pinch = pinchState();
  } else if (fingers.size === 1 && event.button === 0 && activeTool() !== "move") {
    stroke = { kind: "stroke", erase: tool === "eraser", size, points: [] };
    extend(inPhoto(pointer));
  }
  draw();
});

view.addEventListener("pointermove", (event) => {
  const before = pointer;
  pointer = at(event);
  if (fingers.has(event.pointerId)) fingers.set(event.pointerId, pointer);
  if (pinch && fingers.size === 2) {
    const now = pinchState();
    left += now.x - pinch.x;
    top += now.y - pinch.y;
    zoom(now.far / pinch.far, now.x, now.y);
    pinch = now;
  } else if (stroke) {
    const all = event.getCoalescedEvents?.() ?? [];
    (all.length ? all : [event]).forEach((each) => extend(inPhoto(at(each))));
  } else if (fingers.size === 1 && before) {
    left += pointer[0] - before[0];
    top += pointer[1] - before[1];
    fitted = false;
    changedView();
  }
  if (photo) draw();
});

function lift(event) {
  fingers.delete(event.pointerId);
  if (fingers.size < 2) pinch = null;
  if (stroke && event.type === "pointercancel") dropStroke();
  if (stroke) {
    steps.push(stroke);
    undone = [];
    stroke = null;
    commit();
  }
  if (event.pointerType === "touch") pointer = null;
  if (photo) draw();
}
view.addEventListener("pointerup", lift);
view.addEventListener("pointercancel", lift);
view.addEventListener("pointerleave", () => {
  if (fingers.size === 0) pointer = null;
  if (photo) draw();
});
view.addEventListener("wheel", (event) => {
  if (!photo || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  zoom(Math.exp(-event.deltaY / 300), ...at(event));
}, { passive: false });
view.addEventListener("contextmenu", (event) => event.preventDefault());

// --- tools ----------------------------------------------------------------------------------------------------------

function say(text) {
  find(".editor-said").textContent = text;
}

function setTool(name) {
  tool = name;
  root.querySelectorAll("[data-tool]").forEach((button) =>
    button.setAttribute("aria-pressed", String(button.dataset.tool === name)));
  view.dataset.tool = activeTool();
  if (photo) draw();
}

// The slider is logarithmic: from 2 pixels to a third of the photo's shorter side.
function largest() {
  return Math.max(8, Math.min(photo?.width ?? 800, photo?.height ?? 800) / 3);
}

function setSize(pixels) {
  size = Math.min(Math.max(pixels, 2), largest());
  slider.value = String(Math.round((100 * Math.log(size / 2)) / Math.log(largest() / 2)));
  slider.setAttribute("aria-valuetext", `${Math.round(size)} pixels`);
  if (photo) draw();
}

function undo() {
  if (!photo || steps.length === 0) return;
  undone.push(steps.pop());
  replay();
  say("Undone.");
}

function redo() {
  if (!photo || undone.length === 0) return;
  steps.push(undone.pop());
  replay();
  say("Done again.");
}

const actions = {
  undo, redo,
  clear: () => photo && steps.length && (did({ kind: "clear" }), say("The mask is empty.")),
  in: () => photo && zoom(1.25),
  out: () => photo && zoom(0.8),
  fit: () => photo && fit(),
  new: () => show("empty"),
};

function buttons() {
  const off = root.dataset.state !== "ready";
  root.querySelectorAll(".editor-bar button").forEach((button) => (button.disabled = off));
  slider.disabled = off;
  find("[data-do=undo]").disabled = off || steps.length === 0;
  find("[data-do=redo]").disabled = off || undone.length === 0;
  find("[data-do=clear]").disabled = off || steps.length === 0;
}

root.querySelectorAll("[data-tool]").forEach((button) =>
  button.addEventListener("click", () => setTool(button.dataset.tool)));
root.querySelectorAll("[data-do]").forEach((button) =>
  button.addEventListener("click", () => actions[button.dataset.do]()));
slider.addEventListener("input", () => setSize(2 * Math.pow(largest() / 2, slider.value / 100)));

function typing(target) {
  return target.isContentEditable || target.tagName === "TEXTAREA" || target.tagName === "SELECT" ||
    (target.tagName === "INPUT" && !["range", "checkbox", "radio", "button", "file"].includes(target.type));
}

function visible() {
  return element.isConnected && element.offsetParent !== null;
}

function onKey(event) {
  if (!visible()) return;
  const command = event.ctrlKey || event.metaKey, key = event.key.toLowerCase();
  if (command && key === "enter") {
    event.preventDefault();
    document.getElementById(props.run)?.click();
    return;
  }
  if (!photo || root.dataset.state !== "ready" || typing(event.target)) return;
  const plain = !command || event.altKey; // AltGr, which types brackets on many keyboards, reports Ctrl and Alt
  if (command && key === "z") event.shiftKey ? redo() : undo();
  else if (command && key === "y") redo();
  else if (plain && key === "[") setSize(size / 1.2);
  else if (plain && key === "]") setSize(size * 1.2);
  else if (command || event.altKey) return;
  else if (key === "b") setTool("brush");
  else if (key === "e") setTool("eraser");
  else if (key === "+" || key === "=") zoom(1.25);
  else if (key === "-") zoom(0.8);
  else if (key === "0") fit();
  else if (key === " " && event.target === view) { held = true; view.dataset.tool = activeTool(); }
  else return;
  event.preventDefault();
}

function onKeyUp(event) {
  if (event.key === " " && held) { held = false; view.dataset.tool = activeTool(); }
}

// --- photos ---------------------------------------------------------------------------------------------------------

function show(state) {
  root.dataset.state = state;
  find(".editor-start").hidden = state !== "empty";
  find(".editor-shoot").hidden = state !== "camera";
  find(".editor-back").hidden = !photo;
  view.tabIndex = state === "ready" ? 0 : -1;
  buttons();
  draw();
}

function note(text) {
  const box = find(".editor-note");
  box.textContent = text ?? "";
  box.hidden = !text;
}

function wait(text) {
  waiting = text ? waiting + 1 : 0;
  const box = find(".editor-busy");
  box.textContent = text ?? "";
  box.hidden = !text;
}

async function give(chosen) {
  note(null);
  if (chosen.size > props.most_bytes) {
    note(`This file has more than ${Math.round(props.most_bytes / 2 ** 20)} MB; save a smaller copy and choose that.`);
    return;
  }
  wait("Reading the photo …");
  try {
    // The photo's own name stays here: names often say whose face it is.
    const ending = /\.[a-z0-9]{1,5}$/i.exec(chosen.name ?? "")?.[0].toLowerCase() ?? ".png";
    const { path } = await upload(new File([chosen], `photo${ending}`, { type: chosen.type }));
    trigger("upload", { path });
  } catch {
    wait(null);
    note("The photo did not reach the app; check that it still runs, and choose the photo again.");
  }
}

function pictureIn(transfer) {
  return [...(transfer?.files ?? [])].find((each) => each.type.startsWith("image/") || each.type === "");
}

file.addEventListener("change", () => {
  if (file.files[0]) give(file.files[0]);
  file.value = "";
});
find(".editor-choose").addEventListener("click", () => file.click());
find(".editor-back").addEventListener("click", () => { note(null); show("ready"); });
find(".editor-paste").addEventListener("click", async () => {
  try {
    for (const item of await navigator.clipboard.read()) {
      const type = item.types.find((each) => each.startsWith("image/"));
      if (type) return give(new File([await item.getType(type)], `photo.${type.slice(6)}`, { type }));
    }
    note("There is no picture to paste; copy a photo first.");
  } catch {
    note("The browser does not let this page read what was copied; press Ctrl+V instead.");
  }
});
stage.addEventListener("dragover", (event) => { event.preventDefault(); stage.dataset.drop = ""; });
stage.addEventListener("dragleave", () => delete stage.dataset.drop);
stage.addEventListener("drop", (event) => {
  event.preventDefault();
  delete stage.dataset.drop;
  const chosen = pictureIn(event.dataTransfer);
  chosen ? give(chosen) : note("This is not a picture; drop a JPEG or PNG photo.");
});

function onPaste(event) {
  const chosen = visible() && !typing(event.target) && pictureIn(event.clipboardData);
  if (chosen) give(chosen);
}

function stopCamera() {
  stream?.getTracks().forEach((track) => track.stop());
  stream = video.srcObject = null;
}

find(".editor-camera").addEventListener("click", async () => {
  note(null);
  try {
    // Not mirrored: left stays left, as in every clinical photo.
    stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1920 }, height: { ideal: 1080 } } });
    video.srcObject = stream;
    show("camera");
    await video.play();
  } catch {
    stopCamera();
    show("empty");
    note("No camera could be used; allow it in the browser, or choose a photo instead.");
  }
});
find(".editor-stop").addEventListener("click", () => { stopCamera(); show("empty"); });
find(".editor-snap").addEventListener("click", () => {
  const shot = document.createElement("canvas");
  [shot.width, shot.height] = [video.videoWidth, video.videoHeight];
  shot.getContext("2d").drawImage(video, 0, 0);
  stopCamera();
  show("empty");
  shot.toBlob((blob) => blob && give(new File([blob], "photo.png", { type: "image/png" })), "image/png");
});

function examples() {
  const box = find(".editor-examples");
  box.replaceChildren(...(props.examples ?? []).map(({ key, label, url }) => {
    const button = document.createElement("button"), shown = new Image();
    button.type = "button";
    button.setAttribute("aria-label", `Example: ${label}`);
    shown.src = url;
    shown.alt = "";
    button.append(shown, label);
    button.addEventListener("click", () => { note(null); wait("Opening the example …"); trigger("select", { example: key }); });
    return button;
  }));
}

// --- what the server sends ------------------------------------------------------------------------------------------

async function load(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  return image;
}

async function newPhoto() {
  const next = props.photo;
  if (!next || next.key === photo?.key) return;
  const image = await load(next.url);
  photo = next;
  picture = image;
  [paint, under, mask, edge] = [canvas(), canvas(), canvas(), canvas()];
  steps = [];
  undone = [];
  stroke = null;
  setSize(photo.brush);
  note(null);
  show("ready");
  focus();
  commit();
  say(`Photo opened, ${photo.faces.length === 1 ? "one face" : `${photo.faces.length} faces`} found.`);
}

async function newBase() {
  const next = props.base;
  if (!next || next.photo !== photo?.key || steps.some((step) => step.key === next.key)) return;
  did({ kind: "base", key: next.key, image: await load(next.url) });
  say(next.said);
}

watch("photo", () => (queue = queue.then(newPhoto)));
watch("base", () => (queue = queue.then(newBase)));
watch("reply", () => (queue = queue.then(() => wait(null))));
watch("face", () => (queue = queue.then(() => photo && focus())));
watch("examples", examples);

new ResizeObserver(() => {
  if (!photo || view.clientWidth === 0) return;
  fitted ? fit() : changedView();
}).observe(view);

// A page that is drawn anew leaves its old editor behind: that one must stop listening.
window.philtrumEditor?.abort();
const life = (window.philtrumEditor = new AbortController());
document.addEventListener("keydown", onKey, { signal: life.signal });
document.addEventListener("keyup", onKeyUp, { signal: life.signal });
document.addEventListener("paste", onPaste, { signal: life.signal });
window.addEventListener("pagehide", stopCamera, { signal: life.signal });

setTool("brush");
setSize(40);
examples();
show("empty");

// For tests and scripts: what would be sent now, and where a point of the photo's copy lies on the page.
window.philtrum = {
  value: () => props.value,
  steps: () => steps.length,
  onPage: (x, y) => {
    const box = view.getBoundingClientRect();
    return [box.left + left + scale * x, box.top + top + scale * y];
  },
};
