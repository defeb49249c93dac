/* What a page's text is given: room for wide tables to scroll in, and a button at each listing that copies it. */

import { copyButton } from "../copy-link.js";

export function setUpContent(article) {
  for (const table of article.querySelectorAll("table:not([class])")) {
    const scroll = box("md-typeset__scrollwrap");
    const inner = box("md-typeset__table");
    table.replaceWith(scroll);
    scroll.append(inner);
    inner.append(table);
  }
  for (const code of article.querySelectorAll("pre > code")) {
    const tools = box("md-code__nav");
    const button = copyButton(code.parentElement, "listing", "Copy to clipboard", () => code.textContent.trimEnd(), true);
    button.className = "md-code__button";
    button.dataset.mdType = "copy";
    tools.append(button);
    code.before(tools);
  }
}

function box(name) {
  const element = document.createElement("div");
  element.className = name;
  return element;
}
