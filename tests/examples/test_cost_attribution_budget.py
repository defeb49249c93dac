"""Budgets that stop, on a real PostgreSQL with streams that open at once; and the rules that warn, through promtool."""

from __future__ import annotations

import subprocess
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from examples.cost_attribution import budget
from examples.cost_attribution import setting as s
from tests.examples.postgresql import DatabaseError, Server, Session, postgresql
from tests.tools import promtool

FOLDER = Path(__file__).parents[2] / "examples/cost_attribution"
MONTH, HOUR = "[2026-10-01,2026-11-01)", "[2026-10-05 11:00Z,2026-10-05 12:00Z)"
NEXT_HOUR = "[2026-10-05 12:00Z,2026-10-05 13:00Z)"
LAST_HOUR = "[2026-10-31 23:00Z,2026-11-01 00:00Z)"  # which ends when the month does
NOW = "2026-10-05T11:30:00Z"
LATER = "2026-10-05T12:00:00Z"
DOLLAR = 10**9
WORST = 8_192 * 15_000 + 3_000 * 3_000  # 8,192 tokens at $15 and 3,000 at $3 a million, in nanodollars


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgresql() as running:
        running.template("money", (FOLDER / "budget.sql").read_text(encoding="utf-8"))
        yield running


def opened(server: Server, limit: int, ceiling: int = 10**15) -> tuple[str, Session]:
    name = server.fresh("money")
    session = server.connect(name)
    for during, nano in ((MONTH, limit), (HOUR, ceiling)):
        session.execute("INSERT INTO budget VALUES ('p', :d, :n), ('poor', :d, 0)", d=during, n=nano)
    return name, session


def attempt(n: int) -> str:
    return str(uuid.UUID(int=n))


def reserve(db: Session, n: int, nano: int = WORST, deadline: str = LATER) -> bool:
    sql = "SELECT reserve(:a, 'p', :m, :n, :d)"
    return db.value(sql, a=attempt(n), m=NOW, n=nano, d=deadline) == "t"


def settle(db: Session, n: int, nano: int, revision: int = 2) -> bool:
    sql = f"SELECT settle(:a, {revision}::smallint, :n)"
    return db.value(sql, a=attempt(n), n=nano) == "t"


def state(db: Session) -> tuple[int, int]:
    """Spent and held, of the month and of the hour alike; the project beside it is charged nothing."""
    [(_, spent, held), poor] = db.execute(
        "SELECT DISTINCT project, spent_nano, held_nano FROM budget ORDER BY 1"
    )
    assert poor == ("poor", "0", "0")
    return int(spent), int(held)


