"""What is past its date, or has been found broken: what fails the schedule's run, and no contributor's.

The day is a parameter: the same files are in order today and due tomorrow.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path

from macros.faults import Fault
from macros.links import LinkStates, Verdict
from macros.references import Link
from references.ledger import Quarantined, Source


def due(
    today: date,
    cited: Mapping[Path, Iterable[Link]],
    states: LinkStates,
    sources: Sequence[tuple[int, Source]],
    quarantined: Sequence[tuple[int, Quarantined]],
    figures_file: Path,
    quarantine_file: Path,
) -> list[Fault]:
    """Everything that needs a person on a day. `cited` has the links of each page."""
    faults = [
        Fault(
            figures_file,
            line,
            f"{source.what}: good until {source.good_until}, and that is past",
            "read the source again, correct what has changed, and set `read` and `good_until`",
        )
        for line, source in sources
        if source.good_until < today
    ]
    excused = set()
    for line, entry in quarantined:
        state = states.links.get(entry.link)
        if entry.until < today:
            mend = "cite another source, or say in a new entry why it takes longer"
            faults.append(
                Fault(quarantine_file, line, f"the quarantine of {entry.link} ended {entry.until}", mend)
            )
        elif state and state.verdict in (Verdict.ALIVE, Verdict.MOVED) and state.checked > entry.since:
            fault = f"{entry.link} was alive on {state.checked}"
            faults.append(Fault(quarantine_file, line, fault, "take the entry out"))
        if entry.until >= today:
            excused.add(entry.link)
    for file, links in cited.items():
        for link in links:
            state = states.links.get(link.address)
            if state and state.verdict is Verdict.GONE and link.address not in excused:
                copy = f"; a copy is at {state.archived.address}" if state.archived else ""
                fault = f"{link.address} was gone on {state.checked} ({state.reason})"
                mend = f"cite where it is now, or another source{copy}; or give it time in references/quarantine.yml"
                faults.append(Fault(file, link.line, fault, mend))
    return faults
