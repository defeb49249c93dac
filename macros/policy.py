"""The pages of a built site -> the same pages, each with a policy of what it may run, load and send.

The inline scripts of the templates are allowed by their hashes, so that nothing that finds its way into a page later, by an
address, a file or a fault of a script, is run. One that stands in a page's text is not allowed but told: no text needs any. The policy stands in the page because GitHub Pages sends no headers of ours; what only a
header can say (`frame-ancestors`, `report-to`, `sandbox`) is therefore not said. See https://www.w3.org/TR/CSP3/.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

from macros import files, store
from macros.faults import Fault, SourceError

TRUSTED = "site"
"""The name of the one policy of Trusted Types that may be made: by docs/assets/javascripts/trusted.js."""

# Each at its narrowest: what is not named is not allowed. A form's answer is never sent anywhere, and no page is framed here.
_DIRECTIVES = {
    "default-src": ("'none'",),
    "script-src": ("'self'",),
    "style-src": ("'self'",),
    # The theme draws its icons as masks, from `data:` addresses in its style sheet.
    "img-src": ("'self'", "data:"),
    "font-src": ("'self'",),
    "connect-src": ("'self'",),
    "manifest-src": ("'self'",),
    "worker-src": ("'self'",),
    "base-uri": ("'none'",),
    "form-action": ("'none'",),
    # No text becomes HTML, a script or a script's address on its own: what is to become one goes through trusted.js. Of what
    # the theme can do, only instant navigation, which is off, could not live with it.
    "require-trusted-types-for": ("'script'",),
    "trusted-types": (TRUSTED,),
}

# What a reader prepares for is nobody's business: a site that they follow a link to is not told where they come from.
_REFERRER = '<meta name="referrer" content="no-referrer">'
# Both, as they stand in a page that has been here before.
_WRITTEN = re.compile(rb'\n<meta http-equiv="content-security-policy".*?>\n<meta name="referrer".*?>')

# What a script's type may say without being run, and so without a hash.
_DATA = {"application/json", "application/ld+json"}

# Elements that no page of ours has, and that the policy would leave empty.
_REFUSED = {"audio", "base", "embed", "frame", "iframe", "object", "style", "video"}

# What the host also serves as pages, and `write` would pass over.
_OTHER_PAGES = {".htm", ".shtml", ".xht", ".xhtml"}

# What a browser also shows by itself, as a page without a policy; and the elements in it that would run something.
_OPENED = {".svg", ".xml"}
_RUN = {"script", "handler", "embed", "frame", "iframe", "object"}

# The encoding has to be among a page's first 1,024 bytes, so it alone stands before the policy, which counts from where it is.
_CHARSET = re.compile(rb"<meta charset=[\"']?utf-8[\"']?\s*/?>", re.IGNORECASE)

# Nine of ten tags of a page can hold nothing that is looked for here, as their names, those of their attributes and values without
# a colon show; to read them is most of the work. They are blanked: without a blank, what stands around a tag could come to mean more.
# Nor has such a value an equals sign, as one that seems to be in quotes may be what stands between two others.
_PLAIN = re.compile(
    r"</?(?:a|br|button|caption|circle|code|dd|defs|desc|details|div|dl|dt|em|figcaption|figure|g|h[1-6]|hr|img|input|label|li|line"
    r"|marker|nav|ol|p|path|polygon|pre|rect|section|small|span|strong|summary|table|tbody|td|text|tfoot|th|thead|time|tr|tspan|ul)"
    r'(?: (?!(?i:on|style))[a-zA-Z][\w-]*(?:="[^":=&<>]*")?)* ?/?>'
)
_RUN_OR_DRAWN = re.compile(r"(<script\b.*?</script\s*>|<style\b.*?</style\s*>)", re.IGNORECASE | re.DOTALL)


class Inline(NamedTuple):
    """What a page has in its own text: scripts as they stand there, and what no policy of ours allows."""

    scripts: tuple[str, ...]
    refused: tuple[tuple[int, str], ...]
    """Lines, 1-based, and what is on them."""


def write(
    site_dir: Path, cache: Path | None = None, change: Callable[[bytes], bytes] = lambda html: html
) -> None:
    """Give every page of the site its policy, in the place of one that it has. Raises SourceError.

    `cache` is a folder in which what has been found in a page is kept by content: to read one takes ten times as long as to write it.
    `change` is what else is to be done to each page, so that all of them are read and written once.
    """
    faults = list(_uncovered(site_dir))
    for file in sorted(site_dir.rglob("*.html")):
        data = file.read_bytes()
        # Every end of a line is "\n" then, as to a browser that takes a hash.
        html = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        head, end, body = change(html).partition(b"</head>")
        page = _WRITTEN.sub(b"", head) + end + body
        inline = _kept(page, cache / file.relative_to(site_dir)) if cache else inline_of(page.decode())
        faults += [
            Fault(
                file, line, f"has {what}, which the page's policy refuses", "write a class or a script file"
            )
            for line, what in inline.refused
        ]
        start = _CHARSET.search(page)
        if not start:
            faults.append(Fault(file, None, "says no encoding", 'begin the head with <meta charset="utf-8">'))
            continue
        elements = f"\n{element(inline)}\n{_REFERRER}".encode()
        finished = page[: start.end()] + elements + page[start.end() :]
        if finished != data:
            # In one step, for what reads the pages meanwhile (join.py).
            files.put(file, finished)
    if faults:
        raise SourceError(faults)


def _uncovered(site_dir: Path) -> Iterator[Fault]:
    """What a browser would run as a page, and gets no policy."""
    for file in sorted(site_dir.rglob("*")):
        kind = file.suffix.lower()
        if kind in _OTHER_PAGES or (kind == ".html" and file.suffix != kind):
            yield Fault(file, None, "is a page that gets no policy", "give it the ending .html")
        elif kind in _OPENED:
            try:
                runs = any(map(_runs, ET.fromstring(file.read_bytes()).iter()))
            except ET.ParseError as error:
                yield Fault(file, error.position[0], f"is not XML: {error}", "mend or remove it")
                continue
            if runs:
                yield Fault(file, None, "has a script, and gets no policy", "do without scripts")


def _runs(element: ET.Element) -> bool:
    """Whether the element is a script, or has one, in whatever namespace and however it is written."""
    return _local(element.tag) in _RUN or any(
        _local(name).startswith("on") or "javascript:" in re.sub(r"[\x00-\x20]", "", value).lower()
        for name, value in element.items()
    )


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def element(inline: Inline) -> str:
    """The policy of a page as the element of its head."""
    more = {"script-src": _hashes(inline.scripts)}
    text = "; ".join(" ".join([name, *allowed, *more.get(name, ())]) for name, allowed in _DIRECTIVES.items())
    return f'<meta http-equiv="content-security-policy" content="{text}">'


def _hashes(texts: Iterable[str]) -> list[str]:
    digests = (hashlib.sha256(text.encode()).digest() for text in dict.fromkeys(texts))
    return [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests]


def _kept(page: bytes, entry: Path) -> Inline:
    """What the page has in its own text, from the cache when it is there. What is to be told of is found anew each time."""
    key = store.key_of([store.makers(), hashlib.sha256(page).hexdigest()])
    if (data := store.read(entry, key)) is not None:
        return Inline(tuple(json.loads(data)), ())
    inline = inline_of(page.decode())
    if not inline.refused:
        store.write(entry, key, json.dumps(inline.scripts).encode())
    return inline


def inline_of(html: str) -> Inline:
    reader = _Reader()
    parts = _RUN_OR_DRAWN.split(html)
    reader.feed("".join(part if at % 2 else _PLAIN.sub(" ", part) for at, part in enumerate(parts)))
    reader.close()
    return Inline(tuple(reader.scripts), tuple(reader.refused))


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.scripts: list[str] = []
        self.refused: list[tuple[int, str]] = []
        self._text: list[str] | None = None
        self._in_text = False

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        line, _ = self.getpos()
        given = dict(attributes)
        for name, value in attributes:
            address = re.sub(r"[\x00-\x20]", "", value or "").lower()
            if name == "style" or name.startswith("on"):
                self.refused.append((line, f"an attribute `{name}`"))
            elif address.startswith("javascript:"):
                self.refused.append((line, f"a script in `{name}`"))
        if tag in _REFUSED:
            self.refused.append((line, f"an element `{tag}`"))
        if tag == "article":
            self._in_text = True
        if tag == "script" and self._in_text:
            self.refused.append((line, "a script in its text"))
        elif tag == "script" and "src" not in given and given.get("type") not in _DATA:
            self._text = []

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self._text.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "article":
            self._in_text = False
        if tag == "script" and self._text is not None:
            self.scripts.append("".join(self._text))
            self._text = None
