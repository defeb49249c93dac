"""The built site as files: no browser, only what its HTML says and whether what it points to is there."""

from __future__ import annotations

import ast
import base64
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import jsonschema
import pytest
from bs4 import BeautifulSoup, Tag

from macros import figures, store
from macros.policy import TRUSTED
from macros.question import SECTIONS, Category, Difficulty, section_titles
from tests.site.conftest import PRINT, Site
from tests.thorough import every

PUBLISHED = Path(__file__).with_name("published_addresses.txt")

# What fetches when a page is shown, and the attribute that says from where.
RESOURCES = {
    "script": "src",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "audio": "src",
    "embed": "src",
    "object": "data",
    "use": "href",
    "image": "href",
}
FETCHING_RELATIONS = {
    "stylesheet",
    "icon",
    "preload",
    "modulepreload",
    "preconnect",
    "dns-prefetch",
    "manifest",
}

# The policy of a page but for the hashes of its own scripts.
SOURCES = {
    "default-src": {"'none'"},
    "script-src": {"'self'"},
    "style-src": {"'self'"},
    "img-src": {"'self'", "data:"},
    "font-src": {"'self'"},
    "connect-src": {"'self'"},
    "manifest-src": {"'self'"},
    "worker-src": {"'self'"},
    "base-uri": {"'none'"},
    "form-action": {"'none'"},
    "require-trusted-types-for": {"'script'"},
    "trusted-types": {TRUSTED},
}


@cache
def soup(site: Site, address: str) -> BeautifulSoup:
    return BeautifulSoup(site.html(address), "html.parser")


def text(tag: Tag) -> str:
    return " ".join(tag.get_text().split())


def article(site: Site, address: str) -> Tag:
    found = soup(site, address).find("article")
    assert isinstance(found, Tag), f"{address}: no article"
    return found


@cache
@cache
def ids(site: Site, address: str) -> set[str]:
    return {str(tag["id"]) for tag in soup(site, address).find_all(id=True)}


def resolve(site: Site, address: str, link: str) -> str | None:
    """What is wrong with a link on the page at `address`, if anything. A link to another site is not followed."""
    parts = urlsplit(urljoin(site.site_url + address, link))
    root = urlsplit(site.site_url)
    if parts.scheme not in ("http", "https") or parts.netloc != root.netloc:
        return None
    if not parts.path.startswith(root.path):
        return "leaves the site's sub-path"
    path = unquote(parts.path.removeprefix(root.path))
    file = site.folder / path
    if path == "" or path.endswith("/"):
        file /= "index.html"
    if not file.is_file():
        return "leads to nothing"
    # A plan in a link is no id; tests/site/test_plan.py opens each.
    if parts.fragment and file.suffix == ".html" and not parts.fragment.startswith("plan="):
        target = file.relative_to(site.folder).as_posix().removesuffix("index.html")
        if unquote(parts.fragment) not in ids(site, target):
            return f"leads to a page without the id `{unquote(parts.fragment)}`"
    return None


def test_every_internal_link_and_fragment_resolves(site: Site) -> None:
    broken = []
    for address in site.addresses():
        for tag in soup(site, address).find_all(["a", "link", *RESOURCES]):
            link = tag.get(RESOURCES.get(tag.name, "href"))
            if link is not None and (fault := resolve(site, address, str(link))):
                broken.append(f"{address}: {link} {fault}")
    assert not broken, "\n".join(broken)


def test_nothing_is_fetched_from_another_host(site: Site) -> None:
    foreign = []
    for address in site.addresses():
        for where, url in [*fetched(soup(site, address)), *styles(site, address)]:
            parts = urlsplit(urljoin(site.site_url + address, url))
            if parts.scheme != "data" and parts.netloc != urlsplit(site.site_url).netloc:
                foreign.append(f"{address}: {where}: {url}")
    for sheet in site.folder.rglob("*.css"):
        foreign += [f"{sheet.name}: {url}" for url in css_urls(sheet.read_text("utf-8")) if is_foreign(url)]
    assert not foreign, "\n".join(foreign)


def fetched(page: BeautifulSoup) -> Iterator[tuple[str, str]]:
    for tag in page.find_all(list(RESOURCES)):
        if url := tag.get(RESOURCES[tag.name]):
            yield tag.name, str(url)
    for tag in page.find_all(srcset=True):
        for part in str(tag["srcset"]).split(","):
            yield "srcset", part.split()[0]
    for tag in page.find_all("link", href=True):
        if FETCHING_RELATIONS & set(tag.get("rel") or []):
            yield "link", str(tag["href"])


