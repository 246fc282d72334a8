// "?" lists the keys. Part of the page's script.

const showKeys = () => document.querySelector("dialog.keys-list")?.showModal();
const types = (target) =>
  target.isContentEditable || ["TEXTAREA", "SELECT"].includes(target.tagName) ||
  (target.tagName === "INPUT" && !["range", "checkbox", "radio", "button", "file"].includes(target.type));

document.addEventListener("keydown", (event) => {
  if (event.key !== "?" || types(event.target) || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  showKeys();
});
document.addEventListener("click", (event) => event.target.closest?.(".keys-open") && showKeys());
