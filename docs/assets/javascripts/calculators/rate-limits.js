/*
 * What a bucket and a fleet of gateways admit at worst: examples/rate_limiting/calculator.py in exact integers, all below
 * 2**53 within the form's limits.
 */

const UNIT = 60_000_000;
const LOCAL_CAP_SHARES = 4;

export function model({ per_minute, burst, tokens, left, window, gateways, users, capacity }) {
  const waitUs = Math.max(0, Math.ceil(((tokens - left) * UNIT) / per_minute));
  const fits = tokens <= burst;
  const most = burst + Math.floor((per_minute * window) / 60);
  return {
    most,
    fixed: 2 * per_minute,
    at_once: Math.floor(burst / tokens),
    sustained: per_minute / tokens,
    lacking: waitUs ? tokens - left : null,
    now: fits && !waitUs ? 1 : null,
    retry_after: fits && waitUs ? Math.max(1, Math.ceil(waitUs / 1_000_000)) : null,
    never: fits ? null : 1,
    full: Math.ceil((burst * 60) / per_minute),
    each_whole: gateways * most,
    away: gateways * LOCAL_CAP_SHARES * Math.max(1, Math.floor(burst / gateways)),
    all_at_once: users * burst,
    backlog: ((users * burst) / capacity) * 60,
    promised: users * per_minute,
    oversold: (users * per_minute) / capacity,
  };
}

/** What cannot be true together, as sentences; each figure alone is within its limits. */
export function contradictions({ left, burst }) {
  return left > burst ? ["More is left than the bucket holds: lower what is left or raise the burst"] : [];
}
