/*
 * What the pages do by script, in the place of the theme's own, which is ten times as large and of which we used as much. Where it
 * takes its time, it is done part by part, so that a reader who scrolls or presses meanwhile does not wait for the rest.
 */

import { setUpCopyLinks, setUpSectionLinks } from "./copy-link.js";
import { setUpDisclosure } from "./disclosure.js";
import { offerPlan } from "./plan/offer.js";
import { setUpEnlarging } from "./reading/enlarge.js";
import { setUpOrientation } from "./reading/orientation.js";
import { setUpProgress } from "./progress/open.js";
import { setUpScrollable } from "./scrollable.js";
import { setUpSearch } from "./search/open.js";
import { setUpContent } from "./theme/content.js";
import { setUpNavigation } from "./theme/navigation.js";
import { setUpPalette } from "./theme/palette.js";
import { setUpScrolling } from "./theme/scrolling.js";

/** Milliseconds after which what waits in the browser has its turn: those of a frame. */
const AT_ONCE = 16;

const article = document.querySelector("article");
// The controls of a page that is somebody's to cite.
const tools = article?.querySelector(".page-tools");

setUp();

async function setUp() {
  let begun = performance.now();
  // The palette first: it asks for a color, which is known until something changes. Scrolling last: it measures what all have filled.
  for (const part of [setUpPalette, setUpNavigation, setUpSearch, ...(article ? ofArticle() : []), setUpScrolling]) {
    part();
    // More often it would be drawn, and so styled and laid out, in between for nothing.
    if (performance.now() - begun > AT_ONCE) {
      await othersTurn();
      begun = performance.now();
    }
  }
  // For who wants to know when everything answers, as tests do.
  document.documentElement.dataset.setUp = "done";
}

/** In their order: a later part finds what an earlier one has made. */
function ofArticle() {
  return [
    () => setUpContent(article),
    () => setUpSectionLinks(article, tools),
    () => setUpScrollable(article),
    () => setUpEnlarging(article),
    () => tools?.dataset.number && setUpOrientation(article),
    setUpTools,
    setUpWhatFewHave,
  ];
}

/** All in one turn: with a frame in between, a button would move those behind it. */
function setUpTools() {
  if (tools) {
    setUpDisclosure(article, tools);
    setUpCopyLinks(tools);
  }
  setUpProgress(article, tools);
  if (tools?.dataset.number || article.querySelector("table.questions")) offerPlan(article, tools);
}

/** Only the page that has it pays for it. */
function setUpWhatFewHave() {
  if (article.querySelector(".calculator")) {
    import("./calculators/index.js")
      .then(({ setUpCalculators }) => setUpCalculators(article))
      .catch((error) => {
        for (const told of article.querySelectorAll(".calculator__off")) {
          told.closest(".calculator").dataset.ready = "failed";
          told.textContent = "A worked example. Its form did not load: reload the page to try again.";
        }
        throw error;
      });
  }
  const offline = article.querySelector(".offline");
  if (offline) import("./offline/control.js").then(({ setUpOffline }) => setUpOffline(offline));
  const builder = article.querySelector(".plan-builder");
  if (builder) {
    import("./plan/builder.js")
      .then(({ setUpBuilder }) => setUpBuilder(builder))
      .catch((error) => {
        builder.classList.add("plan-builder--failed");
        throw error;
      });
  }
  const filters = article.querySelector(".question-filters");
  if (filters) {
    import("./search/table.js").then(({ setUpTable }) => setUpTable(filters, article.querySelector("table.questions")));
  }
}

/** Lets the browser do what waits: a press, a frame. */
function othersTurn() {
  return globalThis.scheduler?.yield?.() ?? new Promise((resolve) => setTimeout(resolve));
}
