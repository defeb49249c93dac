/*
 * Style sheets that only some pages need: linked by the module that needs them, so that no other page pays. A page that always
 * needs one names it in its front matter, under `styles`, and has it from the start.
 */

import { siteRoot } from "./catalog.js";
import { element } from "./dom.js";

const loading = new Map();

/**
 * Link `assets/stylesheets/<name>.css`, once a document however often it is asked for. The promise resolves when the sheet
 * is in force, or has failed: a page is usable without its looks, so nobody has to handle that.
 */
export function addStyles(name) {
  const href = new URL(`assets/stylesheets/${name}.css`, siteRoot()).href;
  if ([...document.styleSheets].some((sheet) => sheet.href === href)) return Promise.resolve();
  if (!loading.has(href)) {
    loading.set(
      href,
      new Promise((resolve) => document.head.append(element("link", { rel: "stylesheet", href, load: resolve, error: resolve }))),
    );
  }
  return loading.get(href);
}
