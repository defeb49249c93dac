/*
 * When a question should come back: FSRS, by the library ts-fsrs, from the grades of its attempts in their order.
 *
 * No schedule is stored. It is computed from the attempts every time, so that two devices whose attempts were merged agree.
 */

import { createEmptyCard, fsrs } from "../../vendor/ts-fsrs.js";
import { gradeOf } from "./rating.js";
import { dayNumber } from "./words.js";

/**
 * The library's own parameters, but for three: no second look within minutes, since a question takes half an hour; no random
 * days, so that every device computes the same one; and half a year at most, since pages are revised.
 */
const PARAMETERS = Object.freeze({ enable_short_term: false, enable_fuzz: false, maximum_interval: 180 });

const scheduler = fsrs(PARAMETERS);

/**
 * The next review of the question whose attempts these are: a Date; null without an attempt. They are taken by their times,
 * since the library refuses a step back, and an attempt made after the clock was set back is one.
 */
export function nextReview(attempts) {
  if (!attempts.length) return null;
  const inOrder = [...attempts].sort((one, other) => (one.at < other.at ? -1 : 1));
  let card = createEmptyCard(new Date(inOrder[0].at));
  for (const attempt of inOrder) card = scheduler.next(card, new Date(attempt.at), gradeOf(attempt)).card;
  return card.due;
}

/** Whether a review falls on the reader's today or before. */
export function isDue(due, now = new Date()) {
  return due !== null && dayNumber(due) <= dayNumber(now);
}

/** The attempted questions of a state: `{ question, attempts, last, due }`, the first due first. */
export function reviews(state) {
  const byQuestion = new Map();
  for (const attempt of state.attempts) byQuestion.set(attempt.question, [...(byQuestion.get(attempt.question) ?? []), attempt]);
  const found = [...byQuestion].map(([question, attempts]) => ({ question, attempts, last: attempts.at(-1), due: nextReview(attempts) }));
  return found.sort((one, other) => one.due - other.due || one.question - other.question);
}
