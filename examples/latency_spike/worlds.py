"""The night as it was, and what the night would have been under each explanation and each lever."""

from __future__ import annotations

from dataclasses import replace

from examples.latency_spike import setting
from examples.latency_spike.engine import Policy
from examples.latency_spike.fleet import Action, Slow, World
from examples.latency_spike.setting import at
from examples.latency_spike.traffic import Job

SEED = 10
ROUNDS = Job("o60", at("03:00:20"), 3, 16_200, 16_800, 130, 9.2)
NEWCOMER = (at("03:00:05"), "o57", 0.5)

NIGHT = World(
    seed=SEED,
    replicas=(*setting.REPLICAS, "r9"),
    job=ROUNDS,
    newcomer=NEWCOMER,
    moderation=Slow(at("02:59:30"), at("03:12"), 0.008, 0.7, 1.4),
    stalls=((at("03:00"), 0.38),),
    actions=(
        Action(at("02:58"), "drain", "r9"),
        Action(at("03:16"), "add", "r10"),
        Action(at("03:16"), "add", "r11"),
        Action(at("03:21"), "lane", "r10", "o57"),
        Action(at("03:21"), "lane", "r11", "o60"),
    ),
)
"""What happened, with the responder's two moves: more replicas, and then one of them for each new job."""

TONIGHT = "2026-11-24"
CHANGES = (
    ("2026-11-19 10:12:00", "deploy", "gateway 4.31.0 on all hosts"),
    ("2026-11-19 10:40:00", "deploy", "serving image 2.9.4 on all replicas"),
    ("2026-11-20 14:22:00", "node", "r3 clocks event reason: SwPowerCap, 6 h"),
    ("2026-11-23 09:05:00", "quota", "o57 requests/min 20 -> 60, ticket CS-4410"),
    ("2026-11-23 15:42:00", "entitlement", "o08, o24, o35, o40, o60 to plan C, ticket CS-4431"),
    ("2026-11-23 16:10:00", "key", "o12 second key created"),
    ("2026-11-23 15:05:00", "node", "r7 clocks event reason: SwPowerCap, 2 h"),
    ("2026-11-23 22:00:00", "certificate", "gateway certificate renewed"),
    (f"{TONIGHT} 01:20:00", "autoscaler", "10 -> 9 replicas"),
    (f"{TONIGHT} 01:45:00", "cron", "usage export to the warehouse, done 01:54:14"),
    (f"{TONIGHT} 03:01:10", "node", "r5 clocks event reason: SwPowerCap"),
    (f"{TONIGHT} 03:07:00", "alert", "p99 of the time to first token above 2 s for 5 min"),
)
"""What the change logs say besides what the simulation plays: when, which kind, what."""

PLAN_C = ("o08", "o24", "o35", "o40", "o60")
TICKETS = (
    "CS-4410 o57: its backlog takes too long. Raised from 20 to 60 requests/min.",
    f"CS-4431 {', '.join(PLAN_C)}: plan C, as sold. Prompt limit 8192 -> 32768 tokens, no other limit changed.",
)
"""The tickets that the change log names."""

# Replays are short: they begin two minutes before what goes wrong, and are read from a minute after the lever.
BEGINS_S, LEVER_S, READ_S, ENDS_S = 60.0, 120.0, 180.0, 600.0
_QUIET = World(seed=SEED, length_s=ENDS_S)

EXPLANATIONS: dict[str, World] = {
    "nothing wrong": _QUIET,
    "moderation": replace(_QUIET, moderation=Slow(BEGINS_S, 1e9, 0.021, 2.5, 6.6)),
    "quota store": replace(_QUIET, stalls=tuple((BEGINS_S + 75.0 * n, 5.4) for n in range(10))),
    "too few replicas": replace(_QUIET, surge=(BEGINS_S, 1.57)),
    "cold caches": replace(_QUIET, cached=False),
    "throttled GPU": replace(_QUIET, slowness=((BEGINS_S, "r5", 4.0),)),
    "hanging GPU": replace(_QUIET, frozen=("r5", (BEGINS_S, 6.3, 25.0))),
    "full cache": replace(_QUIET, shrunken=(BEGINS_S, "r5", 42_500)),
    "a job itself": replace(
        _QUIET,
        replicas=(*setting.REPLICAS, "r9"),
        job=replace(ROUNDS, begins=BEGINS_S, together=8, pause_s=3.0),
        actions=(Action(0.0, "lane", "r9", "o60"),),
    ),
    "neighbors of a job": replace(_QUIET, job=replace(ROUNDS, begins=BEGINS_S)),
    "neighbors of o35": replace(_QUIET, job=replace(ROUNDS, organization="o35", begins=BEGINS_S)),
}
"""One cause each, sized to give the night's p99 where it can. The last plays the same rounds in the name of another
organization, which has its home on r5 and no job among the announced ones."""

LEVERS: dict[str, tuple[Action, ...]] = {
    "none": (),
    "two more replicas": (Action(LEVER_S, "add", "r10"), Action(LEVER_S, "add", "r11")),
    "hedge moderation": (Action(LEVER_S, "hedge"),),
    "drain r5": (Action(LEVER_S, "drain", "r5"),),
    "jobs apart": (
        Action(LEVER_S, "add", "r10"),
        Action(LEVER_S, "add", "r11"),
        Action(LEVER_S, "lane", "r10", "o57"),
        Action(LEVER_S, "lane", "r11", "o60"),
    ),
}


def replay(explanation: str, lever: str) -> World:
    world = EXPLANATIONS[explanation]
    return replace(world, actions=(*world.actions, *LEVERS[lever]))


# --8<-- [start:mends]
MENDS: dict[str, World] = {
    "as tonight": _QUIET,
    "steps of 512": replace(_QUIET, policy=Policy(budget=512)),
    "one prompt at a time": replace(_QUIET, actions=(Action(0.0, "limit", "", "o60", 1),)),
    "cap 512": replace(_QUIET, policy=Policy(long_chunk=512)),
    "cap 256": replace(_QUIET, policy=Policy(long_chunk=256)),
    "router counts tokens": replace(_QUIET, token_bound=4_000.0),
    "the same, busier": replace(_QUIET, token_bound=4_000.0, rps=80 / 24 * 8),
    "the same, 4 hosts apart": replace(_QUIET, token_bound=4_000.0, hosts=4),
    "lane": replace(_QUIET, replicas=(*setting.REPLICAS, "r9"), actions=(Action(0.0, "lane", "r9", "o60"),)),
}
# --8<-- [end:mends]


def mended(name: str) -> World:
    """A mend in the same night: the same requests, and the same organization's rounds."""
    return replace(MENDS[name], job=replace(ROUNDS, begins=BEGINS_S))
