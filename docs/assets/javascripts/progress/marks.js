/* What the reader has done, on the tables of questions and below a question's title. */

import { element } from "../dom.js";
import { addStyles } from "../styles.js";
import { questionNumber } from "../practice/sheet.js";
import { attemptsAt, isDone, knownQuestions } from "./model.js";
import { levelText } from "./rating.js";
import { isDue, nextReview } from "./schedule.js";
import { shelf } from "./shelf.js";
import { counted, dayText, dueText } from "./words.js";

export async function setUpMarks(article) {
  await addStyles("progress");
  const show = () => {
    const state = shelf.read();
    for (const old of article.querySelectorAll(".progress-mark")) old.remove();
    const known = new Set(knownQuestions(state));
    for (const row of article.querySelectorAll("table.questions tbody tr")) {
      const number = Number(row.dataset.number);
      if (known.has(number)) row.querySelector(".questions__title > a")?.after(mark(state, number));
    }
    const number = questionNumber(article);
    if (number && attemptsAt(state, number).length) article.querySelector(".page-tools")?.after(line(state, number));
  };
  shelf.subscribe(show);
  show();
}

/** "Done · Senior (L5/L6) · due today", beside a question's title. */
function mark(state, number) {
  const attempts = attemptsAt(state, number);
  const due = nextReview(attempts);
  const done = isDone(state, number);
  const parts = [done ? "Done" : "Not done"];
  if (attempts.length) parts.push(levelText(attempts.at(-1)), isDue(due) ? dueText(due) : `next ${dueText(due)}`);
  const kind = isDue(due) ? " progress-mark--due" : done ? " progress-mark--done" : "";
  return element("span", { className: `progress-mark${kind}`, textContent: parts.join(" · ") });
}

function line(state, number) {
  const attempts = attemptsAt(state, number);
  const last = attempts.at(-1);
  const text = `Practiced ${attempts.length === 1 ? "once" : counted(attempts.length, "time")}, last on ${dayText(new Date(last.at))}: ${levelText(last)}. Next review: ${dueText(nextReview(attempts))}.`;
  return element("p", { className: "progress-mark progress-mark--done progress-line", textContent: text });
}
