"""Partials of Material that overrides/ replaces: each is compared with the original it was made from."""

from __future__ import annotations

import hashlib
from pathlib import Path

import material
import pytest

ROOT = Path(__file__).parents[2]
ORIGINALS = Path(material.__file__).parent / "templates"

# sha256 of the original text at the time it was replaced, and what ours changes.
REPLACED = {
    "partials/header.html": (
        "8cf3fb15bcf969ff596649616fd99366b3c31c08d57a86d05308efc16d8fa75f",
        "a way past the header on every page; titles that screen readers pass over; a link to the questions in place of the "
        "theme's search, which our script turns into the button of our own",
    ),
    "partials/javascripts/palette.html": (
        "8790389765ea6036effddba548b15093bb05bdc75624eaeaf8b13f3c24be4ab5",
        "the switch is given its face as well, and colors are named by the scheme alone",
    ),
    "partials/nav-item.html": (
        "89895208f22d68ce405a4bcb6649b9150eba5bbb04663a6cb3f93f02daf1d2f7",
        "links alone for the sections that the page is not in, and of a long list what is near the page",
    ),
    "partials/palette.html": (
        "fb935107ae7d3d7475965019eec36c1ad72bf1d154254dab2474921fcd2710e3",
        "buttons in the place of radio buttons and their labels",
    ),
    "partials/source.html": (
        "6847616d67be4920d39c278c2799bf20222bbc02ee2a8393aca85e3eaa518752",
        'no `data-md-component="source"`, which makes Material\'s script ask api.github.com for stars',
    ),
}


def test_every_replaced_partial_is_listed() -> None:
    found = {
        file.relative_to(ROOT / "overrides").as_posix()
        for file in (ROOT / "overrides/partials").rglob("*.html")
    }
    assert found == set(REPLACED)


@pytest.mark.parametrize("name", REPLACED)
def test_the_original_has_not_changed(name: str) -> None:
    wanted, change = REPLACED[name]
    found = hashlib.sha256((ORIGINALS / name).read_bytes()).hexdigest()
    assert found == wanted, (
        f"Material's {name} has changed. Copy the new {ORIGINALS / name} to overrides/{name}, make our change in it "
        f"again ({change}), look at a page in a browser, and put its sha256 here: {found}"
    )
