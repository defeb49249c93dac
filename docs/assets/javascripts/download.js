/* A text that is handed to the reader as a file. */

import { element } from "./dom.js";

/** Some browsers ask the reader first, and read the content only then. */
const HELD_MS = 60_000;

/** Have the browser save `text` under `name`, as UTF-8. */
export function download(name, text, type) {
  const link = element("a", { href: URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` })), download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), HELD_MS);
}
