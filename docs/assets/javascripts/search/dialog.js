/*
 * The search: a dialog with a field, the filters, and the questions that answer, as links, best first. What it shows is in
 * the address, so that a search can be linked and reloaded, and "back" leads from a question to the list it was chosen from.
 *
 * The first list stands as soon as the engine has it; which section answers, and in which words, is read from the pages of
 * the first results and put in afterwards.
 */

import { siteRoot } from "../catalog.js";
import { button, element } from "../dom.js";
import { hasShelf } from "../storage.js";
import { createAddressWriter } from "./address.js";
import {
  EMPTY,
  addressWith,
  chosen,
  createFilters,
  hasFilter,
  inSearch,
  labelsOf,
  matches,
  parametersOf,
  possible,
  stateOfAddress,
  understood,
} from "./filters.js";
import { load } from "./index.js";
import { keyChoice } from "./key.js";
import { marked, sectionFor } from "./sections.js";

const SHOWN = 8;
const WITH_SECTION = 4;
const PAGES = 3;

let view = null;

/** Open the search, with what was in its field last. A promise of the field, which has the focus. */
export function openSearch() {
  view ??= createView();
  return view.open();
}

/** Show what the address says: the search that it holds, or none. */
export function followAddress() {
  if (!view && !isInAddress()) return;
  view ??= createView();
  view.follow();
}

/** Whether the address of the page is one of an open search. */
function isInAddress() {
  return new URLSearchParams(location.search).has(inSearch("q"));
}

/** The page's address with an open search in it, even if nothing is typed. */
function addressOf(state) {
  const address = addressWith(state, inSearch);
  address.searchParams.set(inSearch("q"), state.q);
  return address;
}

function createView() {
  const input = element("input", {
    className: "search__input",
    type: "search",
    "aria-label": "Search the questions",
    placeholder: "A term, a product, a symptom, a sentence",
    autocomplete: "off",
    autocapitalize: "off",
    enterKeyHint: "go",
    spellcheck: false,
    dir: "auto",
  });
  const close = button("Close", "search__button", () => dialog.close());
  const form = element("form", { className: "search__form", role: "search", "aria-label": "Questions" }, input, close);
  const said = element("p", { className: "search__said", role: "status" });
  const results = element("ol", { className: "search__results", role: "list" });
  const others = element("div", { className: "search__others" });
  const dialog = element("dialog", { className: "search", "aria-label": "Search" }, form, said, results, others, keyChoice());
  document.body.append(dialog);

  let state = { ...EMPTY };
  let ready = null;
  let filters = null;
  let turn = 0;
  /** Resolves when the browser has gone back to the page without the search; null while it is not on its way. */
  let leaving = null;
  const writer = createAddressWriter();

  dialog.addEventListener("close", () => {
    writer.drop();
    // Where nothing had the focus before, the browser leaves it here until the next frame, and a key would be one for the field.
    if (dialog.contains(document.activeElement)) document.activeElement.blur();
    if (!isInAddress()) return;
    // The step that opening made is taken back, so that "back" does not lead to the same page once more.
    if (history.state?.search) {
      leaving = new Promise((resolve) => addEventListener("popstate", resolve, { once: true }));
      leaving.then(() => (leaving = null));
      history.back();
    } else {
      history.replaceState(history.state, "", addressWith(EMPTY, inSearch));
    }
  });
  // A press on the backdrop hits the dialog, as one on its own padding does. One that began inside selects text, and the
  // second one of two was meant for the button that opened it.
  let pressed = false;
  const isOutside = ({ clientX, clientY }) => {
    const { left, right, top, bottom } = dialog.getBoundingClientRect();
    return clientX < left || clientX > right || clientY < top || clientY > bottom;
  };
  dialog.addEventListener("pointerdown", (event) => {
    pressed = event.target === dialog && isOutside(event);
  });
  dialog.addEventListener("click", (event) => {
    if (event.target.closest("a")) writer.now();
    else if (event.target === dialog && pressed && isOutside(event) && event.detail < 2) dialog.close();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    results.querySelector("a")?.click();
  });
  const change = (next) => {
    state = next;
    if (input.value !== state.q) input.value = state.q;
    writer.later(() => addressOf(state));
    update();
  };
  input.addEventListener("input", () => change({ ...state, q: input.value }));
  dialog.addEventListener("keydown", (event) => {
    // What composes a letter of another script is not for us.
    if (event.isComposing) return;
    if (event.key !== "Escape") return move(event, input, dialog);
    // In a search field the browser would empty it first, and close the dialog only after a second press.
    event.preventDefault();
    dialog.close();
  });

  async function update() {
    const mine = (turn += 1);
    if (!ready) said.textContent = "Loading …";
    try {
      ready ??= await load();
    } catch {
      said.textContent = "The search could not be loaded. Try again, or look through all questions.";
      others.replaceChildren(link("All questions", new URL("questions/", siteRoot())));
      return;
    }
    if (mine !== turn) return;
    state = possible(state, ready.data.questions);
    // Without all words the names still find; the next letter tries again. A list that is being read stays.
    ready.complete()?.then(
      () => {
        if (mine === turn && !dialog.querySelector("a:focus")) show(mine);
      },
      () => {},
    );
    if (!filters) {
      filters = createFilters(ready.data.questions, labelsOf(ready.data.labels), (name, value) => {
        change(chosen(state, name, value));
      });
      form.after(filters.fields);
    }
    show(mine);
  }

  function show(mine) {
    const { data, engine, root } = ready;
    const asked = understood(state);
    // A letter by itself says nothing yet; a digit is a question's number.
    const typed = asked.words.trim().replace(/^\p{L}$/u, "");
    const { questions, pages } = typed
      ? engine.search(typed)
      : { questions: hasFilter(asked) ? data.questions.map((record) => ({ record, terms: new Set() })) : [], pages: [] };
    filters.show(asked, typed || hasFilter(asked) ? questions.map(({ record }) => record) : data.questions);
    const left = questions.filter(({ record }) => matches(record, asked));
    const shown = left.slice(0, SHOWN).map((result) => ({ ...result, item: resultOf(result, root, data) }));
    results.replaceChildren(...shown.map(({ item }) => item));
    others.replaceChildren(...below(typed, asked, questions, left, pages, engine, root));
    said.textContent = summary(typed, asked, questions, left);
    for (const result of shown.slice(0, typed ? WITH_SECTION : 0)) addSection(result, root, () => mine === turn);
  }

  function appear() {
    if (!dialog.open) dialog.showModal();
    input.focus();
    input.select();
    update();
  }

  return {
    async open() {
      await leaving;
      if (!isInAddress()) history.pushState({ search: true }, "", addressOf(state));
      appear();
      return input;
    },
    follow() {
      if (!isInAddress()) return dialog.close();
      state = stateOfAddress(inSearch);
      input.value = state.q;
      appear();
    },
  };
}

