"""Every number and table of the page of numbers to know, and the calculator of KV-cache memory."""

# ruff: noqa: RUF001 (a minus and a multiplication sign are what the page shows)

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from examples.reference_numbers import hardware, memory, prices, rules
from examples.reference_numbers.models import MODELS, kv_bytes, weight_bytes

TARGETS = (0.99, 0.995, 0.999, 0.9995, 0.9999)
ALERTS = ((0.02, 1, "page"), (0.05, 6, "page"), (0.10, 24, "ticket"), (0.10, 72, "ticket"))
"""Share of the budget, hours of the long window, and what it does."""
WORDS_A_TOKEN, CHARACTERS_A_TOKEN = 0.75, 4
WORDS_A_MINUTE = 238
WORDS_A_PAGE = 500
"""An assumption: a page of plain text, single-spaced."""
REQUEST = (2_400, 350)
"""Input and output tokens of question 3's mean request, which the prices are tried on."""
SPEEDS = (("1, medians", 0.35, 0.024), ("10, means", 0.5, 1 / 60), ("13, means", 0.6, 0.030))
"""Question, seconds to the first token, seconds for each later one; held to the questions' settings by a test."""

_H100 = next(gpu for gpu in hardware.GPUS if gpu.name == "H100 SXM")


def _table(head: str, rows: Iterable[str]) -> str:
    """Return a Markdown table; a column whose heading ends in a colon is set right."""
    cells = [cell.strip() for cell in head.split("|")]
    rule = " | ".join("---:" if cell.endswith(":") else "---" for cell in cells)
    shown = " | ".join(cell.removesuffix(":") for cell in cells)
    # A number keeps its unit beside it on a phone.
    kept = (re.sub(r"(?<=\d) (?=[A-Za-z%])", "\u00a0", row) for row in rows)
    return "\n".join(f"| {row} |" for row in (shown, rule, *kept))


def _percent(share: float, digits: int = 3) -> str:
    return f"{share * 100:.{digits}g}%"


def _span(seconds: float) -> str:
    """Return a duration in the unit that suits it, to three digits."""
    for unit, size in (("d", rules.DAY), ("h", rules.HOUR), ("min", 60), ("s", 1)):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def _short(value: float) -> str:
    """Return three digits that matter, thousands apart."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _count(value: float) -> str:
    """Return a count, in millions or billions from the first one on."""
    for word, size in (("billion", 1e9), ("million", 1e6)):
        if value >= size:
            return f"{_short(value / size)} {word}"
    return f"{value:,.0f}"


def _size(size: float) -> str:
    """Return bytes in GB, in TB from the first one on."""
    return f"{size / 1e12:.3g} TB" if size >= 1e12 else f"{size / 1e9:.3g} GB"


def memory_calculator() -> dict[str, Any]:
    """Return the calculator of KV-cache memory."""
    return memory.specification()


def latent_head() -> int:
    """Return the head size that makes one head cost what DeepSeek-V3's latent attention keeps."""
    latent = next(model.latent for model in MODELS if model.latent)
    return sum(latent) // 2


# Time and traffic


def traffic_table() -> str:
    """Return what a rate of requests comes to, and what storing a kilobyte of each does."""
    rows = [
        f"{rate:,}/s | {_count(rate * rules.DAY)} | {_count(rate * 30 * rules.DAY)} | {_size(rate * 30 * rules.DAY * 1e3)}"
        for rate in (1, 12, 100, 1_000)
    ]
    return _table("Mean rate: | A day: | 30 days: | 1 kB of each, 30 days: ", rows)


def million_a_day() -> str:
    """Return a million a day as a rate."""
    return f"{1e6 / rules.DAY:.1f}"


# Error budgets


def budget_table() -> str:
    """Return what each target allows, as an outage and in requests."""
    rows = [
        f"{target * 100:g}% | "
        + " | ".join(_span(rules.allowed_s(target, days)) for days in (30, 91, 365))
        + f" | {(1 - target) * 1e6:,.0f}"
        for target in TARGETS
    ]
    return _table("Target: | 30 days: | 91 days: | 365 days: | Bad of a million: ", rows)


