/* Elements in a line each. Texts become text nodes: nothing is ever parsed as markup. */

/** Attributes and children that are null or false are left out, `true` is an empty one; a function becomes a listener of that event. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(key, value);
    else if (value !== null && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat().filter(Boolean));
  return made;
}

export function button(label, click, attributes = {}) {
  return element("button", { type: "button", class: "tool plan-tool", ...attributes, click }, label);
}

/** A label above its control. */
export function field(label, control, attributes = {}) {
  return element("label", { class: "plan-field", ...attributes }, element("span", {}, label), control);
}

/**
 * A button, and the panel that it shows and hides. What is in the panel is made by `content()` when it is first shown: a long
 * plan has hundreds of panels. `name` is what the panel is known by when it is drawn anew; the button's `data-key` is `change`
 * and that name.
 */
export function folded(label, name, content, attributes = {}) {
  const panel = element("div", { class: "plan-change", "data-panel": name, hidden: true });
  const press = (event) => {
    if (!panel.hasChildNodes()) panel.append(...content().filter(Boolean));
    panel.hidden = !panel.hidden;
    event.currentTarget.setAttribute("aria-expanded", String(!panel.hidden));
  };
  return { panel, button: button(label, press, { "aria-expanded": "false", "data-key": `change ${name}`, ...attributes }) };
}
