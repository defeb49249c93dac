"""The inventory of copies: read, validated, and asked before a copy is written."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

FILE = Path(__file__).with_name("inventory.yml")
CONTRACT_DAYS = 14
"""From the clinic's order to the end of every copy."""


# --8<-- [start:copy]
class Ends(StrEnum):
    """What ends a copy. There is no fifth way, and "we would have to look" is none."""

    NOT_MADE = "not made"
    EXPIRES = "expires"
    LOOKED_UP = "looked up"
    KEY = "key"


class Copy(BaseModel):
    """One row of the inventory; without all of it the copy may not be written."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    title: Annotated[str, Field(min_length=1)]
    owner: Annotated[str, Field(min_length=1)]
    today: Annotated[str, Field(min_length=1)]
    purpose: Annotated[str, Field(min_length=1)]
    basis: Annotated[str, Field(min_length=1)]
    ends: Ends
    in_store: bool = False
    """Whether its rows lie in the store, under the patient's key."""
    days: Annotated[float, Field(ge=0, le=90)]
    """Longest life of a row after it is written, backups apart."""
    exception: str | None = None
    """What the clinic is told, if neither a key nor the contract's 14 days ends it."""
    access: Annotated[str, Field(min_length=1)]
    """What an access request gets of it: GDPR Art. 15, 45 CFR 164.524."""
    proof: Annotated[str, Field(min_length=1)]
    # --8<-- [end:copy]


class InventoryError(ValueError):
    """The inventory cannot be used; the message names file, row, fault and mend."""


def load(file: Path = FILE) -> dict[str, Copy]:
    """Return the copies by name, in the file's order. Raises InventoryError."""
    try:
        raw = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise InventoryError(f"{file}: not YAML: {error}") from error
    if not isinstance(raw, Mapping) or not raw:
        raise InventoryError(f"{file}: wants one mapping of copies, name: fields")
    copies = {}
    for name, fields in raw.items():
        try:
            copy = Copy.model_validate(fields)
        except ValidationError as error:
            faults = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'row'}: {e['msg']}" for e in error.errors())
            raise InventoryError(
                f"{file}: copy {name!r}: {faults}. Give every field of `Copy`, or do not make the copy"
            ) from error
        if fault := _fault(copy):
            raise InventoryError(f"{file}: copy {name!r}: {fault}")
        copies[str(name)] = copy
    return copies


def _fault(copy: Copy) -> str | None:
    if (copy.ends is Ends.NOT_MADE) != (copy.days == 0):
        return "a copy that is not made has 0 days, and any other has more: mend `ends` or `days`"
    if copy.in_store and copy.ends is not Ends.KEY:
        return "a copy in the store is ended by its key: mend `ends` or `in_store`"
    late = copy.ends is not Ends.KEY and copy.days > CONTRACT_DAYS
    if late != (copy.exception is not None):
        return (
            f"`exception` belongs to a copy that outlives {CONTRACT_DAYS} days without a key, and only to it"
        )
    return None


def table(copies: Mapping[str, Copy]) -> str:
    """Return the inventory as a Markdown table."""
    lines = [
        "| Copy (owner) | Purpose; basis | Ended by, after | Access request | Proof |",
        "| --- | --- | --- | --- | --- |",
    ]
    for copy in copies.values():
        if copy.ends is Ends.NOT_MADE:
            end = "not made"
        else:
            unit = f"{copy.days:g} days" if copy.days >= 1 else f"{round(copy.days * 24 * 60)} min"
            end = {Ends.KEY: "key", Ends.EXPIRES: "expiry", Ends.LOOKED_UP: "lookup"}[copy.ends] + f", {unit}"
        if copy.exception:
            end += f"; exception: {copy.exception}"
        lines.append(
            f"| {copy.title} ({copy.owner}) | {copy.purpose}; {copy.basis} | {end} | {copy.access} | {copy.proof} |"
        )
    return "\n".join(lines)
