"""Every number on the page, computed from the setting. Measured values say on what."""

from __future__ import annotations

import math
from typing import Any

from examples.zero_trust_serving.edges import EDGES, SERVICES
from examples.zero_trust_serving.setting import (
    CROSS_TENANT_SHARE,
    CUT_S,
    DOLLARS_PER_GPU_HOUR,
    FEED_S,
    GPU_BYTES,
    GPU_BYTES_PER_S,
    GPUS_PER_INSTANCE,
    GPUS_PER_NODE,
    GRANT_S,
    HIT_SHARE,
    HOURS_PER_MONTH,
    INPUT_TOKENS,
    KV_BYTES_PER_TOKEN,
    LEASE_S,
    LEEWAY_S,
    LINK_GBIT,
    LONGEST_OUTPUT,
    NODES,
    OUTPUT_TOKENS,
    PREFILL_NODES,
    REGULATED,
    REGULATED_SHARE,
    RPS,
    SVID_HOURS,
    TPOT_S,
    TTFT_BUDGET_MS,
    TTFT_S,
    USABLE,
    WEIGHTS_BYTES,
)

MEASURED_US = {"mint": 100, "authorize": 300}
"""Mean of `make bench` on 26 November 2026, two shared cores, Python 3.11, cryptography 50; rounded up to hundreds."""

PAIR_MS = 2.88
"""What a pair of sidecars added to the 99th percentile in Istio's published test (mutual TLS, 1,000 requests/s, 16
connections): https://github.com/istio/istio.io, performance-and-scalability at commit 01eb742, an older release."""
PAIRS, CHECKS = 5, 4
"""On the way to the first token: gateway to grants and to router, router to prefill and to decode, decode to prefill;
all but the first carry a grant that is minted and checked."""

ROTATE_AT, JITTER = 0.5, 0.1
"""SPIRE renews at half of the lifetime, give or take a tenth of that half (pkg/common/rotationutil, 1.15.3)."""

TLS_BYTES_PER_S = 5e9
"""What one TLS connection carries through a host's processor, encrypted and copied; an estimate."""


def fleet_gpus() -> int:
    return NODES * GPUS_PER_NODE


def month(gpus: float) -> float:
    """Dollars a month."""
    return gpus * DOLLARS_PER_GPU_HOUR * HOURS_PER_MONTH


def dollars(gpus: float) -> str:
    return f"${month(gpus):,.0f}"


# Streams


def open_streams() -> str:
    """Little's law at peak, mean answers."""
    return f"{RPS * (TTFT_S + OUTPUT_TOKENS * TPOT_S):,.0f}"


def longest_stream_s() -> str:
    return f"{TTFT_S + LONGEST_OUTPUT * TPOT_S:.0f}"


# Handover


def handover(what: str) -> str:
    """The KV blocks of whole prompts at peak, from prefill to decode."""
    request = INPUT_TOKENS * KV_BYTES_PER_TOKEN
    total = request * RPS
    links = PREFILL_NODES * GPUS_PER_NODE
    one_link = LINK_GBIT * 1e9 / 8
    four_links_ms = request / one_link / GPUS_PER_INSTANCE * 1e3
    values = {
        "request_mb": f"{request / 1e6:.1f}",
        "total_gb_s": f"{total / 1e9:.1f}",
        "links_gb_s": f"{links * LINK_GBIT / 8:,.0f}",
        "share": f"{total * 8 / 1e9 / (links * LINK_GBIT):.1%}",
        "four_links_ms": f"{four_links_ms:.1f}",
        "tls_ms": f"{request / TLS_BYTES_PER_S * 1e3:.0f}",
        # what the proxies and grants leave of the budget may be added to the time in plain text
        "needed_gb_s": f"{request / ((four_links_ms + _left_ms()) / 1e3) / 1e9:.0f}",
    }
    return values[what]


# Prefix cache


