"""GPUs and links as their makers state them, and what follows from that for a decode step and for a prompt.

Where each figure was read stands on the page, under Sources.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Gpu:
    """Memory in GB, its bandwidth in GB/s, dense BF16 operations in TFLOP/s: all of one GPU, at the peak."""

    name: str
    memory: float
    bandwidth: float
    bf16: float

    @property
    def ridge(self) -> float:
        """Operations per byte read at which computing takes as long as reading."""
        return self.bf16 * 1e12 / (self.bandwidth * 1e9)

    def ridge_batch(self, bits: float) -> float:
        """Return the sequences of a decode step at which that is so, by the weights alone: two operations a weight each."""
        return self.ridge * bits / 8 / 2


GPUS = (
    Gpu("L40S", 48, 864, 362),
    Gpu("A100 SXM, 80 GB", 80, 2_039, 312),
    Gpu("H100 SXM", 80, 3_350, 989),
    Gpu("H200 SXM", 141, 4_800, 989),
    Gpu("B200", 180, 7_700, 2_250),
)

LINKS = {
    "HBM of an H100": 3_350.0,
    "NVLink, fourth generation, one way": 900 / 2,
    "PCIe 5.0 x16, one way": 504 / 8,
    "Network, 400 Gbit/s": 400 / 8,
    "Network, 100 Gbit/s": 100 / 8,
    "PCIe 4.0 x4, the most of an SSD behind it": 504 / 8 / 8,
}
"""GB/s. PCIe: what the maker of an eight-GPU machine states for all, by GPU; half for the generation before, a quarter
for four lanes."""

LIGHT_KM_S = 299_792.458
FIBER_INDEX = 1.47
"""How many times slower light is in glass: an assumption, about what fiber makers state."""


def decode_floor_s(weight_bytes: float, gpu: Gpu, gpus: int = 1) -> float:
    """Return the least seconds of a decode step: every weight is read once, whatever the batch."""
    return weight_bytes / (gpus * gpu.bandwidth * 1e9)


def prefill_s(parameters: float, tokens: int, gpu: Gpu, gpus: int = 1, reached: float = 0.4) -> float:
    """Return the seconds of a prompt at two operations a weight and token, at a share of the peak that is reached."""
    return 2 * parameters * tokens / (gpus * gpu.bf16 * 1e12 * reached)


def move_s(size: float, link: str) -> float:
    """Return the seconds in which so many bytes pass a link at its peak."""
    return size / (LINKS[link] * 1e9)


def round_trip_s(km: float) -> float:
    """Return the least seconds to a place and back through glass on the straight way."""
    return 2 * km / (LIGHT_KM_S / FIBER_INDEX)
