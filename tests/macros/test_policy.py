import base64
import hashlib
import re

import pytest

from macros import policy
from macros.faults import SourceError

HEAD = '<!doctype html><html><head>\n<meta charset="utf-8">\n<title>T</title>\n'


def hash_of(text):
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def written(folder, html):
    file = folder / "a" / "index.html"
    file.parent.mkdir(exist_ok=True)
    file.write_text(html, encoding="utf-8", newline="")
    policy.write(folder)
    return file.read_text(encoding="utf-8")


def directive(html, name):
    text = html.partition('content-security-policy" content="')[2].partition('"')[0]
    found = [part.split() for part in text.split("; ") if part.split()[0] == name]
    assert len(found) == 1, name
    return found[0][1:]


def test_the_policy_stands_before_all_but_the_encoding(tmp_path):
    html = written(tmp_path, HEAD + "</head></html>")
    before = html.partition('<meta http-equiv="content-security-policy"')[0]
    assert before == '<!doctype html><html><head>\n<meta charset="utf-8">\n'
    assert directive(html, "default-src") == ["'none'"]
    assert directive(html, "script-src") == directive(html, "style-src") == ["'self'"]
    assert "unsafe" not in html


def test_nothing_is_allowed_but_what_comes_from_the_site_itself(tmp_path):
    html = written(tmp_path, HEAD + "</head></html>")
    text = html.partition('content-security-policy" content="')[2].partition('"')[0]
    allowed = {name: sources for name, *sources in map(str.split, text.split("; "))}
    assert {source for sources in allowed.values() for source in sources} == {
        *("'none'", "'self'", "'script'", "data:", policy.TRUSTED),
    }
    assert [name for name, sources in allowed.items() if "data:" in sources] == ["img-src"]
    closed = {name for name, sources in allowed.items() if sources == ["'none'"]}
    assert closed == {"default-src", "base-uri", "form-action"}
    assert {name.removesuffix("-src") for name, sources in allowed.items() if sources[0] == "'self'"} == {
        *("script", "style", "img", "font", "connect", "manifest", "worker"),
    }
    assert allowed["require-trusted-types-for"] == ["'script'"]
    assert '<meta name="referrer" content="no-referrer">' in html


def test_inline_scripts_are_allowed_by_their_hashes_each_once(tmp_path):
    first, second = "\n let a = '<b>é</b><p>';\n", "let b = 1 && 2;"
    scripts = f"<script>{first}</script><script>{second}</script><script type=module>{second}</script>"
    data = "".join(f'<script type="application/{kind}">{{}}</script>' for kind in ("json", "ld+json"))
    others = f'<script src="x.js"></script>{data}'
    html = written(tmp_path, f"{HEAD}{scripts}{others}</head></html>")
    assert directive(html, "script-src") == ["'self'", hash_of(first), hash_of(second)]
    assert directive(html, "style-src") == ["'self'"]


def test_a_script_after_the_text_is_the_templates_as_one_before_it(tmp_path):
    text = '<article><h1>T</h1><p>one</p><img src="a.svg"></article>'
    html = written(tmp_path, f"{HEAD}</head><script>a()</script>{text}<script>b()</script></html>")
    assert directive(html, "script-src") == ["'self'", hash_of("a()"), hash_of("b()")]


def test_a_hash_is_of_the_text_as_a_browser_reads_it(tmp_path):
    html = written(tmp_path, f"{HEAD}<script>a();\r\nb();\rc();</script></head></html>")
    assert directive(html, "script-src") == ["'self'", hash_of("a();\nb();\nc();")]


def test_a_second_time_changes_nothing_and_a_changed_page_gets_another_policy(tmp_path):
    html = written(tmp_path, f"{HEAD}<script>a()</script></head></html>")
    assert written(tmp_path, html) == html
    changed = written(tmp_path, html.replace("a()", "b()"))
    assert directive(changed, "script-src") == ["'self'", hash_of("b()")]


