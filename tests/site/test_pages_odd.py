"""A look at the other pages, beside test_pages_even.py: the tests of a file are one worker's."""

from __future__ import annotations

import pytest

from tests.site.axe import faults_of_pages, looked_at
from tests.site.conftest import NewPage, Site
from tests.thorough import THOROUGH


@THOROUGH
@pytest.mark.timeout(900)
def test_no_page_has_a_fault(site: Site, new_page: NewPage) -> None:
    """No finding of axe-core and no sideways scroll; no console error and no request to another host (`watch` asserts)."""
    found = faults_of_pages(new_page(), looked_at(site)[1::2])
    assert not found, f"{len(found)} faults\n" + "\n".join(found)
