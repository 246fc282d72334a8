// What every photo field does: it takes a photo from a file, a drop, the clipboard or the camera, shows it, and lets it be
// zoomed and moved. Body of a function of (element, trigger, props, server, upload, watch), run once by gr.HTML; the
// field's own script (editor.js, reference.js) follows as part of the same body.
//
// What comes in:  props.photo     {key, url, width, height, faces: [[left, top, right, bottom], ...], ...}
//                 props.face      number of the chosen face
//                 props.reply     counts the server's answers, so that waiting ends even when nothing changed
//                 props.refused   counts the files that the server refused
//                 props.given     whether the photo comes from elsewhere on the page, and none is chosen here
// What goes out:  events upload {path} and select {example}
// What is asked:  server.examples(): [{key, label, url}, ...], where the field has some
//
// The field's own script declares:
//   own.opened()      a new photo is there
//   own.value()       what is sent of the photo that is shown
//   own.over()        draws over the photo
//   own.press(event)  the pointer went down
//   own.drag(event)   it moved; true where that was more than moving the picture
//   own.lift()        it came up
//   own.drop()        what the pointer began is to be forgotten
//   own.key(event, command, plain)  true where the key did something
// and, where there is need, own.moved() (the view changed), own.cursor() (draws the pointer), own.tools(off), own.actions
// (what the buttons with data-do do) and own.hooks (for tests and scripts).

const find = (selector) => element.querySelector(selector);
const root = find(".editor"), stage = find(".editor-stage"), view = find(".editor-view"), file = find(".editor-file");
const video = find("video"), pen = view.getContext("2d");
const lead = find(".editor-lead"), words = lead.textContent;
const MOST_ZOOM = 16, HINT = 6000;

let photo = null, picture = null;
let scale = 1, left = 0, top = 0, fitted = true, scheduled = false;
let pointer = null, fingers = new Map(), pinch = null, stream = null, waiting = 0, hinting = 0;
let queue = Promise.resolve();

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
  const shown = find(".editor-zoom");
  if (shown) shown.textContent = `${Math.round((100 * scale) / fitScale())} %`;
  own.moved?.();
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
    if (!photo || !width || root.dataset.state !== "ready") return;
    pen.imageSmoothingQuality = "high";
    pen.drawImage(picture, left, top, scale * photo.width, scale * photo.height);
    own.over();
    if (photo.faces.length > 1) photo.faces.forEach(frame);
    own.cursor?.();
  });
}

function frame([x0, y0, x1, y1], i) {
  const chosen = i === (props.face ?? 0), x = left + scale * x0, y = top + scale * y0;
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
}

// --- pointer --------------------------------------------------------------------------------------------------------

function at(event) {
  const box = view.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}

function pinchState() {
  const [[x0, y0], [x1, y1]] = [...fingers.values()];
  return { x: (x0 + x1) / 2, y: (y0 + y1) / 2, far: Math.hypot(x1 - x0, y1 - y0) };
}

