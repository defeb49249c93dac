/* /progress/: what is due, every question with its note, every attempt, totals; and the way out, in and back to nothing. */

import { loadCatalog, siteRoot } from "../catalog.js";
import { element } from "../dom.js";
import { download } from "../download.js";
import { setUpScrollable } from "../scrollable.js";
import { addStyles } from "../styles.js";
import { shelf as runs } from "../practice/runs.js";
import { shelf as sessions } from "../practice/sessions-shelf.js";
import { ask, button, redraw, table } from "./dom.js";
import { MOST_BYTES, downloadFile, readFileText } from "./file.js";
import { Fault, LIMITS, attemptsAt, isDone, isEmpty, knownQuestions, merge, notesOn } from "./model.js";
import { GOOD, GRADES, gradeOf, levelText } from "./rating.js";
import { isDue, nextReview, reviews } from "./schedule.js";
import { addNote, markDone, mergeIn, removeAttempt, reset, shelf, storageNotice } from "./shelf.js";
import { CATEGORIES, clockText, counted, dayText, dueText } from "./words.js";

/** Attempts shown at once; the rest at a press. */
const SHOWN = 50;

export async function setUpOverview(place) {
  const [catalog] = await Promise.all([loadCatalog().catch(() => null), addStyles("practice"), addStyles("progress")]);
  const known = new Map((catalog ?? []).map((question) => [question.number, question]));
  const said = element("p", { className: "progress-said", role: "status" });
  const undo = element("div", { className: "practice-buttons" });
  const content = element("div");
  let all = false;
  // What is open and being written, to be so still when another tab has changed something.
  let opened = new Set();
  let drafts = new Map();

  const titleOf = (number) => {
    const question = known.get(number);
    if (question) return element("a", { href: question.href, textContent: `${number}. ${question.title}` });
    return catalog ? `Question ${number}, which this site does not have` : `Question ${number}`;
  };

  function say(text) {
    said.textContent = text;
    undo.replaceChildren();
  }

  /** Say what was changed, and whether it will last. */
  function sayChanged(text) {
    const problem = shelf.problem();
    say([text, problem !== "damaged" && storageNotice(problem)].filter(Boolean).join(" "));
  }

  /** `sayChanged`, in sight: what lies above may have become much longer or shorter. */
  function sayHere(text) {
    sayChanged(text);
    said.scrollIntoView({ block: "center" });
  }

  function show() {
    const state = shelf.read();
    opened = new Set([...content.querySelectorAll("details[open] > summary")].map((summary) => summary.dataset.keep));
    drafts = new Map([...content.querySelectorAll("textarea")].filter((area) => area.value !== area.defaultValue).map(({ id, value }) => [id, value]));
    const problem = shelf.problem();
    const notice = problem !== "damaged" && storageNotice(problem);
    redraw(
      content,
      [
        notice && element("p", { className: "practice-notice", textContent: notice }),
        setAside(),
        !catalog && element("p", { className: "practice-notice", textContent: "The list of questions could not be loaded, so numbers stand for titles." }),
        ...(isEmpty(state) ? [nothing()] : [dueList(state), totals(state), attempts(state)]),
        questions(state),
      ].filter(Boolean),
    );
    setUpScrollable(content);
  }

  function nothing() {
    return element("p", {}, "Nothing is kept yet. Open a question and press ", element("strong", { textContent: "Practice" }), ", or begin ", element("a", { href: new URL("practice/", siteRoot()).href, textContent: "a session" }), ".");
  }

  function setAside() {
    const text = shelf.aside();
    if (text === null) return null;
    const save = button("Save it as a file", () => download("set-aside.txt", text, "text/plain"));
    const forget = button("Delete it", async () => {
      const answer = await ask(
        "Delete what could not be read?",
        ["It is deleted for good. Save it as a file first if somebody may still make something of it."],
        [
          { value: "keep", text: "Keep it" },
          { value: "delete", text: "Delete" },
        ],
      );
      if (answer !== "delete") return;
      shelf.forgetAside();
      show();
      say("What could not be read is deleted.");
    });
    return element("p", { className: "practice-notice" }, "Something that this browser had stored could not be read. It was set aside, not deleted. ", save, " ", forget);
  }

  function dueList(state) {
    const planned = reviews(state);
    const due = planned.filter((review) => isDue(review.due));
    const next = planned.find((review) => !isDue(review.due));
    const minutes = due.reduce((sum, { question }) => sum + (known.get(question)?.minutes ?? 0), 0);
    return section(
      "due",
      "Due for review",
      due.length > 0 && element("p", { textContent: `${counted(due.length, "question")}, ${counted(minutes, "minute")}.` }),
      due.length > 0 &&
        element(
          "ul",
          {},
          due.map(({ question, last, due: day }) => {
            const found = known.get(question);
            const link = found ? element("a", { href: `${found.href}?practice`, textContent: `Practice ${question}. ${found.title}` }) : titleOf(question);
            return element("li", {}, link, " ", element("span", { className: "progress-about", textContent: `${dueText(day)}, last ${levelText(last)}` }));
          }),
        ),
      due.length === 0 && element("p", { textContent: next ? `Nothing is due today. Next: ${dueText(next.due)}.` : "Nothing is due." }),
    );
  }

  function totals(state) {
    const rows = Object.entries(CATEGORIES).map(([category, label]) => {
      const inIt = (catalog ?? []).filter((question) => question.category === category);
      const tried = state.attempts.filter((attempt) => known.get(attempt.question)?.category === category);
      return [label, ...sums(inIt.map((question) => question.number), tried)];
    });
    const strangers = state.attempts.filter((attempt) => !known.has(attempt.question));
    if (strangers.length && catalog) rows.push(["No longer on this site", "", ...sums([], strangers).slice(1)]);
    rows.push(["All", ...sums([...known.keys()], state.attempts)]);
    return section("totals", "Totals", table("Attempts by category", ["Category", "Done", "Attempts", "Time", "Good or Easy"], rows));

    function sums(numbers, tried) {
      const done = numbers.filter((number) => isDone(state, number)).length;
      const seconds = tried.reduce((sum, attempt) => sum + attempt.seconds, 0);
      const well = tried.filter((attempt) => gradeOf(attempt) >= GOOD).length;
      return [`${done} of ${numbers.length}`, String(tried.length), `${Math.round(seconds / 60)} min`, String(well)];
    }
  }

  function questions(state) {
    const numbers = [...new Set([...known.keys(), ...knownQuestions(state)])].sort((one, other) => one - other);
    return section("questions", "Questions and notes", element("ul", { className: "progress-questions", role: "list" }, numbers.map((number) => questionItem(state, number))));
  }

  function questionItem(state, number) {
    const tried = attemptsAt(state, number);
    const [note, ...earlier] = notesOn(state, number);
    const box = element("input", { type: "checkbox", checked: isDone(state, number), "data-keep": `done-${number}` });
    box.setAttribute("aria-label", `Question ${number} is done`);
    box.addEventListener("change", () => {
      markDone(number, box.checked);
      sayChanged(`Question ${number} is marked as ${box.checked ? "done" : "not done"}.`);
    });
    const about = tried.length ? `${counted(tried.length, "attempt")}, last ${levelText(tried.at(-1))}, next review ${dueText(nextReview(tried))}` : "";
    const area = element("textarea", { id: `note-${number}`, rows: 3, maxLength: LIMITS.noteLength, textContent: note?.text ?? "", "data-keep": `text-${number}` });
    if (drafts.has(area.id)) area.value = drafts.get(area.id);
    const save = button("Save note", () => {
      if (area.value.trim() === (note?.text ?? "")) return say("The note is as it was.");
      addNote(number, area.value.trim());
      sayChanged(`The note on question ${number} is saved${note ? "; the earlier one is kept below it" : ""}.`);
    });
    save.dataset.keep = `save-${number}`;
    const editor = element(
      "details",
      { className: "progress-note", open: opened.has(`note-${number}`) },
      element("summary", {
        textContent: note?.text ? "Edit note" : "Add a note",
        "aria-label": note?.text ? `Edit note on question ${number}` : `Add a note on question ${number}`,
        "data-keep": `note-${number}`,
      }),
      element("label", { htmlFor: area.id }, `Your note on question ${number}`),
      area,
      save,
      earlier.length > 0 &&
        element("ul", { className: "progress-earlier" }, earlier.map(({ at, text }) => element("li", { textContent: `${dayText(new Date(at))}: ${text || "(emptied)"}` }))),
    );
    return element(
      "li",
      {},
      element("label", { className: "progress-done" }, box, element("span", { textContent: "Done" })),
      element("div", { className: "progress-question" }, titleOf(number), about && element("span", { className: "progress-about", textContent: about }), note?.text && element("p", { className: "progress-text", textContent: note.text })),
      editor,
    );
  }

  function attempts(state) {
    if (!state.attempts.length) return null;
    const newest = [...state.attempts].reverse();
    const shown = all ? newest : newest.slice(0, SHOWN);
    const rows = shown.map((attempt) => [
      dayText(new Date(attempt.at)),
      titleOf(attempt.question),
      `${clockText(attempt.seconds)} of ${attempt.minutes}:00`,
      levelText(attempt),
      `${attempt.signals.filter((signal) => signal.met).length} of ${attempt.signals.length}`,
      attempt.early ? "answer opened early" : attempt.hints ? counted(attempt.hints, "hint") : "none",
      GRADES[gradeOf(attempt)],
      element("div", {}, details(attempt), removal(attempt)),
    ]);
    return section(
      "attempts",
      "All attempts",
      table(`${counted(newest.length, "attempt")}, newest first`, ["Day", "Question", "Time", "Level", "Signals", "Help", "Grade", "More"], rows, { cards: true }),
      shown.length < newest.length &&
        button(`Show all ${newest.length}`, () => {
          all = true;
          show();
        }),
    );
  }

  const named = (attempt) => `the attempt of ${dayText(new Date(attempt.at))} at question ${attempt.question}`;

  function details(attempt) {
    const missed = attempt.signals.filter((signal) => !signal.met).map((signal) => signal.text);
    const parts = [
      missed.length && element("p", { textContent: "Signals missed:" }),
      missed.length && element("ul", {}, missed.map((text) => element("li", { textContent: text }))),
      attempt.skipped.length && element("p", { textContent: `Skipped or cut short: ${attempt.skipped.join(", ")}` }),
      attempt.note && element("p", { className: "progress-text", textContent: attempt.note }),
    ].filter(Boolean);
    return parts.length > 0 && element("details", { className: "progress-note", open: opened.has(`attempt-${attempt.id}`) }, element("summary", { textContent: "Details", "aria-label": `Details of ${named(attempt)}`, "data-keep": `attempt-${attempt.id}` }), ...parts);
  }

  function removal(attempt) {
    const made = button("Remove", () => remove(attempt));
    made.setAttribute("aria-label", `Remove ${named(attempt)}`);
    made.dataset.keep = `remove-${attempt.id}`;
    return made;
  }

  async function remove(attempt) {
    const answer = await ask(
      "Remove this attempt?",
      [`The attempt of ${dayText(new Date(attempt.at))} at question ${attempt.question} is removed for good: importing an older export does not bring it back.`],
      [
        { value: "keep", text: "Keep it" },
        { value: "remove", text: "Remove" },
      ],
    );
    if (answer !== "remove") return;
    removeAttempt(attempt.id);
    sayChanged("The attempt is removed.");
  }

  // --- Out, in, and back to nothing -----------------------------------------------------------------------------------------

  function exportAll() {
    downloadFile(shelf.read());
    say("The export is in your downloads.");
  }

  async function importFile(file) {
    if (file.size > MOST_BYTES) return say(`This file is larger than ${MOST_BYTES / 1_000_000} MB, so it is no export of this site. Nothing was changed.`);
    let text;
    try {
      text = await file.text();
    } catch {
      return say("The browser could not read this file. Nothing was changed.");
    }
    let read;
    try {
      read = readFileText(text);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      return say(error.message);
    }
    const before = shelf.read();
    const after = mergeIn(read);
    if (JSON.stringify(before) === JSON.stringify(after)) return say("Nothing new: all of this file was here already.");
    const ids = (list) => new Set(list.map(({ id }) => id));
    const [had, has, removed] = [before.attempts, after.attempts, after.removed].map(ids);
    const fresh = [...has].filter((id) => !had.has(id)).length;
    const gone = [...had].filter((id) => removed.has(id)).length;
    const cut = [...had].filter((id) => !has.has(id)).length - gone;
    sayHere(
      [
        `Merged: ${counted(fresh, "new attempt")}, and what is newer of notes and marks.`,
        gone > 0 && `${counted(gone, "attempt")} removed there ${gone === 1 ? "is" : "are"} removed here, too.`,
        cut > 0 && `The oldest ${counted(cut, "attempt")} had to go: this site keeps ${LIMITS.attempts}.`,
        !gone && !cut && "Nothing of yours was replaced.",
      ]
        .filter(Boolean)
        .join(" "),
    );
  }

  async function resetAll() {
    const { attempts, notes } = shelf.read();
    if (shelf.problem() === "newer") return say(storageNotice("newer"));
    const answer = await ask(
      "Delete your progress from this browser?",
      [
        `${counted(attempts.length, "attempt")}, ${counted(notes.length, "note")} and all marks are deleted, and with them unsaved runs and the sessions under way. An export brings back all but those two.`,
      ],
      [
        { value: "keep", text: "Keep everything" },
        { value: "export", text: "Export first", action: exportAll },
        { value: "delete", text: "Delete" },
      ],
    );
    if (answer !== "delete") return;
    const before = [shelf, runs, sessions].map((each) => each.read());
    reset();
    for (const each of [runs, sessions]) each.update(each.empty);
    sayHere("Your progress is deleted from this browser.");
    undo.append(button("Undo", () => bringBack(...before)));
  }

  function bringBack(state, ...others) {
    shelf.update((now) => merge(now, state));
    // What was begun since is not replaced.
    for (const [place, each] of [runs, sessions].entries()) {
      each.update((now) => (JSON.stringify(now) === JSON.stringify(each.empty()) ? others[place] : now));
    }
    sayHere("Undone: everything is back.");
    moving.querySelector("h2").focus({ preventScroll: true });
  }

  const picker = element("input", { type: "file", id: "progress-file", accept: ".json,application/json" });
  picker.addEventListener("change", async () => {
    if (picker.files[0]) await importFile(picker.files[0]);
    picker.value = "";
  });
  const moving = section(
    "move",
    "Take it along",
    element("p", { textContent: "An export holds everything on this page. Importing merges it into what another browser has: attempts are joined, the newest note wins and the older ones are kept." }),
    element("div", { className: "practice-buttons" }, button("Export", exportAll), element("label", { className: "practice-button progress-file", htmlFor: picker.id }, "Import ", picker), button("Delete everything", resetAll)),
    said,
    undo,
  );
  place.append(content, moving);
  shelf.subscribe(show);
  show();
}

function section(id, title, ...children) {
  const heading = element("h2", { id: `progress-${id}`, tabIndex: -1, textContent: title });
  return element("section", { className: "progress-section", "aria-labelledby": heading.id }, heading, ...children);
}
