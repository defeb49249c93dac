"""Each figure and each conclusion of the page, from the committed evidence and by independent arithmetic."""

import csv
import json
import sqlite3
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from statistics import median

import pytest

from examples.data_exposure import capture, clocks, decision, figures, setting, traffic
from macros import evidence
from tests.content.reading import DOCS, ROOT, body_of, sections_of

EVIDENCE = ROOT / "examples/data_exposure/evidence"
PAGE = DOCS / "questions/debugging/data-exposure.md"


def rows(name):
    with (EVIDENCE / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


REQUESTS, HOPS, LAB = rows("requests.csv"), rows("hops.csv"), {row["run"]: row for row in rows("lab.csv")}
DOCUMENTS = {row["document"]: row for row in rows("documents.csv")}
REPORT = json.loads((EVIDENCE / "report.json").read_text(encoding="utf-8"))
BY_ID = {row["request"]: row for row in REQUESTS}


def foreign(row):
    """Documents in a prompt that belong to others and are not shared with the asker."""
    return [
        DOCUMENTS[name]
        for name in row["documents"].split()
        if DOCUMENTS[name]["organization"] != row["organization"]
        and DOCUMENTS[name]["shared_with"] != row["organization"]
    ]


WRONG = [row for row in REQUESTS if foreign(row)]


def first_hand(found):
    """Of each conversation the first; answers from the cache left out."""
    first = {}
    for row in sorted(found, key=lambda row: row["at"]):
        if row["cache"] == "miss":
            first.setdefault(row["conversation"], row)
    return list(first.values())


def cells(table):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


class TestContainment:
    def test_what_the_switches_cost(self):
        assert decision.offered(response_cache=True) == pytest.approx(53.3)
        assert figures.a_replica(response_cache=False) == "2.71"
        assert figures.a_replica(response_cache=True) == "2.22"
        assert figures.full(response_cache=False, prefix=True) == "75%"  # 65 / 86.4
        assert figures.full(response_cache=True, prefix=False) == "93%"  # 53.3 / 57.6
        assert figures.full(response_cache=False, prefix=False) == "113%"  # 65 / 57.6

    def test_a_rolling_restart_is_short_in_its_last_ten_minutes(self):
        assert decision.restarting() == pytest.approx([72, 67.2, 62.4, 57.6, 52.8, 48])
        assert decision.short_by(response_cache=True) == pytest.approx([0, 0, 0, 0, 0.5, 5.3])
        assert figures.short(response_cache=True) == "1,740"  # (0.5 + 5.3) * 300
        assert figures.short(response_cache=False) == "11,760"  # (2.6 + 7.4 + 12.2 + 17) * 300

    def test_the_switches_are_told_with_their_computed_costs(self):
        shown = {row[0]: row[2] for row in cells(figures.switch_table())}
        assert shown["Response cache off"] == "2.71/s of 3.6 a replica, 75%"
        assert shown["Prefix caching off"] == "2.22/s of 2.4, 93%; with the cache off 113%"
        assert shown["Full stop"] == f"{65 * 60:,} requests a minute"
        chart = figures.capacity_while_restarting()["data"]["values"]
        bars = [row["capacity"] for row in chart if "capacity" in row]
        assert bars == pytest.approx([(20 - 4 * n) * 3.6 + 4 * n * 2.4 for n in range(6)], abs=0.06)
        assert [row["demand"] for row in chart if "demand" in row] == [pytest.approx(65 * 0.82), 65]

    def test_times(self):
        assert figures.minutes_left() == 18
        assert figures.stop_minutes() == 57
        assert figures.slow_minutes() == 10
        assert figures.stop_cost() == "257,400"  # (57 + 0.9 * 10) * 60 * 65

    def test_clocks(self):
        received = datetime(2026, 11, 17, 14, 12, tzinfo=UTC)
        called = datetime(2026, 11, 17, 14, 55, tzinfo=UTC)
        told = datetime(2026, 11, 17, 18, 0, tzinfo=UTC)
        found = clocks.clocks(received, received + timedelta(minutes=40), called, told)
        strict, match, ours, b, others, associate, covered = found
        assert strict.due == datetime(2026, 11, 18, 14, 12, tzinfo=UTC)
        assert match.due == datetime(2026, 11, 18, 14, 52, tzinfo=UTC)
        assert ours.due is None  # Article 33(2) names no hours
        assert b.due == datetime(2026, 11, 20, 14, 55, tzinfo=UTC)
        assert others.due == datetime(2026, 11, 20, 18, 0, tzinfo=UTC)
        assert associate.due == date(2027, 1, 16)  # 13 days of November, 31 of December, 16
        assert covered.due == date(2027, 1, 16)
        assert [clock.starts for clock in found] == [
            received,
            match.starts,
            match.starts,
            called,
            told,
            received,
            told,
        ]
        assert [row[2:] for row in cells(figures.clocks_table())] == [
            ["Tue Nov 17, 14:12", "Wed Nov 18, 14:12"],
            ["Tue Nov 17, 14:52", "Wed Nov 18, 14:52"],
            ["Tue Nov 17, 14:52", "no hours: without undue delay"],
            ["Tue Nov 17, 14:55", "Fri Nov 20, 14:55"],
            ["Tue Nov 17, 18:00", "Fri Nov 20, 18:00"],
            ["Tue Nov 17, 14:12", "Sat Jan 16, 2027"],
            ["Tue Nov 17, 18:00", "Sat Jan 16, 2027"],
        ]

    def test_the_times_typed_on_the_page_are_those_computed(self):
        text = PAGE.read_text(encoding="utf-8")
        for at in (
            figures.CERTAIN,
            figures.STOPPED,
            figures.B_CALLED,
            figures.REOPENED,
            figures.OPEN_TO_ALL,
            figures.CONTROLLERS_TOLD,
        ):
            assert f"| {at:%H:%M} |" in text, at
        assert "| Wed 14:12 |" in text

    def test_inventing_the_paragraph_is_unlikely(self):
        assert pytest.approx(816_000, rel=0.01) == 1 / 0.8**61
        assert figures.odds() == "1 in 820,000"


class TestTheRecord:
    def test_identities_part_in_the_prompt(self):
        row = BY_ID[REPORT["request"]]
        assert row["organization"] == REPORT["organization"] == capture.A
        owners = {document["organization"] for document in foreign(row)}
        assert owners == {capture.B} == {REPORT["names_organization"]}
        assert (row["cache"], row["finish"], row["at"][:16]) == ("miss", "complete", "2026-11-17 13:58")
        assert figures.matched() in row["documents"].split()
        owned = {cell[1]: cell[2] for cell in cells(figures.record_table()) if cell[0] == "Prompt"}
        assert owned == {
            name: "B" if DOCUMENTS[name]["organization"] == capture.B else "A"
            for name in row["documents"].split()
        }
        assert list(owned.values()) == sorted(owned.values())

    def test_hops_and_log_tell_the_same_of_the_report(self):
        hops = [hop for hop in HOPS if hop["request"] == REPORT["request"]]
        [prompt] = [hop for hop in hops if hop["hop"] == "prompt"]
        assert prompt["documents"] == BY_ID[REPORT["request"]]["documents"]


class TestTheInvariant:
    def test_what_is_shared_is_no_fault(self):
        shared = [row for row in REQUESTS if row["kept"] == "look" and row["documents"] and not foreign(row)]
        assert figures.disagreeing(granted=True) == f"{len(shared)}"
        assert figures.disagreeing(granted=False) == f"{len(WRONG)}"

    def test_every_wrong_request_is_a_point_of_the_chart(self):
        values = figures.by_day()["data"]["values"]
        shown = {(row["day"], row["kind"]): row["count"] for row in values}
        wrong = Counter(row["at"][8:10] for row in WRONG)
        assert {day: shown[day, "Not shared"] for day in wrong} == wrong
        assert sum(row["count"] for row in values if row["kind"] == "Not shared") == len(WRONG)
        granted = sum(row["count"] for row in values if row["kind"] == "Shared by its owner")
        assert granted == int(figures.disagreeing(granted=True))

    def test_what_matched_is_shown_as_it_was_counted(self):
        names = ("item", "words", "in_b", "in_a", "in_other_organizations", "on_b_website")
        assert cells(figures.matches_table()) == [
            [row[name] for name in names] for row in rows("matches.csv")
        ]
        assert (
            figures.all_requests()
            == f"{sum(int(h['requests']) for h in rows('hours.csv')) / 1e6:.0f} million"
        )

    def test_the_migration_came_too_late(self):
        early = [row for row in WRONG if row["at"] < "2026-11-16 16:20"]
        assert figures.before("2026-11-16 16:20") == f"{len(early)}"
        assert len(early) > len(WRONG) / 2
        fullest = Counter(row["at"][:10] for row in WRONG).most_common(1)[0][0]
        assert fullest == "2026-11-16"  # the red herring

    def test_neither_misfiled_nor_a_mixed_memory_nor_a_guessed_id(self):
        readers, reached = defaultdict(set), defaultdict(set)
        for row in WRONG:
            readers[row["user"]].add(row["conversation"])
            for document in foreign(row):
                reached[document["document"]].add(row["organization"])
                assert row["conversation"] != document["conversation"]
        assert figures.spread("conversations_a_reader") == f"{max(map(len, readers.values()))}" == "1"
        assert figures.spread("organizations_a_document") == f"{max(map(len, reached.values()))}" == "1"
        assert figures.owner_asked() == f"0 of {sum(row['cache'] == 'miss' for row in WRONG)}"

        by_conversation, pairs = defaultdict(list), set()
        for row in WRONG:
            pairs |= {(document["organization"], row["organization"]) for document in foreign(row)}
            if row["cache"] == "miss":
                by_conversation[row["conversation"]].append(datetime.fromisoformat(row["at"]))
        longest = max(max(times) - min(times) for times in by_conversation.values())
        assert [values for _, *values in cells(figures.spread_table())] == [
            *(["1"], ["1"], [f"{longest.total_seconds() / 60:,.0f}"]),
            *([figures.owner_asked()], [f"{len(pairs)}"]),
        ]

    def test_every_deployment_of_the_fortnight_is_listed_in_its_order(self):
        shown = cells(figures.deployments_table())
        assert [time for time, *_ in shown] == sorted(time for time, *_ in shown)
        assert [[f"2026-{time}", *rest] for time, *rest in shown] == [
            [d.at, d.service, d.what] for d in setting.DEPLOYMENTS
        ]

    def test_rates_before_and_after(self):
        hours = rows("hours.csv")
        for later in (False, True):
            requests = sum(int(h["requests"]) for h in hours if (h["hour"] >= "2026-11-12 10:00") == later)
            cases = sum((row["at"] >= "2026-11-12 10:00") == later for row in first_hand(WRONG))
            assert figures.rates(later) == f"{cases / requests * 1e7:.1f}"
        assert figures.first_hand(later=False) > 0  # older than the release


class TestTheQueries:
    """On a small log that is made by hand, where each condition decides: the true log does not tell them apart."""

    @pytest.fixture
    def asked(self):
        log = sqlite3.connect(":memory:")
        log.executescript("""
            CREATE TABLE documents (document, organization, conversation, shared_with);
            INSERT INTO documents VALUES
                ('d_own', 'org_a', NULL, NULL), ('d_b', 'org_b', 'c_b', NULL), ('d_b2', 'org_b', 'c_b', NULL),
                ('d_lent', 'org_b', 'c_lent', 'org_a');
            CREATE TABLE requests
                (at, request, gateway, organization, user, conversation, turn, cache, finish, documents);
            INSERT INTO requests VALUES
                ('2026-11-10 10:00:00', 'b1', 1, 'org_b', 'u_b', 'c_b', 1, 'miss', 'complete', 'd_b d_b2'),
                ('2026-11-10 10:00:10', 'b2', 2, 'org_b', 'u_b', 'c_b', 2, 'miss', 'closed early', 'd_b d_b2'),
                ('2026-11-10 10:00:12', 'a1', 2, 'org_a', 'u_a', 'c_a', 2, 'miss', 'complete', 'd_own d_b d_b2'),
                ('2026-11-10 10:00:12', 'b3', 1, 'org_b', 'u_b', 'c_b', 3, 'miss', 'complete', 'd_b d_b2'),
                ('2026-11-10 10:03:12', 'a2', 2, 'org_a', 'u_a', 'c_a', 3, 'miss', 'complete', 'd_b'),
                ('2026-11-10 10:05:12', 'a3', 2, 'org_a', 'u_a', 'c_a', 1, 'hit', 'complete', 'd_b'),
                ('2026-11-10 10:10:00', 'a4', 2, 'org_a', 'u_a', 'c_lending', 2, 'miss', 'complete', 'd_lent'),
                ('2026-11-10 10:50:00', 'a5', 2, 'org_a', 'u_a', 'c_lending', 3, 'miss', 'complete', 'd_lent'),
                ('2026-11-10 11:00:12', 'a6', 2, 'org_a', 'u_a', 'c_a2', 2, 'miss', 'complete', 'd_b'),
                ('2026-11-10 11:29:58', 'b4', 3, 'org_b', 'u_b', 'c_lent', 1, 'miss', 'complete', 'd_lent'),
                ('2026-11-10 11:30:00', 'c1', 3, 'org_c', 'u_c', 'c_c', 2, 'miss', 'complete', 'd_lent'),
                ('2026-11-10 11:30:02', 'b5', 1, 'org_b', 'u_b', 'c_lent', 2, 'miss', 'closed early', 'd_lent'),
                ('2026-11-11 09:00:00', 'c2', 3, 'org_c', 'u_c', 'c_c', 1, 'hit', 'complete', 'd_lent');
        """)
        for view in ("disagree", "first_hand"):
            log.execute(figures.sections()[view])
        return lambda name: log.execute(figures.sections()[name]).fetchall()

    def test_a_request_is_counted_once_a_day_and_apart_where_it_was_granted(self, asked):
        assert asked("by_day") == [("2026-11-10", 2, 5), ("2026-11-11", 0, 1)]

    def test_only_what_was_not_granted_spreads(self, asked):
        # u_a has two conversations without a grant; the longest that missed the cache took three minutes.
        [(organizations, conversations, minutes, pairs)] = asked("spread")
        assert (organizations, conversations, round(minutes, 3), pairs) == (1, 2, 3, 2)

    def test_each_case_is_held_against_the_owners_last_request_before_it(self, asked):
        found = [(case, same, before, round(s)) for case, same, before, s in asked("pairs")]
        assert found == [
            ("a1", 1, "2026-11-10 10:00:10", 2),
            ("a6", 0, "2026-11-10 10:00:12", 3_600),
            ("c1", 1, "2026-11-10 11:29:58", 2),
        ]
        assert [row[:2] for row in asked("finishes")] == [
            ("a1", "closed early"),
            ("a6", "complete"),
            ("c1", "complete"),
        ]

    def test_an_answer_that_nobody_opened_is_not_certain(self):
        """The scope's view on requests of one owner and reader, each by what is known of its answer."""
        log = sqlite3.connect(":memory:")
        log.executescript("""
            CREATE TABLE disagree (request, user, organization, owner, at, cache, first_token, granted);
            INSERT INTO disagree SELECT column1, 'u_a', 'org_a', 'org_b', column2, 'miss', column3, 0 FROM (VALUES
                ('shown', '2026-11-12', 1), ('paraphrased', '2026-11-12', 1), ('not shown', '2026-11-12', 1),
                ('unopened', '2026-11-12', 1), ('unsent', '2026-11-12', 0), ('old', '2026-11-10 14:39', 1));
            CREATE TABLE review (request, shown);
            INSERT INTO review VALUES
                ('shown', 'verbatim'), ('paraphrased', 'paraphrased'), ('not shown', 'nothing');
        """)
        log.execute(figures.sections()["scope"])
        assert dict(log.execute("SELECT request, known FROM scope")) == {
            "shown": "answer shows it",
            "paraphrased": "answer shows it",
            "not shown": "answer shows nothing of it",
            "unopened": "not opened yet",
            "unsent": "nothing was sent",
            "old": "answer no longer kept",
        }


class TestThePairs:
    def test_one_process_within_seconds(self):
        found = []
        for row in first_hand(WRONG):
            conversation = foreign(row)[0]["conversation"]
            earlier = [r for r in REQUESTS if r["conversation"] == conversation and r["at"] < row["at"]]
            found.append((row, max(earlier, key=lambda r: r["at"])))
        assert all(reader["gateway"] == owner["gateway"] for reader, owner in found)
        gaps = [
            (datetime.fromisoformat(reader["at"]) - datetime.fromisoformat(owner["at"])).total_seconds()
            for reader, owner in found
        ]
        closed = sum(owner["finish"] == "closed early" for _, owner in found)
        assert figures.pairs("same") == figures.pairs("all") == f"{len(found)}"
        assert figures.pairs("median") == f"{median(gaps):.1f}"
        assert figures.pairs("most") == f"{max(gaps):.1f}"
        assert figures.pairs("closed") == f"{closed}"
        assert closed < len(found)  # "all of them were closed" would have told too much

    def test_counters(self):
        hours = rows("hours.csv")

        def ratio(field):
            parts = [0.0, 0.0]
            for later in (False, True):
                here = [h for h in hours if (h["hour"] >= "2026-11-12 10:00") == later]
                parts[later] = sum(int(h[field]) for h in here) / sum(int(h["requests"]) for h in here)
            return parts[1] / parts[0]

        assert figures.times("closed_early") == f"{ratio('closed_early'):.1f}" == "9.0"
        assert ratio("state_errors") > 5
        assert ratio("session_refused") == pytest.approx(1, abs=0.1)

    def test_the_table_has_each_counter_before_and_after_per_million(self):
        shown = {name: values for name, *values in cells(figures.before_after_table())}
        counted = rows("hours.csv")
        fields = ("closed_early", "closed_later", "sign_ins", "session_refused", "state_errors")
        assert len(shown) == len(fields) + 1
        for field, (before, after, ratio) in zip(fields, shown.values(), strict=False):
            for later, cell in ((False, before), (True, after)):
                here = [h for h in counted if (h["hour"] >= "2026-11-12 10:00") == later]
                share = sum(int(h[field]) for h in here) / sum(int(h["requests"]) for h in here)
                assert float(cell.replace(",", "")) == pytest.approx(share * 1e6, abs=0.5), field
            assert ratio == figures.times(field)
        before, after, ratio = shown["First prompts with a foreign document"]
        assert float(before) * 10 == pytest.approx(float(figures.rates(later=False)), abs=0.1)
        assert float(after) * 10 == pytest.approx(float(figures.rates(later=True)), abs=0.1)
        assert float(ratio) == pytest.approx(float(after) / float(before), rel=0.05)

    def test_the_table_of_pairs_sets_chance_beside_what_was_seen(self):
        gateway, seconds = cells(figures.pairs_table())
        found = len(first_hand(WRONG))
        assert gateway[1:] == [f"{found} of {found}", f"{found / 8:.0f} by chance, 1 in 8"]
        assert seconds[1] == f"{figures.pairs('median')} and {figures.pairs('most')}"

    def test_the_log_covers_fourteen_days_at_the_questions_rate(self):
        hours = {h["hour"]: int(h["requests"]) for h in rows("hours.csv")}
        assert min(row["at"] for row in REQUESTS) >= "2026-11-03 14:40"
        assert max(row["at"] for row in REQUESTS) < "2026-11-17 14:40"
        assert hours["2026-11-17 13:00"] / 3600 == pytest.approx(65, rel=0.04)
        cached = sum(int(h["cache_hits"]) for h in rows("hours.csv")) / sum(hours.values())
        assert cached == pytest.approx(0.18, abs=0.001)


class TestTheConnection:
    def test_the_report_read_the_reply_of_the_command_before(self):
        [read] = [
            hop
            for hop in HOPS
            if (hop["request"], hop["hop"], hop["step"]) == (REPORT["request"], "conversation", "read")
        ]
        line = [hop for hop in HOPS if hop["connection"] == read["connection"]]
        here = line.index(read)
        own, before = line[here - 1], line[here - 2]
        assert (own["request"], own["step"]) == (REPORT["request"], "sent")
        assert before["step"] == "sent"  # and no "read" of it anywhere
        assert (
            before["key"].removeprefix("conversation:")
            == foreign(BY_ID[REPORT["request"]])[0]["conversation"]
        )
        end = {hop["request"]: hop["outcome"] for hop in HOPS if hop["hop"] == "end"}
        assert end[before["request"]] == "closed by client"
        assert end[line[here + 1]["request"]] == "500 state"
        assert figures.reported_by("owner") == before["request"]
        assert figures.waits("reported") == read["wait_us"]
        shown = cells(figures.history_table())
        assert [row[:3] for row in shown][-4][2] == "sent"
        assert shown[0][2] == "sent"
        waits = sorted(int(h["wait_us"]) for h in HOPS if (h["hop"], h["step"]) == ("conversation", "read"))
        assert waits[0] == int(read["wait_us"]) < waits[1] / 2  # waiting already: far below any other's

    def test_the_hops_hold_no_other_case_than_the_logs(self):
        mixed = [
            hop["request"]
            for hop in HOPS
            if hop["hop"] == "prompt"
            and len({DOCUMENTS[name]["organization"] for name in hop["documents"].split()}) > 1
        ]
        assert mixed == [REPORT["request"]]

    def test_the_server_was_asked_for_the_right_keys(self):
        [read] = [
            hop
            for hop in HOPS
            if (hop["request"], hop["hop"], hop["step"]) == (REPORT["request"], "conversation", "read")
        ]
        sent = [hop for hop in HOPS if hop["connection"] == read["connection"] and hop["step"] == "sent"]
        here = next(
            n
            for n, hop in enumerate(sent)
            if (hop["request"], hop["key"]) == (REPORT["request"], read["key"])
        )
        asked = [hop["key"] for hop in sent[here - 4 : here + 2]]
        text = (EVIDENCE / "monitor.txt").read_text(encoding="utf-8").splitlines()
        served = [line.split('"')[3] for line in text if f":{read['connection']}]" in line]
        assert asked in [served[n : n + 6] for n in range(len(served))]

    def test_the_tables_of_runs_show_the_laboratorys_counts(self):
        names = ("closed", "crossed", "sessions_refused", "state_errors")
        runs = {name: values for name, *values in cells(figures.runs_table())}
        assert runs == {name: [LAB[name][field] for field in names] for name in runs}
        names = ("closed", "crossed", "owner_refused", "state_errors")
        mended = {name: values for name, *values in cells(figures.mended_table())}
        assert mended == {name: [LAB[name][field] for field in names] for name in mended}
        assert {*runs, *mended} == {name for name in LAB if not name.startswith("Closes rare")}
        assert set(runs) & set(mended) == {"As it ran"}, "what each mend is held against"
        shown = [values for _, *values in cells(figures.rivals_table())]
        for field, pair in zip(("in_flight", "last_closed", "one_back"), shown, strict=True):
            runs_of = (LAB["As it ran"], LAB["One request at a time"])
            assert pair == [f"{run[field]} of {run['crossed']}" for run in runs_of]

    def test_each_rival_predicts_other_numbers(self):
        crowd, single = LAB["As it ran"], LAB["One request at a time"]
        for run in (crowd, single):
            assert int(run["crossed"]) >= 5
            assert int(run["one_back"]) + int(run["further_back"]) == int(run["crossed"])
            assert int(run["one_back"]) >= 0.9 * int(run["crossed"])
            assert int(run["last_closed"]) < 0.7 * int(run["crossed"])
        assert int(single["in_flight"]) == 0
        for name in ("Response cache off", "Retrieval off", "Memory off"):
            assert int(LAB[name]["crossed"]) > 10, name
        for name in (
            "No client closes",
            "Closes after the first token only",
            "Connections never shared",
            "Mended pool",
            "Sealed values, pool as it ran",
        ):
            assert int(LAB[name]["crossed"]) == 0, name
        assert int(LAB["Mended pool"]["closed"]) > 400
        assert int(LAB["Sealed values, pool as it ran"]["owner_refused"]) > 0


class TestTheScope:
    def test_verdicts(self):
        shown = {row["request"]: row["shown"] for row in rows("review.csv")}

        def verdict(row):
            if row["first_token"] == "0":
                return "Excluded for the reader"
            if row["at"] < "2026-11-10 14:40":
                return "Possible"
            return "Entered the prompt only" if shown[row["request"]] == "nothing" else "Certain"

        by = defaultdict(list)
        for row in WRONG:
            by[verdict(row)].append(row)
        table = {cell[0]: cell[2:] for cell in cells(figures.scope_table())}
        assert table == {
            name: [
                f"{len(found)}",
                f"{len({row['user'] for row in found})}",
                f"{len({foreign(row)[0]['organization'] for row in found})}",
            ]
            for name, found in by.items()
        }
        assert sum(int(cell[0]) for cell in table.values()) == len(WRONG)

    def test_every_owner_is_told_what_is_known_of_its_strongest_case(self):
        shown = {row["request"]: row["shown"] for row in rows("review.csv")}
        certain, possible, owners = set(), set(), set()
        for row in WRONG:
            mine = {document["organization"] for document in foreign(row)}
            owners |= mine
            if shown.get(row["request"], "nothing") != "nothing":
                certain |= mine
            elif row["first_token"] == "1" and row["at"] < "2026-11-10 14:40":
                possible |= mine
        counts = [figures.owners_told(kind) for kind in ("certain", "possible", "neither")]
        assert counts == [
            str(len(part)) for part in (certain, possible - certain, owners - certain - possible)
        ]
        assert counts == ["19", "2", "6"]

    def test_both_directions_and_both_ways_of_spreading(self):
        assert figures.scope("requests") == f"{len(WRONG)}"
        parts = [int(figures.scope(name)) for name in ("first", "later", "cached")]
        assert sum(parts) == len(WRONG)
        assert parts[0] == len(first_hand(WRONG))
        owners = {d["organization"] for row in WRONG for d in foreign(row)}
        assert figures.scope("owners") == f"{len(owners)}"
        assert figures.scope("touched") == f"{len(owners | {row['organization'] for row in WRONG})}"
        laws = {row["organization"]: row for row in rows("organizations.csv")}
        assert figures.under("gdpr") == f"{sum(laws[name]['gdpr'] == '1' for name in owners)}"
        assert figures.under("hipaa") == f"{sum(laws[name]['hipaa'] == '1' for name in owners)}"
        assert sum(row["gdpr"] == "1" for row in laws.values()) == 420
        assert sum(row["hipaa"] == "1" for row in laws.values()) == 35

    def test_a_cached_answer_was_filled_by_one_of_the_list(self):
        for row in WRONG:
            if row["cache"] == "hit":
                filler = BY_ID[row["filled_by"]]
                assert filler in WRONG
                assert filler["organization"] == row["organization"]
                assert filler["at"] < row["at"]

    def test_what_the_invariant_cannot_see(self):
        errors = sum(int(h["state_errors"]) for h in rows("hours.csv"))
        rare = [LAB[f"Closes rare, {number}"] for number in range(1, 6)]
        crossed, bad = ([int(row[name]) for row in rare] for name in ("crossed", "state_errors"))
        ratio = sum(crossed) / sum(bad)
        ratios = [a / b for a, b in zip(crossed, bad, strict=True)]
        first = len(first_hand(WRONG))
        assert figures.estimate("by_uploads") == f"{first / 0.45:.0f}"
        assert figures.estimate("by_errors") == f"{ratio * errors:.0f}"
        assert figures.estimate("unseen") == f"{first / 0.45 - first:.0f}"
        assert figures.estimate("ratio") == f"{ratio:.2f}"
        low, high = (float(figures.estimate(end)) for end in ("low", "high"))
        assert (low, high) == (round(min(ratios) * errors), round(max(ratios) * errors))
        assert low < first / 0.45 < high  # the two counts agree
        # Seen is a draw of 45 in 100 from all; the standard deviation of all, given what was seen.
        assert figures.estimate("deviation") == f"{(first * 0.55) ** 0.5 / 0.45:.0f}" == "9"

    def test_inside_of_an_organization_these_rows_show_nothing(self):
        inside = [
            row["request"]
            for row in REQUESTS
            for name in row["documents"].split()
            if DOCUMENTS[name]["organization"] == row["organization"]
            and DOCUMENTS[name]["conversation"] not in ("", row["conversation"])
        ]
        assert figures.inside() == len(set(inside)) == 0
        assert figures.unknown_ids() == 0
        assert all(name in DOCUMENTS for row in REQUESTS for name in row["documents"].split())

    def test_inside_is_counted_by_the_uploading_conversation(self, monkeypatch):
        log = sqlite3.connect(":memory:")
        log.executescript("""
            CREATE TABLE documents (document, organization, conversation);
            INSERT INTO documents VALUES
                ('d_lib', 'org_a', NULL), ('d_mine', 'org_a', 'c_a'), ('d_near', 'org_a', 'c_2'), ('d_far', 'org_b', 'c_b');
            CREATE TABLE requests (request, organization, conversation, documents);
            INSERT INTO requests VALUES
                ('r1', 'org_a', 'c_a', 'd_lib d_mine d_far'), ('r2', 'org_a', 'c_a', 'd_lib d_near d_gone');
        """)
        monkeypatch.setattr(figures, "database", lambda: log)
        assert (figures.inside(), figures.unknown_ids()) == (1, 1)

    def test_how_many_readers_for_certain(self):
        shown = {row["request"]: row["shown"] for row in rows("review.csv")}
        certain = {row["user"] for row in WRONG if shown.get(row["request"], "nothing") != "nothing"}
        assert figures.certain_readers() == f"{len(certain)}"
        assert figures.scope("readers") == f"{len({row['user'] for row in WRONG})}"

    def test_what_silence_after_reopening_is_worth(self):
        late = [row for row in first_hand(WRONG) if row["at"] >= "2026-11-12 10:00"]
        requests = sum(int(h["requests"]) for h in rows("hours.csv") if h["hour"] >= "2026-11-12 10:00")
        a_request = len(late) / 0.45 / requests
        assert figures.in_ten("requests") == "3,900"  # 6.5/s for 600 s
        assert figures.in_ten("crossings") == f"{3_900 * a_request:.2f}" == "0.01"
        assert figures.crossings_an_hour() == f"{65 * 3600 * a_request:.2f}"
        days = (datetime(2026, 11, 17, 14, 40) - datetime(2026, 11, 12, 10)).total_seconds() / 86_400
        assert figures.canary_days() == f"{days / (a_request * requests * 0.001):.0f}"

    def test_what_a_fault_costs(self):
        assert figures.per_crossing() == f"{len(WRONG) / len(first_hand(WRONG)):.1f}"
        hours = rows("hours.csv")
        errors = [
            sum(int(h["state_errors"]) for h in hours if (h["hour"] >= "2026-11-12 10:00") == later)
            for later in (False, True)
        ]
        assert figures.state_errors_a_day(later=False) == f"{errors[0] / (8 + 19 / 24 + 1 / 72):.0f}"
        assert figures.state_errors_a_day(later=True) == f"{errors[1] / (5 + 4 / 24 + 1 / 36):.0f}"
        requests = sum(int(h["requests"]) for h in hours if h["hour"] >= "2026-11-12 10:00")
        assert figures.reconnects_an_hour() == f"{errors[1] / requests * 65 * 3600:.1f}"

    def test_what_was_measured(self):
        assert (figures.measured("connect"), figures.measured("exchange")) == ("0.7 ms", "0.1 ms")
        assert figures.sealing_costs() == "26 µs"  # 2 * (21 - 14) + 12


class TestTheFiles:
    def test_capturing_again_gives_the_simulated_files(self):
        for name, text in capture.simulated(EVIDENCE).items():
            assert (EVIDENCE / name).read_text(encoding="utf-8") == text, name

    @pytest.mark.parametrize("seed", [5, 14, 33])
    def test_the_conclusions_hold_for_other_fortnights(self, seed):
        log = traffic.simulate([], {}, seed)
        kept = {name: row["organization"] for name, row in log.documents.items()}
        wrong = [
            row
            for row in log.requests
            for name in row["documents"].split()[-1:]
            if kept[name] != row["organization"] and not log.documents[name]["shared_with"]
        ]
        assert sum(row["at"] < setting.MIGRATED for row in wrong) > 5
        late = [row for row in wrong if row["at"] >= setting.RELEASED]
        assert len(late) / len(wrong) > 0.6
        assert sum(hour["state_errors"] for hour in log.hours) > 150

    def test_they_are_described_and_small(self):
        files = evidence.load(ROOT / "examples/data_exposure")
        assert sum(len(file.text.encode()) for file in files) < 400_000
        for file in files:
            if file.name.endswith(".csv"):
                header = next(csv.reader(StringIO(file.text)))
                assert set(file.columns) in ({*header}, set()), file.name
                assert file.columns or file.name == "deployments.csv"

    def test_nothing_before_the_decisive_stage_names_the_cause(self):
        drill = sections_of(body_of(PAGE))["Drill"]
        open_part = drill[: drill.index("### Stage 6")].lower()
        for word in ("connection", "pool", "cancel", "unread", "reply"):
            assert word not in open_part, word
        for file in evidence.load(ROOT / "examples/data_exposure"):
            for word in ("connection", "pool", "cancel", "clos", "prompt held", "conversation"):
                assert word not in file.what.lower(), (file.name, word)
        front = PAGE.read_text(encoding="utf-8").split("---")[1].lower()
        for word in ("pool", "redis", "cancel", "connection"):
            assert word not in front

    def test_each_rival_is_alive_before_it(self):
        drill = sections_of(body_of(PAGE))["Drill"]
        stages = drill.split("### Stage ")[1:]
        for number in (2, 3, 4, 5):
            assert "live" in stages[number - 1] or "Four things" in stages[number - 1], number
