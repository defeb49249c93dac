/*
 * "Add to plan", once there is a plan or a reader has asked for one (offer.js): on a question's page among its tools, and in
 * every row of the tables of questions.
 */

import { loadCatalog, siteRoot } from "../catalog.js";
import { announce } from "../copy-link.js";
import { button, element } from "../dom.js";
import { icon } from "../icons.js";
import { addQuestion } from "./edit.js";
import { EMPTY_PLAN, viewOf } from "./model.js";
import * as own from "./own.js";

const shown = new Map();

/** Put the controls into `article`: into the `tools` of a question's page, and into the rows of its tables. Where they are, they stay. */
export function setUpPlanButtons(article, tools) {
  if (tools?.dataset.number) setUp(tools, Number(tools.dataset.number), { title: tools.dataset.title });
  for (const row of article.querySelectorAll("table.questions tbody tr")) {
    const title = `${row.dataset.number}. ${row.querySelector(".questions__title a").textContent}`;
    setUp(row.querySelector(".questions__topics"), Number(row.dataset.number), { title, inRow: true });
  }
}

/** `inRow` is for a table, where many of them need names of their own. */
function setUp(place, number, { title, inRow = false }) {
  const holder = place.querySelector(".plan-add") ?? element("span", { className: "plan-add" });
  if (shown.has(holder)) return;
  if (!holder.isConnected) place.append(holder);
  shown.set(holder, { number, title, inRow });
  draw(holder, own.shelf.read());
}

own.shelf.subscribe((value) => {
  for (const holder of shown.keys()) draw(holder, value);
});

function draw(holder, value) {
  const { number, title, inRow } = shown.get(holder);
  const hadFocus = holder.contains(document.activeElement);
  const day = own.currentOf(value)?.plan.days.findIndex(({ items }) => items.some((item) => item.question === number)) ?? -1;
  const control =
    day < 0
      ? button([icon("plan"), "Add to plan"], "tool tool--plan", () => add(number), { "aria-label": inRow ? `Add to plan: ${title}` : null })
      : element(
          "a",
          {
            className: "tool tool--plan",
            href: new URL("plans/builder/", siteRoot()).href,
            "aria-label": inRow ? `In plan, day ${day + 1}: ${title}` : null,
          },
          icon("plan"),
          `In plan, day ${day + 1}`,
        );
  holder.replaceChildren(control);
  if (hadFocus) control.focus();
}

/** Add a question to the plan, which begins with it if there is none, and say so. */
export async function add(number) {
  let questions;
  try {
    questions = await loadCatalog();
  } catch {
    announce("The questions could not be loaded; try again");
    return;
  }
  const { minutes } = questions.find((question) => question.number === number);
  let said;
  const put = (plan) => {
    const result = addQuestion(plan, viewOf(plan, questions), number, minutes);
    said = `Added to day ${result.d + 1} of your plan`;
    return result.plan;
  };
  try {
    const current = own.currentOf(own.shelf.read());
    if (!current) own.begin(put(EMPTY_PLAN));
    else if (!own.change(current.plan, put(current.plan))) said = "Another window has changed the plan; try again";
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    said = error.message;
  }
  const trouble = own.troubleOf(own.shelf.problem());
  announce(trouble ? `${said}. ${trouble}` : said);
}
