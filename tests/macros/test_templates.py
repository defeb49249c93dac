"""A compiled template out of the cache prints what a new one prints, and another text is another template."""

from __future__ import annotations

from pathlib import Path

import pytest
from jinja2 import DictLoader, Environment, StrictUndefined, TemplateSyntaxError

from macros import serving, templates

TEXT = "{% for n in numbers %}{{ n }} of {{ total() }}\n{% endfor %}"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(templates, "CACHE_DIR", tmp_path)
    return tmp_path


def printed(environment: Environment, text: str = TEXT) -> str:
    return templates.template(environment, text, "texts/page.md").render(numbers=[1, 2], total=lambda: 2)


@pytest.fixture
def unable(monkeypatch: pytest.MonkeyPatch) -> Environment:
    """An environment that compiles nothing any more."""
    environment = Environment(undefined=StrictUndefined)
    monkeypatch.setattr(environment, "compile", lambda *_: pytest.fail("compiled again"))
    return environment


def test_a_text_is_compiled_once(unable: Environment) -> None:
    assert printed(Environment()) == "1 of 2\n2 of 2\n"
    assert printed(unable) == "1 of 2\n2 of 2\n"


def test_another_text_of_the_same_name_is_compiled(unable: Environment) -> None:
    printed(Environment())
    assert printed(Environment(), "{{ numbers | length }}") == "2"
    assert printed(unable, "{{ numbers | length }}") == "2"


def test_a_text_that_is_read_in_another_way_is_compiled() -> None:
    ways = ({}, {"autoescape": True}, {"variable_start_string": "[[", "variable_end_string": "]]"})
    said = [printed(Environment(**way), "{{ '<' }} [[ '<' ]]") for way in ways]
    assert said == ["< [[ '<' ]]", "&lt; [[ '<' ]]", "{{ '<' }} <"]
    assert printed(Environment(extensions=["jinja2.ext.do"]), "{% do total() %}") == ""
    with pytest.raises(TemplateSyntaxError):
        printed(Environment(), "{% do total() %}")


@pytest.mark.parametrize("size", [0, 70, 200])
def test_a_damaged_entry_is_compiled_again(cache: Path, size: int) -> None:
    printed(Environment())
    entry = cache / "texts/page.md"
    entry.write_bytes(entry.read_bytes()[:size])

    assert printed(Environment()) == "1 of 2\n2 of 2\n"
    assert entry.stat().st_size > 200


def test_an_environment_of_others_takes_from_the_cache_what_has_no_name(
    cache: Path, unable: Environment
) -> None:
    environment = Environment()
    for _ in range(2):
        templates.keep(environment, lambda: "pages/page.md")
    assert environment.from_string("{{ 6 * 7 }}").render() == "42"
    assert (cache / "pages/page.md").is_file()

    templates.keep(unable, lambda: "pages/page.md")
    with pytest.raises(TemplateSyntaxError):
        environment.from_string("{{ 6 * }}")


def test_a_theme_takes_its_templates_from_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = {"page.html": "<h1>{{ title }}</h1>"}

    def said(title: str) -> str:
        environment = serving.on_env(Environment(loader=DictLoader(texts)))
        return environment.get_template("page.html").render({"title": title})

    assert said("One") == "<h1>One</h1>"
    with monkeypatch.context() as without:
        without.setattr(Environment, "compile", lambda *_: pytest.fail("compiled again"))
        assert said("Two") == "<h1>Two</h1>"
    texts["page.html"] = "<h2>{{ title }}</h2>"
    assert said("One") == "<h2>One</h2>"
