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
    closeOnEscape(replace(label, "Menu"), document.getElementById("__drawer"));
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
}

/**
 * A listing's path leads to its file, where the pages say where their sources are.
 *
 * Each listing's copy button stands in a navigation landmark, though it leads nowhere: dozens without a name.
 * Material adds them as listings come into view.
 */
export function setUpListings(article) {
  const source = document.querySelector("a.md-source")?.href.replace(/\/$/, "");
  for (const path of source ? article.querySelectorAll(".highlight > .filename") : []) {
    if (path.querySelector("a") || !path.textContent.includes("/")) continue;
    const link = document.createElement("a");
    link.href = `${source}/blob/HEAD/${encodeURI(path.textContent.trim())}`;
    link.append(...path.childNodes);
    path.append(link);
  }
  const mend = () => {
    for (const nav of article.querySelectorAll(".md-code__nav:not([role])")) nav.setAttribute("role", "none");
  };
  mend();
  new MutationObserver(mend).observe(article, { childList: true, subtree: true });
}

const ROLES = { thead: "rowgroup", tbody: "rowgroup", tr: "row", th: "columnheader", td: "cell" };

/**
 * Narrow screens lay the rows of a table of questions or of levels out as cards, by which Safari forgets that they are rows. HTML allows
 * the roles on no table that has them anyway, so they are not in the page's source.
 */
export function setUpTables(article) {
  for (const table of article.querySelectorAll("table.questions, .levels table")) {
    for (const part of table.querySelectorAll(Object.keys(ROLES))) part.setAttribute("role", ROLES[part.localName]);
  }
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

function closeOnEscape(button, toggle) {
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !toggle.checked) return;
    toggle.click();
    button.focus();
  });
}
