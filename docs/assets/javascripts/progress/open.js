/*
 * The ways into practice and progress. Nothing more of either is loaded before a reader asks for it, or has something kept.
 */

import { siteRoot } from "../catalog.js";
import { announce } from "../copy-link.js";
import { button, element } from "../dom.js";
import { icon } from "../icons.js";
import { hasShelf } from "../storage.js";

/** Set up what the page at hand has of practice and progress. `tools` is the place for its controls, or null. */
export function setUpProgress(article, tools) {
  if (tools?.dataset.number) setUpQuestion(article, tools);
  const sessions = article.querySelector(".practice-sessions");
  if (sessions) load(import("../practice/sessions.js").then(({ setUpSessions }) => setUpSessions(sessions)), sessions);
  const overview = article.querySelector(".progress-overview");
  if (overview) load(import("./page.js").then(({ setUpOverview }) => setUpOverview(overview)), overview);

  const isHome = siteRoot().pathname === new URL(".", location.href).pathname;
  if (isHome && ["progress", "practice", "sessions"].some(hasShelf)) {
    import("./home.js").then(({ setUpHome }) => setUpHome(article));
  }
  if (hasShelf("progress") && (tools?.dataset.number || article.querySelector("table.questions"))) {
    import("./marks.js").then(({ setUpMarks }) => setUpMarks(article));
  }
}

/** A page that is nothing without its script says so where that does not arrive. */
function load(arriving, place) {
  arriving.catch((error) => {
    place.replaceChildren(element("p", {}, "A part of this page could not be loaded. Reload the page to try again."));
    throw error;
  });
}

function setUpQuestion(article, tools) {
  const open = async (start) => {
    try {
      const { practice } = await import("../practice/page.js");
      await practice(article, tools, { start });
    } catch (error) {
      announce("Practice could not be loaded. Reload the page to try again.");
      throw error;
    }
  };
  tools.prepend(button([icon("practice"), "Practice"], "tool practice-start", () => open(true)));
  if (new URLSearchParams(location.search).has("practice")) open(true);
  else if (hasShelf("practice")) goOn(Number(tools.dataset.number), open);
}

/** The runs that were left are few lines; the rest of practice comes only to the page that has one. */
async function goOn(number, open) {
  const { runOf } = await import("../practice/runs.js");
  if (runOf(number)) open(false);
}
