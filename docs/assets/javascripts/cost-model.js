/*
 * The cost model of question 3, with the reader's figures, which stand in the page's address.
 *
 * `model` repeats examples/cost_optimization/model.py operation by operation, so that both round alike; a browser
 * test holds them equal to the cent. What the fields are called, their limits and their defaults stand in the markup.
 */

const HOURS = 730;
const WEEKDAY_FACTOR = 7 / 6;
const HORIZON = 60;
const STEPS = [
  { defer: false, fp8: false, route: false, commit: false },
  { defer: true, fp8: false, route: false, commit: false },
  { defer: true, fp8: true, route: false, commit: false },
  { defer: true, fp8: true, route: true, commit: false },
  { defer: true, fp8: true, route: true, commit: true },
];

/** Round up, forgiving the last bits. */
const up = (x) => Math.ceil(x - 1e-9);

function demand(inputs, plan) {
  const offline = inputs.offline / 100;
  const toSmall = plan.route ? inputs.routable / 100 : 0;
  const toLarge = 1 - toSmall + toSmall * (inputs.fallback / 100);
  const load = inputs.peak * (plan.defer ? toLarge - offline : toLarge);
  const day = inputs.mean * WEEKDAY_FACTOR * toLarge;
  const rate = plan.fp8 ? inputs.fp8_rate : inputs.bf16_rate;
  const replicaGpus = plan.fp8 ? inputs.fp8_gpus : inputs.bf16_gpus;
  const large = up(load / rate);
  const small = up((inputs.peak * toSmall) / inputs.small_rate);
  return { large, largeDay: up(day / rate), small, replicaGpus, gpus: large * replicaGpus + small };
}

function nodesFor(need, nodeGpus, spare) {
  const fit = Math.floor(nodeGpus / need.replicaGpus);
  if (fit < 1) throw new RangeError("A replica has more GPUs than a node");
  let nodes = spare + Math.max(1, up(need.gpus / nodeGpus), up(need.large / fit));
  while (!survives(need, nodes, nodeGpus, spare)) nodes += 1;
  return nodes;
}

function survives(need, nodes, nodeGpus, spare) {
  const left = nodes - spare;
  const more = need.large % left;
  const enough = Math.floor(need.large / left) * nodes + (more ? spare + more : 0);
  const total = Math.max(enough, need.largeDay);
  const each = Math.floor(total / nodes);
  const fuller = total % nodes;
  if ((each + (fuller > 0 ? 1 : 0)) * need.replicaGpus > nodeGpus) return false;
  const occupied = (each * left + Math.min(left, fuller)) * need.replicaGpus;
  return left * nodeGpus - occupied >= need.small;
}

function fleet(inputs, plan) {
  const need = demand(inputs, plan);
  const nodes = nodesFor(need, inputs.node_gpus, inputs.spare_nodes);
  const committed = plan.commit ? Math.min(inputs.commit_nodes, nodes) : 0;
  const hourly = committed * inputs.commit_price + (nodes - committed) * inputs.price;
  return { nodes, gpus: need.gpus, committed, monthly: hourly * inputs.node_gpus * HOURS };
}

function monthsUntil(inputs, plan, monthly) {
  if (inputs.growth === 0) return null;
  let factor = 1;
  for (let month = 1; month <= HORIZON; month += 1) {
    factor *= 1 + inputs.growth / 100;
    const later = { ...inputs, mean: inputs.mean * factor, peak: inputs.peak * factor };
    if (fleet(later, plan).monthly > monthly + 0.005) return month;
  }
  return null;
}

/** What the page shows, under the names of `results` in model.py. Throws RangeError where no fleet can be built. */
export function model(inputs) {
  const steps = STEPS.map((plan) => fleet(inputs, plan));
  const [first, last] = [steps[0], steps[steps.length - 1]];
  const final = STEPS[STEPS.length - 1];
  const perThousand = (monthly) => (monthly / (inputs.mean * (HOURS * 3600))) * 1000;
  const perNode = Math.floor(inputs.node_gpus / inputs.bf16_gpus) * inputs.bf16_rate;
  return {
    nodes: steps.map((step) => step.nodes),
    gpus: steps.map((step) => step.gpus),
    bills: steps.map((step) => step.monthly),
    committed: last.committed,
    saved: (1 - last.monthly / first.monthly) * 100,
    utilization: (inputs.mean / (first.nodes * perNode)) * 100,
    unit_before: perThousand(first.monthly),
    unit_after: perThousand(last.monthly),
    next_node: monthsUntil(inputs, final, last.monthly),
    eaten: monthsUntil(inputs, final, first.monthly),
    break_even: Math.min(inputs.commit_price / inputs.price, 1) * 100,
  };
}

/* The form */

