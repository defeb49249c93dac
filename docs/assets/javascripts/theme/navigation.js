/* Between pages and sections: keys for the next and the previous page, the menu that closes behind a reader, clipped names whole. */

const TYPING = "input:not([type=radio]), textarea, select, [contenteditable]";
const KEYS = { n: "next", ".": "next", p: "prev", ",": "prev" };

export function setUpWays() {
  addEventListener("keydown", (event) => {
    const relation = KEYS[event.key];
    if (!relation || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.closest?.(TYPING) || document.querySelector("dialog:modal")) return;
    const link = document.querySelector(`link[rel=${relation}]`);
    if (link) location.assign(link.href);
  });
  // A link to a section of the page at hand leaves the menu open above it.
  const drawer = document.getElementById("__drawer");
  document.addEventListener("click", ({ target }) => {
    const link = target.closest?.(".md-sidebar--primary a[href*='#']");
    if (link && drawer?.checked && link.pathname === location.pathname) drawer.click();
  });
  document.addEventListener("pointerover", ({ target }) => {
    const name = target.closest?.(".md-ellipsis");
    const host = name?.closest("a") ?? name;
    if (name && !host.title && name.offsetWidth < name.scrollWidth) host.title = name.textContent.trim();
  });
}
