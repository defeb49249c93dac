"""What a first visit costs a reader's phone, page type by page type: `python -m bench.weights`, as `make weights` runs it.

Our site beside the same Markdown built by Material as it comes and by Zensical (bench/stock.yml), and beside the floor: the
article's HTML alone, diagrams included, with no style and no script. Bytes are those on the wire, compressed as GitHub
Pages does, headers included. Times are Lighthouse's, simulated for a phone on a slow connection from what the browser
did here: the connection is the same everywhere, the work of the processor is this machine's, so that one which does
something else meanwhile makes it look dear. The median of the runs counts, and how fast the machine was is told.
"""

from __future__ import annotations

import argparse
import gzip
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from bench.sites import ADDRESSES, BARE, OURS, STOCK, build_others, build_ours, stand_ins, write_bare
from tests.site.lighthouse import Job, LighthouseError, Request, Result, run
from tests.site.shots import TYPES

PAGES = (
    "question",
    "drill",
    "landing",
    "questions",
    "plan",
    "builder",
    "practice",
    "kit",
    "numbers",
    "calculator",
)
"""Types of page whose weights differ; the others weigh what one of these does."""

KINDS = {"Document": "page", "Stylesheet": "styles", "Script": "scripts", "Font": "fonts", "Image": "images"}
"""The browser's word for a request -> the column; every other kind is "other"."""

AIM_BYTES, AIM_REQUESTS, AIM_LCP = 100_000, 10, 1.3


# --- What is measured ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Weight:
    """A page of a site: the median of its runs. Bytes on the wire by kind, times in milliseconds."""

    requests: float
    bytes_of: dict[str, float]
    script: float
    """Bytes of script that the browser compiled, unpacked, in files and in the page."""
    score: float
    fcp: float
    lcp: float
    tbt: float
    cls: float
    missing: frozenset[str]
    """Addresses that could not be had here: of other hosts, for which there is no stand-in."""

    @property
    def total(self) -> float:
        return sum(self.bytes_of.values())


def weigh(runs: Sequence[Result]) -> Weight:
    """A run that failed does not count. Raises LighthouseError where all did."""
    measured = [result for result in runs if not result.error]
    if not measured:
        raise LighthouseError(f"{runs[0].address} could not be measured: {runs[0].error}")
    fetched = [requests(result) for result in measured]
    times = [result.times for result in measured if result.times]
    return Weight(
        requests=median(map(len, fetched)),
        bytes_of={
            kind: median(sum(r.wire for r in run if _kind(r) == kind) for run in fetched)
            for kind in (*KINDS.values(), "other")
        },
        script=median(sum(script.bytes for script in result.scripts) for result in measured),
        score=median(result.scores["performance"] or 0 for result in measured),
        fcp=median(t.fcp for t in times),
        lcp=median(t.lcp for t in times),
        tbt=median(t.tbt for t in times),
        cls=median(t.cls for t in times),
        missing=frozenset(r.url for run in fetched for r in run if r.status >= 400),
    )


def requests(result: Result) -> list[Request]:
    """What went over the connection: not what stands in the page itself as `data:`."""
    return [request for request in result.requests if urlsplit(request.url).scheme == "https"]


def _kind(request: Request) -> str:
    return KINDS.get(request.kind, "other")


# --- What is printed ----------------------------------------------------------------------------------------------


def table(weights: dict[str, dict[str, Weight]]) -> Iterator[str]:
    """Page type -> site -> weight, as lines: absolute values, then ratios to the bare text and to stock Material."""
    kinds = (*KINDS.values(), "other")
    kilo = "".join(f"{kind:>9}" for kind in ("total", *kinds, "script"))
    yield f"{'':22}{'reqs':>5}{kilo}{'score':>7}{'FCP':>7}{'LCP':>7}{'TBT':>6}{'CLS':>6}   {'x bare text':>15}   {'x Material':>15}"
    yield f"{'':22}{'':5}{'kB on the wire':>63}{'kB run':>9}{'':7}{'s':>7}{'s':>7}{'ms':>6}{'':6}   {'bytes':>7}{'LCP':>8}   {'bytes':>7}{'LCP':>8}"
    for page, by_site in weights.items():
        for site, w in by_site.items():
            kilobytes = "".join(
                f"{n / 1000:9.1f}" for n in (w.total, *(w.bytes_of[k] for k in kinds), w.script)
            )
            ratios = "".join(
                f"   {w.total / to.total:7.2f}{w.lcp / to.lcp:8.2f}" for to in (by_site[BARE], by_site[STOCK])
            )
            yield (
                f"{page:12}{site:10}{w.requests:5.0f}{kilobytes}{w.score:7.0f}{w.fcp / 1000:7.2f}{w.lcp / 1000:7.2f}"
                f"{w.tbt:6.0f}{w.cls:6.2f}{ratios}"
            )
            page = ""
        yield ""


