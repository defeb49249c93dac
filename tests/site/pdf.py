"""Print a built site's page of all questions: `python -m tests.site.pdf site` writes the PDF into the site.

The browser is the one that the tests use, so that publishing needs no other.
"""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.site.browser import find_browser
from tests.site.server import Server

NAME = "llm-production-interviews.pdf"
FOOTER = (
    '<div style="font: 7pt sans-serif; width: 100%; text-align: center">'
    '<span class="pageNumber"></span> of <span class="totalPages"></span></div>'
)


def write_pdf(site_dir: Path) -> Path:
    """Print the page, tagged and with its headings as the outline. Raises NoBrowserError and Playwright's errors."""
    file = site_dir / NAME
    server = Server()
    server.serve(site_dir.absolute(), "/")
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=find_browser(),
                args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
            )
            page = browser.new_page(color_scheme="light")
            page.set_default_timeout(120_000)
            page.goto(f"http://127.0.0.1:{server.server_address[1]}/print/")
            page.pdf(
                path=file,
                outline=True,
                tagged=True,
                prefer_css_page_size=True,
                display_header_footer=True,
                header_template="<span></span>",
                footer_template=FOOTER,
            )
            browser.close()
    finally:
        server.close()
    return file


if __name__ == "__main__":
    site = Path(sys.argv[1])
    if any((site / "print").glob("*/index.html")):
        print("No PDF is made of so many questions: each category has a page to print of its own.")
    else:
        print(write_pdf(site))
