"""A seeded estate as its collectors capture it: the setting's month, faults included. Nothing in it is anybody's."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from typing import Any

from examples.compliance_automation.catalog import load
from examples.compliance_automation.evaluate import Attestation, Inputs
from examples.compliance_automation.rego import Rules
from examples.compliance_automation.snapshots import Page, Snapshot, capture
from examples.compliance_automation.waivers import Waiver

NOW = int(datetime(2026, 11, 25, 12, 0, tzinfo=UTC).timestamp())
DAY = 86400
COLLECTOR = "collector@evidence"

Items = list[dict[str, Any]]


def sources(seed: int = 15) -> dict[str, Items]:
    """What each source would answer, read to its end."""
    rng = random.Random(seed)
    changed: dict[str, Items] = {"promotions": [], "prompts": [], "reports": []}
    for number in range(45):
        _change(rng, changed, "promotions", f"p-{number:03}", rng.choice(("weights", "adapter")), number >= 4)
    for number in range(120):
        _change(rng, changed, "prompts", f"c-{number:03}", rng.choice(("system-prompt", "routing")), False)
    launches: Items = [
        {
            "id": f"n-{number:03}",
            "kind": "launch",
            "image": "sha256:9f2c" if number % 50 else "sha256:0ld1",
            "disk_encrypted": True,
            "launched_at": NOW - rng.randrange(DAY),
            "lifecycle": "spot",
        }
        for number in range(500)
    ]
    made = {
        "registry/promotions": changed["promotions"],
        "fleet/first-loads": _seen((item["artifact"], item["live_at"]) for item in changed["promotions"]),
        "console/audit-log": changed["prompts"],
        "gateway/first-served": _seen((item["artifact"], item["live_at"]) for item in changed["prompts"]),
        "evals/reports": changed["reports"],
        # What earlier runs judged, so it vouches for nothing that went live unapproved.
        "evidence/released": [
            {
                "id": f"v-{number}",
                "kind": "release",
                "change": f"p-old-{number}",
                "artifact": artifact,
                "verdict": "pass",
                "ended_at": NOW - 60 * DAY,
                "withdrawn_at": None,
            }
            for number, artifact in enumerate(("sha256:07aa", "sha256:07ab", "sha256:07ac"))
        ],
        "gateway/routes": [
            _path("route", "r-1", "north", "/chat"),
            _path("route", "r-2", "north", "/embeddings"),
            _path("route", "r-3", "south", "/messages"),
            _path("route", "r-4", "west", "/chat"),
            _path("route", "r-5", "west", "/batches", carries="no-customer-text"),
        ],
        "egress/flows": [
            _path("flow", "f-1", "north", "/chat", requests=61_204),
            _path("flow", "f-2", "south", "/messages", requests=18_377),
            _path("flow", "f-3", "west", "/chat", requests=9_120),
            # Someone's job goes around the gateway, to an endpoint that the contract leaves out.
            _path("flow", "f-4", "west", "/files", requests=212),
        ],
        "legal/terms": [
            _term("t-1", "north", ["/chat", "/embeddings"], "C-2025-07"),
            _term("t-2", "south", ["/messages"], "C-2025-11"),
            _term("t-3", "west", ["/chat"], "C-2026-02"),
        ],
        "cloud/launch-events": launches,
        "scheduler/nodes-joined": _seen((item["id"], item["launched_at"]) for item in launches),
        "images/approved": [{"id": "i-1", "kind": "image", "digest": "sha256:9f2c"}],
        "tickets/access-reviews": [
            {
                "id": f"a-{number:02}",
                "kind": "access-review",
                "closed_days_ago": 20 + number,
                "reviewer": "ann",
                "system_admin": "ben",
                "to_remove": 3,
                "removed": 3,
            }
            for number in range(12)
        ],
    }
    for account in range(1, 7):
        made[f"acct-{account}/stores"] = [_store(rng, account, number) for number in range(30)]
    # Bad on purpose: public, with old prompts that nobody wrote.
    planted = {"id": "acct-6/seed", "public": True, "holds_prompts": True, "oldest_days": 94}
    made["acct-6/stores"].insert(0, {**made["acct-6/stores"][0], **planted})
    made["acct-2/stores"][7] |= {"id": "acct-2/eval-debug", "holds_prompts": True, "oldest_days": 94}
    made["acct-1/stores"][3] |= {"id": "acct-1/docs-site", "public": True}
    return made


def capture_all(made: dict[str, Items], now: int = NOW) -> dict[str, Snapshot]:
    """Read every source, 50 items a page."""
    return {
        source: capture(source, COLLECTOR, f"list {source}", pages_of(items), now)
        for source, items in made.items()
    }


def pages_of(items: Items, size: int = 50) -> Callable[[str | None], Page]:
    """A source that answers page by page."""

    def fetch(cursor: str | None) -> Page:
        start = int(cursor or 0)
        return items[start : start + size], str(start + size) if start + size < len(items) else None

    return fetch


def waivers() -> tuple[Waiver, ...]:
    return (
        Waiver(
            id="w-1",
            test="sto-1.stores",
            resource="acct-1/docs-site",
            owner="docs",
            approver="head-of-security",
            reason="Public documentation is meant to be read by all",
            compensating="Only the release job writes; its content is reviewed",
            granted=date(2026, 9, 1),
            expires=date(2026, 12, 1),
        ),
    )


def inputs(made: dict[str, Items] | None = None, now: int = NOW) -> Inputs:
    """The estate's inputs of a run at `now`, with sources of one's own if given."""
    return Inputs(
        controls=load(),
        snapshots=capture_all(made or sources(), now),
        rules=Rules.load(),
        waivers=waivers(),
        attestations=(Attestation("rsk-1.assessment", "ciso", NOW - 200 * DAY, "5b1c"),),
        now=now,
    )


def _change(
    rng: random.Random, changed: dict[str, Items], what: str, name: str, kind: str, proper: bool
) -> None:
    live_at = NOW - rng.randrange(3600, 30 * DAY)
    artifact = f"sha256:{rng.getrandbits(64):016x}"
    report = f"e-{name}" if proper else None
    approver = None if what == "prompts" else rng.choice(("ben", "cat"))
    changed[what].append(
        {
            "id": name,
            "kind": kind,
            "artifact": artifact,
            "author": "ann",
            "approver": approver,
            "approved_at": live_at - 600 if approver else None,
            "evaluation": report,
            "live_at": live_at,
        }
    )
    if report:
        changed["reports"].append(
            {
                "id": report,
                "kind": "report",
                "artifact": artifact,
                "passed": True,
                "finished_at": live_at - 900,
                "dataset": "release-suite@14",
                "threshold": 0.9,
            }
        )


def _store(rng: random.Random, account: int, number: int) -> dict[str, Any]:
    holds = rng.random() < 0.2
    return {
        "id": f"acct-{account}/store-{number:02}",
        "kind": rng.choice(("bucket", "table")),
        "account": f"acct-{account}",
        "public": False,
        "holds_prompts": holds,
        "oldest_days": rng.randrange(31) if holds else rng.randrange(900),
    }


def _path(kind: str, name: str, provider: str, endpoint: str, **more: Any) -> dict[str, Any]:
    return {
        "id": name,
        "kind": kind,
        "provider": provider,
        "endpoint": endpoint,
        "carries": "customer-text",
        **more,
    }


def _term(name: str, provider: str, endpoints: list[str], contract: str) -> dict[str, Any]:
    return {
        "id": name,
        "kind": "term",
        "provider": provider,
        "endpoints": endpoints,
        "zero_retention": True,
        "ends_at": NOW + 200 * DAY,
        "contract": contract,
    }


def _seen(found: Iterable[tuple[str, int]]) -> Items:
    return [{"id": name, "kind": "seen", "seen_at": at} for name, at in found]
