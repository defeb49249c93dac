/* The question that is asked before a plan from a link becomes the reader's own. */

import { element } from "../dom.js";
import { dayOf, isoOf, labelOf } from "./dates.js";
import { field } from "./dom.js";
import { LIMITS } from "./model.js";

/**
 * Ask for the first day of `plan`, and, where the reader has a plan (`hasOwn`), what becomes of it. Calls
 * `done({ start, replace })` once the reader has said so, with `start` a day or null.
 */
export function askToAdopt({ plan, hasOwn, done }) {
  const start = element("input", {
    type: "date",
    value: plan.start === null ? "" : isoOf(plan.start),
    min: isoOf(LIMITS.firstDay),
    max: isoOf(plan.interview ?? LIMITS.lastDay - LIMITS.offset),
    required: plan.interview !== null,
  });
  const keep = choice("Keep both: mine stays among my other plans", true);
  const replace = choice("Replace mine: it becomes a previous plan, which can be restored", false);
  const hint =
    plan.start === null
      ? "The plan has no dates yet. Without a first day it stays so."
      : plan.interview === null
        ? "Another first day moves the whole plan."
        : `Another first day moves the whole plan; the interview stays on ${labelOf(plan.interview)}.`;
  const form = element(
    "form",
    { method: "dialog" },
    element("h2", { id: "plan-adopt" }, "Adopt this plan"),
    element("p", {}, "You get a copy of your own in this browser. Whoever sent it does not see what you change."),
    field("First day", start),
    element("p", { className: "plan-hint" }, hint),
    hasOwn && element("fieldset", { className: "plan-set plan-set--list" }, element("legend", {}, "You have a plan already"), keep.node, replace.node),
    element(
      "div",
      { className: "plan-row" },
      element("button", { type: "submit", className: "md-button md-button--primary", value: "adopt" }, "Adopt"),
      element("button", { type: "submit", className: "md-button", value: "cancel", formNoValidate: true }, "Cancel"),
    ),
  );
  const dialog = element("dialog", { className: "plan-dialog md-typeset", "aria-labelledby": "plan-adopt" }, form);
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (dialog.returnValue === "adopt") done({ start: dayOf(start.value), replace: replace.input.checked });
  });
  document.body.append(dialog);
  dialog.showModal();
}

function choice(text, checked) {
  const input = element("input", { type: "radio", name: "plan-adopt", checked });
  return { input, node: element("label", { className: "plan-check" }, input, text) };
}
