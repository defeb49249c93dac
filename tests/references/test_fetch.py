"""What comes of an address, from a server that behaves as servers do. Then what a link's verdict is."""

import socket

import pytest

from macros.links import Verdict
from references.fetch import Answer, Fetcher, Patience
from references.verdict import judge

HTML = "<!doctype html><title>A page</title><h2 id='part'>Part</h2>"


@pytest.fixture
def fetcher(waits):
    return Fetcher(Patience(pause_s=0, jitter_s=0), "https://example.org/project", sleep=lambda _: None)


def verdict(fetcher, link):
    return judge(link, fetcher.get(link))


def test_a_page_that_comes_is_alive_also_where_head_is_refused(web, fetcher):
    web.page("/")
    web.page("/a")
    assert verdict(fetcher, f"{web.url}/a").verdict is Verdict.ALIVE
    assert verdict(fetcher, f"{web.url}/").verdict is Verdict.ALIVE


def test_the_check_says_who_asks_and_sends_no_fragment(web, fetcher):
    web.page("/a")
    fetcher.get(f"{web.url}/a#part")
    assert dict(web.asked) == {"/a": 1}
    sent = web.headers["/a"]
    assert sent["User-Agent"] == "llm-production-interviews link check (+https://example.org/project)"
    assert not {"Cookie", "Referer"} & set(sent)


@pytest.mark.parametrize("status", [404, 410])
def test_only_a_server_that_says_so_makes_a_link_gone(web, fetcher, status):
    web.answers["/a"] = (status, {}, "no")
    assert verdict(fetcher, f"{web.url}/a") == (Verdict.GONE, f"status {status}", None)
    assert web.asked["/a"] == 1


@pytest.mark.parametrize("status", [202, 204, 400, 401, 403, 405, 418, 451, 501])
def test_a_refusal_is_no_verdict_and_is_not_tried_again(web, fetcher, status):
    web.answers["/a"] = (status, {}, "")
    assert verdict(fetcher, f"{web.url}/a") == (Verdict.UNSURE, f"status {status}", None)
    assert web.asked["/a"] == 1


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_limit_or_an_error_is_tried_as_often_as_patience_has_it(web, fetcher, waits, status):
    web.answers["/a"] = (status, {}, "")
    assert verdict(fetcher, f"{web.url}/a") == (Verdict.UNSURE, f"status {status}", None)
    assert web.asked["/a"] == 3
    # At once, then after the backoff.
    assert waits == [4.0]


def test_what_mends_itself_within_the_tries_is_alive(web, fetcher):
    web.answers["/a"] = [(503, {}, ""), (502, {}, ""), (200, {}, HTML)]
    assert verdict(fetcher, f"{web.url}/a").verdict is Verdict.ALIVE


def test_a_server_that_says_when_to_come_back_is_heard_up_to_a_limit(web, fetcher, waits):
    web.answers["/a"] = [
        (429, {"Retry-After": "7"}, ""),
        (503, {"Retry-After": "86400"}, ""),
        (200, {}, HTML),
    ]
    assert verdict(fetcher, f"{web.url}/a").verdict is Verdict.ALIVE
    assert waits == [7, 60]


def test_permanent_redirects_move_a_link_with_its_fragment(web, fetcher):
    web.answers["/a"] = (301, {"Location": "/b"}, "")
    web.answers["/b"] = (308, {"Location": f"{web.url}/c"}, "")
    web.page("/c")
    assert verdict(fetcher, f"{web.url}/a#part") == (Verdict.MOVED, "", f"{web.url}/c#part")


@pytest.mark.parametrize("statuses", [(302, 302), (301, 302), (307, 308), (303, 303)])
def test_a_way_that_may_change_again_leaves_the_address_as_it_is(web, fetcher, statuses):
    web.answers["/a"] = (statuses[0], {"Location": "/b"}, "")
    web.answers["/b"] = (statuses[1], {"Location": "/c"}, "")
    web.page("/c")
    assert verdict(fetcher, f"{web.url}/a").verdict is Verdict.ALIVE


def test_a_redirect_to_what_is_gone_is_gone_and_one_to_the_front_page_no_verdict(web, fetcher):
    web.page("/")
    web.answers["/a"] = (301, {"Location": "/gone"}, "")
    web.answers["/b"] = (301, {"Location": "/"}, "")
    assert verdict(fetcher, f"{web.url}/a").verdict is Verdict.GONE
    assert verdict(fetcher, f"{web.url}/b").verdict is Verdict.UNSURE


def test_a_way_in_a_circle_ends(web, fetcher):
    web.answers["/a"] = (302, {"Location": "/a"}, "")
    assert verdict(fetcher, f"{web.url}/a") == (Verdict.UNSURE, "too many redirects", None)


def test_silence_is_no_verdict(web, waits):
    web.answers["/a"] = None
    impatient = Fetcher(Patience(timeout_s=0.05, tries=2))
    assert verdict(impatient, f"{web.url}/a") == (Verdict.UNSURE, "no answer in time", None)
    assert web.asked["/a"] == 2


def test_no_server_no_host_and_no_tls_are_no_verdict(web, fetcher):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        free = unused.getsockname()[1]
    refused = verdict(fetcher, f"http://127.0.0.1:{free}/")
    unnamed = verdict(fetcher, "http://nowhere.invalid/")
    # A server that speaks no TLS where it should.
    broken = verdict(fetcher, f"https://127.0.0.1:{web.port}/a")
    assert [found.verdict for found in (refused, unnamed, broken)] == [Verdict.UNSURE] * 3
    assert refused.reason == "no connection"
    assert unnamed.reason == "its host has no address"
    assert broken.reason == "its certificate or TLS does not hold"


