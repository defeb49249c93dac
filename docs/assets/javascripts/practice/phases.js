/*
 * How a question's minutes are shared out: the marks of the clock. This is the only place that knows; /practice/ shows it.
 *
 * A coding question leaves most of its time to the code, a design question more to what is asked and drawn first, and a
 * drill most to its evidence. Shares are percents, and each list adds up to 100.
 */

const SHARES = {
  conceptual: [["Clarify", 10], ["Outline", 20], ["Deep dive", 55], ["Wrap up", 15]],
  technical: [["Clarify", 10], ["Outline", 15], ["Deep dive", 60], ["Wrap up", 15]],
  "system-design": [["Clarify", 15], ["Outline", 25], ["Deep dive", 45], ["Wrap up", 15]],
  debugging: [["Clarify", 10], ["Outline", 10], ["Deep dive", 65], ["Wrap up", 15]],
};

/** The phases of a question: `{ name, from, until }` in seconds on the clock. A category not known shares like "conceptual". */
export function phasesOf(category, minutes) {
  const shares = Object.hasOwn(SHARES, category) ? SHARES[category] : SHARES.conceptual;
  let percent = 0;
  return shares.map(([name, share]) => {
    const from = (minutes * 60 * percent) / 100;
    percent += share;
    return { name, from, until: (minutes * 60 * percent) / 100 };
  });
}

/** Which phase the clock is in; as many as there are once time is up. */
export function phaseAt(phases, seconds) {
  const place = phases.findIndex((phase) => seconds < phase.until);
  return place < 0 ? phases.length : place;
}

export const categories = () => Object.entries(SHARES).map(([category, shares]) => ({ category, shares }));
