/*
 * Where a reader is in a question's page: once the question is out of sight, a bar below the header leads back to it, names
 * the section at hand, and shows how far into an open block (the model answer, say) it is. Where there is no room for a
 * sidebar, it lists the sections, too.
 */

import { element } from "../dom.js";
import { icon } from "../icons.js";
import { ownText } from "../text.js";

const HEADINGS = ":is(h2, h3)[id]";
const MARGIN = 32;

/** Put the bar into the page's header. `article` is a question's page. */
export function setUpOrientation(article) {
  const header = document.querySelector(".md-header");
  const start = article.querySelector("#what-it-tests");
  if (!header || !start) return;

  const section = element("a");
  const read = element("span", { className: "orientation__read" });
  const bar = element(
    "nav",
    { className: "orientation", hidden: true, "aria-label": "Place in this page" },
    element("a", { href: "#question" }, "Question"),
    section,
    sectionsMenu(section),
    read,
  );
  header.append(bar);

  const headings = [...article.querySelectorAll(HEADINGS)].filter((heading) => !heading.closest("nav"));
  const blocks = [...article.querySelectorAll(":scope > details")];
  let asked = false;

  function show() {
    asked = false;
    const top = header.getBoundingClientRect().bottom;
    // The clock of a practice run, which puts the section after the question away, has this place.
    bar.hidden = document.querySelector(".practice-bar:not([hidden])") !== null || start.getBoundingClientRect().top > top;
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

  addEventListener("scroll", ask, { passive: true });
  addEventListener("resize", ask, { passive: true });
  article.addEventListener("toggle", ask, true);
  ask();
}

/** A button and the list that it shows: what the sidebar has. `section` is the link to the section at hand. */
function sectionsMenu(section) {
  const links = [...document.querySelectorAll(".md-sidebar--secondary a.md-nav__link")];
  if (!links.length || !("popover" in HTMLElement.prototype)) return [];
  const menu = element("div", { className: "orientation__menu", popover: "auto" });
  const name = "Sections of this page";
  const sections = element("button", { type: "button", className: "orientation__sections", "aria-label": name, popoverTargetElement: menu }, icon("sections"));
  menu.addEventListener("beforetoggle", (event) => {
    if (event.newState === "open") menu.replaceChildren(...links.filter(leadsSomewhere).map(entry));
  });
  menu.addEventListener("click", (event) => event.target.closest("a") && menu.hidePopover());
  return [sections, menu];

  /** A practice run puts sections away. */
  function leadsSomewhere(link) {
    const heading = document.getElementById(link.hash.slice(1));
    return (heading?.closest("details") ?? heading)?.checkVisibility();
  }

  function entry(link) {
    const at = document.getElementById(section.hash.slice(1));
    const target = document.getElementById(link.hash.slice(1));
    // What is inside a block belongs to the section that the block is.
    const isHere = at === target || at?.closest("details")?.contains(target);
    return element("a", { href: link.hash, "aria-current": isHere && "location" }, link.textContent.trim());
  }
}
