/*
 * Wide tables scroll sideways in a box of their own; while one does, it is a stop for the keyboard with a name.
 */

const sizes = new ResizeObserver((entries) => {
  for (const { target } of entries) mark(target);
});

export function setUpScrollable(article) {
  for (const box of article.querySelectorAll(".md-typeset__scrollwrap")) sizes.observe(box);
}

function mark(box) {
  if (box.scrollWidth > box.clientWidth) {
    box.tabIndex = 0;
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", "Table, scrolls sideways");
  } else {
    for (const name of ["tabindex", "role", "aria-label"]) box.removeAttribute(name);
  }
}
