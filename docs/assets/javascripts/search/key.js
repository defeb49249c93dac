/*
 * Whether the key `/` opens the search: who dictates, or whose hand slips, may turn it off (WCAG 2.2, 2.1.4). Ctrl or Command
 * with K opens it in any case.
 */

import { element } from "../dom.js";
import { createShelf } from "../storage.js";

const off = createShelf("search-key-off", { parse: (value) => value === true, empty: () => false });

export const isKeyOn = () => !off.read();

/** Calls `listener` whenever the key has been turned on or off. */
export const onKeyChange = off.subscribe;

/** A labeled checkbox that turns the key on and off. */
export function keyChoice() {
  const change = ({ target }) => off.update(() => !target.checked);
  return element("label", { className: "search__key" }, element("input", { type: "checkbox", checked: isKeyOn(), change }), "The key / opens the search");
}
