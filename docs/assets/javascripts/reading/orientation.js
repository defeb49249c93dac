/*
 * Where a reader is in a question's page: once the question is out of sight, a bar below the header leads back to it, names
 * the section at hand, and shows how far into an open block (the model answer, say) it is. Where there is no room for a
 * sidebar, it lists the sections, too.
 */

import { ownText } from "../text.js";

const HEADINGS = ":is(h2, h3)[id]";
const MARGIN = 32;

/** Put the bar into the page's header. `article` is a question's page. */
export function setUpOrientation(article) {
  const header = document.querySelector(".md-header");
  const start = article.querySelector("#what-it-tests");
  document.querySelector(".orientation")?.remove();
  if (!header || !start) return;

  const bar = document.createElement("nav");
  bar.className = "orientation";
  bar.hidden = true;
  bar.setAttribute("aria-label", "Place in this page");
  const back = document.createElement("a");
  back.href = "#question";
  back.textContent = "Question";
  const section = document.createElement("a");
  const read = document.createElement("span");
  read.className = "orientation__read";
  bar.append(back, section, ...sectionsMenu(section), read);
  header.append(bar);

  const headings = [...article.querySelectorAll(HEADINGS)].filter((heading) => !heading.closest("nav"));
  const blocks = [...article.querySelectorAll(":scope > details")];
  let asked = false;

  function show() {
    asked = false;
    if (!bar.isConnected) return;
    const top = header.getBoundingClientRect().bottom;
    bar.hidden = start.getBoundingClientRect().top > top;
    if (bar.hidden) return;
    const line = top + bar.offsetHeight;
    // A link leads its heading to a little below the bar. A heading in a closed block has no box.
    const isBegun = (heading) => heading.getClientRects().length && heading.getBoundingClientRect().top <= line + MARGIN;
    const current = headings.findLast(isBegun);
    if (current && section.hash !== `#${current.id}`) {
      section.href = `#${current.id}`;
      section.textContent = ownText(current);
    }
    const boxes = blocks.filter((block) => block.open).map((block) => block.getBoundingClientRect());
    const box = boxes.find((box) => box.top < line && box.bottom > line);
    const more = box ? box.height - (innerHeight - line) : 0;
    const done = more > 0 ? Math.min(1, (line - box.top) / more) : 0;
    read.style.setProperty("--read", done.toFixed(3));
  }

  function ask() {
    if (asked) return;
    asked = true;
    requestAnimationFrame(show);
  }

  const stop = new AbortController();
  addEventListener("scroll", () => (bar.isConnected ? ask() : stop.abort()), { passive: true, signal: stop.signal });
  addEventListener("resize", ask, { passive: true, signal: stop.signal });
  article.addEventListener("toggle", ask, { capture: true, signal: stop.signal });
  ask();
}

/** A button and the list that it shows: what the sidebar has. `section` is the link to the section at hand. */
function sectionsMenu(section) {
  const links = [...document.querySelectorAll(".md-sidebar--secondary a.md-nav__link")];
  if (!links.length || !("popover" in HTMLElement.prototype)) return [];
  const menu = document.createElement("div");
  menu.className = "orientation__menu";
  menu.id = "sections-menu";
  menu.popover = "auto";
  const button = document.createElement("button");
  button.type = "button";
  button.className = "orientation__sections";
  button.setAttribute("aria-label", "Sections of this page");
  button.popoverTargetElement = menu;
  menu.addEventListener("beforetoggle", (event) => {
    if (event.newState === "open") menu.replaceChildren(...links.filter(leadsSomewhere).map(entry));
  });
  menu.addEventListener("click", (event) => event.target.closest("a") && menu.hidePopover());
  return [button, menu];

  /** A practice run puts sections away. */
  function leadsSomewhere(link) {
    const heading = document.getElementById(link.hash.slice(1));
    return (heading?.closest("details") ?? heading)?.checkVisibility();
  }

  function entry(link) {
    const made = document.createElement("a");
    made.href = link.hash;
    made.textContent = link.textContent.trim();
    const at = document.getElementById(section.hash.slice(1));
    const target = document.getElementById(link.hash.slice(1));
    // What is inside a block belongs to the section that the block is.
    if (at === target || at?.closest("details")?.contains(target)) made.setAttribute("aria-current", "location");
    return made;
  }
}
