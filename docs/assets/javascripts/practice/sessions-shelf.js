/* Sessions that were begun on this device: when, and their links. An attempt belongs to a session that began before it. */

import { createShelf } from "../storage.js";
import { fromParameters, keyOf, parametersOf } from "./session.js";

const VERSION = 1;
const MOST = 20;

const empty = () => ({ version: VERSION, sessions: [] });

function parse(value) {
  if (value?.version !== VERSION || !Array.isArray(value.sessions)) throw new TypeError("no shelf of sessions");
  for (const { link, started } of value.sessions) {
    if (typeof link !== "string" || link.length > 1000 || Number.isNaN(Date.parse(started))) throw new TypeError("no session");
  }
  return { version: VERSION, sessions: value.sessions.slice(-MOST) };
}

export const shelf = createShelf("sessions", { parse, empty });

/** `{ session, started }` of all that were begun, the last one first. */
export function begunSessions() {
  const found = shelf.read().sessions.map(({ link, started }) => ({ session: fromParameters(new URLSearchParams(link)), started }));
  return found.filter(({ session }) => session?.questions.length).reverse();
}

/** When the session was begun here, as ISO text; null if it was not. */
export function startedAt(session) {
  return begunSessions().find((begun) => keyOf(begun.session) === keyOf(session))?.started ?? null;
}

export function begin(session) {
  const link = parametersOf(session).toString();
  const others = ({ link: other }) => keyOf(fromParameters(new URLSearchParams(other)) ?? { seed: "", questions: [] }) !== keyOf(session);
  shelf.update(({ sessions }) => ({
    version: VERSION,
    sessions: [...sessions.filter(others), { link, started: new Date().toISOString() }].slice(-MOST),
  }));
}

/** The last attempt at each of the session's questions since it began: a Map from number to attempt. */
export function attemptsIn(session, state) {
  const started = startedAt(session) ?? "";
  const key = keyOf(session);
  return new Map(state.attempts.filter((attempt) => attempt.session === key && attempt.at >= started).map((attempt) => [attempt.question, attempt]));
}
