/*
 * GPUs by the hour against an API by the token: examples/cost_optimization/tokens.py, operation by operation, so that both
 * round alike.
 */

const HOURS = 730;
const SECONDS = HOURS * 3600;

export function model({ price, gpus, tokens, used, input_share, api_input, api_output }) {
  const use = used / 100;
  const share = input_share / 100;
  const perMillion = (utilization) => ((price * gpus) / (tokens * 3600 * utilization)) * 1_000_000;
  const full = perMillion(1);
  const api = share * api_input + (1 - share) * api_output;
  const even = full / api;
  const volume = (tokens * SECONDS * use) / 1_000_000;
  const monthly = price * gpus * HOURS;
  const apiMonthly = volume * api;
  return {
    hourly: price * gpus,
    per_hour: (tokens * 3600 * use) / 1_000_000,
    use,
    share,
    rest: 1 - share,
    own: perMillion(use),
    full,
    api,
    even: even <= 1 ? even : null,
    short: even > 1 ? even : null,
    even_volume: even <= 1 ? (tokens * SECONDS * even) / 1_000_000 : null,
    volume,
    monthly,
    api_monthly: apiMonthly,
    saved: monthly < apiMonthly ? apiMonthly - monthly : null,
    lost: monthly < apiMonthly ? null : monthly - apiMonthly,
  };
}