def styles(site: Site, address: str) -> Iterator[tuple[str, str]]:
    for tag in soup(site, address).find_all("style"):
        yield from (("style", url) for url in css_urls(tag.get_text()))
    for tag in soup(site, address).find_all(style=True):
        yield from (("style attribute", url) for url in css_urls(str(tag["style"])))


def css_urls(sheet: str) -> list[str]:
    """What `url()` and `@import` name, without what stands in comments, such as a source map's address."""
    sheet = re.sub(r"/\*.*?\*/", "", sheet, flags=re.DOTALL)
    quoted = re.findall(r"""(?:url\(\s*|@import\s+)(["'])(.*?)\1""", sheet)
    bare = re.findall(r"""url\(\s*([^"'\s)]+)""", sheet)
    return [url for _, url in quoted] + bare


def is_foreign(url: str) -> bool:
    return bool(re.match(r"(https?:)?//", url))


def test_the_check_for_foreign_styles_finds_them() -> None:
    sheet = "@import 'https://a.example/x.css'; p { background: url(//b.example/y.png) } /* url(https://c.example) */"
    assert [url for url in css_urls(sheet) if is_foreign(url)] == [
        "https://a.example/x.css",
        "//b.example/y.png",
    ]


def test_question_pages_open_with_title_and_chips(site: Site) -> None:
    for question in site.questions():
        body = article(site, question["address"])
        assert [text(h1) for h1 in body.find_all("h1")] == [question["title"]]
        chips = {
            kind: [text(chip) for chip in body.select(f".chips > .chip--{kind}")]
            for kind in ("number", "category", "difficulty", "minutes", "topic")
        }
        difficulty = Difficulty(question["difficulty"])
        marks = {1: "●○○", 2: "●●○", 3: "●●●"}[list(Difficulty).index(difficulty) + 1]
        assert chips == {
            "number": [f"Question {question['number']}"],
            "category": [Category(question["category"]).label],
            "difficulty": [f"{marks} {difficulty.label} ({difficulty.levels})"],
            "minutes": [f"{question['minutes']} minutes"],
            "topic": question["topics"],
        }
        h1 = body.find("h1")
        assert isinstance(h1, Tag)
        following = h1.find_next_sibling()
        assert isinstance(following, Tag)
        assert following.get("class") == ["chips"], f"{question['address']}: chips do not follow the title"
        # The marks repeat the word for the eye; a screen reader needs them once.
        assert body.select_one(".chip--difficulty .marks[aria-hidden=true]")


def test_chips_lead_to_the_listing_of_their_kind(site: Site) -> None:
    for question in site.questions():
        chips = article(site, question["address"]).select(".chips a")
        targets = [urljoin(site.site_url + question["address"], str(a["href"])) for a in chips]
        assert [target.removeprefix(site.site_url) for target in targets] == [
            f"q/{question['number']}/",
            f"questions/{question['category']}/",
            f"difficulty/#{question['difficulty']}",
            *(f"topics/#tag:{topic}" for topic in question["topics"]),
        ]


def test_sections_stand_in_their_order_and_nothing_else_does(site: Site) -> None:
    for question in site.questions():
        body = article(site, question["address"])
        found = [str(h2["id"]) for h2 in body.find_all("h2") if not h2.find_parent("nav")]
        wanted = section_titles(Category(question["category"]), is_pending(question))
        assert found == [SECTIONS[title] for title in wanted] == question["sections"], question["address"]


def is_pending(question: dict[str, Any]) -> bool:
    return "model-answer" not in question["sections"]


def test_pending_pages_say_so_and_complete_ones_do_not(site: Site) -> None:
    for question in site.questions():
        notices = article(site, question["address"]).select(".pending")
        assert len(notices) == is_pending(question), question["address"]
        for row in soup(site, "questions/").select(f"tr[data-number='{question['number']}']"):
            assert bool(row.select(".questions__pending")) == is_pending(question), question["address"]


def test_answers_and_levels_are_collapsed(site: Site) -> None:
    for question in site.questions():
        body = article(site, question["address"])
        for name in {"model-answer", "levels"} & set(question["sections"]):
            heading = body.find(id=name)
            assert isinstance(heading, Tag)
            assert heading.find_parent("details"), f"{question['address']}#{name} stands in the open"
        hints = [text(s) for s in body.select("details.hint > summary")]
        assert hints == ["Hint 1", "Hint 2", "Hint 3"], question["address"]


