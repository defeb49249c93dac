/*
 * The site's address, and its questions as questions.json has them, fetched once a page and only when something asks.
 */

let loading = null;

/** The site's own address, with the slash at its end. */
export function siteRoot() {
  const { base } = JSON.parse(document.getElementById("__config").textContent);
  // On the page for wrong addresses it is a path that ends in a slash.
  return new URL(base.endsWith("/") ? base : `${base}/`, location.href);
}

/**
 * A promise of the questions in the catalog's order: the records of questions.json, each with `href`, the URL of its page
 * on the site that is open, which need not be the published one. Rejects with what `fetch` rejects with; the next call
 * tries again.
 */
export function loadCatalog() {
  loading ??= read().catch((error) => {
    loading = null;
    throw error;
  });
  return loading;
}

async function read() {
  const root = siteRoot();
  const response = await fetch(new URL("questions.json", root));
  if (!response.ok) throw new Error(`${response.status} for ${response.url}`);
  const { questions } = await response.json();
  return questions.map((question) => ({
    ...question,
    href: new URL(`questions/${question.category}/${question.slug}/`, root).href,
  }));
}
