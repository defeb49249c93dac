"""Every number and table of the page of numbers to know, and the calculator of KV-cache memory."""

from __future__ import annotations

from typing import Any

from examples.reference_numbers import memory
from examples.reference_numbers.models import MODELS


def memory_calculator() -> dict[str, Any]:
    """Return the calculator of KV-cache memory."""
    return memory.specification()


def latent_head() -> int:
    """Return the head size that makes one head cost what DeepSeek-V3's latent attention keeps."""
    latent = next(model.latent for model in MODELS if model.latent)
    return sum(latent) // 2
