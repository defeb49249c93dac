/* The content of search.json and its engine, fetched and built once, when somebody is about to search. */

import { siteRoot } from "../site-root.js";
import { createEngine } from "./engine.js";

let loading = null;

/**
 * `{ data, engine, root, complete }`: `root` is the site's address, to which every `href` of the data is relative. Of many
 * questions `engine` at first knows the names alone; `complete()` is then a promise of the one that knows all words, after
 * which that has taken its place, and null when it has. If the words do not arrive it rejects, and the next call tries again.
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
  const data = await read(new URL("assets/search.json", root));
  const ready = { data, root, engine: await createEngine(data), complete: () => null };
  if (data.words) {
    let completing = null;
    ready.complete = () => {
      completing ??= withWords(data, root).then(
        (engine) => {
          ready.engine = engine;
          ready.complete = () => null;
        },
        (error) => {
          completing = null;
          throw error;
        },
      );
      return completing;
    };
  }
  return ready;
}

async function withWords(data, root) {
  const words = await read(new URL(data.words, root));
  return createEngine({ ...data, questions: data.questions.map((question) => ({ ...question, ...words[question.href] })) });
}

async function read(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${response.status} for ${response.url}`);
  return response.json();
}
