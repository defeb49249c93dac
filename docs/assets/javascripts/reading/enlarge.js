/*
 * Diagrams and charts, larger: a press on one, or on its button, shows it in a dialog of the window's size, where it can be
 * made larger still and scrolled both ways. The drawing itself moves there and back, so that its ids stay unique.
 */

import { button, element } from "../dom.js";
import { icon } from "../icons.js";
import { addStyles } from "../styles.js";

const STEPS = [1, 1.5, 2, 3];

/** Give every diagram and chart of `article` its button. */
export function setUpEnlarging(article) {
  for (const figure of article.querySelectorAll("figure.diagram, figure.chart")) {
    const drawing = figure.querySelector("svg[role=img]");
    if (!drawing) continue;
    const name = `Enlarge: ${drawing.querySelector("title")?.textContent ?? "drawing"}`;
    // By pointer the drawing does the same; a selection in it is no press.
    drawing.addEventListener("click", () => {
      if (getSelection().isCollapsed) show(drawing);
    });
    figure.append(button([icon("enlarge"), "Enlarge"], "tool enlarge", () => show(drawing), { "aria-label": name }));
  }
}

async function show(drawing) {
  await addStyles("enlarge");
  // The drawing is pressed in the dialog, too, and its button a second time while the looks are on their way.
  if (drawing.closest("dialog")) return;
  const place = element("span", { className: "enlarge__place" });
  const { width, height } = drawing.getBoundingClientRect();
  place.style.width = `${width}px`;
  place.style.height = `${height}px`;

  let step = 0;
  const scroll = element("div", { className: "enlarged__scroll", tabIndex: 0, role: "group", "aria-label": "The drawing, scrolls" });
  const smaller = button("Smaller", "tool", () => zoom(step - 1));
  const larger = button("Larger", "tool", () => zoom(step + 1));
  const zoom = (next) => {
    const before = [(scroll.scrollLeft + scroll.clientWidth / 2) / scroll.scrollWidth, (scroll.scrollTop + scroll.clientHeight / 2) / scroll.scrollHeight];
    step = Math.min(Math.max(next, 0), STEPS.length - 1);
    scroll.style.setProperty("--enlarged", STEPS[step]);
    smaller.disabled = step === 0;
    larger.disabled = step === STEPS.length - 1;
    scroll.scrollTo(before[0] * scroll.scrollWidth - scroll.clientWidth / 2, before[1] * scroll.scrollHeight - scroll.clientHeight / 2);
  };
  const tools = element("div", { className: "enlarged__tools" }, smaller, larger, button("Close", "tool", () => dialog.close()));
  const dialog = element("dialog", { className: "enlarged", "aria-labelledby": drawing.querySelector("title").id }, tools, scroll);
  dialog.addEventListener("click", ({ target }) => {
    if (target === dialog) dialog.close();
  });
  dialog.addEventListener("close", () => {
    place.replaceWith(drawing);
    dialog.remove();
  });
  drawing.replaceWith(place);
  scroll.append(drawing);
  document.body.append(dialog);
  dialog.showModal();
  zoom(0);
}