def burn_table(days: int = 30, target: float = 0.999) -> str:
    """Return the alerts of the Workbook with what they come to for a window and a target."""
    rows = []
    for spent, hours, severity in ALERTS:
        factor = rules.burn_factor(spent, hours, days)
        threshold = factor * (1 - target)
        window = f"{hours} h, {_span(hours * rules.HOUR / 12)}"
        rows.append(
            f"{severity} | {spent:.0%} | {window} | {factor:g} | {_percent(threshold)} "
            f"| {_span(hours * rules.HOUR * threshold)} | {_span(days * rules.DAY / factor)}"
        )
    head = "Alert | Of the budget: | Windows | Burn rate: | Bad above: | Fires on total outage after: | Budget gone in: "
    return _table(head, rows)


def chain_table() -> str:
    """Return what is left of a step's success when several have to succeed."""
    counts = (3, 10, 30)
    rows = [
        f"{share * 100:g}% | " + " | ".join(f"{rules.chain(share, n) * 100:.1f}%" for n in counts)
        for share in (0.99, 0.995, 0.999)
    ]
    return _table("One step: | " + " | ".join(f"{n} steps:" for n in counts), rows)


def tail_meets() -> str:
    """Return the chance that one of twenty calls meets a p99."""
    return _percent(rules.any_of(0.01, 20), 2)


def pair(share: float = 0.99) -> str:
    """Return the share that succeeds where one of two independent parts has to."""
    return f"{rules.any_of(share, 2):.2%}"


# Capacity and retries


def spare_table() -> str:
    """Return up to what utilization the others carry the load of one part that is lost, and by how much theirs rises."""
    rows = [f"{parts} | {rules.most_busy(parts):.0%} | +{1 / (parts - 1):.0%}" for parts in (2, 3, 4, 6, 10)]
    return _table("Zones, nodes or replicas: | Busy at most: | Load of the others: ", rows)


def retry_table() -> str:
    """Return the attempts that one failing request makes."""
    rows = [
        f"{tries} | " + " | ".join(f"{rules.attempts(tries, layers):,}" for layers in (1, 2, 3))
        for tries in (2, 3, 4)
    ]
    return _table("Attempts in each layer: | One layer: | Two layers: | Three layers: ", rows)


def attempts(tries: int = 3, layers: int = 3) -> str:
    """Return the attempts of one failing request."""
    return f"{rules.attempts(tries, layers)}"


# Tokens


def read_rate() -> str:
    """Return the tokens a second that a person reads."""
    return f"{WORDS_A_MINUTE / 60 / WORDS_A_TOKEN:.1f}"


def token_table() -> str:
    """Return what tokens come to in words, characters and reading."""
    a_second = WORDS_A_MINUTE / 60 / WORDS_A_TOKEN
    rows = [
        f"{count:,} | {count * WORDS_A_TOKEN:,.0f} | {count * CHARACTERS_A_TOKEN / 1e3:,.3g} kB "
        f"| {count * WORDS_A_TOKEN / WORDS_A_PAGE:,.3g} | {_span(count / a_second)}"
        for count in (100, 1_000, 8_000, 128_000)
    ]
    return _table("Tokens: | Words: | Text: | Pages: | To read: ", rows)


# Latency


def speed_table() -> str:
    """Return, per question, its speed, and what an answer of 400 tokens takes."""
    rows = [
        f"{question} | {ttft * 1000:.0f} ms | {tpot * 1000:.3g} ms | {1 / tpot:.0f} | {ttft + 399 * tpot:.3g} s"
        for question, ttft, tpot in SPEEDS
    ]
    return _table("Question | First token: | Each later: | Tokens/s: | 400 tokens: ", rows)


