"""The policy as data: read once, checked as a whole, one frozen object per tenant.

What would only show in an incident is refused here: a severe tier that fails open, a window that shows more than a
second of harm, a stream that must pause for every guard call, a tenant that loosens what no tenant may.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from examples.content_moderation.setting import SHOWN_S, TOKENS_PER_S

FILE = Path(__file__).parent / "policy.yml"
SEVERE = "severe"

Share = Annotated[float, Field(gt=0, lt=1)]
Tokens = Annotated[int, Field(ge=1)]


class PolicyError(ValueError):
    """A policy that must not go live; names the field and the mend."""


class Action(StrEnum):
    """What happens to a request or a stream."""

    ALLOW = "allow"
    RESOURCES = "resources"
    REFUSE = "refuse"
    BLOCK = "block"
    UNAVAILABLE = "unavailable"
    """Nobody could check it: the client may retry, and nothing is held against the user."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Category(_Strict):
    """What one kind of harm leads to. A threshold is a score of the pinned detector, set from its measured rates."""

    action: Literal[Action.BLOCK, Action.RESOURCES, Action.REFUSE]
    ask_at: Share
    act_at: Share
    without_guard: Literal["open", "closed"]
    alone_at: Share | None = None
    review: Literal["always", "sample", "appeal"]

    @model_validator(mode="after")
    def _alone(self) -> Category:
        if (self.without_guard == "open") != (self.alone_at is not None):
            raise ValueError("alone_at belongs to a category that is open without the guard, and only there")
        if self.alone_at is not None and self.alone_at < self.ask_at:
            raise ValueError(
                "alone_at is below ask_at: the guard's absence would block what it is never asked"
            )
        return self


# --8<-- [start:validate]
class Stream(_Strict):
    """How an answer is checked while it grows, in tokens."""

    check_every: Tokens
    window: Tokens
    recognized_within: Tokens
    span: Tokens
    act_at: Share
    """Higher than for a prompt: an answer is checked many times, and its highest score decides."""
    alone_at: Share

    @model_validator(mode="after")
    def _bounds(self) -> Stream:
        most = int(SHOWN_S * TOKENS_PER_S)
        if self.window + self.recognized_within > most:
            raise ValueError(
                f"window + recognized_within is {self.window + self.recognized_within} tokens: the reader may see"
                f" that much of a harmful answer, and {most} are allowed"
            )
        if self.window <= self.check_every:
            raise ValueError("window is not above check_every: every answer would pause at each check")
        if self.span < self.check_every + self.recognized_within:
            raise ValueError(
                "span is below check_every + recognized_within: harm could fall between two checks"
            )
        return self
        # --8<-- [end:validate]


class Policy(_Strict):
    """All that decides, with the versions that an appeal or an audit needs."""

    version: str
    small: str
    guard: str
    categories: dict[str, Category]
    stream: Stream
    guard_alone_act_at: Share
    """For harm that only the guard suspects: it got the text for its language or for another category's score."""
    small_timeout_ms: Annotated[int, Field(ge=1, le=2000)]
    guard_timeout_ms: Annotated[int, Field(ge=1, le=2000)]
    outage_s: Annotated[int, Field(ge=0, le=3600)]

    @model_validator(mode="after")
    def _severe(self) -> Policy:
        severe = self.categories.get(SEVERE)
        if severe is None:
            raise ValueError("categories.severe is missing")
        if (severe.action, severe.without_guard, severe.review) != (Action.BLOCK, "closed", "always"):
            raise ValueError("categories.severe must block, fail closed and always be reviewed")
        return self


_FILE = TypeAdapter(dict[str, Any])
_CATEGORIES = TypeAdapter(dict[str, dict[str, Any]])
_TENANTS = TypeAdapter(dict[str, dict[str, dict[str, Any]]])


def load(text: str, tenant: str | None = None) -> Policy:
    """Return the policy of a tenant, or the default one. Raises PolicyError."""
    try:
        raw = _FILE.validate_python(yaml.safe_load(text))
        tenants = _TENANTS.validate_python(raw.pop("tenants", {}))
        categories = _CATEGORIES.validate_python(raw.get("categories"))
    except (yaml.YAMLError, ValidationError) as error:
        raise PolicyError(f"not a policy: {error}") from error
    for name, changes in tenants.items():
        if SEVERE in changes:
            raise PolicyError(f"tenants.{name}.severe: no tenant may change the severe tier; remove it")
        if unknown := set(changes) - set(categories):
            raise PolicyError(f"tenants.{name}: no such category: {', '.join(sorted(unknown))}")
    if tenant is not None and tenant not in tenants:
        raise PolicyError(f"tenants: {tenant} is not there; an unknown tenant gets no policy by accident")
    policies = {name: _parsed(raw, name, changes) for name, changes in {"": {}, **tenants}.items()}
    return policies[tenant or ""]


def _parsed(raw: Mapping[str, Any], tenant: str, changes: Mapping[str, Mapping[str, Any]]) -> Policy:
    categories = {name: {**category, **changes.get(name, {})} for name, category in raw["categories"].items()}
    try:
        version = f"{raw.get('version')}+{tenant}" if tenant else raw.get("version")
        return Policy.model_validate({**raw, "categories": categories, "version": version})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "policy"
        raise PolicyError(f"{where}: {first['msg'].removeprefix('Value error, ')}") from error
