/*
 * Entry: what the pages do by script, in the place of the theme's own, which is ten times as large and of which we used as much.
 * Everything here adds to pages that work without it.
 */

import { setUpCopyLinks } from "./copy-link.js";
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

function setUp() {
  setUpPalette();
  setUpNavigation();
  setUpSearch();
  const article = document.querySelector("article");
  if (!article) return;
  // The controls of a page that is somebody's to cite.
  const tools = article.querySelector(".page-tools");
  if (tools) setUpDisclosure(article, tools);
  setUpContent(article);
  setUpCopyLinks(article, tools);
  setUpScrollable(article);
  setUpEnlarging(article);
  if (tools?.dataset.number) setUpOrientation(article);
  setUpProgress(article, tools);
  // Only the page that has it pays for it.
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
  if (tools?.dataset.number || article.querySelector("table.questions")) {
    offerPlan(article, tools);
  }
  const filters = article.querySelector(".question-filters");
  if (filters) {
    import("./search/table.js").then(({ setUpTable }) => setUpTable(filters, article.querySelector("table.questions")));
  }
}

setUp();
// What it measures, the others have filled.
setUpScrolling();
