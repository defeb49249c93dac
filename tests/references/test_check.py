"""A check from the pages to the file and the report, with an archive, and what the next check makes of it."""

import json
from datetime import date

import pytest

from macros.links import NONE, Archived, LinkState, Verdict, dump, load
from references.__main__ import main
from references.archive import Archive
from references.check import check, cited, read_days, report, with_copies
from references.fetch import Fetcher, Patience

FIRST, SECOND, THIRD = date(2026, 12, 7), date(2026, 12, 14), date(2026, 12, 21)


@pytest.fixture
def docs(tmp_path, web):
    """A page with references to the web."""
    folder = tmp_path / "docs"
    (folder / "questions").mkdir(parents=True)
    (folder / "questions" / "a.md").write_text(
        "## References\n\n"
        f"- [Alive]({web.url}/alive): all. Read 2026-11-20, again 2026-11-25.\n"
        f"- [Moved]({web.url}/moved), [gone]({web.url}/gone): some. Read 2026-11-21.\n"
        f"- [Parts]({web.url}/alive#part) and\n  [none]({web.url}/alive#none). Read 2026-11-22.\n"
    )
    web.page("/alive")
    web.page("/there")
    web.answers["/moved"] = (301, {"Location": "/there"}, "")
    return folder


@pytest.fixture
def fetcher(waits):
    return Fetcher(Patience(pause_s=0), sleep=lambda _: None)


def test_every_link_is_judged_and_every_page_fetched_once(docs, web, fetcher):
    places = cited(docs)
    states = check(places, NONE, fetcher, FIRST)
    assert {link.removeprefix(web.url): state.verdict for link, state in states.links.items()} == {
        "/alive": Verdict.ALIVE,
        "/alive#none": Verdict.UNSURE,
        "/alive#part": Verdict.ALIVE,
        "/gone": Verdict.GONE,
        "/moved": Verdict.MOVED,
    }
    assert web.asked["/alive"] == 1
    assert web.most_at_once == 1
    assert states.checked == FIRST
    assert states.links[f"{web.url}/moved"].moved_to == f"{web.url}/there"


def test_what_is_missing_for_a_moment_is_not_gone(docs, web, fetcher):
    web.answers["/gone"] = [(404, {}, ""), (200, {}, "<title>Back</title>")]
    states = check(cited(docs), NONE, fetcher, FIRST)
    assert states.links[f"{web.url}/gone"].verdict is Verdict.ALIVE


def test_a_day_says_what_a_check_saw_and_no_more(docs, web, fetcher):
    link = f"{web.url}/alive"
    first = check(cited(docs), NONE, fetcher, FIRST)
    web.answers["/alive"] = (403, {}, "")
    second = check(cited(docs), first, fetcher, SECOND)
    third = check(cited(docs), second, fetcher, THIRD)
    web.page("/alive")
    fourth = check(cited(docs), third, fetcher, date(2026, 12, 28))

    assert (first.links[link].alive, first.links[link].since) == (FIRST, FIRST)
    unsure = third.links[link]
    assert (unsure.verdict, unsure.checked, unsure.since, unsure.alive) == (
        Verdict.UNSURE,
        THIRD,
        SECOND,
        FIRST,
    )
    assert fourth.links[link].alive == fourth.links[link].since == date(2026, 12, 28)


def test_links_that_no_page_has_any_more_are_dropped(docs, web, fetcher):
    first = check(cited(docs), NONE, fetcher, FIRST)
    second = check([f"{web.url}/alive"], first, fetcher, SECOND)
    assert list(second.links) == [f"{web.url}/alive"]