def test_an_address_that_is_none_is_no_verdict(fetcher):
    assert verdict(fetcher, "http://[::1/").verdict is Verdict.UNSURE


@pytest.mark.parametrize(
    "title",
    [
        "404",
        "Page not found - Docs",
        "Error 404 (Not Found)",
        "This page doesn't exist",
        "This page doesn\u2019t exist",
        "Document not found",
        "Not Found",
        "Error: not found | Docs",
        "Sorry, we couldn't find that page",
    ],
)
def test_a_page_that_calls_itself_missing_under_status_200_is_no_verdict(web, fetcher, title):
    web.page("/a", title)
    assert verdict(fetcher, f"{web.url}/a").verdict is Verdict.UNSURE


@pytest.mark.parametrize(
    "title", ["RFC 4040", "The 404th day", "Handling keys that are not found", "Robots.txt"]
)
def test_a_page_about_it_is_alive(web, fetcher, title):
    web.page("/a", title, "<svg><title>404</title></svg><h1>About</h1><h1>404</h1>")
    assert verdict(fetcher, f"{web.url}/a").verdict is Verdict.ALIVE


@pytest.mark.parametrize(
    ("body", "alive"),
    [
        ("<h1>404</h1>", False),
        ("<meta http-equiv=Refresh content='0; URL=/elsewhere'>", False),
        ("<meta http-equiv=refresh content='300; url=/a'>", True),
        ("<noscript><meta http-equiv=refresh content='0; url=/plain'></noscript>", True),
        ("<![of>", False),
        ("<h1>Open\n</h1>", True),
    ],
)
def test_a_page_that_may_be_another_or_cannot_be_read_is_no_verdict(web, fetcher, body, alive):
    web.page("/a", body=body)
    assert verdict(fetcher, f"{web.url}/a").verdict is (Verdict.ALIVE if alive else Verdict.UNSURE)


@pytest.mark.parametrize("end", ["/errors/404.html", "/page-not-found", "/login?next=/a", "/sso/start"])
def test_a_way_that_ends_where_nobody_asked_to_go_is_no_verdict(web, fetcher, end):
    web.answers["/a"] = (302, {"Location": end}, "")
    web.page(end)
    assert verdict(fetcher, f"{web.url}/a").verdict is Verdict.UNSURE
    assert verdict(fetcher, f"{web.url}{end}").verdict is Verdict.ALIVE


def test_a_wall_that_says_not_found_is_no_verdict(web, fetcher):
    web.answers["/a"] = (404, {}, "<title>Just a moment...</title>")
    assert verdict(fetcher, f"{web.url}/a").verdict is Verdict.UNSURE


def test_a_redirect_that_only_browsers_understand_is_no_verdict(web, fetcher):
    # A header's bytes; what they are sent as is another address.
    web.answers["/a"] = (301, {"Location": "/schön".encode().decode("latin-1")}, "")
    assert verdict(fetcher, f"{web.url}/a") == (Verdict.UNSURE, "it redirects to what is no address", None)


def test_an_empty_page_is_no_verdict(web, fetcher):
    web.answers["/a"] = (200, {}, " \n")
    assert verdict(fetcher, f"{web.url}/a").verdict is Verdict.UNSURE


@pytest.mark.parametrize(
    ("fragment", "alive"),
    [
        ("part", True),
        ("prefixed", True),
        ("named", True),
        ("sch%C3%B6n", True),
        ("missing", False),
        ("L10", True),
        ("L10-L12", True),
        (":~:text=anything", True),
        ("L", False),
    ],
)
def test_a_fragment_has_to_be_in_the_page_unless_a_browser_makes_it(web, fetcher, fragment, alive):
    body = "<p id=part></p><a id=user-content-prefixed></a><a name=named></a><p id=schön></p>"
    web.page("/a", body=body)
    found = verdict(fetcher, f"{web.url}/a#{fragment}")
    assert found.verdict is (Verdict.ALIVE if alive else Verdict.UNSURE)


def test_what_is_no_page_needs_no_fragment_and_is_not_read(web, fetcher):
    web.answers["/a.pdf"] = (200, {"Content-Type": "application/pdf"}, b"%PDF" + b"\0" * 100_000)
    answer = fetcher.get(f"{web.url}/a.pdf#page=3")
    assert (answer.status, answer.text) == (200, "")
    assert judge(f"{web.url}/a.pdf#page=3", answer).verdict is Verdict.ALIVE


def test_no_more_of_a_page_is_read_than_patience_has(web, waits):
    web.page("/a", body="x" * 500_000 + "<p id=end>")
    answer = Fetcher(Patience(most_bytes=1_000)).get(f"{web.url}/a#end")
    assert (len(answer.text), answer.cut) == (1_000, True)
    assert "what was read" in judge(f"{web.url}/a#end", answer).reason


def test_a_body_that_trickles_is_no_verdict(web, waits):
    ticks = iter(range(0, 1_000, 20))
    web.page("/a", body="x" * 500_000)
    answer = Fetcher(Patience(tries=1), clock=lambda: next(ticks)).get(f"{web.url}/a")
    assert answer == Answer(None, f"{web.url}/a", error="no answer in time")


def test_a_host_is_asked_with_pauses(web, waits):
    pauses = []
    fetcher = Fetcher(Patience(pause_s=3), sleep=pauses.append)
    for path in ("/a", "/b", "/c"):
        web.page(path)
        fetcher.get(web.url + path)
    assert pauses == [3, 3]
