/*
 * The score of a finished run: the rows of the levels table that were met, the signals that were shown, what was skipped and
 * a note. What it comes to is said while it is filled in.
 */

import { element } from "../dom.js";
import { button } from "../progress/dom.js";
import { LIMITS } from "../progress/model.js";
import { GRADES, OVERTIME, bestGrade, gradeOf, levelText } from "../progress/rating.js";
import { counted } from "../progress/words.js";
import { secondsOf } from "./runs.js";
import { fromParameters, keyOf } from "./session.js";

/** The session that a run belongs to, or null. */
export function sessionOf(run) {
  return run?.session ? fromParameters(new URLSearchParams(run.session)) : null;
}

/** The attempt that a run and its draft come to. */
export function attemptOf(sheet, run, phases) {
  const { draft } = run;
  const session = sessionOf(run);
  return {
    id: run.id,
    question: sheet.number,
    at: new Date().toISOString(),
    seconds: Math.round(secondsOf(run)),
    minutes: sheet.minutes,
    hints: run.hints.length,
    early: run.early,
    stages: run.stages.length,
    levels: sheet.levels.map(({ label }) => label),
    met: draft.met.filter((row) => row < sheet.levels.length).sort((one, other) => one - other),
    target: sheet.target,
    signals: sheet.signals.map((text, place) => ({ text, met: draft.signals.includes(place) })),
    skipped: phases.filter((_, place) => draft.skipped.includes(place)).map(({ name }) => name),
    note: draft.note.trim().slice(0, LIMITS.noteLength),
    session: session ? keyOf(session) : "",
  };
}

/** What an attempt cost itself, in sentences; empty if nothing. */
export function costs(attempt) {
  const found = [];
  if (attempt.early) found.push("The answer was opened before the end: the grade is Again.");
  else if (attempt.hints) found.push(`${counted(attempt.hints, "hint")} opened: at best ${GRADES[bestGrade({ ...attempt, seconds: 0 })]}.`);
  if (!attempt.early && attempt.seconds > attempt.minutes * 60 * OVERTIME) found.push("More than a quarter over time: at best Good.");
  return found;
}

/**
 * The form. `change(draft)` is called with every change, `save()` and `discard()` by its buttons; `lastNote` is the newest
 * note on the question, or null. Returns its element and `update(attempt)`, which says what the draft comes to.
 */
export function createScore(sheet, draft, phases, { lastNote, change, save, discard }) {
  const choice = (list, place, text, more = null) => {
    const box = element("input", { type: "checkbox", checked: list.includes(place) });
    box.addEventListener("change", () => {
      if (box.checked) list.push(place);
      else list.splice(list.indexOf(place), 1);
      change(draft);
    });
    return element("label", { className: "practice-choice" }, box, element("span", {}, text, more));
  };
  const group = (legend, about, choices) =>
    choices.length > 0 &&
    element("fieldset", { className: "practice-group" }, element("legend", { textContent: legend }), about && element("p", { textContent: about }), choices);

  const note = element("textarea", { id: "practice-note", rows: 4, maxLength: LIMITS.noteLength, value: draft.note });
  note.addEventListener("input", () => {
    draft.note = note.value;
    change(draft);
  });
  const outcome = element("div", { className: "practice-outcome", role: "status" });
  const form = element(
    "form",
    {},
    group(
      "Which levels did you meet?",
      "Tick a row if you said what is in it, and count only what somebody could have heard. A level counts with those above it in the list.",
      sheet.levels.map(({ label, text }, place) =>
        choice(draft.met, place, element("strong", { textContent: label }), element("span", { className: "practice-about", textContent: text })),
      ),
    ),
    group("Which signals did you show?", "", sheet.signals.map((text, place) => choice(draft.signals, place, text))),
    group("What did you skip or cut short?", "", phases.map(({ name }, place) => choice(draft.skipped, place, name))),
    lastNote && element("p", { className: "practice-about" }, element("strong", { textContent: "Your last note: " }), lastNote.text),
    element("label", { className: "practice-note", htmlFor: note.id }, "What you missed, in your own words", note),
    outcome,
    element("div", { className: "practice-buttons" }, button("Save the attempt", save, "practice-button--main"), button("Discard", discard)),
  );
  // Enter on a checkbox would submit the form; somebody who meant to tick it has not finished.
  form.addEventListener("submit", (event) => event.preventDefault());
  return {
    form,
    update(attempt, next) {
      const lines = [`Counts as: ${levelText(attempt)}.`, ...costs(attempt), `Grade: ${GRADES[gradeOf(attempt)]}. Next review ${next}.`];
      outcome.replaceChildren(...lines.map((line) => element("p", { textContent: line })));
    },
  };
}
