"""That the tests' server answers as GitHub Pages does (tests/site/server.py names the sources), at a sub-path and at a root."""

from __future__ import annotations

import gzip
import http.client
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.site.server import Server

FILES = {
    "index.html": "home",
    "404.html": "wrong",
    "page.html": "page",
    "both.html": "both as a page",
    "both/index.html": "both as a folder",
    "folder/index.html": "folder",
    "folder/empty/data.json": "{}",
    "folder/Case.md": "# Case",
    "a b/ü.txt": "named",
    "script.js": "run();",
    "module.mjs": "run();",
    "site.webmanifest": "{}",
    "evidence.csv": "a,b",
    "evidence.yml": "a: b",
    "evidence.log": "a b",
    "feed.xml": "<feed/>",
    "mark.svg": "<svg/>",
    "face.woff2": "wOF2",
    "deck.apkg": "PK",
    ".hidden/secret": "secret",
}
TEXT = "words " * 500
SOURCE = 1_700_000_000


class Asked:
    """An answer: its status, its body as it was sent, and its headers by their names in lower case."""

    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self.status, self.body = answer.status, answer.read()
        self.headers = {name.lower(): value for name, value in answer.getheaders()}


class Host:
    def __init__(self, folder: Path, prefix: str) -> None:
        self.server, self.prefix = Server(), prefix
        self.server.serve(folder, prefix)
        self.port = self.server.server_address[1]
        self.origin = f"http://127.0.0.1:{self.port}"

    def ask(self, address: str, method: str = "GET", **headers: str) -> Asked:
        """Ask for an address below the prefix, as it is, which no client makes neat."""
        return self.ask_root(self.prefix + address, method, **headers)

    def ask_root(self, path: str, method: str = "GET", **headers: str) -> Asked:
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        try:
            connection.request(
                method, path, headers={name.replace("_", "-"): value for name, value in headers.items()}
            )
            return Asked(connection.getresponse())
        finally:
            connection.close()


@pytest.fixture(scope="module", params=["/name/", "/"], ids=["sub-path", "root"])
def host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    folder = tmp_path_factory.mktemp("served")
    for name, text in {**FILES, "text.txt": TEXT}.items():
        path = folder / "site" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        os.utime(path, (SOURCE, SOURCE))
    (folder / "secret").write_text("secret", encoding="utf-8")
    host = Host(folder / "site", request.param)
    yield host
    host.server.close()


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("", "home"),
        ("index.html", "home"),
        ("index", "home"),
        ("page.html", "page"),
        ("page", "page"),
        ("page?query=/x/", "page"),
        ("folder/", "folder"),
        ("folder/index.html", "folder"),
        ("both", "both as a page"),
        ("both/", "both as a folder"),
        ("folder/Case.md", "# Case"),
        ("a%20b/%C3%BC.txt", "named"),
        ("404.html", "wrong"),
    ],
)
def test_an_address_means_a_file(host: Host, address: str, text: str) -> None:
    answer = host.ask(address)
    assert (answer.status, answer.body.decode()) == (200, text)


@pytest.mark.parametrize(
    "address",
    [
        "nowhere",
        "no/where/at/all/",
        "page/",
        "page.html/",
        "Page.html",
        "folder/case.md",
        "FOLDER/",
        "folder/empty/",
        "../secret",
        "%2e%2e/secret",
        "folder/..%2f..%2fsecret",
        ".hidden/secret",
        "%00",
    ],
)
def test_any_other_is_answered_by_the_sites_own_page_for_it(host: Host, address: str) -> None:
    answer = host.ask(address)
    assert (answer.status, answer.body) == (404, b"wrong")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


def test_a_folder_is_redirected_to_its_slash_and_keeps_its_query(host: Host) -> None:
    for address in ("folder", "folder/empty"):
        answer = host.ask(f"{address}?a=1")
        assert (answer.status, answer.headers["location"]) == (
            301,
            f"{host.origin}{host.prefix}{address}/?a=1",
        )


