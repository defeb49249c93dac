/* The content of search.json and its engine, fetched and built once, when somebody is about to search. */

import { siteRoot } from "../catalog.js";
import { createEngine } from "./engine.js";

/** From so many questions on, the engine of all words takes longer to build than a reader to type. */
const MANY = 100;

let loading = null;

/**
 * `{ data, engine, root, complete }`: `root` is the site's address, to which every `href` of the data is relative. Of many
 * questions `engine` at first knows the titles and keywords alone, and `complete` is a promise of the whole one, which
 * then takes its place; of few it is whole, and `complete` is null.
 */
export function load() {
  loading ??= begin().catch((error) => {
    loading = null;
    throw error;
  });
  return loading;
}

async function begin() {
  const root = siteRoot();
  const response = await fetch(new URL("assets/search.json", root));
  if (!response.ok) throw new Error(`${response.status} for ${response.url}`);
  const data = await response.json();
  if (data.questions.length < MANY) return { data, root, engine: await createEngine(data), complete: null };
  const found = { data, root, engine: await createEngine(named(data)), complete: null };
  found.complete = createEngine(data).then((engine) => {
    found.engine = engine;
    found.complete = null;
  });
  return found;
}

function named(data) {
  const questions = data.questions.map((question) => ({
    ...question,
    terms: question.terms.slice(0, 20),
    asks: [],
    opening: "",
    rest: "",
  }));
  return { ...data, questions };
}
