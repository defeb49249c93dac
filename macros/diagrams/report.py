"""Mermaid's report of an error becomes a DiagramError on the line of the source where it belongs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate

from macros.diagrams.source import DiagramError


def located(report: str, body: Sequence[tuple[int, str]]) -> DiagramError:
    """The error that Mermaid reports of `body`: the lines that it was given, each with its number in the source.

    The line number in a report is that of the parser's look-ahead, hence one off now and then. The excerpt with
    the caret below it is exact, so the line is looked up by the excerpt and the number only breaks a tie.
    """
    named = re.search(r"(?:[Pp]arse|[Ll]exical|[Ll]exer) error on line (\d+)", report)
    near = min(int(named[1]), len(body)) - 1 if named else 0
    index: int | None = near if named else None
    reason = report.split("\n", 1)[0].removeprefix("Error: ")
    if excerpt := re.search(r"\n(?P<text>[^\n]*)\n(?P<dashes>-*)\^", report):
        if (
            "got '1'" in report
        ):  # the end of the diagram: what was never closed is the better place to point at
            index, reason = _unclosed(body)
        else:
            index = _line_of_excerpt(excerpt["text"], len(excerpt["dashes"]), body, near)
            reason = _reason(report)
    elif "UnknownDiagramError" in report:
        index, reason = 0, "Mermaid knows no diagram of this kind"
    elif named:
        reason = re.sub(r"^Parsing failed: (?:(?:Lexer|Parse) error on line \d+, column \d+: )?", "", reason)
        reason = re.split(r" at offset: |\. Parse error| but found", reason)[0]
    elif match := re.search(r"Invalid date:\s*(\S+)|inactive participant \((.+?)\)", reason):
        wanted = re.escape(match[1]) if match[1] else rf"(?:deactivate\s+|-){re.escape(match[2])}\b"
        index = next((i for i, (_, line) in enumerate(body) if re.search(wanted, line)), None)
    if index is None:
        return DiagramError(reason)
    number, line = body[index]
    return DiagramError(f"{reason}: `{line.strip()}`", number)


def _reason(report: str) -> str:
    got = re.search(r"Expecting (?P<wanted>.*), got '(?P<got>[^']*)'", report, re.DOTALL)
    if got is None:
        return "unrecognized text"
    wanted = re.findall(r"'([^']+)'", got["wanted"])
    shown = ", ".join(wanted[:4]) + (", ..." if len(wanted) > 4 else "")
    return f"syntax error, unexpected {got['got']} (expected {shown})"


def _line_of_excerpt(excerpt: str, caret: int, body: Sequence[tuple[int, str]], near: int) -> int:
    """Index of the body line that the caret points into; `near` is the best guess without the excerpt.

    The parser takes line breaks out of its excerpt, so the search runs over the body without them.
    """
    flat = "".join(line for _, line in body)
    ends = list(accumulate(len(line) for _, line in body))
    text = excerpt.removeprefix("...")
    caret -= len(excerpt) - len(text)
    found: list[int] = []
    for match in re.finditer(f"(?={re.escape(text.removesuffix('...'))})", flat):
        at = match.start() + caret
        # A caret at the very end of a line means its line break, which belongs to that line.
        found.append(next((i for i, end in enumerate(ends) if at <= end and body[i][1].strip()), near))
    return min(found, key=lambda index: abs(index - near), default=near)


_PAIRS = {")": "(", "]": "[", "}": "{"}
_BLOCK_WORD = re.compile(r"\s*(subgraph|alt|opt|loop|par|critical|break|rect|box)\b")
# Quoted text may hold any bracket, and the brackets of a relation between entities (||--o{) are its ends.
_NO_BRACKETS = re.compile(r'"[^"]*"|\S*[|}]o?(?:--|\.\.)\S*')


def _unclosed(body: Sequence[tuple[int, str]]) -> tuple[int, str]:
    """Index and reason for a diagram that ends too early: its last opening without an end, or its last line."""
    still_open: list[tuple[str, int]] = []
    for index, (_, line) in enumerate(body):
        if word := _BLOCK_WORD.match(line):
            still_open.append((word[1], index))
        elif line.strip() == "end" and still_open:
            still_open.pop()
        for char in _NO_BRACKETS.sub("", line):
            if char in "([{":
                still_open.append((char, index))
            elif char in _PAIRS and still_open and still_open[-1][0] == _PAIRS[char]:
                still_open.pop()
    if still_open:
        word_or_bracket, index = still_open[-1]
        return index, f"`{word_or_bracket}` is never closed"
    last = max((i for i, (_, line) in enumerate(body) if line.strip()), default=0)
    return last, "the diagram ends too early"
