/*
 * Questions -> a plan by day. Pure: the day to begin, the catalog and what builds on what come in as arguments.
 *
 * Each chosen weekday adds its share of the weekly hours to an account. A sitting spends from it, may borrow from the next
 * one, and what it leaves carries over; at the end nothing is owed, so the plan keeps to the hours it was given.
 */

import { labelOf, weekdayOf } from "./dates.js";
import { LIMITS } from "./model.js";

const LEVELS = ["mid-senior", "senior", "staff"];
/** Own level first, then the one below, the one above, and what is further away. */
const PREFERENCE = { 0: 0, "-1": 1, 1: 2, "-2": 3, 2: 4 };
/** Days from a first take to its review, and from there to the second: the gap grows, as what is known lasts longer. */
export const GAPS = [3, 8];

/**
 * The questions by how much they matter for the target, most important first: what the reader emphasizes, then by level, and
 * within that the categories in turn, so that a short plan is not all of one kind.
 */
export function ranked(questions, { level, categories, topics }) {
  const target = LEVELS.indexOf(level);
  const emphasized = ({ category, topics: own }) => categories.has(category) || own.some((topic) => topics.has(topic));
  const turns = new Map();
  const places = [...questions]
    .sort((one, other) => one.number - other.number)
    .map((question) => {
      const tier = (emphasized(question) ? 0 : 10) + PREFERENCE[LEVELS.indexOf(question.difficulty) - target];
      const lane = `${tier} ${question.category}`;
      turns.set(lane, (turns.get(lane) ?? 0) + 1);
      return { question, tier, turn: turns.get(lane) };
    });
  places.sort((one, other) => one.tier - other.tier || one.turn - other.turn || one.question.number - other.question.number);
  return places.map(({ question }) => question);
}

/**
 * The same questions in an order to take them: each after those it builds on, else the easier ones first.
 * `chains` are lists of numbers, each of which builds on the one before it.
 */
function ordered(questions, chains) {
  const left = new Map(questions.map((question, rank) => [question.number, { question, rank, after: new Set() }]));
  for (const chain of chains) {
    // A chain holds over questions that are not in the plan.
    const present = chain.filter((number) => left.has(number));
    present.slice(1).forEach((number, at) => left.get(number).after.add(present[at]));
  }
  const order = [];
  while (left.size) {
    const free = [...left.values()].filter(({ after }) => ![...after].some((number) => left.has(number)));
    // Chains that bite their tail are the author's fault, and checked while building; here any order will do.
    const candidates = free.length ? free : [...left.values()];
    candidates.sort((one, other) => levelOf(one) - levelOf(other) || one.rank - other.rank);
    order.push(candidates[0].question);
    left.delete(candidates[0].question.number);
  }
  return order;
}

const levelOf = ({ question }) => LEVELS.indexOf(question.difficulty);

/**
 * Lay questions out over the chosen `weekdays` (a set of 0 for Monday to 6) from `from` to the day before `interview`, with
 * `hours` a week. `wanted` are questions, most important first.
 *
 * Returns `{ plan, leftOut, reviews, unreviewed, capacity, spent, sittings }`: the questions that do not fit; how many
 * reviews there are; the questions that get none; minutes. Throws a RangeError, in a sentence for the reader, where there
 * is no day to lay them out on.
 */
export function layOut({ wanted, chains, from, interview, weekdays, hours, withReviews }) {
  if (interview <= from) throw new RangeError("The interview has to be after the day on which you begin.");
  const days = [];
  for (let day = from; day < interview && day <= from + LIMITS.offset && days.length < LIMITS.days; day++) {
    if (weekdays.has(weekdayOf(day))) days.push(day);
  }
  if (!days.length) throw new RangeError("None of the chosen weekdays comes before the interview.");
  const share = (hours * 60) / weekdays.size;

  // As many as fit with the first review of each that is met early enough for one, the most important first: what is never
  // recalled does not last until the interview. A long one that does not fit lets a short one pass.
  let chosen = [];
  for (const question of wanted) {
    const tried = [...chosen, question];
    const { complete, missed } = filled(ordered(tried, chains), days, share, withReviews ? 1 : 0);
    if (complete && !missed) chosen = tried;
  }
  const sequence = ordered(chosen, chains);

  // Of all even paces the one by which most questions come back; then the one with most reviews; then the slowest, which
  // spreads the work.
  let best = filled(sequence, days, share, 0);
  const rounds = withReviews ? GAPS.map((_, at) => at + 1) : [0];
  let slowest = true;
  for (const most of sequence.length ? rounds : []) {
    for (let percent = 20; percent <= 100; percent += 5) {
      const tried = filled(sequence, days, (share * percent) / 100, most);
      const better = tried.reviewed.size - best.reviewed.size || tried.reviews - best.reviews;
      if (tried.complete && (better > 0 || (slowest && better === 0))) {
        best = tried;
        slowest = false;
      }
    }
  }

  const used = best.days.filter(({ items }) => items.length);
  const start = used.length ? used[0].day : days[0];
  return {
    plan: {
      title: `Interview on ${labelOf(interview)}`,
      start,
      interview,
      days: used.map(({ day, items }) => ({
        offset: day - start,
        note: "",
        items: items.map((question) => ({ question, note: "" })),
      })),
    },
    leftOut: wanted.filter((question) => !chosen.includes(question)),
    reviews: best.reviews,
    unreviewed: sequence.filter(({ number }) => !best.reviewed.has(number)),
    capacity: Math.round(days.length * share),
    spent: best.spent,
    sittings: days.length,
  };
}

/**
 * Go through the days with a share of minutes each. `complete` says whether every question of the sequence had its place,
 * `missed` how many had a day left for a first review, but not the time.
 */
function filled(sequence, days, share, rounds) {
  const out = days.map((day) => ({ day, items: [] }));
  const reviewed = new Set();
  let due = [];
  let next = 0;
  let balance = 0;
  let spent = 0;
  let count = 0;
  let toTake = sequence.reduce((sum, { minutes }) => sum + 2 * minutes, 0);
  out.forEach(({ day, items }, at) => {
    const daysLeft = days.length - 1 - at;
    balance += share;
    let today = 0;
    const place = (number, cost) => {
      const room = balance + (daysLeft ? share : 0);
      // What is longer than a sitting's share has a sitting to itself.
      if (cost > room || (today && today + cost > 2 * share)) return false;
      items.push(number);
      balance -= cost;
      today += cost;
      spent += cost;
      return true;
    };
    // Reviews open a sitting, but never take the time of a question that has not been met yet.
    due.sort((one, other) => one.round - other.round || one.day - other.day);
    due = due.flatMap((review) => {
      const { number, minutes, round } = review;
      const fits = review.day <= day && toTake + minutes <= balance + share * daysLeft;
      if (!fits || count + sequence.length >= LIMITS.items || !place(number, minutes)) return [review];
      count += 1;
      reviewed.add(number);
      return round < rounds ? [{ number, minutes, round: round + 1, day: day + GAPS[round] }] : [];
    });
    while (next < sequence.length && place(sequence[next].number, 2 * sequence[next].minutes)) {
      const { number, minutes } = sequence[next];
      toTake -= 2 * minutes;
      if (rounds) due.push({ number, minutes, round: 1, day: day + GAPS[0] });
      next += 1;
    }
  });
  const missed = due.filter(({ round, day }) => round === 1 && day <= days.at(-1)).length;
  return { days: out, complete: next === sequence.length, missed, reviews: count, reviewed, spent };
}
