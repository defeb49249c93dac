/*
 * What can be done to a plan: each function takes one and returns the next. `d` and `i` are the places of a day and of an
 * item in it. A RangeError says, in a sentence for the reader, why something cannot be done.
 */

import { LIMITS, itemsOf } from "./model.js";
import { labelOf } from "./dates.js";

/** A sitting holds about this much, in minutes, before a question that is added opens a new one. */
const SITTING = 120;

/** The first day is the start, whatever came before it. */
function settled(plan) {
  const first = plan.days[0]?.offset ?? 0;
  if (!first) return plan;
  const start = plan.start === null ? null : plan.start + first;
  if (plan.interview !== null && start > plan.interview) {
    throw new RangeError("The days that are left come after the interview. Change the interview's date first.");
  }
  return { ...plan, start, days: plan.days.map((day) => ({ ...day, offset: day.offset - first })) };
}

function withDay(plan, d, change) {
  return { ...plan, days: plan.days.map((day, at) => (at === d ? change(day) : day)) };
}

function withItem(plan, d, i, change) {
  return withDay(plan, d, (day) => ({ ...day, items: day.items.map((item, at) => (at === i ? change(item) : item)) }));
}

function inserted(plan, d, i, item) {
  if (itemsOf(plan).length >= LIMITS.items) throw new RangeError(`A plan holds ${LIMITS.items} items at most.`);
  return withDay(plan, d, (day) => ({ ...day, items: day.items.toSpliced(i, 0, item) }));
}

export function addDay(plan) {
  if (plan.days.length >= LIMITS.days) throw new RangeError(`A plan has ${LIMITS.days} days at most.`);
  const offset = plan.days.length ? plan.days.at(-1).offset + 1 : 0;
  if (offset > LIMITS.offset) throw new RangeError("A plan cannot go on for that long.");
  return { ...plan, days: [...plan.days, { offset, note: "", items: [] }] };
}

/** `view` is the plan's (model.js): a full last sitting makes room for a new one. Returns the plan and the day's place. */
export function addQuestion(plan, view, question, minutes) {
  const last = view.days.at(-1);
  const full = !last || (last.items.length > 0 && last.total + 2 * minutes > SITTING);
  const late = plan.interview !== null && last?.date + 1 >= plan.interview;
  const next = full && !(late && last) ? addDay(plan) : plan;
  const d = next.days.length - 1;
  return { plan: inserted(next, d, next.days[d].items.length, { question, note: "" }), d };
}

export function addOwn(plan, d, text, minutes) {
  return inserted(plan, d, plan.days[d].items.length, { text, minutes, note: "" });
}

export function removeItem(plan, d, i) {
  return withDay(plan, d, (day) => ({ ...day, items: day.items.toSpliced(i, 1) }));
}

export function removeDay(plan, d) {
  return settled({ ...plan, days: plan.days.toSpliced(d, 1) });
}

/** One place earlier (-1) or later (1), over the border of a day if need be; null where there is no such place. */
export function placeBeside(plan, d, i, step) {
  if (step < 0) {
    if (i > 0) return { d, i: i - 1 };
    return d > 0 ? { d: d - 1, i: plan.days[d - 1].items.length } : null;
  }
  if (i < plan.days[d].items.length - 1) return { d, i: i + 1 };
  return d < plan.days.length - 1 ? { d: d + 1, i: 0 } : null;
}

export function moveItem(plan, from, to) {
  const item = plan.days[from.d].items[from.i];
  return inserted(removeItem(plan, from.d, from.i), to.d, to.i, item);
}

/** `value` replaces the title of the plan, or the note of a day (`i` null) or of an item. */
export const setTitle = (plan, title) => ({ ...plan, title });
export const setDayNote = (plan, d, note) => withDay(plan, d, (day) => ({ ...day, note }));
export const setItem = (plan, d, i, fields) => withItem(plan, d, i, (item) => ({ ...item, ...fields }));

/** Move the whole plan, so that it begins on `start`; without one it loses its dates. */
export function setStart(plan, start) {
  if (start === null) return { ...plan, start: null, interview: null };
  within(start);
  if (plan.interview !== null && start > plan.interview) {
    throw new RangeError("The first day has to come before the interview. Change the interview's date first.");
  }
  return { ...plan, start };
}

export function setInterview(plan, interview) {
  if (interview === null) return { ...plan, interview };
  within(interview);
  if (plan.start === null) throw new RangeError("Give the plan a first day, then it can have an interview's date.");
  if (interview < plan.start) throw new RangeError("The interview has to come after the first day.");
  return { ...plan, interview };
}

/** Give a day another date; the days keep to the order of the calendar. Returns the plan and the day's new place. */
export function setDate(plan, d, date) {
  within(date);
  if (plan.days.some((day, at) => at !== d && plan.start + day.offset === date)) {
    throw new RangeError(`There is a sitting on ${labelOf(date)} already.`);
  }
  const moved = plan.days.map((day, at) => ({ ...day, date: at === d ? date : plan.start + day.offset, moved: at === d }));
  moved.sort((one, other) => one.date - other.date);
  const start = moved[0].date;
  if (plan.interview !== null && plan.interview < start) throw new RangeError("That would be after the interview.");
  if (moved.at(-1).date - start > LIMITS.offset) throw new RangeError("That is too far from the other days.");
  const days = moved.map((day) => ({ offset: day.date - start, note: day.note, items: day.items }));
  return { plan: { ...plan, start, days }, d: moved.findIndex((day) => day.moved) };
}

function within(day) {
  if (day < LIMITS.firstDay || day > LIMITS.lastDay - LIMITS.offset) throw new RangeError("That date is out of range.");
}
