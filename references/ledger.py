"""The two files that people keep: figures from elsewhere, and links that are known to be broken.

`figures.yml` has every figure that an answer takes from elsewhere: where it stands (in an example's code, or in a page's
words), where it comes from, and until when it may be relied on without being read again; and it lists the sources of
which no figure is taken, so that none of a question's references can be forgotten. `quarantine.yml` has links that may
fail until a day.
"""

from __future__ import annotations

import dataclasses
import importlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from macros.faults import Fault, SourceError
from macros.front_matter import mapping, refused
from macros.links import Address, Strict
from macros.references import Link

HERE = Path(__file__).parent
FIGURES, QUARANTINE = HERE / "figures.yml", HERE / "quarantine.yml"
LONGEST = timedelta(days=90)
"""A quarantine gives time to mend a reference, not to live with a broken one."""
OLDEST = timedelta(days=731)
"""Whatever is cited is read again after two years at the latest."""

_MEND = "see references/README.md for what an entry has"

Words = Annotated[str, Field(min_length=1, max_length=300)]
_PLACE = re.compile(
    r"(?P<module>[a-z0-9_.]+):(?P<name>[A-Z][A-Z0-9_]*)(?P<steps>(?:\.[a-z0-9_]+|\[[^\]]+\])*)$"
)
_STEP = re.compile(r"\.([a-z0-9_]+)|\[([^\]]+)\]")


class Kind(StrEnum):
    """How its source knows a figure."""

    MEASURED = "measured"
    DOCUMENTED = "documented"
    """By who decides it: a seller's price, a maker's data sheet, a law."""
    TRANSCRIBED = "transcribed"
    """By somebody else who read that."""
    ESTIMATE = "estimate"


class Figure(Strict):
    """One figure, where it stands: `code` in an example, or `words` in a page or another text."""

    is_: int | float | date | str | tuple[int | float | str, ...] = Field(alias="is")
    unit: Words
    code: Annotated[str, Field(pattern=_PLACE.pattern)] | None = None
    """`package.module:NAME`, then `.field` and `[key]`; a key is a dict's, a position, or the first field of a record."""
    file: Annotated[str, Field(pattern=r"^[a-z0-9/_-]+\.(?:md|yml)$")] | None = None
    """Below the project's root."""
    words: Words | None = None

    @model_validator(mode="after")
    def _one_place(self) -> Figure:
        if (self.code is None) == (self.file is None) or (self.file is None) != (self.words is None):
            raise ValueError("give `code`, or `file` with its `words`")
        return self

    @property
    def place(self) -> str:
        return self.code or f"{self.file}: {self.words}"


class Source(Strict):
    """A source, and the figures that were taken from it."""

    what: Words
    source: Address
    version: Words
    read: date
    kind: Kind
    good_until: date
    figures: Annotated[tuple[Figure, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _dates_agree(self) -> Source:
        if not self.read < self.good_until <= self.read + OLDEST:
            raise ValueError("`good_until` is after `read`, by two years at most")
        return self


class Quarantined(Strict):
    """A link that may fail from `since` to `until`."""

    link: Address
    since: date
    until: date
    reason: Words

    @model_validator(mode="after")
    def _ends(self) -> Quarantined:
        if not self.since < self.until <= self.since + LONGEST:
            raise ValueError("`until` is after `since`, by 90 days at most")
        return self


_Kept = TypeVar("_Kept")
_SOURCES, _NONE_TAKEN, _LINKS = "sources", "without_figures", "links"


def figures(file: Path = FIGURES) -> list[tuple[int, Source]]:
    """The ledger's entries, each with its line. Raises SourceError."""
    return _entries(file, (_SOURCES, _NONE_TAKEN), _SOURCES, TypeAdapter(Source))


def without_figures(file: Path = FIGURES) -> list[tuple[int, str]]:
    """Addresses of the sources of which pages take no figure, each with its line. Raises SourceError."""
    return _entries(file, (_SOURCES, _NONE_TAKEN), _NONE_TAKEN, TypeAdapter(Address))


def quarantine(file: Path = QUARANTINE) -> list[tuple[int, Quarantined]]:
    """The quarantine's entries, each with its line. Raises SourceError."""
    return _entries(file, (_LINKS,), _LINKS, TypeAdapter(Quarantined))


def unaccounted(
    referenced: Mapping[Path, Iterable[Link]],
    sources: Sequence[tuple[int, Source]],
    without: Sequence[tuple[int, str]],
    figures_file: Path = FIGURES,
) -> list[Fault]:
    """Each reference that is neither a figure's source nor listed as one without figures, and each that is listed in vain.

    `referenced` has the links below "References" of each question page. Whether a source without figures is listed
    rightly, only a reader of the page can say; that nobody has asked is what this finds.
    """
    with_figures = {source.source for _, source in sources}
    listed = Counter(address for _, address in without)
    faults = [
        Fault(
            page,
            link.line,
            f"nothing says which figures are taken from {link.address}",
            "give references/figures.yml an entry for each figure that the page takes from it, "
            f"or, if it takes none, add the address to `{_NONE_TAKEN}` there",
        )
        for page, links in referenced.items()
        for link in links
        if link.address not in with_figures and link.address not in listed
    ]
    cited = {link.address for links in referenced.values() for link in links}
    for line, address in without:
        if address in with_figures:
            fault = f"{address} is the source of a figure"
        elif address not in cited:
            fault = f"no question refers to {address}"
        elif listed[address] > 1:
            fault = f"{address} stands here {listed[address]} times"
        else:
            continue
        faults.append(Fault(figures_file, line, fault, f"take it off `{_NONE_TAKEN}`"))
    return faults


def _entries(file: Path, keys: Sequence[str], key: str, kind: TypeAdapter[_Kept]) -> list[tuple[int, _Kept]]:
    """The entries of a file's list. `keys` are all that the file has."""
    data, lines = mapping(file.read_text(encoding="utf-8"), file, "the file")
    if set(data) != set(keys) or not all(isinstance(data[each], list) for each in keys):
        lists = " and ".join(f"`{each}`" for each in keys)
        raise SourceError([Fault(file, 1, f"the file holds something other than lists: {lists}", _MEND)])
    found: list[tuple[int, _Kept]] = []
    faults: list[Fault] = []
    for index, item in enumerate(data[key]):
        try:
            found.append((lines[key, index], kind.validate_python(item)))
        except ValidationError as error:
            faults += refused(error, file, lines, _MEND, (key, index))
    if faults:
        raise SourceError(faults)
    return found


def value_at(code: str) -> Any:
    """The value of an example at a place in its code. Raises LookupError or AttributeError where there is none."""
    place = _PLACE.fullmatch(code)
    if place is None:
        raise LookupError(f"{code}: not package.module:NAME")
    value = getattr(importlib.import_module(f"examples.{place['module']}"), place["name"])
    for field, key in _STEP.findall(place["steps"]):
        value = getattr(value, field) if field else _item(value, key)
    return value


def _item(value: Any, key: str) -> Any:
    if isinstance(value, Mapping):
        return value[key] if key in value else value[int(key)]
    if key.isdecimal():
        return value[int(key)]
    for record in value:
        if key in (_first_field(record), " / ".join(_names(record))):
            return record
    raise LookupError(f"no record begins with {key}")


def _names(record: Any) -> Iterator[str]:
    """The words that a record begins with, up to its first number: what tells it from the others."""
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        if not isinstance(value, str):
            return
        yield value


def _first_field(record: Any) -> str:
    return next(_names(record), "")
