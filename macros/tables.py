"""A Markdown extension: how a table's column is aligned, said by classes, and room for a wide table to scroll in.

Python-Markdown says the former by an attribute `style` in every cell, which the site's policy (policy.py) refuses, as it would have
to allow all of them. The classes are `align-left`, `align-center` and `align-right`, in site.css. The boxes are those that the
theme's script puts around a table once the page is drawn, which then has to be drawn again.
"""

from __future__ import annotations

import re
from typing import Any
from xml.etree.ElementTree import Element, SubElement

from markdown import Markdown  # type: ignore[import-untyped]
from markdown.extensions import Extension  # type: ignore[import-untyped]
from markdown.treeprocessors import Treeprocessor  # type: ignore[import-untyped]

_ALIGNED = re.compile(r"text-align: (left|center|right);")
# After `inline`, which makes the cells' content, and before `attr_list`, whose classes come on top of these.
_PRIORITY = 15

_BOXES = ("md-typeset__scrollwrap", "md-typeset__table")


def boxed(table: str) -> str:
    """The HTML of a table as it stands on a page that Markdown does not write it into."""
    outer, inner = _BOXES
    return f'<div class="{outer}"><div class="{inner}">{table}</div></div>'


class _Tables(Treeprocessor):  # type: ignore[misc]
    def run(self, root: Element) -> None:
        # A list, as what is walked through changes on the way.
        for parent in list(root.iter()):
            if parent.tag in ("th", "td") and (aligned := _ALIGNED.fullmatch(parent.get("style", ""))):
                del parent.attrib["style"]
                parent.set("class", f"align-{aligned[1]}")
            for place, child in enumerate(parent):
                if child.tag == "table":
                    parent[place] = _box(child)


def _box(table: Element) -> Element:
    outer = Element("div", {"class": _BOXES[0]})
    SubElement(outer, "div", {"class": _BOXES[1]}).append(table)
    # What follows the table follows its box.
    outer.tail, table.tail = table.tail, None
    return outer


class _TablesExtension(Extension):  # type: ignore[misc]
    def extendMarkdown(self, md: Markdown) -> None:
        md.treeprocessors.register(_Tables(md), "boxed-tables", _PRIORITY)


def makeExtension(**_: Any) -> Extension:
    """What Python-Markdown asks a module for that is named as an extension."""
    return _TablesExtension()