view.addEventListener("pointerdown", (event) => {
  if (!photo || root.dataset.state !== "ready") return;
  view.setPointerCapture(event.pointerId);
  pointer = at(event);
  fingers.set(event.pointerId, pointer);
  if (event.pointerType === "touch" && fingers.size === 2) {
    own.drop(); // a second finger means moving and zooming, not painting
    pinch = pinchState();
  } else if (fingers.size === 1 && event.button === 0) own.press(event);
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
  } else if (!own.drag(event) && fingers.size === 1 && before) {
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
  event.type === "pointercancel" ? own.drop() : own.lift();
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

// --- keys -----------------------------------------------------------------------------------------------------------

function typing(target) {
  return target.isContentEditable || target.tagName === "TEXTAREA" || target.tagName === "SELECT" ||
    (target.tagName === "INPUT" && !["range", "checkbox", "radio", "button", "file"].includes(target.type));
}

function visible() {
  return element.isConnected && element.offsetParent !== null;
}

// Keys go to the field that has the focus; without one, to the field whose run they could start.
function isAddressed(event) {
  const field = event.target.closest?.(".editor");
  return field ? field === root : Boolean(props.run);
}

function onKey(event) {
  if (!visible() || document.querySelector("dialog[open]")) return;
  const command = event.ctrlKey || event.metaKey, key = event.key.toLowerCase();
  if (command && key === "enter" && props.run) {
    event.preventDefault();
    document.getElementById(props.run)?.click();
    return;
  }
  if (!photo || root.dataset.state !== "ready" || typing(event.target) || !isAddressed(event)) return;
  const plain = !command || event.altKey; // AltGr, which types brackets on many keyboards, reports Ctrl and Alt
  if (!own.key(event, command, plain)) {
    if (command || event.altKey) return;
    if (key === "+" || key === "=") zoom(1.25);
    else if (key === "-") zoom(0.8);
    else if (key === "0") fit();
    else return;
  }
  event.preventDefault();
}

// --- photos ---------------------------------------------------------------------------------------------------------

function say(text) {
  find(".editor-said").textContent = text;
}

function hint(text) {
  const box = find(".editor-hint");
  box.textContent = text ?? "";
  box.hidden = !text;
  clearTimeout(hinting);
  if (text) hinting = setTimeout(hint, HINT);
}

// What is sent is what is seen: while the field shows no photo it holds none, though the last one can be taken again.
function show(state) {
  const focused = root.contains(document.activeElement) && document.activeElement !== document.body;
  root.dataset.state = state;
  props.value = state === "ready" ? own.value() : null;
  lead.textContent = words;
  lead.removeAttribute("data-refused");
  former();
  find(".editor-start").hidden = state !== "empty";
  find(".editor-shoot").hidden = state !== "camera";
  find(".editor-back").hidden = !photo;
  view.tabIndex = state === "ready" ? 0 : -1;
  hint(null);
  tools();
  draw();
  if (focused) keepFocus();
}

// What had the focus is hidden or switched off now: the next thing to do has it.
function keepFocus() {
  const next = { ready: view, camera: find(".editor-snap"), empty: find(".editor-choose") }[root.dataset.state];
  const at = document.activeElement;
  if (!root.contains(at) || at.disabled || !at.getClientRects().length) next.focus({ preventScroll: true });
}

function tools() {
  const off = root.dataset.state !== "ready";
  root.querySelectorAll(".editor-bar :is(button, input)").forEach((each) => (each.disabled = off));
  own.tools?.(off);
}

// While a field shows another photo than the result is of, or is about to, the result is greyed and cannot be used.
function former() {
  const row = root.closest(".work"), result = row?.querySelector(":scope > .get");
  if (!result) return;
  const shown = [...row.querySelectorAll(".editor[data-photo]")].filter((each) => each.offsetParent !== null);
  result.inert = shown.some((each) => each.dataset.state !== "ready" || "reading" in each.dataset);
  row.toggleAttribute("data-former", result.inert);
}

function note(text) {
  const box = find(".editor-note");
  box.textContent = text ?? "";
  box.hidden = !text;
}

function wait(text) {
  waiting = text ? waiting + 1 : 0;
  root.toggleAttribute("data-reading", Boolean(text));
  former();
  const box = find(".editor-busy");
  box.textContent = text ?? "";
  box.hidden = !text;
}

async function give(chosen) {
  const wrong = tooLarge(chosen);
  note(wrong);
  if (wrong) return;
  window.philtrumDid("photo");
  wait(props.named.reading);
  try {
    trigger("upload", { path: await send(chosen) });
  } catch {
    wait(null);
    note(props.named.lost);
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
find(".editor-back").addEventListener("click", () => {
  note(null);
  window.philtrumDid("photo");
  show("ready");
});
find(".editor-paste").addEventListener("click", async () => {
  try {
    for (const item of await navigator.clipboard.read()) {
      const type = item.types.find((each) => each.startsWith("image/"));
      if (type) return give(new File([await item.getType(type)], `photo.${type.slice(6)}`, { type }));
    }
    note(word("There is no picture to paste; copy a photo first."));
  } catch {
    note(word("The browser does not let this page read what was copied; press Ctrl+V instead."));
  }
});
stage.addEventListener("dragover", (event) => {
  event.preventDefault();
  if (!props.given) stage.dataset.drop = "";
});
stage.addEventListener("dragleave", () => delete stage.dataset.drop);
stage.addEventListener("drop", (event) => {
  event.preventDefault();
  delete stage.dataset.drop;
  if (props.given) return;
  const chosen = pictureIn(event.dataTransfer);
  chosen ? give(chosen) : note(word("This is not a picture; drop a JPEG or PNG photo."));
});

// What is pasted goes where the pointer or the focus is; else to the first field that still lacks a photo.
function pastesHere() {
  const fields = [...document.querySelectorAll(".editor")].filter((each) => each.offsetParent !== null);
  const meant = fields.find((each) => each.matches(":hover, :focus-within"));
  return (meant ?? fields.find((each) => !each.dataset.photo) ?? fields[0]) === root;
}

function onPaste(event) {
  const chosen = visible() && !props.given && !typing(event.target) && pictureIn(event.clipboardData);
  if (chosen && pastesHere()) give(chosen);
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
    note(word("No camera could be used; allow it in the browser, or choose a photo instead."));
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

async function examples() {
  if (!server.examples) return;
  find(".editor-examples").replaceChildren(...(await server.examples(null)).map(({ key, label, url }) => {
    const button = document.createElement("button"), shown = new Image();
    button.type = "button";
    button.setAttribute("aria-label", word("Example: {label}", { label }));
    shown.src = url;
    shown.alt = "";
    button.append(shown, label);
    button.addEventListener("click", () => {
      note(null);
      window.philtrumDid("photo");
      wait(word("Opening the example …"));
      trigger("select", { example: key });
    });
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

// Another case is on the desk, which has no photo here: nothing of the former one can be taken again.
function forget() {
  if (!photo) return;
  photo = picture = null;
  delete root.dataset.photo;
  note(null);
  own.forgotten?.();
  show("empty");
}

async function newPhoto() {
  const next = props.photo;
  if (!next) return forget();
  if (next.key === photo?.key) return;
  const image = await load(next.url);
  photo = next;
  picture = image;
  root.dataset.photo = photo.key;
  note(null);
  own.opened();
  show("ready");
  focus();
  const faces = photo.faces.length === 1 ? word("one face") : counted("{count} face", "{count} faces", photo.faces.length);
  say(filled(props.named.opened, { faces }));
}

// The photo before the refused one is not used any more unless the person says so.
function refuse() {
  show("empty");
  lead.textContent = photo ? props.named.refused : word("This file is not used; choose another.");
  lead.toggleAttribute("data-refused", true);
}

// Called by the field's own script when everything is declared. Gives the signal that ends what the field listens to.
function start() {
  own.actions = { new: () => show("empty"), ...own.actions };
  root.querySelectorAll("[data-do]").forEach((button) =>
    button.addEventListener("click", () => own.actions[button.dataset.do]()));

  watch("photo", () => (queue = queue.then(newPhoto)));
  watch("refused", () => (queue = queue.then(refuse)));
  watch("reply", () => (queue = queue.then(() => wait(null))));
  watch("face", () => (queue = queue.then(() => photo && focus())));

  new ResizeObserver(() => {
    if (!photo || view.clientWidth === 0) return;
    if (scale === 0) return focus(); // it came while its tab was not to be seen
    fitted ? fit() : changedView();
  }).observe(view);

  // A page that is drawn anew leaves its old field behind: that one must stop listening.
  const fields = (window.philtrum ??= {});
  fields[props.name]?.life.abort();
  const life = new AbortController();
  document.addEventListener("keydown", onKey, { signal: life.signal });
  document.addEventListener("paste", onPaste, { signal: life.signal });
  window.addEventListener("pagehide", stopCamera, { signal: life.signal });

  // For tests and scripts: what would be sent now, and where a point of the photo's copy lies on the page.
  fields[props.name] = {
    life,
    value: () => props.value,
    onPage: (x, y) => {
      const box = view.getBoundingClientRect();
      return [box.left + left + scale * x, box.top + top + scale * y];
    },
    ...own.hooks,
  };
  root.toggleAttribute("data-given", Boolean(props.given));
  examples();
  show("empty");
  if (props.photo) queue = queue.then(newPhoto); // it came before the field was there, as with a case that was opened
  return life.signal;
}
