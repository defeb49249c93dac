"""A Vega-Lite specification becomes a figure of the page: inline SVG, a caption, and the table of its data.

A figures module returns the specification as a mapping; size, type and colors are set here, so that every chart of
the site looks alike. The SVG keeps the light palette's colors as attributes and `docs/assets/stylesheets/diagrams.css`
turns each into a property of the palette at hand: so a color that the sheet does not know is refused.
"""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Any

import vl_convert  # type: ignore[import-not-found, unused-ignore]

from macros import files, store, tables
from macros.places import CACHE

CACHE_DIR = CACHE / "charts"
"""Where drawn charts are kept by content: to draw one takes a tenth of a second."""

# The dialect is pinned, so that a newer library draws what this one drew.
VEGA_LITE = "5.21"

SERIES = ("#3f5b9e", "#ab4e1a", "#2a7353", "#85499f")
TEXT = "#1f2533"
LINE = "#5c6679"
GRID = "#dfe3ea"
SURFACE = "#fcfbf8"
COLORS = frozenset({*SERIES, TEXT, LINE, GRID, SURFACE})
"""What the sheet knows: the values of its light palette."""

WIDTH = 420
"""Of the whole chart, axes included, in CSS pixels: on a phone of 360 px the type is still 10 px high."""
FONT_SIZE = 13

# Wide enough for the fonts that readers have; the SVG itself names none and inherits the page's.
_FONT = "DejaVu Sans"
_CONFIG: dict[str, Any] = {
    "background": None,
    "font": _FONT,
    "padding": 2,
    "view": {"stroke": None},
    "axis": {
        "labelColor": TEXT,
        "titleColor": TEXT,
        "domainColor": LINE,
        "tickColor": LINE,
        "gridColor": GRID,
        "labelFontSize": FONT_SIZE - 1,
        "titleFontSize": FONT_SIZE,
        "titleFontWeight": "normal",
        "titlePadding": 6,
    },
    "axisX": {"grid": False},
    "legend": {
        "labelColor": TEXT,
        "titleColor": TEXT,
        "labelFontSize": FONT_SIZE,
        "titleFontSize": FONT_SIZE,
        "titleFontWeight": "normal",
        "orient": "top",
        "labelLimit": 0,
    },
    "header": {
        "labelColor": TEXT,
        "titleColor": TEXT,
        "labelFontSize": FONT_SIZE,
        "titleFontSize": FONT_SIZE,
    },
    "text": {"color": TEXT, "fontSize": FONT_SIZE - 1},
    "line": {"strokeWidth": 2},
    "rule": {"color": LINE},
    "range": {"category": list(SERIES)},
    "mark": {"color": SERIES[0]},
}
# Attributes of Vega's SVG that the page does without.
_DROPPED = ("aria-", "role", "class", "version", "font-family", "pointer-events")
_OURS = ("$schema", "config", "width", "background", "autosize", "padding")

_SVG = "{http://www.w3.org/2000/svg}"
ET.register_namespace("", "http://www.w3.org/2000/svg")


class ChartError(ValueError):
    """A specification that does not keep to the contract of `figure`; says which part, and the mend."""


def figure(name: str, specification: Mapping[str, Any]) -> str:
    """The chart as one line of HTML, which Markdown leaves alone. `name` makes its ids, so it is unique on a page.

    The specification is Vega-Lite's, with a `title` (the caption, as text), a `description` (the text
    alternative), all data in `data.values`, and `usermeta.columns`: field -> heading, what the table shows of
    each row and in which order. Raises ChartError.
    """
    return _figure(name, json.dumps(specification))


# A server builds again after each edit, of one page: what was drawn once is there.
@lru_cache(maxsize=4096)
def _figure(name: str, written: str) -> str:
    path = CACHE_DIR / store.key_of([*_makers(), name, written])
    data = files.kept(path)
    if data is None:
        data = _drawn(name, written).encode()
        files.keep(path, data)
    return data.decode()


def _makers() -> list[object]:
    """What draws; the text of this module stands for its version."""
    return [*map(store.text_of, (Path(__file__), Path(tables.__file__))), store.versions("vl-convert-python")]


def _drawn(name: str, written: str) -> str:
    specification = json.loads(written)
    caption, alternative, columns, rows = _parts(name, specification)
    if known := [key for key in _OURS if key in specification]:
        raise ChartError(f"chart {name}: the site sets {', '.join(known)}; leave it out")
    drawing = {key: value for key, value in specification.items() if key not in ("title", "usermeta")}
    svg = _themed(name, _render(json.dumps(drawing)), caption, alternative)
    return (
        # The caption is read first and stands, by the style sheet, below the drawing.
        f'<figure class="chart" data-search-exclude><figcaption>{escape(caption)}</figcaption>{svg}'
        f'<details class="chart__data"><summary>The data of this chart</summary>{_table(columns, rows)}</details>'
        "</figure>"
    )


