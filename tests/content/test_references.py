"""The links that are checked are the links that readers get: the parser's against the Markdown of every page."""

import pytest
from bs4 import BeautifulSoup
from markdown import Markdown

from macros.references import external_links
from tests.content.reading import PAGES, body_of

EXTENSIONS = [
    *("attr_list", "def_list", "md_in_html", "tables"),
    *("pymdownx.blocks.details", "pymdownx.superfences"),
]


@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.stem)
def test_every_link_to_another_site_is_one_that_is_checked(file):
    body = body_of(file)
    if "://" not in body:
        return
    soup = BeautifulSoup(Markdown(extensions=EXTENSIONS).convert(body), "html.parser")
    shown = [link["href"] for link in soup.select("a[href]") if "://" in link["href"]]
    assert sorted(link.address for link in external_links(body)) == sorted(shown)