def test_what_else_is_done_to_a_page_is_in_its_policy(tmp_path):
    written(tmp_path, f"{HEAD}<script>a()</script></head></html>")
    policy.write(tmp_path, change=lambda html: html.replace(b"a()", b"b()"))
    html = (tmp_path / "a/index.html").read_text(encoding="utf-8")
    assert "<script>b()</script>" in html
    assert directive(html, "script-src") == ["'self'", hash_of("b()")]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('<p\nstyle="color: red">', "an attribute `style`"),
        ('<p style="color">', "an attribute `style`"),
        ("<img src=x onerror=a()>", "an attribute `onerror`"),
        ('<p ONCLICK="a()">', "an attribute `onclick`"),
        ('<img alt="<p class=" onerror=a() title=">">', "an attribute `onerror`"),
        ('<p class="b" onclick="a()">', "an attribute `onclick`"),
        ('<a href=" java\tscript:a()">', "a script in `href`"),
        ('<a href="JavaScript:a()">', "a script in `href`"),
        ('<a href="javascript&colon;a()">', "a script in `href`"),
        *(
            (f"<{name} src=x>", f"an element `{name}`")
            for name in ("audio", "base", "embed", "frame", "video")
        ),
        ("<object data=x></object>", "an element `object`"),
        ("<style>p { color: red }</style>", "an element `style`"),
        ("<iframe srcdoc=x></iframe>", "an element `iframe`"),
        ("<article><p><script>a()</script></p></article>", "a script in its text"),
        ("<article><svg><script href=x.js /></svg></article>", "a script in its text"),
    ],
)
def test_what_the_policy_would_refuse_stops_the_build(tmp_path, body, said):
    with pytest.raises(SourceError) as caught:
        written(tmp_path, HEAD + body)
    assert f"{tmp_path / 'a' / 'index.html'}:4: has {said}, which the page's policy refuses" in str(
        caught.value
    )


def test_a_page_without_an_encoding_stops_the_build(tmp_path):
    with pytest.raises(SourceError, match="says no encoding"):
        written(tmp_path, "<html><head></head></html>")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.htm", "", "is a page that gets no policy"),
        ("a.XHTML", "", "is a page that gets no policy"),
        ("a.HTML", "", "is a page that gets no policy"),
        ("a.svg", "<svg><script>a()</script></svg>", "has a script, and gets no policy"),
        ("a.svg", "<svg\nonload='a()'/>", "has a script, and gets no policy"),
        ("a.svg", "<svg><a href='JavaScript:a()'/></svg>", "has a script, and gets no policy"),
        ("a.svg", "<svg><a href='java&#115;cript:a()'/></svg>", "has a script, and gets no policy"),
        (
            "a.svg",
            "<s:svg xmlns:s='http://www.w3.org/2000/svg'><s:script/></s:svg>",
            "has a script, and gets no policy",
        ),
        *(
            ("a.svg", f"<svg><{name}/></svg>", "has a script, and gets no policy")
            for name in ("embed", "frame", "handler", "iframe", "object")
        ),
        ("a.svg", "<svg><path>", "is not XML: no element found"),
        (
            "a.xml",
            "<feed><script xmlns='http://www.w3.org/1999/xhtml'>a()</script></feed>",
            "has a script, and gets no policy",
        ),
    ],
)
def test_no_page_is_passed_over(tmp_path, name, text, said):
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(SourceError) as caught:
        policy.write(tmp_path)
    assert re.search(rf"{re.escape(str(tmp_path / name))}(:\d+)?: {said}", str(caught.value))
    (tmp_path / name).rename(tmp_path / "a.txt")
    policy.write(tmp_path)


def test_what_is_kept_of_a_page_gives_the_same_policy_and_no_fault_is_kept(tmp_path, monkeypatch):
    site, cache = tmp_path / "site", tmp_path / "cache"
    file = site / "a" / "index.html"
    file.parent.mkdir(parents=True)

    def made(html):
        file.write_text(html, encoding="utf-8")
        policy.write(site, cache)
        return file.read_text(encoding="utf-8")

    first = made(f"{HEAD}<script>a()</script></head></html>")
    assert directive(first, "script-src") == ["'self'", hash_of("a()")]
    with monkeypatch.context() as patched:
        patched.setattr(policy, "inline_of", lambda html: pytest.fail("read again"))
        assert made(f"{HEAD}<script>a()</script></head></html>") == first
        assert made(first) == first
    assert directive(made(f"{HEAD}<script>b()</script></head></html>"), "script-src") == [
        "'self'",
        hash_of("b()"),
    ]
    for _ in range(2):
        with pytest.raises(SourceError, match="an element `base`"):
            made(f"{HEAD}<base href=/>")
