/*
 * The ways into practice and progress. Nothing more of either is loaded before a reader asks for it, or has something kept.
 */

import { siteRoot } from "../catalog.js";
import { hasShelf } from "../storage.js";

/** Set up what the page at hand has of practice and progress. `tools` is the place for its controls, or null. */
export function setUpProgress(article, tools) {
  if (tools && article.querySelector(".chips > .chip--number")) setUpQuestion(article, tools);
  const sessions = article.querySelector(".practice-sessions");
  if (sessions) import("../practice/sessions.js").then(({ setUpSessions }) => setUpSessions(sessions));
  const overview = article.querySelector(".progress-overview");
  if (overview) import("./page.js").then(({ setUpOverview }) => setUpOverview(overview));

  const isHome = siteRoot().pathname === new URL(".", location.href).pathname;
  if (isHome && (hasShelf("progress") || hasShelf("practice"))) {
    import("./home.js").then(({ setUpHome }) => setUpHome(article));
  }
  if (hasShelf("progress") && article.querySelector("table.questions, .chips > .chip--number")) {
    import("./marks.js").then(({ setUpMarks }) => setUpMarks(article));
  }
}

function setUpQuestion(article, tools) {
  if (tools.querySelector(".practice-start")) return;
  const open = async (start) => (await import("../practice/page.js")).practice(article, tools, { start });
  const button = document.createElement("button");
  button.type = "button";
  button.className = "tool practice-start";
  button.textContent = "Practice";
  button.addEventListener("click", () => open(true));
  tools.append(button);
  const asked = new URLSearchParams(location.search).has("practice");
  if (asked || hasShelf("practice")) open(asked);
}
