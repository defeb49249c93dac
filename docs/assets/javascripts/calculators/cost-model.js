/*
 * The cost model of question 3: examples/cost_optimization/model.py, operation by operation, so that both round alike.
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
  const saved = (1 - last.monthly / first.monthly) * 100;
  const replicas = first.nodes * Math.floor(inputs.node_gpus / inputs.bf16_gpus);
  return {
    nodes: steps.map((step) => step.nodes),
    gpus: steps.map((step) => step.gpus),
    bills: steps.map((step) => step.monthly),
    committed: last.committed,
    saved,
    more: saved < 0 ? -saved : null,
    utilization: (inputs.mean / (replicas * inputs.bf16_rate)) * 100,
    unit_before: perThousand(first.monthly),
    unit_after: perThousand(last.monthly),
    next_node: monthsUntil(inputs, final, last.monthly),
    eaten: monthsUntil(inputs, final, first.monthly),
    break_even: Math.min(inputs.commit_price / inputs.price, 1) * 100,
  };
}

/** What no fleet can be built from, as sentences; each input alone is within its limits. */
export function contradictions(inputs) {
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
