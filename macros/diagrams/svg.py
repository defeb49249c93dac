"""Mermaid's SVG becomes the SVG of a page: without Mermaid's look, named, and small.

Mermaid lays the diagram out; everything else about the picture is ours. Its style sheet, inline styles, colors
and unused markers are dropped, so that one shared sheet (`docs/assets/stylesheets/diagrams.css`) themes every
diagram for the light and dark palette and for print, and so that pages can forbid inline styles.

Lengths are in CSS pixels unless a name says otherwise.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from mermaidx import font_metrics  # type: ignore[import-untyped]

from macros.diagrams.source import DiagramError, Parts

# What Mermaid is told. Labels are SVG text, because HTML in a foreignObject would need inline styles. Text is
# measured in DejaVu Sans, which is wider than the fonts readers have: at the same size no label overflows.
FONT_SIZE = 14
# Any color that Mermaid gives to nothing else: what it fills with it is drawn solid (a fork in a state diagram).
LINE_COLOR = "#010203"
MERMAID_CONFIG: dict[str, Any] = {
    "theme": "base",
    "fontFamily": "DejaVu Sans",
    "fontSize": FONT_SIZE,
    "htmlLabels": False,
    "themeVariables": {"fontSize": f"{FONT_SIZE}px", "lineColor": LINE_COLOR},
    "flowchart": {
        "htmlLabels": False,
        "nodeSpacing": 36,
        "rankSpacing": 44,
        "padding": 12,
        "diagramPadding": 4,
        "subGraphTitleMargin": {"top": 0, "bottom": 8},
    },
    "sequence": {
        "diagramMarginX": 4,
        "diagramMarginY": 4,
        "actorMargin": 36,
        "width": 116,
        "height": 44,
        "boxMargin": 8,
        "noteMargin": 8,
        "messageMargin": 30,
        "labelBoxWidth": 62,
    },
    "state": {"nodeSpacing": 40, "rankSpacing": 40, "padding": 8},
    "er": {"nodeSpacing": 60, "rankSpacing": 132, "diagramPadding": 4, "entityPadding": 18},
    "class": {"htmlLabels": False, "nodeSpacing": 40, "rankSpacing": 40, "hideEmptyMembersBox": True},
    "gantt": {"useWidth": 700, "fontSize": 13, "sectionFontSize": 13, "barHeight": 24, "leftPadding": 96},
    "timeline": {"textPlacement": "tspan"},
    "xyChart": {"width": 640, "height": 400},
    "quadrantChart": {"chartWidth": 480, "chartHeight": 480},
}

# How many colors the sheet has for the series of a chart.
SERIES = 4

# From a cluster's upper edge to the line box of its title.
CLUSTER_TITLE_TOP = 3

# Between a note's text and its edge.
NOTE_PADDING = 6

# The kinds of diagram that the shared sheet themes, by Mermaid's own names for them and by the word that opens
# one. Any other would bring a style sheet of its own into the page, in colors of one palette, and is refused.
KINDS = {
    "flowchart-v2": "flowchart",
    "sequence": "sequenceDiagram",
    "stateDiagram": "stateDiagram-v2",
    "er": "erDiagram",
    "class": "classDiagram",
    "gantt": "gantt",
    "timeline": "timeline",
    "xychart": "xychart-beta",
    "quadrantChart": "quadrantChart",
    "pie": "pie",
    "block": "block-beta",
}

# Text of FONT_SIZE may shrink to this size on a narrow screen; from there on the diagram scrolls in its own box.
MIN_FONT_SIZE = 9
# The floor of a diagram's width is a class, since an inline style is out: steps of 40 up to 1600 (diagrams.css).
FLOOR_STEP = 40
FLOOR_MAX = 1600
# Every screen from 320 px on has this much room for a diagram inside a collapsed block: no floor is needed below.
FLOOR_FREE = 280

# Stands for the id prefix in a cached SVG.
ID_PLACEHOLDER = "diagram-id"

_SVG = "http://www.w3.org/2000/svg"


def themed(raw: str, parts: Parts) -> str:
    """Mermaid's SVG without its look, named for assistive technology and small enough to stand in a page.

    Every id begins with ID_PLACEHOLDER. Raises DiagramError.
    """
    root = ET.fromstring(raw)
    kind = root.get("aria-roledescription", "")
    if kind not in KINDS:
        known = ", ".join(KINDS.values())
        raise DiagramError(f"the site themes no {kind or 'such'} diagram, only {known}", 1)
    for element in root.iter():
        element.tag = element.tag.removeprefix(f"{{{_SVG}}}")
    _drop(root, lambda e: e.tag in {"script", "style"})
    _shape(root, kind)
    for element in root.iter():
        _clean(element)
    _keep_used_ids(root)
    _round(root)
    _frame(root, parts)
    _refuse_foreign(root)
    return ET.tostring(root, encoding="unicode")


def _drop(root: ET.Element, unwanted: Callable[[ET.Element], bool]) -> None:
    for parent in list(root.iter()):
        for child in list(parent):
            if unwanted(child):
                parent.remove(child)


def _classes(element: ET.Element) -> list[str]:
    return element.get("class", "").split()


def _add_class(element: ET.Element, name: str) -> None:
    element.set("class", f"{element.get('class', '')} {name}".strip())


def _view_box(root: ET.Element) -> tuple[float, float, float, float]:
    """Left, top, width and height."""
    left, top, width, height = map(float, root.get("viewBox", "0 0 0 0").split())
    return left, top, width, height


# --- Shapes -------------------------------------------------------------------------------------------------------


def _shape(root: ET.Element, kind: str) -> None:
    """Give what Mermaid drew for its own sheet the form and class names that ours relies on."""
    # A Gantt chart's line at the day of the build, and the ground of every label.
    _drop(root, lambda e: bool({"today", "background"} & set(_classes(e))))
    for element in root.iter():
        if element.get("fill") == LINE_COLOR:
            _add_class(element, "solid")
    for text in root.iter("text"):
        _plain_rows(text)
    # Flowcharts have their labels' middle in the right place already, the others their left edge.
    _center_labels(root, move=kind in {"stateDiagram", "er", "class"})
    for group in root.iter("g"):
        names = set(_classes(group))
        _one_outline(group)
        if names & {"cluster", "statediagram-cluster"}:
            _center_title(group)
        if kind == "stateDiagram" and "outer-path" in names and group.find("g") is not None:
            group.set("class", "state-end")
        if any("noteLabel" in _classes(child) for child in group):
            _add_class(group, "note")
    if kind == "sequence":
        _widen_notes(root)
    for name in ("pieCircle", "legend"):  # the slices of a pie, then the rows of its legend
        for number, element in enumerate(e for e in root.iter() if name in _classes(e)):
            _add_class(element, f"series-{number % SERIES + 1}")


def _one_outline(group: ET.Element) -> None:
    """Mermaid's sketching library draws a shape twice, filled and then stroked: one path does both."""
    paths = [child for child in group if child.tag == "path"]
    for filled, stroked in pairwise(paths):
        if filled.get("stroke") == "none" and stroked.get("fill") == "none":
            group.remove(stroked)
            filled.attrib.pop("stroke")
            filled.attrib.pop("stroke-width", None)
            filled.set("d", _polygon(filled.get("d", "")))
    for path in paths if "divider" in _classes(group) else []:
        path.set("d", _straight(path.get("d", "")))