def parts(result: Result, folder: Path) -> Iterator[str]:
    """What a page's first visit consists of, as lines, by bytes on the wire; of scripts and sheets, how much was of no use."""
    root = ADDRESSES[OURS]
    unused = {part.url: (part.bytes, part.unused) for part in result.scripts + result.sheets}
    yield f"{'wire':>9}{'gzip':>9}{'unpacked':>10}{'unused':>9}{'':>7}  what"
    for request in sorted(requests(result), key=lambda r: -r.wire):
        name = request.url.removeprefix(root).partition("?")[0]
        file = folder / name
        body = (file / "index.html" if file.is_dir() else file).read_bytes()
        whole, idle = unused.get(request.url, (0, 0)) if request.kind != "Document" else (0, 0)
        share = f"{idle:9,}{idle / whole:7.0%}" if whole else " " * 16
        packed = len(gzip.compress(body, 6))
        yield f"{request.wire:9,}{min(packed, len(body)):9,}{len(body):10,}{share}  {name or '/'} ({_kind(request)})"
    inline = [p for p in result.scripts if p.url == result.address]
    if inline:
        yield f"In the page itself: {len(inline)} scripts of {sum(p.bytes for p in inline):,} bytes, {sum(p.unused for p in inline):,} unused"


def aims(weights: dict[str, dict[str, Weight]]) -> Iterator[str]:
    """Whether a question's page keeps to what it is allowed, as lines."""
    for page in ("question", "drill"):
        if page not in weights:
            continue
        ours, bare = weights[page][OURS], weights[page][BARE]
        for what, value, met in (
            (f"at most {AIM_BYTES / 1000:.0f} kB", f"{ours.total / 1000:.1f} kB", ours.total <= AIM_BYTES),
            (f"fewer than {AIM_REQUESTS} requests", f"{ours.requests:.0f}", ours.requests < AIM_REQUESTS),
            ("performance 100", f"{ours.score:.0f}", ours.score >= 100),
            (
                f"LCP within {AIM_LCP} times the bare text's",
                f"{ours.lcp / bare.lcp:.2f}",
                ours.lcp <= AIM_LCP * bare.lcp,
            ),
        ):
            yield f"{'met' if met else 'NOT MET':8} {page}: {what}: {value}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench.weights", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--site", type=Path, help="a folder that our site is built in, instead of a new build"
    )
    parser.add_argument("--runs", type=int, default=3, help="how often each page is measured")
    parser.add_argument("--pages", nargs="+", choices=TYPES, default=PAGES, help="which types of page")
    parser.add_argument("--only-ours", action="store_true", help="no other sites: what our pages consist of")
    options: Any = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="weights-") as name:
        scratch = Path(name)
        folders = {OURS: options.site or scratch / "ours"}
        if not options.site:
            build_ours(folders[OURS])
        if not options.only_ours:
            folders |= build_others(scratch) | {BARE: scratch / "bare"}
            write_bare(folders[OURS], [TYPES[page] for page in options.pages], folders[BARE])
        served = {ADDRESSES[site]: folder for site, folder in folders.items()}
        served |= stand_ins(scratch / "hosts")
        # Site after site and then again, so that a busy moment of the machine does not meet all runs of one page.
        asked = [(page, site) for _ in range(options.runs) for page in options.pages for site in folders]
        jobs = [Job(ADDRESSES[site] + TYPES[page], "phone", ("performance",)) for page, site in asked]
        results: dict[tuple[str, str], list[Result]] = {}
        for (page, site), result in zip(asked, run(served, jobs), strict=True):
            print(f"{page}: {site}: {result.error or result.scores}", file=sys.stderr, flush=True)
            results.setdefault((page, site), []).append(result)
        for page in options.pages if options.only_ours else options.pages[:1]:
            print(f"\nOur {TYPES[page] or '/'}, first visit, in bytes\n")
            print(*parts(results[page, OURS][0], folders[OURS]), sep="\n")
        if options.only_ours:
            return 0
        weights = {page: {site: weigh(results[page, site]) for site in folders} for page in options.pages}
        speeds = [result.machine for runs in results.values() for result in runs]
        print(f"\nFirst visits on a phone, median of {options.runs}\n")
        print(*table(weights), sep="\n")
        missing = {url for by_site in weights.values() for w in by_site.values() for url in w.missing}
        if missing:
            print("Asked for and not to be had here, so counted as an empty answer:")
            print(*(f"  {url}" for url in sorted(missing)), sep="\n")
        print(
            f"\nThe machine's speed (Lighthouse's benchmark index): {min(speeds):.0f} to {max(speeds):.0f}. Where it differs "
            "much between runs, something else ran: scores and blocking times are then worse than the pages."
        )
        print(*aims(weights), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
