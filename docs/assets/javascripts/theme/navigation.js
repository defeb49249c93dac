/*
 * What Material's header and sidebars lack for keyboards and screen readers, the menu that closes behind a reader, and clipped names whole.
 *
 * Material opens the menu and its sections with labels of hidden checkboxes. A pointer can use those without
 * scripts, a keyboard cannot reach most of them; with scripts a real button takes the place of each.
 */

import { element } from "../dom.js";

export function setUpNavigation() {
  replaceLabels();
  const drawer = document.getElementById("__drawer");
  // A link to a section of the page at hand leaves the menu open above it.
  document.addEventListener("click", ({ target }) => {
    const link = target.closest?.(".md-sidebar--primary a[href*='#']");
    if (link && drawer?.checked && link.pathname === location.pathname) drawer.click();
  });
  document.addEventListener("pointerover", ({ target }) => {
    const name = target.closest?.(".md-ellipsis");
    const host = name?.closest("a") ?? name;
    if (name && !host.title && name.offsetWidth < name.scrollWidth) host.title = name.textContent.trim();
  });
}

function replaceLabels() {
  // A section that has a page of its own is named after a label that holds nothing but an arrow.
  for (const nav of document.querySelectorAll(".md-nav[aria-labelledby]")) {
    const title = nav.querySelector(":scope > .md-nav__title");
    if (!title) continue;
    nav.setAttribute("aria-label", title.textContent.trim());
    nav.removeAttribute("aria-labelledby");
  }

  for (const label of document.querySelectorAll(".md-header label[for=__drawer]")) {
    const drawer = document.getElementById("__drawer");
    const button = replace(label, "Menu");
    closeOnEscape(button, drawer);
    drawer.addEventListener("change", () => {
      stepInto(drawer.checked);
      // The menu lies over its own button, which only those who do not see it can still want.
      button.tabIndex = drawer.checked ? -1 : 0;
    });
  }
  // The title at the top of a section leads back, on narrow screens; its sibling in the list leads in.
  for (const label of document.querySelectorAll(".md-nav--primary .md-nav__title:not([for=__drawer])")) {
    replace(label, `Back from ${label.textContent.trim()}`);
  }
  for (const label of document.querySelectorAll(".md-nav--primary label.md-nav__link")) {
    const item = label.closest(".md-nav__item");
    const name = item.querySelector("a.md-nav__link, .md-nav").textContent.trim();
    replace(label, label.textContent.trim() ? label.textContent.trim() : `Pages in ${name}`);
  }
  // What they show is said beside them, or by the name of what they stand in.
  for (const icon of document.querySelectorAll(":is(.md-header, .md-nav, .md-footer, .md-top) svg")) icon.setAttribute("aria-hidden", "true");
}

/** Put a button of the same looks and the same effect in the place of a label. */
function replace(label, name) {
  const toggle = document.getElementById(label.htmlFor);
  // `for` means nothing on a button, but Material's style sheet tells its labels apart by it.
  const looks = { className: label.className, for: label.htmlFor, "aria-label": name };
  const made = element("button", { type: "button", ...looks, click: () => toggle.click() }, ...label.childNodes);
  const state = () => made.setAttribute("aria-expanded", String(toggle.checked));
  toggle.addEventListener("change", state);
  state();
  label.replaceWith(made);
  return made;
}

/** An open menu lies over the page: the keyboard goes into it and not behind it. */
function stepInto(isOpen) {
  for (const behind of document.querySelectorAll(".md-skip, .orientation, .md-header__inner > :not([for=__drawer]), .md-content, .md-sidebar--secondary, .md-footer")) {
    behind.inert = isOpen;
  }
  if (!isOpen) return;
  const stops = document.querySelectorAll(".md-sidebar--primary :is(a, button)");
  [...stops].find((stop) => stop.checkVisibility({ visibilityProperty: true }))?.focus();
}

function closeOnEscape(button, toggle) {
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !toggle.checked) return;
    toggle.click();
    button.focus();
  });
}