const dollars = (value) => `$${Math.round(value).toLocaleString("en-US")}`;
const cents = (value) =>
  `$${value.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
const percent = (value) => `${value.toFixed(1)}%`;
const month = (value) => (value === null ? `not within ${HORIZON} months` : `month ${value}`);
const whole = (value) => value.toLocaleString("en-US");

const SHOWN = { gpus: whole, nodes: whole, bills: dollars };
const FACTS = {
  saved: percent,
  utilization: percent,
  unit_before: cents,
  unit_after: cents,
  next_node: month,
  eaten: month,
  break_even: percent,
};

/** Show the form in `article` and fill it from the address. A second call on the same article does nothing. */
export function setUpCostModel(article) {
  const section = article.querySelector(".cost-model");
  if (!section || section.dataset.ready) return;
  section.dataset.ready = "yes";
  const form = section.querySelector("form");
  const fields = [...form.querySelectorAll("[data-input]")];
  const notes = section.querySelector(".cost-model__notes");

  const read = () => {
    const faults = [];
    const inputs = {};
    for (const field of fields) {
      const fault = faultOf(field, field.value);
      if (fault) field.setAttribute("aria-invalid", "true");
      else field.removeAttribute("aria-invalid");
      if (fault) faults.push(fault);
      inputs[field.dataset.input] = Number(field.value);
    }
    return { inputs, faults: faults.length ? faults : contradictions(inputs) };
  };

  const update = () => {
    const { inputs, faults } = read();
    if (faults.length) {
      tell(notes, [...faults.map((fault) => `${fault}.`), "The results below are those of the figures before."]);
      return;
    }
    tell(notes, []);
    show(section, model(inputs));
    try {
      history.replaceState(history.state, "", addressOf(section, fields, new URL(location.href)));
    } catch {
      // Some browsers refuse many changes in a short time. The next one, or the copied link, has it all.
    }
  };

  form.addEventListener("input", update);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => {
    section.querySelector(".copy-field")?.remove();
    // The fields have their defaults only after this event.
    setTimeout(update);
  });
  const copy = form.querySelector("[data-do=copy]");
  copy.addEventListener("click", () => copyLink(section, fields, copy, read, notes));

  const told = fill(section, fields);
  form.hidden = false;
  section.querySelector(".cost-model__off").hidden = true;
  show(section, model(read().inputs));
  tell(notes, told);
}

/** What is wrong with a field's text, or null. The same rule for what is typed and for what an address brings. */
function faultOf(field, text) {
  const [low, high] = [Number(field.min), Number(field.max)];
  const number = /^-?\d{1,9}(\.\d{1,9})?$/.test(text) ? Number(text) : NaN;
  if (!(number >= low && number <= high)) return `${labelOf(field)}: give a number from ${low} to ${high}`;
  if ("whole" in field.dataset && !Number.isInteger(number)) return `${labelOf(field)}: give a whole number`;
  return null;
}

function contradictions(inputs) {
  const faults = [];
  if (inputs.peak < inputs.mean) faults.push("The peak is below the mean: raise the peak or lower the mean");
  if (inputs.offline + inputs.routable > 100) {
    faults.push("Offline jobs and work for the small model are over 100% together: lower one of them");
  }
  if (Math.max(inputs.bf16_gpus, inputs.fp8_gpus) > inputs.node_gpus) {
    faults.push("A replica has more GPUs than a node: raise the node or lower the replica");
  }
  return faults;
}

const labelOf = (field) => field.labels[0].textContent;

/** Fill the fields from the address. Returns what could not be used, as sentences. */
function fill(section, fields) {
  const query = new URLSearchParams(location.search);
  const version = query.get(section.dataset.key);
  if (version === null) return [];
  if (version !== section.dataset.version) {
    return ["The figures in the address are of another version of this model; the defaults stand."];
  }
  const told = [];
  for (const field of fields) {
    const text = query.get(field.name);
    if (text === null) continue;
    const fault = faultOf(field, text);
    if (fault) told.push(`${fault}. The address says ${quoted(text)}; the default ${field.defaultValue} stands.`);
    else field.value = text;
  }
  const faults = contradictions(
    Object.fromEntries(fields.map((field) => [field.dataset.input, Number(field.value)])),
  );
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
  for (const field of changed) url.searchParams.set(field.name, String(Number(field.value)));
  return url;
}

function show(section, results) {
  for (const row of section.querySelectorAll("[data-step]")) {
    for (const cell of row.querySelectorAll("[data-out]")) {
      const name = cell.dataset.out;
      cell.textContent = SHOWN[name](results[name][Number(row.dataset.step)]);
    }
  }
  for (const fact of section.querySelectorAll("[data-fact]")) {
    fact.textContent = FACTS[fact.dataset.fact](results[fact.dataset.fact]);
  }
  const bills = results.bills.map(dollars);
  const sum = section.querySelector(".cost-model__sum");
  const change = results.saved < 0 ? `${percent(-results.saved)} more` : `${percent(results.saved)} saved`;
  const text =
    `From ${bills[0]} to ${bills[bills.length - 1]} a month: ` +
    `${change}, ${whole(results.nodes[results.nodes.length - 1])} nodes.`;
  // A live region is read out at every change, so an equal text is no change.
  if (sum.textContent !== text) sum.textContent = text;
}

function tell(notes, sentences) {
  notes.replaceChildren(
    ...sentences.map((sentence) => {
      const line = document.createElement("p");
      line.textContent = sentence;
      return line;
    }),
  );
}

async function copyLink(section, fields, button, read, notes) {
  section.querySelector(".copy-field")?.remove();
  if (read().faults.length) {
    tell(notes, ["Not copied: mend the marked figures first."]);
    return;
  }
  const url = addressOf(section, fields, new URL(location.origin + location.pathname));
  url.hash = section.id;
  try {
    await navigator.clipboard.writeText(url.href);
    tell(notes, ["Link copied."]);
  } catch {
    // No clipboard in this context, or the reader refused it: show what would have been copied.
    showField(button, url.href);
  }
}

/** Show `text` selected in a field behind the buttons. Escape puts it away and returns to the button. */
function showField(button, text) {
  const label = document.createElement("label");
  label.className = "copy-field";
  const field = document.createElement("input");
  field.type = "text";
  field.readOnly = true;
  field.value = text;
  label.append("The browser did not allow copying. Copy the selected text: ", field);
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    label.remove();
    button.focus();
  });
  button.parentElement.after(label);
  field.focus();
  field.select();
}
