// The strip of the stages' pictures. Body of a function of (element, trigger, props, server, upload, watch), run once by
// gr.HTML.
//
// What comes in:  props.stages  [{label, meaning, url}, ...] in the order of work

const strip = element.querySelector(".stages-strip"), none = element.querySelector(".stages-none");
const large = element.querySelector("dialog"), [title, text] = large.querySelectorAll("h3, p");
let at = 0;

function open(i) {
  at = (i + props.stages.length) % props.stages.length;
  const { label, meaning, url } = props.stages[at], picture = large.querySelector("img");
  title.textContent = word("{number} of {count}: {label}", { number: at + 1, count: props.stages.length, label });
  picture.src = url;
  picture.alt = label;
  text.textContent = meaning;
  if (!large.open) large.showModal();
}

function show() {
  none.hidden = props.stages.length > 0;
  strip.replaceChildren(...props.stages.map(({ label, meaning, url }, i) => {
    const button = document.createElement("button"), picture = new Image();
    button.type = "button";
    button.title = meaning;
    button.setAttribute("aria-label", word("Stage {number}: {label}", { number: i + 1, label }));
    picture.src = url;
    picture.alt = "";
    button.append(picture, label);
    button.addEventListener("click", () => open(i));
    return button;
  }));
}

large.querySelectorAll("button").forEach((button) =>
  button.addEventListener("click", () => (+button.dataset.by ? open(at + +button.dataset.by) : large.close())));
large.addEventListener("click", (event) => event.target === large && large.close()); // beside the picture
large.addEventListener("close", () => strip.children[at]?.focus());
large.addEventListener("keydown", (event) => {
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (by) open(at + by);
});

watch("stages", show);
show();
