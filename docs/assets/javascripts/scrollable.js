/*
 * Wide tables scroll sideways in a box of their own; while one does, it is a stop for the keyboard with a name. A listing that
 * scrolls is a stop where there may be a keyboard.
 */

const sizes = new ResizeObserver((entries) => {
  for (const { target } of entries) mark(target);
});

export function setUpScrollable(article) {
  for (const box of article.querySelectorAll(".md-typeset__scrollwrap")) sizes.observe(box);
  if (!matchMedia("(hover)").matches) return;
  for (const code of article.querySelectorAll("pre > code")) sizes.observe(code);
}

function mark(box) {
  if (box.localName === "code") {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
    return;
  }
  if (box.scrollWidth > box.clientWidth) {
    box.tabIndex = 0;
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", "Table, scrolls sideways");
  } else {
    for (const name of ["tabindex", "role", "aria-label"]) box.removeAttribute(name);
  }
}
