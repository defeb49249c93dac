/*
 * A plan -> an iCalendar file (RFC 5545): an event a sitting, and the interview as an event of a whole day.
 *
 * Times are floating (RFC 5545, 3.3.5, form 1): "18:00" without a zone is 18:00 wherever the reader's calendar is, before
 * and after clocks change and after a flight, which is what an appointment with oneself means. A time with TZID would need
 * the zone's rules in the file, which browsers do not give, and would move for a reader who travels. All arithmetic is on
 * days and minutes of the calendar, so the machine's own zone has no part in it.
 *
 * An event's UID is the plan's key and the sitting's number, so that importing a later export moves and changes the events
 * of the earlier one. SEQUENCE rises with time, since calendars ignore an event that is not newer than theirs.
 */

import { isoOf } from "./dates.js";
import { counted, duration } from "./model.js";

const CRLF = "\r\n";
/** A line's length in octets, without its end. */
const LINE = 75;
const DAY = 24 * 60;
// Of our own making: RFC 7986 wants a UID unique, and no more; a host's name would say where the file came from.
const DOMAIN = "llm-production-interviews";

/**
 * `view` is a plan with dates (model.js), `key` its name forever, `clock` the minutes since midnight at which sittings
 * begin, `now` an instant in milliseconds, `linkOf(number)` the address of a question.
 */
export function calendarOf(view, { key, clock, now, linkOf }) {
  const stamp = new Date(now).toISOString().replace(/[-:]|\.\d+/g, "");
  const sequence = Math.floor(now / 60_000);
  const event = (uid, lines) => [
    "BEGIN:VEVENT",
    `UID:${key}-${uid}@${DOMAIN}`,
    `DTSTAMP:${stamp}`,
    `SEQUENCE:${sequence}`,
    ...lines,
    "END:VEVENT",
  ];
  const sittings = view.days
    .filter(({ items, note }) => items.length || note)
    .flatMap((day) =>
      event(`sitting-${day.number}`, [
        `DTSTART:${timeOf(day.date, clock)}`,
        `DTEND:${timeOf(day.date, clock + Math.max(day.total, 15))}`,
        `SUMMARY:${escaped(summaryOf(day))}`,
        `DESCRIPTION:${escaped(descriptionOf(day, linkOf))}`,
      ]),
    );
  const interview =
    view.interviewDate === null
      ? []
      : event("interview", [
          `DTSTART;VALUE=DATE:${dateOf(view.interviewDate)}`,
          `DTEND;VALUE=DATE:${dateOf(view.interviewDate + 1)}`,
          "SUMMARY:Interview",
          `DESCRIPTION:${escaped(view.title)}`,
          "TRANSP:TRANSPARENT",
        ]);
  const lines = [
    "BEGIN:VCALENDAR",
    "VERSION:2.0",
    "PRODID:-//LLM production interviews//Prep plan 1//EN",
    "CALSCALE:GREGORIAN",
    `NAME:${escaped(view.title)}`,
    `X-WR-CALNAME:${escaped(view.title)}`,
    ...sittings,
    ...interview,
    "END:VCALENDAR",
  ];
  return lines.map(folded).join(CRLF) + CRLF;
}

function summaryOf({ number, items, note }) {
  const first = items.slice(0, 2).map((item) => (item.review ? `review ${item.label}` : item.label));
  if (items.length > 2) first.push(`${items.length - 2} more`);
  return `Prep ${number}: ${first.join(", ") || note.split("\n")[0]}`;
}

function descriptionOf(day, linkOf) {
  const lines = day.items.map((item) => {
    const what = `- ${item.label}${item.review ? " (review, without hints)" : ""}, ${counted(item.total, "minute")}`;
    const address = item.href ? `\n  ${linkOf(item.number)}` : "";
    return `${what}${address}${item.note ? `\n  ${item.note.replaceAll("\n", "\n  ")}` : ""}`;
  });
  return [day.note, ...lines, `About ${duration(day.total)}, comparing with the answers included.`].filter(Boolean).join("\n");
}

const dateOf = (day) => isoOf(day).replaceAll("-", "");

function timeOf(day, minutes) {
  const late = Math.floor(minutes / DAY);
  const two = (value) => String(value).padStart(2, "0");
  const rest = minutes - late * DAY;
  return `${dateOf(day + late)}T${two(Math.floor(rest / 60))}${two(rest % 60)}00`;
}

function escaped(text) {
  return text.replace(/[\\;,]/g, "\\$&").replaceAll("\n", "\\n");
}

/** Cut into lines of at most 75 octets; continued ones begin with a blank. No character is cut in two. */
function folded(line) {
  const utf8 = new TextEncoder();
  const lines = [];
  let current = "";
  let octets = 0;
  for (const character of line) {
    const size = utf8.encode(character).length;
    if (octets + size > LINE) {
      lines.push(current);
      current = " ";
      octets = 1;
    }
    current += character;
    octets += size;
  }
  return [...lines, current].join(CRLF);
}
