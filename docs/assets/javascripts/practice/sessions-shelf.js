/* Sessions that were begun on this device: when, and their links. An attempt belongs to a session that began before it. */

import { checkForm, createShelf } from "../storage.js";
import { fromParameters, keyOf, parametersOf } from "./session.js";

const VERSION = 1;
const MOST = 20;

const empty = () => ({ version: VERSION, sessions: [] });

function parse(value) {
  checkForm(value, VERSION);
  if (!Array.isArray(value.sessions)) throw new TypeError("no shelf of sessions");
  for (const { link, started } of value.sessions) {
    if (typeof link !== "string" || link.length > 1000 || Number.isNaN(Date.parse(started))) throw new TypeError("no session");
  }
  return { version: VERSION, sessions: value.sessions.slice(-MOST) };
}

export const shelf = createShelf("sessions", { parse, empty });

/** `{ session, started }` of all that were begun, the last one first. */
function begunSessions() {
  const found = shelf.read().sessions.map(({ link, started }) => ({ session: fromParameters(new URLSearchParams(link)), started }));
  return found.filter(({ session }) => session?.questions.length).reverse();
}

/** When the session was begun here, as ISO text; null if it was not. */
export function startedAt(session) {
  return begunSessions().find((begun) => keyOf(begun.session) === keyOf(session))?.started ?? null;
}

/** Whether a stored session is another one than `session`. */
const other = (session) => ({ link }) => keyOf(fromParameters(new URLSearchParams(link)) ?? { seed: "", questions: [] }) !== keyOf(session);

export function begin(session, now = new Date()) {
  const begun = { link: parametersOf(session).toString(), started: now.toISOString() };
  shelf.update(({ sessions }) => ({ version: VERSION, sessions: [...sessions.filter(other(session)), begun].slice(-MOST) }));
}

/** Take the session off the shelf. Its attempts stay. */
export function forget(session) {
  shelf.update(({ sessions }) => ({ version: VERSION, sessions: sessions.filter(other(session)) }));
}

/** The last attempt at each of the session's questions since it began: a Map from number to attempt. */
export function attemptsIn(session, state) {
  const started = startedAt(session) ?? "";
  const key = keyOf(session);
  return new Map(state.attempts.filter((attempt) => attempt.session === key && attempt.at >= started).map((attempt) => [attempt.question, attempt]));
}

/** The numbers of the session's questions that are `done` and those `left`. What the Map `known` has not is neither. */
export function progressIn(session, state, known) {
  const attempts = attemptsIn(session, state);
  const here = session.questions.filter((number) => known.has(number));
  return { session, done: here.filter((number) => attempts.has(number)), left: here.filter((number) => !attempts.has(number)) };
}

/** `progressIn` of the sessions that were begun and have something left, the last one first. */
export function sessionsUnderWay(state, known) {
  return begunSessions()
    .map(({ session }) => progressIn(session, state, known))
    .filter(({ left }) => left.length);
}
