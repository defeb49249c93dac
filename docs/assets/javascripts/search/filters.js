/*
 * Category, difficulty, topic and time: the same filters on the table of questions and on the search, and their state as
 * an address has it: `?q=redis&difficulty=senior&minutes=30` is the table's own, and the search, which opens over any page,
 * the table's too, has names of its own: `?search=redis&search-difficulty=senior`.
 */

const MINUTES = [20, 25, 30, 35, 45, 60];

/** One filter each: its name in the address, what it is called, what a question has, and whether that matches a choice. */
export const FILTERS = [
  { name: "category", label: "Category", any: "Any category", of: (question) => [question.category] },
  { name: "difficulty", label: "Difficulty", any: "Any difficulty", of: (question) => [question.difficulty] },
  { name: "topic", label: "Topic", any: "Any topic", of: (question) => question.topics },
  { name: "minutes", label: "Time", any: "Any time", of: (question) => atLeast(question.minutes) },
];

/** A question of 25 minutes matches "at most 25" and all that is more. */
function atLeast(minutes) {
  return MINUTES.filter((most) => minutes <= most).map(String);
}

export const EMPTY = Object.freeze({ q: "", category: "", difficulty: "", topic: "", minutes: "" });

/** The name that a part of the search's own state has in an address. */
export const inSearch = (name) => (name === "q" ? "search" : `search-${name}`);

const asItIs = (name) => name;

/** The state that an address holds. What is no choice of a filter counts as no choice. */
export function stateOf(parameters, questions, named = asItIs) {
  const state = { ...EMPTY, q: parameters.get(named("q")) ?? "" };
  for (const { name, of } of FILTERS) {
    const value = parameters.get(named(name)) ?? "";
    if (questions.some((question) => of(question).includes(value))) state[name] = value;
  }
  return state;
}

/** The state as parameters of an address, without what is empty. */
export function parametersOf(state, named = asItIs) {
  return new URLSearchParams(Object.keys(EMPTY).flatMap((name) => (state[name] ? [[named(name), state[name]]] : [])));
}

export function hasFilter(state) {
  return FILTERS.some(({ name }) => state[name]);
}

/** "redis, under 30 minutes" -> the words, and the filter that the rest of it says. A filter chosen by hand stands. */
export function understood(state) {
  const limit = /(?:^|[\s,;]+)(?:in |for )?(?:under|below|less than|at most|up to|within|max(?:imum)?|no more than|<=?|≤)\s*(\d{1,3})\s*(?:min(?:ute)?s?|m|')(?![\p{L}\p{N}])\.?/iu;
  const said = limit.exec(state.q);
  if (!said) return { ...state, words: state.q };
  const most = MINUTES.findLast((minutes) => minutes <= Number(said[1]));
  const words = (state.q.slice(0, said.index) + " " + state.q.slice(said.index + said[0].length)).trim().replace(/[\s,;]+$/, "");
  return { ...state, words, minutes: state.minutes || String(most ?? MINUTES[0]) };
}

export function matches(question, state, except = "") {
  return FILTERS.every(({ name, of }) => name === except || !state[name] || of(question).includes(state[name]));
}

/**
 * The filters as fields. `change(name, value)` is called with what a reader chooses; `show(state, candidates)` sets them,
 * and says beside each choice how many of the candidates it would leave.
 */
export function createFilters(questions, labels, change) {
  const fields = document.createElement("fieldset");
  fields.className = "filters";
  const legend = document.createElement("legend");
  legend.textContent = "Filters";
  fields.append(legend);
  const shown = FILTERS.map(({ name, label, any, of }) => {
    const values = [...new Set(questions.flatMap(of))];
    values.sort(name === "topic" ? undefined : (one, other) => labels.order(name, one) - labels.order(name, other));
    const select = document.createElement("select");
    select.name = name;
    const options = ["", ...values].map((value) => {
      const option = document.createElement("option");
      option.value = value;
      select.append(option);
      return option;
    });
    select.addEventListener("change", () => change(name, select.value));
    const field = document.createElement("label");
    field.append(label, select);
    fields.append(field);
    return { name, any, of, select, options };
  });
  const clear = document.createElement("button");
  clear.type = "button";
  clear.className = "search__button";
  clear.textContent = "Clear filters";
  clear.addEventListener("click", () => change("", ""));
  fields.append(clear);

  const show = (state, candidates) => {
    clear.hidden = !hasFilter(state);
    for (const { name, any, of, select, options } of shown) {
      const left = candidates.filter((question) => matches(question, state, name));
      for (const option of options) {
        const count = left.filter((question) => !option.value || of(question).includes(option.value)).length;
        const text = option.value ? labels.text(name, option.value) : any;
        option.textContent = `${text} (${count})`;
        option.disabled = !count && option.value !== state[name] && option.value !== "";
      }
      select.value = state[name];
    }
  };
  return { fields, show };
}

/** How values are called and ordered, as the question table says them. */
export function labelsOf(data) {
  return {
    text: (name, value) => (name === "minutes" ? `At most ${value} minutes` : (data.labels[value] ?? value)),
    order: (name, value) => (name === "minutes" ? Number(value) : Object.keys(data.labels).indexOf(value)),
  };
}
