import sys

import pytest

from macros import notices


@pytest.fixture
def folder(tmp_path):
    vendor = tmp_path / "assets" / "vendor"
    vendor.mkdir(parents=True)
    (tmp_path / "index.html").write_text(
        '<meta name="generator" content="mkdocs-1.6.1, mkdocs-material-9.8.1">'
    )
    (vendor / "newsreader-license.txt").write_text("SIL OPEN FONT LICENSE\n", "utf-8")
    (vendor / "finder.js").write_text("/*!\nfinder 1.2\n\nMIT, by Jane\n*/\nfind();\n", "utf-8")
    return tmp_path


def test_each_that_is_served_has_its_author_and_license(folder):
    text = notices.notices(folder)
    assert "Martin Donath" in text
    assert "Permission is hereby granted" in text
    assert "Pictogrammers Free License" in text
    assert "CC BY 4.0" in text.partition("Font Awesome Free: ")[2]
    assert "SIL OPEN FONT LICENSE" in text
    assert "finder 1.2\n\nMIT, by Jane\n" in text
    assert "find();" not in text


def test_the_theme_is_that_of_the_site(folder):
    (folder / "index.html").write_text('<meta name="generator" content="zensical-0.0.73">')
    text = notices.notices(folder)
    assert "Zensical and contributors" in text.partition("Zensical: the pages' templates")[2]
    assert "Material for MkDocs" not in text
    assert "Pictogrammers Free License" in text
    assert "CC BY 4.0" in text.partition("Font Awesome Free: ")[2]


def test_the_icons_of_a_newer_zensical_are_in_a_package_of_their_own(folder, tmp_path, monkeypatch):
    (folder / "index.html").write_text('<meta name="generator" content="zensical-0.1.3">')
    for name, terms in (("material/LICENSE", "Pictogrammers"), ("fontawesome/LICENSE.txt", "Fonticons")):
        file = tmp_path / "theme" / ".icons" / name
        file.parent.mkdir(parents=True)
        file.write_text(f"The terms of {terms}")
    package = tmp_path / "packages" / "zensical_ui"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(f"def get_theme_dir():\n    return {str(tmp_path / 'theme')!r}\n")
    monkeypatch.syspath_prepend(package.parent)
    text = notices.notices(folder)
    sys.modules.pop("zensical_ui")
    assert "Zensical and contributors" in text.partition("Zensical: the pages' templates")[2]
    assert "The terms of Pictogrammers" in text
    assert "The terms of Fonticons" in text


def test_a_license_that_is_missing_stops_the_build(folder):
    (folder / "assets" / "vendor" / "newsreader-license.txt").unlink()
    with pytest.raises(FileNotFoundError):
        notices.notices(folder)
