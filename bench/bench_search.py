"""What the search costs in the reader's browser, at the catalog's size and grown to 200 and 1,000 questions.

The words of the grown catalogs are those of the real one, mixed; a quarter of them get a number, so that the vocabulary grows
too. The bytes of each catalog, plain and compressed, are printed once.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright

from macros import configuration
from macros.catalog import load_catalog, nav_pages
from macros.search import FILE, as_files, load_topic_names, load_vocabulary, search_files
from tests.site.browser import find_browser
from tests.site.conftest import BROWSER_ARGUMENTS
from tests.site.server import Server

ROOT = Path(__file__).parents[1]
SIZES = (20, 200, 1000)
SENTENCE = "how do I stop one customer from using up all of our GPU capacity"

pytestmark = pytest.mark.benchmark(group="search")


@cache
def real() -> dict[str, Any]:
    docs = ROOT / "docs"
    catalog = load_catalog(docs)
    nav = configuration.read(ROOT / "mkdocs.yml")["nav"]
    texts = {page: (docs / page).read_text(encoding="utf-8") for page in nav_pages(nav)}
    folder = ROOT / "search"
    files = search_files(catalog, texts, load_vocabulary(folder, catalog), load_topic_names(folder))
    found: dict[str, Any] = json.loads(files[FILE])
    return found


@cache
def grown(count: int) -> dict[str, str]:
    """The files of the search with so many questions: the first one, and the whole in one."""
    data, draw = real(), random.Random(count)
    pool = [word for q in data["questions"] for word in f"{q['opening']} {q['rest']}".split()]

    def mixed(text: str) -> str:
        return " ".join(
            draw.choice(pool) + (str(draw.randrange(10)) if draw.random() < 0.25 else "")
            if draw.random() < 0.5
            else word
            for word in text.split()
        )

    questions = list(data["questions"])
    while len(questions) < count:
        like, number = draw.choice(data["questions"]), len(questions) + 1
        texts = {name: mixed(like[name]) for name in ("title", "opening", "rest")}
        lists = {name: [mixed(phrase) for phrase in like[name]] for name in ("terms", "asks")}
        questions.append({**like, **texts, **lists, "number": number, "href": f"questions/made/{number}/"})
    content = {**data, "questions": questions}
    files = as_files(content)
    for name, text in files.items():
        compressed = len(gzip.compress(text.encode(), 9))
        print(f"\n{count} questions: {name} has {len(text.encode()):,} bytes, {compressed:,} compressed")
    return {"first": files[FILE], "whole": as_files(content, many=count + 1)[FILE]}


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    server = Server()
    server.serve(ROOT / "docs", "/")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=BROWSER_ARGUMENTS)
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{server.server_address[1]}/questions.json")
        page.evaluate(
            "import('/assets/javascripts/search/engine.js').then((module) => { window.search = module; })"
        )
        yield page
        browser.close()
    server.close()


def bench_nothing(benchmark: Any, page: Page) -> None:
    """The way into the browser and back."""
    benchmark(page.evaluate, "0")


BUILD = "search.createEngine(JSON.parse(text)).then((engine) => { window.engine = engine; })"


@pytest.mark.parametrize("count", SIZES)
@pytest.mark.parametrize("part", ["first", "whole"])
def bench_build(benchmark: Any, page: Page, count: int, part: str) -> None:
    """What answers first, and what knows all words; of few questions that is the same."""
    page.evaluate("text => { window.text = text; }", grown(count)[part])
    benchmark.pedantic(page.evaluate, (BUILD,), rounds=1)


@pytest.mark.parametrize("count", SIZES)
@pytest.mark.parametrize("query", ["redis", "cicruit breakr", SENTENCE], ids=["word", "typo", "sentence"])
def bench_answer(benchmark: Any, page: Page, count: int, query: str) -> None:
    if page.evaluate("window.built") != count:
        page.evaluate("text => { window.text = text; }", grown(count)["whole"])
        page.evaluate(BUILD)
        page.evaluate("count => { window.built = count; }", count)
    benchmark(page.evaluate, "query => engine.search(query).questions.length", query)
