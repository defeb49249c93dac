/* The content of search.json and its engine, fetched and built once, when somebody is about to search. */

import { fetchJson, once, siteRoot } from "../catalog.js";
import { createEngine } from "./engine.js";

/**
 * `{ data, engine, root, complete }`: `root` is the site's address, to which every `href` of the data is relative. Of many
 * questions `engine` at first knows the names alone; `complete()` is then a promise of the one that knows all words, after
 * which that has taken its place, and null when it has. If the words do not arrive it rejects, and the next call tries again.
 */
export const load = once(async () => {
  const root = siteRoot();
  const data = await fetchJson(new URL("assets/search.json", root));
  const ready = { data, root, engine: await createEngine(data), complete: () => null };
  if (data.words) {
    ready.complete = once(async () => {
      ready.engine = await withWords(data, root);
      ready.complete = () => null;
      return ready.engine;
    });
  }
  return ready;
});

async function withWords(data, root) {
  const words = await fetchJson(new URL(data.words, root));
  return createEngine({ ...data, questions: data.questions.map((question) => ({ ...question, ...words[question.href] })) });
}
