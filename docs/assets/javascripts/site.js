/*
 * Entry: what the pages do beyond Material's own scripts. Everything here adds to pages that work without it.
 *
 * `document$` is Material's stream of documents: it emits once a page load, and once more for every page that
 * instant navigation swaps in, so each set-up below must leave a page alone that it has seen.
 */

import { setUpCopyLinks } from "./copy-link.js";
import { setUpDisclosure } from "./disclosure.js";
import { setUpListings, setUpLists, setUpNavigation, setUpTables } from "./navigation.js";
import { setUpEnlarging } from "./reading/enlarge.js";
import { setUpOrientation } from "./reading/orientation.js";
import { setUpProgress } from "./progress/open.js";
import { setUpScrollable } from "./scrollable.js";
import { setUpSearch } from "./search/open.js";

function setUp() {
  setUpNavigation();
  setUpSearch();
  const article = document.querySelector("article");
  if (!article) return;
  // The controls of a page that is somebody's to cite.
  const tools = article.querySelector(".page-tools");
  if (tools) setUpDisclosure(article, tools);
  setUpCopyLinks(article, tools);
  setUpScrollable(article);
  setUpListings(article);
  setUpTables(article);
  setUpLists(article);
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
    import("./plan/buttons.js").then(({ setUpPlanButtons }) => setUpPlanButtons(article, tools));
  }
  const filters = article.querySelector(".question-filters");
  if (filters) {
    import("./search/table.js").then(({ setUpTable }) => setUpTable(filters, article.querySelector("table.questions")));
  }
}

if (window.document$) window.document$.subscribe(setUp);
else setUp();
