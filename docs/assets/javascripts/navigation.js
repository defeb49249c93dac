/*
 * What Material's header, sidebar and listings lack for keyboards and screen readers.
 *
 * Material opens the menu and its sections with labels of hidden checkboxes. A pointer can use those without
 * scripts, a keyboard cannot reach most of them; with scripts a real button takes the place of each.
 */

export function setUpNavigation() {
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

/** A listing's path leads to its file, where the pages say where their sources are. */
export function setUpListings(article) {
  const source = document.querySelector("a.md-source")?.href.replace(/\/$/, "");
  for (const path of source ? article.querySelectorAll(".highlight > .filename") : []) {
    if (path.querySelector("a") || !path.textContent.includes("/")) continue;
    const link = document.createElement("a");
    link.href = `${source}/blob/HEAD/${encodeURI(path.textContent.trim())}`;
    link.append(...path.childNodes);
    path.append(link);
  }
}

const ROLES = { thead: "rowgroup", tbody: "rowgroup", tr: "row", th: "columnheader", td: "cell" };

/**
 * Narrow screens lay the rows of a table of questions or of levels out as cards, by which Safari forgets that they are rows. HTML allows
 * the roles on no table that has them anyway, so they are not in the page's source. A row of the former is named by its question.
 */
export function setUpTables(article) {
  for (const table of article.querySelectorAll("table.questions, .levels table")) {
    for (const part of table.querySelectorAll(Object.keys(ROLES))) part.setAttribute("role", ROLES[part.localName]);
    for (const title of table.querySelectorAll(".questions__title")) title.setAttribute("role", "rowheader");
  }
}

/** Lists drawn without marks, which are no lists to Safari unless a role says so. */
export function setUpLists(article) {
  for (const list of article.querySelectorAll("ul.chips, .board ol, ul.checks, .calculator__steps")) list.setAttribute("role", "list");
}

/** Put a button of the same looks and the same effect in the place of a label. */
function replace(label, name) {
  const toggle = document.getElementById(label.htmlFor);
  const button = document.createElement("button");
  button.type = "button";
  button.className = label.className;
  // Means nothing on a button, but Material's style sheet tells its labels apart by it.
  button.setAttribute("for", label.htmlFor);
  button.setAttribute("aria-label", name);
  button.append(...label.childNodes);
  const state = () => button.setAttribute("aria-expanded", String(toggle.checked));
  button.addEventListener("click", () => toggle.click());
  toggle.addEventListener("change", state);
  state();
  label.replaceWith(button);
  return button;
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
