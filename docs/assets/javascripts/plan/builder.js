/*
 * The plan builder: the reader's own plan, or the one that the address holds.
 *
 * A plan from the address is shown and never stored, until the reader adopts it. The reader's own is on the shelf (own.js),
 * and what is drawn follows the shelf, so that a change in another window shows here too.
 */

import { loadCatalog } from "../catalog.js";
import { announce, copyButton } from "../copy-link.js";
import { element } from "../dom.js";
import { addStyles } from "../styles.js";
import { askToAdopt } from "./adopt.js";
import { LinkError, PREFIX, decode, encode } from "./codec.js";
import { labelOf, today } from "./dates.js";
import { factsOf } from "./documents.js";
import { button } from "./dom.js";
import * as done from "./done.js";
import { createEditor } from "./editor.js";
import { setStart } from "./edit.js";
import { exportPanel } from "./exporting.js";
import { layoutForm, outcomeOf } from "./form.js";
import { EMPTY_PLAN, counted, isSame, itemsOf, viewOf } from "./model.js";
import * as own from "./own.js";
import { readingOf } from "./reading.js";

/** Longer links work, but some programs for messages cut them. */
const LONG_LINK = 2_000;

const BAD_LINK = {
  damaged: [
    "This link does not hold a whole plan",
    "Part of it is missing, or was changed on its way. Ask whoever sent it to copy it once more, and open all of it.",
  ],
  newer: [
    "This plan was made by a newer version of this site",
    "Reload this page, so that your browser gets the newer version too. If that does not help, close all of the site's windows first.",
  ],
  "old-browser": [
    "This browser cannot unfold this plan",
    "The plan in the link is compressed, and this browser is too old to read it. Update the browser, or open the link in another one.",
  ],
};

/** Build the builder into `place`, in place of what it holds for readers without scripts. `options` are those of `draw`. */
export async function setUpBuilder(place, options) {
  let questions;
  try {
    [questions] = await Promise.all([loadCatalog(), addStyles("plan")]);
  } catch {
    const again = button("Try again", () => setUpBuilder(place, { focus: "title" }));
    place.replaceChildren(element("p", { role: "alert" }, "The questions could not be loaded, so no plan can be shown."), again);
    if (options) again.focus();
    return;
  }
  const chains = place.dataset.chains.split(";").map((chain) => chain.split(" ").map(Number));
  new Builder(place, questions, chains).start(options);
}

class Builder {
  constructor(place, questions, chains) {
    Object.assign(this, { place, questions, chains });
    this.main = element("div", { className: "plan" });
    this.paper = element("div", { className: "plan-paper" });
    /** Earlier states of the current plan, the last one last, for as long as the page is open: [key, plan, outcome]. */
    this.undo = [];
    /** What the last laying out said, and the plan that it made. */
    this.outcome = null;
    this.link = "";
    /** How to draw what comes of a change that this window makes; null while it makes none. */
    this.next = null;
  }

  start(options) {
    this.place.replaceChildren(this.main, this.paper);
    own.shelf.subscribe(() => this.show());
    done.subscribe(() => {
      if (this.editor) this.editor.refresh();
      else if (this.shared?.plan) this.draw();
    });
    addEventListener("hashchange", () => this.open());
    addEventListener("beforeprint", () => this.print());
    document.addEventListener("visibilitychange", () => {
      // Phones end pages that are out of sight without another word. Those that come back may do so on another day.
      if (document.hidden) this.keepTyped();
      else this.editor?.refresh();
    });
    return this.open(options);
  }

  /** Show what the address asks for. `options` are those of `draw`. */
  async open(options) {
    const fragment = location.hash;
    this.shared = null;
    if (fragment.startsWith(PREFIX)) {
      let shared;
      try {
        shared = { plan: await decode(fragment), fragment };
      } catch (error) {
        if (!(error instanceof LinkError)) throw error;
        shared = { fault: error.reason };
      }
      // The reader may have gone on meanwhile.
      if (location.hash !== fragment) return;
      const mine = own.currentOf(own.shelf.read());
      if (shared.plan && mine && isSame(shared.plan, mine.plan)) this.forgetFragment();
      else this.shared = shared;
    }
    this.draw(options);
  }

  forgetFragment() {
    this.shared = null;
    history.replaceState(null, "", location.pathname + location.search);
  }

  /** The shelf has a new value. */
  show() {
    if (this.shared) {
      this.undo = [];
      return;
    }
    const current = own.currentOf(own.shelf.read());
    const before = this.plan;
    this.plan = current?.plan ?? null;
    // Taking back a change of this window must not take another window's with it.
    if (!this.next && !isSame(before, this.plan)) this.undo = [];
    const { quiet, ...options } = this.next ?? {};
    this.next = null;
    // With dates a plan has fields that it lacks without.
    const alike = current && this.editor && this.key === current.key && (before.start === null) === (this.plan.start === null);
    if (quiet && alike) this.refresh();
    else this.draw(options);
  }

