"""The calculator of KV-cache memory: how many sequences fit beside the weights.

`docs/assets/javascripts/calculators/kv-cache.js` is the same arithmetic, operation by operation; a browser test holds the two
equal.
"""

# ruff: noqa: RUF001 (a minus and a multiplication sign are what the page shows)

from __future__ import annotations

import math
from typing import Any

from examples.reference_numbers.models import MODELS, kv_bytes, weight_bytes

GB = 1_000_000_000

DEFAULTS: dict[str, float] = {
    "layers": 80,
    "kv_heads": 8,
    "head_dim": 128,
    "kv_bits": 16,
    "parameters": 70,
    "weight_bits": 8,
    "gpus": 2,
    "memory": 80,
    "usable": 90,
    "context": 2750,
    "wanted": 50,
}
"""Question 3's 70B in FP8 on two GPUs, and the mean tokens of one of its requests."""


def held_heads(kv_heads: int, gpus: int) -> int:
    """Return the key-value heads that all GPUs of a replica hold together.

    Tensor parallelism deals heads out whole: with more GPUs than heads each GPU keeps a copy of one.
    """
    return -(-kv_heads // gpus) * gpus


def results(
    layers: int,
    kv_heads: int,
    head_dim: int,
    kv_bits: float,
    parameters: float,
    weight_bits: float,
    gpus: int,
    memory: float,
    usable: float,
    context: int,
    wanted: int,
) -> dict[str, Any]:
    """Compute what the page shows.

    `parameters` are billions, `memory` is GB (of 10^9 bytes) a GPU, `usable` the percentage of it that weights and cache may
    take, `context` the tokens that a sequence holds on average, `wanted` the sequences in flight that are asked for.
    """
    heads = held_heads(kv_heads, gpus)
    token = kv_bytes(layers, heads, head_dim, kv_bits)
    weights = weight_bytes(parameters * GB, weight_bits)
    room = gpus * memory * GB * (usable / 100)
    left = room - weights
    sequence = token * context
    fits = max(0, math.floor(left / sequence))
    need = weights + wanted * sequence
    return {
        "heads": heads,
        "token": token,
        "weights": weights,
        "usable_share": usable / 100,
        "room": room,
        "left": left if left > 0 else None,
        "lacking": -left if left <= 0 else None,
        "sequence": sequence,
        "tokens": max(0, math.floor(left / token)),
        "fits": fits,
        "enough": 1 if fits >= wanted else None,
        "need": need,
        "longest": max(0, math.floor(left / token / wanted)),
    }


def specification() -> dict[str, Any]:
    """Return the form, the sentences and the defaults worked through, for the page's macro."""

    def field(
        name: str, key: str, label: str, unit: str, low: float, high: float, step: float, whole: bool = False
    ) -> dict[str, Any]:
        values = {"low": low, "high": high, "step": step, "value": DEFAULTS[name], "whole": whole}
        return {"name": name, "key": key, "label": label, "unit": unit, **values}

    return {
        "id": "kv-cache",
        "key": "kv",
        "title": "KV-cache memory",
        "presets_label": "Fill in a published model",
        "presets": [
            {
                "name": model.name,
                "values": {
                    "layers": model.layers,
                    "kv_heads": model.kv_heads,
                    "head_dim": model.head_dim,
                    "parameters": model.parameters / GB,
                },
            }
            for model in MODELS
            if not model.latent and not model.windowed
        ],
        "groups": [
            {
                "legend": "Attention",
                "inputs": [
                    field("layers", "layers", "Layers", "layers", 1, 1000, 1, whole=True),
                    field("kv_heads", "heads", "Key-value heads", "heads a layer", 1, 1024, 1, whole=True),
                    field("head_dim", "dim", "Head size", "numbers a head", 1, 4096, 1, whole=True),
                    field("kv_bits", "kvbits", "Cache precision", "bits a number", 1, 64, 1),
                ],
            },
            {
                "legend": "Weights and GPUs",
                "inputs": [
                    field("parameters", "params", "Parameters", "billions", 0.01, 10_000, 0.1),
                    field("weight_bits", "bits", "Weight precision", "bits a weight", 1, 64, 1),
                    field(
                        "gpus", "gpus", "GPUs of a replica", "GPUs, tensor parallel", 1, 1024, 1, whole=True
                    ),
                    field("memory", "mem", "Memory of a GPU", "GB", 1, 10_000, 1),
                    field("usable", "use", "Of it for weights and cache", "%", 1, 100, 1),
                ],
            },
            {
                "legend": "Load",
                "inputs": [
                    field(
                        "context",
                        "ctx",
                        "Tokens of a sequence",
                        "tokens, prompt and output",
                        1,
                        100_000_000,
                        100,
                        True,
                    ),
                    field(
                        "wanted", "seqs", "Sequences wanted", "in flight at once", 1, 1_000_000, 1, whole=True
                    ),
                ],
            },
        ],
        "summary": [
            [
                ["left", "{fits:whole} sequences of {context:whole} tokens fit beside the weights."],
                [
                    None,
                    "The weights do not fit: {lacking:gigabytes} are missing before the first token is cached.",
                ],
            ],
            [
                ["enough", "That is enough for {wanted:whole}."],
                [None, "{wanted:whole} need {need:gigabytes} of the {room:gigabytes} that may be used."],
            ],
        ],
        "steps": [
            {
                "label": "Heads that all GPUs hold",
                "formula": "heads / GPUs, rounded up, × GPUs",
                "worked": "⌈{kv_heads:whole} / {gpus:whole}⌉ × {gpus:whole}",
                "result": "{heads:whole}",
            },
            {
                "label": "Cache of one token",
                "formula": "2 (key, value) × layers × heads × head size × bits / 8",
                "worked": "2 × {layers:whole} × {heads:whole} × {head_dim:whole} × {kv_bits:number} / 8",
                "result": "{token:whole} bytes",
            },
            {
                "label": "Weights",
                "formula": "parameters × bits / 8",
                "worked": "{parameters:number} billion × {weight_bits:number} / 8",
                "result": "{weights:gigabytes}",
            },
            {
                "label": "Memory that may be used",
                "formula": "GPUs × memory × usable share",
                "worked": "{gpus:whole} × {memory:number} GB × {usable_share:percent}",
                "result": "{room:gigabytes}",
            },
            {
                "label": "Left for the cache",
                "formula": "usable − weights",
                "worked": "{room:gigabytes} − {weights:gigabytes}",
                "result": [["left", "{left:gigabytes}"], [None, "{lacking:gigabytes} too little"]],
            },
            {
                "label": "Tokens that fit",
                "formula": "left / one token",
                "worked": [["left", "{left:gigabytes} / {token:whole} bytes"], [None, "nothing is left"]],
                "result": "{tokens:whole}",
            },
            {
                "label": "One sequence",
                "formula": "one token × tokens",
                "worked": "{token:whole} bytes × {context:whole}",
                "result": "{sequence:gigabytes}",
            },
            {
                "label": "Sequences that fit",
                "formula": "left / one sequence, rounded down",
                "worked": [["left", "{left:gigabytes} / {sequence:gigabytes}"], [None, "nothing is left"]],
                "result": "{fits:whole}",
            },
            {
                "label": "Memory for the wanted number",
                "formula": "weights + sequences × one sequence",
                "worked": "{weights:gigabytes} + {wanted:whole} × {sequence:gigabytes}",
                "result": "{need:gigabytes}",
            },
            {
                "label": "Longest sequence at that number",
                "formula": "left / one token / sequences",
                "worked": [
                    ["left", "{left:gigabytes} / {token:whole} bytes / {wanted:whole}"],
                    [None, "nothing is left"],
                ],
                "result": "{longest:whole} tokens",
            },
        ],
        "values": results(**DEFAULTS),  # type: ignore[arg-type]
    }
