"""The books on a real PostgreSQL: whatever arrives, twice, late, in any order or around a crash, they balance to the cent."""

from __future__ import annotations

import contextlib
import json
import uuid
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from examples.cost_attribution import focus
from examples.cost_attribution.money import in_whole_cents
from tests.examples.postgresql import DatabaseError, Server, Session, postgresql

FOLDER = Path(__file__).parents[2] / "examples/cost_attribution"
SCRIPTS = [
    (FOLDER / f"{name}.sql").read_text(encoding="utf-8")
    for name in ("usage", "ledger", "people", "reconcile")
]
ALWAYS = "'[2020-01-01,)'"
NANO = {"input": 3_000, "cached": 300, "written": 3_750, "output": 15_000}
OWNERS = {"p1": "ants", "p2": "bees", "p3": "bees", "p4": "cats"}
CENT = 10_000_000
OCTOBER, NOVEMBER = "2026-10-01", "2026-11-01"


SEED = "\n".join(
    [
        f"INSERT INTO period VALUES ('{OCTOBER}'), ('{NOVEMBER}');",
        *(
            f"INSERT INTO price VALUES ('m', '{meter}', {nano}, {ALWAYS}, {ALWAYS});"
            for meter, nano in NANO.items()
        ),
        *(f"INSERT INTO owner VALUES ('{p}', '{team}', {ALWAYS}, {ALWAYS});" for p, team in OWNERS.items()),
        *(
            f"INSERT INTO gap_approval VALUES ('{month}', {10**12}, 'made up', 'cfo');"
            for month in (OCTOBER, NOVEMBER)
        ),
    ]
)
"""Two open months, prices and owners, and a signature for any gap: most tests invoice what they like."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgresql() as running:
        running.template("books", *SCRIPTS, SEED)
        yield running


def books(server: Server) -> tuple[str, Session]:
    """The name of a new database, and a session."""
    name = server.fresh("books")
    return name, server.connect(name)


@pytest.fixture
def db(server: Server) -> Iterator[Session]:
    _, session = books(server)
    yield session
    session.close()  # a server has no more than a hundred at once


def event(n: int, revision: int = 2, day: str = "2026-10-05", **changes: Any) -> dict[str, Any]:
    return {
        "attempt_id": str(uuid.UUID(int=n)), "revision": revision, "request_id": str(uuid.UUID(int=n // 2)),
        "started_at": f"{day}T10:00:00Z", "project": "p1", "person_alias": None, "credential": "key-1",
        "backend": "provider", "model": "m", "input_tokens": 1500, "cached_tokens": 1500, "written_tokens": 0,
        "output_tokens": 600, "max_output_tokens": 1000, "reasoning_tokens": 0, "gpu_ms": 0,
    } | changes  # fmt: skip


def ingest(db: Session, *events: dict[str, Any]) -> int:
    return int(db.value("SELECT ingest(:batch)", batch=json.dumps(events)))


def reprice(db: Session) -> None:
    """Output is dearer from November on, and was cheaper in October than has been believed."""
    db.script(f"UPDATE price SET valid = '[2020-01-01,{NOVEMBER})' WHERE meter = 'output';")
    db.script(f"INSERT INTO price VALUES ('m', 'output', 20000, '[{NOVEMBER},)', {ALWAYS});")
    db.execute("SELECT restate_price('m', 'output', '2026-10-05', 10000)")


def metered(db: Session, month: str | None = None) -> dict[str, int]:
    """Team -> nanodollars posted for its usage."""
    where = f"AND month = '{month}'" if month else ""
    rows = db.execute(
        f"SELECT team, sum(nano_usd) FROM bill_line WHERE tokens IS NOT NULL {where} GROUP BY team"
    )
    return {team: int(nano) for team, nano in rows if int(nano)}


def bill(db: Session, month: str, pool: str) -> dict[str, int]:
    rows = db.execute(f"SELECT team, cents FROM bill('{month}') WHERE pool = :pool", pool=pool)
    return {team: int(cents) for team, cents in rows}


def check_balance(db: Session) -> None:
    assert db.execute("SELECT entry_id FROM posting GROUP BY 1 HAVING sum(nano_usd) <> 0") == []
    assert db.value("SELECT coalesce(sum(nano_usd), 0) FROM posting") == "0"


def check_closed(db: Session, month: str, invoices: dict[str, int]) -> None:
    """Of a closed month: teams pay what was invoiced, every pool is cleared, every team's total is whole cents."""
    check_balance(db)
    of_month = f"FROM posting JOIN entry ON id = entry_id WHERE month = '{month}'"
    cleared = db.execute(f"SELECT pool, sum(nano_usd) {of_month} AND account = 'clearing' GROUP BY pool")
    assert {pool: int(nano) for pool, nano in cleared} == dict.fromkeys(invoices, 0)
    teams = db.execute(f"SELECT pool, team, sum(nano_usd) {of_month} AND account = 'team' GROUP BY 1, 2")
    for pool, cents in invoices.items():
        paid = {team: int(nano) for its, team, nano in teams if its == pool}
        assert all(nano % CENT == 0 for nano in paid.values())
        assert sum(paid.values()) == cents * CENT
        assert {team: nano // CENT for team, nano in paid.items() if nano} == {
            team: its for team, its in bill(db, month, pool).items() if its
        }


# What the books should say, worked out from the events without them


def cost(e: dict[str, Any], nano: dict[str, int] = NANO) -> int:
    return sum(e[f"{meter}_tokens"] * price for meter, price in nano.items())


