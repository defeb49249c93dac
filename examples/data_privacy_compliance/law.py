"""The two laws as data: rows with their provisions, and the state of what is moving, each with its day."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

FILE = Path(__file__).with_name("law.yml")
CHECKED = date(2026, 11, 25)
"""The day on which the page was checked; nothing was seen later."""

_Text = Annotated[str, Field(min_length=1, max_length=200)]
_PROVISION = re.compile(r"Art\. \d+|Recital \d+|Chapter V|\b16[04]\.\d{3}|no (such right|rule)")


class LawError(ValueError):
    """The file cannot be used; the message names it, the row, the fault and the mend."""


class Topic(BaseModel):
    """One row of the comparison. Each side names a provision, or says that there is none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    topic: _Text
    gdpr: _Text
    hipaa: _Text

    @field_validator("gdpr", "hipaa")
    @classmethod
    def _named(cls, text: str) -> str:
        if not _PROVISION.search(text):
            raise ValueError("names no article, section or recital; add it, or say that there is no rule")
        return text


class Moving(BaseModel):
    """Something that is changing: its state, the day of the newest source read, and whether that was primary."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    item: _Text
    state: _Text
    seen: Annotated[date, Field(ge=date(2025, 1, 1), le=CHECKED)]
    primary: bool
    here: _Text


class Law(BaseModel):
    """The whole file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    compare: Annotated[tuple[Topic, ...], Field(min_length=1)]
    flux: Annotated[tuple[Moving, ...], Field(min_length=1)]


def load(file: Path = FILE) -> Law:
    """Read and validate. Raises LawError."""
    try:
        return Law.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    except yaml.YAMLError as error:
        raise LawError(f"{file}: not YAML: {error}") from error
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors())
        raise LawError(f"{file}: {faults}") from error


def checked() -> str:
    """Return the day of the check in words."""
    return f"{CHECKED.day} {CHECKED:%B %Y}"


def compare_table(law: Law) -> str:
    """Return the comparison as a Markdown table."""
    lines = ["| Duty | GDPR, article | HIPAA, 45 CFR section |", "| --- | --- | --- |"]
    return "\n".join(lines + [f"| {row.topic} | {row.gdpr} | {row.hipaa} |" for row in law.compare])


def flux_table(law: Law) -> str:
    """Return what is moving as a Markdown table."""
    lines = ["| Moving | State, and newest source read | Here |", "| --- | --- | --- |"]
    for row in law.flux:
        seen = f"{row.seen.day} {row.seen:%B %Y}, {'primary' if row.primary else 'secondary'}"
        lines.append(f"| {row.item} | {row.state} ({seen}) | {row.here} |")
    return "\n".join(lines)
