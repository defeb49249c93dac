/*
 * The switch between the light and the dark palette. Until a reader has chosen, the page follows the system; a script in its
 * body (overrides/partials/javascripts/palette.html) has put the palette on before anything was drawn.
 */

import { element } from "../dom.js";

/** Let the switch in the header work. `__md_get` and `__md_set` are the theme's way to the storage, which overrides/guard.html mends. */
export function setUpPalette() {
  const buttons = [...document.querySelectorAll("[data-md-component=palette] button")];
  const theme = meta("theme-color");
  const scheme = meta("color-scheme");

  function put(name) {
    document.body.dataset.mdColorScheme = name;
    for (const button of buttons) button.hidden = button.dataset.scheme !== name;
    // What the browser draws itself, as its bars and the controls of forms, follows.
    const { backgroundColor, colorScheme } = getComputedStyle(document.querySelector("[data-md-component=header]"));
    theme.content = backgroundColor;
    scheme.content = colorScheme;
  }

  for (const [index, button] of buttons.entries()) {
    button.addEventListener("click", () => {
      const next = (index + 1) % buttons.length;
      put(buttons[next].dataset.scheme);
      buttons[next].focus();
      __md_set("__palette", { color: { scheme: buttons[next].dataset.scheme } });
    });
  }
  const follow = () => put(__md_get("__palette").color.scheme);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", follow);
  // With the first frame: to ask for a color now would have the page's styles worked out once more.
  requestAnimationFrame(follow);
}

function meta(name) {
  const made = element("meta", { name });
  document.head.append(made);
  return made;
}
