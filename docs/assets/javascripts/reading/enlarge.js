/*
 * Diagrams and charts, larger: a press on one, or on its button, shows it in a dialog of the window's size, where it can be
 * made larger still and scrolled both ways. The drawing itself moves there and back, so that its ids stay unique.
 */

import { addStyles } from "../styles.js";

const STEPS = [1, 1.5, 2, 3];

/** Give every diagram and chart of `article` its button. */
export function setUpEnlarging(article) {
  for (const figure of article.querySelectorAll("figure.diagram, figure.chart")) {
    const drawing = figure.querySelector("svg[role=img]");
    if (!drawing || figure.querySelector(".enlarge")) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "tool enlarge";
    button.textContent = "Enlarge";
    button.setAttribute("aria-label", `Enlarge: ${drawing.querySelector("title")?.textContent ?? "drawing"}`);
    button.addEventListener("click", () => show(drawing));
    // By pointer the drawing does the same; a selection in it is no press.
    drawing.addEventListener("click", () => {
      if (getSelection().isCollapsed) show(drawing);
    });
    figure.append(button);
  }
}

async function show(drawing) {
  if (drawing.closest("dialog")) return;
  await addStyles("enlarge");
  const place = document.createElement("span");
  place.className = "enlarge__place";
  const { width, height } = drawing.getBoundingClientRect();
  place.style.width = `${width}px`;
  place.style.height = `${height}px`;

  const dialog = document.createElement("dialog");
  dialog.className = "enlarged";
  dialog.setAttribute("aria-labelledby", drawing.querySelector("title").id);
  const scroll = document.createElement("div");
  scroll.className = "enlarged__scroll";
  scroll.tabIndex = 0;
  scroll.setAttribute("role", "group");
  scroll.setAttribute("aria-label", "The drawing, scrolls");
  const tools = document.createElement("div");
  tools.className = "enlarged__tools";

  let step = 0;
  const tool = (name, press) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "tool";
    button.textContent = name;
    button.addEventListener("click", press);
    return button;
  };
  const smaller = tool("Smaller", () => zoom(step - 1));
  const larger = tool("Larger", () => zoom(step + 1));
  const zoom = (next) => {
    const before = [(scroll.scrollLeft + scroll.clientWidth / 2) / scroll.scrollWidth, (scroll.scrollTop + scroll.clientHeight / 2) / scroll.scrollHeight];
    step = Math.min(Math.max(next, 0), STEPS.length - 1);
    scroll.style.setProperty("--enlarged", STEPS[step]);
    smaller.disabled = step === 0;
    larger.disabled = step === STEPS.length - 1;
    scroll.scrollTo(before[0] * scroll.scrollWidth - scroll.clientWidth / 2, before[1] * scroll.scrollHeight - scroll.clientHeight / 2);
  };
  tools.append(smaller, larger, tool("Close", () => dialog.close()));
  dialog.append(tools, scroll);
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
