"""Simulate the night and its replays, and write what a responder could have seen into `evidence/`.

Run as `python -m examples.latency_spike.capture`; takes about a minute. The same seed gives the same bytes.
"""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from examples.latency_spike import setting, worlds
from examples.latency_spike.fleet import Fleet, Row, Run, World
from examples.latency_spike.reading import LE, bucketed, histogram_quantile

PACKAGE = Path(__file__).parent
THREE = setting.at("03:00")
METRICS_FROM, METRICS_UNTIL = setting.at("02:40"), setting.at("03:32")
"""The run goes on until the requests of the last minute have ended."""
LOGGED = (("02:57", "02:57:30"), ("03:02:45", "03:08"), ("03:19:15", "03:19:45"), ("03:24", "03:25"))
"""For these minutes the whole access log is kept."""
QUEUE = 5
"""From so many waiting sequences on, a scrape is counted as one with a queue."""
HEAVY_MHZ, LIGHT_MHZ = 1_695, 1_980
"""Assumed clocks of the streaming multiprocessors: prompts draw the power limit, decoding does not."""


def main(package: Path = PACKAGE) -> None:
    evidence = package / "evidence"
    evidence.mkdir(exist_ok=True)
    night = Fleet(worlds.NIGHT).play()
    for name, text in files(night).items():
        (evidence / name).write_text(text, encoding="utf-8")
    (evidence / "events.log").write_text(events(), encoding="utf-8")
    (evidence / "tickets.log").write_text("".join(f"{line}\n" for line in worlds.TICKETS), encoding="utf-8")
    (evidence / "replays.csv").write_text(replays(), encoding="utf-8")
    (package / "outcomes.csv").write_text(outcomes(), encoding="utf-8")


def files(night: Run, until: float = METRICS_UNTIL) -> dict[str, str]:
    """The files that one run of the night leaves, by name."""
    return {
        "gateway.csv": gateway(night, until),
        "replicas.csv": replicas(night, until),
        "access.csv": access(night),
        "traces.csv": traces(night),
    }


def gateway(run: Run, until: float) -> str:
    """Every 15 s: counters of the histogram, and the gateway's calls in the 15 s before."""
    seen = sorted((row.at + row.ttft, row) for row in run.rows)
    calls = sorted(run.moderation)
    taking: dict[float, int] = {}
    for scrape in run.scrapes:
        if scrape.at <= until:
            taking[scrape.at] = taking.get(scrape.at, 0) + 1
    counts, tokens, head = [0] * len(LE), 0, ["at", *LE, "prompt_tokens", "replicas"]
    lines: list[Sequence[Any]] = []
    n = m = 0
    for scrape_at in sorted(taking):
        quota: list[float] = [0.0]
        while n < len(seen) and seen[n][0] <= scrape_at:
            row = seen[n][1]
            counts = [old + new for old, new in zip(counts, bucketed([row.ttft]), strict=True)]
            tokens += row.prompt
            quota.append(row.quota)
            n += 1
        took: list[float] = []
        while m < len(calls) and calls[m][0] <= scrape_at:
            took.append(calls[m][1])
            m += 1
        took.sort()
        at = [_ms(took[int(len(took) * q)]) for q in (0.5, 0.99)] + [_ms(took[-1])]
        lines.append([setting.clock(scrape_at), *counts, tokens, taking[scrape_at], *at, _ms(max(quota))])
    head += ["moderation_p50_ms", "moderation_p99_ms", "moderation_max_ms", "quota_max_ms"]
    return _csv(head, lines)


def replicas(run: Run, until: float) -> str:
    """Every 15 s and replica: gauges at the scrape, and rates over the 15 s before."""
    lines = []
    for scrape in run.scrapes:
        if not METRICS_FROM <= scrape.at <= until:
            continue
        share = scrape.prefill_s / setting.SCRAPE_S
        lines.append(
            [
                setting.clock(scrape.at),
                scrape.replica,
                scrape.running,
                scrape.waiting,
                round(scrape.usage * 100),
                _ms(scrape.decode_s / scrape.decoded) if scrape.decoded else "",
                scrape.prompt_tokens,
                min(100, round(scrape.busy_s / setting.SCRAPE_S * 100)),
                round(LIGHT_MHZ - (LIGHT_MHZ - HEAVY_MHZ) * min(1.0, share), -1),
                scrape.preemptions,
            ]
        )
    head = "at replica running waiting kv_pct itl_ms prompt_tokens gpu_util_pct sm_mhz preemptions"
    return _csv(head.split(), lines)


HEAD = [
    "at_s",
    "org",
    "replica",
    "prompt",
    "cached",
    "output",
    "quota_ms",
    "moderation_ms",
    "wait_ms",
    "prefill_ms",
    "ttft_ms",
    "itl_ms",
]


def access(run: Run) -> str:
    """The whole access log of some minutes, in the order of arrival."""
    windows = [(setting.at(since), setting.at(until)) for since, until in LOGGED]
    kept = [row for row in run.rows if any(since <= row.at < until for since, until in windows)]
    return _csv(HEAD, map(_logged, sorted(kept)))


def traces(run: Run) -> str:
    """One request in a hundred, chosen when it arrives."""
    rng = random.Random("traces")
    kept = [
        row
        for row in sorted(run.rows)
        if rng.random() < setting.TRACED and METRICS_FROM <= row.at < METRICS_UNTIL
    ]
    return _csv(HEAD, map(_logged, kept))


