/*
 * The calculators: which module has whose arithmetic. What the fields are called, their limits, their defaults and every
 * sentence stand in the markup, which macros/calculators.py writes.
 */

import { addStyles } from "../styles.js";
import { setUpForm } from "./form.js";

const MODELS = {
  "cost-model": () => import("./cost-model.js"),
  "cost-per-token": () => import("./cost-per-token.js"),
  "error-budget": () => import("./error-budget.js"),
  "kv-cache": () => import("./kv-cache.js"),
  "rate-limits": () => import("./rate-limits.js"),
};

/** Show the form of every calculator in `article` and fill it from the address. */
export async function setUpCalculators(article) {
  for (const section of article.querySelectorAll(".calculator")) {
    const [module] = await Promise.all([MODELS[section.dataset.model](), addStyles("calculators")]);
    setUpForm(section, module);
    section.dataset.ready = "yes";
  }
}
