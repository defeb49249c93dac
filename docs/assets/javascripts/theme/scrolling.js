/*
 * What follows the reader down a page: the header's line and title, the tabs that give way, the sidebars' height, the section at
 * hand in the table of contents, the way back to the top. All of it is looked at once a frame, and read before it is written.
 */

/** The part of a section's distance from the top at which it counts as reached. */
const REACHED = 0.8;

export function setUpScrolling() {
  const component = (name) => document.querySelector(`[data-md-component=${name}]`);
  const [header, title, tabs, main, top] = ["header", "header-title", "tabs", "main", "top"].map(component);
  if (!header || !main) return;
  const heading = document.querySelector(".md-content h1");
  const grid = main.firstElementChild;
  const sidebars = [...document.querySelectorAll(".md-sidebar")].map((sidebar) => ({
    sidebar,
    scroll: sidebar.querySelector(".md-sidebar__scrollwrap"),
    // As a drawer it has the height of the window.
    aside: matchMedia(sidebar.dataset.mdType === "navigation" ? "(min-width: 76.25em)" : "(min-width: 60em)"),
  }));
  // The drawer has a list of its own beside the sidebar's: the same sections in the same order. Nobody asks where anything is in
  // a sidebar that is not shown, since the browser would lay all of it out to answer.
  const lists = [...document.querySelectorAll("[data-md-component=toc]")].map((list) => [...list.querySelectorAll("a.md-nav__link")]);
  const targets = (lists[0] ?? []).map((link) => document.getElementById(decodeURIComponent(link.hash.slice(1))));
  let before = 0;
  let current = -1;
  let asked = false;

  function show() {
    asked = false;
    const y = scrollY;
    const line = header.offsetHeight;
    const start = main.offsetTop - line;
    const gap = grid.offsetTop - main.offsetTop;
    const visible = innerHeight - Math.max(0, main.offsetTop - y, line) - Math.max(0, innerHeight + y - main.offsetTop - main.offsetHeight);
    const height = Math.max(0, visible) + Math.min(gap, Math.max(0, y - start)) - gap;
    const isPast = heading && y + line >= topOf(heading) + heading.offsetHeight;
    const gaveWay = tabs && y + line - tabs.offsetTop >= 10;
    const isEnd = y + innerHeight >= Math.floor(document.body.offsetHeight);
    const reached = targets.findLastIndex((target) => target && (isEnd || topOf(target) - line - REACHED * gap < y));
    const rooms = sidebars.map(({ scroll, aside }) => (aside.matches ? `${height - 2 * scroll.offsetTop}px` : ""));

    header.classList.toggle("md-header--shadow", y >= start);
    title?.classList.toggle("md-header__title--active", Boolean(isPast));
    if (tabs) tabs.hidden = gaveWay;
    for (const [i, { scroll }] of sidebars.entries()) scroll.style.height = rooms[i];
    mark(reached);
    if (top && y !== before) offer(y < before && y > 0 && y >= start);
    before = y;
  }

  /** Those before it are passed, and a list longer than its room shows it. */
  function mark(reached) {
    if (reached === current) return;
    current = reached;
    for (const links of lists) {
      for (const [i, link] of links.entries()) {
        link.classList.toggle("md-nav__link--passed", i <= reached);
        link.classList.toggle("md-nav__link--active", i === reached);
      }
      if (links[reached] && isAside(links[reached])) center(links[reached]);
    }
  }

  const isAside = (link) => sidebars.some(({ sidebar, aside }) => aside.matches && sidebar.contains(link));

  function offer(isOffered) {
    top.hidden = !isOffered;
    if (isOffered) {
      top.removeAttribute("tabindex");
    } else {
      top.tabIndex = -1;
      top.blur();
    }
  }

  function ask() {
    if (asked) return;
    asked = true;
    requestAnimationFrame(show);
  }

  top?.addEventListener("click", () => scrollTo({ top: 0 }));
  addEventListener("hashchange", () => top && offer(false));
  addEventListener("scroll", ask, { passive: true });
  addEventListener("resize", ask, { passive: true });
  // A block that opens moves all that is below it.
  new ResizeObserver(ask).observe(document.body);
  // With the first frame, for which the page is laid out anyway.
  requestAnimationFrame(() => {
    show();
    for (const { sidebar } of sidebars.filter(({ aside }) => aside.matches)) {
      const here = [...sidebar.querySelectorAll(".md-nav__link--active[href]")].findLast((link) => link.clientHeight);
      if (here) center(here);
    }
  });
}

/** How far from the document's start an element is; one in a closed block is where that is: to ask there would lay all of it out. */
function topOf(element) {
  let shown = element;
  for (let block; (block = shown.parentElement?.closest("details:not([open])")); ) shown = block;
  while (!shown.getClientRects().length && shown.parentElement) shown = shown.parentElement;
  return shown.getBoundingClientRect().top + scrollY;
}

/** Scroll the sidebar, and nothing else, until the link is in its middle. */
function center(link) {
  const room = link.closest(".md-sidebar__scrollwrap");
  if (!room || room.scrollHeight <= room.clientHeight) return;
  const above = link.getBoundingClientRect().top - room.getBoundingClientRect().top;
  room.scrollTop += above - room.clientHeight / 2;
}
