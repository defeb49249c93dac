/* What the plan builder is built of: its buttons, fields, and panels that open. */

import { button as plainButton, element } from "../dom.js";

export function button(label, click, properties = {}) {
  return plainButton(label, "tool plan-tool", click, properties);
}

/** A label above its control. */
export function field(label, control, className = "plan-field") {
  return element("label", { className }, element("span", {}, label), control);
}

/**
 * A button, and the panel that it shows and hides. What is in the panel is made by `content()` when it is first shown: a long
 * plan has hundreds of panels. `name` is what the panel is known by when it is drawn anew; the button's `data-key` is `change`
 * and that name.
 */
export function folded(label, name, content, properties = {}) {
  const panel = element("div", { className: "plan-change", "data-panel": name, hidden: true });
  const press = (event) => {
    if (!panel.hasChildNodes()) panel.append(...content().filter(Boolean));
    panel.hidden = !panel.hidden;
    event.currentTarget.setAttribute("aria-expanded", String(!panel.hidden));
  };
  return { panel, button: button(label, press, { "aria-expanded": "false", "data-key": `change ${name}`, ...properties }) };
}
