"""What others wrote that this site is served with, each under its license: a text beside the site, for readers to find.

The libraries in assets/vendor/ also have theirs in their first lines; the theme's script and style sheets have not, nor have
icons that stand in the pages.
"""

from __future__ import annotations

import re
from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

ADDRESS = "licenses.txt"

_RULE = "=" * 80


class _Theme(NamedTuple):
    """Whose templates, script and style sheets a site has: its name, and the package that has its license and its icons."""

    name: str
    distribution: str
    icons: str
    """Where the icons are, below the folder that packages are installed into."""


_MATERIAL = _Theme("Material for MkDocs", "mkdocs-material", "material/templates/.icons")
_ZENSICAL = _Theme("Zensical", "zensical", "zensical/templates/.icons")


def notices(site_dir: Path) -> str:
    """The text, for a site with its assets. Raises OSError where a license is not where it has to be."""
    theme = _theme(site_dir)
    distribution = metadata.distribution(theme.distribution)
    icons = _icons(theme, distribution)
    parts = [
        (f"{theme.name}: the pages' templates, script and style sheets", _license(distribution)),
        ("Material Design Icons, by Pictogrammers", _text(icons / "material" / "LICENSE")),
        ("Font Awesome Free: the icon of the link to the sources", _text(icons / "fontawesome/LICENSE.txt")),
        ("Newsreader: the face of the titles", _text(site_dir / "assets/vendor/newsreader-license.txt")),
        *((f"{file.stem}: a library", _first_comment(file)) for file in _libraries(site_dir)),
    ]
    head = "What others wrote and this site is served with. Its own text is under CC BY 4.0, its own code under the MIT license."
    return "\n\n".join([head, *(f"{_RULE}\n{title}\n{_RULE}\n\n{terms}" for title, terms in parts)]) + "\n"


def _theme(site_dir: Path) -> _Theme:
    """The theme of the site, which its landing page tells: either may be installed beside the other."""
    home = (site_dir / "index.html").read_text(encoding="utf-8")
    return _ZENSICAL if re.search(r'<meta name="generator" content="zensical', home) else _MATERIAL


def _icons(theme: _Theme, distribution: metadata.Distribution) -> Path:
    """The folder of the theme's icons. Zensical's are in a package of their own, `zensical-ui`, from 0.0.74 on."""
    if theme == _ZENSICAL and find_spec("zensical_ui"):
        return Path(import_module("zensical_ui").get_theme_dir(), ".icons")
    return Path(str(distribution.locate_file(theme.icons)))


def _license(distribution: metadata.Distribution) -> str:
    (file,) = (
        file
        for file in distribution.files or ()
        if file.name in ("LICENSE", "LICENSE.md") and ".dist-info" in str(file)
    )
    return _text(Path(str(distribution.locate_file(file))))


def _libraries(site_dir: Path) -> list[Path]:
    return sorted((site_dir / "assets/vendor").glob("*.js"))


def _first_comment(file: Path) -> str:
    """What vendor/build.mjs puts before a library: its name, version and license."""
    return file.read_text(encoding="utf-8").removeprefix("/*!\n").partition("\n*/")[0].strip()


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8").strip()
