/*
 * Buttons that copy the address of the page or of a section: plain, or as a Markdown link for a prep plan.
 */

import { ownText } from "./text.js";

const SHOWN_MS = 4000;
const SAID = { link: "Link copied", markdown: "Markdown link copied", listing: "Copied to clipboard" };

/** Put buttons for the page into `tools`, if there are any, and a pair of them behind every section's heading. */
export function setUpCopyLinks(article, tools) {
  const title = tools ? tools.dataset.title : ownText(article.querySelector("h1") ?? article);
  status();
  if (tools && !tools.querySelector(".copy")) {
    const target = { label: title, hash: "" };
    tools.append(
      copyButton(tools, "link", "Copy link", () => address(target)),
      copyButton(tools, "markdown", "Copy as Markdown", () => markdown(target)),
    );
  }
  for (const heading of article.querySelectorAll("h2[id]")) {
    // The related questions are the page's way out, not a section of it.
    if (heading.closest("nav") || heading.nextElementSibling?.matches(".section-tools")) continue;
    const name = ownText(heading);
    const target = { label: `${title}: ${name}`, hash: `#${encodeURI(heading.id)}` };
    const group = document.createElement("div");
    group.className = "section-tools";
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
  const button = document.createElement("button");
  button.type = "button";
  button.className = `tool copy copy--${kind}`;
  if (iconOnly) {
    button.setAttribute("aria-label", name);
    button.title = name;
  } else {
    button.textContent = name;
  }
  button.addEventListener("click", async () => {
    document.querySelector(".copy-field")?.remove();
    try {
      await navigator.clipboard.writeText(text());
      announce(SAID[kind]);
    } catch {
      // No clipboard in this context, or the reader refused it: show what would have been copied.
      showField(group, button, text());
    }
  });
  return button;
}

/** Show `text` selected in a field behind `group`. Escape puts the field away and returns to the button. */
export function showField(group, button, text) {
  const label = document.createElement("label");
  label.className = "copy-field";
  const field = document.createElement("input");
  field.type = "text";
  field.readOnly = true;
  field.value = text;
  label.append("The browser did not allow copying. Copy the selected text: ", field);
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    label.remove();
    button.focus();
  });
  group.after(label);
  field.focus();
  field.select();
}

/** The one live region of the page. It has to stand there empty before a text in it is read out. */
function status() {
  let region = document.querySelector(".copy-status");
  if (!region) {
    region = document.createElement("div");
    region.className = "copy-status";
    region.setAttribute("role", "status");
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
