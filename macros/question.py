"""The metadata contract of a question page: what its front matter says, and what follows from its place."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints


class Difficulty(StrEnum):
    """How senior a good answer has to be, from the least to the most."""

    MID_SENIOR = "mid-senior"
    SENIOR = "senior"
    STAFF = "staff"

    @property
    def label(self) -> str:
        return self.value.capitalize()

    @property
    def levels(self) -> str:
        """The ladder rungs that large employers give the level."""
        return {"mid-senior": "L4/L5", "senior": "L5/L6", "staff": "L6/L7"}[self.value]

    @property
    def full_label(self) -> str:
        """As pages name the level: its label and its rungs."""
        return f"{self.label} ({self.levels})"

    @property
    def rank(self) -> int:
        """1, 2 or 3: how many of three marks are filled, so that color is not the only sign."""
        return list(Difficulty).index(self) + 1


class Category(StrEnum):
    """The value is the folder below docs/questions/ and the address; the order is the catalog's."""

    CONCEPTUAL = "conceptual"
    TECHNICAL = "technical"
    SYSTEM_DESIGN = "system-design"
    DEBUGGING = "debugging"

    @property
    def label(self) -> str:
        return self.value.replace("-", " ").capitalize()


# The only topics there are. mkdocs.yml gives the same list to the tags plugin, and a test holds the two equal.
TOPICS = frozenset(
    {
        *("access-control", "audit", "billing", "caching", "capacity-planning", "chaos", "compliance"),
        *("concurrency", "cost", "cryptography", "databases", "deployment", "gpu-serving"),
        *("incident-response", "kubernetes", "latency", "memory", "moderation", "multi-tenancy"),
        *("networking", "observability", "performance", "pii", "policy-as-code", "privacy", "profiling"),
        *("prometheus", "prompt-injection", "rate-limiting", "redis", "reliability", "retention"),
        *("security", "slo", "sql", "streaming", "threat-modeling"),
    }
)

# A page's file name without its ending, and so its address: lower-case words joined by hyphens.
SLUG = r"[a-z0-9]+(-[a-z0-9]+)*"

# Heading -> id, in the order in which they stand on a page. The ids are other people's links: they never change.
SECTIONS = {
    "Question": "question",
    "What it tests": "what-it-tests",
    "Clarifying questions": "clarifying-questions",
    "Hints": "hints",
    "Drill": "drill",
    "Model answer": "model-answer",
    "Levels": "levels",
    "Pitfalls": "pitfalls",
    "Follow-ups": "follow-ups",
    "References": "references",
}
# A page whose answer is pending ends after these.
FIRST_SECTIONS = tuple(SECTIONS)[:4]


def section_titles(category: Category, pending: bool) -> tuple[str, ...]:
    """Headings that a page has to have, in order. Debugging pages alone have a drill: evidence, stage by stage."""
    if pending:
        return FIRST_SECTIONS
    return tuple(title for title in SECTIONS if title != "Drill" or category is Category.DEBUGGING)


def _known_topic(topic: str) -> str:
    if topic not in TOPICS:
        raise ValueError(f"there is no topic {topic!r}")
    return topic


def _items(low: int, high: int) -> AfterValidator:
    """So many different items. Runs after the items' own checks, so that a bad item is one fault and not two."""

    def check(values: tuple[str, ...]) -> tuple[str, ...]:
        if not low <= len(values) <= high:
            raise ValueError(f"it has {len(values)} items, not {low} to {high}")
        if len(set(values)) < len(values):
            raise ValueError("an item stands twice")
        return values

    return AfterValidator(check)


_Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, pattern=r"^[^\n]*$")]


class FrontMatter(BaseModel):
    """What an author writes. Each description is the mend that an error offers."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    title: Annotated[_Line, Field(max_length=70, description="what to do, in at most 70 characters")]
    description: Annotated[_Line, Field(max_length=160, description="one sentence of at most 160 characters")]
    number: Annotated[int, Field(ge=1, description="the question's own number, never used before")]
    difficulty: Annotated[Difficulty, Field(strict=False, description=f"one of {', '.join(Difficulty)}")]
    minutes: Annotated[int, Field(ge=5, le=120, description="a whole number of minutes from 5 to 120")]
    topics: Annotated[
        tuple[Annotated[str, AfterValidator(_known_topic)], ...],
        Field(
            strict=False,
            description="two to five from the list in macros/question.py",
        ),
        _items(2, 5),
    ]
    keywords: Annotated[
        tuple[_Line, ...],
        Field(
            strict=False,
            description="3 to 20 words people search for; quote numbers",
        ),
        _items(3, 20),
    ]
    answer: Annotated[
        Literal["pending"] | None,
        Field(description="`pending` while the answer is not written; else leave the key out"),
    ] = None


class Question(FrontMatter):
    """A question of the catalog: its front matter, and what is derived from its file."""

    category: Category
    slug: str
    sections: tuple[str, ...]
    """Ids of the sections that the page has, in order."""

    @property
    def pending(self) -> bool:
        return self.answer == "pending"

    @property
    def source(self) -> str:
        """Path of the page below docs/."""
        return f"questions/{self.category}/{self.slug}.md"

    @property
    def address(self) -> str:
        """Address of the page below the site's root."""
        return f"questions/{self.category}/{self.slug}/"

    @property
    def short_address(self) -> str:
        """Address below the site's root that outlives a change of slug or category."""
        return f"q/{self.number}/"

    @property
    def package(self) -> str:
        """Name of the package below examples/ that the answer prints and computes with."""
        return self.slug.replace("-", "_")
