"""Writes the evidence: `python -m examples.throughput_drop.capture`. Everything is seeded, so it writes the same again."""

from __future__ import annotations

import csv
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from examples.throughput_drop import fleet, lab, rendering, setting
from examples.throughput_drop.engine import Bucket

EVIDENCE = Path(__file__).parent / "evidence"
SEED = 20
GATE_RUNS = 60
SAMPLED = 900
"""Requests kept of each arm of the canary."""

FLEET = [
    "time", "replica", "build", "requests", "refused", "output_tokens", "prompt_tokens", "cached_tokens",
    "steps", "waiting", "running", "kv_pct", "ttft_p95_ms", "tpot_p50_ms",
]  # fmt: skip
GATEWAY = [
    "time", "requests", "requests_week_before", "refused", "streams_ended", "streamed_tokens", "ttft_p50_ms",
    "ttft_p95_ms",
]  # fmt: skip
HOSTS = ["replica", "batch", "period", "gpu_util_pct", "sm_mhz"]
CANARY = ["arm", "replica", "ttft_ms", "tpot_ms"]
LAB = [
    "session", "host", "image", "flags", "rendered_by", "offered_rps", "sample", "requests", "refused",
    "output_tokens", "prompt_tokens", "cached_tokens", "steps", "ttft_p95_ms", "tpot_p50_ms",
]  # fmt: skip
GATE = ["candidate", "run", "ratio"]
NAMES = {False: "old", True: "new"}


def clock(minute: float) -> str:
    return f"{int(minute) // 60:02d}:{int(minute) % 60:02d}"


def percentile(values: Sequence[float], share: float) -> float | None:
    """Nearest rank; None of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


def _ms(seconds: float | None) -> int | str:
    return "" if seconds is None else round(seconds * 1000)


def fleet_row(minute: fleet.Minute) -> list[object]:
    bucket = minute.bucket
    return [
        clock(minute.minute),
        minute.life.replica,
        minute.life.build,
        bucket.requests,
        bucket.refused,
        bucket.output_tokens,
        bucket.prompt_tokens,
        bucket.cached_tokens,
        bucket.steps,
        bucket.waiting,
        bucket.running,
        round(100 * bucket.kv_share),
        _ms(percentile(bucket.ttft_s, 0.95)),
        _ms(median(bucket.tpot_s) if bucket.tpot_s else None),
    ]


def gateway_rows(minutes: Iterable[fleet.Minute]) -> Iterator[list[object]]:
    """The gateway's own view, which knows no replica; the week before had 1% less."""
    rng = random.Random(SEED)
    by_minute: dict[int, list[Bucket]] = defaultdict(list)
    for minute in minutes:
        by_minute[minute.minute].append(minute.bucket)
    for minute_, buckets in sorted(by_minute.items()):
        ttft = [value for bucket in buckets for value in bucket.ttft_s]
        before = 60 * setting.demand(minute_) * setting.LAST_WEEK / setting.DEMAND
        yield [
            clock(minute_),
            sum(bucket.requests for bucket in buckets),
            round(rng.gauss(before, before**0.5)),
            sum(bucket.refused for bucket in buckets),
            sum(bucket.finished for bucket in buckets),
            sum(bucket.finished_tokens for bucket in buckets),
            _ms(percentile(ttft, 0.5)),
            _ms(percentile(ttft, 0.95)),
        ]


def host_rows() -> Iterator[list[object]]:
    """Utilization and clock, averaged over a period: each host before the rollout and after it, the spares once.

    Under either build every minute has running requests at every replica, so some kernel always runs: 100%.
    """
    rng = random.Random(SEED)
    for replica in range(1, setting.REPLICAS + setting.SPARES + 1):
        spare = replica > setting.REPLICAS
        batch = "spare" if spare else (replica - 1) // setting.BATCH + 1
        factor = setting.SLOW if replica == setting.SLOW_REPLICA else 1.0
        for period in ("15:05-15:30",) if spare else ("13:50-14:00", "14:45-15:00"):
            yield [replica, batch, period, 100, round(1_980 / factor + rng.uniform(-10, 10))]


