// The mask editor: photo.js goes before it.
//
// What comes in:  props.photo  of photo.js, with brush: a size in pixels to begin with
//                 props.base   {key, photo, url, said}: a suggested or uploaded mask, to lie under the strokes
//                 props.run    id of the button that Ctrl+Enter presses
//                 props.fixed  whether the mask is only looked at, and a new one takes the place of all that was painted
// What goes out:  props.value  {photo, base, layer}: the mask layer as a PNG whose alpha is the mask
//
// The mask is the suggested layer plus the painted one. Everything done to it is a step in a list; undo replays the list.

const own = {};
const slider = find(".editor-size input");
const COLOUR = "#0a84ff", FILL = 0.42;

let paint = null, under = null, mask = null, edge = null; // canvases of the photo copy's size
let steps = [], undone = [], stroke = null;
let tool = "brush", size = 40, held = false, outlined = false;

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
  outlined = false;
  draw();
  tools();
  if (steps.length) window.philtrumDid("mask");
  props.value = own.value();
}

own.value = () => {
  const last = steps.findLast((step) => step.kind !== "stroke");
  const empty = steps.length === 0 || steps[steps.length - 1].kind === "clear";
  return {
    photo: photo.key,
    base: last && last.kind === "base" ? last.key : null,
    layer: empty ? null : mask.toDataURL("image/png"),
  };
};

// --- view -----------------------------------------------------------------------------------------------------------

own.opened = () => {
  [paint, under, mask, edge] = [canvas(), canvas(), canvas(), canvas()];
  steps = [];
  undone = [];
  stroke = null;
  setSize(photo.brush);
  commit();
};

own.forgotten = () => {
  steps = [];
  undone = [];
  stroke = null;
};

own.moved = () => (outlined = false);

own.over = () => {
  layer(mask, COLOUR, FILL);
  if (stroke) return props.fixed || networkFrame();
  if (!props.fixed) networkFrame();
  if (!outlined) outline();
  layer(edge, "#fff", 0.95);
};

// What the network sees: what is painted beyond it is only continued from around it.
function networkFrame() {
  const corners = photo.frames[props.face ?? 0];
  if (!corners?.length) return;
  for (const [colour, dashes] of [["rgba(0,0,0,.6)", []], ["#fff", [7, 5]]]) {
    pen.strokeStyle = colour;
    pen.lineWidth = 1.5;
    pen.setLineDash(dashes);
    pen.beginPath();
    corners.forEach(([x, y], i) => pen[i ? "lineTo" : "moveTo"](left + scale * x, top + scale * y));
    pen.closePath();
    pen.stroke();
  }
  pen.setLineDash([]);
  nameFrame(corners);
}

function nameFrame(corners) {
  const text = word("What the network sees"), xs = corners.map(([x]) => left + scale * x), ys = corners.map(([, y]) => top + scale * y);
  pen.font = "600 12px system-ui, sans-serif";
  const width = pen.measureText(text).width, right = Math.min(view.clientWidth, Math.max(...xs)) - 8;
  if (right - Math.max(0, Math.min(...xs)) < width + 16) return; // no room
  pen.textAlign = "right";
  pen.textBaseline = "bottom";
  const y = Math.min(view.clientHeight, Math.max(...ys)) - 6;
  pen.strokeStyle = "rgba(0,0,0,.7)";
  pen.lineWidth = 3;
  pen.strokeText(text, right, y);
  pen.fillStyle = "#fff";
  pen.fillText(text, right, y);
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

own.cursor = () => {
  if (!pointer || activeTool() === "move" || pinch) return;
  for (const [colour, wide] of [["rgba(0,0,0,.6)", 3], ["#fff", 1.25]]) {
    pen.strokeStyle = colour;
    pen.lineWidth = wide;
    pen.beginPath();
    pen.arc(pointer[0], pointer[1], Math.max(1.5, (size * scale) / 2), 0, 2 * Math.PI);
    pen.stroke();
  }
};

// --- pointer --------------------------------------------------------------------------------------------------------

function activeTool() {
  return held || props.fixed ? "move" : tool;
}

function extend([x, y]) {
  stroke.points.push([(x - left) / scale, (y - top) / scale]);
  const i = stroke.points.length - 1;
  layersOf(stroke).forEach((layer) => dab(layer, stroke, Math.max(0, i - 1), i));
}

own.press = (event) => {
  if (activeTool() === "move") return;
  hint(null);
  stroke = { kind: "stroke", erase: tool === "eraser", size, points: [] };
  extend(at(event));
};

own.drag = (event) => {
  if (!stroke) return false;
  const all = event.getCoalescedEvents?.() ?? [];
  (all.length ? all : [event]).forEach((each) => extend(at(each)));
  return true;
};

own.lift = () => {
  if (!stroke) return;
  steps.push(stroke);
  undone = [];
  stroke = null;
  commit();
};

own.drop = () => {
  if (!stroke) return;
  stroke = null;
  replay();
};

// --- tools ----------------------------------------------------------------------------------------------------------

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
  slider.setAttribute("aria-valuetext", counted("{count} pixel", "{count} pixels", Math.round(size)));
  if (photo) draw();
}

