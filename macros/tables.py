"""A Markdown extension: how a table's column is aligned, said by classes.

Python-Markdown says it by an attribute `style` in every cell, which the site's policy (policy.py) refuses, as it would have to
allow all of them. The classes are `align-left`, `align-center` and `align-right`, in site.css.
"""

from __future__ import annotations

import re
from typing import Any
from xml.etree.ElementTree import Element

from markdown import Markdown  # type: ignore[import-untyped]
from markdown.extensions import Extension  # type: ignore[import-untyped]
from markdown.treeprocessors import Treeprocessor  # type: ignore[import-untyped]

_ALIGNED = re.compile(r"text-align: (left|center|right);")
# After `inline`, which makes the cells' content, and before `attr_list`, whose classes come on top of these.
_PRIORITY = 15


class _Alignment(Treeprocessor):  # type: ignore[misc]
    def run(self, root: Element) -> None:
        for cell in root.iter():
            if cell.tag in ("th", "td") and (aligned := _ALIGNED.fullmatch(cell.get("style", ""))):
                del cell.attrib["style"]
                cell.set("class", f"align-{aligned[1]}")


class _AlignmentExtension(Extension):  # type: ignore[misc]
    def extendMarkdown(self, md: Markdown) -> None:
        md.treeprocessors.register(_Alignment(md), "alignment", _PRIORITY)


def makeExtension(**_: Any) -> Extension:
    """What Python-Markdown asks a module for that is named as an extension."""
    return _AlignmentExtension()