def distance_table() -> str:
    """Return round trips through glass."""
    places = (
        (100, "a region's zones"),
        (1_000, "within a continent"),
        (6_000, "across an ocean"),
        (20_000, "half-way round the earth"),
    )
    rows = [f"{km:,} km, {what} | {_span(hardware.round_trip_s(km))}" for km, what in places]
    return _table("Distance | Round trip at least: ", rows)


def move_table() -> str:
    """Return how long bytes take over each link."""
    sizes = ((1e9, "1 GB"), (70e9, "70 GB"), (140e9, "140 GB"))
    rows = [
        f"{link} | {_short(rate)} GB/s | "
        + " | ".join(_span(hardware.move_s(size, link)) for size, _ in sizes)
        for link, rate in hardware.LINKS.items()
    ]
    return _table("Link | Peak: | " + " | ".join(f"{name}:" for _, name in sizes), rows)


# GPUs


def gpu_table() -> str:
    """Return the GPUs, and the least time of a decode step of a 70B in 8 bits whose weights are on enough of them."""
    rows = []
    for gpu in hardware.GPUS:
        gpus = 2 if gpu.memory * 0.9 < 70 * 1.2 else 1
        floor = hardware.decode_floor_s(weight_bytes(70e9, 8), gpu, gpus)
        rows.append(
            f"{gpu.name} | {gpu.memory:g} GB | {gpu.bandwidth / 1000:.3g} TB/s | {gpu.bf16:,.0f} | {gpu.ridge:.0f} "
            f"| {floor * 1000:.1f} ms on {gpus}"
        )
    head = "GPU | Memory: | Bandwidth: | Dense BF16, TFLOP/s: | Operations a byte: | Step of a 70B in 8 bits, at least: "
    return _table(head, rows)


def floor_tokens(gpus: int = 2) -> str:
    """Return the tokens a second that one stream of a 70B in FP8 cannot pass on H100s."""
    return f"{1 / hardware.decode_floor_s(weight_bytes(70e9, 8), _H100, gpus):.0f}"


def ridge_batch() -> str:
    """Return the sequences at which a decode step on H100s, from weights of 8 bits, computes as long as it reads them."""
    return f"{_H100.ridge_batch(8):.0f}"


def cache_read(sequences: int = 50) -> str:
    """Return the KV cache that a decode step reads for so many of question 3's requests of a 70B."""
    return f"{sequences * kv_bytes(80, 8, 128) * sum(REQUEST) / 1e9:.0f}"


def prefill(tokens: int = 2_400, gpus: int = 2) -> str:
    """Return the prefill time of a prompt of a 70B on H100s at 40% of the peak."""
    return _span(hardware.prefill_s(70e9, tokens, _H100, gpus))


# Models


def kv_table() -> str:
    """Return what a token of context keeps, by model."""
    rows = []
    for model in MODELS:
        token = model.token_bytes()
        shape = (
            f"{model.layers} × ({model.latent[0]} + {model.latent[1]})"
            if model.latent
            else f"2 × {model.layers - model.windowed} × {model.kv_heads} × {model.head_dim}"
        )
        rows.append(
            f"{model.name} | {shape} | {token / 1024:,.4g} KiB | {token * 8_000 / 1e9:.2f} GB | {token * 128_000 / 1e9:.1f} GB"
        )
    return _table("Model | Numbers a token | A token, 16 bits: | 8,000 tokens: | 128,000 tokens: ", rows)


def weights_table() -> str:
    """Return the memory of weights by precision."""
    rows = [
        f"{count:g} billion | "
        + " | ".join(f"{weight_bytes(count * 1e9, bits) / 1e9:,.4g} GB" for bits in (16, 8, 4))
        for count in (8, 70, 405, 671)
    ]
    return _table("Parameters: | BF16: | FP8, INT8: | FP4, INT4: ", rows)


# Money