function undo() {
  if (!photo || props.fixed || steps.length === 0) return;
  undone.push(steps.pop());
  replay();
  say(word("Undone."));
}

function redo() {
  if (!photo || props.fixed || undone.length === 0) return;
  steps.push(undone.pop());
  replay();
  say(word("Done again."));
}

own.actions = {
  undo, redo,
  clear: () => photo && steps.length && (did({ kind: "clear" }), say(word("The mask is empty."))),
  in: () => photo && zoom(1.25),
  out: () => photo && zoom(0.8),
  fit: () => photo && fit(),
};

own.tools = (off) => {
  find("[data-do=undo]").disabled = off || steps.length === 0;
  find("[data-do=redo]").disabled = off || undone.length === 0;
  find("[data-do=clear]").disabled = off || steps.length === 0;
};

// The brush by keys: arrows move it, with Shift it paints on the way, Enter paints one spot.
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function step([dx, dy], painting) {
  const far = Math.max(4, (size * scale) / 4), moving = activeTool() === "move";
  if (moving) {
    left -= far * dx;
    top -= far * dy;
    fitted = false;
    return changedView();
  }
  const from = pointer ?? [view.clientWidth / 2, view.clientHeight / 2];
  const within = (at, room) => Math.min(room, Math.max(0, at));
  pointer = [within(from[0] + far * dx, view.clientWidth), within(from[1] + far * dy, view.clientHeight)];
  if (painting) spot(from, pointer);
  else draw();
}

function spot(...points) {
  stroke = { kind: "stroke", erase: tool === "eraser", size, points: [] };
  points.forEach(extend);
  own.lift();
}

function pressed(event) {
  const arrow = ARROWS[event.key];
  if (event.target !== view || event.ctrlKey || event.metaKey || event.altKey) return false;
  if (arrow) step(arrow, event.shiftKey);
  else if (event.key === "Enter" && activeTool() !== "move") spot(pointer ?? [view.clientWidth / 2, view.clientHeight / 2]);
  else return false;
  return true;
}

own.key = (event, command, plain) => {
  if (pressed(event)) return true;
  const key = event.key.toLowerCase();
  if (command && key === "z") event.shiftKey ? redo() : undo();
  else if (command && key === "y") redo();
  else if (plain && key === "[") setSize(size / 1.2);
  else if (plain && key === "]") setSize(size * 1.2);
  else if (command || event.altKey) return false;
  else if (key === "b") setTool("brush");
  else if (key === "e") setTool("eraser");
  else if (key === " " && event.target === view) hold(true);
  else return false;
  return true;
};

function hold(now) {
  held = now;
  view.dataset.tool = activeTool();
}

root.querySelectorAll("[data-tool]").forEach((button) =>
  button.addEventListener("click", () => setTool(button.dataset.tool)));
slider.addEventListener("input", () => setSize(2 * Math.pow(largest() / 2, slider.value / 100)));

// --- what the server sends ------------------------------------------------------------------------------------------

async function newBase() {
  const next = props.base;
  if (!next || next.photo !== photo?.key || steps.some((step) => step.key === next.key)) return;
  const image = await load(next.url);
  if (props.fixed && steps.length) did({ kind: "clear" });
  did({ kind: "base", key: next.key, image });
  hint(next.said);
  say(next.said);
}

function fix() {
  root.toggleAttribute("data-fixed", Boolean(props.fixed));
  view.dataset.tool = activeTool();
}

setTool("brush");
fix();
setSize(40);
own.hooks = { steps: () => steps.length };
const signal = start();
document.addEventListener("keyup", (event) => event.key === " " && held && hold(false), { signal });
watch("fixed", fix);
watch("base", () => (queue = queue.then(newBase)));
if (props.base) queue = queue.then(newBase);
