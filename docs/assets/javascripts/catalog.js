/*
 * The site's address, and what it publishes as JSON, fetched once a page and only when something asks: here the questions
 * as questions.json has them.
 */

/** The site's own address, with the slash at its end. */
export function siteRoot() {
  const { base } = JSON.parse(document.getElementById("__config").textContent);
  // On the page for wrong addresses it is a path that ends in a slash.
  return new URL(base.endsWith("/") ? base : `${base}/`, location.href);
}

/** The content of a JSON file. Rejects where it does not arrive. */
export async function fetchJson(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${response.status} for ${response.url}`);
  return response.json();
}

/** `read`, which returns a promise, made to run once: all calls share its promise; after a failure the next one tries again. */
export function once(read) {
  let reading = null;
  return () => {
    reading ??= read().catch((error) => {
      reading = null;
      throw error;
    });
    return reading;
  };
}

/**
 * A promise of the questions in the catalog's order: the records of questions.json, each with `href`, the URL of its page
 * on the site that is open, which need not be the published one. Rejects with what `fetch` rejects with; the next call
 * tries again.
 */
export const loadCatalog = once(async () => {
  const root = siteRoot();
  const { questions } = await fetchJson(new URL("questions.json", root));
  return questions.map((question) => ({
    ...question,
    href: new URL(`questions/${question.category}/${question.slug}/`, root).href,
  }));
});
