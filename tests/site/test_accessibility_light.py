"""axe-core with all its rules on every page, light and wide, with every block open."""

from __future__ import annotations

import pytest

from tests.site.conftest import WIDE, NewPage, Site
from tests.site.test_accessibility import OPEN_AND_THIN, findings


@pytest.mark.timeout(900)
def test_no_page_has_a_finding(site: Site, new_page: NewPage) -> None:
    found = []
    page = new_page(palette="light", size=WIDE)
    tokens: list[str] = []
    for address in site.pages():
        page.goto(address)
        tokens = page.evaluate(OPEN_AND_THIN, tokens)
        found += findings(page, f"{address} (light, wide)")
    assert len(tokens) > 20, "no listing was looked at"
    assert not found, f"{len(found)} findings\n" + "\n".join(found)
