"""What a text says to the model behind its disguise, and signs that only the guard can tell.

The model reads base64, mixed alphabets and invisible characters; so the check has to, or it judges another text than
the model does. The original goes to the model unchanged: what is made here is for the classifier only.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import re
import unicodedata
from functools import cache
from typing import NamedTuple

MOST_CHARACTERS = 20_000
"""Read of a text; the rest is for the guard, which is told so."""
MOST_DECODED = 3
"""Decoded texts that are scored; any one sends the whole to the guard."""
LEAST_ENCODED = 16
"""Characters. What is shorter decodes by chance, and says little."""
OTHER_LANGUAGE = frozenset({"not English"})
"""The one signal that is no disguise."""

# The part of Unicode's confusables.txt (UTS 39) that imitates lower-case Latin with Cyrillic and Greek.
_ALIKE = str.maketrans(
    "авеёкмнорстухіјѕԁһԛԝӏαβεικνορτυχϲ",
    "abeekmhopctyxijsdhqwlabeiknoptuxc",
)
_ALPHABETS = frozenset({"LATIN", "CYRILLIC", "GREEK"})
_ZERO_WIDTH = "\u200b\u200c\u200d"
"""Spelling outside of the alphabets: Persian and Hindi need the (non-)joiners, Khmer and Thai the space."""
_LEET = str.maketrans("013457@$", "oieastas")
_BLOB = re.compile(r"(?<![A-Za-z0-9+/=])[A-Za-z0-9+/]{16,}={0,2}(?![A-Za-z0-9+/=])")
_SPELLED = re.compile(r"\b(?:\w[ .\-_*]){2,}\w\b")
_WORD = re.compile(r"[^\W\d_]+")
_TOKEN = re.compile(r"[\w@$]+")
_COMMON = frozenset(
    ["a", "about", "an", "and", "any", "are", "as", "at", "be", "been", "but", "by", "can", "could", "did", "do", "does", "for", "from", "get", "had", "has", "have", "he", "her", "his", "how", "i", "if", "in", "into", "is", "it", "its", "just", "know", "like", "made", "make", "me", "my", "new", "no", "not", "of", "on", "one", "or", "our", "out", "over", "please", "she", "should", "so", "some", "that", "the", "their", "them", "then", "there", "they", "this", "to", "up", "us", "was", "we", "were", "what", "when", "where", "which", "who", "why", "will", "with", "would", "you", "your"]
)  # fmt: skip
_TELLING = frozenset(word for word in _COMMON if len(word) > 2)
"""What rot13 makes of another language by chance is shorter: French "n'" becomes "a", Italian "va" becomes "in"."""


class Reading(NamedTuple):
    """The texts that the small classifier scores, and signals: reasons why the guard looks whatever they score."""

    texts: tuple[str, ...]
    signals: frozenset[str]


# --8<-- [start:reading]
def read(text: str) -> Reading:
    """Return the plain text, what is decoded from it, and the signals. Bounded in size; decodes one layer only."""
    signals = set()
    if len(text) > MOST_CHARACTERS:
        signals.add("long")
        text = text[:MOST_CHARACTERS]
    folded = unicodedata.normalize("NFKC", text).casefold()
    spelled, visible = _seen(folded)
    if _WORD.findall(visible) != _WORD.findall(spelled):
        signals.add("invisible")
    plain = visible.translate(_ALIKE)
    if any(_mixed(word) for word in _WORD.findall(visible)):
        signals.add("mixed script")

    texts = [plain]
    if len(_SPELLED.findall(plain)) > 1:
        signals.add("spelled")
    texts.append(_SPELLED.sub(lambda m: re.sub(r"[ .\-_*]", "", m[0]), plain))
    texts.append(_TOKEN.sub(lambda m: m[0] if m[0].isdecimal() else m[0].translate(_LEET), plain))
    decoded = list(filter(None, map(_base64, _BLOB.findall(unicodedata.normalize("NFKC", text)))))
    if decoded:
        signals.add("encoded")
        texts += [found.casefold() for found in decoded[:MOST_DECODED]]
    if not english(plain):
        if english(turned := codecs.encode(plain, "rot13")):
            texts.append(turned)
            if len(_TELLING.intersection(_WORD.findall(turned))) > 1:
                signals.add("encoded")
        signals.add("not English")
    return Reading(tuple(dict.fromkeys(texts)), frozenset(signals))
    # --8<-- [end:reading]


def english(text: str) -> bool:
    """Return whether enough of the words are common English ones; short plain texts pass. No model, a first guess."""
    words = _WORD.findall(text)
    if any(ord(c) > 0x24F for word in words for c in word):
        return False
    return len(words) < 4 or sum(word in _COMMON for word in words) >= len(words) / 8


def _mixed(word: str) -> bool:
    if word.isascii():
        return False
    return len(set(map(_script, word)) & _ALPHABETS) > 1


def _seen(folded: str) -> tuple[str, str]:
    """Return the text as its scripts are spelled, and without what is invisible.

    Where the two differ inside of a word, something was hidden; invisible characters between emoji are normal. A
    letter of the alphabets is read without its marks. In other scripts a mark is a vowel or a tone and stays, and
    what has no width joins letters or parts words.
    """
    spelled, visible = [], []
    alphabet: bool | None = None
    for c in folded:
        kind = unicodedata.category(c)
        if kind[0] == "L":
            alphabet = c.isascii() or _script(c) in _ALPHABETS
        elif kind[0] not in "MC":
            alphabet = None
        if (alphabet and unicodedata.combining(c)) or (alphabet is False and c in _ZERO_WIDTH):
            continue
        spelled.append(c)
        if c in "\n\t" or not (kind in ("Cf", "Cc") or (kind == "Mn" and alphabet is not False)):
            visible.append(c)
    return "".join(spelled), "".join(visible)


@cache
def _script(letter: str) -> str:
    return unicodedata.name(letter, "?").split()[0]


def _base64(blob: str) -> str | None:
    """Return what is encoded, or None. A stream is cut anywhere, so each of the four ways to group is tried."""
    for start in range(4):
        part = blob.rstrip("=")[start:]
        part = part[:-1] if len(part) % 4 == 1 else part
        if len(part) < LEAST_ENCODED:
            return None
        try:
            decoded = base64.b64decode(part + "=" * (-len(part) % 4), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue
        if all(c.isprintable() or c in "\n\t" for c in decoded):
            return decoded
    return None
