/*
 * What a reader's progress is: pure values, no page and no storage.
 *
 * A state holds attempts, the ids of removed attempts, notes and marks of done, all by the numbers of questions, so that a
 * renamed, rewritten or vanished question loses nothing. Nothing in it is ever changed, only added; two states are merged
 * by union, so the order of merging does not matter and merging twice changes nothing. What follows from attempts (level,
 * grade, next review) is computed and never stored.
 */

const VERSION = 1;

/** Sizes, so that no file can fill the storage or stop the page. What is over them is refused; what grows is cut, oldest first. */
export const LIMITS = Object.freeze({
  attempts: 2000,
  removed: 2000,
  notesOfAQuestion: 20,
  notes: 5000,
  questions: 1000,
  number: 9999,
  noteLength: 2000,
  textLength: 300,
  items: 20,
  seconds: 86_400,
});

export const empty = () => ({ version: VERSION, attempts: [], removed: [], notes: [], done: [] });

/** What is wrong with a state, by its place in it: "attempts[3].hints has to be ...". */
export class Fault extends Error {}

/** A state of a newer form than this code knows. */
export class NewerFault extends Fault {
  newer = true;
}

/**
 * The state that `value`, read from JSON, holds; unknown keys are left out and doubles are joined. Throws Fault, with the
 * first thing that is wrong, or NewerFault.
 */
export function parse(value) {
  const state = object(value, "the content");
  if (Number.isInteger(state.version) && state.version > VERSION) throw new NewerFault(`version ${state.version} is newer than this site's ${VERSION}`);
  if (state.version !== VERSION) throw new Fault(`version has to be ${VERSION}`);
  return merge(
    {
      version: VERSION,
      attempts: list(state, "attempts", LIMITS.attempts, attempt),
      removed: list(state, "removed", LIMITS.removed, (item, at) => ({ id: id(item, at), at: time(item, at) })),
      notes: list(state, "notes", LIMITS.notes, (item, at) => ({
        question: whole(item, "question", 1, LIMITS.number, at),
        at: time(item, at),
        text: text(item, "text", LIMITS.noteLength, at),
      })),
      done: list(state, "done", LIMITS.questions, (item, at) => ({
        question: whole(item, "question", 1, LIMITS.number, at),
        at: time(item, at),
        done: flag(item, "done", at),
      })),
    },
    empty(),
  );
}

/** One attempt, its keys always in this order, so that equal attempts are equal as JSON. */
function attempt(item, at) {
  const levels = list(item, "levels", LIMITS.items, (label, place) => plain(label, LIMITS.textLength, place), at);
  const met = list(item, "met", LIMITS.items, (row, place) => within(row, 0, levels.length - 1, place), at);
  return {
    id: id(item, at),
    question: whole(item, "question", 1, LIMITS.number, at),
    at: time(item, at),
    seconds: whole(item, "seconds", 0, LIMITS.seconds, at),
    minutes: whole(item, "minutes", 1, 240, at),
    hints: whole(item, "hints", 0, LIMITS.items, at),
    early: flag(item, "early", at),
    stages: whole(item, "stages", 0, LIMITS.items, at),
    levels,
    met: [...new Set(met)].sort((one, other) => one - other),
    target: whole(item, "target", -1, levels.length - 1, at),
    signals: list(item, "signals", LIMITS.items, (signal, place) => ({
      text: text(signal, "text", LIMITS.textLength, place),
      met: flag(signal, "met", place),
    }), at),
    skipped: list(item, "skipped", LIMITS.items, (name, place) => plain(name, LIMITS.textLength, place), at),
    note: text(item, "note", LIMITS.noteLength, at),
    session: text(item, "session", LIMITS.textLength, at),
  };
}

/** Both states' content. Of two attempts that claim one id, the same one is kept whichever came first. */
export function merge(one, other) {
  const removed = new Map();
  for (const item of [...one.removed, ...other.removed]) {
    if (!removed.has(item.id) || removed.get(item.id).at < item.at) removed.set(item.id, item);
  }
  const attempts = new Map();
  for (const item of [...one.attempts, ...other.attempts]) {
    if (removed.has(item.id)) continue;
    const known = attempts.get(item.id);
    if (!known || JSON.stringify(known) < JSON.stringify(item)) attempts.set(item.id, item);
  }
  const notes = new Map();
  for (const item of [...one.notes, ...other.notes]) notes.set(`${item.question} ${item.at} ${item.text}`, item);
  const done = new Map();
  for (const item of [...one.done, ...other.done]) {
    const known = done.get(item.question);
    if (!known || known.at < item.at || (known.at === item.at && item.done)) done.set(item.question, item);
  }
  return {
    version: VERSION,
    attempts: newest(attempts.values(), LIMITS.attempts, (item) => item.id),
    removed: newest(removed.values(), LIMITS.removed, (item) => item.id),
    notes: newest(ofEachQuestion(notes.values()), LIMITS.notes, (item) => `${item.question} ${item.text}`),
    done: newest(done.values(), LIMITS.questions, (item) => String(item.question)),
  };
}

