/*
 * Practice on a question page: a clock with marks, hints at a cost, the answer behind a deliberate reveal, then the score.
 */

import { loadCatalog, siteRoot } from "../catalog.js";
import { element } from "../dom.js";
import { addStyles } from "../styles.js";
import { ask, button } from "../progress/dom.js";
import { downloadFile } from "../progress/file.js";
import { attemptsAt, newId, notesOn } from "../progress/model.js";
import { GRADES, bestGrade, gradeOf, levelText } from "../progress/rating.js";
// With the page, not when it is wanted: half an hour later there may be no network.
import { nextReview } from "../progress/schedule.js";
import { addAttempt, shelf as progress, storageNotice } from "../progress/shelf.js";
import { clockText, counted, dueText, spokenTime } from "../progress/words.js";
import { stayAwake } from "./awake.js";
import { createGuard } from "./guard.js";
import { phaseAt, phasesOf } from "./phases.js";
import { drop, interrupted, keep, newRun, paused, resumed, runOf, secondsOf, shelf, take, wasSetBack } from "./runs.js";
import { attemptOf, costs, createScore, sessionOf } from "./score.js";
import { fromParameters, parametersOf } from "./session.js";
import { begin, progressIn, startedAt } from "./sessions-shelf.js";
import { readSheet } from "./sheet.js";

/** How often an open tab says that it is open. */
const SEEN_MS = 15_000;

let view = null;

/** Practice on this page: go on with the run that was left, or, if asked to `start`, begin one. */
export async function practice(article, tools, { start }) {
  await addStyles("practice");
  view ??= createView(article, tools);
  view.open(start);
}

