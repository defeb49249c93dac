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
 * A button that shows and hides `panel`. `name` is what the panel is known by when it is drawn anew; the button's `data-key`
 * is `change` and that name.
 */
export function toggle(label, name, panel, attributes = {}) {
  panel.dataset.panel = name;
  panel.hidden = true;
  const press = (event) => {
    panel.hidden = !panel.hidden;
    event.currentTarget.setAttribute("aria-expanded", String(!panel.hidden));
  };
  return button(label, press, { "aria-expanded": "false", "data-key": `change ${name}`, ...attributes });
}