def test_every_block_is_closed_by_default(site: Site) -> None:
    opened = [
        f"{address}: {text(block.summary) if block.summary else block}"
        for address in set(site.addresses()) - {PRINT}
        for block in soup(site, address).select("details[open]")
    ]
    assert not opened, "\n".join(opened)


def test_the_sidebar_shows_section_names_only(site: Site) -> None:
    for question in site.questions():
        page = soup(site, question["address"])
        shown = {text(link) for link in page.select(".md-nav--secondary a")}
        assert shown, question["address"]
        assert shown <= set(SECTIONS), f"{question['address']}: {shown - set(SECTIONS)}"


def test_ids_are_unique(site: Site) -> None:
    for address in site.addresses():
        counts = Counter(str(tag["id"]) for tag in soup(site, address).find_all(id=True))
        assert [name for name, count in counts.items() if count > 1] == [], address


def test_every_page_has_one_title_and_one_description(site: Site) -> None:
    descriptions: Counter[str] = Counter()
    for address in site.pages():
        page = soup(site, address)
        assert len(page.find_all("h1")) == 1, address
        assert len(page.select("head > title")) == 1, address
        found = page.find_all("meta", attrs={"name": "description"})
        assert len(found) == 1, address
        content = str(found[0]["content"]).strip()
        assert 20 <= len(content) <= 200, f"{address}: {len(content)} characters"
        descriptions[content] += 1
    assert [text for text, count in descriptions.items() if count > 1] == [], "a description used twice"
    for question in site.questions():
        meta = soup(site, question["address"]).find("meta", attrs={"name": "description"})
        assert isinstance(meta, Tag)
        assert meta["content"] == question["description"]


def test_no_template_or_snippet_mark_is_left(site: Site) -> None:
    # A listing may show a template language of its own.
    left = [
        f"{address}: {found.strip()}"
        for address in site.addresses()
        for found in soup(site, address).find_all(string=re.compile(r"\{\{|\{%|--8<--"))
        if not found.find_parent(["script", "style", "pre", "code"])
    ]
    assert not left, "\n".join(left)


def test_no_listing_is_empty(site: Site) -> None:
    empty = [
        f"{address}: {block.find_parent('div', class_='highlight')}"
        for address in site.addresses()
        for block in soup(site, address).select("pre")
        if not text(block)
    ]
    assert not empty, "\n".join(empty)


def test_no_diagram_is_left_to_a_script(site: Site) -> None:
    for address in site.addresses():
        assert not soup(site, address).select(".mermaid"), f"{address}: Material would fetch a script for it"
        for figure in soup(site, address).select(".diagram"):
            assert figure.find("svg"), f"{address}: a diagram without its drawing"


