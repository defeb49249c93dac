/*
 * /practice/: draw a set of questions, go through it one question after another, see how it went. The whole session is in
 * the address; what was done in it, in the reader's own progress.
 */

import { loadCatalog, siteRoot } from "../catalog.js";
import { setUpScrollable } from "../scrollable.js";
import { addStyles } from "../styles.js";
import { button, element, table } from "../progress/dom.js";
import { GRADES, gradeOf, levelText } from "../progress/rating.js";
import { nextReview } from "../progress/schedule.js";
import { shelf as progress, storageNotice } from "../progress/shelf.js";
import { attemptsAt } from "../progress/model.js";
import { clockText, counted, dueText } from "../progress/words.js";
import { interrupted, runOf, secondsOf, shelf as runs } from "./runs.js";
import { MOST_QUESTIONS, TIMES, draw, fromParameters, matching, newSeed, parametersOf } from "./session.js";
import { attemptsIn, begin, begunSessions, shelf, startedAt } from "./sessions-shelf.js";

const LABELS = {
  conceptual: "Conceptual",
  technical: "Technical",
  "system-design": "System design",
  debugging: "Debugging",
  "mid-senior": "Mid-senior",
  senior: "Senior",
  staff: "Staff",
};

export async function setUpSessions(place) {
  if (place.childNodes.length) return;
  const said = element("p", { className: "progress-said", role: "status" });
  const content = element("div");
  let catalog;
  try {
    [catalog] = await Promise.all([loadCatalog(), addStyles("practice"), addStyles("progress")]);
  } catch {
    place.append(element("p", { className: "practice-notice", textContent: "The list of questions could not be loaded. Reload the page to try again, or choose from the table of questions." }));
    return;
  }
  const known = new Map(catalog.map((question) => [question.number, question]));

  const linkOf = (session) => new URL(`practice/?${parametersOf(session)}`, siteRoot()).href;

  /** Show what the address says. A set that is only described is drawn, and its numbers put into the address. */
  function show() {
    let session = fromParameters(new URLSearchParams(location.search));
    if (session && !session.questions.length) {
      session = { ...session, questions: draw(session, catalog) };
      if (session.questions.length) history.replaceState(null, "", linkOf(session));
      else say("No question matches what this link asks for. Choose again.");
    }
    const notice = storageNotice(progress.problem() ?? shelf.problem());
    content.replaceChildren(
      ...[notice && element("p", { className: "practice-notice", textContent: notice }), ...(session?.questions.length ? overview(session) : chooser(session))].filter(Boolean),
    );
    setUpScrollable(content);
  }

  function say(text) {
    said.textContent = text;
  }

  function go(session) {
    history.pushState(null, "", linkOf(session));
    show();
    content.querySelector("h2").focus();
  }

  // --- Choosing -----------------------------------------------------------------------------------------------------------

  function chooser(asked) {
    const values = (name) => [...new Set(catalog.flatMap((question) => question[name]))];
    const select = (name, label, any, options, chosen) =>
      field(label, element("select", { name }, element("option", { value: "", textContent: any }), options.map(([value, text]) => element("option", { value, textContent: text, selected: String(value) === String(chosen ?? "") }))));
    const named = (name) => values(name).map((value) => [value, LABELS[value] ?? value]);
    const matches = element("p", { className: "progress-about", role: "status" });
    const form = element(
      "form",
      { className: "practice-form" },
      field("How many questions", element("input", { type: "number", name: "count", min: 1, max: MOST_QUESTIONS, value: asked?.count ?? 3, required: true })),
      select("category", "Category", "Any category", named("category"), asked?.category),
      select("difficulty", "Difficulty", "Any difficulty", named("difficulty"), asked?.difficulty),
      select("topic", "Topic", "Any topic", values("topics").sort().map((topic) => [topic, topic]), asked?.topic),
      select("minutes", "Time in all", "Any time", TIMES.map((minutes) => [minutes, `At most ${minutes} minutes`]), asked?.minutes),
      element("label", { className: "practice-choice" }, element("input", { type: "checkbox", name: "hide", checked: asked?.hide ?? false }), element("span", { textContent: "Hide the difficulty until I have finished" })),
      matches,
      element("div", { className: "practice-buttons" }, element("button", { type: "submit", className: "practice-button practice-button--main", textContent: "Draw questions" })),
    );
    const chosen = () => ({
      seed: newSeed(),
      count: Math.min(MOST_QUESTIONS, Math.max(1, Number(form.elements.count.value) || 1)),
      category: form.elements.category.value,
      difficulty: form.elements.difficulty.value,
      topic: form.elements.topic.value,
      minutes: Number(form.elements.minutes.value),
      hide: form.elements.hide.checked,
      questions: [],
    });
    const count = () => {
      matches.textContent = `${counted(matching(chosen(), catalog).length, "question")} to draw from.`;
    };
    form.addEventListener("input", count);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const session = chosen();
      session.questions = draw(session, catalog);
      if (!session.questions.length) return say("No question matches. Choose less.");
      say("");
      go(session);
    });
    count();
    const left = begunSessions()
      .map(({ session }) => ({ session, done: attemptsIn(session, progress.read()).size }))
      .filter(({ session, done }) => done < session.questions.length);
    return [
      heading("Draw a session"),
      form,
      left.length > 0 && element("h3", { textContent: "Sessions under way" }),
      left.length > 0 &&
        element(
          "ul",
          {},
          left.slice(0, 5).map(({ session, done }) =>
            element("li", {}, element("a", { href: linkOf(session), textContent: `Questions ${session.questions.join(", ")}` }), " ", element("span", { className: "progress-about", textContent: `${done} of ${session.questions.length} done` })),
          ),
        ),
    ];
  }

  function field(label, control) {
    return element("label", { className: "practice-field" }, element("span", { textContent: label }), control);
  }

  // --- A session ----------------------------------------------------------------------------------------------------------

  function overview(session) {
    const state = progress.read();
    const done = attemptsIn(session, state);
    const here = session.questions.filter((number) => known.has(number));
    const left = here.filter((number) => !done.has(number));
    const minutes = here.reduce((sum, number) => sum + known.get(number).minutes, 0);
    const next = left.find((number) => runOf(number)) ?? left[0];
    const finished = here.length > 0 && !left.length;
    return [
      heading(finished ? "The session is done" : startedAt(session) ? "Your session" : "A session"),
      element("p", { textContent: `${counted(here.length, "question")}, ${counted(minutes, "minute")}; ${done.size} done.` }),
      finished ? summary(session, state, done) : element("ol", { className: "practice-list" }, session.questions.map((number) => item(session, number, done))),
      element(
        "div",
        { className: "practice-buttons" },
        next !== undefined && element("a", { className: "practice-button practice-button--main", href: practiceLink(session, next), textContent: `${done.size || runOf(next) ? "Continue with" : "Start with"} question ${next}` }),
        finished && button("Practice this set again", () => {
          begin(session);
          show();
          content.querySelector("h2").focus();
        }, "practice-button--main"),
        button("Copy the session's link", (event) => copy(session, event.currentTarget)),
        element("a", { className: "practice-button", href: new URL("practice/", siteRoot()).href, textContent: "Draw another" }),
      ),
      element("p", { className: "progress-about", textContent: "Whoever opens this page's link gets the same questions in the same order. What you do stays in your browser." }),
    ];
  }

  function practiceLink(session, number) {
    return `${known.get(number).href}?practice&${parametersOf(session)}`;
  }

  function item(session, number, done) {
    const question = known.get(number);
    if (!question) return element("li", { textContent: `Question ${number}, which this site does not have` });
    const attempt = done.get(number);
    const run = runOf(number);
    const state = attempt
      ? `done: ${levelText(attempt)}, ${GRADES[gradeOf(attempt)]}`
      : run
        ? run.draft ? "finished, not scored yet" : `under way: ${clockText(secondsOf(interrupted(run)))}`
        : "not begun";
    const about = [LABELS[question.category] ?? question.category, session.hide && !attempt ? null : LABELS[question.difficulty] ?? question.difficulty, `${question.minutes} minutes`, state].filter(Boolean);
    return element("li", {}, element("a", { href: attempt ? question.href : practiceLink(session, number), textContent: `${number}. ${question.title}` }), " ", element("span", { className: "progress-about", textContent: about.join(" · ") }));
  }

  function summary(session, state, done) {
    const attempts = session.questions.filter((number) => known.has(number)).map((number) => done.get(number));
    const seconds = attempts.reduce((sum, attempt) => sum + attempt.seconds, 0);
    const minutes = attempts.reduce((sum, attempt) => sum + attempt.minutes, 0);
    const hints = attempts.reduce((sum, attempt) => sum + attempt.hints, 0);
    const rows = attempts.map((attempt) => [
      element("a", { href: known.get(attempt.question).href, textContent: `${attempt.question}. ${known.get(attempt.question).title}` }),
      `${clockText(attempt.seconds)} of ${attempt.minutes}:00`,
      attempt.early ? "answer opened early" : counted(attempt.hints, "hint"),
      levelText(attempt),
      `${attempt.signals.filter((signal) => signal.met).length} of ${attempt.signals.length}`,
      GRADES[gradeOf(attempt)],
      dueText(nextReview(attemptsAt(state, attempt.question))),
    ]);
    rows.push(["In all", `${clockText(seconds)} of ${minutes}:00`, counted(hints, "hint"), "", "", "", ""]);
    return table("progress-table", "How it went", ["Question", "Time", "Help", "Level", "Signals", "Grade", "Next review"], rows);
  }

  async function copy(session, pressed) {
    const link = linkOf(session);
    content.querySelector(".copy-field")?.remove();
    try {
      await navigator.clipboard.writeText(link);
      say("The session's link is copied.");
    } catch {
      // No clipboard in this context, or the reader refused it: show what would have been copied.
      const input = element("input", { type: "text", readOnly: true, value: link });
      pressed.closest(".practice-buttons").after(element("label", { className: "copy-field" }, "Copy the session's link: ", input));
      input.focus();
      input.select();
    }
  }

  function heading(text) {
    return element("h2", { tabIndex: -1, textContent: text });
  }

  place.append(content, said);
  for (const each of [progress, shelf, runs]) each.subscribe(() => {
    if (location.search) show();
  });
  addEventListener("popstate", show);
  show();
}
