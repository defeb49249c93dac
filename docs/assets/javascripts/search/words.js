/*
 * Text -> the words that are compared. macros/search.py cuts its words the same way.
 */

import { stemmer } from "../../vendor/stemmer.js";

/** Words that hold a sentence together and say nothing about its subject. */
const STOP = new Set(
  (
    "a about after again all also an and any are as at be because been before being between both but by can could did do " +
    "does doesn doing don during each few for from further get getting got had has have having he her here him his how i " +
    "if in into is isn it its just make me more most my need no not of off on once one only or other our out over own s " +
    "same she should so some such t than that the their them then there these they this those to too under until up us " +
    "very want was way we were what when where which while who whom why will with would you your yours"
  ).split(" "),
);

/** Lower case without accents and apostrophes. */
function folded(text) {
  return text
    .toLowerCase()
    .normalize("NFKD")
    .replace(/[\u0300-\u036f'’]/g, "");
}

/** Every run of letters and digits. */
export function tokens(text) {
  return folded(text).match(/[\p{L}\p{N}]+/gu) ?? [];
}

/** The words of a text that say something; all of them where none does. */
export function keyWords(text) {
  const all = tokens(text);
  const telling = all.filter((word) => !STOP.has(word));
  return telling.length ? telling : all;
}

/** What the index keeps of a word: itself, so that half a word finds it, and its stem, so that its other forms do. */
export function indexed(word) {
  if (STOP.has(word)) return null;
  const stem = stemmer(word);
  return stem === word ? word : [word, stem];
}

export const stemOf = stemmer;