/** One question as a link: number and title, what it is, and its description until a section is known. */
function resultOf({ record, terms }, root, data) {
  const about = [data.labels[record.category], data.labels[record.difficulty], `${record.minutes} minutes`].join(" · ");
  return element(
    "li",
    { className: "search__result" },
    element(
      "a",
      { className: "search__link", href: new URL(record.href, root).href },
      element("span", { className: "search__title" }, `${record.number}. `, marked(record.title, terms)),
      element("span", { className: "search__about" }, about),
      element("span", { className: "search__text" }, marked(record.description, terms)),
    ),
  );
}

/** Lead a result to the section that answers, and show its words. A drill's would tell the cause: it keeps its own, as does what is being practiced. */
async function addSection({ record, terms, item }, root, stillWanted) {
  if (record.drill || (await isPracticed(record.number))) return;
  const href = new URL(record.href, root).href;
  const section = await sectionFor(href, terms).catch(() => null);
  if (!section || !stillWanted()) return;
  const anchor = item.querySelector("a");
  anchor.href = `${href}#${section.id}`;
  const place = element("span", { className: "search__section" }, marked(section.title, terms), /[?!.]$/.test(section.title) ? " " : ": ");
  anchor.querySelector(".search__text").replaceChildren(place, marked(section.excerpt, terms));
}

/** Whether a practice run of the question is not finished, whose reader has not seen the answer. Where that cannot be had, it is not. */
async function isPracticed(number) {
  if (!hasShelf("practice")) return false;
  const runs = await import("../practice/runs.js").catch(() => null);
  const run = runs?.runOf(number);
  return Boolean(run && !run.draft);
}

/** What stands below the questions: the way out of a filter, the whole list, other pages, or the nearest topics. */
function below(typed, asked, questions, left, pages, engine, root) {
  const nodes = [];
  if (left.length > SHOWN || (left.length && hasFilter(asked))) {
    const address = new URL(`questions/?${parametersOf({ ...asked, q: asked.words })}`, root);
    const which = left.length === 1 ? "This one" : `All ${left.length}`;
    nodes.push(link(`${which} in the table of questions`, address));
  }
  if (pages.length) {
    const found = pages.slice(0, PAGES);
    nodes.push(...listed("Other pages", found.map(({ record }) => link(record.title, new URL(record.href, root)))));
  }
  if (!questions.length && typed) {
    const near = engine.nearestTopics(typed);
    nodes.push(...listed("Nearest topics", near.map((topic) => link(topic, new URL(`topics/#tag:${topic}`, root)))));
  }
  return nodes;
}

function summary(typed, asked, questions, left) {
  if (!typed && !hasFilter(asked)) return "Type what you are looking for, or choose a filter.";
  if (!questions.length) return `Nothing found for “${typed.length > 80 ? `${typed.slice(0, 80)} …` : typed}”.`;
  if (!left.length) return `No question is left by the filters; without them there are ${questions.length}.`;
  const count = left.length === 1 ? "1 question" : `${left.length} questions`;
  return typed ? `${count}, best first: ${left[0].record.title}.` : `${count}.`;
}

/** Arrows go through field and results; whatever is typed outside of a field goes to the search's. */
function move(event, input, dialog) {
  const stops = [input, ...dialog.querySelectorAll(".search__link, .search__others a")];
  const place = stops.indexOf(document.activeElement);
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step && place >= 0) {
    event.preventDefault();
    stops[Math.min(Math.max(place + step, 0), stops.length - 1)].focus();
  } else if (!event.target.matches("input, select") && (event.key.length === 1 || event.key === "Backspace") && !event.ctrlKey && !event.metaKey && !event.altKey && event.key !== " ") {
    input.focus();
  }
}

/** A heading and a list of links below it. */
function listed(title, links) {
  return [
    element("p", { className: "search__heading" }, title),
    element("ul", { className: "search__pages", role: "list" }, links.map((anchor) => element("li", {}, anchor))),
  ];
}

function link(text, address) {
  return element("a", { href: address.href }, text);
}
