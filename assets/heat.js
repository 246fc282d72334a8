// The maps of a scored face. Body of a function of (element, trigger, props, server, upload, watch), run once by gr.HTML.
//
// What comes in:  props.value    {maps, scale} of ui/parts/heat_map.py, or null
//                 props.opacity  per cent that the slider starts at

const find = (selector) => element.querySelector(selector);
const root = find(".heat"), list = find(".heat-maps"), bar = find(".heat-bar"), mark = find(".heat-at");
const read = find(".heat-read"), opacity = find(".heat-opacity"), least = find(".heat-least");
const PIXELS = 768, STEP = 0.02; // side of the canvas; how far an arrow key goes, as a share of it

let scale = null, maps = [];
opacity.value = props.opacity;

const amount = (share) => scale.upper * share ** (1 / scale.exponent);
const shareOf = (value) => Math.min(1, Math.max(0, value / scale.upper)) ** scale.exponent;

function text(value) {
  const digits = scale.upper >= 1000 ? 0 : scale.upper >= 10 ? 1 : 3;
  const number = value.toLocaleString(LANGUAGE.code, { maximumFractionDigits: digits });
  return scale.unit ? `${number} ${scale.unit}` : number;
}

function floats(encoded) {
  const bytes = Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0)), view = new DataView(bytes.buffer);
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
}

// --- drawing --------------------------------------------------------------------------------------------------------

// The colours of the map at its own resolution; the browser blends between them.
function colours({ side, values }) {
  const layer = document.createElement("canvas"), from = least.value / 100;
  layer.width = layer.height = side;
  const pen = layer.getContext("2d"), picture = pen.createImageData(side, side);
  values.forEach((value, i) => {
    const share = shareOf(value);
    if (!(share >= from)) return; // outside the region it is no number
    picture.data.set(scale.shades[Math.round(share * (scale.shades.length - 1))], 4 * i);
  });
  pen.putImageData(picture, 0, 0);
  return layer;
}

function draw(map) {
  const pen = map.canvas.getContext("2d");
  pen.imageSmoothingQuality = "high";
  pen.globalAlpha = 1;
  pen.drawImage(map.picture, 0, 0, PIXELS, PIXELS);
  pen.save();
  const around = new Path2D();
  map.outline.forEach((line) => {
    line.forEach(([x, y], i) => around[i ? "lineTo" : "moveTo"](x * PIXELS, y * PIXELS));
    around.closePath();
  });
  pen.clip(around, "evenodd");
  pen.globalAlpha = opacity.value / 100;
  pen.drawImage(colours(map), 0, 0, PIXELS, PIXELS);
  pen.restore();
  for (const [colour, width] of [["rgba(0,0,0,.7)", 5], ["#fff", 2.5]]) {
    pen.strokeStyle = colour;
    pen.lineWidth = width;
    pen.stroke(around);
    if (map.at) cross(pen, map.at);
  }
}

function cross(pen, [x, y]) {
  const [at, down, near, far] = [x * PIXELS, y * PIXELS, 7, 22];
  pen.beginPath();
  for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
    pen.moveTo(at + near * dx, down + near * dy);
    pen.lineTo(at + far * dx, down + far * dy);
  }
  pen.stroke();
}

function redraw() {
  if (!scale) return;
  maps.forEach((map) => map.canvas && draw(map));
  const shown = text(amount(least.value / 100));
  find("output").textContent = shown;
  least.setAttribute("aria-valuetext", shown);
  opacity.setAttribute("aria-valuetext", `${opacity.value} %`);
}

// --- reading --------------------------------------------------------------------------------------------------------

// The value between the four nearest pixels of the region; nothing outside it.
function valueAt({ side, values }, [x, y]) {
  const cell = (at) => Math.min(side - 1, Math.floor(at * side));
  if (Number.isNaN(values[cell(y) * side + cell(x)])) return null;
  let sum = 0, weight = 0;
  const [left, top] = [x * side - 0.5, y * side - 0.5], [column, row] = [Math.floor(left), Math.floor(top)];
  for (const [j, i] of [[row, column], [row, column + 1], [row + 1, column], [row + 1, column + 1]]) {
    const value = i < 0 || j < 0 || i >= side || j >= side ? NaN : values[j * side + i];
    const share = (1 - Math.abs(top - j)) * (1 - Math.abs(left - i));
    if (Number.isNaN(value)) continue;
    sum += share * value;
    weight += share;
  }
  return weight ? sum / weight : null;
}

