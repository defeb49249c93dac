/*
 * /practice/: draw a set of questions, go through it one question after another, see how it went. The whole session is in
 * the address; what was done in it, in the reader's own progress.
 */

import { loadCatalog, siteRoot } from "../catalog.js";
import { copy } from "../copy-link.js";
import { element } from "../dom.js";
import { setUpScrollable } from "../scrollable.js";
import { addStyles } from "../styles.js";
import { button, redraw, table } from "../progress/dom.js";
import { GRADES, gradeOf, levelText } from "../progress/rating.js";
import { nextReview } from "../progress/schedule.js";
import { shelf as progress, storageNotice } from "../progress/shelf.js";
import { attemptsAt } from "../progress/model.js";
import { CATEGORIES, clockText, counted, dueText } from "../progress/words.js";
import { interrupted, runOf, secondsOf, shelf as runs } from "./runs.js";
import { MOST_QUESTIONS, TIMES, asked, draw, fromParameters, matching, newSeed, parametersOf } from "./session.js";
import { attemptsIn, begin, forget, progressIn, sessionsUnderWay, shelf, startedAt } from "./sessions-shelf.js";

const LABELS = { ...CATEGORIES, "mid-senior": "Mid-senior", senior: "Senior", staff: "Staff" };

export async function setUpSessions(place) {
  const said = element("p", { className: "progress-said", role: "status" });
  const content = element("div");
  let inSession = false;
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
    const parameters = new URLSearchParams(location.search);
    let session = fromParameters(parameters);
    if (session && !session.questions.length) {
      session = { ...session, questions: draw(session, catalog) };
      if (session.questions.length) history.replaceState(null, "", linkOf(session));
      else say("No question matches what this link asks for. Choose again.");
    }
    inSession = Boolean(session?.questions.length);
    const shown = inSession ? overview(session) : chooser(asked(parameters));
    const notice = storageNotice(progress.problem() ?? shelf.problem());
    redraw(content, [notice && element("p", { className: "practice-notice", textContent: notice }), ...shown].filter(Boolean));
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

  function chooser(wanted) {
    const values = (name) => [...new Set(catalog.flatMap((question) => question[name]))];
    const select = (name, label, any, options, chosen) =>
      field(label, element("select", { name }, element("option", { value: "", textContent: any }), options.map(([value, text]) => element("option", { value, textContent: text, selected: String(value) === String(chosen) }))));
    const named = (name) => values(name).map((value) => [value, LABELS[value] ?? value]);
    const matches = element("p", { className: "progress-about", role: "status" });
    const form = element(
      "form",
      { className: "practice-form" },
      field("How many questions", element("input", { type: "number", name: "count", min: 1, max: MOST_QUESTIONS, value: wanted.count, required: true })),
      select("category", "Category", "Any category", named("category"), wanted.category),
      select("difficulty", "Difficulty", "Any difficulty", named("difficulty"), wanted.difficulty),
      select("topic", "Topic", "Any topic", values("topics").sort().map((topic) => [topic, topic]), wanted.topic),
      select("minutes", "Time in all", "Any time", TIMES.map((minutes) => [minutes, `At most ${minutes} minutes`]), wanted.minutes),
      element("label", { className: "practice-choice" }, element("input", { type: "checkbox", name: "hide", checked: wanted.hide }), element("span", { textContent: "Hide the difficulty until I have finished" })),
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
    const begun = sessionsUnderWay(progress.read(), known).slice(0, 5);
    return [
      heading("Draw a session"),
      form,
      begun.length > 0 && element("h3", { textContent: "Sessions under way" }),
      begun.length > 0 && element("ul", { className: "practice-begun" }, begun.map(begunItem)),
    ];
  }

  function begunItem({ session, done, left }) {
    const name = `Questions ${session.questions.join(", ")}`;
    const about = element("span", { className: "progress-about", textContent: `${done.length} of ${done.length + left.length} done` });
    const leave = button("Remove", () => {
      forget(session);
      show();
      say(`The session of questions ${session.questions.join(", ")} is no longer under way. Its attempts stay in your progress.`);
    });
    leave.setAttribute("aria-label", `Remove the session: ${name}`);
    leave.dataset.keep = linkOf(session);
    return element("li", {}, element("a", { href: linkOf(session), textContent: name }), " ", about, " ", leave);
  }

  function field(label, control) {
    return element("label", { className: "practice-field" }, element("span", { textContent: label }), control);
  }

  // --- A session ----------------------------------------------------------------------------------------------------------

  function overview(session) {
    const state = progress.read();
    const attempts = attemptsIn(session, state);
    const { done, left } = progressIn(session, state, known);
    const here = [...done, ...left];
    const minutes = here.reduce((sum, number) => sum + known.get(number).minutes, 0);
    const next = left.find((number) => runOf(number)) ?? left[0];
    const finished = here.length > 0 && !left.length;
    return [
      heading(finished ? "The session is done" : startedAt(session) ? "Your session" : "A session"),
      element("p", { textContent: `${counted(here.length, "question")}, ${counted(minutes, "minute")}; ${done.length} done.` }),
      finished ? summary(session, state, attempts) : element("ol", { className: "practice-list" }, session.questions.map((number) => item(session, number, attempts))),
      element(
        "div",
        { className: "practice-buttons" },
        next !== undefined && element("a", { className: "practice-button practice-button--main", href: practiceLink(session, next), textContent: `${done.length || runOf(next) ? "Continue with" : "Start with"} question ${next}` }),
        finished && button("Practice this set again", () => {
          begin(session);
          show();
          content.querySelector("h2").focus();
        }, "practice-button--main"),
        button("Copy the session's link", async ({ currentTarget }) => {
          if (await copy(linkOf(session), content, currentTarget)) say("The session's link is copied.");
        }),
        element("a", { className: "practice-button", href: linkOf({ ...session, seed: "", questions: [] }), textContent: "Draw another" }),
      ),
      element("p", { className: "progress-about", textContent: "Whoever opens this page's link gets the same questions in the same order. What you do stays in your browser." }),
    ];
  }

  function practiceLink(session, number) {
    return `${known.get(number).href}?practice&${parametersOf(session)}`;
  }

  function item(session, number, attempts) {
    const question = known.get(number);
    if (!question) return element("li", { textContent: `Question ${number}, which this site does not have` });
    const attempt = attempts.get(number);
    const run = runOf(number);
    const state = attempt
      ? `done: ${levelText(attempt)}, ${GRADES[gradeOf(attempt)]}`
      : run
        ? run.draft ? "finished, not scored yet" : `under way: ${clockText(secondsOf(interrupted(run)))}`
        : "not begun";
    const about = [LABELS[question.category] ?? question.category, session.hide && !attempt ? null : LABELS[question.difficulty] ?? question.difficulty, `${question.minutes} minutes`, state].filter(Boolean);
    return element("li", {}, element("a", { href: attempt ? question.href : practiceLink(session, number), textContent: `${number}. ${question.title}` }), " ", element("span", { className: "progress-about", textContent: about.join(" · ") }));
  }

  function summary(session, state, found) {
    const attempts = session.questions.filter((number) => known.has(number)).map((number) => found.get(number));
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
    return table("How it went", ["Question", "Time", "Help", "Level", "Signals", "Grade", "Next review"], rows, { cards: true });
  }

  function heading(text) {
    return element("h2", { tabIndex: -1, textContent: text });
  }

  place.append(content, said);
  // What is being chosen in the form stays as it is.
  for (const each of [progress, shelf, runs]) each.subscribe(() => {
    if (inSession) show();
  });
  addEventListener("popstate", show);
  show();
}
