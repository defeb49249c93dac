"""What the tests make stays out of what the project's own builds have kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from macros import store


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.getbasetemp() / "cache"
    monkeypatch.setattr(store, "CACHE_DIR", folder)
    return folder
