/*
 * What is left of an error budget, how long it lasts, and which alert fires when: examples/slo_definition/calculator.py,
 * operation by operation, so that both round alike.
 */

const HOUR = 3600;
const DAY = 24 * HOUR;
const ALERTS = [
  { page: true, spent: 0.02, long: HOUR },
  { page: true, spent: 0.05, long: 6 * HOUR },
  { page: false, spent: 0.1, long: DAY },
  { page: false, spent: 0.1, long: 3 * DAY },
];

function detection(alert, threshold, now, usual) {
  if (usual > threshold) return 0;
  if (now <= threshold) return null;
  return (alert.long * (threshold - usual)) / (now - usual);
}

const earliest = (times) => times.reduce((least, time) => (time === null || (least !== null && least <= time) ? least : time), null);

export function model({ target, days, rate, before, bad, minutes, spent }) {
  const share = target / 100;
  const usual = before / 100;
  const now = bad / 100;
  const period = days * DAY;
  const lasted = minutes * 60;
  const budget = 1 - share;
  const requests = rate * period;
  const burn = now / budget;
  const here = (burn * lasted) / period;
  const left = 1 - spent / 100 - here;
  const whole = burn ? period / burn : null;
  const factor = ALERTS.map((alert) => (alert.spent * period) / alert.long);
  const threshold = factor.map((times) => times * budget);
  const fires = ALERTS.map((alert, i) => detection(alert, threshold[i], now, usual));
  const page = earliest(fires.filter((_, i) => ALERTS[i].page));
  const ticket = earliest(fires.filter((_, i) => !ALERTS[i].page));
  return {
    share,
    now,
    usual,
    period,
    lasted,
    budget,
    requests,
    allowed: requests * budget,
    outage: period * budget,
    burn,
    gone: spent / 100,
    here,
    left: left > 0 ? left : null,
    over: left > 0 ? null : -left,
    whole,
    lasts: whole !== null && left > 0 ? whole * left : null,
    factor,
    threshold,
    fires,
    page,
    paged: page === 0 ? 1 : null,
    ticket,
    ticketed: ticket === 0 ? 1 : null,
  };
}