  refresh() {
    this.editor.refresh();
    this.trouble.textContent = own.troubleOf(own.shelf.problem());
    this.updateLink();
    this.undoButton.disabled = !this.undo.length;
  }

  draw({ focus, open, close } = {}) {
    const kept = this.kept(focus === undefined);
    this.editor = null;
    if (this.shared?.fault) this.drawFault(this.shared.fault);
    else if (this.shared) this.drawShared(this.shared);
    else this.drawOwn();
    // What introduces the builder is for those who begin.
    this.place.classList.toggle("plan-builder--begun", Boolean(this.shared || this.plan));
    for (const name of [...kept.open, open]) {
      if (name && name !== close) this.find("open", name)?.setAttribute("open", "");
      if (name && this.find("panel", name)) this.find("key", `change ${name}`).click();
    }
    this.restore(kept, typeof focus === "function" ? focus() : focus);
  }

  /** What a reader has open and is typing, to be given back after drawing anew. */
  kept(all) {
    const active = this.main.contains(document.activeElement) ? document.activeElement : null;
    const blocks = [...this.main.querySelectorAll("details[data-open][open]")].map((block) => block.dataset.open);
    const panels = [...this.main.querySelectorAll("[data-panel]:not([hidden])")].map((panel) => panel.dataset.panel);
    return {
      // Places change when something moves, so the panel of an item or a day may be another's then.
      open: all ? [...blocks, ...panels] : blocks,
      key: active?.dataset.key,
      value: active?.matches("input, textarea") ? active.value : null,
    };
  }

  restore({ key, value }, focus) {
    const wanted = focus ?? key;
    if (!wanted) return;
    let control = this.find("key", wanted);
    // What is gone leaves the focus to the plan, or to what makes one.
    if (!control && focus) control = this.find("key", "title") ?? this.find("key", "layout panel") ?? this.find("key", "adopt");
    if (!control) return;
    if (focus === undefined && value !== null && control.value !== value) {
      control.value = value;
      // To the browser the value is no change by the reader, and it would tell of none.
      control.addEventListener("blur", () => control.dispatchEvent(new Event("change")), { once: true });
    }
    control.focus({ preventScroll: focus === undefined });
  }

  /** Keep what is typed in a field that was not left yet. */
  keepTyped() {
    const field = document.activeElement;
    if (this.editor?.node.contains(field) && field.matches("input, textarea")) field.dispatchEvent(new Event("change"));
  }

  find(kind, name) {
    return [...this.main.querySelectorAll(`[data-${kind}]`)].find((node) => node.dataset[kind] === name);
  }

  // --- A plan from a link ---------------------------------------------------------------------------------------------

  drawFault(reason) {
    const [title, text] = BAD_LINK[reason];
    this.main.replaceChildren(
      element(
        "div",
        { className: "plan-notice", role: "alert" },
        element("h2", {}, title),
        element("p", {}, text),
        element("p", {}, "Nothing was stored, and a plan of your own is as it was."),
        this.homeLink(),
      ),
    );
  }

