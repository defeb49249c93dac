/* The menu that closes behind a reader, and clipped names whole. */

export function setUpWays() {
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
