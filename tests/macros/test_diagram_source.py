"""The fences of a page are found where superfences finds them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown import Markdown

from macros.diagrams import Fence, find_fences
from macros.diagrams.source import Parts, canonical, parts


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("```mermaid\nA\nB\n```", [Fence(2, "A\nB")]),
        ("x\n\n~~~~ mermaid\nA\n~~~~\n", [Fence(4, "A")]),
        ("``` { .mermaid }\nA\n```\n", [Fence(2, "A")]),
        ("!!! note\n\n    ```mermaid\n    A\n      B\n    ```\n", [Fence(4, "A\n  B")]),
        ("/// details | Answer\n\n```mermaid\nA\n```\n\n///\n", [Fence(4, "A")]),
        ("> ```mermaid\n> A\n> ```\n", [Fence(2, "A")]),
        ("````markdown\n```mermaid\nA\n```\n````\n", []),
        ("```text\n~~~mermaid\n```\n\n~~~mermaid\nA\n~~~\n", [Fence(6, "A")]),
        ("```mermaid\nA\n", []),
        ("```mermaidx\nA\n```\n", []),
        ("```mermaid title='T'\nA\n```\n", []),
        ("```mermaid\r\nA\r\n```\r\n", [Fence(2, "A")]),
    ],
)
def test_fences_are_found_where_they_are(text: str, expected: list[Fence]) -> None:
    assert find_fences(text) == expected


LINES = ["```mermaid", "````mermaid", "~~~mermaid", "``` mermaid", "```{ .mermaid }", "```", "````", "~~~"]
LINES += [
    "```python",
    "    ```mermaid",
    "    ```",
    "\t```",
    "> ```mermaid",
    "> ```",
    "> A-->B",
    ">",
    "",
    "   ",
]
LINES += ["A-->B", "    A-->B", "- item"]


@given(st.lists(st.sampled_from(LINES), max_size=12))
@example(["```mermaid", "```"])
@example(["> ```mermaid", ">", "> A-->B", "> ```"])
@example(["> ```mermaid", "", "    A-->B", "> ```"])
def test_fences_are_those_that_superfences_renders(lines: list[str]) -> None:
    rendered: list[str] = []

    def formatter(source: str, *_: Any, **__: Any) -> str:
        rendered.append(source)
        return "<p></p>"

    fence = {"name": "mermaid", "class": "diagram", "format": formatter}
    md = Markdown(
        extensions=["pymdownx.superfences"],
        extension_configs={"pymdownx.superfences": {"custom_fences": [fence]}},
    )
    text = md.preprocessors["normalize_whitespace"].run(lines)
    md.preprocessors["fenced_code_block"].run(text)
    found = find_fences("\n".join(lines))
    assert [canonical(fence.source) for fence in found] == [canonical(source) for source in rendered]
    for first, source in found:
        for offset, line in enumerate(source.split("\n")[: len(lines) - first]):
            assert line.strip("> ") in lines[first - 1 + offset].expandtabs(4)


def test_a_text_alternative_and_comments_are_taken_out_and_lines_keep_their_numbers() -> None:
    source = """\
%% what a comment says

flowchart LR
  accTitle: A way ;
  accDescr {
    From A
    to B.
  }
  A --> B

  %% another
  %%{ wrap }%%
  B --> C"""
    body = [
        (3, "flowchart LR"),
        (9, "  A --> B"),
        (10, ""),
        (12, "  %%{ wrap }%%"),
        (13, "  B --> C"),
    ]
    assert parts(source) == Parts("A way", "From A to B.", body)
    assert parts("pie\naccDescr: All of it.\n").description == "All of it."
    assert parts("pie\naccDescr { In a line. }\n").description == "In a line."
