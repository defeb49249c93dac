"""The tests' own tools: how a browser is found. test_server.py has the server."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.site import browser


def script(path: Path, body: str) -> Path:
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def test_the_environment_names_the_browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = script(tmp_path / "mine", "echo harmless >&2; echo Chromium 156.0.1")
    monkeypatch.setenv("BROWSER", str(named))
    assert browser.find_browser() == named


@pytest.mark.parametrize(
    "body",
    [
        "echo 'Mozilla Firefox 150.0'",
        "echo 'no browser behind this' >&2; exit 1",
        "echo Chromium 1.0; exit 127",
    ],
)
def test_what_does_not_answer_like_a_browser_is_passed_over(
    body: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Desktops set BROWSER to whatever opens links."""
    monkeypatch.setenv("BROWSER", str(script(tmp_path / "mine", body)))
    other = script(tmp_path / "chromium", "echo Chromium 156.0.1")
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert browser.find_browser() == other


def test_one_without_a_window_is_taken_where_it_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BROWSER", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    whole = script(tmp_path / "chromium", "echo Chromium 156.0.1")
    assert browser.find_browser(windowless=True) == whole
    shell = script(tmp_path / browser.WINDOWLESS, "echo Chromium 156.0.1")
    assert browser.find_browser(windowless=True) == shell
    assert browser.find_browser() == whole


def test_no_browser_is_a_message_of_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(browser, "_candidates", lambda windowless: iter(()))
    monkeypatch.setattr(browser, "_installers", lambda: iter(()))
    assert browser.main() == 1
    assert "install Chromium or Google Chrome" in capsys.readouterr().err


def test_an_installed_browser_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "chromium"
    monkeypatch.setattr(browser, "_candidates", lambda windowless: iter((place,)))
    install = f"printf '#!/bin/sh\\necho Chromium 156.0.1\\n' > {place} && chmod +x {place}"
    steps = ((("false",), ("never", "reached")), (("sh", "-c", install),))
    monkeypatch.setattr(browser, "_installers", lambda: iter(steps))
    assert browser.find_browser(install=True) == place
