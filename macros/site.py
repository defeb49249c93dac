"""What mkdocs.yml says of the site as a whole."""

from __future__ import annotations

from typing import NamedTuple


class Site(NamedTuple):
    """`url` is the published address, with the slash at its end."""

    name: str
    description: str
    url: str
    copyright: str = ""
