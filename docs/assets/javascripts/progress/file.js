/*
 * Progress as a file that its reader takes along: JSON, described by progress.schema.json.
 */

import { siteRoot } from "../catalog.js";
import { download } from "../download.js";
import { Fault, NewerFault, parse } from "./model.js";

const FORMAT = "llm-production-interviews/progress";

/** 2,000 attempts with long notes are below this; a larger file is not read. */
export const MOST_BYTES = 8_000_000;

/** The text of the file that holds `state`. */
export function fileText(state, schema, now = new Date()) {
  const { version, ...content } = state;
  return `${JSON.stringify({ $schema: schema, format: FORMAT, version, exported: now.toISOString(), ...content }, null, 2)}\n`;
}

/** Hand the file that holds `state` to the reader. */
export function downloadFile(state) {
  const now = new Date();
  const schema = new URL("progress.schema.json", siteRoot()).href;
  download(`llm-production-interviews-progress-${now.toISOString().slice(0, 10)}.json`, fileText(state, schema, now), "application/json");
}

/** The state in a file's text. Throws Fault, whose message is for the reader. */
export function readFileText(text) {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Fault("This file is not JSON, or only the beginning of it. Nothing was changed.");
  }
  if (value?.format !== FORMAT) throw new Fault("This file is not an export of this site's progress. Nothing was changed.");
  try {
    return parse(value);
  } catch (error) {
    if (error instanceof NewerFault) {
      throw new Fault("This file was made by a newer version of this site. Reload the page, then import it again. Nothing was changed.");
    }
    if (error instanceof Fault) throw new Fault(`This file is damaged: ${error.message}. Nothing was changed.`);
    throw error;
  }
}
