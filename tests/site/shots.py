"""Pictures of each type of page, for people to look at: `python -m tests.site.shots <folder of the site> <folder for pictures>`.

Each is taken in the light and in the dark, on a wide screen and on a phone, as it opens; a question's page also with every
block open. `index.html` beside them shows all of them side by side.
"""

from __future__ import annotations

import re
import sys
from html import escape
from pathlib import Path
from typing import Literal

from playwright.sync_api import sync_playwright

from tests.site.browser import find_browser
from tests.site.conftest import BROWSER_ARGUMENTS, NARROW, WIDE
from tests.site.server import Server

TYPES = {
    "landing": "",
    "questions": "questions/",
    "category": "questions/technical/",
    "question": "questions/technical/rate-limiting/",
    "drill": "questions/debugging/latency-spike/",
    "difficulty": "difficulty/",
    "topics": "topics/",
    "plan": "plans/one-week/",
    "builder": "plans/builder/",
    "practice": "practice/",
    "progress": "progress/",
    "kit": "kits/rate-limiting/",
    "numbers": "numbers/",
    "calculator": "calculators/kv-cache/",
    "take-away": "take-away/",
}
# Taken whole, with every block open.
OPEN = {"question", "drill", "kit"}
PALETTES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def take(site: Path, folder: Path) -> None:
    """Take all pictures of the site in a folder. Raises NoBrowserError."""
    folder.mkdir(parents=True, exist_ok=True)
    server = Server()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    # Where the site was built for tells below which path it is to be served.
    root = re.search(
        r'<link rel="canonical" href="https?://[^/"]+([^"]*)"', (site / "index.html").read_text("utf-8")
    )
    prefix = root[1] if root else "/"
    server.serve(site, prefix)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=BROWSER_ARGUMENTS)
        for width, size in (("wide", WIDE), ("phone", NARROW)):
            for palette in PALETTES:
                context = browser.new_context(
                    viewport={"width": size[0], "height": size[1]},
                    color_scheme=palette,
                    has_touch=width == "phone",
                    is_mobile=width == "phone",
                    reduced_motion="reduce",
                )
                page = context.new_page()
                # The longest pages are pictures of 30,000 lines.
                page.set_default_timeout(120_000)
                for name, path in TYPES.items():
                    page.goto(f"{address}{prefix}{path}", wait_until="networkidle")
                    page.screenshot(path=folder / f"{name}-{width}-{palette}.png")
                    if name in OPEN:
                        page.evaluate(
                            "document.querySelectorAll('details').forEach((block) => { block.open = true; })"
                        )
                        page.screenshot(path=folder / f"{name}-open-{width}-{palette}.png", full_page=True)
                context.close()
        browser.close()
    server.close()
    pictures = sorted(file.name for file in folder.glob("*.png"))
    (folder / "index.html").write_text(
        "<!doctype html><title>Pages</title><style>img{max-width:24%;vertical-align:top}</style>"
        + "".join(f'<img src="{escape(name)}" alt="{escape(name)}" loading="lazy">' for name in pictures),
        encoding="utf-8",
    )
    print(f"{len(pictures)} pictures: {folder / 'index.html'}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(
            "Name the folder of the built site and one for the pictures: python -m tests.site.shots site .cache/shots"
        )
    take(Path(sys.argv[1]), Path(sys.argv[2]))
