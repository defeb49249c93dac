"""The search as its readers use it: the question they meant comes first, whatever their words, and nothing else happens."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from playwright.sync_api import Page, expect

from macros.catalog import load_catalog
from macros.question import Difficulty
from macros.search import FILE, WORDS_FILE, load_vocabulary, search_files
from tests.content.reading import ROOT
from tests.site.conftest import NARROW, WIDE, NewPage, Site
from tests.thorough import THOROUGH

QUERIES = Path(__file__).parent / "queries"
HOME = "questions/technical/rate-limiting/"

# Types each query into the page's own field and reads the addresses of the results, which stand when the task is done. To draw
# more than a thousand lists would take longer than to find them.
ANSWERS = """async (queries) => {
  const field = document.querySelector("dialog input[type=search]");
  document.body.style.contentVisibility = "hidden";
  const answers = [];
  for (const query of queries) {
    field.value = query;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    await new Promise((resolve) => setTimeout(resolve));
    answers.push([...document.querySelectorAll("dialog ol a")].map((link) => link.href));
  }
  return answers;
}"""


class Query(NamedTuple):
    text: str
    kind: str
    question: int


def queries(name: str) -> list[Query]:
    content = yaml.safe_load((QUERIES / name).read_text(encoding="utf-8"))
    return [
        Query(text, kind, number)
        for number, kinds in content.items()
        for kind, texts in kinds.items()
        for text in texts
    ]


def opened(new_page: NewPage, **options: Any) -> Page:
    page = new_page(**options)
    page.goto(HOME)
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox", name="Search the questions")).to_be_focused()
    expect(page.get_by_role("status").filter(has_text="Type what you are looking for")).to_be_visible()
    return page


def report(asked: list[Query], ranks: list[int]) -> str:
    """Success at 1 and at 3, mean reciprocal rank, the same by kind, and every miss."""
    count = len(asked)
    lines = [
        f"first {sum(rank == 1 for rank in ranks) / count:.1%}, "
        f"in three {sum(0 < rank <= 3 for rank in ranks) / count:.1%}, "
        f"MRR {sum(1 / rank for rank in ranks if rank) / count:.3f} of {count} queries"
    ]
    kinds: dict[str, list[int]] = defaultdict(list)
    for query, rank in zip(asked, ranks, strict=True):
        kinds[query.kind].append(rank)
    lines += [
        f"  {kind}: {sum(rank == 1 for rank in found)} first, {sum(0 < rank <= 3 for rank in found)} in three, of {len(found)}"
        for kind, found in kinds.items()
    ]
    lines += [
        f'  "{query.text}" ({query.kind}) wants {query.question}, which is {rank or "not there"}'
        for query, rank in zip(asked, ranks, strict=True)
        if rank != 1
    ]
    return "\n".join(lines)


def test_there_are_queries_of_every_kind_for_every_question(site: Site) -> None:
    for name, least in (("tuning.yml", 10), ("held_out.yml", 10), ("fresh.yml", 10)):
        count: dict[int, int] = defaultdict(int)
        kinds: dict[int, set[str]] = defaultdict(set)
        for query in queries(name):
            count[query.question] += 1
            kinds[query.question].add(query.kind)
        assert set(count) == {question["number"] for question in site.questions()}
        assert min(count.values()) >= least
        assert all(len(found) == 8 for found in kinds.values()), name
    both = {query.text.lower() for query in queries("tuning.yml")} & {
        query.text.lower() for query in queries("held_out.yml")
    }
    assert not both, f"held out, and tuned on: {both}"


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("name", "first", "in_three"),
    # The aim is 95 and 99 %. Of the queries that nothing was tuned to one in a hundred may be lost by an edit that has
    # nothing to do with them. The fresh ones are of an author who came when all weights stood.
    [
        pytest.param("tuning.yml", 0.97, 0.99, id="tuning", marks=THOROUGH),
        pytest.param("held_out.yml", 0.94, 0.98, id="held out"),
        pytest.param("fresh.yml", 0.94, 0.98, id="fresh", marks=THOROUGH),
    ],
)
def test_the_right_question_comes_first(
    site: Site, new_page: NewPage, name: str, first: float, in_three: float
) -> None:
    """Run with `-rP` for the report where it passes."""
    page = opened(new_page)
    asked = queries(name)
    answers = page.evaluate(ANSWERS, [query.text for query in asked])
    numbers = {site.url + question["address"]: question["number"] for question in site.questions()}
    ranks = []
    for query, links in zip(asked, answers, strict=True):
        found = [numbers[link.partition("#")[0]] for link in links]
        ranks.append(found.index(query.question) + 1 if query.question in found else 0)
    said = report(asked, ranks)
    print(said)
    assert sum(rank == 1 for rank in ranks) >= first * len(asked), said
    assert sum(0 < rank <= 3 for rank in ranks) >= in_three * len(asked), said


def test_nothing_is_loaded_before_the_search_is_wanted(new_page: NewPage) -> None:
    page = new_page()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(HOME)
    page.wait_for_load_state("networkidle")
    assert not [
        url for url in requests if re.search(r"search\.json|vendor/(?!newsreader)|search/(?!open)", url)
    ]
    # With the pointer on its way, it comes.
    with page.expect_request(f"**/{FILE}"):
        page.get_by_role("button", name="Search", exact=True).hover()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    expect(page.get_by_role("status").filter(has_text="Type what")).to_be_visible()
    assert len([url for url in requests if url.endswith(FILE)]) == 1


def test_a_result_says_what_it_is_and_opens_the_section_that_answers(site: Site, new_page: NewPage) -> None:
    page = opened(new_page)
    page.keyboard.type("fail open or closed when redis is down")
    first = page.locator("dialog ol a").first
    expect(first).to_contain_text("6. Implement token-bucket rate limiting")
    expect(first).to_contain_text("Technical · Mid-senior (L4/L5) · 30 minutes")
    expect(first.locator(".search__section")).to_be_visible()
    expect(first.locator(".search__text mark").first).to_be_visible()
    href = first.get_attribute("href")
    assert href
    address, _, section = href.partition("#")
    assert address == site.url + HOME
    assert section
    page.keyboard.press("Enter")
    page.wait_for_url(href)
    # The target is inside of a closed block, which the link opens.
    expect(page.locator(f"[id='{section}']")).to_be_in_viewport()


def test_by_keyboard_alone(site: Site, new_page: NewPage) -> None:
    page = opened(new_page)
    field = page.get_by_role("searchbox")
    page.keyboard.type("billing")
    links = page.locator("dialog ol a")
    expect(links.first).to_be_visible()
    expect(page.locator(".search__said")).to_contain_text("best first: Charged for requests nobody made")
    page.keyboard.press("ArrowDown")
    expect(links.nth(0)).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(links.nth(1)).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(field).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.type("x")
    expect(field).to_be_focused()
    expect(field).to_have_value("billingx")
    page.keyboard.press("Backspace")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).not_to_be_visible()
    page.get_by_role("button", name="Search", exact=True).focus()
    page.keyboard.press("Enter")
    expect(field).to_be_focused()
    expect(field).to_have_value("billing")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    wanted = links.nth(1).get_attribute("href")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: url == wanted or url.startswith(f"{wanted}#") or wanted.startswith(url))


def test_letters_never_leave_the_search(new_page: NewPage) -> None:
    """Nor does Escape, which a script may take from whoever composes a letter."""
    page = opened(new_page)
    field = page.get_by_role("searchbox", name="Search the questions")
    for reach in (
        lambda: page.get_by_role("button", name="Close").focus(),
        lambda: page.locator(".search__said").click(),
    ):
        field.fill("")
        reach()
        page.keyboard.press("n")
        expect(field).to_be_focused()
        expect(field).to_have_value("n")
    # A letter by itself is no search yet.
    expect(page.locator(".search__said")).to_contain_text("Type what you are looking for")
    field.dispatch_event("keydown", {"key": "Escape", "isComposing": True, "bubbles": True})
    expect(page.get_by_role("dialog")).to_be_visible()


def test_what_is_typed_while_the_search_loads_is_kept(new_page: NewPage) -> None:
    page = new_page()
    held: list[Any] = []
    page.route("**/search/dialog.js", lambda route: held.append(route))
    page.goto(HOME)
    # As after a choice of the palette, which leaves the focus on its switch.
    page.get_by_role("button", name="Switch to the dark palette").focus()
    with page.expect_request("**/search/dialog.js"):
        page.keyboard.type("//next circuit")
    held[0].continue_()
    expect(page.get_by_role("searchbox")).to_have_value("next circuit")
    expect(page.locator("dialog ol a").first).to_contain_text("10. ")


def test_a_search_that_does_not_load_says_so(new_page: NewPage, watch: Any) -> None:
    page = new_page()
    page.goto(HOME)
    page.context.set_offline(True)
    page.keyboard.press("/")
    expect(page.get_by_role("status").filter(has_text="The search could not be loaded")).to_be_visible()
    page.context.set_offline(False)
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    watch.problems.clear()


def test_only_a_press_outside_closes(new_page: NewPage) -> None:
    page = opened(new_page)
    dialog = page.get_by_role("dialog")
    box = dialog.bounding_box()
    assert box
    page.mouse.click(box["x"] + 4, box["y"] + 40)
    page.keyboard.type("text that is selected as far as its beginning")
    page.mouse.move(box["x"] + 200, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] - 50, box["y"] + 40)
    page.mouse.up()
    expect(dialog).to_be_visible()
    page.mouse.click(box["x"] - 50, box["y"] + 40)
    expect(dialog).not_to_be_visible()
    # The second press of two comes when the dialog already covers its button.
    page.get_by_role("button", name="Search", exact=True).hover()
    for count in (1, 2):
        page.mouse.down(click_count=count)
        page.mouse.up(click_count=count)
        expect(dialog).to_be_visible()


def test_a_slash_in_a_field_is_a_slash(new_page: NewPage) -> None:
    page = opened(new_page)
    page.keyboard.type("tokens/s")
    expect(page.get_by_role("searchbox")).to_have_value("tokens/s")


def test_its_key_can_be_turned_off(new_page: NewPage) -> None:
    """As WCAG 2.2 asks of keys that are one sign (2.1.4)."""
    page = opened(new_page)
    search = page.get_by_role("dialog", name="Search")
    page.get_by_role("checkbox", name="The key / opens the search").uncheck()
    page.keyboard.press("Escape")
    # The way back from the search's address.
    page.wait_for_url(f"**/{HOME}")
    page.reload()
    page.keyboard.press("Control+k")
    expect(search).to_be_visible()
    page.keyboard.press("Escape")
    expect(search).not_to_be_visible()
    # Nobody takes it.
    pressed = "new KeyboardEvent('keydown', { key: '/', bubbles: true, cancelable: true })"
    assert page.evaluate(f"document.body.dispatchEvent({pressed})")
    assert (
        page.get_by_role("button", name="Search", exact=True).get_attribute("aria-keyshortcuts")
        == "Control+K"
    )


def test_an_answer_comes_before_what_asks_for_it(site: Site, new_page: NewPage) -> None:
    page = opened(new_page)
    page.keyboard.type("data retention policy")
    first = page.locator("dialog ol a").first
    expect(first).to_have_attribute("href", re.compile("/data-privacy-compliance/#"))
    section = (first.get_attribute("href") or "").partition("#")[2]
    opening = site.html("questions/conceptual/data-privacy-compliance/").partition('id="model-answer"')[0]
    assert "data retention" in opening
    assert f'id="{section}"' not in opening


def test_words_that_matched_can_be_read_in_forced_colors(new_page: NewPage) -> None:
    page = opened(new_page, palette="dark", forced_colors="active")
    page.keyboard.type("redis")
    mark = page.locator("dialog ol mark").first
    expect(mark).to_be_visible()
    assert mark.evaluate("mark => getComputedStyle(mark).forcedColorAdjust") == "none"
    assert mark.evaluate("mark => getComputedStyle(mark).color") != "rgb(0, 0, 0)"


def test_results_lead_from_the_page_for_wrong_addresses_too(site: Site, new_page: NewPage) -> None:
    page = new_page()
    page.goto("404.html?search=circuit+breaker")
    first = page.locator("dialog ol a").first
    expect(first).to_have_attribute(
        "href", re.compile(f"^{re.escape(site.url)}questions/technical/circuit-breaker/")
    )


def test_a_drill_shows_its_description_alone_and_is_found_by_its_words(site: Site, new_page: NewPage) -> None:
    drills = [question for question in site.questions() if "drill" in question["sections"]]
    assert drills
    page = opened(new_page)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    for drill in drills:
        for query in (drill["title"], f"{drill['title']} root cause timeline score sheet"):
            page.get_by_role("searchbox").fill(query)
            link = page.locator(f"dialog ol a[href^='{site.url}{drill['address']}']")
            expect(link).to_have_count(1)
            expect(link.locator(".search__text")).to_have_text(drill["description"])
            assert link.get_attribute("href") == site.url + drill["address"]
    page.wait_for_load_state("networkidle")
    read = {url.removeprefix(site.url) for url in requests}
    assert not read & {drill["address"] for drill in drills}, "a drill's page was read for its words"


HOSTILE = (
    "<img src=x onerror=alert(1)>",
    '"><script>alert(1)</script>',
    "'; DROP TABLE questions; --",
    "\\(?:[a-z]+*",
    "x" * 10_000,
    "long sentence " * 700,
    "日本語の質問はありますか",
    "שלום עולם מגבלת קצב",
    "\u202eredis\u202c",
    "🔥" * 50,
    "   ",
    "__proto__ constructor toString",
)


def test_whatever_is_typed_breaks_and_injects_nothing(new_page: NewPage) -> None:
    page = opened(new_page)
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    dialog = page.get_by_role("dialog")
    for query in HOSTILE:
        page.get_by_role("searchbox").fill(query)
        expect(page.locator(".search__said")).not_to_be_empty()
        assert dialog.locator("img, script, iframe").count() == 0, query[:40]
        assert dialog.evaluate("dialog => dialog.scrollWidth - dialog.clientWidth") <= 0, query[:40]
        # And afterwards it works as before.
        page.get_by_role("searchbox").fill("circuit breaker")
        expect(page.locator("dialog ol a").first).to_contain_text("10. Implement a circuit breaker")


def test_nothing_found_says_so_and_offers_topics(site: Site, new_page: NewPage) -> None:
    page = opened(new_page)
    page.get_by_role("searchbox").fill("qqqzzz wwwyyy")
    expect(page.locator(".search__said")).to_contain_text("Nothing found for “qqqzzz wwwyyy”")
    topics = page.locator(".search__others a")
    assert topics.count() >= 3
    assert (topics.first.get_attribute("href") or "").startswith(f"{site.url}topics/#tag:")


def test_an_index_that_does_not_load_is_told_and_tried_again(new_page: NewPage, watch: Any) -> None:
    page = new_page()
    page.route("**/assets/search.json", lambda route: route.abort())
    page.goto(HOME)
    page.keyboard.press("/")
    expect(page.get_by_role("status").filter(has_text="could not be loaded")).to_be_visible()
    expect(page.locator(".search__others a", has_text="All questions")).to_be_visible()
    page.unroute("**/assets/search.json")
    page.keyboard.type("redis")
    expect(page.locator("dialog ol a").first).to_contain_text("6. ")
    watch.problems.clear()


# --- The address of a search -----------------------------------------------------------------------------------------


def test_a_search_is_in_the_address(site: Site, new_page: NewPage) -> None:
    page = new_page()
    page.goto(HOME + "?search=privacy&search-category=technical&search-difficulty=nonsense")
    field = page.get_by_role("searchbox", name="Search the questions")
    expect(field).to_have_value("privacy")
    expect(page.get_by_label("Category")).to_have_value("technical")
    expect(page.get_by_label("Difficulty")).to_have_value("")
    expect(page.locator(".search__about").first).to_contain_text("Technical")
    page.locator("select[name=minutes]:visible").select_option("45")
    page.wait_for_url("**/?search=privacy&search-category=technical&search-minutes=45")
    page.reload()
    expect(page.locator("select[name=minutes]:visible")).to_have_value("45")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).not_to_be_visible()
    page.wait_for_url(site.url + HOME)


def test_typing_on_in_a_linked_search_keeps_its_filters(new_page: NewPage) -> None:
    page = new_page()
    held: list[Any] = []
    page.route(f"**/{FILE}", lambda route: held.append(route))
    with page.expect_request(f"**/{FILE}"):
        page.goto(HOME + "?search=privacy&search-category=technical")
    field = page.get_by_role("searchbox", name="Search the questions")
    expect(field).to_be_focused()
    field.fill("privacy audit")
    page.wait_for_url("**/?search=privacy+audit&search-category=technical")
    held[0].continue_()
    expect(page.get_by_label("Category")).to_have_value("technical")
    expect(page.locator("dialog ol a").first).to_contain_text("9. ")
    expect(field).to_have_value("privacy audit")


def test_back_leads_from_a_question_to_the_list_and_from_the_list_to_the_page(
    site: Site, new_page: NewPage
) -> None:
    page = opened(new_page)
    page.keyboard.type("error budget")
    first = page.locator("dialog ol a").first
    expect(first).to_contain_text("1. ")
    first.click()
    page.wait_for_url("**/slo-definition/**")
    page.go_back()
    expect(page.get_by_role("searchbox", name="Search the questions")).to_have_value("error budget")
    expect(first).to_contain_text("1. ")
    page.go_back()
    expect(page.get_by_role("dialog")).not_to_be_visible()
    assert page.url == site.url + HOME
    page.go_forward()
    expect(page.get_by_role("searchbox", name="Search the questions")).to_have_value("error budget")
    page.keyboard.press("Escape")
    page.wait_for_url(site.url + HOME)
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox", name="Search the questions")).to_have_value("error budget")


def test_a_result_on_the_same_page_closes_the_search(site: Site, new_page: NewPage) -> None:
    page = opened(new_page)
    page.keyboard.type("token bucket retry-after")
    expect(page.locator(".search__section").first).to_be_visible()
    page.keyboard.press("Enter")
    page.wait_for_url(f"{site.url}{HOME}#*")
    expect(page.get_by_role("dialog")).not_to_be_visible()


def test_names_answer_before_all_words_have_arrived(new_page: NewPage, watch: Any) -> None:
    """As with a hundred questions: one file with their names, and a second one, which may fail to come."""
    docs, folder = ROOT / "docs", ROOT / "search"
    catalog = load_catalog(docs)
    texts = {question.source: (docs / question.source).read_text(encoding="utf-8") for question in catalog}
    files = search_files(catalog, texts, load_vocabulary(folder, catalog), {}, many=1)
    asked: list[str] = []

    def give_words(route: Any) -> None:
        asked.append(route.request.url)
        if len(asked) == 1:
            route.abort()
        else:
            route.fulfill(body=files[WORDS_FILE], content_type="application/json")

    page = new_page()
    page.route(f"**/{FILE}", lambda route: route.fulfill(body=files[FILE], content_type="application/json"))
    page.route(f"**/{WORDS_FILE}", give_words)
    page.goto(HOME)
    page.keyboard.press("/")
    field = page.get_by_role("searchbox", name="Search the questions")
    field.fill("circuit breaker")
    first = page.locator("dialog ol a").first
    expect(first).to_contain_text("10. ")
    # Whoever is in the list keeps the place when the words come.
    page.keyboard.press("ArrowDown")
    expect(first).to_be_focused()
    # Only an ask, which is none of the names, has all of these words.
    field.fill("how do I stop one customer from using up all of our capacity")
    expect(first).to_contain_text("6. ")
    assert len(asked) == 2
    watch.problems.clear()


# --- Filters ----------------------------------------------------------------------------------------------------------


def rows(page: Page) -> list[int]:
    return [
        int(number)
        for number in page.locator("table.questions tbody tr:visible .questions__number").all_inner_texts()
    ]


def test_filters_and_words_together_in_the_search(new_page: NewPage) -> None:
    page = opened(new_page)
    page.keyboard.type("redis, under 30 minutes")
    expect(page.locator("select[name=minutes]:visible")).to_have_value("30")
    expect(page.locator("dialog ol a").first).to_contain_text("6. Implement token-bucket rate limiting")
    choices = page.get_by_label("Difficulty").locator("option").all_inner_texts()
    assert [text.rpartition(" (")[0] for text in choices] == ["Any", *(d.full_label for d in Difficulty)]
    page.get_by_role("searchbox").fill("privacy")
    page.get_by_label("Category").select_option("technical")
    expect(page.locator(".search__about").first).to_contain_text("Technical")
    assert all("Technical" in text for text in page.locator(".search__about").all_inner_texts())
    more = page.locator(".search__others a").first
    expect(more).to_contain_text("in the table of questions")
    more.click()
    expect(page.get_by_label("Search in this table")).to_have_value("privacy")
    expect(page.get_by_label("Category")).to_have_value("technical")


def test_the_table_is_filtered_by_its_address_and_goes_back_and_forward(
    site: Site, new_page: NewPage
) -> None:
    page = new_page()
    page.goto("questions/?difficulty=staff&category=nonsense")
    staff = {q["number"] for q in site.questions() if q["difficulty"] == "staff"}
    expect(page.get_by_label("Difficulty")).to_have_value("staff")
    assert set(rows(page)) == staff
    page.get_by_label("Category").select_option("debugging")
    wanted = {q["number"] for q in site.questions() if q["category"] == "debugging"} & staff
    assert set(rows(page)) == wanted
    assert "category=debugging" in page.url
    expect(page.locator("table.questions caption")).to_contain_text(
        f"{len(wanted)} of {len(site.questions())} questions"
    )
    page.go_back()
    expect(page.get_by_label("Category")).to_have_value("")
    assert set(rows(page)) == staff
    page.go_forward()
    assert set(rows(page)) == wanted
    page.reload()
    expect(page.get_by_label("Category")).to_have_value("debugging")
    assert set(rows(page)) == wanted
    page.get_by_role("button", name="Clear filters").click()
    assert rows(page) == [q["number"] for q in site.questions()]


def test_the_table_fetches_words_when_somebody_is_about_to_search(new_page: NewPage, watch: Any) -> None:
    page = new_page()
    asked: list[str] = []
    page.route(f"**/{FILE}", lambda route: (asked.append(route.request.url), route.abort()))
    page.goto("questions/")
    page.get_by_label("Category").select_option("technical")
    expect(page.locator("table.questions caption")).to_contain_text("5 of 20 questions")
    choices = page.get_by_label("Difficulty").locator("option").all_inner_texts()
    assert [text.rpartition(" (")[0] for text in choices] == ["Any", *(d.full_label for d in Difficulty)]
    assert not asked
    field = page.get_by_label("Search in this table")
    with page.expect_request(f"**/{FILE}"):
        field.focus()
    field.fill("redis")
    said = page.locator(".filters__said")
    expect(said).to_have_text("The search could not be loaded. Type on to try again.")
    assert len(rows(page)) == 5
    page.unroute(f"**/{FILE}")
    field.press_sequentially(" lua")
    expect(page.locator("table.questions caption")).not_to_contain_text("5 of 20 questions")
    expect(said).to_be_empty()
    expect(field).to_be_focused()
    assert rows(page)[0] == 6
    watch.problems.clear()


def test_every_choice_says_how_many_it_leaves(site: Site, new_page: NewPage) -> None:
    page = new_page()
    page.goto("questions/")
    expect(page.locator("select[name=minutes]:visible")).to_be_visible()
    for name, key in (("Category", "category"), ("Difficulty", "difficulty")):
        for option in page.get_by_label(name).locator("option").all():
            value, text = option.get_attribute("value"), option.inner_text()
            count = sum(value in ("", question[key]) for question in site.questions())
            assert text.endswith(f"({count})"), text
    page.get_by_label("Search in this table").fill("redis")
    expect(page.locator("table.questions tbody tr:visible").first).to_contain_text(
        "Implement token-bucket rate limiting"
    )
    page.wait_for_url("**/questions/?q=redis")


@pytest.mark.parametrize("address", [f"{HOME}?search", "questions/?q"], ids=["search", "table"])
def test_a_time_that_the_words_say_can_be_taken_back(new_page: NewPage, address: str) -> None:
    page = new_page()
    page.goto(f"{address}=design, at most 50 minutes")
    field = page.get_by_role("searchbox")
    expect(page.locator("select[name=minutes]:visible")).to_have_value("50")
    page.locator("select[name=minutes]:visible").select_option("45")
    expect(field).to_have_value("design")
    expect(page.locator("select[name=minutes]:visible")).to_have_value("45")
    field.fill("design, at most 50 minutes")
    page.get_by_role("button", name="Clear filters").press("Enter")
    expect(field).to_have_value("design")
    expect(page.locator("select[name=minutes]:visible")).to_have_value("")
    expect(page.get_by_label("Category")).to_be_focused()
    # No question is that short: these are words.
    field.fill("alert within 5 minutes")
    expect(page.locator("select[name=minutes]:visible")).to_have_value("")


def test_the_table_says_how_many_are_left_and_prints_without_its_fields(new_page: NewPage) -> None:
    page = new_page()
    page.goto("questions/")
    page.get_by_label("Category").select_option("technical")
    expect(page.get_by_role("status").filter(has_text="5 of 20 questions")).to_be_visible()
    page.emulate_media(media="print")
    expect(page.get_by_label("Category")).not_to_be_visible()
    expect(page.locator("table.questions")).to_be_visible()


def test_a_phone_shows_many_questions_by_the_hundred_and_what_is_filtered_out_not_at_all(
    site: Site, new_page: NewPage
) -> None:
    """As with 150 questions, of which each stands there several times."""
    html = (site.folder / "questions/index.html").read_text(encoding="utf-8")
    data = json.loads((site.folder / FILE).read_text(encoding="utf-8"))
    # The words of so many come in a file of their own, when somebody is about to search.
    unsaid: dict[str, Any] = {"terms": [], "asks": [], "opening": "", "rest": ""}
    many = [
        {**data["questions"][number % 20 - 1], **unsaid, "number": number, "href": f"{number}/"}
        for number in range(1, 151)
    ]
    rows_of = re.findall(r'<tr data-number="\d+".*?</tr>', html, re.DOTALL)
    made = [
        re.sub(r'(data-number="|s__number">)\d+', rf"\g<1>{number}", rows_of[number % 20 - 1])
        for number in range(1, 151)
    ]
    body = html.replace("\n".join(rows_of), "\n".join(made))
    asked: list[str] = []
    page = new_page(size=NARROW)
    page.route("**/questions/", lambda route: route.fulfill(body=body, content_type="text/html"))
    page.route(
        f"**/{FILE}",
        lambda route: route.fulfill(json={**data, "questions": many, "words": WORDS_FILE}),
    )
    page.route(f"**/{WORDS_FILE}", lambda route: (asked.append(route.request.url), route.fulfill(json={})))

    def shown() -> list[int]:
        # The text of what is far below the screen is not there yet.
        found: list[int] = page.locator("table.questions tbody tr:visible").evaluate_all(
            "rows => rows.map((row) => Number(row.dataset.number))"
        )
        return found

    page.goto("questions/")
    more = page.get_by_role("button", name="more of")
    expect(more).to_have_text("Show 50 more of 150")
    assert shown() == list(range(1, 101))
    more.press("Enter")
    expect(page.locator("table.questions tbody tr").nth(100).locator("a").first).to_be_focused()
    expect(more).not_to_be_visible()
    assert len(shown()) == 150
    page.get_by_label("Category").select_option("technical")
    technical = [question["number"] for question in many if question["category"] == "technical"]
    assert shown() == technical
    assert not asked
    page.get_by_label("Search in this table").fill("redis")
    expect(page.locator("table.questions caption")).not_to_contain_text(f"{len(technical)} of")
    assert asked


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_it_fits_and_can_be_touched(new_page: NewPage, size: tuple[int, int]) -> None:
    page = opened(new_page, size=size)
    page.keyboard.type("gpu")
    expect(page.locator(".search__section").first).to_be_visible()
    for target in page.locator("dialog :is(input, select, button:visible, ol a)").all():
        box = target.bounding_box()
        assert box
        assert box["height"] >= 24
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= size[0]
    wide = page.evaluate(
        "document.querySelector('dialog').scrollWidth - document.querySelector('dialog').clientWidth"
    )
    assert wide <= 0