def salted(what: str) -> str:
    """What it costs to give up hits in other tenants' prefixes. All of the prefill fleet is needed at peak, or more."""
    tokens = RPS * INPUT_TOKENS
    before, after = tokens * (1 - HIT_SHARE), tokens * (1 - HIT_SHARE + CROSS_TENANT_SHARE)
    gpus = PREFILL_NODES * GPUS_PER_NODE * (after / before - 1)
    instances = math.ceil(gpus / GPUS_PER_INSTANCE)
    values = {
        "before": f"{before:,.0f}",
        "after": f"{after:,.0f}",
        "growth": f"{after / before - 1:.0%}",
        "gpus": f"{gpus:.1f}",
        "instances": str(instances),
        "bought": str(instances * GPUS_PER_INSTANCE),
        "month": dollars(instances * GPUS_PER_INSTANCE),
        "headroom": f"{before / after:.0%}",
    }
    return values[what]


# Isolation


def instances_for(rps: float) -> int:
    """Prefill and decode instances that `rps` needs, at today's rates: 24 of each carry the peak."""
    each = RPS / (PREFILL_NODES * GPUS_PER_NODE / GPUS_PER_INSTANCE)
    return 2 * math.ceil(rps / each - 1e-9)


def freed() -> int:
    """GPUs that the shared fleet gives up once the regulated tenants have left."""
    return fleet_gpus() - instances_for(RPS * (1 - REGULATED_SHARE)) * GPUS_PER_INSTANCE


def both(what: str) -> str:
    """Salts, and two-GPU pairs for the regulated: GPUs beyond today's. Their departure makes the room for the salts."""
    each = RPS / (PREFILL_NODES * GPUS_PER_NODE / GPUS_PER_INSTANCE)
    rps = RPS * (1 - REGULATED_SHARE)
    growth = (1 - HIT_SHARE + CROSS_TENANT_SHARE) / (1 - HIT_SHARE)
    instances = math.ceil(rps * growth / each - 1e-9) + math.ceil(rps / each - 1e-9)
    gpus = instances * GPUS_PER_INSTANCE + REGULATED * GPUS_PER_INSTANCE - fleet_gpus()
    without = REGULATED * GPUS_PER_INSTANCE - freed()
    return {"gpus": str(gpus), "month": dollars(gpus), "salts": str(gpus - without)}[what]


def pool() -> int:
    """GPUs of one pool for all regulated tenants, with a spare instance of each kind."""
    return (instances_for(RPS * REGULATED_SHARE) + 2) * GPUS_PER_INSTANCE


def options() -> dict[str, int]:
    """GPUs that each way of serving the regulated tenants takes by itself."""
    pairs = REGULATED * 2
    return {
        "One pool for the thirty": pool(),
        "Pairs on two GPUs": pairs * GPUS_PER_INSTANCE // 2,
        "Pairs on four GPUs, as asked": pairs * GPUS_PER_INSTANCE,
        "Pairs on whole nodes": pairs * GPUS_PER_NODE,
    }


def isolation_table() -> str:
    """Return what each option costs, for the regulated tenants alone."""
    lines = [
        "| For the thirty | GPUs | A month | Net of the freed GPUs | A tenant's month |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {name} | {gpus} | {dollars(gpus)} | {dollars(gpus - freed())} | {dollars(gpus / REGULATED)} |"
        for name, gpus in options().items()
    ]
    return "\n".join(lines)


def isolation_chart() -> dict[str, Any]:
    rows = [
        {"option": "Today's whole fleet", "what": "serves all 1,200", "dollars": month(fleet_gpus())},
        *({"option": name, "what": "for thirty", "dollars": month(gpus)} for name, gpus in options().items()),
    ]
    for row in rows:
        row["label"] = f"${row['dollars'] / 1000:,.0f}k"  # type: ignore[operator]
    bars = {
        "y": {"field": "option", "type": "nominal", "sort": None, "title": None, "axis": {"labelLimit": 190}},
        "x": {
            "field": "dollars",
            "type": "quantitative",
            "title": "dollars a month",
            "axis": {"format": "~s", "values": [0, 300_000, 600_000, 900_000]},
            "scale": {"domain": [0, 1_050_000]},
        },
    }
    return {
        "title": "Four-GPU pairs for thirty tenants cost more than the fleet that serves 1,200.",
        "description": "Bars: dollars a month for today's fleet and for four ways to serve the regulated tenants.",
        "data": {"values": rows},
        "height": 150,
        "encoding": bars,
        "layer": [
            {
                "mark": "bar",
                "encoding": {
                    "color": {
                        "field": "what",
                        "type": "nominal",
                        "title": None,
                        "legend": {"symbolType": "square"},
                    },
                },
            },
            {
                "mark": {"type": "text", "align": "left", "dx": 4},
                "encoding": {"text": {"field": "label", "type": "nominal"}},
            },
        ],
        "usermeta": {"columns": {"option": "Option", "what": "Use", "label": "A month"}},
    }


