/* What practice and progress are built of: their buttons and tables, their questions to the reader, and drawing anew without taking the focus. */

import { button as plainButton, element } from "../dom.js";

export function button(text, action, className = "") {
  return plainButton(text, `practice-button ${className}`.trim(), action);
}

/** Figures do not break within a cell. */
const isFigure = (cell) => typeof cell === "string" && /^\d/.test(cell);

/**
 * A table with a caption, in a box that `setUpScrollable` minds. `rows` are lists of cells, each a text or a node; the first of
 * a row is its header. `cards` lets its rows become cards on a narrow screen, with a column's name before each cell: they
 * are no table there to a browser, so the roles say that they are one.
 */
export function table(caption, columns, rows, { cards = false } = {}) {
  const role = (name) => (cards ? { role: name } : {});
  const cell = (content, place) =>
    place
      ? element("td", { ...role("cell"), "data-column": columns[place], className: isFigure(content) ? "progress-count" : "" }, content)
      : element("th", { ...role("rowheader"), scope: "row" }, content);
  return element(
    "div",
    { className: "md-typeset__scrollwrap" },
    element(
      "table",
      { className: `progress-table${cards ? " progress-cards" : ""}`, ...role("table") },
      element("caption", { textContent: caption }),
      element("thead", role("rowgroup"), element("tr", role("row"), columns.map((column) => element("th", { ...role("columnheader"), scope: "col", textContent: column })))),
      element("tbody", role("rowgroup"), rows.map((cells) => element("tr", role("row"), cells.map(cell)))),
    ),
  );
}

/**
 * Ask, in the browser's own modal dialog. `choices` are `{ value, text }`, the first one the safest: Escape chooses it, and
 * the focus begins there. A choice may have `action`, which is run while the dialog stays. Resolves with the value.
 */
export function ask(title, paragraphs, choices) {
  return new Promise((resolve) => {
    let chosen = choices[0].value;
    const heading = element("h2", { id: "practice-ask", textContent: title });
    const dialog = element("dialog", { className: "practice-dialog", "aria-labelledby": heading.id });
    const buttons = choices.map(({ value, text, action }) =>
      button(text, () => {
        if (action) return action();
        chosen = value;
        dialog.close();
      }),
    );
    const back = document.activeElement;
    dialog.append(heading, ...paragraphs.map((text) => element("p", { textContent: text })), element("div", { className: "practice-buttons" }, buttons));
    dialog.addEventListener("close", () => {
      dialog.remove();
      if (back?.isConnected) back.focus();
      resolve(chosen);
    });
    document.body.append(dialog);
    dialog.showModal();
    buttons[0].focus();
  });
}

/**
 * Show `nodes` in `place` in the stead of what it holds; where that looks the same already, it stays. The focus stays on the
 * control that has the same `data-keep`, address or text; where that is gone, it goes to the heading of its section. Headings
 * have to take it.
 */
export function redraw(place, nodes) {
  const next = element("div", {}, nodes);
  if (next.isEqualNode(place)) return;
  const focused = place.contains(document.activeElement) ? document.activeElement : null;
  const section = focused?.closest("section")?.getAttribute("aria-labelledby");
  place.replaceChildren(...next.childNodes);
  if (!focused) return;
  const name = (node) => node.dataset.keep ?? node.getAttribute("href") ?? node.textContent;
  const same = [...place.querySelectorAll(focused.localName)].find((node) => name(node) === name(focused));
  (same ?? place.querySelector(section ? `#${section}` : "h2") ?? place.querySelector("h2"))?.focus();
}
