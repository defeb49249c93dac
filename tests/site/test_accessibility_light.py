"""axe-core with all its rules on every page, light and wide, with every block open."""

from __future__ import annotations

import pytest

from tests.site.conftest import WIDE, NewPage, Site
from tests.site.test_accessibility import ALL, findings_of_all_pages


@pytest.mark.timeout(900)
def test_no_page_has_a_finding(site: Site, new_page: NewPage) -> None:
    found = findings_of_all_pages(site, new_page(palette="light"), [(WIDE, ALL)])
    assert not found, f"{len(found)} findings\n" + "\n".join(found)