def latest(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    newest: dict[str, dict[str, Any]] = {}
    for e in sorted(events, key=lambda e: e["revision"]):
        newest[e["attempt_id"]] = e
    return [e for e in newest.values() if e["backend"] == "provider"]


def expected(events: list[dict[str, Any]], owners: dict[str, str] = OWNERS) -> dict[str, int]:
    teams: defaultdict[str, int] = defaultdict(int)
    for e in latest(events):
        teams[owners.get(e["project"], "unowned")] += cost(e)
    return {team: nano for team, nano in teams.items() if nano}


def rounded(invoice: int, own: dict[str, int], carried: dict[str, int]) -> dict[str, int]:
    """Bills in cents: the team's corrections, plus its part by usage of what these leave of the invoice."""
    left = invoice * CENT - sum(carried.values())
    whole = sum(own.values())
    exact = {
        team: (carried.get(team, 0) + Fraction(own.get(team, 0) * left, whole)) / CENT
        for team in sorted(own.keys() | carried.keys())
    }
    cents = {team: value.numerator // value.denominator for team, value in exact.items()}
    order = sorted(exact, key=lambda team: (cents[team] - exact[team], team))
    for team in order[: invoice - sum(cents.values())]:
        cents[team] += 1
    return cents


@st.composite
def histories(draw: st.DrawFn, days: tuple[str, ...] = ("2026-10-01", "2026-10-31")) -> list[dict[str, Any]]:
    """Attempts with their revisions: some only opened, some estimated, some reported, some corrected later."""
    events = []
    for n in range(draw(st.integers(2, 8))):
        fixed = {
            "project": draw(st.sampled_from([*OWNERS, "stray"])),
            "day": draw(st.sampled_from(days)),
            "backend": draw(st.sampled_from(["provider", "provider", "provider", "fleet"])),
        }
        for revision in draw(st.sampled_from([(0,), (0, 1), (0, 2), (0, 1, 2), (1, 2, 3)])):
            output = draw(st.integers(0, 9_000))
            counts = {
                "input_tokens": draw(st.integers(1, 100_000)), "cached_tokens": draw(st.integers(0, 100_000)),
                "written_tokens": draw(st.integers(0, 3)), "output_tokens": output,
                "reasoning_tokens": draw(st.integers(0, output)),
            }  # fmt: skip
            events.append(event(n, revision, **fixed, **counts))
    # One attempt that cannot be absent, so that there is something to divide by.
    return [*events, event(99, project="p1", day=days[0])]


CRASHES = ("none", "none", "before commit", "answer unread", "after commit")


def deliver(server: Server, name: str, events: list[dict[str, Any]], data: st.DataObject) -> None:
    """At least once: shuffled, repeated, in batches, each around a crash of the process that brings it."""
    order = data.draw(st.permutations([*events, *data.draw(st.lists(st.sampled_from(events), max_size=5))]))
    session = server.connect(name)
    while order:
        size = data.draw(st.integers(1, 6))
        batch, order = order[:size], order[size:]
        crash = data.draw(st.sampled_from(CRASHES))
        sql = f"SELECT ingest('{json.dumps(batch)}');"
        if crash != "none":
            if crash == "before commit":
                session.script(f"BEGIN; {sql}")
            elif crash == "answer unread":
                session.start(sql)
            else:
                session.script(sql)
            session.kill()
            session = server.connect(name)  # the batch was not acknowledged, so it comes again
        session.script(sql)
        if data.draw(st.booleans()):
            session.script("SELECT post();")
    session.close()


class TestBooksBalance:
    @given(data=st.data(), events=histories(), invoice=st.integers(1, 10**9), shared=st.integers(0, 10**7))
    @settings(
        max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    )
    def test_in_every_interleaving(
        self, server: Server, data: st.DataObject, events: list[dict[str, Any]], invoice: int, shared: int
    ) -> None:
        name, db = books(server)
        deliver(server, name, events, data)
        assert db.value("SELECT count(*) FROM quarantine") == "0"
        weights = {"ants": 3, "bees": 1, "cats": 3}
        for team, weight in weights.items():
            db.execute(
                "INSERT INTO driver VALUES (:month, 'shared', :t, :w)", month=OCTOBER, t=team, w=weight
            )
        db.execute("SELECT book_invoice(:month, 'provider', :cents)", month=OCTOBER, cents=invoice)
        if shared:
            db.execute("SELECT book_invoice(:month, 'shared', :cents)", month=OCTOBER, cents=shared)
        assert int(db.value(f"SELECT close('{OCTOBER}')")) == invoice + shared
        assert metered(db) == expected(events)
        assert bill(db, OCTOBER, "provider") == in_whole_cents(invoice, expected(events))
        assert bill(db, OCTOBER, "shared") == (in_whole_cents(shared, weights) if shared else {})
        check_closed(db, OCTOBER, {"provider": invoice} | ({"shared": shared} if shared else {}))

    @given(data=st.data(), events=histories(days=("2026-10-01", "2026-10-31", "2026-11-01")))
    @settings(
        max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    )
    def test_what_comes_late_lands_in_the_next_month(
        self, server: Server, data: st.DataObject, events: list[dict[str, Any]]
    ) -> None:
        name, db = books(server)
        early = [e for e in events if e["attempt_id"].endswith("63") or data.draw(st.booleans())]
        deliver(server, name, early, data)
        db.execute("SELECT book_invoice(:month, 'provider', 41850)", month=OCTOBER)
        assert db.value(f"SELECT close('{OCTOBER}')") == "41850"
        first, then = bill(db, OCTOBER, "provider"), metered(db, OCTOBER)
        of_october = [e for e in early if e["started_at"] < NOVEMBER]
        assert first == in_whole_cents(41850, expected(of_october))

        owners = OWNERS | {"p2": "cats"}  # bees sold it in August, and nobody told the books
        db.execute("SELECT move_project('p2', 'cats', '2026-08-01')")
        november = event(100, day="2026-11-02", project="p4")
        deliver(server, name, [*events, november], data)
        db.execute("SELECT book_invoice(:month, 'provider', 777)", month=NOVEMBER)
        assert db.value(f"SELECT close('{NOVEMBER}')") == "777"
        everything = [*events, november]
        own = expected([e for e in everything if e["started_at"] >= NOVEMBER], owners)
        now = expected([e for e in everything if e["started_at"] < NOVEMBER], owners)
        carried = {team: now.get(team, 0) - then.get(team, 0) for team in now.keys() | then.keys()}
        assert {t: c for t, c in bill(db, NOVEMBER, "provider").items() if c} == {
            t: c for t, c in rounded(777, own, carried).items() if c
        }
        assert metered(db) == expected(everything, owners)
        check_closed(db, NOVEMBER, {"provider": 777})
        # October's bills are what they were, and can be computed again from what was known then.
        check_closed(db, OCTOBER, {"provider": 41850})
        assert bill(db, OCTOBER, "provider") == first
        again = db.execute(
            "SELECT team, sum(tokens * unit_nano) FROM rated((SELECT closed_at FROM period WHERE month = :m))"
            " WHERE usage_day < '2026-11-01' GROUP BY team",
            m=OCTOBER,
        )
        assert {team: int(nano) for team, nano in again} == then


class TestIngest:
    def test_a_duplicate_is_no_second_attempt_and_a_retry_is(self, db: Session) -> None:
        assert ingest(db, event(1), event(1)) == 1
        assert ingest(db, event(1)) == 0
        assert ingest(db, event(2)) == 1
        assert event(2)["request_id"] != event(1)["request_id"]  # 2 and 3 are two attempts of one request
        assert event(2)["request_id"] == event(3)["request_id"]
        assert ingest(db, event(3)) == 1
        db.script("SELECT post();")
        assert metered(db) == {"ants": 3 * 13_950_000}

    def test_an_older_revision_that_comes_later_changes_nothing(self, db: Session) -> None:
        ingest(db, event(1, 2, output_tokens=600))
        db.script("SELECT post();")
        ingest(db, event(1, 1, output_tokens=80), event(1, 0, output_tokens=0))
        assert db.value("SELECT post()") == "0"
        assert metered(db) == {"ants": 13_950_000}

    def test_same_id_other_content_is_kept_for_people(self, db: Session) -> None:
        ingest(db, event(1))
        twisted = event(1, output_tokens=6_000)
        assert ingest(db, twisted, twisted) == 0
        assert ingest(db, twisted) == 0
        [(reason, kept)] = db.execute("SELECT reason, event ->> 'output_tokens' FROM quarantine")
        assert (reason, kept) == ("same id, other content", "6000")
        db.script("SELECT post();")
        assert metered(db) == {"ants": 13_950_000}

    @pytest.mark.parametrize(
        "change",
        [{"day": "2026-09-05"}, {"project": "p2"}, {"credential": "key-9"}, {"backend": "fleet"}],
        ids=str,
    )
    def test_a_revision_cannot_move_an_attempt(self, db: Session, change: dict[str, Any]) -> None:
        ingest(db, event(1, 1))
        assert ingest(db, event(1, 2, **change)) == 0
        assert db.value("SELECT reason FROM quarantine") == "another attempt under the same id"

    @pytest.mark.parametrize(
        "bad",
        [
            {"output_tokens": -1},
            {"reasoning_tokens": 601},
            {"attempt_id": "no uuid"},
            {"project": None},
            {"started_at": "yesterday noon"},
            {"backend": "elsewhere"},
            {"input_tokens": 10**30},
            {"model": "m\0"},
            {"model": "\ud800"},
        ],
        ids=str,
    )
    def test_one_bad_event_does_not_hold_up_the_others(self, db: Session, bad: dict[str, Any]) -> None:
        assert ingest(db, event(1), event(2, **bad), event(3)) == 2
        assert db.value("SELECT count(*) FROM quarantine") == "1"

    def test_no_count_is_below_zero(self, db: Session) -> None:
        kinds = ("input_tokens", "cached_tokens", "written_tokens", "reasoning_tokens", "gpu_ms")
        assert ingest(db, *(event(n, **{kind: -1}) for n, kind in enumerate(kinds))) == 0
        assert db.value("SELECT count(*) FROM quarantine") == str(len(kinds))

    def test_two_consumers_with_the_same_batch(self, server: Server) -> None:
        name, one = books(server)
        two, watcher = server.connect(name), server.connect(name)
        for end, added in (("ROLLBACK", 1), ("COMMIT", 0)):
            one.script(f"BEGIN; SELECT ingest('{json.dumps([event(7)])}');")
            two.start(
                f"BEGIN; SELECT ingest('{json.dumps([event(7)])}');"
            )  # waits to see what the first does
            watcher.until_waiting(1)
            one.script(f"{end};")
            assert two.finish() == [str(added)]
            two.script("ROLLBACK;")
        assert one.value("SELECT count(*) FROM usage_event") == "1"

    def test_facts_are_append_only(self, server: Server) -> None:
        name, db = books(server)
        ingest(db, event(1))
        for sql in (
            "UPDATE usage_event SET output_tokens = 1",
            "DELETE FROM usage_event",
            "TRUNCATE usage_event",
        ):
            with pytest.raises(DatabaseError, match="append-only"):
                db.execute(sql)
        gateway = server.connect(name, "gateway")
        assert ingest(gateway, event(2, received_at="2026-01-01T00:00:00Z")) == 1
        assert (
            db.value("SELECT count(*) FROM usage_event WHERE received_at < now() - interval '1 day'") == "0"
        )
        for sql in (
            "INSERT INTO usage_event SELECT",  # with a time of receipt that a closed month would count
            "SELECT person_alias FROM usage_event",
            "SELECT event FROM quarantine",
            "DELETE FROM usage_event",
            "SELECT * FROM price",
        ):
            with pytest.raises(DatabaseError, match="permission denied"):
                gateway.execute(sql)
        # A table of the gateway's own does not take the place of the books'.
        gateway.script("CREATE TEMP TABLE quarantine (digest text PRIMARY KEY, event json, reason text);")
        assert ingest(gateway, event(3, output_tokens=-1)) == 0
        assert db.value("SELECT count(*) FROM quarantine") == "1"
        with contextlib.suppress(DatabaseError):
            db.script("CREATE ROLE anna;")
        with pytest.raises(DatabaseError, match="permission denied"):
            ingest(server.connect(name, "anna"), event(4))


class TestPricesAndOwners:
    def test_ranges_may_touch_and_not_overlap(self, db: Session) -> None:
        db.execute("INSERT INTO owner VALUES ('new', 'ants', '[2026-01-01,2026-02-01)')")
        db.execute("INSERT INTO owner VALUES ('new', 'bees', '[2026-02-01,)')")
        with pytest.raises(DatabaseError, match="exclusion"):
            db.execute("INSERT INTO owner VALUES ('new', 'cats', '[2026-03-01,2026-03-02)')")
        with pytest.raises(DatabaseError, match="exclusion"):
            db.execute("INSERT INTO price VALUES ('m', 'input', 1, '[2026-10-01,)')")
        for values in (
            "'input', 1, 'empty'",
            "'input', -1, '[2026-01-01,)'",
            "'outputs', 1, '[2026-01-01,)'",
        ):
            with pytest.raises(DatabaseError, match="check"):
                db.execute(f"INSERT INTO price VALUES ('x', {values})")

    def test_the_owner_is_that_of_the_day_of_use(self, db: Session) -> None:
        db.execute("SELECT move_project('p1', 'cats', '2026-10-16')")
        ingest(db, event(1, day="2026-10-15"), event(2, day="2026-10-16"))
        db.script("SELECT post();")
        assert metered(db) == {"ants": 13_950_000, "cats": 13_950_000}

    def test_what_is_changed_twice_keeps_both_histories(self, db: Session) -> None:
        db.execute("SELECT move_project('p1', 'bees', '2026-10-10')")
        for team in ("cats", "dogs"):  # the second corrects the first
            db.execute("SELECT move_project('p1', :t, '2026-10-20')", t=team)
        for nano in (1, 2):
            db.execute("SELECT restate_price('m', 'output', '2026-10-05', :n)", n=nano)
        ingest(db, *(event(n, day=f"2026-10-{n:02}", input_tokens=0, cached_tokens=0) for n in (9, 19, 20)))
        db.script("SELECT post();")
        assert metered(db) == {"ants": 2 * 600, "bees": 2 * 600, "dogs": 2 * 600}
        prices = "SELECT nano_usd FROM price WHERE meter = 'output' ORDER BY lower(known)"
        assert db.execute(prices) == [("15000",), ("1",), ("2",)]

    def test_a_day_ends_at_midnight_utc(self, db: Session) -> None:
        db.script("SET timezone = 'America/Los_Angeles';")
        ingest(
            db, event(1, started_at="2026-10-31T23:59:59Z"), event(2, started_at="2026-10-31T17:00:00-07:00")
        )
        db.script("SELECT post();")
        assert db.execute(
            "SELECT month, usage_day, sum(nano_usd) FROM bill_line GROUP BY 1, 2 ORDER BY 1"
        ) == [
            ("2026-10-01", "2026-10-31", "13950000"),
            ("2026-11-01", "2026-11-01", "13950000"),
        ]

    def test_a_price_that_was_wrong_is_reversed_and_booked_again(self, db: Session) -> None:
        ingest(db, event(1))
        db.script("SELECT post();")
        db.execute("SELECT restate_price('m', 'output', '2026-10-05', 10000)")
        db.script("SELECT post();")
        rows = db.execute(
            "SELECT unit_nano, tokens, nano_usd FROM bill_line WHERE meter = 'output' ORDER BY nano_usd DESC"
        )
        assert rows == [
            ("15000", "600", "9000000"),
            ("10000", "600", "6000000"),
            ("15000", "-600", "-9000000"),
        ]
        assert metered(db) == {"ants": 10_950_000}

    def test_a_price_change_applies_from_its_moment(self, db: Session) -> None:
        half = (
            "UPDATE price SET valid = tstzrange(lower(valid), '2026-10-05T12:00:00Z') WHERE meter = 'output'"
        )
        db.script(
            f"{half}; INSERT INTO price VALUES ('m', 'output', 20000, '[2026-10-05T12:00:00Z,)', {ALWAYS});"
        )
        ingest(db, event(1), event(2, started_at="2026-10-05T12:00:00Z"))
        db.script("SELECT post();")
        assert metered(db) == {"ants": 13_950_000 + 16_950_000}

    def test_usage_without_a_price_keeps_the_month_open(self, db: Session) -> None:
        ingest(db, event(1), event(2, model="new"), event(3, model="november's", day=NOVEMBER))
        db.execute("SELECT book_invoice(:month, 'provider', 5)", month=OCTOBER)
        with pytest.raises(DatabaseError, match="without a price"):
            db.execute(f"SELECT close('{OCTOBER}')")
        for meter in NANO:
            db.execute(f"INSERT INTO price VALUES ('new', :meter, 1, {ALWAYS})", meter=meter)
        assert db.value(f"SELECT close('{OCTOBER}')") == "5"

    def test_usage_of_nobodys_project_is_somebodys_bill(self, db: Session) -> None:
        ingest(db, event(1, project="stray"))
        db.script("SELECT post();")
        assert metered(db) == {"unowned": 13_950_000}
        db.execute("INSERT INTO owner VALUES ('stray', 'cats', '[2026-10-01,)')")
        db.script("SELECT post();")
        assert metered(db) == {"cats": 13_950_000}


class TestLedger:
    def test_usage_of_a_month_that_is_not_opened_waits_and_holds_up_nobody(self, db: Session) -> None:
        """A clock that is years ahead, or a month that nobody has opened yet."""
        ingest(db, event(1), event(2, day="2026-12-01"))
        db.script("SELECT post();")
        assert metered(db) == {"ants": 13_950_000}
        db.script("INSERT INTO period VALUES ('2026-12-01'); SELECT post();")
        assert metered(db, "2026-12-01") == {"ants": 13_950_000}

    def test_the_work_of_a_month_and_what_came_late_for_it(self, db: Session) -> None:
        fleet = {"backend": "fleet", "model": "own"}
        ingest(
            db,
            event(1, 1, gpu_ms=0, **fleet),
            event(1, gpu_ms=640, **fleet),
            event(2, gpu_ms=360, project="p4", **fleet),
        )
        with pytest.raises(DatabaseError, match="an earlier month is open"):
            db.script(f"SELECT measure_work('{NOVEMBER}');")
        db.script(f"SELECT measure_work('{OCTOBER}');")
        db.execute("SELECT book_invoice(:m, 'work', 1000)", m=OCTOBER)
        assert db.value(f"SELECT close('{OCTOBER}')") == "1000"
        assert bill(db, OCTOBER, "work") == {"ants": 640, "cats": 360}
        db.execute("INSERT INTO driver VALUES (:m, 'shared', 'ants', 7)", m=OCTOBER)  # divides another pool

        ingest(db, event(3, gpu_ms=100, **fleet))  # October's, late
        ingest(
            db, event(4, day="2026-11-02", gpu_ms=700, **fleet), event(5, day="2026-12-01", gpu_ms=9, **fleet)
        )
        ingest(db, event(6, day="2026-11-02", gpu_ms=500, project="p4", **fleet))
        db.execute("SELECT move_project('p4', 'bees', '2026-11-01')")
        db.script(f"SELECT measure_work('{NOVEMBER}');")
        drivers = db.execute("SELECT team, weight FROM driver WHERE month = :m ORDER BY team", m=NOVEMBER)
        assert drivers == [("ants", "700"), ("bees", "500")]
        db.execute("SELECT book_invoice(:m, 'work', 1300)", m=NOVEMBER)
        assert db.value(f"SELECT close('{NOVEMBER}')") == "1300"
        assert bill(db, NOVEMBER, "work") == {"ants": 800, "bees": 500}
        check_closed(db, NOVEMBER, {"work": 1300})

    def test_the_fleets_time_for_nobodys_project_is_measured_by_the_day_of_utc(self, db: Session) -> None:
        db.script("SET timezone = 'Asia/Tokyo';")
        ingest(
            db,
            event(1, started_at="2026-10-31T23:30:00Z", project="stray", backend="fleet", gpu_ms=640),
            event(2, gpu_ms=9),  # a provider's
        )
        db.script(f"SELECT measure_work('{OCTOBER}');")
        assert db.execute("SELECT usage_day, team, gpu_ms FROM work") == [("2026-10-31", "unowned", "640")]

    def test_a_team_that_loses_a_project_after_the_close_gets_its_work_back(self, db: Session) -> None:
        """It has no new work to take that from, so its bill is below zero; and nothing is taken back twice."""
        fleet = {"backend": "fleet", "model": "own"}
        ingest(db, event(1, gpu_ms=640, **fleet), event(2, gpu_ms=360, project="p4", **fleet))
        ingest(db, event(3, day="2026-11-02", gpu_ms=500, **fleet))
        ingest(db, event(4, day="2026-12-02", gpu_ms=100, **fleet))
        db.script("INSERT INTO period VALUES ('2026-12-01');")
        bills = []
        for month, cents in ((OCTOBER, 2000), (NOVEMBER, 500), ("2026-12-01", 100)):
            db.script(f"SELECT measure_work('{month}');")
            db.execute("SELECT book_invoice(:m, 'work', :c)", m=month, c=cents)
            assert db.value(f"SELECT close('{month}')") == str(cents)
            check_closed(db, month, {"work": cents})
            bills.append(bill(db, month, "work"))
            if month == OCTOBER:
                db.execute("SELECT move_project('p4', 'bees', '2026-10-01')")
        # At October's price of 2 cents, not at November's of 1.
        assert bills == [{"ants": 1280, "cats": 720}, {"ants": 500, "bees": 720, "cats": -720}, {"ants": 100}]
        corrections = "SELECT team, usage_day, nano_usd FROM bill_line WHERE usage_day < month ORDER BY team"
        assert db.execute(corrections) == [
            ("bees", "2026-10-05", str(720 * CENT)),
            ("cats", "2026-10-05", str(-720 * CENT)),
        ]

    def test_events_may_leave_once_no_correction_reaches_their_month(self, db: Session) -> None:
        fleet = {"backend": "fleet", "model": "own", "gpu_ms": 640}
        db.script("INSERT INTO period VALUES ('2026-12-01'), ('2027-01-01');")
        old = [event(1), event(2, **fleet)]
        ingest(db, *old, event(3, day="2026-11-05"), event(4, day="2027-01-05", **fleet))
        for month in (OCTOBER, NOVEMBER, "2026-12-01"):
            db.script(f"SELECT measure_work('{month}'); SELECT post();")
            db.script(f"UPDATE period SET closed_at = clock_timestamp() WHERE month = '{month}';")
        db.script("ALTER TABLE usage_event DISABLE TRIGGER append_only;")  # as detaching a partition does
        db.script(f"DELETE FROM usage_event WHERE started_at < '{NOVEMBER}';")
        assert db.value("SELECT post()") == "0"
        db.script("SELECT measure_work('2027-01-01');")
        assert db.execute("SELECT team, weight FROM driver WHERE month = '2027-01-01'") == [("ants", "640")]
        measured = db.execute("SELECT usage_day, gpu_ms FROM work WHERE month = '2027-01-01'")
        assert measured == [("2027-01-05", "640")]
        # They come once more, and their keys are gone, too; November's is late and in time.
        assert ingest(db, *old, event(5, day=NOVEMBER)) == 1
        assert db.execute("SELECT DISTINCT reason FROM quarantine") == [("too old to be billed",)]
        assert int(db.value("SELECT post()")) > 0

    def test_an_entry_that_does_not_balance_is_refused(self, db: Session) -> None:
        db.execute("INSERT INTO entry (month, kind) VALUES (:month, 'invoice')", month=OCTOBER)
        with pytest.raises(DatabaseError, match="does not balance"):
            db.execute(
                "INSERT INTO posting (entry_id, account, pool, nano_usd) VALUES (1, 'payable', 'shared', -1)"
            )
        for columns, values in (  # a team's posting of no team, and a cost that its tokens do not make
            ("nano_usd", "1"),
            ("team, unit_nano, tokens, nano_usd", "'ants', 3, 5, 16"),
        ):
            with pytest.raises(DatabaseError, match="check"):
                db.execute(
                    f"INSERT INTO posting (entry_id, account, pool, {columns}) VALUES (1, 'team', 'shared', {values})"
                )
        db.execute("SELECT book_invoice(:month, 'shared', 1)", month=OCTOBER)
        for sql in (
            "UPDATE entry SET month = month",
            "DELETE FROM entry",
            "UPDATE posting SET nano_usd = -nano_usd",
            "DELETE FROM posting",
            "TRUNCATE posting",
        ):
            with pytest.raises(DatabaseError, match="append-only"):
                db.execute(sql)

    def test_two_posters_post_once(self, server: Server) -> None:
        name, one = books(server)
        two, watcher = server.connect(name), server.connect(name)
        ingest(one, event(1))
        one.script("BEGIN; SELECT post();")
        two.start("SELECT post();")
        watcher.until_waiting(1)
        one.script("COMMIT;")
        assert two.finish() == ["0"]
        assert metered(one) == {"ants": 13_950_000}

    def test_a_poster_that_dies_leaves_nothing_and_the_next_one_posts(self, server: Server) -> None:
        name, db = books(server)
        ingest(db, event(1))
        dying = server.connect(name)
        dying.script("BEGIN; SELECT post();")
        dying.kill()
        assert int(db.value("SELECT post()")) > 0  # after the server has let go of the dead one's lock
        assert metered(db) == {"ants": 13_950_000}
        check_balance(db)

    def test_a_closed_month_takes_nothing_more(self, db: Session) -> None:
        ingest(db, event(1))
        db.execute("SELECT book_invoice(:month, 'provider', 5)", month=OCTOBER)
        with pytest.raises(DatabaseError, match="earlier month is open"):
            db.execute(f"SELECT close('{NOVEMBER}')")
        db.execute(f"SELECT close('{OCTOBER}')")
        with pytest.raises(DatabaseError, match="closed"):
            db.execute("SELECT book_invoice(:month, 'provider', 1)", month=OCTOBER)
        with pytest.raises(DatabaseError, match="closed"):
            db.execute("UPDATE period SET closed_at = NULL WHERE month = :month", month=OCTOBER)
        with pytest.raises(DatabaseError, match="closed"):
            db.execute(f"SELECT close('{OCTOBER}')")

    def test_an_invoice_without_a_rule_for_it_keeps_the_month_open(self, db: Session) -> None:
        db.execute("SELECT book_invoice(:month, 'standby', 16800000)", month=OCTOBER)
        with pytest.raises(DatabaseError, match="clearing is off by 168000000000000 nanodollars"):
            db.execute(f"SELECT close('{OCTOBER}')")
        assert db.value("SELECT count(*) FROM period WHERE closed_at IS NOT NULL") == "0"

    @pytest.mark.parametrize(
        ("cents", "signed", "closes"),
        [
            (200, None, False),  # 100 are metered, less a trifle
            (200, 100, False),
            (200, 101, True),
            (95, None, False),  # less than was counted is no better
            (95, 5, True),
        ],
    )
    def test_a_gap_keeps_the_month_open_until_finance_has_signed_for_it(
        self, db: Session, cents: int, signed: int | None, closes: bool
    ) -> None:
        db.script("DELETE FROM gap_approval;")
        ingest(db, event(1, input_tokens=0, cached_tokens=0, output_tokens=1_000_000 // 15))
        if signed:
            db.execute("INSERT INTO gap_approval VALUES (:m, :c, 'leaked key', 'cfo')", m=OCTOBER, c=signed)
        db.execute("SELECT book_invoice(:m, 'provider', :c)", m=OCTOBER, c=cents)
        if closes:
            assert db.value(f"SELECT close('{OCTOBER}')") == str(cents)
            if signed:
                with pytest.raises(DatabaseError, match="is closed"):
                    db.script("UPDATE gap_approval SET signed_by = 'nobody';")
            return
        with pytest.raises(DatabaseError, match="finance has not signed"):
            db.execute(f"SELECT close('{OCTOBER}')")
        assert db.value("SELECT count(*) FROM period WHERE closed_at IS NOT NULL") == "0"

    @pytest.mark.parametrize(
        ("cents", "signed", "closes"),
        [(1005, None, True), (1006, None, False), (1005, 1, True)],  # a signature for less takes nothing away
    )
    def test_a_gap_of_half_a_percent_is_divided(
        self, db: Session, cents: int, signed: int | None, closes: bool
    ) -> None:
        db.script("DELETE FROM gap_approval;")
        if signed:
            db.execute("INSERT INTO gap_approval VALUES (:m, :c, 'leaked key', 'cfo')", m=OCTOBER, c=signed)
        ingest(
            db, event(1, input_tokens=0, cached_tokens=0, output_tokens=2_000_000 // 3)
        )  # 10 dollars, nearly
        db.execute("SELECT book_invoice(:m, 'provider', :c)", m=OCTOBER, c=cents)
        if closes:
            assert db.value(f"SELECT close('{OCTOBER}')") == str(cents)
        else:
            with pytest.raises(DatabaseError, match="finance has not signed"):
                db.execute(f"SELECT close('{OCTOBER}')")

    def test_a_signature_is_for_its_month_and_stays_with_it(self, db: Session) -> None:
        db.script("DELETE FROM gap_approval;")
        ingest(db, event(1))  # 1.395 cents
        db.execute("SELECT book_invoice(:m, 'provider', 5)", m=OCTOBER)
        sign = "INSERT INTO gap_approval VALUES (:m, :c, 'leaked key', 'cfo')"
        db.execute(sign, m=NOVEMBER, c=9)
        with pytest.raises(DatabaseError, match="finance has not signed"):
            db.execute(f"SELECT close('{OCTOBER}')")
        db.execute(sign, m=OCTOBER, c=1)
        db.execute("UPDATE gap_approval SET cents = 4 WHERE month = :m", m=OCTOBER)
        assert db.value(f"SELECT close('{OCTOBER}')") == "5"
        for change in ("UPDATE gap_approval SET cents = 5", "DELETE FROM gap_approval"):
            with pytest.raises(DatabaseError, match="is closed"):
                db.execute(f"{change} WHERE month = :m", m=OCTOBER)
        db.execute("UPDATE gap_approval SET cents = 3 WHERE month = :m", m=NOVEMBER)
        assert db.execute("SELECT cents FROM gap_approval ORDER BY month") == [("4",), ("3",)]

    def test_only_the_providers_invoice_can_have_a_gap(self, db: Session) -> None:
        db.script("DELETE FROM gap_approval;")
        ingest(db, event(1, input_tokens=0, cached_tokens=0, output_tokens=2_000_000 // 3))
        db.execute("INSERT INTO driver VALUES (:m, 'shared', 'ants', :w)", m=OCTOBER, w=500 * CENT)
        for pool, cents in (("provider", 1000), ("shared", 500)):
            db.execute("SELECT book_invoice(:m, :p, :c)", m=OCTOBER, p=pool, c=cents)
        assert db.value(f"SELECT close('{OCTOBER}')") == "1500"

    def test_last_month_s_corrections_are_no_gap(self, db: Session) -> None:
        db.script(f"DELETE FROM gap_approval WHERE month = '{NOVEMBER}';")
        half = {"input_tokens": 0, "cached_tokens": 0, "output_tokens": 2_000_000 // 3}
        ingest(db, event(1, **half))
        db.execute("SELECT book_invoice(:m, 'provider', 2000)", m=OCTOBER)
        db.execute(f"SELECT close('{OCTOBER}')")
        # October's other half, and November's.
        ingest(db, event(2, **half), event(3, day="2026-11-02", **half))
        db.execute("SELECT book_invoice(:m, 'provider', 1000)", m=NOVEMBER)
        assert db.value(f"SELECT close('{NOVEMBER}')") == "1000"

    def test_an_event_that_waits_for_the_close_is_late(self, server: Server) -> None:
        """The close waits for one writer, and a second one queues behind it: its clock must not be read before."""
        name, db = books(server)
        first, second, watcher = (server.connect(name) for _ in range(3))
        first.script(f"BEGIN; SELECT ingest('{json.dumps([event(1)])}');")
        db.execute("SELECT book_invoice(:month, 'provider', 5)", month=OCTOBER)
        db.start(f"SELECT close('{OCTOBER}');")
        watcher.until_waiting(1)
        second.start(f"SELECT ingest('{json.dumps([event(2, project='p4')])}');")
        watcher.until_waiting(2)
        first.script("COMMIT;")
        assert db.finish() == ["5"]
        assert second.finish() == ["1"]
        db.script("SELECT post();")
        assert metered(db, OCTOBER) == {"ants": 13_950_000}
        assert metered(db, NOVEMBER) == {"cats": 13_950_000}
        known = "rated((SELECT min(closed_at) FROM period))"
        assert db.execute(f"SELECT DISTINCT team FROM {known}") == [("ants",)]

    def test_a_close_waits_for_an_event_that_is_being_written(self, server: Server) -> None:
        name, db = books(server)
        writer = server.connect(name)
        writer.script(f"BEGIN; SELECT ingest('{json.dumps([event(1)])}');")
        db.execute("SELECT book_invoice(:month, 'provider', 5)", month=OCTOBER)
        db.start(f"SELECT close('{OCTOBER}');")
        server.connect(name).until_waiting(1)
        writer.script("COMMIT;")
        assert db.finish() == ["5"]
        assert metered(db, OCTOBER) == {"ants": 13_950_000}

    def test_a_close_waits_for_an_invoice_that_is_being_booked(self, server: Server) -> None:
        name, db = books(server)
        ingest(db, event(1))
        clerk = server.connect(name)
        clerk.script(f"BEGIN; SELECT book_invoice('{OCTOBER}', 'provider', 5);")
        db.start(f"SELECT close('{OCTOBER}');")
        server.connect(name).until_waiting(1)
        clerk.script("COMMIT;")
        assert db.finish() == ["5"]

    @pytest.mark.parametrize(
        "change",
        ["restate_price('m', 'output', '2026-10-05', 1)", "move_project('p1', 'cats', '2026-10-01')"],
    )
    def test_a_closed_month_can_be_recomputed_though_somebody_changed_his_mind(
        self, server: Server, change: str
    ) -> None:
        """What is being changed while the month closes is known before it, or after it, and not in between."""
        name, db = books(server)
        finance, watcher = server.connect(name), server.connect(name)
        ingest(db, event(1))
        db.execute("SELECT book_invoice(:month, 'provider', 5)", month=OCTOBER)
        finance.script(f"BEGIN; SELECT {change};")
        db.start(f"SELECT close('{OCTOBER}');")
        watcher.until_waiting(1)
        finance.script("COMMIT;")
        assert db.finish() == ["5"]
        known_then = (
            "SELECT team, sum(tokens * unit_nano) FROM rated((SELECT min(closed_at) FROM period)) GROUP BY 1"
        )
        again = db.execute(known_then)
        assert {team: int(nano) for team, nano in again} == metered(db, OCTOBER)
        db.execute("SELECT restate_price('m', 'output', '2026-10-05', 2)")
        db.execute("SELECT move_project('p1', 'dogs', '2026-10-01')")
        assert db.execute(known_then) == again

    def test_the_whole_of_the_setting_adds_up(self, db: Session) -> None:
        """85 teams, $750,000.00 in four pools, and the provider's $13,000 that nobody has counted."""
        for n in range(85):
            project, team = f"q{n}", f"team-{n:02}"
            db.execute(f"INSERT INTO owner VALUES (:p, :t, {ALWAYS}, {ALWAYS})", p=project, t=team)
            for pool, weight in (("work", 1 + n * n), ("standby", 1 + n % 7), ("shared", 1)):
                db.execute("INSERT INTO driver VALUES (:m, :p, :t, :w)", m=OCTOBER, p=pool, t=team, w=weight)
        ingest(db, *(event(n, project=f"q{n % 85}", input_tokens=1 + 9_973 * n) for n in range(200)))
        invoices = {"provider": 41_850_000, "work": 12_000_000, "standby": 16_800_000, "shared": 4_350_000}
        for pool, cents in invoices.items():
            db.execute("SELECT book_invoice(:m, :p, :c)", m=OCTOBER, p=pool, c=cents)
        assert db.value(f"SELECT close('{OCTOBER}')") == "75000000"
        check_closed(db, OCTOBER, invoices)
        assert sorted(set(bill(db, OCTOBER, "shared").values())) == [51_176, 51_177]

        # The export of the same month: its rows add up to what was invoiced, and each team's to its bill.
        names = list(focus.Line.model_fields)
        rows = db.execute(f"SELECT {', '.join(names)} FROM bill_line WHERE month = :m", m=OCTOBER)
        charges = focus.export(
            [focus.Line(**{k: v or None for k, v in zip(names, r, strict=True)}) for r in rows]
        )
        assert sum(charge.BilledCost for charge in charges) == 750_000
        assert {charge.InvoiceId for charge in charges} == {"chargeback-2026-10"}
        paid: defaultdict[str, Decimal] = defaultdict(Decimal)
        for charge in charges:
            paid[charge.model_dump()["x_Team"]] += charge.BilledCost
        bills = [bill(db, OCTOBER, pool) for pool in invoices]
        assert len(paid) == 85
        for team, dollars in paid.items():
            assert dollars * 100 == sum(its.get(team, 0) for its in bills)


class TestReconciliation:
    def test_every_dollar_of_the_gap_has_a_cause(self, db: Session) -> None:
        ingest(
            db,
            event(1),
            event(2, 1, output_tokens=100, credential="key-2"),  # the client left: 100 of 600 seen
            event(3, credential="key-3", output_tokens=500),  # hidden reasoning was not counted
            event(4, credential="key-4"),
            event(5, backend="fleet"),
            # The gateway's count, above what it had allowed.
            event(6, 1, credential="key-6", output_tokens=1001),
        )
        for key, output in (("key-1", 600), ("key-2", 600), ("key-3", 600), ("key-6", 1001), ("leaked", 600)):
            for meter, tokens in (("input", 1500), ("cached", 1500), ("output", output)):
                db.execute(
                    "INSERT INTO provider_report VALUES ('2026-10-05', :k, 'm', :m, :t)",
                    k=key,
                    m=meter,
                    t=tokens,
                )
        rows = db.execute(
            "SELECT cause, credential, sum(tokens), sum(nano_usd) FROM reconcile(:a, :b) GROUP BY 1, 2 ORDER BY 2",
            a=OCTOBER, b="2026-10-31",
        )  # fmt: skip
        assert rows == [
            ("unconfirmed attempts", "key-2", "500", "7500000"),
            ("misread, or past the gateway", "key-3", "100", "1500000"),
            ("counted, not billed", "key-4", "-3600", "-13950000"),
            ("past the gateway", "leaked", "3600", "13950000"),
        ]
        billed = 4 * 13_950_000
        counted = sum(cost(event(1, output_tokens=n)) for n in (600, 100, 500, 600))
        assert sum(int(row[3]) for row in rows) == billed - counted
        # The provider's number becomes a third revision, and the gap closes.
        ingest(db, event(2, 3, credential="key-2"))
        assert (
            db.execute("SELECT cause FROM reconcile(:a, :a) WHERE credential = 'key-2'", a="2026-10-05") == []
        )

    def test_one_early_close_does_not_explain_what_a_thief_used(self, db: Session) -> None:
        """A key of the gateway's own, stolen: its team pays for the client that left, and for no more."""
        ingest(db, *(event(n) for n in range(99)))
        ingest(db, event(99, 1, input_tokens=3000, cached_tokens=0, output_tokens=100))
        report = {"input": 100 * 1500 + 70_000, "cached": 100 * 1500, "output": 100 * 600 + 5_000_000}
        for meter, tokens in report.items():
            db.execute(
                "INSERT INTO provider_report VALUES ('2026-10-05', 'key-1', 'm', :m, :t)", m=meter, t=tokens
            )
        rows = db.execute("SELECT cause, meter, tokens FROM reconcile(:a, :a) ORDER BY 2, 1", a="2026-10-05")
        assert rows == [
            ("unconfirmed attempts", "cached", "1500"),  # all of its prompt was taken for uncached
            ("misread, or past the gateway", "input", "68500"),
            ("misread, or past the gateway", "output", "4999600"),
            ("unconfirmed attempts", "output", "900"),  # up to its limit of 1,000
        ]

    def test_an_attempt_that_was_not_billed_explains_what_was_counted_for_it(self, db: Session) -> None:
        ingest(db, event(1), event(2, 1, output_tokens=100), event(3))
        for meter, tokens in (("input", 1500), ("cached", 1500), ("output", 400)):
            db.execute(
                "INSERT INTO provider_report VALUES ('2026-10-05', 'key-1', 'm', :m, :t)", m=meter, t=tokens
            )
        rows = db.execute(
            "SELECT cause, meter, tokens, nano_usd FROM reconcile(:a, :a) ORDER BY 2, 1", a="2026-10-05"
        )
        assert rows == [
            ("counted, not billed", "cached", "-1500", "-450000"),
            ("unconfirmed attempts", "cached", "-1500", "-450000"),
            ("counted, not billed", "input", "-1500", "-4500000"),
            ("unconfirmed attempts", "input", "-1500", "-4500000"),
            ("counted, not billed", "output", "-800", "-12000000"),
            ("unconfirmed attempts", "output", "-100", "-1500000"),
        ]

    @pytest.mark.parametrize(("billed", "tokens"), [(2000, "1800"), (0, "-200")])
    def test_each_unconfirmed_attempt_explains_its_own(self, db: Session, billed: int, tokens: str) -> None:
        ingest(db, *(event(n, 1, input_tokens=0, cached_tokens=0, output_tokens=100) for n in (1, 2)))
        db.execute("INSERT INTO provider_report VALUES ('2026-10-05', 'key-1', 'm', 'output', :t)", t=billed)
        rows = db.execute("SELECT cause, tokens FROM reconcile(:a, :a)", a="2026-10-05")
        assert rows == [("unconfirmed attempts", tokens)]

    @pytest.mark.parametrize("meter", ["input", "cached", "written"])
    def test_an_unconfirmed_prompt_may_have_been_billed_by_any_of_its_meters(
        self, db: Session, meter: str
    ) -> None:
        counted = {"input": 1000, "cached": 2000, "written": 500}
        ingest(db, event(1, 1, **{f"{name}_tokens": its for name, its in counted.items()}))
        for name, billed in ((meter, 3500), ("output", 600)):
            db.execute(
                "INSERT INTO provider_report VALUES ('2026-10-05', 'key-1', 'm', :m, :t)", m=name, t=billed
            )
        rows = db.execute("SELECT cause, meter, tokens FROM reconcile(:a, :a)", a="2026-10-05")
        assert set(rows) == {
            ("unconfirmed attempts", name, str(3500 * (name == meter) - its)) for name, its in counted.items()
        }

    def test_a_gap_costs_what_is_believed_now_of_its_day(self, db: Session) -> None:
        reprice(db)
        db.execute(f"INSERT INTO price VALUES ('other', 'output', 1, {ALWAYS}, {ALWAYS})")
        db.script("SET timezone = 'Asia/Tokyo';")  # in which the last hours of a day, UTC, are the next one's
        prompt = {"input_tokens": 0, "cached_tokens": 0}
        for n, day in enumerate(("2026-10-05", NOVEMBER)):
            ingest(db, event(n, started_at=f"{day}T23:30:00Z", output_tokens=500, **prompt))
        for day in ("2026-10-04", "2026-10-05", "2026-10-06", NOVEMBER):
            db.execute("INSERT INTO provider_report VALUES (:d, 'key-1', 'm', 'output', 600)", d=day)
        with pytest.raises(DatabaseError, match="duplicate"):
            db.execute("INSERT INTO provider_report VALUES (:d, 'key-1', 'm', 'output', 600)", d=NOVEMBER)
        for day, nano in (("2026-10-05", "1000000"), (NOVEMBER, "2000000")):
            rows = db.execute("SELECT tokens, nano_usd FROM reconcile(:a, :a)", a=day)
            assert rows == [("100", nano)]

    def test_a_gap_without_a_price_or_on_a_day_without_use_is_told(self, db: Session) -> None:
        ingest(db, event(1))
        for model in ("m", "new"):
            db.execute(
                "INSERT INTO provider_report VALUES ('2026-10-06', 'key-1', :m, 'output', 600)", m=model
            )
        rows = db.execute("SELECT cause, nano_usd FROM reconcile(:a, :a) ORDER BY model", a="2026-10-06")
        # A key that the gateway has ever used is no proof of a leak.
        assert rows == [("misread, or past the gateway", "9000000"), ("misread, or past the gateway", "")]


class TestPeople:
    def test_a_person_and_the_lead_of_that_day_see_usage_and_nobody_else(self, server: Server) -> None:
        name, db = books(server)
        alias = str(uuid.UUID(int=7))
        with contextlib.suppress(DatabaseError):
            db.script("CREATE ROLE anna; CREATE ROLE lea; CREATE ROLE otto;")
        db.script("GRANT SELECT ON person_usage TO anna, lea, otto;")
        db.execute("INSERT INTO person_alias VALUES (:a, 'anna', :m)", a=alias, m=OCTOBER)
        db.script("INSERT INTO team_lead VALUES ('anna', 'lea', '[2026-01-01,2026-10-06)');")
        db.script("INSERT INTO team_lead VALUES ('anna', 'otto', '[2026-10-06,)');")
        db.script("INSERT INTO team_lead VALUES ('boris', 'otto', '[2026-01-01,)');")
        ingest(db, event(1, person_alias=alias), event(1, 0, person_alias=alias, output_tokens=0), event(2))
        ingest(db, event(3, person_alias=alias, backend="fleet", gpu_ms=640))  # has no price per token
        seen = [("anna", "2026-10-05", "m", "2", "7200", "13950000", "640")]
        for person, rows in (("anna", seen), ("lea", seen), ("otto", [])):
            session = server.connect(name, person)
            assert session.execute("SELECT * FROM person_usage") == rows
            for table in ("person_alias", "usage_event"):
                with pytest.raises(DatabaseError, match="permission denied"):
                    session.execute(f"SELECT * FROM {table}")
        reprice(db)
        assert server.connect(name, "anna").execute("SELECT nano_usd FROM person_usage") == [("10950000",)]

    def test_names_go_before_they_are_thirteen_months_old_and_bills_stay(self, db: Session) -> None:
        alias = str(uuid.UUID(int=7))
        db.execute("INSERT INTO person_alias VALUES (:a, 'anna', :m)", a=alias, m=OCTOBER)
        for month, says in ((OCTOBER, "unique"), ("2026-11-15", "check")):  # one alias a month
            with pytest.raises(DatabaseError, match=says):
                db.execute("INSERT INTO person_alias VALUES (gen_random_uuid(), 'anna', :m)", m=month)
        ingest(db, event(1, person_alias=alias))
        db.script("SELECT post();")
        before = metered(db)
        assert db.value("SELECT drop_names('2027-10-31')") == "0"
        assert db.value("SELECT drop_names('2027-11-01')") == "1"
        assert metered(db) == before
        assert db.value("SELECT post()") == "0"
