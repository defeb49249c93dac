/* The reader's progress on its shelf, and the few things that change it. */

import { createShelf } from "../storage.js";
import { empty, merge, parse } from "./model.js";

export const shelf = createShelf("progress", { parse, empty });

const now = () => new Date().toISOString();

/** Every change is a merge, so that two tabs never undo each other. */
const add = (part) => shelf.update((state) => merge(state, { ...empty(), ...part }));

export const addAttempt = (attempt) => add({ attempts: [attempt] });
export const removeAttempt = (id) => add({ removed: [{ id, at: now() }] });
export const addNote = (question, text) => add({ notes: [{ question, at: now(), text }] });
export const markDone = (question, done) => add({ done: [{ question, at: now(), done }] });
export const mergeIn = (state) => add(state);
export const reset = () => shelf.update(empty);

/** What has to be said about the storage; null when all is well. */
export function storageNotice(problem) {
  if (problem === "forbidden") {
    return "This browser keeps nothing for this site. What you do now is gone when you leave this page: export it before.";
  }
  if (problem === "full") {
    return "This browser's storage for the site is full. What is new is gone when you leave this page: export it before.";
  }
  if (problem === "damaged") {
    return "What this browser had stored could not be read. It was set aside, not deleted, and you begin anew.";
  }
  return null;
}
