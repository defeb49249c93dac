"""The gateway in a laboratory: real clients, a real server, early closes more often than in production, one change a run."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from random import Random
from typing import Any

from examples.data_exposure.gateway import Ask, Gateway, Rows, Switches
from examples.data_exposure.pool import Bare, Envelope, Note, Owner, Pool, State, StrictPool
from examples.data_exposure.sealing import Sealer

ORGANIZATIONS, USERS = 40, 6
WITH_DOCS = 0.45
"""Share of conversations into which somebody uploaded a document."""


@dataclass(frozen=True)
class Setup:
    """One run. Times in seconds."""

    name: str
    pool: type[Pool] = Pool
    envelope: Callable[[], Envelope] = Bare
    size: int = 8
    switches: Switches = field(default_factory=Switches)
    closing: float = 0.5
    """Share of the requests whose client closes."""
    close_from: float = 0.0
    close_until: float = 0.008
    at_once: int = 12
    """Requests in flight; 1 sends them one after the other."""


BASE = Setup("As it ran")
RUNS = (
    BASE,
    replace(BASE, name="Response cache off", switches=Switches(response_cache=False)),
    replace(BASE, name="Retrieval off", switches=Switches(retrieval=False)),
    replace(BASE, name="Memory off", switches=Switches(memory=False)),
    replace(BASE, name="One request at a time", at_once=1, close_until=0.003),
    replace(BASE, name="No client closes", closing=0.0),
    replace(BASE, name="Closes after the first token only", close_from=1.0, close_until=1.0),
    replace(BASE, name="Connections never shared", size=4_000),
    replace(BASE, name="Mended pool", pool=StrictPool),
    replace(BASE, name="Sealed values, pool as it ran", envelope=lambda: Sealer({1: bytes(32)})),
)
"""`Closes after the first token only` waits for the token, whatever its times."""
RARE = Setup("Closes rare", closing=0.03, close_until=0.006)
"""Nearer to production, for the ratio of outcomes."""


@dataclass
class Watched(State):
    """The state, with what only a laboratory knows: each stored conversation says whose it is, in `of`."""

    pool: Pool
    envelope: Envelope = field(default_factory=Bare)
    crossed: list[dict[str, Any]] = field(default_factory=list)
    carried: dict[str, set[str]] = field(default_factory=dict)
    """Keys under which others' conversations have been stored since, and whose."""
    rows: Rows = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(self.pool, self.envelope)

    async def read(self, owner: Owner, key: str, kind: str, note: Note) -> dict[str, Any] | None:
        place = 0

        def noting(step: str, connection: int, waited: float) -> None:
            nonlocal place
            note(step, connection, waited)
            place = len(self.rows) - 1

        value = await super().read(owner, key, kind, noting)
        if value and kind == "conversation" and value["of"] != key and key not in self.carried:
            under = {value["of"], *(at for at, of in self.carried.items() if value["of"] in of)}
            self.crossed.append({"row": place, "under": under, "docs": value["docs"]})
        return value

    async def write(
        self, owner: Owner, key: str, value: dict[str, Any], note: Note, seconds: int = 3600
    ) -> None:
        if value["of"] != key:
            self.carried.setdefault(key, set()).add(value["of"])
        await super().write(owner, key, value, note, seconds)


@dataclass(frozen=True)
class Outcome:
    """What a run gave."""

    requests: int
    closed: int
    first_hand: int
    """Reads of a conversation that brought another's, although the right one was stored."""
    refused: int
    bad_state: int
    not_theirs: int
    rows: Rows
    crossed: list[dict[str, Any]]
    documents: dict[str, tuple[str, str]]
    """Document -> its organization and the conversation it was uploaded in, if any."""


