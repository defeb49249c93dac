/*
 * "Add to plan", as it stands before a reader has a plan: what tells of one and changes it comes with the first press, or with
 * the plan that there is.
 */

import { announce } from "../copy-link.js";
import { button, element } from "../dom.js";
import { icon } from "../icons.js";
import { hasShelf } from "../storage.js";

/** Put the controls into `article`: into the `tools` of a question's page, and into the rows of its tables. */
export function offerPlan(article, tools) {
  const load = async () => {
    const buttons = await import("./buttons.js");
    buttons.setUpPlanButtons(article, tools);
    return buttons;
  };
  if (hasShelf("plan")) {
    load();
    return;
  }
  const offer = (place, number, label = null) => {
    const press = async () => {
      try {
        await (await load()).add(number);
      } catch (error) {
        announce("The plan could not be loaded; try again");
        throw error;
      }
    };
    place.append(element("span", { className: "plan-add" }, button([icon("plan"), "Add to plan"], "tool tool--plan", press, { "aria-label": label })));
  };
  if (tools?.dataset.number) offer(tools, Number(tools.dataset.number));
  for (const row of article.querySelectorAll("table.questions tbody tr")) {
    const title = `${row.dataset.number}. ${row.querySelector(".questions__title a").textContent}`;
    offer(row.querySelector(".questions__topics"), Number(row.dataset.number), `Add to plan: ${title}`);
  }
  // Another window has begun a plan.
  addEventListener("storage", () => hasShelf("plan") && load());
}
