/*
 * The table of all questions, filtered and searched in place. Its state is in the address, so that a view can be linked,
 * reloaded, and left and come back to.
 */

import { button, element } from "../dom.js";
import { createAddressWriter } from "./address.js";
import {
  addressWith,
  chosen,
  createFilters,
  hasFilter,
  labelsOf,
  matches,
  possible,
  stateOfAddress,
  understood,
} from "./filters.js";

/** So many rows are shown at once, and as many more whenever a reader asks: of a thousand, a phone would draw for seconds. */
const AT_ONCE = 100;

/** Set the filters up at `place`, an empty element before the table that has the names of their choices. */
export function setUpTable(place, table) {
  const rows = new Map([...table.tBodies[0].rows].map((row) => [Number(row.dataset.number), row]));
  const questions = [...rows.values()].map(questionOf);
  const caption = element("span", { role: "status" }, ...table.caption.childNodes);
  table.caption.append(caption);
  const ofAll = caption.textContent;
  const stateNow = () => possible(stateOfAddress(), questions);
  let state = stateNow();
  /** What finds words, as `load` gives it: not before somebody is about to search. */
  let ready = null;
  let most = AT_ONCE;

  const input = element("input", { type: "search", autocomplete: "off", spellcheck: false, dir: "auto" });
  const field = element("label", { className: "filters__text" }, "Search in this table", input);
  const said = element("p", { className: "filters__said", role: "status" });

  const writer = createAddressWriter();
  const address = () => addressWith(state);
  /** A choice is a step that "back" undoes; letters on the way to a word are not. */
  const go = (next, step) => {
    if (step) writer.now();
    state = next;
    most = AT_ONCE;
    if (step) history.pushState(null, "", address());
    else writer.later(address);
    show();
  };
  const filters = createFilters(questions, labelsOf(JSON.parse(place.dataset.labels)), (name, value) => {
    go(chosen(state, name, value), true);
  });
  input.addEventListener("input", () => go({ ...state, q: input.value }, !state.q !== !input.value));
  window.addEventListener("popstate", () => {
    writer.drop();
    state = stateNow();
    most = AT_ONCE;
    show();
  });
  // Whoever leaves the field may be on the way to a link, or to the search, which writes into the address too.
  input.addEventListener("blur", writer.now);

  const more = button("", "search__button", () => {
    const before = table.querySelectorAll("tbody > tr:not([hidden])").length;
    most += AT_ONCE;
    show();
    // The button moves down, or goes: who pressed it reads on from the first row that has come.
    table.querySelectorAll("tbody > tr:not([hidden])")[before].querySelector("a").focus();
  });

  function show() {
    if (input.value !== state.q) input.value = state.q;
    const asked = understood(state);
    const words = asked.words.trim();
    const found = words && ready ? ready.engine.search(words).questions.map(({ record }) => record) : questions;
    filters.show(asked, found);
    if (words && !ready) {
      search();
      return;
    }
    const left = found.filter((question) => matches(question, asked));
    const shown = left.slice(0, most).map((question) => rows.get(question.number));
    const isShown = new Set(shown);
    for (const row of rows.values()) row.hidden = !isShown.has(row);
    // A row that is moved loses the focus that is in it: those in order stay where they are.
    const inOrder = [...table.tBodies[0].rows].filter((row) => !row.hidden);
    if (shown.some((row, place) => row !== inOrder[place])) table.tBodies[0].append(...shown);
    const minutes = left.reduce((sum, question) => sum + question.minutes, 0);
    const all = !state.q && !hasFilter(asked);
    caption.textContent = all ? ofAll : `${left.length} of ${rows.size} questions, ${minutes} minutes`;
    more.hidden = left.length <= most;
    more.textContent = `Show ${Math.min(AT_ONCE, left.length - most)} more of ${left.length}`;
    said.textContent = left.length ? "" : "No question matches. Clear the filters, or try other words.";
  }

  /** All words of many questions are more than the page itself and come last. Without them the names still find; typing on tries again. */
  async function search() {
    try {
      ready ??= await (await import("./index.js")).load();
    } catch {
      if (input.value) said.textContent = "The search could not be loaded. Type on to try again.";
      return;
    }
    show();
    ready.complete()?.then(show, () => {});
  }

  place.append(field, filters.fields, said);
  table.after(more);
  show();
  input.addEventListener("focus", search);
}

/** What the filters ask of a question, from its row. */
function questionOf({ dataset: { number, category, difficulty, minutes, topics } }) {
  return { number: Number(number), category, difficulty, minutes: Number(minutes), topics: topics.split(" ") };
}
