/*
 * A calculator's form: it reads the fields, says beside each what is wrong with it, fills every sentence of the section with
 * the results, and keeps the figures in the page's address.
 */

import { copy, putFieldAway } from "../copy-link.js";
import { element } from "../dom.js";
import { fill } from "./format.js";

/** A screen reader is told of a result once the reader has stopped typing, not at every key. */
const PAUSE_MS = 800;

/**
 * Show the form of `section` and fill it from the address. `model(inputs)` computes, by the names of the fields;
 * `contradictions(inputs)` says, as sentences, which figures cannot be true together.
 */
export function setUpForm(section, { model, contradictions = () => [] }) {
  const form = section.querySelector("form");
  const fields = [...form.querySelectorAll("[data-input]")];
  const presets = form.querySelector("select");
  const notes = section.querySelector(".calculator__notes");
  const texts = [...section.querySelectorAll("[data-text]")].map((element) => [element, JSON.parse(element.dataset.text)]);
  const said = spoken(section);

  const read = () => {
    const faulty = [];
    const inputs = {};
    for (const field of fields) {
      const fault = faultOf(field, field.value);
      mark(field, fault);
      if (fault) faulty.push(field);
      inputs[field.dataset.input] = Number(field.value);
    }
    return { inputs, faulty, faults: faulty.length ? [] : contradictions(inputs) };
  };

  const show = (inputs) => {
    const values = { ...inputs, ...model(inputs) };
    for (const [element, text] of texts) {
      const shown = fill(text, values);
      if (element.textContent !== shown) element.textContent = shown;
    }
    if (presets) choose(presets, inputs);
    return section.querySelector(".calculator__sum").textContent;
  };

  const update = () => {
    const { inputs, faulty, faults } = read();
    if (faulty.length || faults.length) {
      const marked = faulty.map(labelOf).join(", ");
      const sentences = marked ? [`To be mended: ${marked}.`] : faults.map((fault) => `${fault}.`);
      tell(notes, [...sentences, "The results below are those of the figures before."]);
      return;
    }
    tell(notes, []);
    said(show(inputs));
    try {
      history.replaceState(history.state, "", addressOf(section, fields, new URL(location.href)));
    } catch {
      // Some browsers refuse many changes in a short time. The next one, or the copied link, has it all.
    }
  };

  const follow = () => {
    const told = fromAddress(section, fields, contradictions);
    show(read().inputs);
    tell(notes, told);
  };

  form.addEventListener("input", (event) => {
    if (event.target === presets) return;
    update();
  });
  presets?.addEventListener("change", () => {
    const values = JSON.parse(presets.selectedOptions[0].dataset.values ?? "{}");
    for (const field of fields) {
      if (Object.hasOwn(values, field.dataset.input)) field.value = String(values[field.dataset.input]);
    }
    update();
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => {
    putFieldAway();
    // The fields have their defaults only after this event.
    setTimeout(update);
  });
  // Another figure in the address, by a link within the page or the way back to before it.
  addEventListener("popstate", follow);
  const copies = form.querySelector("[data-do=copy]");
  copies.addEventListener("click", () => copyLink(section, fields, copies, read, notes));

  form.hidden = false;
  section.querySelector(".calculator__off").hidden = true;
  follow();
}

/** What is wrong with a field's text, or null. The same rule for what is typed and for what an address brings. */
function faultOf(field, text) {
  const low = Number(field.dataset.low);
  const high = Number(field.max);
  const number = text.trim() === "" ? NaN : Number(text);
  if (!(number >= low && number <= high)) return `Give a number from ${grouped(low)} to ${grouped(high)}`;
  if (!/^-?(\d{1,12}(\.\d{1,9})?|\.\d{1,9})$/.test(text)) return "Write the number in digits, nine at most behind the point";
  if ("whole" in field.dataset && !Number.isInteger(number)) return "Give a whole number";
  return null;
}

const grouped = (number) => number.toLocaleString("en-US", { maximumFractionDigits: 9 });

/** As the address has it: one spelling for a number, and never an exponent, which no field takes. */
const plain = (text) => Number(text).toLocaleString("en-US", { maximumFractionDigits: 9, useGrouping: false });

/** The words stand beside the field and are part of its description, so that whoever is in it hears them. */
function mark(field, fault) {
  if (fault) field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
  const place = document.getElementById(`${field.id}-fault`);
  const text = fault ? `${fault}.` : "";
  if (place.textContent !== text) place.textContent = text;
}

const labelOf = (field) => field.labels[0].textContent;

/** Choose the preset whose figures are all in the fields, or none. */
function choose(presets, inputs) {
  const options = [...presets.options].filter((option) => option.dataset.values);
  const fits = options.find((option) =>
    Object.entries(JSON.parse(option.dataset.values)).every(([name, value]) => inputs[name] === value),
  );
  presets.selectedIndex = fits ? fits.index : 0;
}

/** Fill the fields from the address, the others with their defaults. Returns what could not be used, as sentences. */
function fromAddress(section, fields, contradictions) {
  for (const field of fields) field.value = field.defaultValue;
  const query = new URLSearchParams(location.search);
  const version = query.get(section.dataset.key);
  if (version === null) return [];
  if (version !== section.dataset.version) {
    return ["The figures in the address are of another version of this calculator; the defaults stand."];
  }
  const told = [];
  for (const field of fields) {
    const text = query.get(field.name);
    if (text === null) continue;
    const fault = faultOf(field, text);
    if (fault) {
      told.push(`${labelOf(field)}: the address says ${quoted(text)}; the default ${field.defaultValue} stands. ${fault}.`);
    } else {
      field.value = text;
    }
  }
  const faults = contradictions(Object.fromEntries(fields.map((field) => [field.dataset.input, Number(field.value)])));
  if (faults.length) {
    for (const field of fields) field.value = field.defaultValue;
    told.push(...faults.map((fault) => `In the address: ${fault}. All defaults stand.`));
  }
  return told;
}

const quoted = (text) => `“${text.length > 20 ? `${text.slice(0, 20)}…` : text}”`;

/** `url` with the figures that differ from their defaults. What is not this form's stays as it is. */
function addressOf(section, fields, url) {
  const changed = fields.filter((field) => Number(field.value) !== Number(field.defaultValue));
  const { key, version } = section.dataset;
  if (!changed.length && !url.searchParams.has(key)) return url;
  for (const field of fields) url.searchParams.delete(field.name);
  if (!changed.length) {
    url.searchParams.delete(key);
    return url;
  }
  url.searchParams.set(key, version);
  for (const field of changed) url.searchParams.set(field.name, plain(field.value));
  return url;
}

/** A status for ears only; the same words stand in the section for eyes. Returns what says a text there, after a pause. */
function spoken(section) {
  const status = element("p", { className: "calculator__said", role: "status" });
  section.append(status);
  let waiting;
  return (text) => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      if (status.textContent !== text) status.textContent = text;
    }, PAUSE_MS);
  };
}

/** A live region is read out at every change, so equal sentences are none. */
function tell(notes, sentences) {
  if (notes.textContent === sentences.join("")) return;
  notes.replaceChildren(...sentences.map((sentence) => element("p", {}, sentence)));
}

async function copyLink(section, fields, pressed, read, notes) {
  const { faulty, faults } = read();
  if (faulty.length || faults.length) {
    putFieldAway();
    tell(notes, ["Not copied: mend the figures first.", ...faulty.map((field) => `${labelOf(field)} cannot be used.`), ...faults]);
    return;
  }
  const url = addressOf(section, fields, new URL(location.origin + location.pathname));
  url.hash = section.id;
  if (await copy(url.href, pressed.parentElement, pressed)) tell(notes, ["Link copied."]);
}