_POINT = r"(-?[\d.]+(?:e-?\d+)?)[ ,]+(-?[\d.]+(?:e-?\d+)?)"
_SKETCHED = re.compile(rf"([MLC])\s*{_POINT}(?:,\s*{_POINT},\s*{_POINT})?\s*")


def _polygon(path: str) -> str:
    """A sketched outline as a closed polygon with few points; any path of another make stays as it is.

    With a roughness of 0 the sketching library's curves are straight lines between dense samples of the outline.
    """
    points: list[tuple[float, float]] = []
    at = 0
    while match := _SKETCHED.match(path, at):
        numbers = [float(n) for n in match.groups()[1:] if n is not None]
        if (match[1] == "M") != (not points) or len(numbers) != (6 if match[1] == "C" else 2):
            return path
        points.append((numbers[-2], numbers[-1]))
        at = match.end()
    if at != len(path) or len(points) < 3:
        return path
    if points[0] == points[-1]:
        points.pop()
    # A closed outline has no two ends to keep: it is simplified in halves.
    half = len(points) // 2
    kept = _simplified(points[: half + 1])[:-1] + _simplified([*points[half:], points[0]])[:-1]
    return "M" + "L".join(f"{x:.2f},{y:.2f}" for x, y in kept) + "Z"


def _straight(path: str) -> str:
    """A line that is sketched twice, with random points on its way, as one line; other paths stay as they are."""
    strokes = [_SKETCHED.findall(stroke) for stroke in re.findall("M[^M]+", path)]
    ends = {(stroke[0][1:3], stroke[-1][5:7]) for stroke in strokes if len(stroke) == 2}
    if len(strokes) != 2 or len(ends) != 1:
        return path
    ((x1, y1), (x2, y2)) = ends.pop()
    return f"M{x1},{y1}L{x2},{y2}"