def canary_rows() -> Iterator[list[object]]:
    arms = {"canary": (setting.NEW, lab.CANARY_RPS), "control": (setting.OLD, lab.CONTROL_RPS)}
    for arm, (build, rps) in arms.items():
        answered = [
            (replica + 1, answer)
            for replica in range(2)
            for answer in lab.canary(build, rps, f"{SEED}-{arm}-{replica}")
        ]
        for replica, answer in random.Random(f"{SEED}-{arm}").sample(answered, SAMPLED):
            yield [arm, replica, _ms(answer.ttft_s), _ms(answer.tpot_s)]


def lab_rows(runs: Iterable[lab.Run]) -> Iterator[list[object]]:
    for run in runs:
        for sample in lab.climb(run, SEED):
            bucket = sample.bucket
            yield [
                run.session,
                run.host,
                NAMES[run.cell.image],
                NAMES[run.cell.flags],
                NAMES[run.cell.template],
                sample.offered,
                sample.number,
                bucket.requests,
                bucket.refused,
                bucket.output_tokens,
                bucket.prompt_tokens,
                bucket.cached_tokens,
                bucket.steps,
                _ms(percentile(bucket.ttft_s, 0.95)),
                _ms(median(bucket.tpot_s) if bucket.tpot_s else None),
            ]


def gate_rows(count: int = GATE_RUNS) -> Iterator[list[object]]:
    """The gate on the old build against itself, then, a tenth as often, the release, each of its changes alone, and the mends."""
    candidates = {
        "same build": (setting.OLD, count),
        "token 5% slower": (setting.OLD.slower(1.05), count),
        "release": (setting.NEW, count // 10),
        **{name: (change(setting.OLD), count // 10) for name, change in setting.CHANGES.items()},
        "both mended": (setting.MENDED, count // 10),
        "template mended": (setting.scheduler_settings(setting.MENDED), count // 10),
    }
    for name, (build, runs) in candidates.items():
        for run in range(runs):
            yield [name, run, f"{lab.gate(build, f'{SEED}-{name}-{run}'):.4f}"]


def prompt_lines() -> Iterator[str]:
    times = (
        datetime(2026, 11, 26, 15, 52, 7, 482_913, tzinfo=UTC),
        datetime(2026, 11, 26, 15, 52, 8, 701_164, tzinfo=UTC),
    )
    for name in ("previous", "released"):
        prompts = [
            rendering.render(name, question, now)
            for question, now in zip(rendering.QUESTIONS, times, strict=True)
        ]
        yield f"== Rendered by the {name} image: two requests to one application, 1.2 s apart"
        for number, prompt in enumerate(prompts, 1):
            yield f"-- request {number}, first five lines"
            yield from prompt.splitlines()[:5]
        yield f"-- equal from the start: {rendering.equal_from_the_start(*prompts)} of {len(prompts[0])} characters"
        yield ""


def write(name: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with (EVIDENCE / name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def main() -> None:
    EVIDENCE.mkdir(exist_ok=True)
    minutes = [minute for life in fleet.lives() for minute in fleet.simulate(life, SEED)]
    minutes.sort(key=lambda minute: (minute.minute, minute.life.replica, minute.life.start))
    write("fleet.csv", FLEET, map(fleet_row, minutes))
    write("gateway.csv", GATEWAY, gateway_rows(minutes))
    write("hosts.csv", HOSTS, host_rows())
    write("canary.csv", CANARY, canary_rows())
    write("lab.csv", LAB, lab_rows(lab.runs()))
    write("gate.csv", GATE, gate_rows())
    (EVIDENCE / "prompts.txt").write_text("\n".join(prompt_lines()), encoding="utf-8")


if __name__ == "__main__":
    main()
