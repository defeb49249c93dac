/*
 * The table of all questions, filtered and searched in place. Its state is in the address, so that a view can be linked,
 * reloaded, and left and come back to.
 */

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
import { load } from "./index.js";

/** Set the filters up at `place`, an empty element before the table. */
export async function setUpTable(place, table) {
  if (place.childNodes.length) return;
  const ready = await load();
  const { data } = ready;
  const rows = new Map([...table.tBodies[0].rows].map((row) => [Number(row.dataset.number), row]));
  const caption = document.createElement("span");
  caption.setAttribute("role", "status");
  caption.append(...table.caption.childNodes);
  table.caption.append(caption);
  const ofAll = caption.textContent;
  const stateNow = () => possible(stateOfAddress(), data.questions);
  let state = stateNow();

  const field = document.createElement("label");
  field.className = "filters__text";
  const input = document.createElement("input");
  input.type = "search";
  input.autocomplete = "off";
  input.spellcheck = false;
  input.dir = "auto";
  field.append("Search in this table", input);
  const said = document.createElement("p");
  said.className = "filters__said";
  said.setAttribute("role", "status");

  const writer = createAddressWriter();
  const address = () => addressWith(state);
  /** A choice is a step that "back" undoes; letters on the way to a word are not. */
  const go = (next, step) => {
    if (step) writer.now();
    state = next;
    if (step) history.pushState(null, "", address());
    else writer.later(address);
    show();
  };
  const filters = createFilters(data.questions, labelsOf(data), (name, value) => {
    go(chosen(state, name, value), true);
  });
  input.addEventListener("input", () => go({ ...state, q: input.value }, !state.q !== !input.value));
  window.addEventListener("popstate", () => {
    writer.drop();
    state = stateNow();
    show();
  });
  // Whoever leaves the field may be on the way to a link, or to the search, which writes into the address too.
  input.addEventListener("blur", writer.now);

  function show() {
    if (input.value !== state.q) input.value = state.q;
    const asked = understood(state);
    const found = asked.words.trim() ? ready.engine.search(asked.words).questions.map(({ record }) => record) : data.questions;
    filters.show(asked, found);
    const left = found.filter((question) => matches(question, asked));
    const shown = left.map((question) => rows.get(question.number));
    for (const row of rows.values()) row.hidden = !shown.includes(row);
    // A row that is moved loses the focus that is in it: those in order stay where they are.
    const inOrder = [...table.tBodies[0].rows].filter((row) => !row.hidden);
    if (shown.some((row, place) => row !== inOrder[place])) table.tBodies[0].append(...shown);
    const minutes = left.reduce((sum, question) => sum + question.minutes, 0);
    const all = !state.q && !hasFilter(asked);
    caption.textContent = all ? ofAll : `${left.length} of ${rows.size} questions, ${minutes} minutes`;
    said.textContent = left.length ? "" : "No question matches. Clear the filters, or try other words.";
  }

  place.append(field, filters.fields, said);
  show();
  // Without the words the names still find; typing on tries again.
  ready.complete()?.then(show, () => {});
}
