"""The same pages as four sites, to be weighed side by side: ours, Material as it comes, Zensical, and the bare text."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import mermaidx
from bs4 import BeautifulSoup

from tests.conftest import ROOT, copy_sources

OURS, STOCK, ZENSICAL, BARE = "ours", "Material", "Zensical", "bare text"
ADDRESSES = {
    OURS: "https://ours.test/",
    STOCK: "https://material.test/",
    ZENSICAL: "https://zensical.test/",
    BARE: "https://bare.test/",
}

FONTS = ROOT / "lighthouse" / "node_modules" / "@fontsource-variable"
FAMILIES = {
    "roboto": "Roboto",
    "roboto-mono": "Roboto Mono",
    "inter": "Inter",
    "jetbrains-mono": "JetBrains Mono",
}
"""Package -> family: those of Material, then those of Zensical."""


def build_ours(folder: Path) -> None:
    """The site as it is published, but for the PDF."""
    _command(ROOT, "macros", "build", str(folder))


def build_others(scratch: Path) -> dict[str, Path]:
    """The same pages by Material as it comes and by Zensical, from a copy of the sources: both write into what they build."""
    project = scratch / "project"
    project.mkdir()
    copy_sources(project)
    stock = Path(__file__).with_name("stock.yml").read_text(encoding="utf-8")
    parts = _top_level((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    taken = (
        "site_name",
        "site_url",
        "site_description",
        "repo_url",
        "repo_name",
        "copyright",
        "extra",
        "nav",
    )
    (project / "mkdocs.yml").write_text(stock + "".join(parts[key] for key in taken), encoding="utf-8")
    _command(project, "mkdocs", "build", "--quiet", "--site-dir", str(scratch / "material"))
    _command(project, "zensical", "build")
    return {STOCK: scratch / "material", ZENSICAL: project / "site"}


def _top_level(text: str) -> dict[str, str]:
    """A YAML file's top-level entries, each as it is written."""
    return {part.partition(":")[0]: part for part in re.split(r"^(?=\w)", text, flags=re.MULTILINE)[1:]}


def write_bare(ours: Path, addresses: Sequence[str], folder: Path) -> None:
    """What a page has to say and nothing else: its article with the diagrams in it, no style, no script."""
    for address in addresses:
        page = BeautifulSoup((ours / address / "index.html").read_text(encoding="utf-8"), "html.parser")
        article = page.find("article")
        assert article, f"{address}: no article"
        for tag in article.find_all(["script", "style", "link"]):
            tag.decompose()
        file = folder / address / "index.html"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width,initial-scale=1"><link rel="icon" href="data:,">'
            f"{page.title}</head><body>{article}</body></html>",
            encoding="utf-8",
        )


def stand_ins(folder: Path) -> dict[str, Path]:
    """Address -> folder of the other hosts that the stock sites ask, so that their answers count.

    Mermaid is the one that draws our diagrams and comes uncut, which adds some bytes; of the fonts, npm has the same files in
    fewer rules.
    """
    mermaid = folder / "unpkg" / "mermaid.js"
    mermaid.parent.mkdir(parents=True)
    shutil.copy(Path(mermaidx.__file__).parent / "assets" / "mermaid.js", mermaid)
    for version in ("mermaid@11", "mermaid@12"):
        place = mermaid.parent / version / "dist" / "mermaid.min.js"
        place.parent.mkdir(parents=True)
        place.symlink_to(mermaid)
    files = "https://fonts.gstatic.com/"
    sheet = "".join(
        (FONTS / package / style)
        .read_text(encoding="utf-8")
        .replace("./files/", f"{files}{package}/files/")
        .replace(f"'{family} Variable'", f"'{family}'")
        for package, family in FAMILIES.items()
        for style in ("wght.css", "wght-italic.css")
    )
    (folder / "sheets").mkdir()
    (folder / "sheets" / "css").write_text(sheet, encoding="utf-8")
    return {
        "https://unpkg.com/": mermaid.parent,
        "https://fonts.googleapis.com/": folder / "sheets",
        files: FONTS,
    }


def _command(folder: Path, *module: str) -> None:
    """Run a module of Python in `folder`. Ends the program, with what it said, if it fails."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "NO_MKDOCS_2_WARNING": "1"}
    print(f"{module[0]}: building ...", file=sys.stderr, flush=True)
    done = subprocess.run(
        [sys.executable, "-m", *module],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{' '.join(module)} failed:\n{done.stdout}\n{done.stderr}")