class World:
    """Organizations, users, sessions, conversations and documents, the same for every run of a seed."""

    def __init__(self, random: Random) -> None:
        self.documents: dict[str, tuple[str, str]] = {}
        self.conversations: dict[str, dict[str, Any]] = {}
        self.library: dict[str, list[str]] = {}
        self.people: list[tuple[str, str, str, str]] = []
        for number in random.sample(range(100, 1_400), ORGANIZATIONS):
            organization = f"org_{number:04d}"
            self.library[organization] = [self._document(random, organization, "") for _ in range(4)]
            for _ in range(USERS):
                user, session, conversation = (f"{kind}_{random.randrange(16**6):06x}" for kind in "usc")
                self.people.append((user, organization, session, conversation))
                uploaded = random.random() < WITH_DOCS
                key = f"conversation:{conversation}"
                docs = (
                    [self._document(random, organization, conversation) for _ in range(2)] if uploaded else []
                )
                self.conversations[key] = {"kind": "conversation", "of": key, "turns": ["..."], "docs": docs}

    def _document(self, random: Random, organization: str, conversation: str) -> str:
        name = f"d_{random.randrange(16**6):06x}"
        self.documents[name] = (organization, conversation)
        return name

    def retrieve(self, organization: str, question: str) -> list[str]:
        docs = self.library[organization]
        start = sum(question.encode()) % len(docs)
        return [docs[start], docs[(start + 1) % len(docs)]]

    def remember(self, user: str) -> list[str]:
        """A third of the users have a memory, written from a document of their organization."""
        organization = next(person[1] for person in self.people if person[0] == user)
        return self.library[organization][3:] if int(user[2:], 16) % 3 == 0 else []

    async def store(self, host: str, port: int, envelope: Envelope) -> None:
        pool = Pool(host, port, 1)
        state = State(pool, envelope)
        for user, organization, session, conversation in self.people:
            owner = Owner(organization, user)
            key = f"conversation:{conversation}"
            await state.write(owner, key, self.conversations[key], ignore)
            await state.write(owner, f"session:{session}", {"kind": "session", "user": user}, ignore)
        await pool.close()

    def asks(self, random: Random, count: int) -> list[Ask]:
        people = random.choices(self.people, k=count)
        return [
            Ask(
                f"r_{number:05d}",
                *person,
                turn=random.choice((1, 2, 2, 3, 3)),
                question=f"q{random.randrange(40)}",
            )
            for number, person in enumerate(people)
        ]


async def run(
    setup: Setup,
    host: str,
    port: int,
    count: int,
    seed: int = 1,
    now: Callable[[], float] = time.perf_counter,
) -> Outcome:
    """Send `count` requests through a gateway of this setup and say what crossed."""
    world, random = World(Random(f"world {seed}")), Random(f"run {seed}")
    envelope = setup.envelope()
    await world.store(host, port, envelope)
    pool = setup.pool(host, port, setup.size)
    state = Watched(pool, envelope)
    gateway = Gateway(
        state, world.retrieve, world.remember, now=now, switches=setup.switches, rows=state.rows
    )
    server = await asyncio.start_server(gateway.serve, "127.0.0.1", 0)
    address = server.sockets[0].getsockname()
    slots = asyncio.Semaphore(setup.at_once)

    async def client(ask: Ask, close_after: float | None) -> None:
        async with slots:
            reader, writer = await asyncio.open_connection(*address)
            writer.write(json.dumps(asdict(ask)).encode() + b"\n")
            if close_after is None:
                await reader.read()
            elif setup.close_from >= 1.0:
                await reader.readline()
            else:
                await asyncio.sleep(close_after)
            writer.close()

    asks = world.asks(random, count)
    await asyncio.gather(
        *(
            client(
                ask,
                random.uniform(setup.close_from, setup.close_until)
                if random.random() < setup.closing
                else None,
            )
            for ask in asks
        )
    )
    while sum(row["hop"] == "end" for row in gateway.rows) < count:
        await asyncio.sleep(0.01)
    server.close()
    await pool.close()
    ends = [row["outcome"] for row in gateway.rows if row["hop"] == "end"]
    return Outcome(
        count,
        ends.count("closed by client"),
        len(state.crossed),
        ends.count("401 session"),
        ends.count("500 state"),
        ends.count("500 NotYours"),
        gateway.rows,
        state.crossed,
        world.documents,
    )


def ignore(step: str, connection: int, waited: float) -> None:
    """Note nothing."""


def commands_back(rows: Rows, crossed: dict[str, Any]) -> int | None:
    """How many commands before its own the read's connection was asked for what the read brought; None if never."""
    connection = rows[crossed["row"]]["connection"]
    sent = [
        row["key"]
        for row in rows[: crossed["row"]]
        if row.get("step") == "sent" and row["connection"] == connection
    ]
    return next((back for back, key in enumerate(reversed(sent)) if key in crossed["under"]), None)


def in_flight(rows: Rows, crossed: dict[str, Any]) -> bool:
    """Whether a request that had asked for what the read brought was still running."""
    running: set[str] = set()
    for row in rows[: crossed["row"]]:
        if row["hop"] == "end":
            running.discard(row["request"])
        elif row.get("key") in crossed["under"]:
            running.add(row["request"])
    return bool(running)


def last_closed(rows: Rows, crossed: dict[str, Any]) -> bool:
    """Whether the gateway's last request that its client closed had asked for what the read brought."""
    asked: dict[str, set[str]] = {}
    last: set[str] = set()
    for row in rows[: crossed["row"]]:
        if row.get("step") == "sent":
            asked.setdefault(row["request"], set()).add(row["key"])
        elif row["hop"] == "end" and row["outcome"] == "closed by client":
            last = asked.get(row["request"], set())
    return bool(last & crossed["under"])
