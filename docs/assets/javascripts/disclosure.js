/*
 * Collapsed blocks: one button for all of them, links that open what hides their target, and all of them open in print.
 *
 * Browsers open the blocks around a link's target themselves. Missing are a block whose own id is the target, the same link a
 * second time after its block was closed, and nested blocks in browsers that do not open them yet.
 */

import { button } from "./dom.js";
import { icon } from "./icons.js";
import { ownText } from "./text.js";

/** Put the button that opens or closes all blocks of `article` into `tools`. */
export function setUpDisclosure(article, tools) {
  const blocks = [...article.querySelectorAll("details")];
  if (!blocks.length) return;

  const anyClosed = () => blocks.some((block) => !block.open);
  const name = document.createTextNode("");
  const all = button([icon("disclose"), name], "tool disclose-all", () => {
    const open = anyClosed();
    for (const block of blocks) block.open = open;
    label();
  });
  // The label says what the button will do, so there is no pressed state to tell beside it.
  const label = () => {
    name.data = anyClosed() ? "Open all" : "Close all";
  };
  // A page has several short answers; in a list of what can be pressed, nothing but the name tells them apart.
  for (const block of blocks) {
    const heading = block.previousElementSibling;
    const summary = block.querySelector("summary");
    if (heading?.matches("h3, h4")) summary.setAttribute("aria-label", `${summary.textContent.trim()}: ${ownText(heading)}`);
  }
  // `toggle` does not bubble, but it can be caught on its way down.
  article.addEventListener("toggle", label, true);
  label();
  tools.prepend(all);
}

/** Open every block that the element of `hash` is in or is, then scroll to it. */
function reveal(hash) {
  const target = document.getElementById(decoded(hash.slice(1)));
  let closed = target?.closest("details:not([open])");
  if (!closed) return;
  for (; closed; closed = closed.parentElement.closest("details:not([open])")) closed.open = true;
  target.scrollIntoView();
}

function decoded(id) {
  try {
    return decodeURIComponent(id);
  } catch {
    return id;
  }
}

window.addEventListener("hashchange", () => reveal(location.hash));
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href*='#']");
  // A link to another address, or to another section, leads to a load or to `hashchange`.
  if (link && link.href === location.href) reveal(link.hash);
});
reveal(location.hash);

let closed = [];
addEventListener("beforeprint", () => {
  closed = [...document.querySelectorAll("article details:not([open])")];
  for (const block of closed) block.open = true;
});
addEventListener("afterprint", () => {
  for (const block of closed) block.open = false;
  closed = [];
});
