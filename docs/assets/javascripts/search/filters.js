/*
 * Category, difficulty, topic and time: the same filters on the table of questions and on the search, and their state as
 * an address has it: `?q=redis&difficulty=senior&minutes=30` is the table's own, and the search, which opens over any page,
 * the table's too, has names of its own: `?search=redis&search-difficulty=senior`.
 */

import { button, element } from "../dom.js";

/** As many characters of what is typed are looked at, however much an address may bring. */
const MOST_CHARACTERS = 2000;

const MINUTES = [20, 25, 30, 35, 40, 45, 50, 60];

/** One filter each: its name in the address, what it is called, and the choices that a question matches. */
const FILTERS = [
  { name: "category", label: "Category", of: (question) => [question.category] },
  { name: "difficulty", label: "Difficulty", of: (question) => [question.difficulty] },
  { name: "topic", label: "Topic", of: (question) => question.topics },
  { name: "minutes", label: "Time", of: (question) => atLeast(question.minutes) },
];

/** A question of 25 minutes matches "at most 25" and all that is more. */
function atLeast(minutes) {
  return MINUTES.filter((most) => minutes <= most).map(String);
}

export const EMPTY = Object.freeze({ q: "", category: "", difficulty: "", topic: "", minutes: "" });

/** The name that a part of the search's own state has in an address. */
export const inSearch = (name) => (name === "q" ? "search" : `search-${name}`);

const asItIs = (name) => name;

/** The state that the page's address holds. */
export function stateOfAddress(named = asItIs) {
  const parameters = new URLSearchParams(location.search);
  return Object.fromEntries(Object.keys(EMPTY).map((name) => [name, parameters.get(named(name)) ?? ""]));
}

/** The page's address with this state in it, and whatever else it holds. */
export function addressWith(state, named = asItIs) {
  const address = new URL(location.href);
  for (const name of Object.keys(EMPTY)) address.searchParams.delete(named(name));
  for (const [name, value] of parametersOf(state, named)) address.searchParams.set(name, value);
  return address;
}

/** The state without what is no choice of a filter. */
export function possible(state, questions) {
  const isChoice = ({ name, of }) => questions.some((question) => of(question).includes(state[name]));
  const others = FILTERS.filter((filter) => !isChoice(filter));
  return { ...state, ...Object.fromEntries(others.map(({ name }) => [name, ""])) };
}

/** The state after a choice, or without all of them; the time that the words say gives way to the one chosen. */
export function chosen(state, name, value) {
  if (name && name !== "minutes") return { ...state, [name]: value };
  const { words } = understood(state);
  return name ? { ...state, q: words, minutes: value } : { ...EMPTY, q: words };
}

/** The state as parameters of an address, without what is empty. */
export function parametersOf(state, named = asItIs) {
  return new URLSearchParams(Object.keys(EMPTY).flatMap((name) => (state[name] ? [[named(name), state[name]]] : [])));
}

export function hasFilter(state) {
  return FILTERS.some(({ name }) => state[name]);
}

/**
 * "redis, under 30 minutes" -> the words, and the filter that the rest of it says. A filter chosen by hand stands. No question
 * is shorter than the shortest time: "alert within 5 minutes" are words.
 */
export function understood(state) {
  const limit = /(?:^|[\s,;]+)(?:in |for )?(?:under|below|less than|at most|up to|within|max(?:imum)?|no more than|<=?|≤)\s*(\d{1,3})\s*(?:min(?:ute)?s?|m|')(?![\p{L}\p{N}])\.?/iu;
  const typed = state.q.slice(0, MOST_CHARACTERS);
  const said = limit.exec(typed);
  const most = said && MINUTES.findLast((minutes) => minutes <= Number(said[1]));
  if (!most) return { ...state, words: typed };
  const words = (typed.slice(0, said.index) + " " + typed.slice(said.index + said[0].length)).trim().replace(/[\s,;]+$/, "");
  return { ...state, words, minutes: state.minutes || String(most) };
}

export function matches(question, state, except = "") {
  return FILTERS.every(({ name, of }) => name === except || !state[name] || of(question).includes(state[name]));
}

/**
 * The filters as fields. `change(name, value)` is called with what a reader chooses, and without a name when all are to go;
 * `show(state, candidates)` sets them, and says beside each choice how many of the candidates it would leave.
 */
export function createFilters(questions, labels, change) {
  const shown = FILTERS.map(({ name, label, of }) => {
    const values = [...new Set(questions.flatMap(of))];
    values.sort(name === "topic" ? undefined : (one, other) => labels.order(name, one) - labels.order(name, other));
    const options = ["", ...values].map((value) => element("option", { value }));
    const select = element("select", { name, change: () => change(name, select.value) }, options);
    return { name, label, of, select, options };
  });
  const clear = button("Clear filters", "search__button", () => {
    // The button goes; who pressed it stays beside it.
    shown[0].select.focus();
    change("", "");
  });
  const fields = element(
    "fieldset",
    { className: "filters" },
    element("legend", {}, "Filters"),
    shown.map(({ label, select }) => element("label", {}, label, select)),
    clear,
  );

  const show = (state, candidates) => {
    clear.hidden = !hasFilter(state);
    for (const { name, of, select, options } of shown) {
      const left = candidates.filter((question) => matches(question, state, name));
      const counts = new Map([["", left.length]]);
      for (const value of left.flatMap(of)) counts.set(value, (counts.get(value) ?? 0) + 1);
      for (const option of options) {
        const count = counts.get(option.value) ?? 0;
        const text = option.value ? labels.text(name, option.value) : "Any";
        option.textContent = `${text} (${count})`;
        option.disabled = !count && option.value !== state[name] && option.value !== "";
      }
      select.value = state[name];
    }
  };
  return { fields, show };
}

/** How values are called and ordered; `names` has what categories and difficulties are called, in the catalog's order. */
export function labelsOf(names) {
  return {
    text: (name, value) => (name === "minutes" ? `Up to ${value} minutes` : (names[value] ?? value)),
    order: (name, value) => (name === "minutes" ? Number(value) : Object.keys(names).indexOf(value)),
  };
}
