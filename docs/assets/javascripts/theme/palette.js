/*
 * The switch between the light and the dark palette. Until a reader has chosen, the page follows the system; a script in its
 * body (overrides/partials/javascripts/palette.html) has put the palette on before anything was drawn.
 */

import { element } from "../dom.js";

/** Let the switch in the header work. `__md_get` and `__md_set` are the theme's way to the storage, which overrides/guard.html mends. */
export function setUpPalette() {
  const buttons = [...document.querySelectorAll("[data-md-component=palette] button")];
  const theme = element("meta", { name: "theme-color" });
  document.head.append(theme);

  function put(name) {
    // To put on what is on would have the styles of all that is on the page worked out again.
    if (document.body.dataset.mdColorScheme !== name) document.body.dataset.mdColorScheme = name;
    for (const button of buttons) button.hidden = button.dataset.scheme !== name;
    // The bar of the browser follows.
    theme.content = getComputedStyle(document.querySelector("[data-md-component=header]")).backgroundColor;
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
  follow();
}