def table(name: str, specification: Mapping[str, Any]) -> str:
    """The chart where no picture can be: caption, text alternative and data as Markdown. Raises ChartError."""
    caption, alternative, columns, rows = _parts(name, specification)
    cells = [list(columns.values()), ["---"] * len(columns)]
    cells += [[_cell(row.get(field)) for field in columns] for row in rows]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in cells]
    return f"*Chart: {caption.rstrip('.')}.* {alternative}\n\n" + "\n".join(lines)


def _parts(
    name: str, specification: Mapping[str, Any]
) -> tuple[str, str, Mapping[str, str], list[Mapping[str, Any]]]:
    """Caption, text alternative, columns and rows of a specification that keeps to the contract."""
    caption, alternative = (_text(name, specification, key) for key in ("title", "description"))
    rows = (specification.get("data") or {}).get("values")
    if not rows:
        raise ChartError(f"chart {name}: data.values is empty; put the plotted rows there")
    columns = (specification.get("usermeta") or {}).get("columns")
    if not columns:
        raise ChartError(
            f"chart {name}: usermeta.columns is missing; map each field of the table to its heading"
        )
    if unknown := [field for field in columns if not any(field in row for row in rows)]:
        raise ChartError(
            f"chart {name}: no row has the field {', '.join(unknown)} of usermeta.columns; mend the name"
        )
    return caption, alternative, columns, rows


def _text(name: str, specification: Mapping[str, Any], key: str) -> str:
    value = specification.get(key)
    if not isinstance(value, str) or not value.strip():
        raise ChartError(f"chart {name}: {key} is missing; say in it what the reader is to see")
    return value


def _render(drawing: str) -> str:
    specification = {
        "height": 200,
        **json.loads(drawing),
        "width": WIDTH,
        "autosize": {"type": "fit-x", "contains": "padding"},
    }
    config = _CONFIG
    if '"strokeDash"' in drawing:
        # The dashes tell lines apart; around a symbol they could not be read.
        config = config | {"legend": config["legend"] | {"symbolType": "stroke", "symbolSize": 200}}
    return str(vl_convert.vegalite_to_svg(specification, vl_version=VEGA_LITE, config=config))


def _themed(name: str, svg: str, caption: str, alternative: str) -> str:
    """Vega's SVG without its own accessibility tree and fonts, under our names, in the sheet's colors only."""
    root = ET.fromstring(svg)
    ids: dict[str, str] = {}
    for element in root.iter():
        if own := element.get("id"):
            ids[own] = f"chart-{name}-{len(ids) + 1}"
    for element in root.iter():
        for attribute, value in list(element.attrib.items()):
            if attribute.startswith(_DROPPED) or (attribute, value) == ("opacity", "1"):
                del element.attrib[attribute]
            elif attribute == "style":
                raise ChartError(
                    f"chart {name}: the drawing needs an inline style, {value}, which pages forbid"
                )
            elif attribute in ("fill", "stroke") and value not in COLORS | {"none", "transparent"}:
                raise ChartError(
                    f"chart {name}: color {value} is not of the palette: {', '.join(sorted(COLORS))}"
                )
            elif attribute == "id":
                element.set("id", ids[value])
            elif reference := re.fullmatch(r"url\(#(.+)\)", value):
                element.set(attribute, f"url(#{ids[reference[1]]})")
    _prune(root)
    for tag, text in (("desc", alternative), ("title", caption)):
        child = ET.Element(f"{_SVG}{tag}", {"id": f"chart-{name}-{tag}"})
        child.text = text
        root.insert(0, child)
    del root.attrib["height"]
    root.attrib |= {"class": "chart__svg", "role": "img"}
    root.set("aria-labelledby", f"chart-{name}-title chart-{name}-desc")
    return re.sub(r"\s*\n\s*", " ", ET.tostring(root, encoding="unicode"))


def _prune(element: ET.Element) -> None:
    """Drop what draws nothing: empty groups and paths without extent, of which Vega writes many."""
    for child in list(element):
        _prune(child)
        tag = child.tag.removeprefix(_SVG)
        if (tag == "g" and not len(child)) or (tag == "path" and child.get("d", "") in ("", "M0,0h0v0h0Z")):
            element.remove(child)


def _table(columns: Mapping[str, str], rows: list[Mapping[str, Any]]) -> str:
    head = "".join(f'<th scope="col">{escape(heading)}</th>' for heading in columns.values())
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(_cell(row.get(field)))}</td>" for field in columns) + "</tr>"
        for row in rows
    )
    return tables.boxed(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")


def _cell(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.4g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    # A moment as the axis needs it has a T in it, and seconds that are mostly zero.
    return re.sub(r"^(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::00)?$", r"\1 \2", str(value))
