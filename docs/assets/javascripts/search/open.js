/*
 * The ways into the search: its button in the header, and the key `/`. Nothing of it is loaded before a reader comes near.
 */

const TYPING = "input, textarea, select, [contenteditable]";

export function setUpSearch() {
  const link = document.querySelector("a.search-open");
  if (!link) return;
  // Without scripts it leads to the table of all questions.
  const button = document.createElement("button");
  button.type = "button";
  button.className = link.className;
  button.setAttribute("aria-haspopup", "dialog");
  button.setAttribute("aria-keyshortcuts", "/");
  button.append(...link.childNodes);
  link.replaceWith(button);
  button.addEventListener("click", open);
  for (const near of ["pointerenter", "focus"]) button.addEventListener(near, approach, { once: true });
  follow();
}

const open = async () => (await import("./dialog.js")).openSearch();
/** A link to a search, a reload of one, and the ways back and forward. */
const follow = async () => {
  const isOpen = document.querySelector("dialog.search[open]");
  if (isOpen || new URLSearchParams(location.search).has("search")) (await import("./dialog.js")).followAddress();
};
const approach = async () => {
  await import("./dialog.js");
  // Whoever only passes by has lost nothing, and an error is told when the search is opened.
  (await import("./index.js")).load().catch(() => {});
};

document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.(TYPING)) return;
  event.preventDefault();
  open();
});

addEventListener("popstate", follow);
