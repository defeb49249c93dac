"""Where a stand-in becomes the true value again: the user's own answer, and arguments that a tool is allowed. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from examples.pii_redaction.fold import OPAQUE
from examples.pii_redaction.patterns import STAND_IN
from examples.pii_redaction.pseudonyms import Entry, StandIns
from examples.pii_redaction.spans import Kind, Piece, Span, pieces


class UnknownStandIn(ValueError):
    """A tool call names a stand-in that this conversation does not have: the model made it up, or was told to."""


# --8<-- [start:word]
_LINK = re.compile(r"[/\\?&]|\][(:]|\w\.\w|www\.|(?:https?|ftp|mailto|sms|tel|xmpp):", re.IGNORECASE)
_END = re.compile(r"""(?:['\u2019]s)?[.,;:!?)\]}>*"'\u2019\u201d`]{0,8}""")


class Word:
    """The word being written, and whether ``<`` is open. A value in an address leaves with it.

    Blanks are ASCII, as Markdown takes others into an address; and in ``![x](<https://…>)`` no blank ends it.
    """

    def __init__(self) -> None:
        self._text, self._angle = "", False

    def add(self, sign: str) -> bool:
        """Take one more character; return whether it ends the word."""
        is_blank, is_comparison = sign in " \t\n\r\f\v", sign == " " and self._text == "<"
        closes = is_comparison or (sign == ">" and not self._text.endswith("\\"))
        self._angle = sign == "<" or (self._angle and not closes)
        if not is_blank:
            self._text += sign
        elif not self._text.endswith(("](", "]:")):  # behind these, blanks may stand before an address
            self._text = ""
        return is_blank

    def may_be_address(self) -> bool:
        return bool(_LINK.search(self._text)) or (self._angle and not self._text.endswith("<"))


# --8<-- [end:word]
# --8<-- [start:answer]
class Answer:
    """Turns the pieces of a streamed answer into what the user may read. For one answer."""

    def __init__(self, entries: Mapping[str, Entry], names: StandIns) -> None:
        self._entries, self._names, self._word = entries, names, Word()
        self._waiting, self._behind = ("", ""), ""  # an own value and its label, until its word ends

    def shown(self, piece: Piece) -> str:
        """Return the user's text: own values true, everybody else's as a label, nothing restored in an address."""
        if piece.kind is None:
            return "".join(map(self._follow, piece.text))
        before = self._decide(ends=False)
        stand_in = piece.text if piece.kind is Kind.STAND_IN else self._names.of(piece.kind, piece.text)
        entry = self._entries.get(stand_in)
        in_address = self._word.may_be_address()
        self._word.add(OPAQUE)
        if not entry or not entry.own or in_address:
            return before + label(piece)
        self._waiting = (entry.value, label(piece))
        return before

    def close(self) -> str:
        """Return what still waits: the end of the answer ends its word."""
        return self._decide(ends=True)

    def _follow(self, sign: str) -> str:
        ends = self._word.add(sign)
        if self._waiting[0] and _END.fullmatch(self._behind + sign):
            self._behind += sign
            return ""
        return self._decide(ends=ends) + sign

    def _decide(self, *, ends: bool) -> str:
        """Return the value if its word ends here, else its label, and what stood behind."""
        text = self._waiting[0 if ends else 1] + self._behind
        self._waiting, self._behind = ("", ""), ""
        return text


# --8<-- [end:answer]
def label(piece: Piece) -> str:
    """Return what a trace may hold, for good: the kind and nothing of the value, no hash either."""
    match = STAND_IN.fullmatch(piece.text)
    return piece.text if piece.kind is None else f"[{match[1] if match else piece.kind}]"


# --8<-- [start:tools]
def arguments(
    call: Mapping[str, object], allowed: Mapping[str, Kind], entries: Mapping[str, Entry]
) -> dict[str, object]:
    """Return a tool call's arguments with true values where the tool's schema says that it needs that kind.

    Only a whole argument is swapped, and only for the user's own value: a stand-in in free text stays as it is, so
    that no instruction in a ticket can have a number written into a message.
    """
    out: dict[str, object] = dict(call)
    for name, kind in allowed.items():
        match = STAND_IN.fullmatch(value) if isinstance(value := call.get(name), str) else None
        if match:
            entry = entries.get(match[0])
            if entry is None or not entry.own or match[1] != kind:
                raise UnknownStandIn(f"{name}: no {kind} of this user; ask for it")
            out[name] = entry.value
    return out


# --8<-- [end:tools]
def redact(text: str, spans: Sequence[Span], names: StandIns, *, own: bool, entries: dict[str, Entry]) -> str:
    """Return the text with stand-ins, and add their values to ``entries``.

    Card numbers get a label and no entry: nothing here needs one back, and no vault shall hold them. What is already
    written like a stand-in came from outside, since users never see one: it loses its id.
    """
    out = ""
    for piece in pieces(text, spans):
        if piece.kind is None or piece.kind in (Kind.STAND_IN, Kind.CARD):
            out += label(piece)
            continue
        stand_in = names.of(piece.kind, piece.text)
        known = entries.get(stand_in)
        if known is None or (own and not known.own):
            entries[stand_in] = Entry(piece.text, own)
        out += stand_in
    return out
