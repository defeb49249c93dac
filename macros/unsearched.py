"""A Markdown extension that keeps what a drill has behind its reveals out of the search.

A search result shows the words around its match, which would tell the cause. Material leaves out a section whose
heading has `data-search-exclude`. The attribute on a block would be simpler, but its parser forgets it at the end of
the first block inside.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from markdown import Extension, Markdown  # type: ignore[import-untyped, unused-ignore]
from markdown.treeprocessors import Treeprocessor  # type: ignore[import-untyped, unused-ignore]

REVEALS = frozenset({"stage", "answer", "levels"})
"""Types of the blocks of a drill that hide something; a page is a drill if it has one of the first type."""


class _Exclude(Treeprocessor):  # type: ignore[misc, unused-ignore]
    def run(self, root: ET.Element) -> None:
        blocks = [
            (block, REVEALS.intersection(block.get("class", "").split())) for block in root.iter("details")
        ]
        if not any("stage" in kinds for _, kinds in blocks):
            return
        for block, kinds in blocks:
            for element in block.iter() if kinds else ():
                if re.fullmatch("h[1-6]", str(element.tag)):
                    element.set("data-search-exclude", "")


class _Unsearched(Extension):  # type: ignore[misc, unused-ignore]
    def extendMarkdown(self, md: Markdown) -> None:
        # After all that makes blocks and headings.
        md.treeprocessors.register(_Exclude(md), "unsearched", 0)


def makeExtension(**options: object) -> Extension:
    return _Unsearched(**options)
