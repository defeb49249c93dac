/*
 * The switch between the light and the dark palette. Until a reader has chosen, the page follows the system; a script in its
 * head (overrides/palette.html) has put the palette on before anything was drawn.
 */

/** Let the switch in the header work. `__md_get` and `__md_set` are the theme's way to the storage, which overrides/guard.html mends. */
export function setUpPalette() {
  const form = document.querySelector("[data-md-component=palette]");
  if (!form) return;
  const options = [...form.querySelectorAll("input")];
  const theme = meta("theme-color");
  const scheme = meta("color-scheme");
  let at = 0;

  /** What the browser draws itself, as its bars and the form's controls, follows. */
  function tell() {
    const { backgroundColor, colorScheme } = getComputedStyle(document.querySelector("[data-md-component=header]"));
    theme.content = backgroundColor;
    scheme.content = colorScheme;
  }

  function put(index) {
    at = index;
    for (const [i, option] of options.entries()) option.nextElementSibling.hidden = i !== index;
    for (const [name, value] of Object.entries(colorsOf(options[index]))) document.body.setAttribute(`data-md-color-${name}`, value);
    tell();
  }

  for (const [index, option] of options.entries()) {
    option.addEventListener("change", () => {
      put(index);
      __md_set("__palette", { index, color: colorsOf(option) });
    });
  }
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    const next = options[(at + 1) % options.length];
    next.click();
    next.focus();
  });
  const follow = () => put(Math.min(Math.max(__md_get("__palette").index, 0), options.length - 1));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", follow);
  follow();
}

function colorsOf(option) {
  return Object.fromEntries(["media", "scheme", "primary", "accent"].map((name) => [name, option.getAttribute(`data-md-color-${name}`)]));
}

function meta(name) {
  const element = document.createElement("meta");
  element.name = name;
  document.head.append(element);
  return element;
}
