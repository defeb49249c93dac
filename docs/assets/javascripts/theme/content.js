/*
 * What a page's text is given: at each listing a button that copies it and the way to its file, and the roles that looks have taken away.
 */

import { copyButton } from "../copy-link.js";
import { element } from "../dom.js";

export function setUpContent(article) {
  for (const code of article.querySelectorAll("pre > code")) {
    const button = copyButton(code.parentElement, "listing", "Copy to clipboard", () => code.textContent.trimEnd(), true);
    button.className = "md-code__button";
    button.dataset.mdType = "copy";
    code.before(element("div", { className: "md-code__nav" }, button));
  }
  linkListings(article);
  nameTables(article);
  nameLists(article);
}

/** A listing's path leads to its file, where the pages say where their sources are. */
function linkListings(article) {
  const source = document.querySelector("a.md-source")?.href.replace(/\/$/, "");
  for (const path of source ? article.querySelectorAll(".highlight > .filename") : []) {
    if (!path.textContent.includes("/")) continue;
    path.append(element("a", { href: `${source}/blob/HEAD/${encodeURI(path.textContent.trim())}` }, ...path.childNodes));
  }
}

const ROLES = { thead: "rowgroup", tbody: "rowgroup", tr: "row", th: "columnheader", td: "cell" };

/**
 * Narrow screens lay the rows of a table of questions or of levels out as cards, by which Safari forgets that they are rows. HTML allows
 * the roles on no table that has them anyway, so they are not in the page's source. A row of the former is named by its question.
 */
function nameTables(article) {
  for (const table of article.querySelectorAll("table.questions, .levels table")) {
    for (const part of table.querySelectorAll(Object.keys(ROLES))) part.setAttribute("role", ROLES[part.localName]);
    for (const title of table.querySelectorAll(".questions__title")) title.setAttribute("role", "rowheader");
  }
}

/** Lists drawn without marks, which are no lists to Safari unless a role says so. */
function nameLists(article) {
  for (const list of article.querySelectorAll("ul.chips, .board ol, ul.checks, .calculator__steps")) list.setAttribute("role", "list");
}
