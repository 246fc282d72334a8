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
  choice.setAttribute("aria-label", word("Face of reference {number}", { number }));
  for (let i = 0; i < faces; i += 1) choice.append(new Option(i ? word("Face {number}", { number: i + 1 }) : word("Face 1 (largest)"), i, false, i === face));
  choice.addEventListener("change", () => {
    wait(word("Turning to that face …"));
    trigger("select", { turn: key, face: +choice.value });
  });
  return choice;
}

function item(each) {
  const { key, number, url } = each, entry = document.createElement("li");
  const picture = new Image(), name = document.createElement("span"), remove = document.createElement("button");
  picture.src = url;
  picture.alt = word("Reference {number}", { number });
  name.textContent = number;
  name.setAttribute("aria-hidden", "true");
  remove.type = "button";
  remove.textContent = "×";
  remove.title = word("Remove");
  remove.setAttribute("aria-label", word("Remove reference {number}", { number }));
  remove.addEventListener("click", () => {
    wait(word("Removing it …"));
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
  if (props.others.length !== shown) find(".more-said").textContent = counted("{count} reference.", "{count} references.", props.others.length + 1);
}

file.addEventListener("change", async () => {
  const chosen = [...file.files];
  file.value = "";
  note(null);
  wait(word("Reading the photo …"));
  try {
    const paths = [];
    for (const each of chosen) {
      const wrong = tooLarge(each);
      wrong ? note(wrong) : paths.push(await send(each));
    }
    paths.length ? trigger("upload", { paths }) : wait(null);
  } catch {
    wait(null);
    note(word("The reference did not reach the app; check that it still runs, and choose the reference again."));
  }
});
add.addEventListener("click", () => file.click());

watch("others", show);
watch("reply", () => wait(null));
show();
