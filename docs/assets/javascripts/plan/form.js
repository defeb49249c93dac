/* The form that lays a plan out: date, hours, weekdays, level, emphasis, or questions picked one by one. */

import { element } from "../dom.js";
import { WEEKDAYS, dayOf, isoOf, today } from "./dates.js";
import { field } from "./dom.js";
import { counted, duration, itemsOf } from "./model.js";
import { GAPS, layOut, ranked } from "./schedule.js";

const LEVELS = { "mid-senior": "Mid-senior (L4/L5)", senior: "Senior (L5/L6)", staff: "Staff (L6/L7)" };
const CATEGORIES = { conceptual: "Conceptual", technical: "Technical", "system-design": "System design", debugging: "Debugging" };
/** Until the interview, for a reader who has not said. */
const DAYS = 21;
const HOURS = 6;

/**
 * `{ node, follow }`: the form, and what tells it of the reader's plan (or null), whose questions are those picked until the
 * reader picks others. `done(result)` is called with what schedule.js makes of it.
 */
export function layoutForm({ questions, chains, plan, done }) {
  const now = today();
  const interview = plan?.interview ?? null;
  // A plan without dates was put together by hand; who lays it out wants these questions by day.
  const byHand = plan !== null && interview === null && itemsOf(plan).length > 0;
  const when = element("input", { type: "date", required: true, min: isoOf(now + 1), value: isoOf(interview !== null && interview > now ? interview : now + DAYS), "data-key": "layout" });
  const from = element("input", { type: "date", required: true, min: isoOf(now), value: isoOf(now) });
  const hours = element("input", { type: "number", required: true, min: 1, max: 60, step: 0.5, value: HOURS });
  const level = element("select", {}, ...Object.entries(LEVELS).map(([value, text]) => element("option", { value, selected: value === "senior" }, text)));
  const weekdays = WEEKDAYS.map((name, at) => check(name.slice(0, 3), at < 5, { "aria-label": name }));
  const categories = Object.entries(CATEGORIES).map(([value, text]) => check(text, false, { value }));
  const topics = [...new Set(questions.flatMap((question) => question.topics))].sort().map((topic) => check(topic, false, { value: topic }));
  const picks = questions.map(({ number, title, minutes }) => check(`${number}. ${title} (${minutes} minutes)`, false, { value: number }));
  const withReviews = check(`Bring each question back after ${GAPS[0]} days and again ${GAPS[1]} days later, as far as there is time`, true);
  const all = radio("Choose for me, what I emphasize first", !byHand);
  const some = radio("Only those that I pick", byHand);
  const emphasis = element(
    "div",
    {},
    set("Emphasis: these come first, the others as far as they fit", categories),
    element("details", { className: "plan-more" }, element("summary", {}, "Emphasize topics"), set("Topics", topics)),
  );
  const list = set("Questions to lay out", picks, "plan-set--list");
  const show = () => {
    emphasis.hidden = some.input.checked;
    list.hidden = !some.input.checked;
  };
  for (const { input } of [all, some]) input.addEventListener("change", show);
  show();
  const said = element("p", { className: "plan-said", role: "status" });
  const form = element(
    "form",
    { className: "plan-form" },
    element("div", { className: "plan-row" }, field("Interview", when), field("Begin on", from), field("Hours a week", hours), field("Target level", level)),
    set("Days on which you can", weekdays),
    set("Questions", [all, some]),
    emphasis,
    list,
    withReviews.node,
    said,
    element("button", { type: "submit", className: "md-button md-button--primary", "data-key": "lay out" }, "Lay out the plan"),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    said.textContent = "";
    const values = (checks) => new Set(checks.filter(({ input }) => input.checked).map(({ input }) => input.value));
    const chosen = values(picks);
    const days = new Set(weekdays.flatMap(({ input }, at) => (input.checked ? [at] : [])));
    try {
      if (!days.size) throw new RangeError("Choose a day of the week at least.");
      if (some.input.checked && !chosen.size) throw new RangeError("Pick a question at least.");
      const wanted = ranked(some.input.checked ? questions.filter(({ number }) => chosen.has(String(number))) : questions, {
        level: level.value,
        categories: some.input.checked ? new Set() : values(categories),
        topics: some.input.checked ? new Set() : values(topics),
      });
      done(
        layOut({
          wanted,
          chains,
          from: dayOf(from.value),
          interview: dayOf(when.value),
          weekdays: days,
          hours: hours.valueAsNumber,
          withReviews: withReviews.input.checked,
        }),
      );
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      said.textContent = error.message;
    }
  });
  let picking = false;
  list.addEventListener("change", () => {
    picking = true;
  });
  const follow = (current) => {
    if (picking || !current) return;
    const has = new Set(itemsOf(current).map(({ question }) => String(question)));
    for (const { input } of picks) input.checked = has.has(input.value);
  };
  return { node: form, follow };

  function radio(text, checked) {
    const input = element("input", { type: "radio", name: "plan-questions", checked });
    return { input, node: element("label", { className: "plan-check" }, input, text) };
  }
}

function check(text, checked, attributes = {}) {
  const input = element("input", { type: "checkbox", checked, ...attributes });
  return { input, node: element("label", { className: "plan-check" }, input, text) };
}

function set(legend, checks, kind = "") {
  return element("fieldset", { className: `plan-set ${kind}`.trim() }, element("legend", {}, legend), ...checks.map(({ node }) => node));
}

/** What came of laying out, in paragraphs: what is left out and why, and what has no review. */
export function outcomeOf({ leftOut, reviews, unreviewed, capacity, spent, sittings, plan }, withLinks) {
  const parts = [
    element(
      "p",
      {},
      `Laid out: ${counted(plan.days.length, "day")} with ${duration(spent)} of the ${duration(capacity)} that ${counted(sittings, "possible sitting")} have, ${counted(reviews, "review")} included.`,
    ),
  ];
  if (leftOut.length) {
    parts.push(
      element(
        "details",
        // Long, and above the plan that was asked for.
        { className: "plan-more" },
        element("summary", {}, `${counted(leftOut.length, "question")} left out: which, and how to make room`),
        element(
          "p",
          {},
          `Left out, because ${leftOut.length === 1 ? "it does" : "they do"} not fit into what is left of the hours. With comparing, a question takes twice its minutes${reviews ? ", and its review the same minutes once more" : ""}:`,
        ),
        element("ul", {}, ...leftOut.map((question) => element("li", {}, withLinks(question), ` needs ${duration(2 * question.minutes)}`))),
        element("p", {}, `To make room, give more hours or days${reviews ? ", do without reviews" : ""}, or remove others and add these below.`),
      ),
    );
  }
  if (unreviewed.length) {
    parts.push(
      element(
        "p",
        {},
        `No review for ${counted(unreviewed.length, "question")}, for lack of time or because the interview comes sooner than ${GAPS[0]} days later: ${unreviewed.map(({ number }) => number).join(", ")}.`,
      ),
    );
  }
  return parts;
}
