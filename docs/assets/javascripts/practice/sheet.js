/*
 * What a question page says that practice needs, read from the page as it is: a page that is rewritten changes what is
 * asked, and breaks nothing.
 */

import { LIMITS } from "../progress/model.js";

/** Sections that give the answer away. Those before it, a candidate does not see either until they are asked for. */
export const AFTER = ["model-answer", "levels", "pitfalls", "follow-ups", "references"];

const said = (node) => (node?.textContent ?? "").replace(/\s+/g, " ").trim();

/** The number of the question page that `article` is; null for any other page. */
export function questionNumber(article) {
  return Number(article.querySelector(".page-tools")?.dataset.number) || null;
}

/**
 * - `number`, `category`, `minutes`
 * - `end`: the heading that comes after what the interviewer says; null on a page without one
 * - `hints`, `stages`: blocks in their order
 * - `signals`: the texts below "What it tests"
 * - `levels`: `{ label, text }` of every row; `target`: the row of the question's own difficulty, or -1
 */
export function readSheet(article) {
  const chip = (kind) => article.querySelector(`.chips > .chip--${kind}`);
  const marks = said(chip("difficulty")?.querySelector(".marks"));
  const difficulty = said(chip("difficulty")).replace(marks, "").trim();
  const levels = rowsOf(article.querySelector("#levels"));
  return {
    number: questionNumber(article),
    category: /\/questions\/([a-z-]+)\/$/.exec(chip("category")?.querySelector("a")?.href ?? "")?.[1] ?? "",
    minutes: Math.min(240, Math.max(1, Number.parseInt(said(chip("minutes")), 10) || 30)),
    end: article.querySelector(":scope > #what-it-tests"),
    hints: [...article.querySelectorAll("details.hint")].slice(0, LIMITS.items),
    stages: [...article.querySelectorAll("details.stage")].slice(0, LIMITS.items),
    signals: [...(list(article.querySelector("#what-it-tests"))?.children ?? [])].slice(0, LIMITS.items).map(shortened),
    levels,
    target: levels.findIndex(({ label }) => label === difficulty),
  };
}

const shortened = (item) => said(item).slice(0, LIMITS.textLength);

/** The first list of a section. */
function list(heading) {
  let next = heading?.nextElementSibling ?? null;
  while (next && !next.matches("ul, ol, h2")) next = next.nextElementSibling;
  return next?.matches("ul, ol") ? next : null;
}

function rowsOf(heading) {
  const rows = heading?.closest("details")?.querySelector("table")?.tBodies[0]?.rows ?? [];
  return [...rows].slice(0, LIMITS.items).map((row) => ({ label: shortened(row.cells[0]), text: said(row.cells[1]) }));
}

/** The nodes of a section that stands in the open: its heading and all that follows, up to the next section or block of one. */
export function openSection(article, id) {
  const heading = article.querySelector(`:scope > h2[id="${id}"]`);
  const nodes = [];
  for (let node = heading; node && !(node !== heading && node.matches("h2, nav, .pending, details:has(> h2)")); node = node.nextElementSibling) {
    nodes.push(node);
  }
  return nodes;
}

/** The outermost blocks that hold a section which gives the answer away. */
export function answerBlocks(article) {
  const blocks = new Set();
  for (const id of AFTER) {
    let block = article.querySelector(`#${id}`)?.closest("details") ?? null;
    for (let outer = block; outer; outer = outer.parentElement.closest("details")) block = outer;
    if (block) blocks.add(block);
  }
  return [...blocks];
}
