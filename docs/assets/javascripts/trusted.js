/*
 * The only place that turns text into what a browser may run or read as a page. Every page's policy (macros/policy.py) allows one
 * policy of Trusted Types, this one, and it does two things: it reads a page of this site into a document in which nothing
 * runs or loads, and it names the one worker that there is.
 */

import { siteRoot } from "./catalog.js";

const ROOT = siteRoot().href;
const WORKER = new URL("worker.js", ROOT).href;

// Browsers that know no Trusted Types take the text itself.
const policy = globalThis.trustedTypes?.createPolicy("site", {
  createHTML: (text) => text,
  createScriptURL: () => WORKER,
});

/** The page in `response`, apart from the one that is shown. Throws a TypeError for what this site did not send. */
export async function pageIn(response) {
  // Other sites of the owner have the origin, too.
  if (!response.url.startsWith(ROOT)) throw new TypeError(`${response.url} is not this site's`);
  const text = await response.text();
  return new DOMParser().parseFromString(policy?.createHTML(text) ?? text, "text/html");
}

/** The address of the worker that keeps the site on a device, as the browser takes it. */
export const workerAddress = () => policy?.createScriptURL(WORKER) ?? WORKER;
