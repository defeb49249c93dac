"""What checks of external links have found, and the note about it that a page shows below a reference.

`references/links.json` is written by `python -m references check` alone, so that each day in it is one on which a check
ran. Python-Markdown loads this module as an extension, under every generator alike: it adds to each entry below
"References" or "Sources" when its links were last seen alive, and where a copy of them is archived. Of a link that no
check has reached, a page says nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal
from xml.etree.ElementTree import Element, SubElement

from markdown import Markdown  # type: ignore[import-untyped]
from markdown.extensions import Extension  # type: ignore[import-untyped]
from markdown.treeprocessors import Treeprocessor  # type: ignore[import-untyped]
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from macros.faults import Fault, SourceError
from macros.places import ROOT

FILE = ROOT / "references" / "links.json"
SECTIONS = frozenset({"references", "sources"})
"""Ids of the headings below which entries get their note."""

LONGEST = 2_000
"""Characters of an address."""
Address = Annotated[str, Field(pattern=r"^https?://[^\s<>\"`]+$", max_length=LONGEST)]


class Verdict(StrEnum):
    """What an answer says of a link. references/README.md has the rules."""

    ALIVE = "alive"
    """The page came, and the part of it that the link names."""
    MOVED = "moved"
    """It came from another address, to which the old one sends for good: the link works and should be changed."""
    GONE = "gone"
    """The server says that there is no such page."""
    UNSURE = "unsure"
    """A refusal, a limit, an error, a page that may be another: no reason to say either."""


class Strict(BaseModel):
    """What is kept of links and figures: nothing unknown, and nothing that changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Archived(Strict):
    """A stored copy that a check has opened. `taken` is the copy's day, `seen` the check's."""

    address: Address
    taken: date
    seen: date


class LinkState(Strict):
    """What checks know of an address as the pages write it, its fragment included."""

    verdict: Verdict
    checked: date
    """The last check's day."""
    since: date
    """The first of the checks in a row that came to this verdict."""
    alive: date | None = None
    """The last check to which the link led where it should."""
    reason: Annotated[str, Field(max_length=200)] = ""
    moved_to: Address | None = None
    archived: Archived | None = None

    @model_validator(mode="after")
    def _days_agree(self) -> LinkState:
        works = self.verdict in (Verdict.ALIVE, Verdict.MOVED)
        if works != (self.alive == self.checked):
            raise ValueError(
                "`alive` is the day of the last check exactly where that came to `alive` or `moved`"
            )
        if self.since > self.checked or (self.alive and self.alive > self.checked):
            raise ValueError("`since` and `alive` are not later than `checked`")
        if (self.moved_to is not None) != (self.verdict is Verdict.MOVED):
            raise ValueError("`moved_to` belongs to `moved`, and to no other verdict")
        return self


class LinkStates(Strict):
    """All of them, by address. `checked` is the day of the last run; null before the first one."""

    note: Literal["Written by `python -m references check`; do not edit."]
    checked: date | None
    links: dict[Address, LinkState]

    @model_validator(mode="after")
    def _within_runs(self) -> LinkStates:
        late = [
            address for address, link in self.links.items() if not self.checked or link.checked > self.checked
        ]
        if late:
            raise ValueError(f"checked after the last run: {', '.join(sorted(late))}")
        return self


NONE = LinkStates(note="Written by `python -m references check`; do not edit.", checked=None, links={})


def load(file: Path = FILE) -> LinkStates:
    """Read the states. Raises SourceError with what does not hold, and OSError where the file cannot be read."""
    text = file.read_text(encoding="utf-8")
    mend = "take the file from the last commit in which it was right: `git checkout <commit> -- references/links.json`"
    try:
        return LinkStates.model_validate(json.loads(text))
    except json.JSONDecodeError as error:
        raise SourceError([Fault(file, error.lineno, f"not JSON: {error.msg}", mend)]) from error
    except ValidationError as error:
        faults = [
            Fault(file, None, f"{'.'.join(map(str, found['loc'])) or 'the file'}: {found['msg']}", mend)
            for found in error.errors()
        ]
        raise SourceError(faults) from error