def events() -> str:
    """What the change logs hold, those of the night itself with the times that the simulation plays."""
    night = worlds.NIGHT
    assert night.moderation is not None
    stalled, stopped_s = night.stalls[0]
    since = setting.clock(night.moderation.since)
    leaves = next(action for action in night.actions if action.kind == "drain")
    played = (
        (leaves.at, "autoscaler", f"9 -> 8 replicas, {leaves.replica} leaves: night floor"),
        (stalled, "cron", f"quota store: hourly BGSAVE, fork {_ms(stopped_s)} ms, done 03:00:52"),
        (setting.at("03:05"), "provider", f"status page: some moderation calls slow since {since[:5]}"),
    )
    lines = [(f"{worlds.TONIGHT} {setting.clock(at)}", kind, what) for at, kind, what in played]
    lines = sorted([*worlds.CHANGES, *lines], key=lambda line: line[0])
    return "".join(f"{at} {kind:<11} {what}\n" for at, kind, what in lines)


def _logged(row: Row) -> list[Any]:
    times = (row.quota, row.moderation, row.wait, row.prefill, row.ttft, row.itl)
    return [
        f"{row.at - THREE:.2f}",
        row.org,
        row.replica,
        row.prompt,
        row.cached,
        row.output,
        *map(_ms, times),
    ]


def measures(run: Run, but: str = "") -> dict[str, Any]:
    """What a replay shows from a minute after its lever on; `but` leaves out one organization's rows."""
    rows = [row for row in run.rows if row.at >= worlds.READ_S and row.org != but]
    ttft = sorted(row.ttft for row in rows)
    minutes = (worlds.ENDS_S - worlds.READ_S) / 60
    slow = [row for row in rows if row.ttft > setting.GOOD_S]
    queues = [
        scrape.usage for scrape in run.scrapes if scrape.at >= worlds.READ_S and scrape.waiting >= QUEUE
    ]
    first, share = ahead(rows, slow)
    by_replica: dict[str, int] = {}
    for row in slow:
        by_replica[row.replica] = by_replica.get(row.replica, 0) + 1
    return {
        "p50_ms": _ms(ttft[len(ttft) // 2]),
        "p99_s": round(histogram_quantile(0.99, bucketed(ttft)), 2),
        "slow_per_min": round(len(slow) / minutes, 1),
        "worst_replica": max(by_replica, key=lambda name: (by_replica[name], name), default=""),
        "worst_share_pct": round(100 * max(by_replica.values(), default=0) / max(1, len(slow))),
        "wait_share_pct": round(
            100 * sum(row.wait for row in slow) / max(1e-9, sum(row.ttft for row in slow))
        ),
        "ahead": first,
        "ahead_pct": round(100 * share),
        "kv_queue_pct": round(100 * sum(queues) / len(queues)) if queues else "",
    }


def ahead(rows: Sequence[Row], slow: Sequence[Row]) -> tuple[str, float]:
    """The organization whose prefill went by for the largest share of all others' slow waiting, and that share."""
    spans: dict[str, list[tuple[float, float, str]]] = {}
    for row in rows:
        started = row.at + row.quota + row.moderation + row.wait
        spans.setdefault(row.replica, []).append((started, started + row.prefill, row.org))
    waited, by_org = dict[str, float](), dict[str, float]()
    for row in slow:
        queued = row.at + row.quota + row.moderation
        if row.wait <= 0.5:
            continue
        waited[row.org] = waited.get(row.org, 0.0) + row.wait
        met: dict[str, float] = {}
        for since, until, org in spans[row.replica]:
            if org != row.org and since < queued + row.wait and until > queued:
                met[org] = met.get(org, 0.0) + min(until, queued + row.wait) - max(since, queued)
        for org, seconds in met.items():
            by_org[org] = by_org.get(org, 0.0) + min(seconds, row.wait)
    total = sum(waited.values())
    shares = {org: seconds / (total - waited.get(org, 0.0)) for org, seconds in by_org.items()}
    first = max(shares, key=lambda org: (shares[org], org), default="")
    return first, shares.get(first, 0.0)


def replays() -> str:
    """Each explanation under each lever; the same arrivals in all of them."""
    lines = []
    for explanation in worlds.EXPLANATIONS:
        for lever in worlds.LEVERS:
            found = measures(play(worlds.replay(explanation, lever)))
            lines.append([explanation, lever, *found.values()])
    return _csv(["explanation", "lever", *found], lines)


def outcomes() -> str:
    """Each mend in the same night: the others' requests, the long ones, and the speed of streams."""
    lines = []
    for name in worlds.MENDS:
        run = play(worlds.mended(name))
        others = measures(run, but=worlds.ROUNDS.organization)
        rows = [row for row in run.rows if row.at >= worlds.READ_S]
        own = [row for row in rows if row.org == worlds.ROUNDS.organization]
        rest = [row for row in rows if row.org != worlds.ROUNDS.organization]
        itl = sorted(row.itl for row in rest)
        lines.append(
            [
                name,
                others["p50_ms"],
                others["p99_s"],
                others["slow_per_min"],
                len(own),
                _ms(sum(row.ttft for row in own) / len(own)),
                _ms(itl[len(itl) // 2]),
                _ms(itl[int(len(itl) * 0.99)]),
                round(100 * sum(row.cached for row in rest) / sum(row.prompt for row in rest), 1),
            ]
        )
    head = "mend p50_ms p99_s slow_per_min long_prompts long_ttft_ms itl_p50_ms itl_p99_ms cached_pct"
    return _csv(head.split(), lines)


def play(world: World) -> Run:
    return Fleet(world).play()


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _csv(head: Sequence[str], lines: Iterable[Sequence[Any]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(lines)
    return out.getvalue()


if __name__ == "__main__":
    main()
