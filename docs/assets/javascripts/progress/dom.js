/* Elements, built without HTML: whatever a file, an address or a page says becomes text and nothing else. */

/**
 * An element. `properties` are set as properties (`className`, `textContent`, `onclick` ...), those with a hyphen and `role`
 * as attributes; `children` are nodes and texts, and what is null, undefined or false is left out.
 */
export function element(name, properties = {}, ...children) {
  const created = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.includes("-") || key === "role") created.setAttribute(key, value);
    else created[key] = value;
  }
  created.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return created;
}

export function button(text, action, className = "") {
  return element("button", { type: "button", className: `practice-button ${className}`.trim(), textContent: text, onclick: action });
}

/** Figures do not break within a cell. */
const isFigure = (cell) => typeof cell === "string" && /^\d/.test(cell);

/** A table with a caption, in a box that `setUpScrollable` minds. `rows` are lists of cells, each a text or a node; the first of a row is its header. */
export function table(className, caption, columns, rows) {
  return element(
    "div",
    { className: "md-typeset__scrollwrap" },
    element(
      "table",
      { className },
      element("caption", { textContent: caption }),
      element("thead", {}, element("tr", {}, columns.map((column) => element("th", { scope: "col", textContent: column })))),
      element(
        "tbody",
        {},
        rows.map((cells) =>
          element("tr", {}, cells.map((cell, place) => (place ? element("td", { className: isFigure(cell) ? "progress-count" : "" }, cell) : element("th", { scope: "row" }, cell)))),
        ),
      ),
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

/** Hand `text` to the reader as a file. */
export function download(name, text, type = "application/json") {
  const link = element("a", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  document.body.append(link);
  link.click();
  link.remove();
  // The browser has taken the content over once the click's task is done.
  setTimeout(() => URL.revokeObjectURL(link.href));
}
