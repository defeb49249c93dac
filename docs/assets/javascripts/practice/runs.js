/*
 * Practice runs that have begun and are not saved yet, one a question, on a shelf: a reload, a crash or a closed lid loses
 * none of them.
 *
 * A clock is two numbers: what had been spent when it was last stopped, and since when it runs. So it is right after the
 * browser has let the tab sleep. `seen` is when the tab was last known to be open: the time until it is opened again is not
 * counted. `owner` is the tab that runs the clock, `id` what the attempt will be called: saved twice, it is still one.
 */

import { LIMITS, newId } from "../progress/model.js";
import { checkForm, createShelf } from "../storage.js";

const VERSION = 1;
const MOST = 50;

const empty = () => ({ version: VERSION, runs: [] });

function parse(value) {
  checkForm(value, VERSION);
  if (!Array.isArray(value.runs)) throw new TypeError("no shelf of runs");
  return { version: VERSION, runs: value.runs.slice(-MOST).map(checked) };
}

function checked(run) {
  const numbers = (list) => Array.isArray(list) && list.length <= LIMITS.items && list.every((item) => Number.isInteger(item) && item >= 0);
  const moment = (value) => Number.isFinite(value) && value >= 0 && value < 8e15;
  const draft = run?.draft;
  const right =
    Number.isInteger(run?.question) && typeof run.owner === "string" && typeof run.session === "string" &&
    moment(run.began) && moment(run.spent) && moment(run.seen) && (run.since === null || moment(run.since)) &&
    numbers(run.hints) && numbers(run.stages) && Number.isInteger(run.mark) &&
    typeof run.early === "boolean" && typeof run.clarified === "boolean" &&
    (draft === null || (numbers(draft?.met) && numbers(draft.signals) && numbers(draft.skipped) && typeof draft.note === "string"));
  if (!right) throw new TypeError("no run");
  return { ...run, id: /^[0-9a-f]{16}$/.test(run.id) ? run.id : newId() };
}

export const shelf = createShelf("practice", { parse, empty });

/** The run of a question, or null. */
export function runOf(question) {
  return shelf.read().runs.find((run) => run.question === question) ?? null;
}

/** Make the run this tab's, whatever another tab has of it. */
export function take(run) {
  shelf.update(({ runs }) => ({ version: VERSION, runs: [...runs.filter((other) => other.question !== run.question), run].slice(-MOST) }));
  return run;
}

/**
 * Store what the run has become, as long as it is this tab's: a tab that has slept must not bring back what another one has
 * gone on with, or has ended.
 */
export function keep(run) {
  const own = (other) => other.question === run.question && other.owner === run.owner;
  shelf.update(({ runs }) => ({ version: VERSION, runs: runs.map((other) => (own(other) ? run : other)) }));
  return run;
}

export function drop(question) {
  shelf.update(({ runs }) => ({ version: VERSION, runs: runs.filter((run) => run.question !== question) }));
}

/** A run whose clock starts at `now`, in milliseconds. */
export function newRun(question, session, now = Date.now()) {
  return {
    id: newId(),
    question,
    session,
    owner: newId(),
    began: now,
    spent: 0,
    since: now,
    seen: now,
    hints: [],
    stages: [],
    mark: 0,
    early: false,
    clarified: false,
    draft: null,
  };
}

/** Seconds on the clock. Where the system's clock was set back, they stay at what they were when last stored: see `wasSetBack`. */
export function secondsOf(run, now = Date.now()) {
  const running = run.since === null ? 0 : Math.max(0, now - run.since, run.seen - run.since);
  return Math.min(LIMITS.seconds, (run.spent + running) / 1000);
}

/** Whether the system's clock shows a time before the run was last seen; it has to be stopped and resumed then. */
export function wasSetBack(run, now = Date.now()) {
  return run.since !== null && now < run.seen;
}

export function paused(run, now = Date.now()) {
  return { ...run, spent: secondsOf(run, now) * 1000, since: null, seen: now };
}

export function resumed(run, now = Date.now()) {
  return { ...run, since: now, seen: now };
}

/** The run as it stood when its tab was last open, its clock stopped then. */
export function interrupted(run) {
  return { ...paused(run, Math.max(run.seen, run.since ?? 0)), seen: run.seen };
}
