"""The numbers of the question, what a step costs the hardware, and the six changes of the release as changes of a build."""

from __future__ import annotations

from dataclasses import dataclass, replace

from examples.throughput_drop.engine import Build, Template

REPLICAS, SPARES, BATCH = 32, 4, 4
DEMAND, PEAK = 200.0, 250.0
"""Requests/s at 15:00 and at 17:00; between them demand rises evenly (an assumption)."""
LAST_WEEK = 198.0
PROMPT, CACHED, OUTPUT = 1_400, 700, 320
OLD_LIMIT = 2_800
"""Output tokens/s of an old replica before the time to first token misses its target, from the last load test."""
BEFORE, ALERT = 64_000, 44_800
TTFT_TARGET_S = 2.0
"""Of the 95th percentile. An assumption: the question names a target and no figure."""
QUEUE = 64
"""Requests that may wait at a replica; the gateway answers the next one with 429."""
GPUS_A_REPLICA, GPU_HOUR = 2, 3.0

# Minutes after midnight, UTC.
ROLLOUT, ALERTED, ROLLBACK, PEAK_AT = 14 * 60, 14 * 60 + 52, 15 * 60, 17 * 60
BATCH_MIN, BUILD_MIN = 5, 25
BATCHES = REPLICAS // BATCH
SPARES_SERVE, SPARES_LEAVE = ROLLBACK + BATCH_MIN, ROLLBACK + 30
FIRST, LAST = 13 * 60 + 50, 15 * 60 + 50
"""What the fleet's file covers."""

SLOW_REPLICA, SLOW = 21, 1.15
"""One host's clocks are throttled: each token takes 15% longer, under either build."""


def demand(minute: float) -> float:
    """Requests/s: level until 15:00, then an even rise to the peak."""
    climbed = (minute - ROLLBACK) / (PEAK_AT - ROLLBACK)
    return DEMAND + (PEAK - DEMAND) * min(1.0, max(0.0, climbed))


OLD_TEMPLATE = Template(added_tokens=0, shared=True)

# --8<-- [start:costs]
OLD = Build(
    fixed_s=0.0235,  # 13 ms to read 70 GB of weights from two GPUs' memory; the rest launches, collectives, CPU
    per_token_s=76e-6,  # 2 x 70e9 operations at 47% of two H100s' dense FP8 peak
    per_context_s=30e-9,  # 164 kB of FP8 keys and values at 80% of two H100s' memory bandwidth
    budget=8_192,
    slots=512,
    kv_tokens=416_000,  # 68 GB left beside weights and activations
    template=OLD_TEMPLATE,
)
# --8<-- [end:costs]


# --8<-- [start:changes]
def engine_minor(build: Build) -> Build:
    """A minor version of the engine: attention that reads its context in 5% less time."""
    return replace(build, per_context_s=build.per_context_s * 0.95)


def base_image(build: Build) -> Build:
    """The base image, without the vulnerable component: a newer driver library, 0.1 ms more a step."""
    return replace(build, fixed_s=build.fixed_s + 0.1e-3)


def chat_template(build: Build) -> Build:
    """The chat template: a line more, and it stands before what an application's requests have in common."""
    return replace(build, template=Template(added_tokens=24, shared=False))


def scheduler_settings(build: Build) -> Build:
    """`max_num_batched_tokens` from 8,192 to 512, for even gaps between tokens."""
    return replace(build, budget=512)


def metrics_library(build: Build) -> Build:
    """The metrics library: one more histogram to update, 0.1 ms a step."""
    return replace(build, fixed_s=build.fixed_s + 0.1e-3)


def usage_event(build: Build) -> Build:
    """The field in the usage event: written when a stream has ended, off the step's path."""
    return build


# --8<-- [end:changes]

CHANGES = {
    "engine": engine_minor,
    "base image": base_image,
    "chat template": chat_template,
    "scheduler settings": scheduler_settings,
    "metrics library": metrics_library,
    "usage event": usage_event,
}


@dataclass(frozen=True)
class Cell:
    """What can be changed apart without a new image: the image, the settings, and who renders the prompt."""

    image: bool = False
    flags: bool = False
    template: bool = False

    def build(self) -> Build:
        build = OLD
        if self.image:
            for name in ("engine", "base image", "metrics library", "usage event"):
                build = CHANGES[name](build)
        if self.template:
            build = chat_template(build)
        return scheduler_settings(build) if self.flags else build


NEW = Cell(image=True, flags=True, template=True).build()
MENDED = replace(Cell(image=True).build(), template=Template(added_tokens=24, shared=True))
"""The new image with the old settings, and the template's line after what the requests have in common."""
