"""Check the links that the pages cite, or say what is due; see references/README.md.

python -m references check    fetch every link, look up archived copies, write links.json and a report
python -m references due      what is past its date or gone; exits with 1 if anything is
"""

from __future__ import annotations

import argparse
import os
import sys
from datetime import UTC, date, datetime
from pathlib import Path

from macros.faults import SourceError
from macros.links import FILE, dump, load
from macros.references import external_links
from references import archive, check, ledger
from references.due import due
from references.fetch import Fetcher, Patience

DOCS = Path("docs")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m references", description=__doc__.partition(";")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    today = datetime.now(UTC).date()
    checking = commands.add_parser("check", help="fetch every link, and write down what came")
    checking.add_argument("--report", type=Path, help="write the report there, and not to the terminal")
    checking.add_argument(
        "--copies", type=int, default=100, help="archived copies to look up (default: %(default)s)"
    )
    checking.add_argument(
        "--ask", type=int, default=20, help="copies to ask the archive for (default: %(default)s)"
    )
    checking.add_argument("--lookup", default=archive.LOOKUP, help=argparse.SUPPRESS)
    checking.add_argument("--archive", default=archive.COPIES, help=argparse.SUPPRESS)
    checking.add_argument(
        "--pause", type=float, default=Patience.pause_s, help="seconds between a host's addresses"
    )
    for command in (checking, commands.add_parser("due", help="say what is past its date or gone")):
        command.add_argument(
            "--today", type=date.fromisoformat, default=today, help="the day (default: today, UTC)"
        )
        command.add_argument("--docs", type=Path, default=DOCS, help="the pages (default: docs)")
        command.add_argument(
            "--states", type=Path, default=FILE, help="what is known (default: references/links.json)"
        )
    given = parser.parse_args(arguments)
    try:
        return _check(given) if given.command == "check" else _due(given)
    except SourceError as error:
        print(error, file=sys.stderr)
        return 2


def _check(given: argparse.Namespace) -> int:
    places = check.cited(given.docs)
    fetcher = Fetcher(Patience(pause_s=given.pause), os.environ.get("REPO_URL", ""))
    states = check.check(places, load(given.states), fetcher, given.today)
    if given.copies:
        stored = archive.Archive(fetcher, given.lookup, given.archive)
        read = check.read_days(given.docs)
        states = check.with_copies(states, read, stored, given.today, given.copies, given.ask)
    given.states.write_text(dump(states), encoding="utf-8")
    text = check.report(states, places, given.today)
    if given.report:
        given.report.write_text(text, encoding="utf-8")
    else:
        print(text, end="")
    return 0


def _due(given: argparse.Namespace) -> int:
    pages = {
        file: external_links(file.read_text(encoding="utf-8")) for file in sorted(given.docs.rglob("*.md"))
    }
    faults = due(
        given.today,
        pages,
        load(given.states),
        ledger.figures(),
        ledger.quarantine(),
        ledger.FIGURES,
        ledger.QUARANTINE,
    )
    if faults:
        print(SourceError(faults))
        return 1
    print(f"Nothing is due on {given.today}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