def dedicated(what: str) -> str:
    """A tenant's own pair: what it is asked to do, and whether two GPUs an instance can."""
    share = RPS * REGULATED_SHARE / REGULATED
    streams = share * (TTFT_S + OUTPUT_TOKENS * TPOT_S)
    two = GPUS_PER_INSTANCE // 2
    room = (two * GPU_BYTES * USABLE - WEIGHTS_BYTES) / KV_BYTES_PER_TOKEN
    combined = RPS / (fleet_gpus() / GPUS_PER_INSTANCE)
    values = {
        "asked_gpus": str(REGULATED * 2 * GPUS_PER_INSTANCE),
        "ratio": f"{REGULATED * 2 * GPUS_PER_INSTANCE / fleet_gpus():.0%}",
        "rps": f"{share:.1f}",
        "pair_rps": f"{2 * combined:.1f}",
        "busy": f"{share / (2 * combined):.0%}",
        "room_tokens": f"{room:,.0f}",
        "used_tokens": f"{streams * (INPUT_TOKENS + OUTPUT_TOKENS):,.0f}",
        "read_ms": f"{WEIGHTS_BYTES / two / GPU_BYTES_PER_S * 1e3:.0f}",
        "freed": str(freed()),
        "net_two": dollars(REGULATED * 2 * two - freed()),
    }
    return values[what]


# Credentials


def svid_left_min(hours: float = SVID_HOURS) -> str:
    """Minutes that the least fresh certificate has left when the authority goes away, at worst."""
    return f"{hours * 60 * ROTATE_AT * (1 - JITTER):.0f}"


def ends_s(what: str) -> str:
    """Seconds from a revocation until the last use: of a new request, and of an open stream.

    The list's age is told by two clocks, its writer's and its holder's, and so is a grant's.
    """
    heard = FEED_S + LEEWAY_S
    values = {
        "request": heard + GRANT_S + LEEWAY_S,
        "stream": heard + CUT_S,
        "silent": LEASE_S + LEEWAY_S + CUT_S,
    }
    return str(values[what])


def live_grants() -> str:
    """Grants for a handover that a decode instance holds at most at peak, so what its thief may fetch."""
    instances = (NODES - PREFILL_NODES) * GPUS_PER_NODE / GPUS_PER_INSTANCE
    return f"{RPS / instances * (GRANT_S + LEEWAY_S):.0f}"


def mints() -> str:
    """Grants signed a second at peak, for the fleet."""
    return f"{RPS * CHECKS:,.0f}"


# Latency


def latency(what: str) -> str:
    """What the design adds to the 99th percentile of TTFT; the proxies' percentiles added up, which is too much."""
    values = {
        "proxies": f"{PAIRS * PAIR_MS:.1f}",
        "grants": f"{TTFT_BUDGET_MS - _left_ms() - PAIRS * PAIR_MS:.1f}",
        "total": f"{TTFT_BUDGET_MS - _left_ms():.1f}",
        "left": f"{_left_ms():.1f}",
    }
    return values[what]


def _left_ms() -> float:
    """Milliseconds of the budget that proxies and grants do not use."""
    return TTFT_BUDGET_MS - PAIRS * PAIR_MS - CHECKS * sum(MEASURED_US.values()) / 1000


# Policies


def edges(what: str) -> str:
    count = len(SERVICES)
    return {"needed": str(len(EDGES)), "possible": str(count * (count - 1)), "services": str(count)}[what]