def _simplified(points: list[tuple[float, float]], tolerance: float = 0.08) -> list[tuple[float, float]]:
    """Ramer-Douglas-Peucker: drop every point that is less than `tolerance` px off the line without it."""
    if len(points) < 3:
        return points
    (x1, y1), (x2, y2) = points[0], points[-1]
    length = max(((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5, 1e-9)
    off = [abs((x2 - x1) * (y1 - y) - (x1 - x) * (y2 - y1)) / length for x, y in points[1:-1]]
    worst = max(off)
    if worst < tolerance:
        return [points[0], points[-1]]
    middle = off.index(worst) + 1
    return _simplified(points[: middle + 1])[:-1] + _simplified(points[middle:])


def _plain_rows(text: ET.Element) -> None:
    """Mermaid wraps every word in an element of its own: one line of a label becomes one text run."""
    rows = [row for row in text if "text-outer-tspan" in _classes(row)]
    if rows:
        text.attrib.pop("y", None)
    for row in rows:
        text.remove(row)
        runs = _runs(row)
        plain = not any(run.attrib for run in runs)
        line = text if plain and len(rows) == 1 else ET.SubElement(text, "tspan", {"x": "0"})
        line.set("y", f"{_em(row.get('y')) + _em(row.get('dy')):g}em")
        if plain:
            line.text = "".join(run.text or "" for run in runs)
        else:
            line.extend(runs)


def _runs(row: ET.Element) -> list[ET.Element]:
    """The words of a row, those of one look joined."""
    runs: list[ET.Element] = []
    for word in row:
        look = {k: v for k in ("font-style", "font-weight") if (v := word.get(k)) and v != "normal"}
        if not runs or runs[-1].attrib != look:
            runs.append(ET.Element("tspan", look))
        runs[-1].text = (runs[-1].text or "") + (word.text or "")
    return runs


def _em(value: str | None) -> float:
    return round(float((value or "0").removesuffix("em")), 3)


_SHIFT = re.compile(r"translate\(\s*-?[\d.e-]+[ ,]+(-?[\d.e-]+)\s*\)")


def _center_labels(element: ET.Element, move: bool, in_node: bool = False) -> None:
    """Labels placed by their measured left edge are centered, whatever font the reader has."""
    names = set(_classes(element))
    if names & {"members-group", "methods-group"}:  # the lists of a class
        return
    in_node = in_node or "node" in names
    left_aligned = any(name.startswith("attribute-") for name in names)
    if in_node and names & {"label", "label-group", "annotation-group"} and not left_aligned:
        if move:
            element.set("transform", _SHIFT.sub(r"translate(0,\1)", element.get("transform", "")))
        for text in element.iter("text"):
            text.set("text-anchor", "middle")
            text.set("transform", _SHIFT.sub(r"translate(0,\1)", text.get("transform", "")))
    for child in element:
        _center_labels(child, move, in_node)


def _center_title(cluster: ET.Element) -> None:
    box = next(cluster.iter("rect"), None)
    label = next((g for g in cluster.iter("g") if "cluster-label" in _classes(g)), None)
    if box is None or label is None:
        return
    middle = float(box.get("x", "0")) + float(box.get("width", "0")) / 2
    top = float(box.get("y", "0")) + CLUSTER_TITLE_TOP
    label.set("transform", f"translate({middle},{top})")
    for text in label.iter("text"):
        text.set("text-anchor", "middle")


def _widen_notes(root: ET.Element) -> None:
    """A note over two participants is as wide as they are apart, which may be less than its text."""
    font = font_metrics.get_font()
    for group in root.iter("g"):
        box = next((e for e in group if e.tag == "rect" and "note" in _classes(e)), None)
        if box is None:
            continue
        texts = ["".join(text.itertext()) for text in group.iter("text")]
        needed = max((font.measure(text, FONT_SIZE)["width"] for text in texts), default=0) + 2 * NOTE_PADDING
        x, width = float(box.get("x", "0")), float(box.get("width", "0"))
        if needed > width:
            x -= (needed - width) / 2
            box.set("x", str(x))
            box.set("width", str(needed))
            left, top, across, down = _view_box(root)
            start, end = min(left, x - 2), max(left + across, x + needed + 2)
            root.set("viewBox", f"{start} {top} {end - start} {down}")


# --- Cleaning -----------------------------------------------------------------------------------------------------

# Inline declarations that carry meaning, not taste; they become attributes.
_KEPT_STYLES = {"text-anchor", "stroke-dasharray", "font-weight", "font-style"}
_PAINTS = ("fill", "stroke")
_DROPPED = {"name", "href", "alignment-baseline", "font-family", "transform-origin", "style"}
_NO_DASH = re.compile(r"[\s,]*(?:[01][\s,]+0|0|none)?[\s,]*")


def _clean(element: ET.Element) -> None:
    """Inline styles become attributes or go; colors, fonts and line widths are the shared sheet's."""
    for declaration in element.get("style", "").split(";"):
        name, _, value = (part.strip() for part in declaration.partition(":"))
        if name in _KEPT_STYLES or (name in _PAINTS and value == "none"):
            element.set(name, value)
    for name in list(element.attrib):
        if name in _DROPPED or name.startswith(("data-", "{")):
            del element.attrib[name]
    for paint in _PAINTS:
        if element.get(paint) not in {None, "none"}:
            del element.attrib[paint]
    if element.get("stroke") == "none" and "marker-end" in element.attrib:
        del element.attrib["stroke"]  # a sequence diagram's arrows: Mermaid's sheet overrides it
    if element.get("font-size", "").endswith("ex"):
        del element.attrib["font-size"]  # a timeline's title
    if "d" not in element.attrib:
        element.attrib.pop("stroke-width", None)
    if _NO_DASH.fullmatch(element.get("stroke-dasharray", "0")):
        element.attrib.pop("stroke-dasharray", None)
    if element.get("font-weight") in {"400", "normal"}:
        del element.attrib["font-weight"]
    names = [name for name in _classes(element) if not re.match(r"width-|undefined|default$", name)]
    element.attrib.pop("class", None)
    if names:
        element.set("class", " ".join(dict.fromkeys(names)))
    if re.fullmatch(r"(translate\(\s*0[ ,]+0\s*\))?", element.get("transform", "")):
        element.attrib.pop("transform", None)
    if element.tag in {"circle", "text"}:
        element.attrib.pop("width", None)
        element.attrib.pop("height", None)


def _prune(root: ET.Element) -> None:
    """Remove, from the leaves up, what draws nothing."""

    def empty(element: ET.Element) -> bool:
        for child in list(element):
            if empty(child):
                element.remove(child)
        if len(element):
            return False
        if element.tag in {"g", "defs", "text", "tspan"}:
            return not (element.text or "").strip()
        return element.tag == "rect" and float(element.get("width", "0")) < 1

    empty(root)


_DEFINED = {"marker", "symbol", "linearGradient", "filter"}
_REFERENCE = re.compile(r"url\(#([^)]+)\)")


def _references(root: ET.Element) -> set[str]:
    return {name for e in root.iter() for value in e.attrib.values() for name in _REFERENCE.findall(value)}


def _keep_used_ids(root: ET.Element) -> None:
    """Drop what draws nothing, definitions without a reference and ids; the others get the placeholder."""
    used = _references(root)
    _drop(root, lambda e: e.tag in _DEFINED and e.get("id") not in used)
    _prune(root)
    new = {old: f"{ID_PLACEHOLDER}-{number}" for number, old in enumerate(sorted(_references(root)), 1)}
    for element in root.iter():
        name = element.attrib.get("id")
        if name in new:
            element.set("id", new[name])
        else:
            element.attrib.pop("id", None)
        for key, value in element.attrib.items():
            element.set(key, _REFERENCE.sub(lambda match: f"url(#{new[match[1]]})", value))


# A twentieth of a pixel is as fine as it needs to be; relative paths add up, and get a digit more.
_DECIMAL = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")
_GEOMETRY = re.compile("d|points|transform|[xy][12]?|c[xy]|r[xy]?|width|height")


def _round(root: ET.Element) -> None:
    for element in root.iter():
        for name, value in element.attrib.items():
            if _GEOMETRY.fullmatch(name) and not value.endswith("em"):
                digits = 2 if name == "d" and re.search(r"[a-z]", value) else 1
                element.set(name, _rounded(value, digits))


def _rounded(value: str, digits: int) -> str:
    return _DECIMAL.sub(lambda match: _short(float(match[0]), digits), " ".join(value.split()))


def _short(number: float, digits: int) -> str:
    text = f"{number:.{digits}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


# --- Into the page ------------------------------------------------------------------------------------------------


def _frame(root: ET.Element, parts: Parts) -> None:
    """The svg element's own attributes: size, floor and accessible name."""
    box = _view_box(root)
    _, _, width, height = box
    names = ["diagram__svg", *_classes(root)]
    floor = round(width * MIN_FONT_SIZE / FONT_SIZE / FLOOR_STEP) * FLOOR_STEP
    if floor > FLOOR_FREE:
        names.append(f"diagram__svg--min-{min(floor, FLOOR_MAX)}")
    root.attrib = {
        "xmlns": _SVG,
        "id": ID_PLACEHOLDER,
        "class": " ".join(names),
        "role": "img",
        "viewBox": " ".join(_short(number, 1) for number in box),
        "width": _short(width, 0),
        "height": _short(height, 0),
        "aria-describedby": f"{ID_PLACEHOLDER}-desc",
        "aria-labelledby": f"{ID_PLACEHOLDER}-title",
    }
    for index, (tag, text) in enumerate({"title": parts.title, "desc": parts.description}.items()):
        child = ET.Element(tag, {"id": f"{ID_PLACEHOLDER}-{tag}"})
        child.text = text
        root.insert(index, child)


def _refuse_foreign(root: ET.Element) -> None:
    """A page makes no request to another host. Raises DiagramError."""
    for element in root.iter():
        address = any("//" in value for name, value in element.attrib.items() if name != "xmlns")
        if element.tag == "image" or address:
            raise DiagramError("the diagram refers to an image or an address outside the page")
