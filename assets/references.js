// Further references of the same person, as thumbnails. Body of a function of (element, trigger, props, server, upload,
// watch), run once by gr.HTML.
//
// What comes in:  props.others  [{key, number, url, faces, face}, ...] in the order that they were added in
//                 props.reply   counts the server's answers, so that waiting ends even when nothing changed
// What goes out:  props.value   the keys of those that are shown; events upload {paths} and select {remove} or {turn, face}

const find = (selector) => element.querySelector(selector);
const list = find(".more-list"), add = find(".more-add"), busy = find(".more-busy"), file = find(".editor-file");

function note(text) {
  const box = find(".more-note");
  box.textContent = text ?? "";
  box.hidden = !text;
}

function wait(text) {
  busy.textContent = text ?? "";
  busy.hidden = !text;
  element.querySelectorAll("button, select").forEach((each) => (each.disabled = Boolean(text)));
}

function faces({ key, number, faces, face }) {
  const choice = document.createElement("select");
  choice.setAttribute("aria-label", `Face of reference ${number}`);
  for (let i = 0; i < faces; i += 1) choice.append(new Option(`Face ${i + 1}${i ? "" : " (largest)"}`, i, false, i === face));
  choice.addEventListener("change", () => {
    wait("Turning to that face …");
    trigger("select", { turn: key, face: +choice.value });
  });
  return choice;
}

function item(each) {
  const { key, number, url } = each, entry = document.createElement("li");
  const picture = new Image(), name = document.createElement("span"), remove = document.createElement("button");
  picture.src = url;
  picture.alt = `Reference ${number}`;
  name.textContent = number;
  name.setAttribute("aria-hidden", "true");
  remove.type = "button";
  remove.textContent = "×";
  remove.title = "Remove";
  remove.setAttribute("aria-label", `Remove reference ${number}`);
  remove.addEventListener("click", () => {
    wait("Removing it …");
    trigger("select", { remove: key });
  });
  entry.append(picture, name, remove);
  if (each.faces > 1) entry.append(faces(each));
  return entry;
}

function show() {
  const shown = list.childElementCount;
  list.replaceChildren(...props.others.map(item));
  list.hidden = !props.others.length;
  add.hidden = props.others.length >= props.most;
  props.value = props.others.map(({ key }) => key);
  if (props.others.length !== shown) find(".more-said").textContent = `${props.others.length + 1} references.`;
}

async function give(chosen) {
  if (chosen.size > props.most_bytes) {
    note(`This file has more than ${Math.round(props.most_bytes / 2 ** 20)} MB; save a smaller copy and choose that.`);
    return null;
  }
  // The photo's own name stays here: names often say whose face it is.
  const ending = /\.[a-z0-9]{1,5}$/i.exec(chosen.name ?? "")?.[0].toLowerCase() ?? ".png";
  return (await upload(new File([chosen], `photo${ending}`, { type: chosen.type }))).path;
}

file.addEventListener("change", async () => {
  const chosen = [...file.files];
  file.value = "";
  note(null);
  wait("Reading the photo …");
  try {
    const paths = [];
    for (const each of chosen) paths.push(await give(each));
    const sent = paths.filter(Boolean);
    sent.length ? trigger("upload", { paths: sent }) : wait(null);
  } catch {
    wait(null);
    note("The reference did not reach the app; check that it still runs, and choose the reference again.");
  }
});
add.addEventListener("click", () => file.click());

watch("others", show);
watch("reply", () => wait(null));
show();
