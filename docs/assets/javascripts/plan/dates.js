/*
 * Days of the calendar as whole numbers: days since 1970-01-01, without hours and so without time zones. Only `today` asks
 * the reader's clock.
 */

const DAY_MS = 86_400_000;
const FORM = /^(\d{4})-(\d{2})-(\d{2})$/;

export const WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/** What the reader's own calendar shows. */
export function today() {
  const now = new Date();
  return Date.UTC(now.getFullYear(), now.getMonth(), now.getDate()) / DAY_MS;
}

/** "2027-03-14" -> a day; null for what is no date. */
export function dayOf(text) {
  const match = FORM.exec(text);
  if (!match) return null;
  const day = Date.UTC(Number(match[1]), Number(match[2]) - 1, Number(match[3])) / DAY_MS;
  return isoOf(day) === text ? day : null;
}

/** A day -> "2027-03-14". */
export function isoOf(day) {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}

/** 0 for Monday to 6 for Sunday. */
export function weekdayOf(day) {
  return (((day + 3) % 7) + 7) % 7;
}

const long = new Intl.DateTimeFormat("en-US", {
  weekday: "short",
  month: "short",
  day: "numeric",
  year: "numeric",
  timeZone: "UTC",
});

/** A day -> "Sun, Mar 14, 2027". */
export function labelOf(day) {
  return long.format(day * DAY_MS);
}