def dump(states: LinkStates) -> str:
    """The file's text: sorted by address, so that a change of one link is a change of its lines."""
    ordered = states.model_copy(update={"links": dict(sorted(states.links.items()))})
    data = ordered.model_dump(mode="json", exclude_defaults=True)
    return (
        json.dumps({"note": states.note, "checked": data["checked"], "links": data["links"]}, indent=1) + "\n"
    )


class LinkNotes(Extension):  # type: ignore[misc]
    """The Markdown extension: `file` is where the states are."""

    def __init__(self, **options: Any) -> None:
        self.config = {"file": [str(FILE), "what checks have found, as JSON"]}
        super().__init__(**options)

    def extendMarkdown(self, md: Markdown) -> None:
        # After `toc` (5), which gives the headings their ids.
        md.treeprocessors.register(_Notes(md, Path(self.getConfig("file"))), "link_notes", 4)


def makeExtension(**options: Any) -> LinkNotes:
    """What Python-Markdown calls for the name `macros.links`."""
    return LinkNotes(**options)


class _Notes(Treeprocessor):  # type: ignore[misc]
    def __init__(self, md: Markdown, file: Path) -> None:
        super().__init__(md)
        self._file = file

    def run(self, root: Element) -> None:
        states = _cached(self._file, self._file.stat().st_mtime_ns).links
        if not states:
            return
        for entry in list(_entries(root)):
            _annotate(entry, states)


@lru_cache(maxsize=2)
def _cached(file: Path, changed: int) -> LinkStates:
    """Every page of a build asks for the same."""
    return load(file)


def _entries(root: Element) -> Iterator[Element]:
    """List items and definitions below the sections' headings, wherever a block holds these."""
    for parent in root.iter():
        within = False
        for child in parent:
            if child.tag in ("h1", "h2"):
                within = child.get("id") in SECTIONS
            elif within and child.tag in ("ul", "dl"):
                yield from (entry for entry in child if entry.tag in ("li", "dd"))


def _annotate(entry: Element, states: dict[str, LinkState]) -> None:
    """Add the entry's note, if there is anything to say: of all its links in one sentence where one is true of them all."""
    known: dict[str, tuple[str, LinkState]] = {}
    for link in entry.iter("a"):
        state = states.get(link.get("href", ""))
        if state:
            known.setdefault(link.get("href", ""), ("".join(link.itertext()), state))
    count = len({link.get("href") for link in entry.iter("a") if "://" in link.get("href", "")})
    alive = [(label, state) for label, state in known.values() if state.alive]
    gone = [(label, state) for label, state in known.values() if state.verdict is Verdict.GONE]
    archived = [(label, state.archived) for label, state in known.values() if state.archived]
    if not (alive or gone or archived):
        return
    note = SubElement(entry, "small", {"class": "link-note"})
    for day in sorted({state.alive for _, state in alive if state.alive}, reverse=True):
        of_day = [label for label, state in alive if state.alive == day]
        whole = "Link" if count == 1 else "Links"
        _say(note, f"{whole if len(of_day) == count else ', '.join(of_day) + ':'} last seen alive on ")
        _day(note, day)
        _say(note, ". ")
    for label, state in gone:
        _say(note, f"{label + ': n' if count > 1 else 'N'}ot found on ")
        _day(note, state.checked)
        _say(note, ". ")
    for position, (label, copy) in enumerate(archived):
        _say(note, ", " if position else "Archived: ")
        link = SubElement(note, "a", {"href": copy.address})
        link.text = f"{label}, as of {copy.taken.day} {copy.taken:%B %Y}"
    if archived:
        _say(note, ".")
    else:
        note[-1].tail = (note[-1].tail or "").rstrip()


def _say(note: Element, text: str) -> None:
    last = note[-1] if len(note) else None
    if last is None:
        note.text = (note.text or "") + text
    else:
        last.tail = (last.tail or "") + text


def _day(note: Element, day: date) -> None:
    SubElement(note, "time", {"datetime": day.isoformat()}).text = f"{day.day} {day:%B %Y}"
