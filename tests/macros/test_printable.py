import re

import pytest

from macros import cores, printable
from macros.site import Site

SITE = Site("A & B", "About it.", "https://example.org/base/", "CC BY 4.0")
HTML = """\
<html><head>
<link rel="stylesheet" href="../../../assets/stylesheets/site.css">
</head><body><nav><a href="#x">Outside</a></nav>
<article class="md-content__inner md-typeset">
<h1>Limit a rate</h1><div class="page-tools"><button>B<br></button></div>
<h2 id="hints">Hints &amp; more<a class="headerlink" href="#hints">&para;</a></h2>
<details class="hint"><summary>Reveal the <code>one</code></summary><p>a < b &#8212; <a href="#hints">up</a></p></details>
<p><a href="../../debugging/b/#drill">b</a> <a href="../../debugging/b/">b</a> <a href="../../../q/6/">short</a>
<a href="https://example.com/?a=1&amp;b=2">out</a> <a href="../../../">home</a></p>
<label class="guess">Guess <textarea>none</textarea></label>
<pre><code><span class="k">def</span> <a id="l-1"></a>f(): <span>x</span></code></pre>
<svg viewBox="0 0 1 1" aria-labelledby="t d"><title id="t">T</title><path marker-end="url(#m)"/></svg>
<nav class="related"><h2 id="related">Related</h2></nav>
</article><footer id="f">Foot</footer></body></html>
"""


def page(first=HTML, number=2, cache=None):
    chapters = [
        printable.Chapter(1, "Limit a rate", "questions/technical/a/", first),
        printable.Chapter(
            number, "Find it", "questions/debugging/b/", HTML.replace("Limit a rate", "Find it")
        ),
    ]
    return printable.page(chapters, SITE, printable.sheets(HTML, "questions/technical/a/"), cache)


def test_articles_follow_one_another_a_level_deeper_and_open():
    html = page()
    assert '<h2 id="q1">1. Limit a rate</h2>' in html
    assert '<h3 id="q2-hints">Hints &amp; more</h3>' in html
    assert html.count('<details class="hint" open>') == 2
    assert html.count("<summary><code>one</code></summary>") == 2
    assert "a < b &#8212; " in html
    assert "<title>All questions and answers - A &amp; B</title>" in html


def test_what_only_a_screen_uses_is_left_out():
    assert not re.search("Outside|Foot|Guess|none|Related|headerlink|<button|page-tools", page())
    assert page().count("</article>") == 2


def test_links_stay_within_the_page_or_hold_anywhere():
    html = page()
    assert '<a href="#q1-hints">up</a>' in html
    assert (
        '<a href="#q2-drill">b</a> <a href="#q2">b</a> <a href="https://example.org/base/q/6/">short</a>'
        in html
    )
    assert (
        '<a href="https://example.com/?a=1&amp;b=2">out</a> <a href="https://example.org/base/">home</a>'
        in html
    )


def test_ids_of_drawings_and_what_refers_to_them_have_the_questions_number():
    assert (
        '<svg viewbox="0 0 1 1" aria-labelledby="q1-t q1-d"><title id="q1-t">T</title><path marker-end="url(#q1-m)"/></svg>'
        in page()
    )


def test_listings_have_their_text_without_colors():
    assert "<pre><code>def f(): x</code></pre>" in page()


def test_what_only_a_screen_needs_of_an_element_goes_and_the_element_stays():
    article = """<article><h1>T</h1><div class="wide" tabindex="0"><h6>Deep</h6></div>
<details open><summary>S</summary></details><p class="to-kit">K</p><p class="page-forms">F</p>
<section class="calculator"><img src="x"/>C</section><script>s()</script>
<a href="//example.org/x">x</a><img src="y"/></article>"""
    chapter = printable.Chapter(7, "T", "questions/technical/a/", article)
    html = printable.page([chapter], SITE, []).partition('<article class="printable__question">')[2]
    assert '<div class="wide"><h6>Deep</h6></div>' in html
    assert "<details open><summary>S</summary></details>" in html
    assert not re.search("to-kit|page-forms|calculator|<script|src=.x", html)
    assert '<a href="//example.org/x">x</a><img src="y"/>' in html


# https://html.spec.whatwg.org/multipage/syntax.html#void-elements
VOID = ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]


@pytest.mark.parametrize("name", VOID)
def test_what_is_left_out_ends_where_it_ends_whatever_has_no_end_in_it(name):
    article = f'<article><h1>T</h1><p class="to-kit">Out<{name}>Out</p><p>Kept</p></article>'
    html = printable.page([printable.Chapter(7, "T", "questions/technical/a/", article)], SITE, [])
    assert "Out" not in html
    assert "<p>Kept</p>" in html


def test_the_sheets_are_those_of_the_pages():
    assert '<link rel="stylesheet" href="../assets/stylesheets/site.css">' in page()


def test_a_page_of_kept_articles_is_the_same(tmp_path, monkeypatch):
    changed = HTML.replace("Guess", "Gauge").replace("up</a>", "above</a>")
    for given in ({}, {"first": changed}, {"number": 3}):
        assert page(**given, cache=tmp_path) == page(**given)
    kept = page(**given)
    (tmp_path / "1.html").write_bytes((tmp_path / "1.html").read_bytes()[:-5])
    assert page(**given, cache=tmp_path) == kept
    monkeypatch.setattr(printable, "_article", lambda *_, **__: pytest.fail("made again"))
    assert page(**given, cache=tmp_path) == kept
    # A question that neither of them leads to is no reason to make them again; the number of one that they do is.
    others = {"questions/debugging/b/": "#q3", "questions/technical/c/": "#q4"}
    chapter = printable.Chapter(1, "Limit a rate", "questions/technical/a/", HTML)
    assert printable._key(chapter, others, SITE.url) == printable._key(
        chapter, {"questions/debugging/b/": "#q3"}, SITE.url
    )
    assert printable._key(chapter, others, SITE.url) != printable._key(chapter, {}, SITE.url)


def test_many_chapters_are_made_on_all_cores(tmp_path, monkeypatch):
    monkeypatch.setattr(cores, "MANY", 2)
    assert page(cache=tmp_path) == page()
