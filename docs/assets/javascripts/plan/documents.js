/* A plan -> Markdown and CSV, for documents and spreadsheets. `view` is a plan's (model.js). */

import { isoOf, labelOf } from "./dates.js";
import { counted, duration } from "./model.js";

/** `linkOf(number)` is the address of a question, `link` the plan's own, null where it has none. */
export function markdownOf(view, { linkOf, link }) {
  const parts = [`# ${literal(view.title) || "Prep plan"}`, factsOf(view)];
  if (link) parts.push(`[Open this plan](${link})`);
  for (const day of view.days) {
    const date = day.date === null ? "" : `: ${labelOf(day.date)}`;
    parts.push(`## Day ${day.number}${date}`);
    if (day.note) parts.push(quoted(day.note));
    const lines = day.items.map((item) => {
      const label = item.href ? `[${plain(item.label)}](${linkOf(item.number)})` : literal(item.label);
      const note = item.note ? `\n\n${quoted(item.note, "  ")}\n` : "";
      return `- [ ] ${label} (${item.review ? "review, " : ""}${counted(item.total, "minute")})${note}`;
    });
    if (lines.length) parts.push(lines.join("\n"));
  }
  return `${parts.join("\n\n")}\n`;
}

/** What a plan amounts to, in a sentence. */
export function factsOf(view) {
  const parts = [counted(view.days.length, "day"), counted(view.questions, "question")];
  if (view.reviews) parts.push(counted(view.reviews, "review"));
  const interview = view.interviewDate === null ? "" : ` Interview on ${labelOf(view.interviewDate)}.`;
  return `${parts.join(", ")}: ${duration(view.interview)} of interview time, about ${duration(view.total)} with comparing.${interview}`;
}

/** Text within a line, in which nothing is markup; as entities what not every reader of Markdown lets a backslash escape. */
const plain = (text) =>
  text.replace(/[\\`*_{}[\]#]/g, "\\$&").replace(/[<>&~|]/g, (character) => `&#${character.charCodeAt(0)};`);

/** The same for the beginning of a line, where lists begin too. */
const literal = (text) => plain(text).replace(/^(\d*)([-+.)])/, "$1\\$2");

function quoted(text, indent = "") {
  return text
    .split("\n")
    .map((line) => `${indent}> ${literal(line)}`.trimEnd())
    .join("\n");
}

const COLUMNS = ["Day", "Date", "Kind", "Question", "Title", "Minutes", "Address", "Note", "Day's note"];

/** RFC 4180, with a byte order mark, without which Excel reads UTF-8 as something else. */
export function csvOf(view, { linkOf }) {
  const rows = view.days.flatMap((day) => {
    const when = [day.number, day.date === null ? "" : isoOf(day.date)];
    if (!day.items.length) return day.note ? [[...when, "note", "", "", 0, "", "", day.note]] : [];
    return day.items.map((item) => [
      ...when,
      item.own ? "own" : item.review ? "review" : "question",
      item.number ?? "",
      item.own ? item.label : item.label.replace(/^\d+\. /, ""),
      item.total,
      item.href ? linkOf(item.number) : "",
      item.note,
      day.note,
    ]);
  });
  return `\ufeff${[COLUMNS, ...rows].map((row) => `${row.map(cell).join(",")}\r\n`).join("")}`;
}

/** A text that a spreadsheet would take for a formula gets an apostrophe before it, which shows it as text. */
function cell(value) {
  const text = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
