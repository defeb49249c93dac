"""The links of all pages and what was known of them -> what is known now, and a report for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

from macros.links import NONE, Archived, LinkState, LinkStates, Verdict
from macros.references import external_links, references_of
from references.archive import Archive
from references.fetch import Answer, Fetcher, host_of
from references.verdict import GONE, Finding, judge

AT_ONCE = 8
"""Hosts that are asked at the same time."""
LONG_UNSURE = timedelta(days=28)
"""After so long without an answer to go by, a person should look."""


def cited(docs: Path) -> dict[str, list[str]]:
    """Every external address of the pages below a folder, and the pages that link to it, as `path:line`."""
    places: dict[str, list[str]] = {}
    for file in sorted(docs.rglob("*.md")):
        for link in external_links(file.read_text(encoding="utf-8")):
            places.setdefault(link.address, []).append(f"{file}:{link.line}")
    return places


def read_days(docs: Path) -> dict[str, date]:
    """The last day on which each referenced address was read, where its reference says so."""
    days: dict[str, date] = {}
    for file in docs.rglob("*.md"):
        for reference in references_of(file.read_text(encoding="utf-8")):
            for link in reference.links if reference.read else ():
                days[link.address] = max(days.get(link.address, date.min), max(reference.read))
    return days


def check(addresses: Iterable[str], known: LinkStates, fetcher: Fetcher, today: date) -> LinkStates:
    """Fetch every address, whatever its fragments, and judge every link. Addresses that are cited no more are dropped."""
    links = sorted(set(addresses))
    hosts: dict[str, list[str]] = {}
    for page in sorted({link.partition("#")[0] for link in links}):
        hosts.setdefault(host_of(page), []).append(page)

    def ask(pages: list[str]) -> list[tuple[str, Answer]]:
        return [(page, fetcher.get(page)) for page in pages]

    with ThreadPoolExecutor(AT_ONCE) as pool:
        # Hosts with many pages first: they take longest, one page after another.
        turns = pool.map(ask, sorted(hosts.values(), key=len, reverse=True))
        answers = dict(answer for turn in turns for answer in turn)
    # A page that is missing while its site is being put up is not gone: what is, is so at the end of the run, too.
    answers |= ask([page for page, answer in answers.items() if answer.status in GONE])
    states = {
        link: _state(judge(link, answers[link.partition("#")[0]]), known.links.get(link), today)
        for link in links
    }
    return NONE.model_copy(update={"checked": today, "links": states})


def _state(found: Finding, before: LinkState | None, today: date) -> LinkState:
    works = found.verdict in (Verdict.ALIVE, Verdict.MOVED)
    return LinkState(
        verdict=found.verdict,
        checked=today,
        since=before.since if before and before.verdict is found.verdict else today,
        alive=today if works else before.alive if before else None,
        reason=found.reason,
        moved_to=found.moved_to,
        archived=before.archived if before else None,
    )


def with_copies(
    states: LinkStates, read: Mapping[str, date], archive: Archive, today: date, most: int, ask_for: int
) -> LinkStates:
    """Look up copies of links that have none yet, `most` of them at a time; ask for up to `ask_for` that do not exist."""
    links = dict(states.links)
    # Those in danger first, then those that were never looked up in earlier runs: the order turns with the day.
    wanting = [address for address, state in links.items() if state.archived is None]
    turned = today.toordinal() * most % len(wanting) if wanting else 0
    order = sorted(
        wanting[turned:] + wanting[:turned], key=lambda address: links[address].verdict is not Verdict.GONE
    )
    copies: dict[str, Archived | None] = {}
    for address in order:
        page = address.partition("#")[0]
        if page not in copies:
            if len(copies) == most:
                break
            copies[page], none = archive.copy_of(address, read.get(address), today)
            if none and ask_for and links[address].verdict is Verdict.ALIVE:
                archive.ask_for(address)
                ask_for -= 1
        links[address] = links[address].model_copy(update={"archived": copies[page]})
    return states.model_copy(update={"links": links})


def report(states: LinkStates, places: Mapping[str, list[str]], today: date) -> str:
    """What the check found, as Markdown: the counts, then what a person should look at.

    Addresses stand in code spans, so that nothing from another server is a link, a mention or markup here.
    """
    count = Counter(state.verdict for state in states.links.values())
    copies = sum(state.archived is not None for state in states.links.values())
    parts = [
        f"{len(states.links)} links on {today}: "
        + ", ".join(f"{count[verdict]} {verdict}" for verdict in Verdict)
        + f"; {copies} with an archived copy."
    ]

    def long_unsure(state: LinkState) -> bool:
        return state.verdict is Verdict.UNSURE and today - state.since >= LONG_UNSURE

    lists: dict[str, Callable[[LinkState], bool]] = {
        "Gone: cite another source, or quarantine them": lambda state: state.verdict is Verdict.GONE,
        "Moved for good: change the address": lambda state: state.verdict is Verdict.MOVED,
        f"Unsure for {LONG_UNSURE.days} days: open them yourself": long_unsure,
    }
    for title, belongs in lists.items():
        lines = [
            _line(address, state, places) for address, state in sorted(states.links.items()) if belongs(state)
        ]
        if lines:
            parts += [f"### {title}", "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


def _line(address: str, state: LinkState, places: Mapping[str, list[str]]) -> str:
    about = f" to `{state.moved_to}`" if state.moved_to else f" ({state.reason}, since {state.since})"
    copy = f"; copy: `{state.archived.address}`" if state.archived else ""
    return f"- `{address}`{about}{copy}; in {', '.join(f'`{place}`' for place in places.get(address, ()))}"
