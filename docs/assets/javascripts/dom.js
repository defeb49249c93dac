/* Elements, built without HTML: whatever a file, an address or a page says becomes text and nothing else. */

/**
 * An element. Of `properties`, a function is called at the event of that name; what such an element has is set as its property (`className`,
 * `checked`), and anything else as an attribute (`aria-label`, `data-key`), `true` as an empty one and false as none. What is null or undefined
 * is left out, and of the children what is empty or false.
 */
export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined) continue;
    if (typeof value === "function") made.addEventListener(key, value);
    else if (key in made) made[key] = value;
    else if (value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat().filter(Boolean));
  return made;
}

/** A button of that look. `content` is its text, or that and an icon. */
export function button(content, className, click, properties = {}) {
  return element("button", { type: "button", className, ...properties, click }, content);
}
