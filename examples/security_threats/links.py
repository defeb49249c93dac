"""Which URLs may be fetched or shown. Everything that is not plainly a public HTTPS address is refused.

A URL that two parsers read differently is an attack on one of them, so unusual forms are refused, not repaired.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import unquote, urlsplit

LONGEST = 2_048
_PLAIN = re.compile(r"[!-~]+")  # printable ASCII without the space
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
_INSIDE = (".internal", ".local", ".localhost", ".localdomain", ".home.arpa", ".corp", ".lan")
_ENCODED = re.compile(r"%[0-9A-Fa-f]{2}")
_IN_TEXT = re.compile(r"https://[!-~]+")
_CLOSING = ".,;:!?]}>'\"*_`"


class BadUrl(ValueError):
    """The URL is of a form that is never fetched and never shown as a link; the message says why."""


# --8<-- [start:public]
def public(url: str) -> str:
    """Return ``url`` unchanged if it is a plain public HTTPS address; raise BadUrl if not.

    A name is no proof of an address: ``egress`` checks what it resolves to.
    """
    if not _PLAIN.fullmatch(url) or "\\" in url or len(url) > LONGEST:
        raise BadUrl("not plain ASCII, or too long")
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise BadUrl(str(error)) from error
    if not url.startswith("https://"):
        raise BadUrl("the scheme is not https")
    if "@" in parts.netloc:
        raise BadUrl("it names a user before the host")
    host = parts.netloc.partition(":")[0]
    # No IP address passes: its last label begins with a digit, or it stands in brackets.
    if not _HOST.fullmatch(host) or len(host) > 253:
        raise BadUrl("the host is not a lower-case DNS name")
    if host.endswith(_INSIDE):
        raise BadUrl("the host is an internal name")
    if any(label.startswith("xn--") for label in host.split(".")):
        raise BadUrl("the host is an encoded international name")
    if parts.netloc not in {host, f"{host}:443"}:
        raise BadUrl("the port is not 443")
    path = unquote(parts.path)
    if "//" in path or "\\" in path or _ENCODED.search(path) or not path.isprintable():
        raise BadUrl("the path is encoded twice, or has empty segments or control characters")
    if {".", ".."} & {segment.partition(";")[0] for segment in path.split("/")}:
        raise BadUrl("the path has dot segments")
    return url


# --8<-- [end:public]


def below(url: str, prefixes: Collection[str]) -> bool:
    """Return whether a URL that passed ``public`` lies below one of the prefixes, each ending in a slash."""
    return any(url.startswith(prefix) for prefix in prefixes)


def written_in(text: str) -> frozenset[str]:
    """Return the public HTTPS URLs that stand verbatim in a text, without closing punctuation."""
    found = set()
    for match in _IN_TEXT.finditer(text):
        try:
            found.add(public(without_closing(match[0])))
        except BadUrl:
            continue
    return frozenset(found)


def without_closing(url: str) -> str:
    """Leave a bracket that the URL itself opened, as in ``/wiki/Mercury_(planet)``."""
    while url and (url[-1] in _CLOSING or (url[-1] == ")" and url.count(")") > url.count("("))):
        url = url[:-1]
    return url
