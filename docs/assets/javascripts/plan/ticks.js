/*
 * What a reader has ticked off in a plan: a list of `[name, done]`. An item is known by its question or its text, and by which one of
 * those it is, the first or a later one: so it keeps its tick wherever it is moved.
 */

import { itemsOf, viewOf } from "./model.js";

/** What the tick of an item of a plan's view is kept under. */
export const nameOf = ({ number, label, take }) => (number === undefined ? `own ${take} ${label}` : `${number} ${take}`);

/** The ticks of `before` as those of `after`: where one item of the reader's own has another text, and nothing else has moved, it was renamed. */
export function carried(ticks, before, after) {
  const [old, now] = [before, after].map((plan) => itemsOf(viewOf(plan, [])));
  const isRenamed = (item, at) => item.own && now[at]?.own && item.label !== now[at].label;
  if (old.length !== now.length || old.filter(isRenamed).length !== 1) return ticks;
  // With it, others of the same text may have become the first of it, or are no longer.
  const names = old.map((item, at) => [nameOf(item), nameOf(now[at])]).filter(([one, other]) => one !== other);
  const known = new Map(ticks);
  const gone = new Set(names.flat());
  const moved = names.flatMap(([one, other]) => (known.has(one) ? [[other, known.get(one)]] : []));
  return [...ticks.filter(([name]) => !gone.has(name)), ...moved];
}
