"""What a client may show of an answer, and a mail may link to: no image, link or tag that could carry data out.

A client's renderer fetches images and previews by itself. Rather than look for bad links in Markdown, of which every
renderer has its own dialect, this breaks the syntax of each link, and leaves intact those that are authorized. The
client must not undo it: raw HTML, attribute lists, link previews and guessing links from bare host names stay off,
and its content security policy allows images from the policy's hosts only.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from examples.security_threats import links

if TYPE_CHECKING:  # the gate asks this module about mail
    from examples.security_threats.gate import Policy, Run

# Characters that carry data or reorder text without being seen: tags, variation selectors, zero width, direction.
_UNSEEN = re.compile(
    "[\U000e0000-\U000e0fff\ufe00-\ufe0e\u200b\u2060-\u2064\u202a-\u202e\u2066-\u2069\ufeff\u00ad]"
)
_RUNS = re.compile("[\u200c\u200d\ufe0f]{2,}")  # one at a time belongs to scripts and emoji
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

# A tag, or an address in angle brackets: renderers take nearly anything before the @.
_TAG = re.compile(r"<(?=[A-Za-z/!?]|[^<> ]*@|[^<>\s]*$)", re.MULTILINE)
# `[label]:` at the start of a line, or the end of a label that began on a line before.
_DEFINITION = re.compile(r"^([ \t>*+\-\d.)]*\[.*?\]|[^\[\n]*?\]):", re.MULTILINE)
_INLINE = re.compile(r"(!?)(\[[^\[\]\\<>&!`\n]*\])\(([^\s()<>]*)\)")
_URL = re.compile(r"(?i)[a-z][a-z0-9+.-]*://[^\s<>()\[\]\"'`]+|www\.[^\s<>()\[\]\"'`]+")
_CLOSING = ".,;:!?*_"
# What others may take for the whole URL: where `_URL` ends at a bracket or a quote, not all of them do.
_WHOLE = re.compile(r"[^\s<]+")
_MAILED = re.compile(r"(?i)(?:[a-z][a-z0-9+.-]*://|www\.)\S+")
_OPENS = re.compile(r"[\[<]")  # what may begin more than a word


@dataclass(frozen=True)
class Shown:
    """An answer as it may be shown, and what was taken from it (for the audit log)."""

    text: str
    removed: tuple[str, ...]


def shown(policy: Policy, run: Run, answer: str) -> Shown:
    """Return the answer with every link, image and tag broken that is not authorized."""
    removed: list[str] = []
    text = _visible(answer)
    if text != answer:
        removed.append("unseen characters")
    kept: list[str] = []

    def inline(match: re.Match[str]) -> str:
        image, label, target = match.groups()
        if _authorized(policy, run, target, image=bool(image)) and not _URL.search(label):
            kept.append(match[0])
            return f"\x00{len(kept) - 1}\x00"  # no control character is left in the text
        removed.append(target)
        return f"{label} ({target})"

    text = _INLINE.sub(inline, text)
    text = text.replace("](", "] (").replace("![", "! [")  # whatever else a renderer may take for a link
    text = _DEFINITION.sub(r"\1 :", text)
    text, tags = _TAG.subn("< ", text)
    removed += ["a tag"] * bool(tags)
    text = text.replace("\x00{", "\x00 {")  # attributes for a link that was kept

    def bare(match: re.Match[str]) -> str:
        url = match[0].rstrip(_CLOSING)
        whole = _WHOLE.match(text, match.start())
        is_whole = whole is not None and links.without_closing(whole[0]) == url
        if is_whole and _authorized(policy, run, url, image=False):
            return match[0]
        removed.append(url)
        return match[0].replace("//", "[//]").replace("www.", "www[.]")

    text = _URL.sub(bare, text)
    return Shown(re.sub("\x00(\\d+)\x00", lambda m: kept[int(m[1])], text), tuple(dict.fromkeys(removed)))


def unauthorized(policy: Policy, run: Run, text: str) -> tuple[str, ...]:
    """Return the links that nobody authorized in a text which goes out as ``text/plain``.

    Nothing of it is rendered, but clients make links of URLs, and mail scanners open them without a click.
    """
    # As it is sent and as it is seen: unseen characters carry data, too.
    forms = (text, _visible(text))
    urls = (links.without_closing(match[0]) for form in forms for match in _MAILED.finditer(form))
    return tuple(dict.fromkeys(url for url in urls if not _authorized(policy, run, url, image=False)))


def _visible(text: str) -> str:
    return _CONTROL.sub("", _RUNS.sub("", _UNSEEN.sub("", text)))


# --8<-- [start:authorized]
def _authorized(policy: Policy, run: Run, url: str, *, image: bool) -> bool:
    try:
        links.public(url)
    except links.BadUrl:
        return False
    if html.unescape(url) != url:
        return False
    if image:  # fetched without a click, so also while nothing private has been read
        return links.below(url, policy.image_urls)
    if not run.private:
        return True
    return url in run.urls or url in run.fetched or links.below(url, policy.trusted_urls)


# --8<-- [end:authorized]


# --8<-- [start:stream]
class Stream:
    """Filters an answer while it is written, so that the user need not wait for its end.

    Words go out at once. From the first character of a line that may open a link or a tag, the line is held until it
    is complete: what has been shown cannot be taken back. Only a blank that stays ends a word: at one that is taken
    out, two halves of a URL would join again.
    """

    def __init__(self, policy: Policy, run: Run) -> None:
        self._policy, self._run, self._held = policy, run, ""
        self.removed: tuple[str, ...] = ()

    def feed(self, chunk: str) -> str:
        """Return what may be shown now."""
        self._held += chunk
        end = self._held.rfind("\n") + 1
        opening = _OPENS.search(self._held, end)
        until = opening.start() if opening else len(self._held)
        # The last word may go on: half of a URL must not be shown.
        cut = max(self._held.rfind(blank, 0, until) for blank in " \t\n") + 1
        ready, self._held = self._held[:cut], self._held[cut:]
        return self._shown(ready)

    def close(self) -> str:
        """Return the rest, when the model has finished."""
        rest, self._held = self._held, ""
        return self._shown(rest)

    def _shown(self, text: str) -> str:
        part = shown(self._policy, self._run, text)
        self.removed = tuple(dict.fromkeys((*self.removed, *part.removed)))
        return part.text


# --8<-- [end:stream]
