import json
import subprocess
from datetime import UTC, date, datetime

import jsonschema
import pytest

from macros import exports, files, history
from macros.catalog import load_catalog
from macros.kits import Kit
from tests.macros.pages import FIRST, page, write_docs

SITE = "https://example.org/base/"


@pytest.fixture
def docs(tmp_path):
    pages = {"technical/a.md": page(number="1"), "debugging/b.md": page(FIRST, number="2", answer="pending")}
    return write_docs(tmp_path, pages)


def test_questions_json_follows_its_schema(docs):
    text = exports.questions_json(load_catalog(docs), SITE, {"questions/technical/a.md": date(2026, 11, 22)})
    data = json.loads(text)
    schema = json.loads(exports.questions_schema())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(data)
    assert data["$schema"] == SITE + "questions.schema.json"
    assert data["questions"][0] == {
        "number": 1,
        "slug": "a",
        "title": "Limit a rate",
        "description": "How to limit the rate of requests.",
        "category": "technical",
        "difficulty": "senior",
        "minutes": 30,
        "topics": ["rate-limiting", "redis"],
        "url": SITE + "questions/technical/a/",
        "short_url": SITE + "q/1/",
        "sections": [
            *("question", "what-it-tests", "clarifying-questions", "hints", "model-answer", "levels"),
            *("pitfalls", "follow-ups", "references"),
        ],
        "updated": "2026-11-22",
    }
    assert data["questions"][1]["updated"] is None
    assert "model-answer" not in data["questions"][1]["sections"]


@pytest.mark.parametrize(
    "change", [{"minutes": "30"}, {"difficulty": "expert"}, {"extra": 1}, {"sections": ["summary"]}]
)
def test_the_schema_refuses_what_the_contract_does_not_have(docs, change):
    data = json.loads(exports.questions_json(load_catalog(docs), SITE, {}))
    data["questions"][0].update(change)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(json.loads(exports.questions_schema())).validate(data)


def test_every_question_has_a_short_link_and_moved_pages_lead_on(docs):
    files = exports.published_files(load_catalog(docs), SITE, {}, {"old/place/": "questions/technical/a/"})
    assert set(files) == {
        *("questions.json", "questions.schema.json"),
        *("q/1/index.html", "q/2/index.html", "old/place/index.html"),
    }
    assert 'content="0; url=../../questions/technical/a/"' in files["q/1/index.html"]
    assert f'<link rel="canonical" href="{SITE}questions/technical/a/">' in files["q/1/index.html"]
    assert 'content="0; url=../../questions/technical/a/"' in files["old/place/index.html"]


def test_a_short_link_says_how_it_is_shown(docs):
    def shared(question):
        return f'<meta property="og:title" content="{question.slug}">'

    files = exports.published_files(load_catalog(docs), SITE, {}, {"old/": "questions/technical/a/"}, shared)
    assert '<meta property="og:title" content="a">\n' in files["q/1/index.html"]
    assert '<meta property="og:title" content="b">\n' in files["q/2/index.html"]
    assert "og:" not in files["old/index.html"]


def test_the_template_has_a_head_and_a_foot_for_each_question_and_a_head_for_each_kit(docs):
    catalog = load_catalog(docs)
    files = exports.template_files(catalog, {"kits/a.md": Kit(catalog.get(1), (), (), ())})
    assert set(files) == {
        *("1-header.html", "1-footer.html", "1-kit.html"),
        *("2-header.html", "2-footer.html"),
    }
    for name, text in files.items():
        root = "../../" if "kit" in name else "../../../"
        assert f'href="{root}' in text, f"{name}: the way to the site's root"
    assert "../../../kits/a/" in files["1-footer.html"]
    assert "kits/" not in files["2-footer.html"]


def test_times_are_those_of_the_last_commit_of_each_page(docs):
    root = docs.parent

    def git(*arguments, day="2026-01-01"):
        stamp = {"GIT_AUTHOR_DATE": f"{day}T12:00:00Z", "GIT_COMMITTER_DATE": f"{day}T12:00:00Z"}
        identity = ["-c", "user.name=T", "-c", "user.email=t@example.org"]
        subprocess.run(["git", "-C", root, *identity, *arguments], check=True, capture_output=True, env=stamp)

    assert history.commit_times(docs) == {}, "outside a checkout there are no dates"
    assert history.head_time(docs) is None
    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "--message", "one", day="2026-01-01")
    page_b = docs / "questions/debugging/b.md"
    page_b.write_text(page_b.read_text() + "\nMore.\n")
    git("commit", "--quiet", "--all", "--message", "two", day="2026-03-04")
    (docs / "questions/debugging/new.md").write_text("not committed")
    assert history.commit_times(docs) == {
        "questions/technical/a.md": datetime(2026, 1, 1, 12, tzinfo=UTC),
        "questions/debugging/b.md": datetime(2026, 3, 4, 12, tzinfo=UTC),
    }
    assert history.head_time(docs) == datetime(2026, 3, 4, 12, tzinfo=UTC).timestamp()

    clone = root / "clone"
    git("clone", "--quiet", "--depth", "1", f"file://{root}", str(clone))
    assert history.commit_times(clone / "docs") == {}, "a shallow clone knows no dates"


def test_the_time_of_a_build_can_be_set_for_it_to_be_repeated(monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert history.now() == 1_700_000_000
    before = int(datetime.now(tz=UTC).timestamp())
    for unset in (
        lambda: monkeypatch.setenv("SOURCE_DATE_EPOCH", ""),
        lambda: monkeypatch.delenv("SOURCE_DATE_EPOCH"),
    ):
        unset()
        assert before <= history.now() <= datetime.now(tz=UTC).timestamp()


def test_generated_files_that_are_none_any_more_go(tmp_path, docs):
    catalog, folder = load_catalog(docs), tmp_path / "other"
    moved = {"old/": "questions/", "older/": "questions/"}
    generated = exports.published_files(catalog, "https://a.example/", {}, moved)
    files.write(folder, generated | {"assets/cards/9.png": b"", "evidence/gone/log.txt": ""})
    own = {"questions/index.md": "prose", "assets/page.html": "mine", "mine/index.html": "<p>mine</p>"}
    files.write(folder, own)
    del generated["q/2/index.html"], generated["older/index.html"]
    exports.prune(folder, generated)
    left = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert left == generated.keys() | own.keys()


def test_why_there_are_no_dates_is_said(docs, monkeypatch):
    assert "this is no git checkout" in history.why_unknown(docs)
    subprocess.run(["git", "init", "--quiet", docs], check=True)
    assert history.why_unknown(docs) == "nothing has been committed."
    identity = ["-c", "user.name=T", "-c", "user.email=t@example.org"]
    commit = ["commit", "--quiet", "--allow-empty", "--message", "one"]
    subprocess.run(["git", "-C", docs, *identity, *commit], check=True)
    subprocess.run(["git", "clone", "--quiet", "--depth", "1", f"file://{docs}", docs / "clone"], check=True)
    assert "git fetch --unshallow" in history.why_unknown(docs / "clone")
    monkeypatch.setenv("PATH", "")
    assert history.commit_times(docs) == {}
    assert "git is not installed" in history.why_unknown(docs)
