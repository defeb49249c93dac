"""What our own linters find: packages that are locked, their licenses, and their known vulnerabilities."""

import json
import threading
from datetime import date
from email.message import Message
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from lint import audit, licenses
from lint.locked import ROOT, Package, locked

ONE = Package("PyPI", "one", "1.0", "requirements/site.txt")
TWO = Package("npm", "@a/two", "2.0.0", "vendor/package-lock.json", "MIT")


def test_every_package_of_every_lock_is_known(tmp_path):
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "a.txt").write_text(
        'One_X.y[more]==1.0 ; python_version < "3.14" \\\n    --hash=sha256:0\n    # via b==2\ntwo==2.0\\\n',
        "utf-8",
    )
    (tmp_path / "requirements" / "b.txt").write_text("one-x-y==1.0\none-x-y==1.1\n", "utf-8")
    (tmp_path / "vendor").mkdir()
    packages = {
        "": {"name": "vendor"},
        "node_modules/@a/b": {"version": "1", "license": "MIT"},
        "node_modules/c/node_modules/d": {"version": "2", "license": "ISC"},
        "node_modules/e": {"name": "real", "version": "3"},
        "node_modules/f": {"version": "4", "license": {"type": "MIT"}},
    }
    (tmp_path / "vendor" / "package-lock.json").write_text(json.dumps({"packages": packages}), "utf-8")
    assert locked(tmp_path) == [
        Package("PyPI", "one-x-y", "1.0", "requirements/a.txt"),
        Package("PyPI", "two", "2.0", "requirements/a.txt"),
        Package("PyPI", "one-x-y", "1.1", "requirements/b.txt"),
        Package("npm", "@a/b", "1", "vendor/package-lock.json", "MIT"),
        Package("npm", "d", "2", "vendor/package-lock.json", "ISC"),
        Package("npm", "real", "3", "vendor/package-lock.json"),
        Package("npm", "f", "4", "vendor/package-lock.json", "{'type': 'MIT'}"),
    ]
    assert "f 4 is under" in licenses.faults(locked(tmp_path)[-1:], {})[0]


def test_no_lock_of_this_project_is_left_out():
    locks = {*(ROOT / "requirements").glob("*.txt"), *ROOT.glob("*/package-lock.json")}
    packages = locked()
    # Each group includes the ones before it, so a lock may have nothing that an earlier one has not.
    assert {package.lock for package in packages} <= {lock.relative_to(ROOT).as_posix() for lock in locks}
    for lock in locks:
        text = lock.read_text("utf-8")
        own = [package for package in packages if f"{package.name}==" in text or f'/{package.name}"' in text]
        assert own, f"nothing is known of {lock.name}"


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("GPL-3.0-only", False),
        ("GPL-3.0-only OR MIT", True),
        ("MIT OR GPL-3.0-only", True),
        ("MIT AND GPL-3.0-only", False),
        ("MPL-2.0 AND (GPL-3.0-only OR (MIT AND ISC))", True),
        ("(MIT AND Zlib)", True),
        ("MIT OR ISC AND GPL-3.0-only", True),
        ("MIT*", False),
        ("Apache-2.0 WITH LLVM-exception", None),
        ("MIT OR", None),
        ("(MIT", None),
        ("", None),
    ],
)
def test_an_expression_is_allowed_if_it_can_be_met(expression, allowed):
    if allowed is None:
        with pytest.raises(ValueError, match=r"license is missing|not closed|follows"):
            licenses.is_allowed(expression)
    else:
        assert licenses.is_allowed(expression) is allowed


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ([("License-Expression", "MIT OR ISC"), ("License", "other")], "MIT OR ISC"),
        ([("Classifier", "License :: OSI Approved :: MIT License")], "(MIT)"),
        (
            [("Classifier", f"License :: {name}") for name in ("OSI Approved", "BSD License", "Odd")],
            "(BSD-3-Clause) AND (Odd)",
        ),
        ([("License", "Apache License 2.0"), ("Classifier", "License :: OSI Approved")], "(Apache-2.0)"),
        ([("License", "Permission is hereby granted, free of charge,\nto any person")], ""),
        ([], ""),
    ],
)
def test_what_a_package_says_of_its_license(fields, said):
    message = Message()
    for name, value in fields:
        message[name] = value
    assert licenses.stated(message) == said


def test_what_is_not_allowed_or_not_said_is_a_fault_and_so_is_a_judgment_of_nothing(monkeypatch):
    monkeypatch.setattr(licenses, "EXCEPTIONS", {"gone": "once was here"})
    monkeypatch.setattr(licenses, "READ", {})
    other = Package("PyPI", "elsewhere", "1", "requirements/site.txt")
    assert licenses.faults([ONE, TWO, other], {"one": "MIT"})[1:] == []
    wrong = licenses.faults([ONE, TWO._replace(license="AGPL-3.0-only")], {"one": ""})
    assert [line.split("\n")[0] for line in wrong] == [
        "requirements/site.txt: one 1.0 is under 'a license that it does not say'",
        "vendor/package-lock.json: @a/two 2.0.0 is under 'AGPL-3.0-only'",
        "lint/licenses.py: gone is not locked any more",
    ]


@pytest.fixture
def service():
    """A database that knows of vulnerabilities of ONE, the second of them only when asked for the rest."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["queries"]
            results = []
            for query in asked:
                assert query.keys() >= {"package", "version"}
                of_one = (
                    query["package"] == {"ecosystem": "PyPI", "name": "one"} and query["version"] == "1.0"
                )
                if of_one and query.get("page_token") == "rest":
                    results.append({"vulns": [{"id": "B-2"}]})
                elif of_one:
                    results.append({"vulns": [{"id": "A-1"}], "next_page_token": "rest"})
                else:
                    results.append({})
            body = json.dumps(self.server.answer or {"results": results}).encode()
            if self.server.answer == "garbage":
                self.wfile.write(body)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.answer = None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.url = f"http://127.0.0.1:{server.server_address[1]}/"
    yield server
    server.shutdown()
    server.server_close()


def test_every_known_vulnerability_is_found(service, monkeypatch):
    monkeypatch.setattr(audit, "MOST", 1)
    assert audit.found([TWO, ONE], service.url) == [(ONE, "A-1"), (ONE, "B-2")]


def test_a_judgment_holds_until_its_day(service, monkeypatch, capsys):
    monkeypatch.setattr(audit, "locked", lambda: [ONE, TWO])
    monkeypatch.setattr(
        audit, "JUDGED", {id: (date(2027, 1, 1), "cannot be reached") for id in ("A-1", "B-2")}
    )
    assert audit.main(service.url, date(2026, 12, 31)) == 0
    assert audit.main(service.url, date(2027, 1, 1)) == 1
    assert (
        "requirements/site.txt: one 1.0 has A-1: https://osv.dev/vulnerability/A-1" in capsys.readouterr().err
    )


@pytest.mark.parametrize(("required", "code"), [("", 0), ("true", 1)])
def test_a_database_without_an_answer_is_told_of_and_fails_where_it_is_required(
    service, monkeypatch, capsys, required, code
):
    monkeypatch.setenv("AUDIT_REQUIRED", required)
    answers = ({"message": "busy"}, ["no object"], {"results": [None]}, "garbage")
    for answer in answers:
        service.answer = answer
        assert audit.main(service.url) == code, answer
    assert audit.main("http://127.0.0.1:9/") == code
    assert capsys.readouterr().err.count("AUDIT: NOT DONE.") == len(answers) + 1
