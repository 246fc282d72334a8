// What screen readers are told of: philtrumSay(text). The first part of the page's script.

const ready = (start) => (document.body ? start() : document.addEventListener("DOMContentLoaded", start));
const spoken = document.createElement("div");
spoken.className = "sr";
spoken.id = "philtrum-said";
spoken.setAttribute("role", "status");
ready(() => document.body.append(spoken));

window.philtrumSay = (text) => {
  spoken.textContent = "";
  setTimeout(() => (spoken.textContent = text), 60); // the same words again are a change too
};
