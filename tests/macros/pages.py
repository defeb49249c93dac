"""Question pages made for the tests of macros/."""

from __future__ import annotations

from pathlib import Path

META = {
    "title": "Limit a rate",
    "description": "How to limit the rate of requests.",
    "number": "6",
    "difficulty": "senior",
    "minutes": "30",
    "topics": "[rate-limiting, redis]",
    "keywords": '[throttling, quota, "429"]',
}
FIRST = ("Question", "What it tests", "Clarifying questions", "Hints")
DRILL = ("Drill",)
REST = ("Model answer", "Levels", "Pitfalls", "Follow-ups", "References")


def page(sections: tuple[str, ...] = FIRST + REST, **changes: str | None) -> str:
    """A page's text. A change adds or replaces a key's YAML; None leaves the key out."""
    meta = {key: value for key, value in {**META, **changes}.items() if value is not None}
    lines = ["---", *(f"{key}: {value}" for key, value in meta.items()), "---", ""]
    lines += [f"## {section}\n\nText.\n" for section in sections]
    return "\n".join(lines)


def write_docs(folder: Path, pages: dict[str, str | bytes]) -> Path:
    """Write pages, by path below docs/questions/, and return the docs folder."""
    docs = folder / "docs"
    (docs / "questions").mkdir(parents=True, exist_ok=True)
    for name, text in pages.items():
        file = docs / "questions" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return docs