class TestCopies:
    @pytest.fixture
    def stored(self, web, fetcher):
        return Archive(fetcher, f"{web.url}/lookup", web.url)

    def answer(self, web, path, near, found):
        address = f"{web.url}{path}".replace(":", "%3A").replace("/", "%2F")
        web.answers[f"/lookup?url={address}&timestamp={near}"] = (
            200,
            {"Content-Type": "application/json"},
            json.dumps({"archived_snapshots": found}),
        )

    def closest(self, stamp, status="200"):
        return {
            "closest": {
                "available": True,
                "status": status,
                "timestamp": stamp,
                "url": "http://other.example/",
            }
        }

    def test_the_copy_nearest_to_the_day_of_reading_is_kept_once_it_opens(self, docs, web, fetcher, stored):
        self.answer(web, "/alive", "20261125", self.closest("20261124010203"))
        self.answer(web, "/gone", "20261121", self.closest("20260101000000"))
        web.page(f"/web/20261124010203/{web.url}/alive")
        # The copy of what is gone does not open.
        states = check(cited(docs), NONE, fetcher, FIRST)
        states = with_copies(states, read_days(docs), stored, FIRST, most=100, ask_for=0)
        copy = f"{web.url}/web/20261124010203/{web.url}/alive"
        assert states.links[f"{web.url}/alive"].archived == Archived(
            address=copy, taken=date(2026, 11, 24), seen=FIRST
        )
        assert states.links[f"{web.url}/gone"].archived is None

        again = check(cited(docs), states, fetcher, SECOND)
        asked = web.asked.copy()
        again = with_copies(again, read_days(docs), stored, SECOND, most=100, ask_for=0)
        assert again.links[f"{web.url}/alive"].archived.address == copy
        assert (
            web.asked[f"/web/20261124010203/{web.url}/alive"] == asked[f"/web/20261124010203/{web.url}/alive"]
        )

    @pytest.mark.parametrize(
        "found",
        [
            {},
            {"closest": {}},
            [],
            {"closest": {"available": True, "status": "404", "timestamp": "20261124010203"}},
        ]
        + [
            {"closest": {"available": True, "status": "200", "timestamp": stamp}}
            for stamp in ("2026", "../", None)
        ],
    )
    def test_an_answer_without_a_copy_is_none_and_asks_for_one(self, web, fetcher, stored, found):
        web.page("/alive")
        self.answer(web, "/alive", "20261125", found)
        states = check([f"{web.url}/alive"], NONE, fetcher, FIRST)
        read = {f"{web.url}/alive": date(2026, 11, 25)}
        states = with_copies(states, read, stored, FIRST, most=10, ask_for=1)
        assert states.links[f"{web.url}/alive"].archived is None
        assert web.asked[f"/save/{web.url}/alive"] == 1

    def test_a_copy_of_a_wall_is_none_and_no_other_is_asked_for(self, web, fetcher, stored):
        web.page("/alive")
        self.answer(web, "/alive", "20261125", self.closest("20261124010203"))
        web.page(f"/web/20261124010203/{web.url}/alive", "Access denied")
        states = check([f"{web.url}/alive"], NONE, fetcher, FIRST)
        read = {f"{web.url}/alive": date(2026, 11, 25)}
        states = with_copies(states, read, stored, FIRST, most=10, ask_for=1)
        assert states.links[f"{web.url}/alive"].archived is None
        assert web.asked[f"/web/20261124010203/{web.url}/alive"] == 1
        assert not [path for path in web.asked if path.startswith("/save")]

    def test_an_archive_that_does_not_answer_is_not_asked_to_store(self, web, fetcher, stored):
        web.page("/alive")
        states = check([f"{web.url}/alive"], NONE, fetcher, FIRST)
        states = with_copies(states, {}, stored, FIRST, most=10, ask_for=1)
        assert states.links[f"{web.url}/alive"].archived is None
        assert not [path for path in web.asked if path.startswith("/save")]

    def test_a_run_looks_up_a_few_and_the_next_one_others(self, web, fetcher, stored):
        links = [f"{web.url}/{name}" for name in "abcd"]
        for name in "abcd":
            web.page(f"/{name}")
        states = check(links, NONE, fetcher, FIRST)
        asked = []
        for day in (FIRST, date(2026, 12, 8)):
            before = set(web.asked)
            with_copies(states, {}, stored, day, most=2, ask_for=0)
            asked.append(len(set(web.asked) - before))
        assert asked == [2, 2]


def test_the_report_names_what_a_person_should_look_at(docs, web, fetcher):
    states = check(cited(docs), NONE, fetcher, FIRST)
    states = check(cited(docs), states, fetcher, date(2027, 1, 4))
    text = report(states, cited(docs), date(2027, 1, 4))
    assert "5 links on 2027-01-04: 2 alive, 1 moved, 1 gone, 1 unsure; 0 with an archived copy." in text
    assert f"- `{web.url}/gone` (status 404, since 2026-12-07); in `{docs}/questions/a.md:4`" in text
    assert f"- `{web.url}/moved` to `{web.url}/there`; in `{docs}/questions/a.md:4`" in text
    assert f"### Unsure for 28 days: open them yourself\n\n- `{web.url}/alive#none`" in text


def test_nothing_from_a_server_gets_out_of_its_code_span(web, fetcher):
    web.answers["/a"] = (301, {"Location": "/b`<i>@everyone"}, "")
    web.page("/b%60%3Ci%3E@everyone")
    web.answers["/c"] = (301, {"Location": f"/{'d' * 3_000}"}, "")
    web.page(f"/{'d' * 3_000}")
    states = check([f"{web.url}/a", f"{web.url}/c"], NONE, fetcher, FIRST)
    assert states.links[f"{web.url}/a"].moved_to == f"{web.url}/b%60%3Ci%3E@everyone"
    assert states.links[f"{web.url}/c"].verdict is Verdict.UNSURE
    assert f"- `{web.url}/a` to `{web.url}/b%60%3Ci%3E@everyone`; in" in report(states, {}, FIRST)


def test_the_commands_write_the_file_and_say_what_is_due(docs, web, waits, tmp_path, monkeypatch, capsys):
    file = tmp_path / "links.json"
    file.write_text(dump(NONE))
    given = ["--docs", str(docs), "--states", str(file), "--today", "2026-12-07"]
    assert (
        main(["check", *given, "--pause", "0", "--copies", "0", "--report", str(tmp_path / "report.md")]) == 0
    )
    states = load(file)
    assert states.links[f"{web.url}/gone"].verdict is Verdict.GONE
    assert dump(states) == file.read_text()
    assert "1 gone" in (tmp_path / "report.md").read_text()

    assert main(["due", *given]) == 1
    said = capsys.readouterr().out
    assert f"a.md:4: {web.url}/gone was gone on 2026-12-07 (status 404)" in said
    file.write_text(dump(NONE))
    assert main(["due", *given[:4], "--today", "2026-11-26"]) == 0


def test_a_state_that_no_check_can_have_seen_is_refused(tmp_path):
    alive = {"verdict": "alive", "checked": "2026-12-07", "since": "2026-12-07", "alive": "2026-12-07"}
    for wrong in (
        {**alive, "alive": "2026-12-06"},
        {**alive, "since": "2026-12-08"},
        {**alive, "verdict": "gone"},
        {**alive, "verdict": "moved"},
        {**alive, "moved_to": "https://example.org/"},
        {
            **alive,
            "archived": {"address": "javascript:alert(1)", "taken": "2026-12-01", "seen": "2026-12-07"},
        },
    ):
        with pytest.raises(ValueError, match="valid"):
            LinkState.model_validate(wrong)
    LinkState.model_validate(alive)