  homeLink() {
    const mine = own.currentOf(own.shelf.read());
    const link = element("a", { href: location.pathname }, mine ? "To your own plan" : "Build a plan of your own");
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      history.pushState(null, "", location.pathname);
      this.open({ focus: "title" });
    });
    return element("p", {}, link);
  }

  drawShared({ plan, fragment }) {
    const view = viewOf(plan, this.questions);
    this.link = this.address(fragment);
    const tools = element("div", { className: "plan-row" });
    tools.append(
      element("button", { type: "button", className: "md-button md-button--primary", click: () => this.adopt(plan, fragment), "data-key": "adopt" }, "Adopt this plan"),
      copyButton(tools, "link", "Copy link", () => this.link),
    );
    this.main.replaceChildren(
      element("p", { className: "plan-notice" }, "You are reading a plan from a link. Nothing is stored unless you adopt it."),
      element("h2", { dir: "auto" }, plan.title || "A prep plan"),
      element("p", { className: "plan-facts" }, factsOf(view)),
      tools,
      exportPanel({
        current: () => ({ view, key: keyOf(fragment), link: this.link }),
        clock: own.shelf.read().clock,
      }),
      ...readingOf(view, done.doneBy()),
      this.homeLink(),
    );
  }

  adopt(plan, fragment) {
    const hasOwn = own.currentOf(own.shelf.read()) !== null;
    askToAdopt({
      plan,
      hasOwn,
      done: ({ start, replace }) => {
        let mine;
        try {
          mine = setStart(plan, start);
        } catch (error) {
          announce(error.message);
          return;
        }
        this.forgetFragment();
        this.undo = [];
        this.next = { focus: "title", close: "layout" };
        own.begin(mine, { replaced: replace ? today() : null, key: keyOf(fragment) });
        announce("The plan is yours now");
      },
    });
  }

  // --- The reader's own -----------------------------------------------------------------------------------------------

  drawOwn() {
    const value = own.shelf.read();
    const current = own.currentOf(value);
    this.plan = current?.plan ?? null;
    this.key = current?.key ?? null;
    this.undo = this.undo.filter(([key]) => key === this.key);
    if (this.outcome?.key !== this.key) this.outcome = null;
    this.trouble = element("p", { className: "plan-trouble", role: "status" }, own.troubleOf(own.shelf.problem()));
    const form = element(
      "details",
      { "data-open": "layout", open: !current },
      element("summary", { "data-key": "layout panel" }, current ? "Lay out anew by date, hours and level" : "Lay out a plan by date, hours and level"),
      this.layout(),
    );
    if (!current) {
      this.main.replaceChildren(
        this.trouble,
        form,
        element(
          "p",
          {},
          button("Begin with an empty plan", () => this.beginWith({ ...EMPTY_PLAN, days: [{ offset: 0, note: "", items: [] }] }), { "data-key": "empty" }),
        ),
        this.others(value),
      );
      return;
    }
    const { key } = current;
    this.editor = createEditor({
      plan: () => this.plan,
      questions: this.questions,
      done: () => done.doneBy(own.currentOf(own.shelf.read())?.ticks),
      mark: (item, isDone) => this.mark(item, isDone),
      act: (next, options) => this.act(next, options),
      type: (next) => this.act(next, { quiet: true }),
    });
    this.undoButton = button("Undo", () => this.takeBack(), { disabled: !this.undo.length, "data-key": "undo" });
    const tools = element("div", { className: "plan-row" });
    tools.append(
      copyButton(tools, "link", "Copy link", () => this.link),
      this.undoButton,
      button("New plan", () => this.putAside(), { "data-key": "new" }),
    );
    this.length = element("p", { className: "plan-hint" });
    this.main.replaceChildren(
      this.trouble,
      element("h2", {}, "Your plan"),
      tools,
      this.length,
      exportPanel({
        current: () => ({ view: viewOf(this.plan, this.questions), key, link: this.link }),
        clock: value.clock,
        setClock: (clock) => {
          this.next = { quiet: true };
          own.setClock(clock);
        },
      }),
      form,
      this.outcomeNotice() ?? "",
      this.editor.node,
      this.others(value),
    );
    this.updateLink();
  }

  /** The form, which keeps what was entered in it for as long as the page is open. */
  layout() {
    this.form ??= layoutForm({
      questions: this.questions,
      chains: this.chains,
      plan: this.plan,
      done: (result) => this.laidOut(result),
    });
    this.form.follow(this.plan);
    return this.form.node;
  }

  /** Change the current plan by `next(plan)`; what it throws as a RangeError is told. */
  act(next, { say, ...options } = {}) {
    const before = this.plan;
    let after;
    try {
      after = next(before);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      announce(error.message);
      if (options.quiet) this.editor.refresh();
      return;
    }
    // Leaving a field as it was is no change to be taken back.
    if (!isSame(before, after)) {
      this.undo.push([this.key, before, this.outcome]);
      if (!this.put(after, options)) return;
    }
    if (say) announce(typeof say === "function" ? say() : say);
  }

  /** Make `after` the current plan, unless another window has changed it meanwhile; says whether it is. */
  put(after, options) {
    this.next = options;
    if (own.change(this.plan, after)) return true;
    this.next = null;
    this.undo = [];
    this.outcome = null;
    announce("Another window has changed the plan. Look at it and try again.");
    this.draw();
    return false;
  }

  mark(item, isDone) {
    this.next = { quiet: true };
    done.mark(item, isDone);
    // It is the reader's progress that has changed, and not the plans'.
    this.next = null;
  }

  takeBack() {
    const [, before, outcome] = this.undo.pop();
    this.outcome = outcome;
    if (this.put(before, { focus: this.undo.length ? "undo" : "title" })) announce("Taken back");
  }

  beginWith(plan, options) {
    this.undo = [];
    this.next = { focus: "title", close: "layout" };
    own.begin(plan, options);
  }

  laidOut(result) {
    const untouched = this.outcome && isSame(this.outcome.plan, this.plan);
    const options = { focus: "outcome", close: "layout" };
    if (this.plan && (untouched || !itemsOf(this.plan).length)) {
      // Trying other hours replaces what the last try made; what the reader has worked on is kept.
      this.undo.push([this.key, this.plan, this.outcome]);
      this.outcome = { ...result, key: this.key };
      this.put(result.plan, options);
      return;
    }
    const key = own.newKey();
    this.outcome = { ...result, key };
    if (this.plan) announce("The plan that you had is among your other plans");
    this.next = options;
    own.begin(result.plan, { replaced: this.plan && today(), key });
  }

  outcomeNotice() {
    if (!this.outcome) return null;
    const link = ({ number, title, href }) => element("a", { href }, `${number}. ${title}`);
    // What has been added since is left out no longer.
    const has = new Set(itemsOf(this.plan).map(({ question }) => question));
    const outcome = { ...this.outcome, leftOut: this.outcome.leftOut.filter(({ number }) => !has.has(number)) };
    // It has the focus when it comes, by which its name is read: as a status it would be read twice.
    const notes = outcomeOf(outcome, link);
    notes[0].id = "plan-outcome";
    return element("div", { className: "plan-notice", role: "group", "aria-labelledby": notes[0].id, tabIndex: -1, "data-key": "outcome" }, ...notes);
  }

  putAside() {
    this.next = { focus: "layout" };
    own.switchTo(null);
    announce("Your plan is among your other plans");
  }

  others(value) {
    const entries = own.othersOf(value);
    if (!entries.length) return "";
    return element(
      "details",
      { "data-open": "others", open: value.current === null },
      element("summary", { "data-key": "others" }, counted(entries.length, "other plan")),
      element("ul", { className: "plan-items", role: "list" }, ...entries.map((entry) => this.other(entry))),
    );
  }

  other({ key, plan, replaced }) {
    const name = plan.title || "A prep plan";
    const facts = factsOf(viewOf(plan, this.questions));
    let sure = false;
    const remove = button(
      "Delete",
      (event) => {
        if (!sure) {
          sure = true;
          remove.textContent = "Delete for good";
          remove.setAttribute("aria-label", `Delete for good: ${name}`);
          announce("Press again to delete the plan for good");
          return;
        }
        // Of a double click the second press means nothing more than the first.
        if (event.detail > 1) return;
        this.next = { focus: "others" };
        own.forget(key);
        announce("The plan is deleted");
      },
      { "aria-label": `Delete ${name}` },
    );
    const restore = () => {
      this.next = { focus: "title", close: "layout" };
      own.switchTo(key);
      announce(`${name} is your plan again`);
    };
    return element(
      "li",
      { className: "plan-item" },
      element("bdi", { className: "plan-item__name" }, name),
      element("p", { className: "plan-item__facts" }, `${replaced === null ? "" : `Replaced on ${labelOf(replaced)}. `}${facts}`),
      element("div", { className: "plan-row" }, button("Restore", restore, { "aria-label": `Restore ${name}` }), remove),
    );
  }

  // --- The link, and paper --------------------------------------------------------------------------------------------

  address(fragment) {
    return location.origin + location.pathname + fragment;
  }

  /** The link is made beforehand: some browsers let a script copy only while a press is being handled. */
  async updateLink() {
    const { plan, length } = this;
    let text;
    let link = "";
    try {
      link = this.address(await encode(plan));
      text = `Whoever has the link can read the plan; its ${link.length.toLocaleString("en-US")} characters hold all of it, and no server sees it.`;
      if (link.length > LONG_LINK) text += " Some programs for messages cut links that long: shorten the notes, or send it by mail.";
    } catch (error) {
      if (!(error instanceof LinkError)) throw error;
      text = "This plan is too long for a link. Shorten its notes, or give it to others as Markdown.";
    }
    if (plan !== this.plan || this.shared) return;
    this.link = link;
    length.textContent = text;
    const copy = this.main.querySelector(".copy");
    if (copy) copy.disabled = !link;
  }

  print() {
    const plan = this.shared ? this.shared.plan : this.plan;
    if (!plan) {
      this.paper.replaceChildren();
      return;
    }
    const view = viewOf(plan, this.questions);
    this.paper.replaceChildren(
      element("h2", { dir: "auto" }, plan.title || "A prep plan"),
      element("p", {}, factsOf(view)),
      ...readingOf(view),
    );
  }
}

/** What a plan from a link is called in calendars, before and after it is adopted. FNV-1a over its characters. */
function keyOf(fragment) {
  let hash = 0x811c9dc5;
  for (const character of fragment) hash = Math.imul(hash ^ character.codePointAt(0), 0x01000193);
  return `link-${(hash >>> 0).toString(16).padStart(8, "0")}-${fragment.length}`;
}
