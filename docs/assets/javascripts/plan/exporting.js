/* The panel with which a plan leaves the site: as calendar, Markdown, spreadsheet, or on paper. */

import { siteRoot } from "../catalog.js";
import { announce } from "../copy-link.js";
import { element } from "../dom.js";
import { download } from "../download.js";
import { calendarOf } from "./calendar.js";
import { csvOf, markdownOf } from "./documents.js";
import { button, field } from "./dom.js";

/**
 * `current()` gives `{ view, key, link }` of the plan as it is when a button is pressed; `clock` is the minutes since midnight
 * at which sittings begin, and `setClock`, if it is given, keeps what the reader makes of it.
 */
export function exportPanel({ current, clock, setClock = () => {} }) {
  const linkOf = (number) => new URL(`q/${number}/`, siteRoot()).href;
  const time = element("input", { type: "time", value: textOf(clock), required: true, "data-key": "clock" });
  time.addEventListener("change", () => {
    if (time.value) setClock(minutesOf(time.value));
  });
  const calendar = () => {
    const { view, key } = current();
    if (view.start === null) {
      announce("Give the plan a first day, then it can go into a calendar");
      return;
    }
    if (view.interviewDate === null && !view.days.some(({ items, note }) => items.length || note)) {
      announce("There is nothing in this plan yet");
      return;
    }
    const file = calendarOf(view, { key, clock: minutesOf(time.value) ?? clock, now: Date.now(), linkOf });
    save(file, "text/calendar", nameOf(view, "ics"));
  };
  return element(
    "details",
    { "data-open": "export" },
    element("summary", {}, "Export and print"),
    element(
      "div",
      { className: "plan-row" },
      field("Sittings begin at", time),
      button("Calendar (.ics)", calendar),
      button("Markdown", () => {
        const { view, link } = current();
        save(markdownOf(view, { linkOf, link }), "text/markdown", nameOf(view, "md"));
      }),
      button("Spreadsheet (.csv)", () => {
        const { view } = current();
        save(csvOf(view, { linkOf }), "text/csv", nameOf(view, "csv"));
      }),
      button("Print", () => print()),
    ),
    element(
      "p",
      { className: "plan-hint" },
      "Calendar: events have no time zone, so 18:00 stays 18:00 when clocks change and wherever you are. When the file is imported again, most calendars update what has changed, but keep the last days of a plan that has become shorter. Give the plan a calendar of its own, and empty it first.",
    ),
  );
}

const textOf = (clock) => `${String(Math.floor(clock / 60)).padStart(2, "0")}:${String(clock % 60).padStart(2, "0")}`;

function minutesOf(text) {
  const match = /^(\d\d):(\d\d)/.exec(text);
  return match ? Number(match[1]) * 60 + Number(match[2]) : null;
}

function nameOf(view, ending) {
  const name = view.title
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 60);
  return `${name || "plan"}.${ending}`;
}

function save(text, type, name) {
  download(name, text, type);
  announce(`${name} is being saved`);
}
