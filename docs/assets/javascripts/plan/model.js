/*
 * What a plan is, and nothing about where it is kept or how it looks. A plan is plain JSON and is never changed in place:
 *
 *   { title, start, interview, days: [{ offset, note, items: [item] }] }
 *   item: { question: number, note }, or { text, minutes, note } for what the reader adds
 *
 * `start` and `interview` are days (dates.js) or null. A plan without a start has no dates: its days are counted. A day's
 * `offset` is how many days after the start it is; offsets rise, so no two sittings share a day. Questions are known by
 * number alone: titles and minutes come from the catalog, and a plan outlives their edits.
 */

/**
 * The most of everything. Lengths are in UTF-16 units, as an input's `maxlength` counts. macros/plan_link.py has the same
 * limits; a test holds them equal.
 */
export const LIMITS = {
  title: 120,
  note: 500,
  text: 200,
  minutes: 600,
  days: 200,
  items: 500,
  offset: 1000,
  question: 9999,
  firstDay: 18262, // 2020-01-01
  lastDay: 54786, // 2120-01-01
};

/** Line breaks are for notes alone; no text holds other controls, or marks that turn the reading direction of a page. */
const FORBIDDEN = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069\ufeff]/;
const BREAKS = /\n/;
const LONE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

/** What somebody typed -> what a plan can hold: other line breaks and controls become blanks, the rest is cut off. */
export function cleaned(text, limit, { breaks = false } = {}) {
  let clean = text.replace(/\r\n?/g, "\n");
  if (!breaks) clean = clean.replace(/\n/g, " ");
  clean = clean.replace(new RegExp(FORBIDDEN, "g"), " ").trim().slice(0, limit);
  return clean.replace(new RegExp(LONE, "g"), "").trim();
}

/** `value` as a plan, with nothing in it that a plan does not have. Throws a RangeError where it is none. */
export function parsePlan(value) {
  const { title, start, interview, days } = fields(value, "a plan");
  const plan = {
    title: textOf(title, LIMITS.title, "title"),
    start: start === null ? null : integer(start, LIMITS.firstDay, LIMITS.lastDay, "start"),
    interview: interview === null ? null : integer(interview, LIMITS.firstDay, LIMITS.lastDay, "interview"),
    days: listOf(days, LIMITS.days, "days").map((day) => ({
      offset: integer(day?.offset, 0, LIMITS.offset, "offset"),
      note: textOf(day.note, LIMITS.note, "note", { breaks: true }),
      items: listOf(day.items, LIMITS.items, "items").map(parseItem),
    })),
  };
  check(plan.interview === null || (plan.start !== null && plan.interview >= plan.start), "interview");
  check(plan.days.every(({ offset }, i) => i === 0 || offset > plan.days[i - 1].offset), "offsets");
  check(itemsOf(plan).length <= LIMITS.items, "items");
  return plan;
}

function parseItem(value) {
  const item = fields(value, "an item");
  const note = textOf(item.note, LIMITS.note, "note", { breaks: true });
  if ("question" in item) return { question: integer(item.question, 1, LIMITS.question, "question"), note };
  const text = textOf(item.text, LIMITS.text, "text");
  check(text !== "", "text");
  return { text, minutes: integer(item.minutes, 0, LIMITS.minutes, "minutes"), note };
}

function check(right, what) {
  if (!right) throw new RangeError(`not a plan: ${what}`);
}

function fields(value, what) {
  check(typeof value === "object" && value !== null && !Array.isArray(value), what);
  return value;
}

function integer(value, least, most, what) {
  check(Number.isSafeInteger(value) && value >= least && value <= most, what);
  return value;
}

function textOf(value, limit, what, { breaks = false } = {}) {
  check(typeof value === "string" && value.length <= limit && !FORBIDDEN.test(value) && !LONE.test(value), what);
  check(breaks || !BREAKS.test(value), what);
  return value;
}

function listOf(value, limit, what) {
  check(Array.isArray(value) && value.length <= limit, what);
  return value;
}

export const itemsOf = (plan) => plan.days.flatMap((day) => day.items);

/** Whether two plans, either of which may be null, hold the same. Their keys stand in the order of `parsePlan`. */
export const isSame = (one, other) => JSON.stringify(one) === JSON.stringify(other);

export const EMPTY_PLAN = { title: "My prep plan", start: null, interview: null, days: [] };

/**
 * The plan as it is shown: `days` with `number` (from 1), `date` (null without a start) and `items` with what the catalog
 * knows, and the totals. An item has `label`, `take` (1 for its first time in the plan), `interview` and `total` (minutes),
 * and for a question `number`, `href` (null where this site does not have it) and `review` (true from its second time on).
 *
 * Comparing with the answer takes about as long again as the interview, so a first take counts twice. A review counts
 * once: the answer is known, and only what was missed is looked up.
 */
export function viewOf(plan, questions) {
  const known = new Map(questions.map((question) => [question.number, question]));
  const seen = new Map();
  const days = plan.days.map((day, d) => {
    const items = day.items.map((item) => ({ ...itemView(item, known, seen), note: item.note }));
    const date = plan.start === null ? null : plan.start + day.offset;
    return { number: d + 1, date, note: day.note, items, ...sums(items), late: isLate(plan, date) };
  });
  return { title: plan.title, start: plan.start, interviewDate: plan.interview, days, ...totals(days) };
}

function isLate(plan, date) {
  return plan.interview !== null && date >= plan.interview;
}

function itemView(item, known, seen) {
  const { question: number, text } = item;
  const take = (seen.get(number ?? text) ?? 0) + 1;
  seen.set(number ?? text, take);
  if (number === undefined) return { label: text, take, interview: 0, total: item.minutes, own: true };
  const review = take > 1;
  const record = known.get(number);
  if (!record) {
    return { number, take, review, href: null, label: `question ${number}, which this site does not have`, interview: 0, total: 0 };
  }
  const { title, minutes, href, difficulty } = record;
  return { number, take, review, href, label: `${number}. ${title}`, difficulty, interview: minutes, total: review ? minutes : 2 * minutes };
}

function sums(items) {
  const sum = (key) => items.reduce((minutes, item) => minutes + item[key], 0);
  return { interview: sum("interview"), total: sum("total") };
}

function totals(days) {
  const items = itemsOf({ days });
  const questions = items.filter(({ number, take }) => number !== undefined && take === 1).length;
  return { ...sums(items), questions, reviews: items.filter((item) => item.review).length };
}

/** 45 -> "45 min", 150 -> "2 h 30 min". */
export function duration(minutes) {
  const hours = Math.floor(minutes / 60);
  const rest = minutes % 60;
  if (!hours) return `${rest} min`;
  return rest ? `${hours} h ${rest} min` : `${hours} h`;
}

export const counted = (count, one, many = `${one}s`) => `${count.toLocaleString("en-US")} ${count === 1 ? one : many}`;