function readAt(map, at, aloud = false) {
  map.at = at;
  const value = valueAt(map, at), whose = maps.length > 1 ? `${map.photo}: ` : "";
  read.textContent = whose + (value === null ? word("outside the region") : text(value));
  mark.hidden = value === null;
  if (value !== null) mark.style.setProperty("--at", `${100 * shareOf(value)}%`);
  if (aloud) window.philtrumSay(read.textContent);
  draw(map);
}

// Where nothing is pointed at: where each map is highest.
function readPeaks() {
  mark.hidden = true;
  const peaks = maps.filter((map) => map.peak);
  const told = peaks.map(({ photo, peak }) => (maps.length > 1 ? `${photo}: ${peak}` : peak[0].toUpperCase() + peak.slice(1)));
  read.replaceChildren(...told.map((each) => Object.assign(document.createElement("span"), { textContent: each })));
}

function leave(map) {
  map.at = null;
  readPeaks();
  draw(map);
}

function place(map) {
  const share = (event) => {
    const box = map.canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height]
      .map((at) => Math.min(0.9999, Math.max(0, at)));
  };
  for (const kind of ["pointermove", "pointerdown"]) {
    map.canvas.addEventListener(kind, (event) => readAt(map, share(event)));
  }
  map.canvas.addEventListener("pointerleave", () => leave(map));
  map.canvas.addEventListener("blur", () => leave(map));
  map.canvas.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!by || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    const [x, y] = map.at ?? [0.5, 0.5], far = event.shiftKey ? 4 * STEP : STEP;
    readAt(map, [x + far * by[0], y + far * by[1]].map((at) => Math.min(0.9999, Math.max(0, at))), true);
  });
}

// --- what the server sends ------------------------------------------------------------------------------------------

function figure(map) {
  const made = document.createElement("figure"), caption = document.createElement("figcaption");
  caption.textContent = map.photo;
  if (map.none) {
    const why = document.createElement("p");
    why.className = "heat-none";
    why.textContent = map.none;
    made.append(why);
  } else {
    map.canvas = document.createElement("canvas");
    map.canvas.width = map.canvas.height = PIXELS;
    map.canvas.tabIndex = 0;
    map.canvas.setAttribute("role", "img");
    map.canvas.setAttribute("aria-label", `${map.said} ${word("Arrow keys read values.")}`);
    place(map);
    made.append(map.canvas);
  }
  if (maps.length > 1) made.append(caption);
  return made;
}

function showScale() {
  bar.hidden = !scale;
  if (!scale) return;
  bar.setAttribute("aria-label", word("Colour scale: {name}", { name: scale.label }));
  const stops = scale.shades.filter((_, i) => i % 5 === 0).map(([red, green, blue]) => `rgb(${red} ${green} ${blue})`);
  bar.style.setProperty("--shades", stops.join(", "));
  bar.querySelector("p").textContent = scale.label;
  bar.querySelector("ul").replaceChildren(...scale.ticks.map(([share, value]) => {
    const tick = document.createElement("li");
    tick.style.setProperty("--at", `${100 * share}%`);
    tick.textContent = (share === 1 ? "≥ " : "") + value;
    return tick;
  }));
}

let latest = 0;
async function show() {
  const value = props.value, mine = ++latest;
  const given = (value?.maps ?? []).map((map) => ({ ...map, values: map.values && floats(map.values) }));
  await Promise.all(given.filter((map) => map.face).map((map) => {
    map.picture = new Image();
    map.picture.src = map.face;
    return map.picture.decode();
  }));
  if (mine !== latest) return;
  if (scale?.label !== value?.scale?.label) least.value = 0; // another measure has other values
  [scale, maps] = [value?.scale ?? null, given];
  root.dataset.state = given.length ? "ready" : "empty";
  root.dataset.count = given.length;
  list.replaceChildren(...given.map(figure));
  showScale();
  readPeaks();
  root.querySelectorAll("input").forEach((input) => (input.disabled = !scale));
  redraw();
}

for (const slider of [opacity, least]) slider.addEventListener("input", redraw);
watch("value", show);
show();
