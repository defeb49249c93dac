/* A plan to be read: what a link shows to whoever receives it, and what is printed. */

import { element } from "../dom.js";
import { labelOf } from "./dates.js";
import { counted, duration } from "./model.js";

/** The days as sections with headings of level three; `done(item)` says whether the reader has done an item. */
export function readingOf(view, done = () => false) {
  if (!view.days.length) return [element("p", {}, "There is nothing in this plan yet.")];
  return view.days.map((day) =>
    element(
      "section",
      { className: "plan-day" },
      element("h3", {}, ...dayName(day)),
      minutesOf(day),
      day.note && element("p", { className: "plan-note", dir: "auto" }, day.note),
      element("ul", { className: "plan-items", role: "list" }, ...day.items.map((item) => itemOf(item, done(item)))),
    ),
  );
}

export function dayName(day) {
  if (day.date === null) return [`Day ${day.number}`];
  return [`Day ${day.number}: `, element("span", { className: "plan-day__date" }, labelOf(day.date))];
}

/** `now` is the day that it is, for whoever follows the plan. */
export function minutesOf(day, now = null) {
  const text = day.interview ? `${duration(day.interview)} of interview, about ${duration(day.total)} in all` : duration(day.total);
  const late = day.late ? " · not before the interview" : "";
  return element("p", { className: "plan-day__minutes" }, now !== null && day.date === now && element("strong", {}, "Today: "), text + late);
}

function itemOf(item, isDone) {
  return element(
    "li",
    { className: "plan-item", "data-question": item.number ?? null },
    itemName(item, isDone),
    item.note && element("p", { className: "plan-note", dir: "auto" }, item.note),
  );
}

/** What an item is called, as a link where the site has it, and its facts. */
export function itemName(item, isDone) {
  const facts = [];
  if (item.review) facts.push("review, without hints");
  else if (item.difficulty) facts.push(item.difficulty);
  if (item.own || item.href) facts.push(counted(item.own ? item.total : item.interview, "minute"));
  return element(
    "span",
    { className: "plan-item__name" },
    item.href ? element("a", { href: item.href }, item.label) : element("bdi", {}, item.label),
    facts.length > 0 && " ",
    facts.length > 0 && element("span", { className: "plan-item__facts" }, facts.join(" · ")),
    isDone && " ",
    isDone && element("span", { className: "plan-item__done" }, "done"),
  );
}