function ofEachQuestion(notes) {
  const groups = Map.groupBy ? Map.groupBy(notes, (note) => note.question) : grouped(notes);
  return [...groups.values()].flatMap((group) => newest(group, LIMITS.notesOfAQuestion, (item) => item.text));
}

function grouped(notes) {
  const groups = new Map();
  for (const note of notes) groups.set(note.question, [...(groups.get(note.question) ?? []), note]);
  return groups;
}

/** The newest `count`, oldest first; `tie` orders what has one time. */
function newest(items, count, tie) {
  return [...items]
    .map((item) => ({ item, key: `${item.at} ${tie(item)}` }))
    .sort((one, other) => (one.key < other.key ? -1 : 1))
    .slice(-count)
    .map(({ item }) => item);
}

/** An attempt's id, unlike any other device's: 16 hexadecimal digits. */
export function newId() {
  return [...crypto.getRandomValues(new Uint8Array(8))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The attempts at a question, oldest first. */
export function attemptsAt(state, question) {
  return state.attempts.filter((item) => item.question === question);
}

/** A question's notes, newest first: those written with attempts and those written since. */
export function notesOn(state, question) {
  const written = attemptsAt(state, question).filter((item) => item.note).map(({ at, note }) => ({ at, text: note }));
  const edited = state.notes.filter((note) => note.question === question);
  return [...written, ...edited].sort((one, other) => (`${one.at} ${one.text}` < `${other.at} ${other.text}` ? 1 : -1));
}

/** Whether a question counts as done: an attempt makes it so, and so or not so a mark that the reader has set since. */
export function isDone(state, question) {
  const mark = state.done.find((item) => item.question === question);
  const last = attemptsAt(state, question).at(-1);
  return mark && !(last?.at > mark.at) ? mark.done : Boolean(last);
}

/**
 * The time of something that is to count as newer than all of `items`: now, unless the clock was set back since. Every reader
 * can write a mark or a note that wins over those of a day when the clock was wrong.
 */
export function timeAfter(items, now = new Date()) {
  const latest = Math.max(-1, ...items.map(({ at }) => Date.parse(at)));
  return new Date(Math.min(LATEST, Math.max(now.getTime(), latest + 1))).toISOString();
}

/** Every question that anything is known of, in order. */
export function knownQuestions(state) {
  const numbers = [state.attempts, state.notes, state.done].flat().map((item) => item.question);
  return [...new Set(numbers)].sort((one, other) => one - other);
}

export function isEmpty(state) {
  return !state.attempts.length && !state.notes.length && !state.done.length;
}

// --- The checks of what was read -----------------------------------------------------------------------------------------

function object(value, at) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Fault(`${at} has to be an object`);
  return value;
}

function list(value, key, most, check, at = "") {
  const items = own(value, key);
  const place = at ? `${at}.${key}` : key;
  if (!Array.isArray(items)) throw new Fault(`${place} has to be a list`);
  if (items.length > most) throw new Fault(`${place} has ${items.length} items, more than ${most}`);
  return items.map((item, index) => check(item, `${place}[${index}]`));
}

function own(value, key) {
  return typeof value === "object" && value !== null && Object.hasOwn(value, key) ? value[key] : undefined;
}

function whole(value, key, least, most, at) {
  return within(own(object(value, at), key), least, most, `${at}.${key}`);
}

function within(number, least, most, at) {
  if (!Number.isInteger(number) || number < least || number > most) throw new Fault(`${at} has to be a whole number from ${least} to ${most}`);
  return number;
}

function flag(value, key, at) {
  const found = own(object(value, at), key);
  if (typeof found !== "boolean") throw new Fault(`${at}.${key} has to be true or false`);
  return found;
}

function text(value, key, most, at) {
  return plain(own(object(value, at), key), most, `${at}.${key}`);
}

function plain(value, most, at) {
  if (typeof value !== "string" || value.length > most) throw new Fault(`${at} has to be text of at most ${most} characters`);
  // Half of a surrogate pair would not survive the way through a file.
  return value.toWellFormed ? value.toWellFormed() : value;
}

function id(value, at) {
  const found = own(object(value, at), "id");
  if (typeof found !== "string" || !/^[0-9a-f]{16}$/.test(found)) throw new Fault(`${at}.id has to be 16 hexadecimal digits`);
  return found;
}

const LATEST = Date.parse("2999-12-31T23:59:59.999Z");

/** Of any century that a wrong clock may show: what was written in it must be read again. */
function time(value, at) {
  const found = own(object(value, at), "at");
  const isTime = typeof found === "string" && /^(?:19|2\d)\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(found);
  const date = new Date(isTime ? found : Number.NaN);
  if (Number.isNaN(date.getTime()) || date.toISOString() !== found) throw new Fault(`${at}.at has to be a time such as 2026-11-26T09:30:00.000Z`);
  return found;
}