def token_price_table() -> str:
    """Return list prices of tokens, and of question 3's mean request."""
    rows = [
        f"{p.model} | ${p.input:.2f} | ${p.cached:.2f} | ${p.output:.2f} | {p.since} | ${p.request(*REQUEST) * 1000:.3g}"
        for p in prices.TOKENS
    ]
    head = "Model | Input: | Cached input: | Output: | Since | 1,000 requests: "
    return _table(head, rows)


def output_ratio() -> str:
    """Return by how much output is dearer than input, over the table."""
    ratios = {p.output / p.input for p in prices.TOKENS}
    return f"{min(ratios):g}" if len(ratios) == 1 else f"{min(ratios):g} to {max(ratios):g}"


def cached_ratio() -> str:
    """Return which part of the input's price a cached token costs, over the table."""
    ratios = [p.input / p.cached for p in prices.TOKENS]
    return f"a {min(ratios):.0f}th to a {max(ratios):.0f}th"


def gpu_price_spread() -> str:
    """Return by how much the dearest H100 is dearer than the cheapest, over the table."""
    hours = [p.hour for p in prices.HOURS if p.gpu == "H100 SXM"]
    return f"{max(hours) / min(hours):.1f}"


def gpu_price_table() -> str:
    """Return list prices of GPU-hours, and of a node's month."""
    rows = [
        f"{p.gpu} | {p.seller} | ${p.hour:.2f} | {p.read} | ${8 * rules.MONTH_H * p.hour:,.0f}"
        for p in prices.HOURS
    ]
    return _table("GPU | Seller | GPU-hour: | Read | Eight for a month: ", rows)


# Queues


def queue_table() -> str:
    """Return times in an M/M/1 system by utilization."""
    rows = [
        f"{use:.0%} | {rules.slowdown(use):.3g} | {rules.slowdown_quantile(use, 0.95):.3g} | {use * use / (1 - use):.3g}"
        for use in (0.5, 0.7, 0.8, 0.9, 0.95)
    ]
    return _table("Busy: | Mean time, in service times: | p95, in service times: | Mean waiting: ", rows)


def poisson_table() -> str:
    """Return between what counts of independent events stay by chance."""
    rows = []
    for mean in (10, 100, 1_000, 10_000):
        low, high = rules.usual_range(mean)
        rows.append(f"{mean:,} | {low:,.0f} to {high:,.0f} | ±{(high - mean) / mean:.0%}")
    return _table("Expected: | 95% of windows: | That is: ", rows)


def none_of_three() -> str:
    """Return the chance of a window without an event where three are expected."""
    return f"{rules.none_happen(3):.0%}"


def in_flight() -> str:
    """Return the requests in flight at 12 a second of 10 s each."""
    return f"{rules.in_system(12, 10):.0f}"


# Statistics


def clean_table() -> str:
    """Return what tries without an event show."""
    rows = [
        f"{count:,} | {_percent(rules.not_ruled_out(count), 2)} | {_percent(3 / count, 2)}"
        for count in (30, 100, 300, 1_000, 3_000)
    ]
    return _table("Tries, no event: | Rate below, at 95%: | 3 / tries: ", rows)


def sample_table() -> str:
    """Return sample sizes for a share, and for telling a drop from it in two separate samples."""
    rows = []
    for share in (0.50, 0.86, 0.95):
        cells = [f"{rules.sample_for(share, margin):,}" for margin in (0.05, 0.02, 0.01)]
        cells.append(f"{rules.sample_to_tell(share, share - 0.01):,}")
        rows.append(f"{share:.0%} | " + " | ".join(cells))
    return _table(
        "True share: | ±5 points: | ±2 points: | ±1 point: | To tell a drop of 1 point, each: ", rows
    )


def precision_table() -> str:
    """Return the precision of one detector by how rare its target is."""
    rows = [
        f"1 in {round(1 / share):,} | {_percent(rules.precision(share, 0.95, 0.01), 2)}"
        for share in (0.1, 0.01, 0.001, 0.0001)
    ]
    return _table("Hostile: | Of what it stops, hostile: ", rows)
