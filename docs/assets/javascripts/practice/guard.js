/*
 * The page while somebody practices on it: what would give the answer away stays shut or is put away, and what is opened
 * is told of. Nothing is removed, and lifting the guard leaves the page as it was.
 */

import { element } from "../dom.js";
import { AFTER, answerBlocks, openSection } from "./sheet.js";

const AWAY = "practice-away";

/**
 * `tell.hint(n)` and `tell.stage(n)` are called when a block is opened (n from 0), `tell.shut(block)` when somebody tries to
 * open what stays shut.
 */
export function createGuard(article, sheet, tell) {
  const answers = new Set(answerBlocks(article));
  const away = { answer: AFTER.flatMap((id) => openSection(article, id)), signals: openSection(article, "what-it-tests"), clarifying: openSection(article, "clarifying-questions") };
  const extra = [article.querySelector(".page-tools .disclose-all")].filter(Boolean);
  const difficulty = [article.querySelector(".chips > .chip--difficulty")].filter(Boolean);
  let costs = [];
  let on = false;
  let sealed = false;
  let held = false;

  const staysShut = (block) => (sealed && answers.has(block)) || (held && (answers.has(block) || sheet.hints.includes(block) || sheet.stages.includes(block)));

  const put = (nodes, hidden) => {
    for (const node of nodes) node.classList.toggle(AWAY, hidden);
  };

  const opened = ({ target }) => {
    if (!target.open) return;
    if (staysShut(target)) {
      // By a link, a search in the page, or a script: the summary's own click is stopped before it opens anything.
      target.open = false;
      tell.shut(target);
      return;
    }
    if (sheet.hints.includes(target)) tell.hint(sheet.hints.indexOf(target));
    if (sheet.stages.includes(target)) tell.stage(sheet.stages.indexOf(target));
  };

  const pressed = (event) => {
    const block = event.target.closest("summary")?.parentElement;
    if (!block || block.open || !staysShut(block)) return;
    event.preventDefault();
    tell.shut(block);
  };

  /** A link to a section that is put away would lead nowhere and say nothing. */
  const followed = () => {
    if (sealed && away.answer.includes(document.getElementById(location.hash.slice(1)))) tell.shut(null);
  };

  return {
    /** Shut everything. `clarified` and `early` say that the clarifying questions and the answer were asked for before. */
    raise({ hideDifficulty, clarified, early }) {
      on = true;
      held = false;
      for (const block of article.querySelectorAll("details")) block.open = false;
      put([...away.signals, ...extra], true);
      put(away.clarifying, !clarified);
      put(difficulty, hideDifficulty);
      sealed = !early;
      put(away.answer, sealed);
      // `toggle` does not bubble, but it can be caught on its way down.
      article.addEventListener("toggle", opened, true);
      article.addEventListener("click", pressed, true);
      addEventListener("hashchange", followed);
    },
    /** Say beside each hint what opening it costs: `text(n)`, or nothing once it is open. */
    price(text) {
      for (const cost of costs) cost.remove();
      costs = sheet.hints.map((hint, place) => {
        const said = text(place);
        // Read aloud, the two would run together.
        const cost = element("span", { className: "practice-cost" }, ` ${said}`);
        if (said) hint.querySelector(":scope > summary")?.append(cost);
        return cost;
      });
    },
    showClarifying() {
      put(away.clarifying, false);
      return away.clarifying[0] ?? null;
    },
    hasClarifying: () => away.clarifying.length > 0,
    /** Let the answer be opened, and open it. */
    unseal(block) {
      sealed = false;
      put(away.answer, false);
      if (block) block.open = true;
    },
    /** Keep hints and stages shut as well, until the guard is raised anew: nobody has said whether the run goes on here. */
    hold() {
      held = true;
    },
    lift() {
      if (!on) return;
      on = sealed = held = false;
      this.price(() => "");
      put([...away.answer, ...away.signals, ...away.clarifying, ...extra, ...difficulty], false);
      article.removeEventListener("toggle", opened, true);
      article.removeEventListener("click", pressed, true);
      removeEventListener("hashchange", followed);
    },
  };
}
