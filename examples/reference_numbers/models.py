"""Open models as their makers publish them, and the bytes that one token of context keeps in the KV cache."""

from __future__ import annotations

from dataclasses import dataclass


# --8<-- [start:kv]
def kv_bytes(layers: int, kv_heads: int, head_dim: int, bits: float = 16) -> float:
    """Return the bytes of one token: a key and a value for each layer and each key-value head."""
    return 2 * layers * kv_heads * head_dim * bits / 8


def latent_bytes(layers: int, rank: int, rope_dim: int, bits: float = 16) -> float:
    """Return the bytes of one token under multi-head latent attention.

    Each layer keeps one vector of `rank`, from which all heads' keys and values come, and one
    rotary key of `rope_dim`.
    """
    return layers * (rank + rope_dim) * bits / 8


# --8<-- [end:kv]


def weight_bytes(parameters: float, bits: float) -> float:
    """Return the bytes of that many weights."""
    return parameters * bits / 8


@dataclass(frozen=True)
class Model:
    """A model's published shape. `parameters` counts all weights, also those of experts that a token does not use."""

    name: str
    parameters: float
    layers: int
    kv_heads: int
    head_dim: int
    latent: tuple[int, int] | None = None
    """Rank and rotary dimension, where attention is latent; heads do not count then."""
    windowed: int = 0
    """Of the layers, those that keep a short window only: their share of a long context is nothing."""

    def token_bytes(self, bits: float = 16) -> float:
        """Return the bytes that one more token of a long context keeps."""
        if self.latent:
            return latent_bytes(self.layers, *self.latent, bits)
        return kv_bytes(self.layers - self.windowed, self.kv_heads, self.head_dim, bits)


MODELS = (
    Model("Llama 3.1 8B", 8e9, 32, 8, 128),
    Model("Llama 3.1 70B", 70e9, 80, 8, 128),
    Model("Llama 3.1 405B", 405e9, 126, 8, 128),
    Model("Qwen3-8B", 8e9, 36, 8, 128),
    Model("gpt-oss-120b", 117e9, 36, 8, 64, windowed=18),
    Model("DeepSeek-V3", 671e9, 61, 128, 128, latent=(512, 64)),
)
"""Llama: n_layers, n_kv_heads and dim / n_heads of Meta's list of models; the others from their configuration."""
