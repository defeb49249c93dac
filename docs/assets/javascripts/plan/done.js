/*
 * What of a plan is done: neither in its link nor in a file, since it is the reader's alone.
 *
 * A question's first time in a plan is done when the question is, in the reader's progress. A review, and what the reader
 * added, is done as it was ticked last; a review that never was, once there are as many attempts at its question.
 */

import { attemptsAt, isDone } from "../progress/model.js";
import { markDone, shelf } from "../progress/shelf.js";
import * as own from "./own.js";
import { nameOf } from "./ticks.js";

export const subscribe = shelf.subscribe;

const isFirst = ({ number, take }) => number !== undefined && take === 1;

/** A function that says whether an item of a plan's view is done. `ticks` are those of the reader's own plan. */
export function doneBy(ticks = []) {
  const state = shelf.read();
  const ticked = new Map(ticks);
  return (item) => {
    if (isFirst(item)) return isDone(state, item.number);
    return ticked.get(nameOf(item)) ?? (item.number !== undefined && attemptsAt(state, item.number).length >= item.take);
  };
}

/** Mark an item of the reader's own plan. */
export function mark(item, done) {
  if (isFirst(item)) markDone(item.number, done);
  else own.tick(nameOf(item), done);
}
