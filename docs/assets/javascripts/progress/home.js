/* The landing page's block of what is due and what was left, there only when there is something. */

import { loadCatalog, siteRoot } from "../catalog.js";
import { element } from "../dom.js";
import { addStyles } from "../styles.js";
import { sessionsUnderWay } from "../practice/sessions-shelf.js";
import { parametersOf } from "../practice/session.js";
import { interrupted, secondsOf, shelf as runs } from "../practice/runs.js";
import { isDue, reviews } from "./schedule.js";
import { shelf } from "./shelf.js";
import { clockText, counted } from "./words.js";

const SHOWN = 3;

export async function setUpHome(article) {
  const catalog = await loadCatalog().catch(() => []);
  const known = new Map(catalog.map((question) => [question.number, question]));
  const state = shelf.read();
  const due = reviews(state).filter((review) => isDue(review.due) && known.has(review.question));
  const left = runs.read().runs.filter((run) => known.has(run.question));
  const sessions = sessionsUnderWay(state, known).slice(0, 1);
  if (!due.length && !left.length && !sessions.length) return;

  await addStyles("progress");
  const item = (href, text, about) => element("li", {}, element("a", { href, textContent: text }), " ", element("span", { className: "progress-about", textContent: about }));
  const title = ({ number, title: name }) => `${number}. ${name}`;
  const items = [
    ...left.map((run) => {
      const question = known.get(run.question);
      const about = run.draft ? "finished, not scored yet" : `left at ${clockText(secondsOf(interrupted(run)))} of ${question.minutes}:00`;
      return item(question.href, `Continue ${title(question)}`, about);
    }),
    ...sessions.map(({ session, done, left }) =>
      item(new URL(`practice/?${parametersOf(session)}`, siteRoot()).href, "Continue the session", `${done.length} of ${counted(done.length + left.length, "question")} done`),
    ),
    ...due.slice(0, SHOWN).map(({ question }) => item(`${known.get(question).href}?practice`, `Practice ${title(known.get(question))}`, `due for review, ${known.get(question).minutes} minutes`)),
  ];
  const all = element("p", {}, element("a", { href: new URL("progress/", siteRoot()).href, textContent: due.length > SHOWN ? `All ${due.length} that are due` : "Your progress" }));
  const block = element("section", { className: "progress-home", "aria-labelledby": "today" }, element("h2", { id: "today", textContent: due.length ? "Due today" : "Continue" }), element("ul", {}, items), all);
  (article.querySelector(".board") ?? article.lastElementChild).before(block);
}
