/* What the reader's progress says of a plan: never in its link nor in a file, since it is the reader's alone. */

import { attemptsAt, isDone } from "../progress/model.js";
import { shelf } from "../progress/shelf.js";

export const subscribe = shelf.subscribe;

/**
 * A function that says whether an item of a plan's view is done: a question's first time once the question counts as done,
 * its second once there are two attempts at it, and so on. What the reader added is never known to be.
 */
export function doneBy() {
  const state = shelf.read();
  return ({ number, take }) => {
    if (number === undefined) return false;
    return take === 1 ? isDone(state, number) : attemptsAt(state, number).length >= take;
  };
}
