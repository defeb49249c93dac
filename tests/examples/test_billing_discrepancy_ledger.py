"""Corrections by appended rows: on SQLite with random histories, and the same SQL on PostgreSQL."""

from __future__ import annotations

import re
import sqlite3
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples.billing_discrepancy import capture, fleet, setting, store
from tests.examples.postgresql import DatabaseError, postgresql

HOUR = 3_600_000
OCTOBER, NOVEMBER, DECEMBER = (setting.ms(f"2026-{month}-01T00:00") for month in (10, 11, 12))
NOVEMBERS_INVOICES = (
    store.section("corrections.sql", "invoice")
    .replace("inv-2026-10", "inv-2026-11")
    .replace("1793491200000", "1796083200000")
    .replace("1790812800000", "1793491200000")
)


def run(database, name, **parameters):
    for statement in store.statements("corrections.sql", name):
        database.execute(statement, parameters)


def correct(database, run_id):
    run(database, "exclude", run=run_id)
    run(database, "credit", run=run_id)


def ledger(events):
    """A database with the given events, hours summed, and invoices for both months."""
    database = store.empty()
    add(database, events)
    run(database, "ledger")
    run(database, "counted")
    run(database, "invoice")
    database.execute(NOVEMBERS_INVOICES.strip().rstrip(";"))
    return database


def add(database, events):
    database.executemany("INSERT INTO usage_events VALUES (?, ?, ?, ?, ?, ?, ?, ?)", events)
    for statement in store.statements("pipeline.sql", "hourly"):
        database.execute(statement)


def due(database):
    """Cents by invoice: as invoiced plus all credit notes."""
    return dict(
        database.execute(
            "SELECT i.invoice_id, i.amount_cents + coalesce(sum(n.amount_cents), 0) FROM invoices AS i"
            " LEFT JOIN credit_notes AS n ON n.invoice_id = i.invoice_id GROUP BY i.invoice_id, i.amount_cents"
        ).fetchall()
    )


def half_up(micro):
    return int((Decimal(micro) / 10_000).quantize(Decimal(1), rounding="ROUND_HALF_UP"))


def event(number, request, org="org_a", at=OCTOBER, prompt=1_000, output=100, outcome="stop", key="key"):
    return (f"e{number}", f"r{request}", org, key, at, prompt, output, outcome)


@st.composite
def histories(draw):
    """Requests with one to four copies, each later than the first by up to three hours, some beyond the month's end."""
    events, requests = [], []
    for request in range(draw(st.integers(1, 12))):
        org = draw(st.sampled_from(["org_a", "org_b", "org_c"]))
        first = draw(st.integers(NOVEMBER - 2 * HOUR, NOVEMBER + HOUR))
        prompt, output = draw(st.integers(1, 5_000)), draw(st.integers(0, 3_000))
        requests.append((org, first, prompt, output))
        for copy in range(draw(st.integers(1, 4))):
            at = first + (draw(st.integers(1, 10_800_000)) if copy else 0)
            events.append(event(len(events), request, org, at, prompt, output))
    return draw(st.permutations(events)), requests


@settings(max_examples=40)
@given(histories())
def test_after_corrections_the_ledger_is_the_recount_to_the_cent(history):
    events, requests = history
    database = ledger(events)
    before = database.execute("SELECT * FROM usage_events ORDER BY 1").fetchall()
    invoices = database.execute("SELECT * FROM invoices ORDER BY 1").fetchall()
    correct(database, "one")
    wanted = {row[0]: 0 for row in invoices}
    for org in ("org_a", "org_b", "org_c"):
        for month, low, high in (("10", OCTOBER, NOVEMBER), ("11", NOVEMBER, DECEMBER)):
            mine = [r for r in requests if r[0] == org and low <= r[1] < high]
            if f"inv-2026-{month}-{org}" in wanted:
                wanted[f"inv-2026-{month}-{org}"] = half_up(sum(3 * r[2] + 15 * r[3] for r in mine))
    assert due(database) == wanted
    # Nothing was rewritten, and nothing is corrected twice.
    assert database.execute("SELECT * FROM usage_events ORDER BY 1").fetchall() == before
    assert database.execute("SELECT * FROM invoices ORDER BY 1").fetchall() == invoices
    notes = database.execute("SELECT * FROM credit_notes ORDER BY 1, 2").fetchall()
    correct(database, "two")
    assert database.execute("SELECT * FROM credit_notes ORDER BY 1, 2").fetchall() == notes