def test_nothing_is_served_beside_a_sub_path(host: Host) -> None:
    is_root = host.prefix == "/"
    assert host.ask_root("/folder/").status == (200 if is_root else 404)
    assert host.ask_root("/").status == (200 if is_root else 404)
    without = host.ask_root(host.prefix.rstrip("/") or "/")
    assert without.status == (200 if is_root else 301)
    assert without.headers.get("location") == (None if is_root else host.origin + host.prefix)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("index.html", "text/html; charset=utf-8"),
        ("script.js", "application/javascript; charset=utf-8"),
        ("module.mjs", "application/javascript; charset=utf-8"),
        ("folder/Case.md", "text/markdown; charset=utf-8"),
        ("folder/empty/data.json", "application/json; charset=utf-8"),
        ("site.webmanifest", "application/manifest+json; charset=utf-8"),
        ("feed.xml", "application/xml"),
        ("mark.svg", "image/svg+xml"),
        ("face.woff2", "font/woff2"),
        ("deck.apkg", "application/octet-stream"),
    ],
)
def test_a_files_type_is_that_of_its_name(host: Host, name: str, kind: str) -> None:
    assert host.ask(name).headers["content-type"] == kind


def test_every_file_may_be_kept_for_ten_minutes_and_is_open_to_other_sites(host: Host) -> None:
    headers = host.ask("text.txt").headers
    assert headers["cache-control"] == "max-age=600"
    assert headers["access-control-allow-origin"] == "*"
    assert headers["last-modified"] == "Tue, 14 Nov 2023 22:13:20 GMT"
    assert headers["etag"] == f'"{SOURCE:x}-{len(TEXT):x}"'
    assert headers["server"] == "GitHub.com"


def test_text_is_compressed_for_who_takes_it(host: Host) -> None:
    packed = host.ask("text.txt", Accept_Encoding="gzip, br")
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["etag"].startswith("W/")
    assert gzip.decompress(packed.body).decode() == TEXT
    assert int(packed.headers["content-length"]) == len(packed.body) < len(TEXT)
    for asked in ("br", "gzip;q=0", "gzip; q=0.0, br"):
        whole = host.ask("text.txt", Accept_Encoding=asked)
        assert "content-encoding" not in whole.headers
        assert whole.body.decode() == TEXT
        assert whole.headers["vary"] == "Accept-Encoding"
    answers = {
        name: host.ask(quote(name), Accept_Encoding="gzip") for name in FILES if name != ".hidden/secret"
    }
    sent_whole = {name for name, answer in answers.items() if "content-encoding" not in answer.headers}
    assert sent_whole == {"face.woff2", "deck.apkg"}
    assert gzip.decompress(host.ask("nowhere", Accept_Encoding="gzip").body) == b"wrong"


def test_what_a_reader_has_is_not_sent_again(host: Host) -> None:
    headers = host.ask("text.txt").headers
    fresh = [
        {"If_None_Match": headers["etag"]},
        {"If_None_Match": f'"other", W/{headers["etag"]}'},
        {"If_Modified_Since": headers["last-modified"]},
    ]
    for asked in fresh:
        answer = host.ask("text.txt", **asked)
        assert (answer.status, answer.body) == (304, b"")
    stale = [
        {"If_None_Match": '"other"'},
        {"If_None_Match": '"other"', "If_Modified_Since": headers["last-modified"]},
        {"If_Modified_Since": "Tue, 14 Nov 2023 22:13:19 GMT"},
        {"If_Modified_Since": "yesterday"},
    ]
    for asked in stale:
        assert host.ask("text.txt", **asked).status == 200


@pytest.mark.parametrize(
    ("wanted", "first", "last"),
    [("0-4", 0, 4), ("2990-", 2990, 2999), ("-6", 2994, 2999), ("0-9999", 0, 2999), ("-9999", 0, 2999)],
)
def test_a_part_is_sent_to_who_asks_for_one(host: Host, wanted: str, first: int, last: int) -> None:
    answer = host.ask("text.txt", Range=f"bytes={wanted}", Accept_Encoding="gzip")
    assert (answer.status, answer.body.decode()) == (206, TEXT[first : last + 1])
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(TEXT)}"


def test_no_part_is_sent_where_there_is_none(host: Host) -> None:
    beyond = host.ask("text.txt", Range=f"bytes={len(TEXT)}-")
    assert (beyond.status, beyond.headers["content-range"]) == (416, f"bytes */{len(TEXT)}")
    assert host.ask("text.txt", Range="lines=1-2").status == 200


def test_a_head_is_the_answer_without_its_body(host: Host) -> None:
    for address in ("text.txt", "folder", "nowhere"):
        whole, head = host.ask(address), host.ask(address, "HEAD")
        assert (head.status, head.body) == (whole.status, b"")
        assert head.headers["content-length"] == whole.headers["content-length"]
