"""What stands in two places because it must, held equal; and what must stand nowhere."""

import re
import subprocess

import pytest
import yaml

import macros
from macros import configuration
from macros.catalog import load_catalog, nav_pages
from macros.front_matter import read
from macros.made import Shows
from macros.page_macros import Sources
from macros.places import SOURCES
from macros.preparing import Generated, Prepared
from macros.question import TOPICS, Category, Difficulty, FrontMatter
from tests import conftest
from tests.content.reading import DOCS, PAGES, ROOT

CONFIG = configuration.read(ROOT / "mkdocs.yml")


def plugin(name):
    return next(entry[name] for entry in CONFIG["plugins"] if isinstance(entry, dict) and name in entry)


def test_the_tags_plugin_allows_the_catalogs_topics():
    assert plugin("tags")["tags_allowed"] == sorted(TOPICS)


def test_every_topic_is_used():
    used = {topic for question in load_catalog(DOCS) for topic in question.topics}
    assert used == TOPICS


def test_the_navigation_lists_questions_by_category_and_number():
    listed = [page for page in nav_pages(CONFIG["nav"]) if (DOCS / page).parent.parent.name == "questions"]
    listed = [page for page in listed if not page.endswith("index.md")]
    catalog = load_catalog(DOCS)
    assert listed == [question.source for category in Category for question in catalog.select(category)]


def test_no_macro_is_named_like_a_key_of_front_matter(monkeypatch):
    """A page's keys shadow the macros of their names, which then are "not callable"."""

    class Env:
        project_dir = ROOT

        def __init__(self):
            self.conf = CONFIG
            self.macros = []

        def macro(self, function):
            self.macros.append(function.__name__)
            return function

    # Names are looked at, so nothing need be read.
    monkeypatch.setattr(
        macros,
        "prepared",
        lambda *_: Prepared(Sources(*[None] * 7), Generated({}, {}, {}), Shows("", {}, {})),
    )
    env = Env()
    macros.define_env(env)
    # Those that pages have, that a question may have, and that the generator and its plugins know.
    keys = {key for page in PAGES for key in read(page).meta} | FrontMatter.model_fields.keys()
    keys |= {"tags", "search", "template", "status", "icon", "date"}
    assert len(env.macros) > 5
    assert not keys & set(env.macros)


def test_a_server_watches_all_that_a_build_reads_and_a_copy_has_it():
    assert CONFIG["watch"] == list(SOURCES)
    assert list(conftest.SOURCES) == ["docs", *CONFIG["watch"]]


def test_what_git_ignores_is_what_is_cleaned_away():
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").split("\n# Left by builds")[0]
    paths = {line.strip("/") for line in ignored.splitlines() if line and not line.startswith("#")}
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8").split("\nclean:")[1].split("\n\n")[0]
    root, docs = (set(re.findall(r"(?<= )[^\s\\]+", part)) for part in recipe.split("cd docs && "))
    cleaned = root | {f"docs/{path}" for path in docs} | {".venv", "__pycache__"}
    assert paths - cleaned == set()


def test_a_proposal_is_asked_for_the_categories_and_levels_that_there_are():
    form = yaml.safe_load((ROOT / ".github/ISSUE_TEMPLATE/new-question.yml").read_text(encoding="utf-8"))
    options = {
        part["id"]: part["attributes"]["options"] for part in form["body"] if part["type"] == "dropdown"
    }
    assert options == {
        "category": [category.label for category in Category],
        "difficulty": [level.full_label for level in Difficulty],
    }


def test_strict_options_are_on():
    assert CONFIG["strict"] is True
    assert plugin("macros")["on_undefined"] == "strict"
    for kinds in CONFIG["validation"].values():
        assert set(kinds.values()) == {"warn"}
    snippets = next(e["pymdownx.snippets"] for e in CONFIG["markdown_extensions"] if "pymdownx.snippets" in e)
    assert snippets["check_paths"] is True


TRACKED = subprocess.run(
    ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
).stdout
FILES = [ROOT / name for name in TRACKED.split("\0") if name]


@pytest.mark.skipif(not FILES, reason="not a git checkout: there is no list of the project's files")
def test_no_file_names_a_package_registry():
    hosts = "|".join(
        map(
            re.escape, ("pypi" + ".org", "pythonhosted" + ".org", "registry.npmjs" + ".org", "npmjs" + ".com")
        )
    )
    found = []
    for file in FILES:
        if file.is_file():
            text = file.read_text(encoding="utf-8", errors="replace")
            found += [f"{file}: {hit}" for hit in re.findall(hosts, text)]
    assert not found


@pytest.mark.parametrize("lock", sorted(ROOT.glob("requirements/*.txt")), ids=lambda lock: lock.stem)
def test_locks_carry_hashes_and_no_addresses(lock):
    text = lock.read_text(encoding="utf-8")
    pins = re.findall(r"^[a-z0-9][\w.-]*(?:\[[\w,]+\])?==", text, re.MULTILINE)
    assert pins
    assert "://" not in text
    assert len(re.findall(r"^[a-z0-9].* \\\n    --hash=sha256:", text, re.MULTILINE)) == len(pins)
