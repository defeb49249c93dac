/*
 * The reader's own plans, kept on this machine: the current one and those it took the place of.
 *
 *   { version: 1, current: key or null, clock, plans: [{ key, plan, replaced, ticks: [[name, done]] }] }
 *
 * `key` never changes, so that a calendar knows a plan's entries again. `replaced` is the day on which another plan took the
 * place of this one, null for a plan that the reader keeps beside the current one. `ticks` is what the reader has ticked off,
 * as ticks.js has it. `clock` is when sittings begin, in minutes since midnight.
 */

import { checkForm, createShelf } from "../storage.js";
import { LIMITS, isSame, parsePlan } from "./model.js";
import { carried } from "./ticks.js";

const VERSION = 1;
const CLOCK = 18 * 60;
const KEY = /^[a-z0-9-]{4,40}$/;

export const shelf = createShelf("plan", { parse, empty: () => ({ version: VERSION, current: null, clock: CLOCK, plans: [] }) });

function parse(value) {
  checkForm(value, VERSION);
  if (!Array.isArray(value.plans)) throw new RangeError("not a shelf of plans");
  const plans = value.plans.map(({ key, plan, replaced, ticks = [] }) => {
    if (typeof key !== "string" || !KEY.test(key) || !(replaced === null || isDay(replaced))) throw new RangeError("not a kept plan");
    if (!Array.isArray(ticks) || ticks.length > LIMITS.items || !ticks.every(isTick)) throw new RangeError("not a plan's ticks");
    return { key, plan: parsePlan(plan), replaced, ticks };
  });
  if (new Set(plans.map(({ key }) => key)).size !== plans.length) throw new RangeError("two plans of one key");
  if (value.current !== null && !plans.some(({ key }) => key === value.current)) throw new RangeError("no such plan");
  const clock = Number.isInteger(value.clock) && value.clock >= 0 && value.clock < 1440 ? value.clock : CLOCK;
  return { version: VERSION, current: value.current, clock, plans };
}

const isTick = (value) => Array.isArray(value) && value.length === 2 && typeof value[0] === "string" && typeof value[1] === "boolean";
const isDay = (value) => Number.isInteger(value) && value >= LIMITS.firstDay && value <= LIMITS.lastDay;

/** The current plan with its key, or null. */
export const currentOf = (value) => value.plans.find(({ key }) => key === value.current) ?? null;

export const othersOf = (value) => value.plans.filter(({ key }) => key !== value.current);

/** A name that no other plan has, here or in a calendar. */
export function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Make `plan` the current one. The plan that was stays: as another one of the reader's, or, where `replaced` is a day, as a
 * previous one. `key` is the new plan's, if no other plan has it. What could not be read again is not kept: a RangeError.
 */
export function begin(plan, { replaced = null, key = newKey() } = {}) {
  return shelf.update((value) => {
    const own = value.plans.some((entry) => entry.key === key) ? newKey() : key;
    const plans = value.plans.map((entry) => (entry.key === value.current ? { ...entry, replaced } : entry));
    return { ...value, current: own, plans: [...plans, { key: own, plan: parsePlan(plan), replaced: null, ticks: [] }] };
  });
}

/**
 * Change the current plan. `seen` is the plan that the change was made from; where another window has changed it meanwhile,
 * nothing happens and the answer is false. Throws a RangeError for what is no plan.
 */
export function change(seen, next) {
  const current = currentOf(shelf.read());
  if (!current || !isSame(current.plan, seen)) return false;
  const plan = parsePlan(next);
  shelf.update((value) => ({
    ...value,
    plans: value.plans.map((entry) => (entry.key === current.key ? { ...entry, plan, ticks: carried(entry.ticks, entry.plan, plan) } : entry)),
  }));
  return true;
}

/** Keep whether the reader has ticked off an item of the current plan; the latest tick last. */
export function tick(name, done) {
  return shelf.update((value) => ({
    ...value,
    plans: value.plans.map((entry) => {
      if (entry.key !== value.current) return entry;
      const others = entry.ticks.filter(([other]) => other !== name);
      return { ...entry, ticks: [...others, [name, done]].slice(-LIMITS.items) };
    }),
  }));
}

/** Make a kept plan the current one, or, with null, none. The one that was stays beside it. */
export function switchTo(key) {
  return shelf.update((value) => ({
    ...value,
    current: key,
    plans: value.plans.map((entry) => (entry.key === key ? { ...entry, replaced: null } : entry)),
  }));
}

export function forget(key) {
  return shelf.update((value) => ({
    ...value,
    current: value.current === key ? null : value.current,
    plans: value.plans.filter((entry) => entry.key !== key),
  }));
}

export const setClock = (clock) => shelf.update((value) => ({ ...value, clock }));

/** What the reader has to know about where the plan is kept; empty where all is well. */
export function troubleOf(problem) {
  if (problem === "damaged") {
    return `The plan that was stored here could not be read. It was set aside, not deleted: this browser keeps it under the name “${shelf.asideKey}”.`;
  }
  if (problem === "newer") {
    return "Your plans were stored by a newer version of this site and are left alone. Reload this page to get that version; what you do here lasts until you close it.";
  }
  if (problem === "forbidden") {
    return "This browser does not let the site store anything, so your plan lasts until you close this page. Copy its link to keep it.";
  }
  if (problem === "full") {
    return "There is no room left in this browser's storage, so your last changes last until you close this page. Copy the plan's link to keep them.";
  }
  return "";
}