def test_four_hundred_streams_at_once_stay_below_the_limit(server: Server) -> None:
    """Eight gateways open fifty streams each on a budget with $20 left, of which every stream could cost 13 cents."""
    name, db = opened(server, 20 * DOLLAR)
    admitted: list[int] = []

    def gateway(first: int) -> None:
        session = server.connect(name)
        admitted.extend(n for n in range(first, first + 50) if reserve(session, n))

    threads = [threading.Thread(target=gateway, args=(first,)) for first in range(0, s.STREAMS, 50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(admitted) == 20 * DOLLAR // WORST == 151
    assert state(db) == (0, 151 * WORST)
    # If all of them cost the most that they can, the limit holds; the mean costs a tenth, and the rest comes back.
    for n in admitted[:100]:
        assert settle(db, n, WORST)
    assert not reserve(db, 1_000)
    for n in admitted[100:]:
        assert settle(db, n, 13_950_000)
    assert state(db) == (100 * WORST + 51 * 13_950_000, 0)
    assert reserve(db, 1_001)


def test_a_hold_is_taken_once_and_settled_once(server: Server) -> None:
    _, db = opened(server, DOLLAR)
    assert reserve(db, 1, 600_000_000)
    assert reserve(db, 1, 600_000_000)  # the answer was lost, and the gateway asks again
    assert state(db) == (0, 600_000_000)
    assert not reserve(db, 2, 600_000_000)
    assert settle(db, 1, 100)
    assert not settle(db, 1, 100)
    assert state(db) == (100, 0)
    assert not settle(db, 3, 100)


def test_the_same_call_twice_at_once_holds_once(server: Server) -> None:
    name, one = opened(server, DOLLAR)
    two = server.connect(name)
    call = f"SELECT reserve('{attempt(1)}', 'p', '{NOW}', {WORST}, '{LATER}');"
    one.script(f"BEGIN; {call}")
    two.start(call)
    server.connect(name).until_waiting(1)
    one.script("COMMIT;")
    assert two.finish() == ["t"]
    assert state(one) == (0, WORST)


def test_newer_news_replaces_older_and_not_the_other_way(server: Server) -> None:
    _, db = opened(server, DOLLAR)
    reserve(db, 1)
    assert settle(db, 1, 500, revision=1)  # an estimate: the client has left
    assert settle(db, 1, 900, revision=3)  # the provider's report
    assert not settle(db, 1, 700, revision=2)
    assert state(db) == (900, 0)


def test_what_a_dead_gateway_held_counts_in_full_until_somebody_knows_better(server: Server) -> None:
    _, db = opened(server, DOLLAR)
    reserve(db, 1, deadline="2026-10-05T12:00:00Z")
    reserve(db, 2, deadline="2026-10-05T12:00:01Z")
    assert db.value("SELECT expire('2026-10-05T11:59:59Z')") == "0"
    assert db.value("SELECT expire('2026-10-05T12:00:00Z')") == "1"  # at the deadline itself
    assert state(db) == (WORST, WORST)
    assert db.value("SELECT expire('2026-10-05T12:00:00Z')") == "0"
    assert settle(db, 1, 13_950_000)
    assert state(db) == (13_950_000, WORST)


def test_the_hours_ceiling_stops_what_the_month_would_allow(server: Server) -> None:
    _, db = opened(server, 5_000 * DOLLAR, ceiling=20 * DOLLAR)
    assert reserve(db, 1, 20 * DOLLAR)
    assert not reserve(db, 2, 1)
    assert settle(db, 1, 19 * DOLLAR)
    assert reserve(db, 2, DOLLAR)
    assert not reserve(db, 3, 1)
    db.execute("INSERT INTO budget VALUES ('p', :d, :n)", d=NEXT_HOUR, n=20 * DOLLAR)
    assert db.value("SELECT reserve(:a, 'p', '2026-10-05T12:00:00Z', 1, :d)", a=attempt(3), d=LATER) == "t"
    assert settle(db, 2, DOLLAR)
    rows = db.execute(
        "SELECT spent_nano, held_nano FROM budget WHERE project = 'p' ORDER BY upper(during), limit_nano"
    )
    assert rows == [(str(20 * DOLLAR), "0"), ("0", "1"), (str(20 * DOLLAR), "1")]


def test_what_was_let_in_without_the_store_counts_once_even_past_the_limit(server: Server) -> None:
    _, db = opened(server, DOLLAR)
    assert reserve(db, 1, DOLLAR)
    for answer in ("t", "f"):
        assert db.value(f"SELECT count_late('{attempt(2)}', 'p', '{NOW}', {DOLLAR})") == answer
    assert state(db) == (DOLLAR, DOLLAR)
    assert settle(db, 2, 500)  # the provider's number, of an attempt that had been estimated
    assert state(db) == (500, DOLLAR)


@pytest.mark.parametrize("other_hour", [NEXT_HOUR, LAST_HOUR], ids=["next hour", "the month's last"])
@pytest.mark.parametrize(
    ("call", "spent"),
    [
        (f"settle('{attempt(2)}', 2::smallint, 9)", [7, 9, 16]),
        (f"count_late('{attempt(3)}', 'q', :moment, 9)", [7, 16, 23]),
    ],
    ids=["settle", "count_late"],
)
def test_who_comes_late_and_the_expiry_of_many_do_not_wait_for_each_other(
    server: Server, other_hour: str, call: str, spent: list[int]
) -> None:
    """The expiry has settled the first hold when the call for the other hour begins, and goes on to the second.

    Whoever took that hour's row before the month's would now hold what the expiry needs.
    """
    name, expiry = opened(server, DOLLAR)
    for during in (other_hour, HOUR, MONTH):
        expiry.execute("INSERT INTO budget VALUES ('q', :d, :n)", d=during, n=DOLLAR)
    for n, during in ((1, HOUR), (2, other_hour)):
        moment = expiry.value("SELECT lower(:d::tstzrange)", d=during)
        assert expiry.value("SELECT reserve(:a, 'q', :m, 20, :m)", a=attempt(n), m=moment) == "t"
    late, watcher = server.connect(name), server.connect(name)
    expiry.script(f"BEGIN; SELECT settle('{attempt(1)}', 1::smallint, 7);")
    late.start(f"SELECT {call.replace(':moment', repr(moment))};")
    watcher.until_waiting(1)
    assert expiry.script(f"SELECT settle('{attempt(2)}', 1::smallint, 7); COMMIT;") == ["t"]
    assert late.finish() == ["t"]
    rows = watcher.execute("SELECT spent_nano, held_nano FROM budget WHERE project = 'q' ORDER BY spent_nano")
    assert rows == [(str(nano), "0") for nano in spent]  # of two hours, and of the month


def test_two_expiries_of_many_projects_do_not_wait_for_each_other(server: Server) -> None:
    """The later one finds a hold more, of the project that the earlier one needs next."""
    name, db = opened(server, DOLLAR)
    for during in (MONTH, HOUR):
        db.execute("INSERT INTO budget VALUES ('q', :d, :n)", d=during, n=DOLLAR)
    for n, its, second in ((1, "p", 1), (2, "q", 0), (3, "p", 0)):
        due = f"2026-10-05T12:00:0{second}Z"
        assert db.value(f"SELECT reserve(:a, '{its}', :m, 5, :d)", a=attempt(n), m=NOW, d=due) == "t"
    first, second, watcher = (server.connect(name) for _ in range(3))
    db.script(f"BEGIN; SELECT queue('q', '{NOW}');")
    first.start(f"SELECT expire('{LATER}');")
    watcher.until_waiting(1)
    second.start("SELECT expire('2026-10-05T12:00:01Z');")
    watcher.until_waiting(2)
    db.script("COMMIT;")
    assert (first.finish(), second.finish()) == (["2"], ["1"])


def test_a_gateway_that_dies_while_it_reserves_blocks_nobody(server: Server) -> None:
    name, db = opened(server, DOLLAR)
    dying = server.connect(name)
    dying.script(f"BEGIN; SELECT reserve('{attempt(1)}', 'p', '{NOW}', 1, '{LATER}');")
    db.start(f"SELECT reserve('{attempt(2)}', 'p', '{NOW}', {DOLLAR}, '{LATER}');")
    dying.kill()
    assert db.finish() == ["t"]
    assert state(db) == (0, DOLLAR)


def test_an_unknown_project_and_a_hold_of_nothing_get_nothing(server: Server) -> None:
    _, db = opened(server, DOLLAR)
    assert db.value("SELECT reserve(:a, 'other', :m, 1, :d)", a=attempt(1), m=NOW, d=LATER) == "f"
    # Nor does anybody spend in an hour that has no ceiling yet.
    assert (
        db.value("SELECT reserve(:a, 'p', :m, 1, :d)", a=attempt(1), m="2026-10-05T12:00:00Z", d=LATER) == "f"
    )
    assert reserve(db, 2, 100)
    for nano in (0, -5):  # a negative one would make room for others
        with pytest.raises(DatabaseError, match="check"):
            reserve(db, 3, nano)
    # A second row for the month would stand for the ceiling of an hour that has none.
    with pytest.raises(DatabaseError, match="duplicate"):
        db.execute("INSERT INTO budget VALUES ('p', :d, :n)", d=MONTH, n=2 * DOLLAR)
    assert state(db) == (0, 100)


STEPS = st.lists(
    st.tuples(st.sampled_from("rrsse"), st.integers(0, 5), st.integers(1, 60), st.integers(1, 3)), max_size=25
)


@given(steps=STEPS)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_counters_are_the_sum_of_the_holds_and_never_pass_the_limit(
    server: Server, ledger: Session, steps: list[tuple[str, int, int, int]]
) -> None:
    db = ledger
    db.script("DELETE FROM hold; UPDATE budget SET spent_nano = 0, held_nano = 0;")
    for kind, n, nano, revision in steps:
        if kind == "r":
            reserve(db, n, nano, deadline=f"2026-10-05T12:00:{nano % 60:02}Z")
        elif kind == "s":
            held = db.execute("SELECT nano FROM hold WHERE attempt_id = :a", a=attempt(n))
            if held:
                settle(db, n, min(nano, int(held[0][0])), revision)
        else:
            db.value(f"SELECT expire('2026-10-05T12:00:{nano % 60:02}Z')")
        spent, kept = db.execute(
            "SELECT coalesce(sum(settled_nano), 0), coalesce(sum(nano) FILTER (WHERE revision IS NULL), 0) FROM hold"
        )[0]
        assert state(db) == (int(spent), int(kept))
        assert sum(state(db)) <= 100


@pytest.fixture(scope="module")
def ledger(server: Server) -> Session:
    return opened(server, 100)[1]


class TestGrant:
    def test_the_worst_case(self) -> None:
        assert budget.worst_nano(3_000, 8_192, s.NANO) == WORST == 131_880_000
        # With a price for cache writes, input can cost that much.
        assert budget.worst_nano(1_000, 0, s.NANO | {"written": 3_750}) == 3_750_000

    def test_an_answer_is_cut_to_what_is_left(self) -> None:
        assert budget.grant(50_000_000, 3_000, 8_192, s.NANO) == (50_000_000 - 9_000_000) // 15_000
        assert budget.grant(10 * DOLLAR, 3_000, 8_192, s.NANO) == 8_192
        assert budget.grant(9_000_000 + 255 * 15_000, 3_000, 8_192, s.NANO) == 0
        assert budget.grant(9_000_000 + 16 * 15_000, 3_000, 16, s.NANO) == 16
        assert budget.grant(-1, 10, 100, s.NANO) == 0

    @given(left=st.integers(-10, 10**10), tokens=st.integers(0, 200_000), asked=st.integers(1, 64_000))
    def test_a_grant_is_paid_for(self, left: int, tokens: int, asked: int) -> None:
        given_ = budget.grant(left, tokens, asked, s.NANO)
        assert 0 <= given_ <= asked
        assert not given_ or budget.worst_nano(tokens, given_, s.NANO) <= left


def test_the_rules_warn_in_time() -> None:
    tool = promtool()
    for arguments in (["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]):
        run = subprocess.run(
            [tool, *arguments], cwd=FOLDER, capture_output=True, text=True, timeout=120, check=False
        )
        assert run.returncode == 0, run.stdout + run.stderr
