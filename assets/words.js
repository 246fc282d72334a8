// Texts in the language of the app: word(text, values), and counted(one, many, count). What LANGUAGE holds ui/theme.py says
// before this, the first part of the page's script. Texts are data: whoever sets one as HTML has it from a catalogue.

document.documentElement.lang = LANGUAGE.code;
document.documentElement.dir = LANGUAGE.direction;

const filled = (text, values) => text.replace(/\{(\w+)\}/g, (place, name) => values[name] ?? place);
const word = (text, values = {}) => filled(LANGUAGE.texts[text] ?? text, values);
function counted(one, many, count) {
  const forms = LANGUAGE.texts[one] ?? [one, many];
  return filled(forms[LANGUAGE.plural(count)], { count });
}
// A text as nodes: what stands between bars is left out where there is no room, as in HTML that Python fills in.
function parts(text) {
  return text.split("|").map((part, number) => {
    const node = number % 2 ? document.createElement("span") : document.createTextNode(part);
    node.textContent = part;
    return node;
  });
}
// What the style sheet writes.
document.documentElement.style.setProperty("--former-photo", JSON.stringify(word("Of the former photo")));
Object.assign(window, { LANGUAGE, filled, word, counted, parts });

