"""The pipeline, its evidence, and what the evidence says and does not say before the decisive stage."""

from __future__ import annotations

import csv
import math
import os
import re
import shutil
import sqlite3
import subprocess
from collections import Counter, defaultdict
from datetime import date
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from examples.billing_discrepancy import capture, pipeline, setting, store, traffic
from examples.billing_discrepancy.traffic import Fate, Request
from macros import evidence as manifest

PACKAGE = Path(store.__file__).parent
ROOT = PACKAGE.parents[1]


def read(name):
    with (store.EVIDENCE / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


customer_run = cache(capture.customer_run)
"""Nobody writes to what it gives."""


@pytest.fixture(scope="module")
def database():
    return store.load()


def fate(acks=(0.02, 0.02, 0.02), stored=(True, True, True), **changes):
    return Fate(acks, stored, **({"redelivered": False, "gateway_killed": False, "log_line_lost": False,
                                  "timer_late_ms": 7} | changes))  # fmt: skip


def request(of=None, **changes):
    return Request(
        "r1", "org", "key", "i1", "AS1", "own", 1_000, 500, "stop", 100, 10, of or fate()
    )._replace(**changes)


def rows_of(requests, mended=False, timeout_s=2.0):
    database = store.empty()
    publish, consume = pipeline.publisher(pipeline.random_ids("x")), store.section("pipeline.sql", "consume")
    if mended:
        consume, rule = store.statements("pipeline.sql", "mend")
        database.execute(re.sub(r">= \d+", ">= 0", rule))
        publish = pipeline.publish_once
    records = pipeline.run(database, requests, publish, lambda _: timeout_s, consume)
    return database.execute("SELECT * FROM usage_events ORDER BY created_ms").fetchall(), records, database


class TestPipeline:
    def test_an_acknowledged_event_is_stored_once(self):
        rows, records, database = rows_of([request()])
        assert [row[1:] for row in rows] == [("r1", "org", "key", 1_500, 100, 10, "stop")]
        assert records.redelivered == 0
        assert database.execute("SELECT * FROM usage_hourly").fetchall() == [("org", 0, 1, 100, 10)]

    def test_a_redelivered_message_is_stored_once(self):
        rows, records, _ = rows_of([request(fate(redelivered=True))])
        assert (len(rows), records.redelivered) == (1, 1)

    def test_a_late_acknowledgment_stores_the_request_twice_a_timeout_apart(self):
        rows, _, _ = rows_of([request(fate(acks=(2.5, 0.02, 0.02)))])
        assert [row[4] for row in rows] == [1_500, 3_507]
        assert len({row[0] for row in rows}) == 2
        assert {row[1] for row in rows} == {"r1"}

    def test_two_late_acknowledgments_store_it_three_times_and_no_more(self):
        rows, _, _ = rows_of([request(fate(acks=(9.0, 9.0, 9.0)))])
        assert len(rows) == 3

    def test_a_longer_wait_stores_it_once(self):
        assert len(rows_of([request(fate(acks=(2.5, 0.02, 0.02)))], timeout_s=10.0)[0]) == 1

    def test_a_message_that_was_not_kept_is_rightly_sent_again(self):
        rows, _, _ = rows_of([request(fate(acks=(math.inf, 0.02, 0.02), stored=(False, True, True)))])
        assert [row[4] for row in rows] == [3_507]

    def test_no_stream_no_event_and_a_killed_gateway_loses_its_event(self):
        failed, killed = request(finish="failed"), request(fate(gateway_killed=True), request_id="r2")
        rows, records, _ = rows_of([failed, killed])
        assert rows == []
        assert len(records.access_log) == 2

    def test_the_log_may_lose_a_line_that_the_meter_has(self):
        rows, records, _ = rows_of([request(fate(log_line_lost=True), upstream="provider")])
        assert (len(rows), records.access_log) == (1, [])
        assert len(records.provider_lines) == 1

    @pytest.mark.parametrize(
        "one", [fate(acks=(9.0, 9.0, 9.0)), fate(acks=(2.5, 0.02, 0.02), redelivered=True), fate()]
    )
    def test_mended_whatever_the_queue_does_one_row(self, one):
        rows, _, _ = rows_of([request(one)], mended=True)
        assert [row[4] for row in rows] == [1_500]

    def test_mended_the_rule_holds_against_a_publisher_that_still_mints_ids(self):
        database = store.empty()
        consume, rule = store.statements("pipeline.sql", "mend")
        database.execute(re.sub(r">= \d+", ">= 0", rule))
        pipeline.run(
            database, [request(fate(acks=(9.0, 9.0, 9.0)))], pipeline.publisher(pipeline.random_ids("x")),
            lambda _: 2.0, consume,
        )  # fmt: skip
        assert database.execute("SELECT count(*) FROM usage_events").fetchone() == (1,)

    def test_the_consumers_insert_ships_before_the_rule(self):
        """The old one names `event_id`, so the rule is an error to it; the new one needs no rule to work as before."""
        old, (new, rule) = store.section("pipeline.sql", "consume"), store.statements("pipeline.sql", "mend")
        at = setting.ms("2026-11-07T00:00")
        one, copy = (
            pipeline.Event(event_id, at, "r1", "org", "key", 1, 1, "stop")._asdict()
            for event_id in ("e1", "e2")
        )
        database = store.empty()
        for event in (one, one):
            database.execute(new, event)
        database.execute(rule)
        with pytest.raises(sqlite3.IntegrityError, match=r"usage_events\.request_id"):
            database.execute(old, copy)
        database.execute(new, copy)
        assert database.execute("SELECT event_id FROM usage_events").fetchall() == [("e1",)]

    def test_a_derived_id_alone_suffices_for_the_old_consumer(self):
        database = store.empty()
        pipeline.run(database, [request(fate(acks=(9.0, 9.0, 9.0)))], pipeline.publish_once, lambda _: 2.0)
        assert database.execute("SELECT count(*) FROM usage_events").fetchone() == (1,)

    def test_the_mended_run_of_the_same_traffic_has_no_copy_and_loses_nothing_else(self):
        before, records, _ = customer_run()
        after, again = capture.mended_run()
        [(rows, ids)] = after.execute("SELECT count(*), count(DISTINCT request_id) FROM usage_events")
        assert rows == ids == 1_887
        wanted = before.execute("SELECT DISTINCT request_id FROM usage_events ORDER BY 1").fetchall()
        assert after.execute("SELECT request_id FROM usage_events ORDER BY 1").fetchall() == wanted
        assert again.access_log == records.access_log
        # Each copy that was stored is now refused, beside the redelivered messages.
        assert again.redelivered - records.redelivered == 1_958 - 1_887

    def test_the_hourly_job_adds_nothing_twice(self):
        _, _, database = rows_of([request(), request(request_id="r2", started_ms=3_600_000)])
        first = database.execute("SELECT * FROM usage_hourly").fetchall()
        for statement in store.statements("pipeline.sql", "hourly"):
            database.execute(statement)
        assert database.execute("SELECT * FROM usage_hourly").fetchall() == first
        assert [row[1:3] for row in first] == [(0, 1), (3_600_000, 1)]

    def test_the_rule_cannot_be_built_over_the_history_but_from_its_day_on(self, database):
        with pytest.raises(sqlite3.IntegrityError):
            database.execute("CREATE UNIQUE INDEX plain ON usage_events (request_id)")
        database.execute(store.statements("pipeline.sql", "mend")[1])
        assert "1794009600000" in store.section("pipeline.sql", "mend")
        assert setting.ms("2026-11-07T00:00") == 1_794_009_600_000
        database.execute("DROP INDEX one_event_a_request")

    def test_what_the_rule_lets_in_is_a_pair_across_its_first_midnight_and_what_ended_before(self):
        database = store.empty()
        consume, rule = store.statements("pipeline.sql", "mend")
        database.execute(rule)
        midnight = setting.ms("2026-11-07T00:00")
        for event_id, request_id, at in (
            ("e1", "across", midnight - 1_000), ("e2", "across", midnight + 1_010), ("e3", "across", midnight + 3_020),
            ("e4", "before", midnight - 9_000), ("e5", "before", midnight - 7_000),
        ):  # fmt: skip
            event = pipeline.Event(event_id, at, request_id, "org", "key", 1, 1, "stop")
            database.execute(consume, event._asdict())
        kept = database.execute("SELECT event_id FROM usage_events ORDER BY 1").fetchall()
        assert kept == [("e1",), ("e2",), ("e4",), ("e5",)]


class TestCapture:
    def test_the_committed_files_are_what_the_run_writes(self):
        """All but the fleet's other days, which take longer: three of them stand for the rest."""
        days = capture.all_days
        wanted = {str(day) for day in (date(2026, 10, 2), date(2026, 10, 3), date(2026, 11, 5))}
        capture.all_days = lambda: [day for day in days() if str(day) in wanted]
        try:
            files = capture.evidence()
        finally:
            capture.all_days = days
        for name, text in files.items():
            committed = (store.EVIDENCE / name).read_text(encoding="utf-8")
            if name == "daily_counts.csv":
                lines = committed.splitlines()
                assert len(lines) == 1 + len(days())
                assert text.splitlines() == [lines[0], *(line for line in lines if line[:10] in wanted)]
            else:
                assert text == committed, name
        assert {file.name for file in store.EVIDENCE.iterdir()} == set(files)

    def test_main_writes_the_files(self, tmp_path, monkeypatch):
        monkeypatch.setattr(capture, "all_days", lambda: [date(2026, 10, 14)])
        monkeypatch.setattr(capture, "customer_run", customer_run)
        capture.main(tmp_path / "evidence")
        assert len(list((tmp_path / "evidence").iterdir())) == 9

    def test_the_files_are_described_column_by_column_and_small(self):
        files = manifest.load(PACKAGE)
        assert sum(len(file.text) for file in files) < 400_000
        for file in files:
            if file.name.endswith(".csv"):
                assert file.text.split("\n", 1)[0].split(",") == list(file.columns), file.name

    def test_ids_do_not_collide(self):
        assert len({row["request_id"] for row in read("access_log")}) == len(read("access_log"))

    def test_a_shell_loads_them_as_the_page_says(self, tmp_path):
        if not shutil.which("sqlite3"):
            reason = "the sqlite3 shell is not installed here (Debian and Ubuntu: apt-get install sqlite3)"
            (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
        commands = [".read tables.sql", ".mode csv"]
        commands += [f".import --skip 1 {table}.csv {table}" for table in store.TABLES]
        for name, file in (("days", "queries.sql"), ("hour", "queries.sql")):
            done = subprocess.run(
                ["sqlite3", tmp_path / f"{name}.db", *commands, store.section(file, name)],
                cwd=store.EVIDENCE, capture_output=True, text=True, check=True,
            )  # fmt: skip
            assert done.stderr == ""
            assert len(done.stdout.splitlines()) == {"days": 30, "hour": 1}[name]


class TestAlert:
    """What the page's first sections say, in the data."""

    def test_five_hours_have_the_months_ratio(self, database):
        calls = sum(row["org_id"] == "org_4417" for row in read("client_calls"))
        entries = sum(row["org_id"] == "org_4417" for row in read("usage_events"))
        assert (calls, entries) == (800, 844)
        assert calls == 118_400 / 148
        assert entries == 124_912 / 148

    def test_the_tickets_add_up_to_the_cent(self):
        tickets = read("tickets")
        assert len(tickets) == 37
        assert sum(int(row["invoiced_cents"]) for row in tickets) == 46_250_00
        assert sum(int(row["disputed_cents"]) for row in tickets) == 2_405_00
        assert [row["org_id"] for row in tickets if row["client_log"] == "yes"] == [
            "org_4417", "org_7730", "org_2093"
        ]  # fmt: skip
        assert int(next(row["disputed_cents"] for row in tickets if row["org_id"] == "org_4417")) == 52_75
        assert all(0 < int(row["disputed_cents"]) < int(row["invoiced_cents"]) for row in tickets)

    def test_the_access_log_begins_on_october_7_and_the_export_is_octobers(self):
        for row in read("daily_counts"):
            assert (row["streams"] != "") == (row["day"] >= "2026-10-07")
            assert (row["provider_lines"] != "") == row["day"].startswith("2026-10")

    def test_october_is_one_request_in_a_thousand(self):
        rows = sum(int(row["event_rows"]) for row in read("daily_counts") if row["day"].startswith("2026-10"))
        assert rows == pytest.approx(100_000, rel=0.005)
        served = [row["upstream"] for row in read("access_log")]
        assert served.count("provider") / len(served) == pytest.approx(0.04, abs=0.01)

    def test_tokens_have_the_settings_means(self):
        rows = [
            row for row in read("usage_events") if row["org_id"] != "org_2093" and row["outcome"] == "stop"
        ]
        assert sum(int(row["prompt_tokens"]) for row in rows) / len(rows) == pytest.approx(1_200, rel=0.06)
        assert sum(int(row["output_tokens"]) for row in rows) / len(rows) == pytest.approx(300, rel=0.06)

    def test_no_description_names_the_cause(self):
        told = (PACKAGE / "evidence.yml").read_text() + (store.EVIDENCE / "tables.sql").read_text()
        told += " ".join(" ".join(row.values()) for row in read("changes"))
        for word in ("duplicate", "twice", "copy", "copies", "republish", "again publish", "leak", "stolen"):
            assert word not in told.lower(), word


class TestStages:
    """Each stage's finding, and the explanations that it has to leave alive."""

    def test_2_derived_records_agree_everywhere(self, database):
        found = store.rows(database, "totals")
        assert all(row[3:] == (0, 0) for row in found)
        assert (len(found), sum(row[1] for row in found)) == (15, 1_958)
        for row in read("daily_counts"):
            assert row["event_rows"] == row["hourly_requests"]

    def test_2_a_difference_in_either_direction_shows_and_none_cancels_another(self):
        database = store.load()
        one = "SELECT hour_ms FROM usage_hourly WHERE org_id = 'org_4417' ORDER BY hour_ms LIMIT 1"
        database.execute(
            f"UPDATE usage_hourly SET requests = requests + CASE WHEN hour_ms = ({one}) THEN 1 ELSE -1 END"
            f" WHERE org_id = 'org_4417' AND hour_ms <= ({one}) + 3600000"
        )
        database.execute("INSERT INTO usage_hourly VALUES ('org_x', 0, 5, 10, 10)")
        found = {row[0]: row[1:] for row in store.rows(database, "totals")}
        assert found["org_4417"] == (844, 844, 2, 0)
        assert found["org_x"] == (0, 5, 5, 180)

    def test_3_the_hours_count_changes_at_two_hops(self, database):
        [(calls, accepted, streams, rows, summed)] = store.rows(database, "hour")
        assert (calls, accepted, streams, rows, summed) == (162, 166, 164, 169, 169)
        low = setting.ms("2026-10-14T14:00")
        ended = [int(row["started_ms"]) + int(row["duration_ms"]) for row in read("access_log")
                 if row["org_id"] == "org_4417" and row["finish"] != "failed"]  # fmt: skip
        assert sum(low <= at < low + 3_600_000 for at in ended) == streams

    def test_4_the_first_ratio_steps_on_october_12_the_second_on_no_logged_day(self, database):
        days = store.rows(database, "days")
        early, late = ([row for row in days if (row[0] >= "2026-10-12") == after] for after in (False, True))
        assert max(row[5] for row in early) < 1.006 < 1.0075 < min(row[5] for row in late)
        assert all(1.012 < row[6] < 1.03 for row in days)
        means = [sum(row[6] for row in part) / len(part) for part in (early, late)]
        assert means[0] == pytest.approx(means[1], abs=0.002)

    def test_4_two_releases_are_older_than_the_log_and_only_one_is_a_days_step(self):
        older = [row["day"] for row in read("changes") if row["day"] < "2026-10-07"]
        assert older == ["2026-10-03", "2026-10-05"]
        shares = {
            row["day"]: 1 - int(row["request_ids"]) / int(row["event_rows"]) for row in read("daily_counts")
        }
        assert min(shares["2026-10-03"], shares["2026-10-04"]) > 5 * shares["2026-10-02"]

    def test_4_row_counts_of_a_saturday_hide_it(self):
        rows = {row["day"]: int(row["event_rows"]) for row in read("daily_counts")}
        assert date(2026, 10, 3).strftime("%A") == "Saturday"
        # Last Saturday had fewer rows by 2%; the Friday before it more by a fifth.
        assert rows["2026-10-03"] / rows["2026-09-26"] == pytest.approx(1.021, abs=0.01)
        assert 0.15 < 1 - rows["2026-10-03"] / rows["2026-10-02"] < 0.2

    def test_4_lost_log_lines_do_not_explain_it_the_provider_has_the_same(self):
        rows = [row for row in read("daily_counts") if row["provider_lines"]]
        lines, ours = (sum(int(row[name]) for row in rows) for name in ("provider_lines", "provider_rows"))
        assert ours / lines == pytest.approx(1.02, abs=0.005)

    def test_5_no_event_id_is_twice_there_and_redelivery_does_happen(self, database):
        [(rows, ids)] = store.rows(database, "distinct_ids")
        assert rows == ids == 1_958
        _, records, _ = customer_run()
        assert records.redelivered == 7

    def test_5_three_customers_three_pictures(self, database):
        found = {row[0]: row[1:] for row in store.rows(database, "both_ways")}
        assert found == {
            "org_4417": (800, 844, 843, 0, 1, 8),
            "org_7730": (300, 311, 311, 0, 0, 2),
            "org_2093": (59, 205, 60, 145, 0, 1),
        }

    def test_5_a_call_that_is_logged_twice_is_one_call(self):
        database = store.load()
        before = store.rows(database, "both_ways")
        database.execute("INSERT INTO client_calls SELECT * FROM client_calls")
        assert store.rows(database, "both_ways") == before

    def test_5_another_organizations_idempotency_key_joins_nothing(self):
        database = store.load()
        before = (
            store.rows(database, "both_ways"),
            store.rows(database, "profile"),
            store.rows(database, "networks"),
        )
        # A customer whose log holds the keys of the foreign calls, and who has no entry at all.
        database.execute(
            "INSERT INTO client_calls SELECT 'org_x', idempotency_key, '2026-10-21 02:00:00', 'ok' FROM access_log"
            " WHERE org_id = 'org_2093' AND source_net = 'AS64511' ORDER BY request_id LIMIT 20"
        )
        found = store.rows(database, "both_ways")
        assert ("org_x", 20, 0, 0, 0, 0, 20) in found
        assert [row for row in found if row[0] != "org_x"] == before[0]
        assert store.rows(database, "profile") == before[1]
        assert store.rows(database, "networks") == before[2]

    def test_6_an_idempotency_key_links_tries_of_one_organization_only(self):
        database = store.load()
        wanted = {row[:2]: row[2] for row in store.rows(database, "profile")}
        [(mine, theirs)] = database.execute(
            "SELECT max(CASE WHEN org_id = 'org_7730' THEN idempotency_key END),"
            " max(CASE WHEN source_net = 'AS65536' THEN request_id END) FROM access_log WHERE finish = 'stop'"
        )
        database.execute("UPDATE access_log SET idempotency_key = ? WHERE request_id = ?", (mine, theirs))
        found = {row[:2]: row[2] for row in store.rows(database, "profile")}
        assert found == wanted

    def test_5_a_clock_nine_hours_ahead(self, database):
        assert store.rows(database, "by_date") == [(183, 228)]
        # The first try of each key.
        logged = {row["idempotency_key"]: int(row["started_ms"]) for row in reversed(read("access_log"))}
        for row in read("client_calls"):
            if row["org_id"] == "org_7730" and row["idempotency_key"] in logged:
                clock = setting.ms(row["called_at"].replace(" ", "T"))
                assert 9 * 3_600_000 - 1_000 <= clock - logged[row["idempotency_key"]] <= 9 * 3_600_000
        # Its batch is November's by its own clock.
        assert sum(row["called_at"].startswith("2026-11-01 00") for row in read("client_calls")) > 20

    def test_6_the_decisive_columns_separate_every_rival(self):
        """Recomputed from the files, without the page's SQL."""
        log = {row["request_id"]: row for row in read("access_log")}
        by_request, by_key = defaultdict(list), defaultdict(list)
        for row in sorted(read("usage_events"), key=lambda row: int(row["created_ms"])):
            by_request[row["request_id"]].append(row)
        pairs = [(a, b) for rows in by_request.values() for a, b in pairwise(rows)]
        assert len(pairs) == 71
        # Recorded twice: equal in all but id and time, a timer apart.
        for a, b in pairs:
            assert a["event_id"] != b["event_id"]
            assert all(a[name] == b[name] for name in ("prompt_tokens", "output_tokens", "outcome", "key_id"))
            assert 2_000 < (int(b["created_ms"]) - int(a["created_ms"])) % 2_015 + 2_000 < 4_041
        apart = Counter(round((int(b["created_ms"]) - int(a["created_ms"])) / 1000) for a, b in pairs)
        assert apart == {2: 70, 4: 1}
        # Generated twice would differ in output, be a generation apart, and be two lines of the provider's.
        lines = Counter(row["request_id"] for row in read("provider_export"))
        assert set(lines.values()) == {1}
        assert sum(len(by_request[request_id]) == 2 for request_id in lines) == 4
        durations = {int(log[a["request_id"]]["duration_ms"]) for a, _ in pairs if a["request_id"] in log}
        assert max(durations) - min(durations) > 5_000
        # Second tries: another request, the same key, a client that hung up after its ten seconds.
        for request_id, row in log.items():
            if row["finish"] != "failed" and request_id in by_request:
                by_key[row["idempotency_key"]].append(row)
        tries = [(a, b) for rows in by_key.values() for a, b in pairwise(rows)]
        assert len(tries) == 36
        equal = 0
        for a, b in tries:
            assert a["finish"] == "client_closed"
            assert 10_500 <= int(b["started_ms"]) - int(a["started_ms"]) <= 11_000
            first, second = by_request[a["request_id"]][0], by_request[b["request_id"]][0]
            assert first["prompt_tokens"] == second["prompt_tokens"]
            equal += first["output_tokens"] == second["output_tokens"]
        assert equal == 1

    def test_6_the_foreign_calls_share_nothing_and_come_from_one_key_and_network(self):
        known = {row["idempotency_key"] for row in read("client_calls")}
        foreign = [row for row in read("access_log") if row["org_id"] == "org_2093"
                   and row["idempotency_key"] not in known]  # fmt: skip
        assert {(row["key_id"], row["source_net"]) for row in foreign} == {("key_c2", "AS64511")}
        assert min(int(row["started_ms"]) for row in foreign) >= setting.ms("2026-10-21T02:00")
        own = [
            row
            for row in read("access_log")
            if row["org_id"] == "org_2093" and row["idempotency_key"] in known
        ]
        assert {row["source_net"] for row in own} == {"AS64503"}
        assert sum(row["finish"] == "stop" for row in foreign) / len(foreign) > 0.94

    def test_6_cut_off_streams_are_not_charged_in_full(self):
        rows = read("usage_events")
        closed = [int(row["output_tokens"]) for row in rows if row["outcome"] == "client_closed"]
        whole = [int(row["output_tokens"]) for row in rows if row["outcome"] == "stop"]
        assert sum(closed) / len(closed) < 0.4 * sum(whole) / len(whole)

    def test_6_the_profile_counts_what_the_files_hold(self, database):
        found = defaultdict(Counter)
        for row in store.rows(database, "profile"):
            found[row[1]][row[0]] += row[2]
        assert sum(map(sum, (counts.values() for counts in found.values()))) == 1_958
        assert found["request_id"]["org_4417"] == 34
        assert found["idempotency_key"]["org_4417"] == 17
        assert found["nothing"] == {"org_2093": 144}
        assert found["not logged"] == {"org_4417": 1}
        assert store.rows(database, "outside") == [(81, 85, 4, 0, 0, 4, 0)]

    def test_the_copies_begin_on_october_3_and_not_on_a_logged_day(self):
        shares = {
            row["day"]: 1 - int(row["request_ids"]) / int(row["event_rows"]) for row in read("daily_counts")
        }
        assert max(share for day, share in shares.items() if day < "2026-10-03") < 0.005
        assert min(share for day, share in shares.items() if day >= "2026-10-03") > 0.012

    def test_the_rates_follow_from_the_queues_waits(self):
        """8% of waits in the busy hours and 2% in the others are slow, exponential with a mean of 3 s."""
        slow = traffic.PEAK_SHARE * 0.08 + (1 - traffic.PEAK_SHARE) * 0.02
        rows = [row for row in read("daily_counts") if row["day"] >= "2026-10-03"]
        again = sum(int(row["event_rows"]) - int(row["request_ids"]) for row in rows)
        ids = sum(int(row["request_ids"]) for row in rows)
        assert again / ids == pytest.approx(slow * math.exp(-2 / 3), rel=0.08)
