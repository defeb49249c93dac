/* The reader's progress on its shelf, and the few things that change it. */

import { createShelf } from "../storage.js";
import { empty, merge, notesOn, parse, timeAfter } from "./model.js";

export const shelf = createShelf("progress", { parse, empty });

/**
 * Every change is a merge, so that two tabs never undo each other. What is added goes through the same checks as what is read:
 * one value that they refuse would make all of the shelf unreadable.
 */
const add = (part) => shelf.update((state) => merge(state, parse({ ...empty(), ...part(state) })));

export const addAttempt = (attempt) => add(() => ({ attempts: [attempt] }));

export function removeAttempt(id, now = new Date()) {
  return add(() => ({ removed: [{ id, at: now.toISOString() }] }));
}

export function addNote(question, text, now = new Date()) {
  return add((state) => ({ notes: [{ question, at: timeAfter(notesOn(state, question), now), text }] }));
}

export function markDone(question, done, now = new Date()) {
  const before = ({ question: other }) => other === question;
  return add((state) => ({ done: [{ question, at: timeAfter([...state.done, ...state.attempts].filter(before), now), done }] }));
}

export const mergeIn = (other) => shelf.update((state) => merge(state, other));
export const reset = () => shelf.update(empty);

/** What has to be said about the storage; null when all is well. */
export function storageNotice(problem) {
  if (problem === "forbidden") {
    return "This browser keeps nothing for this site. What you do now is gone when you leave this page: export it before.";
  }
  if (problem === "full") {
    return "This browser's storage for the site is full. What is new is gone when you leave this page: export it before.";
  }
  if (problem === "newer") {
    return "What this browser has stored is from a newer edition of this site, and stays as it is. Reload the page to see it. What you do before is gone then: export it first.";
  }
  if (problem === "damaged") {
    return "What this browser had stored could not be read. It was set aside, not deleted, and you begin anew.";
  }
  return null;
}
