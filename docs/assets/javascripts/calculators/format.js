/*
 * How a figure is written, and sentences with figures in them. macros/calculators.py has the same functions for the page
 * without scripts; a browser test holds the two equal.
 */

/** By the exact value of the double, a tie away from zero, with thousands apart. */
function fixed(value, digits) {
  const [whole, rest] = value.toFixed(digits).split(".");
  const text = whole.replace(/\B(?=(\d{3})+$)/g, ",") + (rest ? `.${rest}` : "");
  return /[1-9]/.test(text) ? text : text.replace("-", "");
}

const trimmed = (text) => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);

/** Four digits that matter, thousands apart, no zeros at the end: 1,210 and 14.4 and 0.0325. */
function number(value) {
  const size = Math.abs(value);
  let digits = size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : 3;
  for (let limit = 1; size < limit && digits < 10; limit /= 10) digits += 1;
  return trimmed(fixed(value, digits));
}

function dollars(value) {
  const size = Math.abs(value);
  const sign = value < 0 ? "-" : "";
  if (size >= 1000) return `${sign}$${fixed(size, 0)}`;
  if (size >= 1 || size === 0) return `${sign}$${fixed(size, 2)}`;
  const [whole, cents = ""] = number(size).split(".");
  return `${sign}$${whole}.${cents.padEnd(2, "0")}`;
}

/** In the two largest units that say something: 43 min 12 s, 2 d 2 h. */
function duration(seconds) {
  if (seconds < 60) return `${number(seconds)} s`;
  const units = [
    [3600, 60, 1, "min", "s"],
    [86400, 3600, 60, "h", "min"],
    [Infinity, 86400, 3600, "d", "h"],
  ];
  for (const [limit, large, small, first, second] of units) {
    const count = Math.floor(seconds / small + 0.5);
    if (count * small >= limit) continue;
    const whole = Math.floor(count / (large / small));
    const rest = count % (large / small);
    return `${fixed(whole, 0)} ${first}${rest ? ` ${rest} ${second}` : ""}`;
  }
  throw new RangeError(`${seconds} is no duration`);
}

const KINDS = {
  number,
  whole: (value) => fixed(value, 0),
  percent: (value) => `${number(value * 100)}%`,
  dollars,
  gigabytes: (value) => `${number(value / 1e9)} GB`,
  duration,
};

/**
 * `text` is a list of variants, each [name, template]: the first whose named value is not null, with its figures. Templates
 * have `{name:kind}`, `{name.0:kind}` for a list's, and `{name:kind|words}` for a value that may be null.
 */
export function fill(text, values) {
  const [, template] = text.find(([when]) => when === null || values[when] !== null);
  return template.replace(/\{([a-z][a-z0-9_]*)(?:\.(\d+))?:([a-z]+)(?:\|([^}]*))?\}/g, (_, name, index, kind, words = "") => {
    const value = index === undefined ? values[name] : values[name][Number(index)];
    return value === null ? words : KINDS[kind](value);
  });
}
