/*
 * The reader's own plan, to be changed: by buttons and fields, so that a keyboard does all of it.
 *
 * What adds, moves or removes draws the plan anew and puts the focus where it belongs. What is typed changes only what is
 * told beside it: the field after the one just left must still be there for the focus to arrive in.
 */

import { announce } from "../copy-link.js";
import { element } from "../dom.js";
import { dayOf, isoOf, labelOf, today } from "./dates.js";
import { factsOf } from "./documents.js";
import { button, field, folded } from "./dom.js";
import * as edit from "./edit.js";
import { LIMITS, cleaned, counted, duration, itemsOf, viewOf } from "./model.js";
import { dayName, itemName, minutesOf } from "./reading.js";

const OWN_MINUTES = 30;

/**
 * `{ node, refresh }`. `plan()` is the plan as it is kept, `done()` a function that says whether an item of its view is done,
 * `mark(item, done)` makes it so and has `refresh` called. `act(change, options)` makes it what `change(plan)` returns and has
 * it drawn anew, with the focus on the control of the key `options.focus` and the block `options.open` open; `type(change)`
 * changes it and has `refresh` called. Both announce why something cannot be done.
 */
export function createEditor({ plan, questions, done, mark, act, type }) {
  const first = viewOf(plan(), questions);
  const refs = [];
  const facts = element("p", { className: "plan-facts" });

  const title = element("input", { type: "text", maxLength: LIMITS.title, value: plan().title, "data-key": "title" });
  title.addEventListener("change", () => type((now) => edit.setTitle(now, cleaned(title.value, LIMITS.title))));
  const start = dateInput(plan().start, "start");
  const interview = dateInput(plan().interview, "interview");
  const dated = (input, set) => {
    input.addEventListener("change", () => {
      if (input.checkValidity()) type((now) => set(now, dayOf(input.value)));
    });
    // Half a date, or one out of range, is not the plan's.
    input.addEventListener("blur", () => input.checkValidity() || refresh());
  };
  dated(start, edit.setStart);
  dated(interview, edit.setInterview);

  const node = element(
    "div",
    { className: "plan-editor" },
    element(
      "div",
      { className: "plan-row" },
      field("Title", title, "plan-field plan-field--wide"),
      field("First day (moves the whole plan)", start),
      field("Interview", interview),
    ),
    facts,
    first.days.map((day) => daySection(day)),
    element(
      "div",
      { className: "plan-row" },
      button("Add a day", () => act(edit.addDay, { focus: `add ${plan().days.length}`, open: `day ${plan().days.length}` }), {
        "data-key": "add day",
      }),
    ),
    missing(),
  );
  refresh();

  function refresh() {
    const view = viewOf(plan(), questions);
    const isDone = done();
    const all = itemsOf(view);
    const count = all.filter(isDone).length;
    facts.textContent = factsOf(view) + (count ? ` Done: ${count} of ${counted(all.length, "item")}.` : "");
    start.value = view.start === null ? "" : isoOf(view.start);
    interview.value = view.interviewDate === null ? "" : isoOf(view.interviewDate);
    interview.disabled = view.start === null;
    view.days.forEach((day, d) => {
      refs[d].heading.replaceChildren(...dayName(day));
      const minutes = minutesOf(day, today());
      refs[d].minutes.replaceWith(minutes);
      refs[d].minutes = minutes;
      if (refs[d].date && day.date !== null) refs[d].date.value = isoOf(day.date);
      day.items.forEach((item, i) => {
        for (const [control, words] of refs[d].controls[i]) control.setAttribute("aria-label", `${words} ${calledOf(item)}`);
        const name = itemName(item, isDone(item));
        refs[d].ticks[i].setAttribute("aria-pressed", String(isDone(item)));
        // A link that has the focus keeps it.
        if (refs[d].names[i].isEqualNode(name)) return;
        refs[d].names[i].replaceWith(name);
        refs[d].names[i] = name;
      });
    });
    for (const option of node.querySelectorAll("select.plan-days option")) option.textContent = dayText(view.days[option.value]);
  }

  function daySection(day) {
    const d = day.number - 1;
    const note = noteField(day.note, "Note for the day", `note ${d}`, (text) => type((now) => edit.setDayNote(now, d, text)));
    const ref = { heading: element("h3"), minutes: element("p"), names: [], ticks: [], controls: [], date: null };
    refs[d] = ref;
    const content = () => [
      ownFields(d),
      note.label,
      element(
        "div",
        { className: "plan-row" },
        day.date !== null && dateFields(d, ref),
        button(`Remove day ${day.number}`, () =>
          act((now) => edit.removeDay(now, d), { focus: d ? `change day ${d - 1}` : "add day", say: `Day ${day.number} removed` }),
        ),
      ),
    ];
    const change = folded("Change day", `day ${d}`, content, { "aria-label": `Change day ${day.number}` });
    return element(
      "section",
      { className: "plan-day" },
      element("div", { className: "plan-item__line" }, ref.heading, change.button),
      ref.minutes,
      note.shown,
      change.panel,
      element("ul", { className: "plan-items", role: "list" }, ...day.items.map((item, i) => itemRow(item, d, i, ref))),
    );
  }

  function ownFields(d) {
    const text = element("input", { type: "text", maxLength: LIMITS.text, "data-key": `add ${d}`, required: true });
    const minutes = element("input", { type: "number", min: 0, max: LIMITS.minutes, value: OWN_MINUTES, required: true, "data-key": `minutes ${d}` });
    const form = element(
      "form",
      { className: "plan-row" },
      field("Something of your own", text, "plan-field plan-field--wide"),
      field("Minutes", minutes, "plan-field plan-field--narrow"),
      element("button", { type: "submit", className: "tool plan-tool" }, "Add to the day"),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const what = cleaned(text.value, LIMITS.text);
      if (!what) {
        announce("Say what it is first");
        return;
      }
      act((now) => edit.addOwn(now, d, what, minutes.valueAsNumber), { focus: `add ${d}`, open: `day ${d}`, say: `Added to day ${d + 1}` });
    });
    return form;
  }

  function dateFields(d, ref) {
    ref.date = dateInput(plan().start + plan().days[d].offset, `date ${d}`);
    ref.date.required = true;
    return [
      field("Date", ref.date),
      button("Move to this date", () => {
        if (!ref.date.reportValidity()) return;
        let moved = 0;
        act(
          (now) => {
            const result = edit.setDate(now, d, dayOf(ref.date.value));
            moved = result.d;
            return result.plan;
          },
          { focus: () => `change day ${moved}`, say: () => `The sitting is day ${moved + 1} now` },
        );
      }),
    ];
  }

  function itemRow(item, d, i, ref) {
    // `refresh` puts the name here, and behind the words of each control.
    const name = element("span");
    ref.names[i] = name;
    ref.controls[i] = [];
    const named = (words, control) => {
      ref.controls[i].push([control, words]);
      return control;
    };
    const itemNow = () => viewOf(plan(), questions).days[d].items[i];
    const tick = button("", () => mark(itemNow(), tick.getAttribute("aria-pressed") === "false"), {
      className: "tool plan-tool plan-tool--icon plan-tick",
      "data-key": `done ${d}.${i}`,
      title: "Done",
    });
    ref.ticks[i] = named("Done:", tick);
    // The name is the item's own: what is being typed must not come back in another's field.
    const note = noteField(item.note, "Note", `note ${d}.${i} ${item.label}`, (text) => type((now) => edit.setItem(now, d, i, { note: text })));
    const step = (by, word, sign) => {
      const to = edit.placeBeside(plan(), d, i, by);
      const move = () =>
        act((now) => edit.moveItem(now, { d, i }, to), {
          // At the end of the list the way back is what is left.
          focus: () => (edit.placeBeside(plan(), to.d, to.i, by) ? `${word} ${to.d}.${to.i}` : `${by < 0 ? "later" : "earlier"} ${to.d}.${to.i}`),
          say: `Day ${to.d + 1}, place ${to.i + 1}: ${calledOf(itemNow())}`,
        });
      const control = button(sign, move, {
        className: "tool plan-tool plan-tool--icon",
        "data-key": `${word} ${d}.${i}`,
        title: `Move ${word}`,
        disabled: to === null,
      });
      return named(`Move ${word}:`, control);
    };
    const content = () => [
      element(
        "div",
        { className: "plan-row" },
        moveFields(d, i),
        named("Remove", button("Remove", () => remove(itemNow(), d, i), { "aria-label": `Remove ${calledOf(itemNow())}` })),
      ),
      item.own && ownItemFields(item, d, i),
      note.label,
    ];
    const change = folded("Change", `item ${d}.${i}`, content);
    named("Change", change.button);
    return element(
      "li",
      { className: "plan-item", "data-question": item.number ?? null },
      element(
        "div",
        { className: "plan-item__line" },
        name,
        element(
          "span",
          { className: "plan-item__tools" },
          tick,
          step(-1, "earlier", "↑"),
          step(1, "later", "↓"),
          change.button,
        ),
      ),
      note.shown,
      change.panel,
    );
  }

  function remove(item, d, i) {
    const left = plan().days[d].items.length - 1;
    const focus = left ? `change item ${d}.${Math.min(i, left - 1)}` : `change day ${d}`;
    act((now) => edit.removeItem(now, d, i), { focus, say: `Removed: ${item.label}` });
  }

  function moveFields(d, i) {
    const select = element("select", { className: "plan-days" }, ...viewOf(plan(), questions).days.map((day, at) => element("option", { value: at, selected: at === d }, dayText(day))));
    return [
      field("Move to", select),
      button("Move", () => {
        const to = Number(select.value);
        if (to === d) return;
        const place = plan().days[to].items.length;
        act((now) => edit.moveItem(now, { d, i }, { d: to, i: place }), {
          focus: `change item ${to}.${place}`,
          say: `Moved to day ${to + 1}`,
        });
      }),
    ];
  }

  function ownItemFields(item, d, i) {
    const key = `${d}.${i} ${item.label}`;
    const text = element("input", { type: "text", maxLength: LIMITS.text, value: item.label, required: true, "data-key": `text ${key}` });
    const minutes = element("input", { type: "number", min: 0, max: LIMITS.minutes, value: item.total, required: true, "data-key": `minutes ${key}` });
    const set = () => {
      const what = cleaned(text.value, LIMITS.text);
      if (what && minutes.checkValidity()) type((now) => edit.setItem(now, d, i, { text: what, minutes: minutes.valueAsNumber }));
    };
    for (const input of [text, minutes]) input.addEventListener("change", set);
    return element(
      "div",
      { className: "plan-row" },
      field("What", text, "plan-field plan-field--wide"),
      field("Minutes", minutes, "plan-field plan-field--narrow"),
    );
  }

  function missing() {
    const has = new Set(plan().days.flatMap(({ items }) => items.map(({ question }) => question)));
    const left = questions.filter(({ number }) => !has.has(number));
    if (!left.length) return null;
    return element(
      "details",
      { "data-open": "missing" },
      element("summary", { "data-key": "missing" }, `${counted(left.length, "question")} not in this plan`),
      element(
        "ul",
        { className: "plan-items", role: "list" },
        ...left.map(({ number, title: name, href, minutes }, at) =>
          element(
            "li",
            { className: "plan-item" },
            element(
              "div",
              { className: "plan-item__line" },
              element("span", { className: "plan-item__name" }, element("a", { href }, `${number}. ${name}`), " ", element("span", { className: "plan-item__facts" }, `${minutes} minutes`)),
              button("Add", () => add(number, minutes, left[at + 1]?.number ?? left[at - 1]?.number), {
                "aria-label": `Add ${number}. ${name}`,
                "data-key": `missing ${number}`,
              }),
            ),
          ),
        ),
      ),
    );
  }

  function add(number, minutes, next) {
    let to = 0;
    act(
      (now) => {
        const result = edit.addQuestion(now, viewOf(now, questions), number, minutes);
        to = result.d;
        return result.plan;
      },
      { focus: next ? `missing ${next}` : "add day", open: "missing", say: () => `Added to day ${to + 1}` },
    );
  }

  return { node, refresh };
}

function dateInput(day, key) {
  return element("input", {
    type: "date",
    min: isoOf(LIMITS.firstDay),
    max: isoOf(LIMITS.lastDay - LIMITS.offset),
    value: day === null ? "" : isoOf(day),
    "data-key": key,
  });
}

const dayText = (day) => `Day ${day.number}${day.date === null ? "" : `, ${labelOf(day.date)}`} (${duration(day.total)})`;

const calledOf = (item) => (item.review ? `${item.label} (review)` : item.label);

/** A note as it is shown, and the field in which it is written. */
function noteField(note, name, key, set) {
  const shown = element("p", { className: "plan-note", dir: "auto", hidden: !note }, note);
  const area = element("textarea", { rows: 2, maxLength: LIMITS.note, "data-key": key });
  area.value = note;
  area.addEventListener("change", () => {
    const text = cleaned(area.value, LIMITS.note, { breaks: true });
    shown.textContent = text;
    shown.hidden = !text;
    set(text);
  });
  return { shown, label: field(name, area, "plan-field plan-field--wide") };
}
