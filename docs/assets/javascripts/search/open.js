/*
 * The ways into the search: its button in the header, the key `/` and Ctrl or Command with K. Nothing of it is loaded before a
 * reader comes near.
 */

import { announce } from "../copy-link.js";
import { element } from "../dom.js";
import { isKeyOn, onKeyChange } from "./key.js";

const TYPING = "input:not([type=radio], [type=checkbox]), textarea, select, [contenteditable]";

/** What a reader types while the search is on its way; null when it is not. */
let typed = null;

export function setUpSearch() {
  const link = document.querySelector("a.search-open");
  if (!link) return;
  // Without scripts it leads to the table of all questions.
  const button = element("button", { type: "button", className: link.className, "aria-haspopup": "dialog", click: open }, ...link.childNodes);
  link.replaceWith(button);
  nameKeys(button);
  onKeyChange(() => nameKeys(button));
  for (const near of ["pointerenter", "focus"]) button.addEventListener(near, approach, { once: true });
  follow();
}

/** Say at the button which keys open the search. */
function nameKeys(button) {
  button.setAttribute("aria-keyshortcuts", isKeyOn() ? "/ Control+K" : "Control+K");
}

async function open() {
  if (typed !== null) return;
  typed = "";
  try {
    const field = await (await dialog())?.openSearch();
    if (!field || !typed) return;
    field.value = typed;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  } finally {
    typed = null;
  }
}

/** The module of the dialog; nothing where it does not load, which the reader is told. */
const dialog = () => import("./dialog.js").catch(() => announce("The search could not be loaded."));

/** A link to a search, a reload of one, and the ways back and forward. */
const follow = async () => {
  const isOpen = document.querySelector("dialog.search[open]");
  if (isOpen || new URLSearchParams(location.search).has("search")) (await dialog())?.followAddress();
};
// Whoever only passes by has lost nothing: an error is told when the search is opened.
const approach = () => Promise.all([import("./dialog.js"), import("./index.js").then(({ load }) => load())]).catch(() => {});

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key === "k") {
    event.preventDefault();
    open();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.(TYPING)) return;
  const isNext = typed !== null && event.key.length === 1;
  if (!isNext && (event.key !== "/" || !isKeyOn())) return;
  event.preventDefault();
  if (!isNext) open();
  else if (typed || event.key !== "/") typed += event.key;
});

addEventListener("popstate", follow);