def test_questions_json_is_valid_and_true(site: Site) -> None:
    catalog = json.loads((site.folder / "questions.json").read_text(encoding="utf-8"))
    schema = json.loads((site.folder / "questions.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(catalog)
    assert catalog["$schema"] == site.site_url + "questions.schema.json"
    assert [q["number"] for q in catalog["questions"]] == list(range(1, len(catalog["questions"]) + 1))
    for question in site.questions():
        assert resolve(site, "", question["url"]) is None, question["url"]
        assert resolve(site, "", question["short_url"]) is None, question["short_url"]
        assert set(question["sections"]) <= ids(site, question["address"]), question["address"]


def test_short_links_lead_to_their_question(site: Site) -> None:
    for question in site.questions():
        short = f"q/{question['number']}/"
        page = soup(site, short)
        refresh = page.find("meta", attrs={"http-equiv": "refresh"})
        canonical = page.find("link", rel="canonical")
        assert isinstance(refresh, Tag)
        assert isinstance(canonical, Tag)
        delay, _, target = str(refresh["content"]).partition("; url=")
        assert delay == "0"
        assert not urlsplit(target).netloc, f"{short}: an absolute target would leave a mirror of the site"
        assert urljoin(site.site_url + short, target) == question["url"] == canonical["href"]
        links = [urljoin(site.site_url + short, str(a["href"])) for a in page.find_all("a")]
        assert links == [question["url"]]


def test_every_redirect_leads_to_a_page(site: Site) -> None:
    for address in site.addresses():
        if site.is_redirect(address):
            refresh = soup(site, address).find("meta", attrs={"http-equiv": "refresh"})
            assert isinstance(refresh, Tag)
            target = str(refresh["content"]).partition("url=")[2]
            assert resolve(site, address, target) is None, f"{address} -> {target}"


def test_published_addresses_stay(site: Site) -> None:
    """Other people's links rely on every address that was ever published."""
    listed = PUBLISHED.read_text(encoding="utf-8").split()
    assert listed == sorted(set(listed)), f"{PUBLISHED.name}: sort it, each address once"
    files = ("questions.json", "questions.schema.json", "sitemap.xml")
    built = {a for a in site.addresses() if a != "404.html"} | {
        f for f in files if (site.folder / f).is_file()
    }
    built = {"/" + address for address in built}
    gone = sorted(set(listed) - built)
    new = sorted(built - set(listed))
    if gone:
        pytest.fail(
            f"published addresses are gone: {gone}. Bring them back, or say in mkdocs.yml under extra.redirects "
            "where each leads now, as `old/: new/`."
        )
    if new:
        lines = "\n".join(new)
        pytest.fail(f"new addresses: add these lines to tests/site/{PUBLISHED.name}, in order:\n{lines}")


def test_previous_and_next_walk_through_all_questions_in_order(site: Site) -> None:
    """Category pages stand between the questions; apart from them the order is that of the numbers."""
    numbers = {question["address"]: question["number"] for question in site.questions()}
    for step, ordered in (
        ("next", sorted(numbers.values())),
        ("prev", sorted(numbers.values(), reverse=True)),
    ):
        address = next(address for address, number in numbers.items() if number == ordered[0])
        walked = [ordered[0]]
        for _ in range(len(ordered) + len(Category)):
            if len(walked) == len(ordered):
                break
            link = soup(site, address).select_one(f".md-footer__link--{step}")
            assert link, f"{address} has no link to what is {step}"
            address = urljoin(site.site_url + address, str(link["href"])).removeprefix(site.site_url)
            walked += [numbers[address]] if address in numbers else []
        assert walked == ordered


def test_related_questions_share_a_topic(site: Site) -> None:
    by_address = {question["address"]: question for question in site.questions()}
    for address, question in by_address.items():
        links = soup(site, address).select("nav[aria-labelledby='related'] a")
        assert 1 <= len(links) <= 3, address
        for link in links:
            other = by_address[
                urljoin(site.site_url + address, str(link["href"])).removeprefix(site.site_url)
            ]
            assert other["number"] != question["number"]
            assert set(other["topics"]) & set(question["topics"])
            assert text(link) == f"{other['number']}. {other['title']}"


def test_every_page_allows_its_own_scripts_and_nothing_more(site: Site) -> None:
    allowed: set[str] = set()
    for address in site.addresses():
        page = soup(site, address)
        (policy,) = page.find_all("meta", attrs={"http-equiv": "content-security-policy"})
        assert policy.find_previous_siblings(True) == page.find_all("meta", charset="utf-8"), address
        given = {
            name: set(rest) for name, *rest in (part.split() for part in str(policy["content"]).split("; "))
        }
        assert given.keys() == SOURCES.keys(), address
        scripts = [
            script.get_text()
            for script in page.find_all("script", src=False)
            if script.get("type") not in ("application/json", "application/ld+json")
        ]
        digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts]
        for name, sources in SOURCES.items():
            own = {f"'sha256-{digest}'" for digest in digests} if name == "script-src" else set()
            assert given[name] == sources | own, f"{address}: {name}"
        # By its depth, a page's address to the root differs; nothing else does from page to page.
        allowed |= {re.sub(r'(?<=^__md_scope=new URL\(")[^"]*', "", script) for script in scripts}
        assert [meta["content"] for meta in page.find_all("meta", attrs={"name": "referrer"})] == [
            "no-referrer"
        ]
    # Two of the theme's, the guard, the palette, and the rules for what is fetched ahead.
    assert len(allowed) == 5, allowed


def test_no_page_has_a_handler_a_style_or_a_script_in_an_attribute(site: Site) -> None:
    found = [
        f"{address}: <{tag.name} {name}={value}>"
        for address in site.addresses()
        for tag in soup(site, address).find_all(True)
        for name, value in tag.attrs.items()
        if name == "style" or name.startswith("on") or str(value).strip().lower().startswith("javascript:")
    ]
    assert not found, "\n".join(found)


def test_what_is_kept_of_the_examples_is_what_they_compute(site: Site) -> None:
    known = {}
    for file in every(4, sorted(figures.CACHE_DIR.glob("*.json"))):
        found = store.read(file, figures._key(file.stem))
        if found:
            known[file.stem] = json.loads(found)
    assert known
    fresh = figures.Figures()
    for package, results in known.items():
        for call, result in results.items():
            name, arguments = ast.literal_eval(call)
            assert repr(fresh.call(package, name, dict(arguments))) == repr(result), f"{package}: {call}"
