"""Pictures of each type of page, for people to look at: `python -m tests.site.shots <folder of the site> <folder for pictures>`.

Each is taken in the light and in the dark, on a wide screen and on a phone, as it opens; a question's page also with every
block open, at half its size. `index.html` beside them shows all of them side by side.
"""

from __future__ import annotations

import base64
import re
import sys
from html import escape
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

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
PALETTES = ("light", "dark")
# What scripts fill has come, which on a busy machine takes longer than the network is still.
FILLED = (
    "() => [...document.querySelectorAll('.question-filters, .practice-sessions, .progress-overview')]"
    ".every((place) => place.childElementCount) && !document.querySelector('.plan-builder > .plan-builder__fallback')"
)
# As the palette's switch does, less what it stores: a page is loaded once for both.
PUT_ON = "palette => { document.body.dataset.mdColorScheme = palette === 'dark' ? 'slate' : 'default'; }"


def take_whole(page: Page, file: Path) -> None:
    """A picture of all of a page, at half its size: at its full size, a long page takes the browser half a minute."""
    session = page.context.new_cdp_session(page)
    size = session.send("Page.getLayoutMetrics")["cssContentSize"]
    clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 0.5}
    taken = session.send("Page.captureScreenshot", {"clip": clip, "captureBeyondViewport": True})
    file.write_bytes(base64.b64decode(taken["data"]))
    session.detach()


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
            context = browser.new_context(
                viewport={"width": size[0], "height": size[1]},
                has_touch=width == "phone",
                is_mobile=width == "phone",
                reduced_motion="reduce",
            )
            page = context.new_page()
            for name, path in (*TYPES.items(), ("wrong-address", "404.html")):
                page.goto(f"{address}{prefix}{path}", wait_until="networkidle")
                page.wait_for_function(FILLED)
                for palette in PALETTES:
                    page.evaluate(PUT_ON, palette)
                    page.screenshot(path=folder / f"{name}-{width}-{palette}.png")
                if name in OPEN:
                    page.evaluate(
                        "document.querySelectorAll('details').forEach((block) => { block.open = true; })"
                    )
                    for palette in PALETTES:
                        page.evaluate(PUT_ON, palette)
                        take_whole(page, folder / f"{name}-open-{width}-{palette}.png")
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
