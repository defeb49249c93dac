"""List prices, each with its day: records, not advice. Where they were read stands on the page, under Sources."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TokenPrice:
    """Dollars per million tokens, on demand, for prompts below the length from which a provider charges more."""

    model: str
    input: float
    cached: float
    output: float
    since: str
    """The day from which the model is sold."""

    def request(self, input_tokens: int, output_tokens: int) -> float:
        """Return the dollars of one request without cache hits."""
        return (input_tokens * self.input + output_tokens * self.output) / 1_000_000


TOKENS = (
    TokenPrice("Claude Fable 5.2", 8.0, 0.20, 40.0, "2026-11-09"),
    TokenPrice("Claude Opus 5.5", 4.0, 0.20, 20.0, "2026-09-22"),
    TokenPrice("GPT-6.2 Sol", 2.0, 0.10, 10.0, "2026-11-17"),
    TokenPrice("Claude Haiku 5.5", 0.10, 0.01, 0.50, "2026-10-07"),
    TokenPrice("GPT-6 Luna", 0.10, 0.01, 0.50, "2026-09-22"),
)


@dataclass(frozen=True)
class GpuPrice:
    """Dollars per GPU-hour, on demand, without a commitment."""

    gpu: str
    seller: str
    hour: float
    read: str
    """The day on which the source took it from the seller's page or price interface."""


HOURS = (
    GpuPrice("A100 SXM, 80 GB", "RunPod, Secure Cloud", 1.79, "2026-11-09"),
    GpuPrice("A100 SXM, 80 GB", "AWS, p4de.24xlarge", 3.43, "2026-11-09"),
    GpuPrice("H100 SXM", "Hyperstack", 3.20, "2026-08-26"),
    GpuPrice("H100 SXM", "RunPod, Secure Cloud", 3.99, "2026-11-09"),
    GpuPrice("H100 SXM", "AWS, p5.48xlarge", 6.88, "2026-11-09"),
    GpuPrice("H100 SXM", "Azure, ND96isr H100 v5", 12.29, "2026-11-09"),
    GpuPrice("H200 SXM", "Hyperstack", 3.99, "2026-08-26"),
    GpuPrice("H200 SXM", "AWS, p5en.48xlarge", 7.91, "2026-08-06"),
    GpuPrice("B200", "Hyperstack", 6.00, "2026-08-26"),
    GpuPrice("B200", "RunPod, Secure Cloud", 6.79, "2026-10-07"),
)
