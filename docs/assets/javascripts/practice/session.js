/*
 * A session as its link has it: a set of questions to practice one after another. Pure.
 *
 *     ?seed=k3f9a2xq&count=3&category=debugging&minutes=90&hide=1&questions=16.18.20
 *
 * `questions` is what counts: the numbers, in their order, so that the link gives the same set forever. Without it the set is drawn
 * from the catalog by `seed`, the filters and `count`; a question that is added to the site may change such a draw, which is
 * why the numbers are put into the address as soon as they are drawn.
 */

import { LIMITS } from "../progress/model.js";

export const MOST_QUESTIONS = 20;
export const TIMES = [30, 60, 90, 120, 180];

/** FNV-1a, 32 bits: a seed of the generator below from any text. */
function hash(text) {
  let value = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) value = Math.imul(value ^ byte, 0x01000193) >>> 0;
  return value;
}

/** mulberry32, by Tommy Ettinger (public domain): whole numbers below 2^32, the same for one seed on every machine. */
function random(seed) {
  let state = hash(seed);
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

/** A seed that nobody has used: eight letters and digits. */
export function newSeed() {
  return [...crypto.getRandomValues(new Uint8Array(8))].map((byte) => "abcdefghjkmnpqrstuvwxyz234567890"[byte % 32]).join("");
}

const FILTERS = ["category", "difficulty", "topic"];

/** The questions of the catalog that the session's filters leave. */
export function matching(session, catalog) {
  return catalog.filter(
    (question) =>
      (!session.category || question.category === session.category) &&
      (!session.difficulty || question.difficulty === session.difficulty) &&
      (!session.topic || question.topics.includes(session.topic)) &&
      (!session.minutes || question.minutes <= session.minutes),
  );
}

/**
 * The numbers that the seed draws: the questions that match, by number, shuffled (Fisher and Yates), then taken in turn
 * while they fit into count and minutes.
 */
export function draw(session, catalog) {
  const left = matching(session, catalog).sort((one, other) => one.number - other.number);
  const next = random(session.seed);
  for (let place = left.length - 1; place > 0; place -= 1) {
    const other = next() % (place + 1);
    [left[place], left[other]] = [left[other], left[place]];
  }
  const drawn = [];
  let minutes = 0;
  for (const question of left) {
    if (drawn.length === session.count) break;
    if (session.minutes && minutes + question.minutes > session.minutes) continue;
    drawn.push(question.number);
    minutes += question.minutes;
  }
  return drawn;
}

/** The session that an address' parameters say; null if they say none. */
export function fromParameters(parameters) {
  const session = asked(parameters);
  return session.seed || session.questions.length ? session : null;
}

/** What an address' parameters ask for, be it a session or only how one is to be drawn. Whatever they hold, it is bounded and plain. */
export function asked(parameters) {
  const word = (name, pattern) => (pattern.test(parameters.get(name) ?? "") ? parameters.get(name) : "");
  const session = {
    seed: word("seed", /^[a-z0-9_-]{1,32}$/i),
    count: Math.min(MOST_QUESTIONS, Math.max(1, Number.parseInt(parameters.get("count") ?? "3", 10) || 3)),
    minutes: Math.min(1440, Math.max(0, Number.parseInt(parameters.get("minutes") ?? "0", 10) || 0)),
    hide: parameters.get("hide") === "1",
    questions: numbersIn(parameters.get("questions") ?? ""),
  };
  for (const name of FILTERS) session[name] = word(name, /^[a-z0-9-]{1,40}$/);
  return session;
}

function numbersIn(text) {
  const numbers = text.slice(0, 400).split(".").map(Number);
  const right = numbers.filter((number) => Number.isInteger(number) && number > 0 && number <= LIMITS.number);
  return [...new Set(right)].slice(0, MOST_QUESTIONS);
}

/** The parameters of a session's link, always in one order, without what is empty. */
export function parametersOf(session) {
  const values = {
    seed: session.seed,
    count: session.questions.length && !session.seed ? "" : String(session.count),
    ...Object.fromEntries(FILTERS.map((name) => [name, session[name]])),
    minutes: session.minutes ? String(session.minutes) : "",
    hide: session.hide ? "1" : "",
    questions: session.questions.join("."),
  };
  return new URLSearchParams(Object.entries(values).filter(([, value]) => value));
}

/** What an attempt remembers its session by, and a stored session is found by. */
export function keyOf(session) {
  return `${session.seed}:${session.questions.join(".")}`;
}
