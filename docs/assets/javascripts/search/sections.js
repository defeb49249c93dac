/*
 * Which section of a page answers, and in which words: read from the page itself, which the reader is about to open.
 */

import MiniSearch from "../../vendor/minisearch.js";
import { element } from "../dom.js";
import { pageIn } from "../trusted.js";
import { indexed, stemOf, tokens } from "./words.js";

const EXCERPT = 170;
/** What stands around a question's answer and follow-ups has the same words and does not answer: it counts for less. */
const AROUND = 0.5;
const ANSWERS = ["model-answer", "follow-ups"];
const UNREAD = ".headerlink, script, style, [data-search-exclude], .chips, .page-tools, .related, .filename, pre";
const pages = new Map();

/**
 * The section of the page at `href` that has most of the index's `terms`: `{ id, title, excerpt }`, or null where none
 * has any. Raises what `fetch` raises.
 */
export async function sectionFor(href, terms) {
  if (!pages.has(href)) pages.set(href, read(href));
  let engine;
  try {
    engine = await pages.get(href);
  } catch (error) {
    pages.delete(href);
    throw error;
  }
  const words = [...terms];
  const [best] = engine.search(words.join(" "), {
    prefix: false,
    fuzzy: false,
    boost: { title: 3 },
    bm25: { k: 1.2, b: 0.4, d: 0.2 },
    boostDocument: (id, term, { answers }) => (answers ? 1 : AROUND),
  });
  return best ? { id: best.id, title: best.title, excerpt: excerptOf(best.text, terms) } : null;
}

async function read(href) {
  const response = await fetch(href);
  if (!response.ok) throw new Error(`${response.status} for ${href}`);
  const page = await pageIn(response);
  const engine = new MiniSearch({
    fields: ["title", "text"],
    storeFields: ["title", "text", "answers"],
    tokenize: tokens,
    processTerm: indexed,
    searchOptions: { processTerm: (word) => word },
  });
  engine.addAll(sectionsOf(page.querySelector("article")));
  return engine;
}

/** The article cut at its headings; what scripts and drawings say is left out. */
function sectionsOf(article) {
  const sections = [];
  for (const unread of article.querySelectorAll(UNREAD)) unread.remove();
  let answers = false;
  const walk = (node) => {
    if (node.nodeType === Node.TEXT_NODE) {
      const last = sections.at(-1);
      if (last) last.text += node.data;
    } else if (/^H[1-6]$/.test(node.nodeName)) {
      if (node.nodeName === "H2") answers = ANSWERS.includes(node.id);
      if (node.id) sections.push({ id: node.id, title: node.textContent.trim(), text: "", answers });
    } else {
      const apart = /^(P|LI|TD|TH|TR|SUMMARY|DIV|DT|DD|BLOCKQUOTE|BR)$/.test(node.nodeName);
      for (const child of node.childNodes ?? []) walk(child);
      const last = sections.at(-1);
      if (apart && last) last.text += " ";
    }
  };
  walk(article);
  for (const section of sections) section.text = section.text.replace(/\s+/g, " ").trim();
  // A list of sources has all of the words and answers nothing, as does a heading above the next one.
  return sections.filter(({ id, text }) => text && id !== "references");
}

/** The stretch of a text that has most of the terms. */
function excerptOf(text, terms) {
  const hits = met(text, terms);
  if (!hits.length) return text.slice(0, EXCERPT);
  let best = { at: 0, count: 0 };
  for (const hit of hits) {
    const inside = hits.filter((other) => other.at >= hit.at && other.at < hit.at + EXCERPT - 40);
    const count = new Set(inside.map((other) => other.word.toLowerCase())).size;
    if (count > best.count) best = { at: hit.at, count };
  }
  // A few words before the first, from the beginning of a sentence where one is near.
  const from = Math.max(0, best.at - 40);
  const sentence = text.slice(from, best.at).search(/[.!?:] \p{Lu}/u);
  const start = sentence >= 0 ? from + sentence + 2 : from && text.indexOf(" ", from) + 1;
  const end = start + EXCERPT < text.length ? text.lastIndexOf(" ", start + EXCERPT) : text.length;
  return `${start && sentence < 0 ? "… " : ""}${text.slice(start, end)}${end < text.length ? " …" : ""}`;
}

/** The words of a text that the terms stand for, each with its place. */
function met(text, terms) {
  const isMet = (word) => tokens(word).some((form) => terms.has(form) || terms.has(stemOf(form)));
  return [...text.matchAll(/[\p{L}\p{N}]+/gu)]
    .filter((match) => isMet(match[0]))
    .map((match) => ({ at: match.index, word: match[0] }));
}

/** A text as nodes, with every word that matched in a `mark`. */
export function marked(text, terms) {
  const nodes = document.createDocumentFragment();
  let done = 0;
  for (const { at, word } of met(text, terms)) {
    nodes.append(text.slice(done, at), element("mark", {}, word));
    done = at + word.length;
  }
  nodes.append(text.slice(done));
  return nodes;
}
