"""What a collector captured, with what makes it believable. No text of customers can get in."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

Page: TypeAlias = tuple[list[dict[str, Any]], str | None]
"""Items, and the cursor of the next page if there is one."""

# --8<-- [start:snapshot]
FIELDS = {
    "weights": {"artifact", "author", "approver", "approved_at", "evaluation", "live_at"},
    "adapter": {"artifact", "author", "approver", "approved_at", "evaluation", "live_at"},
    "system-prompt": {"artifact", "author", "approver", "approved_at", "evaluation", "live_at"},
    "routing": {"artifact", "author", "approver", "approved_at", "evaluation", "live_at"},
    "release": {"change", "artifact", "verdict", "ended_at", "withdrawn_at"},
    "report": {"artifact", "passed", "finished_at", "dataset", "threshold"},
    "bucket": {"account", "public", "holds_prompts", "oldest_days"},
    "table": {"account", "public", "holds_prompts", "oldest_days"},
    "route": {"provider", "endpoint", "carries"},
    "flow": {"provider", "endpoint", "carries", "requests"},
    "term": {"provider", "endpoints", "zero_retention", "ends_at", "contract"},
    "launch": {"image", "disk_encrypted", "launched_at", "lifecycle"},
    "image": {"digest"},
    "access-review": {"closed_days_ago", "reviewer", "system_admin", "to_remove", "removed"},
    "seen": {"seen_at"},
}
"""What evidence may say of an item of each kind. A digest of a prompt, yes; a prompt, no."""

NAME = re.compile(r"[A-Za-z0-9_./:@+=-]{1,120}")
"""A value is a number, a flag, a name, or a list of names. No sentence is a name: it has spaces."""


class Snapshot(BaseModel):
    """One answer of one source: the query, when, by whom, and whether it was the whole answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    collector: str = Field(min_length=1)
    query: str = Field(min_length=1)
    captured_at: int
    complete: bool  # the last page was read: its reply had no cursor for a next one
    items: tuple[dict[str, Any], ...]
    error: str | None = None

    @model_validator(mode="after")
    def _says_no_more_than_it_may(self) -> Snapshot:
        for item in self.items:
            if not (named(item.get("id")) and named(item.get("kind"))):
                raise ValueError(f"{self.source}: an item without id or kind")
            if foreign := set(item) - FIELDS.get(item["kind"], set()) - {"id", "kind"}:
                raise ValueError(f"{self.source}: {item['kind']} must not carry {', '.join(sorted(foreign))}")
            for value in item.values():
                values = value if isinstance(value, list) else [value]
                if not all(each is None or isinstance(each, (int, float)) or named(each) for each in values):
                    raise ValueError(f"{self.source}: {item['id']} carries more than names and numbers")
        return self

    # --8<-- [end:snapshot]

    def ids(self) -> frozenset[str]:
        return frozenset(item["id"] for item in self.items)


def named(value: object) -> bool:
    return isinstance(value, str) and NAME.fullmatch(value) is not None


def canonical(value: Any) -> bytes:
    """The bytes that are hashed and signed: one spelling for one JSON value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(value: Any) -> str:
    return hashlib.sha256(canonical(value)).hexdigest()


# --8<-- [start:capture]
def capture(
    source: str, collector: str, query: str, fetch: Callable[[str | None], Page], now: int, pages: int = 1000
) -> Snapshot:
    """Read a source to its end. Whatever goes wrong becomes part of the snapshot, so that nobody can overlook it."""
    items: list[dict[str, Any]] = []
    cursor, error = None, None
    try:
        for _ in range(pages):
            page, cursor = fetch(cursor)
            items += page
            if cursor is None:
                break
    except Exception as fault:  # a collector's own fault is a finding too
        error = f"failed: {type(fault).__name__}"
    try:
        return Snapshot(
            source=source,
            collector=collector,
            query=query,
            captured_at=now,
            complete=error is None and cursor is None,
            items=tuple(items),
            error=error,
        )
    except ValueError:
        # Not even the message goes on: it may quote what must not be kept.
        refused = "refused: a field that evidence must not carry"
        return Snapshot(
            source=source,
            collector=collector,
            query=query,
            captured_at=now,
            complete=False,
            items=(),
            error=refused,
        )


# --8<-- [end:capture]
