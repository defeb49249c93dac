/*
 * Buttons that copy the address of the page or of a section: plain, or as a Markdown link for a prep plan.
 */

import { button, element } from "./dom.js";
import { icon } from "./icons.js";
import { ownText } from "./text.js";

const SHOWN_MS = 4000;
const SAID = { link: "Link copied", markdown: "Markdown link copied", listing: "Copied to clipboard" };

/** Put buttons for the page into `tools`. */
export function setUpCopyLinks(tools) {
  const target = { label: tools.dataset.title, hash: "" };
  tools.append(
    copyButton(tools, "link", "Copy link", () => address(target)),
    copyButton(tools, "markdown", "Copy as Markdown", () => markdown(target)),
  );
}

/** Put a pair of buttons behind the heading of every section of `article`. Where there are `tools`, they know the page's title. */
export function setUpSectionLinks(article, tools) {
  status();
  const title = tools?.dataset.title ?? ownText(article.querySelector("h1") ?? article);
  for (const heading of article.querySelectorAll("h2[id]")) {
    // The related questions are the page's way out, not a section of it.
    if (heading.closest("nav")) continue;
    const name = ownText(heading);
    const target = { label: `${title}: ${name}`, hash: `#${encodeURI(heading.id)}` };
    const group = element("div", { className: "section-tools" });
    group.append(
      copyButton(group, "link", `Copy link to ${name}`, () => address(target), true),
      copyButton(group, "markdown", `Copy Markdown link to ${name}`, () => markdown(target), true),
    );
    heading.after(group);
  }
}

/** The address as shown, without the search terms that a search result adds to it. */
function address({ hash }) {
  return location.origin + location.pathname + hash;
}

function markdown(target) {
  const label = target.label.replace(/[\\[\]]/g, "\\$&");
  // Brackets in an address would end the link early.
  const url = address(target).replace(/\(/g, "%28").replace(/\)/g, "%29");
  return `[${label}](${url})`;
}

/** A button that copies what `text()` returns. `group` is what the field of a refused clipboard comes after. */
export function copyButton(group, kind, name, text, iconOnly = false) {
  const press = async ({ currentTarget }) => {
    if (await copy(text(), group, currentTarget)) announce(SAID[kind]);
  };
  // That of listings is the theme's.
  const content = [kind !== "listing" && icon(kind), !iconOnly && name];
  return button(content, `tool copy copy--${kind}`, press, iconOnly ? { "aria-label": name, title: name } : {});
}

/**
 * Copy `text`, and say whether it is in the clipboard. Where there is none, or the reader refused it, it is shown behind `group`, selected in a
 * field; Escape puts that away and returns to the `pressed` button.
 */
export async function copy(text, group, pressed) {
  putFieldAway();
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = element("input", { type: "text", readOnly: true, value: text });
    const label = element("label", { className: "copy-field" }, "The browser did not allow copying. Copy the selected text: ", field);
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      label.remove();
      pressed.focus();
    });
    group.after(label);
    field.focus();
    field.select();
    return false;
  }
}

export function putFieldAway() {
  document.querySelector(".copy-field")?.remove();
}

/** The one live region of the page. It has to stand there empty before a text in it is read out. */
function status() {
  let region = document.querySelector(".copy-status");
  if (!region) {
    region = element("div", { className: "copy-status", role: "status" });
    document.body.append(region);
  }
  return region;
}

let timer;

/** Say a text, and show it for a moment. */
export function announce(text) {
  const region = status();
  region.textContent = text;
  clearTimeout(timer);
  timer = setTimeout(() => region.replaceChildren(), SHOWN_MS);
}