class TestCredits:
    def test_one_copy_one_note(self):
        database = ledger([event(1, 1), event(2, 1, at=OCTOBER + 2_000), event(3, 2)])
        correct(database, "one")
        assert database.execute("SELECT event_id, kept_event_id FROM excluded_events").fetchall() == [
            ("e2", "e1")
        ]
        # Three times 4,500 millionths of a dollar are 1.35 cents, invoiced as 1; twice are 0.9, which is 1 as well.
        assert due(database) == {"inv-2026-10-org_a": 1}
        assert database.execute("SELECT count(*) FROM credit_notes").fetchone() == (0,)

    def test_half_a_cent_is_rounded_up_in_the_credit_as_in_the_invoice(self):
        # 15,000 millionths of a dollar an entry: 3 cents were invoiced, 1.5 are due.
        database = ledger([event(n, 1, at=OCTOBER + n, prompt=5_000, output=0) for n in (1, 2)])
        correct(database, "one")
        assert due(database) == {"inv-2026-10-org_a": 2}

    def test_the_months_first_millisecond_is_its_own(self):
        events = [event(1, 1, at=NOVEMBER - 9), event(2, 1, at=NOVEMBER - 1), event(3, 2, at=NOVEMBER)]
        database = ledger([(*row[:6], 5_000, *row[7:]) for row in events])
        correct(database, "one")
        assert due(database) == {"inv-2026-10-org_a": 8, "inv-2026-11-org_a": 8}

    def test_what_is_found_later_adds_a_second_note_and_changes_no_first(self):
        events = [event(n, n // 2, at=OCTOBER + n * 1_000, output=5_000) for n in range(4)]
        database = ledger([*events, event(9, 9, at=OCTOBER + 9_000, output=5_000)])
        database.execute("INSERT INTO excluded_events VALUES ('e1', 'e0', 'by hand')")
        run(database, "credit", run="one")
        correct(database, "two")
        notes = database.execute(
            "SELECT number, amount_cents, run_id FROM credit_notes ORDER BY number"
        ).fetchall()
        # 78,000 millionths an entry: 39.0 cents for five, 31.2 for four, 23.4 for three.
        assert notes == [(1, 31 - 39, "one"), (2, 23 - 31, "two")]

    def test_a_copy_beyond_the_months_end_is_credited_where_it_was_billed(self):
        database = ledger(
            [event(1, 1, at=NOVEMBER - 1_000, output=5_000), event(2, 1, at=NOVEMBER + 1_020, output=5_000)]
        )
        correct(database, "one")
        assert due(database) == {"inv-2026-10-org_a": 8, "inv-2026-11-org_a": 0}

    @pytest.mark.parametrize("goodwill_first", [True, False])
    def test_a_goodwill_note_takes_nothing_from_the_credit(self, goodwill_first):
        events = [event(1, 1, output=5_000), event(2, 1, at=OCTOBER + 2_000, output=5_000)]
        database = ledger(events)
        goodwill = "INSERT INTO credit_notes VALUES ('inv-2026-10-org_a', {}, -5, 'goodwill', 'by hand')"
        if goodwill_first:
            database.execute(goodwill.format(2))
        correct(database, "one")
        if not goodwill_first:
            database.execute(goodwill.format(2))
        correct(database, "two")
        # 15.6 cents for two entries were invoiced as 16, and 7.8 for one are 8.
        notes = database.execute(
            "SELECT amount_cents, reason FROM credit_notes WHERE run_id <> 'by hand' ORDER BY number"
        ).fetchall()
        assert notes == [(-8, "same request counted again")]
        assert due(database) == {"inv-2026-10-org_a": 16 - 8 - 5}

    def test_what_was_excluded_by_hand_is_not_kept_instead(self):
        database = ledger([event(1, 1), event(2, 1, at=OCTOBER + 2_000), event(3, 1, at=OCTOBER + 4_000)])
        database.execute("INSERT INTO excluded_events VALUES ('e1', 'e2', 'by hand')")
        correct(database, "one")
        found = database.execute("SELECT event_id, kept_event_id FROM excluded_events ORDER BY 1").fetchall()
        assert found == [("e1", "e2"), ("e3", "e2")]

    def test_an_earlier_copy_that_arrives_after_a_run_is_the_one_that_stays(self):
        database = ledger([event(2, 1, at=OCTOBER + 2_000), event(3, 1, at=OCTOBER + 4_000)])
        correct(database, "one")
        add(database, [event(1, 1)])
        correct(database, "two")
        found = database.execute("SELECT event_id, kept_event_id FROM excluded_events ORDER BY 1").fetchall()
        assert found == [("e2", "e1"), ("e3", "e2")]

    def test_a_pair_that_the_partial_rule_let_in_is_excluded(self):
        midnight = setting.ms("2026-11-07T00:00")
        database = ledger([event(1, 1, at=midnight - 1_000), event(2, 1, at=midnight + 1_010)])
        correct(database, "one")
        assert database.execute("SELECT event_id, kept_event_id FROM excluded_events").fetchall() == [
            ("e2", "e1")
        ]

    def test_an_open_month_is_summed_again_without_what_is_excluded_and_with_what_came_late(self):
        database = store.empty()
        run(database, "ledger")
        run(database, "counted")
        october = event(8, 8, at=NOVEMBER - 1, output=5_000)
        november = [event(n, n // 2, at=NOVEMBER + n * 1_000, output=5_000) for n in range(6)]
        add(database, [october, *november, event(9, 9, at=DECEMBER)])
        # Days later: the job has looked at these hours for the last time, so it sees neither.
        correct(database, "one")
        database.execute(
            "INSERT INTO usage_events VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            event("late", "late", at=NOVEMBER + 3 * HOUR, output=5_000),
        )
        before = database.execute("SELECT * FROM usage_hourly ORDER BY hour_ms").fetchall()
        assert [row[2] for row in before] == [1, 6, 1]
        for _ in range(2):
            run(database, "hours", low=NOVEMBER, high=DECEMBER)
            hours = database.execute("SELECT * FROM usage_hourly ORDER BY hour_ms").fetchall()
            assert [(row[1], row[2]) for row in hours[1:-1]] == [(NOVEMBER, 3), (NOVEMBER + 3 * HOUR, 1)]
            assert (hours[0], hours[-1]) == (before[0], before[-1])
        database.execute(NOVEMBERS_INVOICES.strip().rstrip(";"))
        # Four requests of 78,000 millionths of a dollar.
        assert due(database) == {"inv-2026-11-org_a": 31}
        correct(database, "two")
        assert database.execute("SELECT count(*) FROM credit_notes").fetchone() == (0,)

    def test_an_invoice_is_never_raised(self):
        database = ledger([event(1, 1)])
        add(database, [event(2, 2, at=OCTOBER + 5_000, output=9_000)])
        correct(database, "one")
        assert due(database) == {"inv-2026-10-org_a": 0}
        assert database.execute("SELECT count(*) FROM credit_notes").fetchone() == (0,)

    @pytest.mark.parametrize(
        "other",
        [{"output": 101}, {"org": "org_b"}, {"key": "other"}, {"outcome": "client_closed"}, {"prompt": 9}],
    )
    def test_entries_that_do_not_agree_are_for_a_person(self, other):
        database = ledger([event(1, 1), event(2, 1, at=OCTOBER + 2_000, **other), event(3, 2), event(4, 2)])
        correct(database, "one")
        assert store.rows(database, "disagreeing", "corrections.sql") == [("r1",)]
        assert database.execute("SELECT event_id FROM excluded_events").fetchall() == [("e4",)]

    def test_a_note_can_only_lower(self):
        database = ledger([event(1, 1)])
        with pytest.raises(sqlite3.IntegrityError):
            database.execute("INSERT INTO credit_notes VALUES ('inv-2026-10-org_a', 1, 1, 'x', 'x')")

    def test_the_second_run_of_the_same_number_fails(self):
        database = ledger([event(1, 1)])
        database.execute("INSERT INTO credit_notes VALUES ('inv-2026-10-org_a', 1, -1, 'x', 'x')")
        with pytest.raises(sqlite3.IntegrityError):
            database.execute("INSERT INTO credit_notes VALUES ('inv-2026-10-org_a', 1, -1, 'x', 'x')")


@pytest.fixture(scope="module")
def corrected():
    """The evidence with its invoices, after one run."""
    database = store.load()
    run(database, "ledger")
    run(database, "counted")
    run(database, "invoice")
    correct(database, "one")
    return database


def checked_by_hour(database, column):
    """One count of the daily check for each of October's first three hours."""
    return [
        store.rows(database, "daily_check", "corrections.sql", low=low, high=low + HOUR)[0][column]
        for low in range(OCTOBER, OCTOBER + 3 * HOUR, HOUR)
    ]


class TestEvidence:
    def test_fourteen_of_fifteen_agree_with_the_gateways_log_to_the_cent(self, corrected):
        left = {name.removeprefix("inv-2026-10-"): cents for name, cents in due(corrected).items()}
        recount = {
            row[0]: setting.cents(row[3]) for row in store.rows(corrected, "recount", "corrections.sql")
        }
        apart = {org: left[org] - recount[org] for org in left if left[org] != recount[org]}
        assert len(left) == 15
        assert apart == {"org_4417": 1}

    def test_the_cent_is_the_request_without_a_log_line(self, corrected):
        [(micro,)] = corrected.execute(
            "SELECT prompt_tokens * 3 + output_tokens * 15 FROM usage_events WHERE org_id = 'org_4417'"
            " AND request_id NOT IN (SELECT request_id FROM access_log)"
        )
        [(kept,)] = corrected.execute(
            "SELECT sum(prompt_tokens * 3 + output_tokens * 15) FROM usage_events WHERE org_id = 'org_4417'"
            " AND event_id NOT IN (SELECT event_id FROM excluded_events)"
        )
        assert half_up(kept) - half_up(kept - micro) == 1

    def test_never_billed_streams_stay_unbilled(self, corrected):
        rows = {row[0]: row[1:3] for row in store.rows(corrected, "recount", "corrections.sql")}
        assert rows["org_4417"] == (811, 2)

    def test_the_daily_check_sees_all_three(self, corrected):
        # Begun in the last seconds of October and ended in November, some belong to the next span.
        found = [
            store.rows(corrected, "daily_check", "corrections.sql", low=low, high=high)[0]
            for low, high in ((OCTOBER, NOVEMBER), (NOVEMBER, DECEMBER))
        ]
        assert [sum(column) for column in zip(*found, strict=True)] == [71, 2, 1]

    def test_the_check_counts_each_copy_once_in_the_hour_in_which_it_falls(self):
        at = (OCTOBER + HOUR - 500, OCTOBER + HOUR + 1_500, OCTOBER + HOUR + 3_500)
        database = store.empty()
        add(database, [event(number, 1, at=when) for number, when in enumerate(at)])
        add(database, [event(number, 2, at=OCTOBER + HOUR) for number in (8, 9)])  # in the same millisecond
        assert checked_by_hour(database, column=0) == [0, 3, 0]

    def test_a_lost_stream_is_missed_in_the_hour_in_which_it_ended(self):
        database = store.empty()
        begun, lasted = OCTOBER + HOUR - 5_000, 5_000  # its end is the first millisecond of the second hour
        database.execute(
            "INSERT INTO access_log VALUES ('r1', 'org_a', 'key', 'i1', 'AS1', 'own', ?, ?, 'stop'),"
            " ('r2', 'org_a', 'key', 'i2', 'AS1', 'own', ?, ?, 'failed')",
            (begun, lasted, begun, lasted),
        )
        assert checked_by_hour(database, column=1) == [0, 1, 0]

    def test_a_request_without_a_log_line_counts_once_in_each_hour_that_holds_an_entry_of_it(self):
        database = store.empty()
        at = (OCTOBER + HOUR, OCTOBER + HOUR + 2_000, OCTOBER + 2 * HOUR)
        add(database, [event(number, 1, at=when) for number, when in enumerate(at)])
        assert checked_by_hour(database, column=2) == [0, 1, 1]

    def test_on_the_mended_run_the_first_is_zero(self):
        database, _ = capture.mended_run()
        assert store.rows(database, "daily_check", "corrections.sql", low=0, high=DECEMBER)[0][0] == 0


class TestFleet:
    def test_it_is_the_questions_october(self):
        accounts = fleet.accounts()
        assert len(accounts) == 9_000
        assert sum(account.entries for account in accounts) == pytest.approx(100_000_000, abs=50)
        assert all(0 <= account.again <= account.entries for account in accounts)

    def test_its_share_is_the_captured_one(self):
        database = store.load()
        [(again, rows)] = database.execute(
            "SELECT sum(event_rows - request_ids), sum(event_rows) FROM daily_counts WHERE day LIKE '2026-10%'"
        )
        share = sum(account.again for account in fleet.accounts()) / 100_000_000
        assert share == pytest.approx(again / rows, rel=0.02)

    def test_a_credit_is_the_difference_of_two_rounded_amounts(self):
        # 81 cents for a hundred entries; 2.43 cents for three copies.
        assert fleet.Account(100, 3).credit_cents == 81 - half_up(97 * 8_100)
        assert fleet.Account(1, 1).credit_cents == 1
        # 2.43 cents were invoiced as 2; the one that stays is 0.81, so 1. The copies by themselves would be 1.62, so 2.
        assert fleet.Account(3, 2).credit_cents == 1
        assert fleet.Account(100, 0).credit_cents == 0

    def test_the_37_are_the_page_and_the_file(self):
        tickets = fleet.tickets()
        assert len({ticket.org_id for ticket in tickets}) == 37
        ours = tickets[0]
        assert (ours.entries, ours.again, ours.retries, ours.unbilled) == (
            124_912,
            34 * 148,
            17 * 148,
            7 * 148,
        )
        assert ours.disputed == 6_512
        assert all(ticket.elsewhere == 0 for ticket in tickets[:-1])
        # The foreign use of one hour in the evidence, over the hours from October 21, 02:00.
        assert tickets[-1].elsewhere == pytest.approx(144 * (31 * 24 - 20 * 24 - 2), rel=0.05)

    @pytest.mark.parametrize(("trials", "share"), [(100, 0.02), (2_000, 0.02), (100_000, 0.02)])
    def test_draws_have_the_binomials_mean_and_spread(self, trials, share):
        random = Random("draws")
        drawn = [fleet.drawn(random, trials, share) for _ in range(3_000)]
        mean = sum(drawn) / len(drawn)
        spread = sum((count - mean) ** 2 for count in drawn) / len(drawn)
        assert mean == pytest.approx(trials * share, rel=0.05)
        assert spread == pytest.approx(trials * share * (1 - share), rel=0.12)


SCHEMA = (store.HERE / "schema.sql").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def server():
    with postgresql() as running:
        copies = "\n".join(
            f"\\copy {table} FROM '{store.EVIDENCE / table}.csv' WITH (FORMAT csv, HEADER, NULL '')"
            for table in store.TABLES
        )
        running.template("evidence", SCHEMA, copies)
        yield running


@pytest.fixture(scope="module")
def reader(server):
    session = server.connect(server.fresh("evidence"))
    session.script("SET default_transaction_read_only = on;")
    yield session
    session.close()


@pytest.fixture(scope="module")
def evidence():
    return store.load()


@pytest.fixture
def session(server):
    session = server.connect(server.fresh("evidence"))
    yield session
    session.close()


def script(name, file="corrections.sql", **parameters):
    sql = store.section(file, name)
    return re.sub(r"(?<!:):(\w+)", lambda match: f"'{parameters[match[1]]}'", sql)


def as_text(rows):
    return [tuple("" if value is None else _number(value) for value in row) for row in rows]


def _number(value):
    return (
        str(float(value))
        if isinstance(value, float) or re.fullmatch(r"-?\d+\.\d+", str(value))
        else str(value)
    )


class TestPostgreSQL:
    @pytest.mark.parametrize(
        ("name", "file"),
        [
            *((name, "queries.sql") for name in (
                "totals", "hour", "days", "both_ways", "by_date", "distinct_ids", "profile", "networks", "outside")),
            *((name, "corrections.sql") for name in ("recount", "disagreeing", "daily_check")),
        ],
    )  # fmt: skip
    def test_it_answers_what_sqlite_answers(self, reader, evidence, name, file):
        span = {"low": OCTOBER, "high": NOVEMBER} if name == "daily_check" else {}
        rows = reader.script(script(name, file, **span))
        found = [tuple(line.split("\x1f")) for line in rows]
        assert as_text(found) == as_text(store.rows(evidence, name, file, **span))

    def test_the_corrections_are_sqlites_to_the_cent_and_a_second_run_adds_nothing(self, session):
        session.script(script("ledger") + script("counted") + script("invoice"))
        for run_id in ("one", "two"):
            session.script(script("exclude", run=run_id) + script("credit", run=run_id))
        other = store.load()
        run(other, "ledger")
        run(other, "counted")
        run(other, "invoice")
        correct(other, "one")
        wanted = other.execute(
            "SELECT invoice_id, number, amount_cents, run_id FROM credit_notes ORDER BY 1"
        ).fetchall()
        assert session.execute(
            "SELECT invoice_id, number, amount_cents, run_id FROM credit_notes ORDER BY 1"
        ) == as_text(wanted)
        assert len(wanted) > 8

    def test_summed_again_the_hours_are_those_that_count(self, session):
        session.script(script("ledger") + script("counted") + script("exclude", run="one"))
        session.script(script("hours", low=OCTOBER, high=DECEMBER))
        counted = script("totals", "queries.sql").replace("FROM usage_events", "FROM counted_events")
        apart = [line.split("\x1f")[3:] for line in session.script(counted)]
        assert apart == [["0", "0"]] * 15
        assert session.value("SELECT sum(requests) FROM usage_hourly") == str(1_958 - 71)

    def test_a_later_run_looks_up_what_was_excluded_instead_of_reading_it_for_each_event(self, session):
        session.script(script("ledger") + script("counted"))
        # More ids than fit into memory, as October's two million do not at the defaults.
        session.script(
            "SET work_mem = '64kB';"
            "INSERT INTO usage_events SELECT 'e' || n, 'r' || n / 2, 'o', 'k', n, 1, 1, 'stop'"
            " FROM generate_series(1, 20000) AS n;"
            "INSERT INTO excluded_events SELECT 'e' || n, 'e' || n - 1, 'first' FROM generate_series(3, 20000, 2) AS n;"
            "ANALYZE;"
        )
        plan = "\n".join(session.script("EXPLAIN " + script("exclude", run="second")))
        assert "Anti Join" in plan, plan
        assert "SubPlan" not in plan, plan

    def test_two_runs_at_once_credit_once(self, server):
        name = server.fresh("evidence")
        first, second = server.connect(name), server.connect(name)
        first.script(script("ledger") + script("counted") + script("invoice") + script("exclude", run="zero"))
        # The second has looked before the first commits, and writes after it.
        second.script("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM credit_notes;")
        first.script(script("credit", run="one"))
        with pytest.raises(DatabaseError, match="duplicate key"):
            second.script(script("credit", run="two"))
        assert first.execute("SELECT DISTINCT run_id FROM credit_notes") == [("one",)]
        first.close()
        second.close()

    def test_the_role_may_add_and_nothing_else(self, session, server):
        session.script(script("ledger") + script("counted") + script("invoice"))
        session.script(script("grants", "postgresql.sql"))
        session.script("SET ROLE billing;")
        session.script(script("exclude", run="one") + script("credit", run="one"))
        for table in ("usage_events", "invoices", "excluded_events", "credit_notes"):
            for change in (
                f"DELETE FROM {table};",
                f"UPDATE {table} SET org_id = 'x';",
                f"TRUNCATE {table};",
            ):
                with pytest.raises(DatabaseError, match=r"permission denied|does not exist"):
                    session.script(change)
        for table in ("usage_events", "invoices"):
            with pytest.raises(DatabaseError, match="permission denied"):
                session.script(f"INSERT INTO {table} SELECT * FROM {table};")

    def test_the_plain_rule_fails_on_the_history_and_the_partial_one_holds(self, session):
        with pytest.raises(DatabaseError, match="could not create unique index"):
            session.script("CREATE UNIQUE INDEX plain ON usage_events (request_id);")
        consume, rule = store.statements("pipeline.sql", "mend")
        session.script(rule.replace("UNIQUE INDEX", "UNIQUE INDEX CONCURRENTLY") + ";")
        row = dict(zip(
            ("event_id", "request_id", "org_id", "key_id", "created_ms", "prompt_tokens", "output_tokens", "outcome"),
            event(1, 1, at=1_794_009_600_000), strict=True,
        ))  # fmt: skip
        session.execute(consume, **row)
        copy = row | {"event_id": "e2", "created_ms": 1_794_009_602_000}
        with pytest.raises(DatabaseError, match="duplicate key"):  # so the new INSERT ships before the rule
            session.execute(store.section("pipeline.sql", "consume").strip().rstrip(";"), **copy)
        session.execute(consume, **copy)
        assert session.execute("SELECT event_id FROM usage_events WHERE request_id = 'r1'") == [("e1",)]

    @pytest.mark.parametrize(("end", "rows"), [("COMMIT;", [("e1",)]), ("ROLLBACK;", [("e2",)])])
    def test_two_consumers_at_once_store_one(self, server, end, rows):
        name = server.fresh("evidence")
        first, second = server.connect(name), server.connect(name)
        consume, rule = store.statements("pipeline.sql", "mend")
        first.script(rule + ";")
        insert = (
            re.sub(r"(?s)VALUES.*?\)", "VALUES ('{}', 'r1', 'o', 'k', 1794009600000, 1, 1, 'stop')", consume)
            + ";"
        )
        first.script("BEGIN;" + insert.format("e1"))
        second.start(insert.format("e2"))
        first.script(end)
        second.finish()
        assert first.execute("SELECT event_id FROM usage_events WHERE request_id = 'r1'") == rows
        first.close()
        second.close()

    def test_under_repeatable_read_the_loser_is_told_to_repeat(self, server):
        name = server.fresh("evidence")
        first, second = server.connect(name), server.connect(name)
        consume, rule = store.statements("pipeline.sql", "mend")
        first.script(rule + ";")
        insert = (
            re.sub(r"(?s)VALUES.*?\)", "VALUES ('{}', 'r1', 'o', 'k', 1794009600000, 1, 1, 'stop')", consume)
            + ";"
        )
        second.script("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM usage_events;")
        first.script(insert.format("e1"))
        with pytest.raises(DatabaseError, match="could not serialize access"):
            second.script(insert.format("e2"))
        first.close()
        second.close()

    def test_across_partitions_and_times_uniqueness_does_not_hold(self, session):
        with pytest.raises(DatabaseError, match="must include all partitioning columns"):
            session.script(
                script("partitioned", "postgresql.sql").replace("(request_id, created_ms)", "(request_id)")
            )
        session.script(script("partitioned", "postgresql.sql"))
        insert = "INSERT INTO events_by_month VALUES ('{}', 'r1', {}) ON CONFLICT DO NOTHING;"
        session.script(insert.format("e1", NOVEMBER - 1_000) + insert.format("e2", NOVEMBER + 1_010))
        assert session.value("SELECT count(*) FROM events_by_month") == "2"
        # With one time for all copies, the same constraint does.
        session.script("TRUNCATE events_by_month;")
        session.script(insert.format("e1", NOVEMBER - 1_000) + insert.format("e2", NOVEMBER - 1_000))
        assert session.value("SELECT count(*) FROM events_by_month") == "1"