function createView(article, tools) {
  const sheet = readSheet(article);
  const phases = phasesOf(sheet.category, sheet.minutes);
  const time = element("span", { className: "practice-time", role: "timer", "aria-label": "Time used" });
  const phase = element("span", { className: "practice-phase" });
  const controls = element("div", { className: "practice-buttons" });
  const bar = element("div", { className: "practice-bar", tabIndex: -1, role: "region", "aria-label": "Practice clock" }, element("p", { className: "practice-clock" }, time, ` of ${clockText(sheet.minutes * 60)}`), phase, controls);
  const panel = element("section", { className: "practice", "aria-labelledby": "practice" });
  const said = element("p", { className: "practice-said", role: "status" });
  const guard = createGuard(article, sheet, { hint: openHint, stage: openStage, shut: refuse });

  let run = null;
  // What the panel shows: "running" (or paused), "left", "elsewhere", "ended", "score", "saved", or nothing.
  let state = "";
  let timer = 0;
  let asking = false;

  function open(start) {
    if (state && state !== "saved") return panel.querySelector("h2")?.focus();
    const session = fromParameters(new URLSearchParams(location.search));
    // A reload goes on with what the storage has; it does not begin again.
    history.replaceState(null, "", location.pathname + location.hash);
    const stored = runOf(sheet.number);
    if (!stored && !start) return;
    // Of the article itself, by whose end it goes out of sight, and not of its head.
    tools.closest(".question-head").after(bar, panel, said);
    if (session?.questions.length && !startedAt(session)) begin(session);
    // A run that was left goes on in the session by whose link its reader has come back.
    if (stored) meet(session ? { ...stored, session: linkOf(session) } : stored);
    else begun(session);
  }

  const linkOf = (session) => parametersOf(session).toString();

  function begun(session) {
    run = take(newRun(sheet.number, session ? linkOf(session) : ""));
    guard.raise({ hideDifficulty: Boolean(session?.hide), clarified: false, early: false });
    go();
    say(`The clock runs: ${counted(sheet.minutes, "minute")}. ${phases[0].name}: until ${clockText(phases[0].until)}.`);
    // The question is what comes next.
    bar.focus();
  }

  /** A run from before this page was loaded. */
  function meet(stored) {
    if (stored.draft) {
      run = { ...stored, owner: newId() };
      take(run);
      return toScore();
    }
    run = interrupted(stored);
    raise();
    guard.hold();
    state = "left";
    show();
  }

  function raise() {
    guard.raise({ hideDifficulty: Boolean(sessionOf(run)?.hide), clarified: run.clarified, early: run.early });
    guard.price(price);
  }

  /** Store the run as it has become. False if it is another tab's by now, which the panel then says. */
  function change(next) {
    run = next;
    keep(run);
    return state === "running";
  }

  function go() {
    state = "running";
    show();
    tick();
  }

  /** Go on here with the run as it is by now: another tab may have finished it, or ended it. */
  function takeUp() {
    const stored = runOf(sheet.number);
    if (!stored) return close();
    const mine = { ...stored, session: run.session, owner: newId() };
    if (mine.draft) {
      meet(mine);
      return panel.querySelector("h2").focus();
    }
    run = resumed(interrupted(mine));
    take(run);
    raise();
    go();
    say(`The clock runs again at ${spokenTime(secondsOf(run))}.`);
    controls.querySelector("button").focus();
  }

  function pause() {
    if (!change(run.since === null ? resumed(run) : paused(run))) return;
    go();
    say(run.since === null ? `Paused at ${spokenTime(secondsOf(run))}.` : "The clock runs again.");
    controls.querySelector("button").focus();
  }

  async function discard() {
    const answer = await ask("Discard this run?", ["Its time, its hints and its notes are forgotten. Saved attempts stay."], [
      { value: "keep", text: "Keep it" },
      { value: "discard", text: "Discard" },
    ]);
    if (answer !== "discard") return;
    close();
    drop(sheet.number);
  }

  function close() {
    run = null;
    state = "";
    clearTimeout(timer);
    stayAwake(false);
    guard.lift();
    for (const node of [bar, panel, said]) node.remove();
    tools.querySelector(".practice-start")?.focus();
  }

  // --- What is opened -----------------------------------------------------------------------------------------------------

  function price(place) {
    if (run.early || run.hints.includes(place)) return "";
    return `costs: grade ${GRADES[bestGrade({ hints: run.hints.length + 1, early: false })]} at best`;
  }

  function openHint(place) {
    if (!run || run.hints.includes(place) || !change({ ...run, hints: [...run.hints, place] })) return;
    guard.price(price);
    showRules();
    say(`Hint opened. ${rules()}`);
  }

  function openStage(place) {
    if (run && !run.stages.includes(place)) change({ ...run, stages: [...run.stages, place] });
  }

  async function refuse(block) {
    if (state !== "running") {
      say(state === "left" ? "Continue or discard the practice run first." : "This run goes on in another tab.");
      return panel.querySelector("h2").focus();
    }
    // Printing tries to open all blocks at once.
    if (asking) return;
    asking = true;
    const answer = await ask(
      "Open the answer before you finish?",
      ["This is recorded with the attempt, and its grade is then Again. If you are done, finish and score instead: that costs nothing."],
      [
        { value: "shut", text: "Keep it shut" },
        { value: "finish", text: "Finish and score" },
        { value: "open", text: "Open the answer" },
      ],
    );
    asking = false;
    if (!run || state !== "running") return;
    if (answer === "finish") finish();
    if (answer !== "open" || !change({ ...run, early: true })) return;
    guard.unseal(block);
    guard.price(price);
    show();
    (block?.querySelector("summary") ?? panel.querySelector("h2")).focus();
    say("The answer is open. The clock runs on.");
  }

  function clarify() {
    if (!change({ ...run, clarified: true })) return;
    const heading = guard.showClarifying();
    show();
    heading?.scrollIntoView();
    heading?.setAttribute("tabindex", "-1");
    heading?.focus({ preventScroll: true });
  }

  // --- The clock ----------------------------------------------------------------------------------------------------------

  function tick() {
    clearTimeout(timer);
    if (state !== "running") return;
    if (wasSetBack(run) && !change(resumed(interrupted(run)))) return;
    const seconds = secondsOf(run);
    time.textContent = clockText(seconds);
    const place = phaseAt(phases, seconds);
    const over = place === phases.length;
    const text = over ? "Time is up" : `${phases[place].name} until ${clockText(phases[place].until)}`;
    phase.textContent = run.since === null ? `Paused. ${text}` : text;
    bar.classList.toggle("practice-bar--over", over);
    for (const [index, item] of [...panel.querySelectorAll(".practice-phases > li")].entries()) {
      if (index === place) item.setAttribute("aria-current", "step");
      else item.removeAttribute("aria-current");
    }
    if (run.since === null) return;
    const passed = place > run.mark;
    const due = passed || Date.now() - run.seen >= SEEN_MS;
    if (due && !change({ ...run, mark: Math.max(place, run.mark), seen: Date.now() })) return;
    if (passed) say(over ? `Time is up: ${counted(sheet.minutes, "minute")}. The clock runs on until you finish.` : `${phases[place].name}: until ${clockText(phases[place].until)}.`);
    timer = setTimeout(tick, 1000 - (Math.round(seconds * 1000) % 1000));
  }

  const seen = () => {
    if (state === "running" && run.since !== null) change({ ...run, seen: Date.now() });
  };
  addEventListener("pagehide", () => {
    if (state === "running" && run.since !== null) change(paused(run));
  });
  addEventListener("pageshow", (event) => {
    // Come back to, with all that was on it, by "back"; nobody told it what happened meanwhile.
    if (!event.persisted || !stillOurs() || state !== "running") return;
    go();
    say(`Paused at ${spokenTime(secondsOf(run))}, when you left this page.`);
  });
  document.addEventListener("visibilitychange", () => {
    // A hidden tab's timers may have slept; the clock has not.
    if (document.hidden) seen();
    else {
      tick();
      stayAwake(state === "running" && run.since !== null);
    }
  });
  shelf.subscribe(stillOurs);

  /** Whether the run is this tab's; if it is not, the panel says so. */
  function stillOurs() {
    if (!["running", "score", "left", "elsewhere"].includes(state)) return false;
    const stored = runOf(sheet.number);
    // As long as nobody has taken it up, a run that was left is still this tab's to continue.
    if (stored?.owner === run.owner) return true;
    if (stored && state === "elsewhere") return false;
    if (stored) guard.hold();
    else guard.lift();
    state = stored ? "elsewhere" : "ended";
    show();
    say(stored ? "This run goes on in another tab." : "This run was ended in another tab.");
    return false;
  }

  // --- The panel ----------------------------------------------------------------------------------------------------------

  function heading(text) {
    return element("h2", { id: "practice", tabIndex: -1, textContent: text });
  }

  function rules() {
    if (run.early) return "The answer was opened early: the grade of this attempt is Again.";
    const best = GRADES[bestGrade({ hints: run.hints.length, early: false })];
    return `Hints opened: ${run.hints.length} of ${sheet.hints.length}. Best grade still open: ${best}.`;
  }

  function showRules() {
    const place = panel.querySelector(".practice-rules");
    if (place) place.textContent = rules();
  }

  /** While the clock runs, the panel stands below the question; whatever else it says comes first. */
  function stand() {
    const below = state === "running" ? sheet.end : null;
    if (below ? panel.nextElementSibling === below : panel.previousElementSibling === bar) return;
    if (below) below.before(panel);
    else bar.after(panel);
  }

  function show() {
    clearTimeout(timer);
    stayAwake(state === "running" && run.since !== null);
    bar.hidden = !["running", "left", "score"].includes(state);
    stand();
    controls.replaceChildren();
    if (state === "running") {
      controls.append(button(run.since === null ? "Continue" : "Pause", pause), button("Finish and score", finish, "practice-button--main"));
      guard.price(price);
      const notice = storageNotice(shelf.problem());
      panel.replaceChildren(
        heading("Practice"),
        notice ? element("p", { className: "practice-notice", textContent: notice }) : "",
        element("p", { textContent: "Answer aloud. When a part of the time begins, and when it is up, you are told." }),
        element("ol", { className: "practice-phases", role: "list" }, phases.map(({ name, from, until }) => element("li", {}, element("strong", { textContent: name }), ` ${clockText(from)} to ${clockText(until)}`))),
        element("p", { className: "practice-rules", textContent: rules() }),
        element("p", {
          className: "practice-about",
          textContent: `${sheet.stages.length ? "Stages and their evidence cost nothing. " : ""}What the interviewer scores and everything after the ${sheet.stages.length ? "drill" : "hints"} stay shut until you finish.`,
        }),
        element(
          "div",
          { className: "practice-buttons" },
          guard.hasClarifying() && !run.clarified && button("Show the clarifying questions", clarify),
          !run.early && sheet.levels.length > 0 && button("Open the answer early", () => refuse(article.querySelector("details.answer"))),
          button("Discard", discard),
        ),
      );
    } else if (state === "left") {
      // A reload comes back to where its reader was, maybe far below the panel; the bar is in sight there.
      time.textContent = clockText(secondsOf(run));
      phase.textContent = "Stopped when you left";
      controls.append(button("Continue", takeUp, "practice-button--main"));
      panel.replaceChildren(
        heading("A practice run was left here"),
        element("p", { textContent: `${clockText(secondsOf(run))} of ${clockText(sheet.minutes * 60)} on the clock, ${counted(run.hints.length, "hint")} opened. The time since you left does not count. Until you continue or discard the run, hints and answer stay shut.` }),
        element("div", { className: "practice-buttons" }, button("Discard", discard)),
      );
    } else if (state === "elsewhere") {
      panel.replaceChildren(
        heading("This run goes on in another tab"),
        element("div", { className: "practice-buttons" }, button("Continue here", takeUp, "practice-button--main")),
      );
    } else if (state === "ended") {
      panel.replaceChildren(heading("This run was ended in another tab"), element("div", { className: "practice-buttons" }, button("Close", close)));
    }
    bar.classList.remove("practice-bar--over");
  }

  // --- The score ----------------------------------------------------------------------------------------------------------

  function finish() {
    if (!change({ ...paused(run), draft: { met: [], signals: [], skipped: [], note: "" } })) return;
    toScore();
    panel.querySelector("h2").focus();
  }

  function toScore() {
    state = "score";
    say("");
    guard.lift();
    show();
    time.textContent = clockText(secondsOf(run));
    phase.textContent = "Stopped";
    controls.append(element("a", { className: "practice-button", href: "#practice", textContent: "To the score" }));
    const known = progress.read();
    const past = attemptsAt(known, sheet.number);
    const count = () => {
      const attempt = attemptOf(sheet, run, phases);
      score.update(attempt, dueText(nextReview([...past, attempt])));
      return attempt;
    };
    const score = createScore(sheet, structuredClone(run.draft), phases, {
      lastNote: notesOn(known, sheet.number)[0] ?? null,
      change: (draft) => {
        change({ ...run, draft: structuredClone(draft) });
        count();
      },
      save: () => {
        const attempt = count();
        state = "saved";
        addAttempt(attempt);
        drop(sheet.number);
        showSaved(attempt, nextReview(attemptsAt(progress.read(), sheet.number)));
      },
      discard,
    });
    panel.replaceChildren(
      heading("Score the attempt"),
      element("p", { textContent: sheet.levels.length ? "Read the model answer and what each level adds, then come back: nothing you have ticked is lost." : "The answer to this question is not written yet. Score what you can." }),
      score.form,
    );
    count();
  }

  async function showSaved(attempt, due) {
    bar.hidden = true;
    const session = sessionOf(run);
    const notice = storageNotice(progress.problem());
    const missed = attempt.signals.filter((signal) => !signal.met);
    const facts = [
      ["Level", levelText(attempt)],
      ["Time", `${clockText(attempt.seconds)} of ${clockText(attempt.minutes * 60)}`],
      ["Hints", String(attempt.hints)],
      ["Answer opened early", attempt.early ? "yes" : "no"],
      ["Signals shown", `${attempt.signals.length - missed.length} of ${attempt.signals.length}`],
      ["Grade", GRADES[gradeOf(attempt)]],
      ["Next review", dueText(due)],
    ];
    if (sheet.stages.length) facts.splice(4, 0, ["Stages worked", `${attempt.stages} of ${sheet.stages.length}`]);
    if (attempt.skipped.length) facts.push(["Skipped or cut short", attempt.skipped.join(", ")]);
    const ways = element("p", { className: "practice-ways" }, element("a", { href: new URL("progress/", siteRoot()).href, textContent: "Your progress" }));
    panel.replaceChildren(
      heading("Attempt saved"),
      notice ? element("p", { className: "practice-notice" }, notice, " ", button("Export your progress", () => downloadFile(progress.read()))) : "",
      element("dl", { className: "practice-facts" }, facts.map(([name, value]) => element("div", {}, element("dt", { textContent: name }), element("dd", { textContent: value })))),
      ...costs(attempt).map((text) => element("p", { className: "practice-about", textContent: text })),
      ways,
      element("div", { className: "practice-buttons" }, button("Practice again", () => begunAgain(session)), button("Close", close)),
    );
    panel.querySelector("h2").focus();
    // The heading, which has the focus, says the rest.
    say(`Grade ${GRADES[gradeOf(attempt)]}, next review ${dueText(due)}.`);
    if (session) ways.prepend(...(await onward(session)), " ");
  }

  function begunAgain(session) {
    run = null;
    begun(session);
  }

  /** Links to the session's next question and to the session. */
  async function onward(session) {
    const link = linkOf(session);
    const overview = (text) => element("a", { href: new URL(`practice/?${link}`, siteRoot()).href, textContent: text });
    let known;
    try {
      known = new Map((await loadCatalog()).map((question) => [question.number, question]));
    } catch {
      return [overview("The session")];
    }
    const { done, left } = progressIn(session, progress.read(), known);
    if (!left.length) return [overview("The session is done: see its summary")];
    const next = known.get(left[0]);
    return [
      element("a", { href: `${next.href}?practice&${link}`, textContent: `Next: ${next.number}. ${next.title}` }),
      " ",
      overview(`The session: ${done.length} of ${done.length + left.length} done`),
    ];
  }

  function say(text) {
    said.textContent = text;
  }

  return { open };
}
