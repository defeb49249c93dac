"""What becomes of Mermaid's SVG, on small pieces of it; test_diagrams.py has whole diagrams, drawn."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from macros.diagrams.source import DiagramError, Parts
from macros.diagrams.svg import FONT_SIZE, LINE_COLOR, NOTE_PADDING, themed

SVG = "{http://www.w3.org/2000/svg}"
BOX = '<rect class="basic" x="0" y="0" width="50" height="20"/>'


def made(inside: str, kind: str = "flowchart-v2", box: str = "0 0 100 50") -> ET.Element:
    """The svg element of a page, out of what Mermaid has drawn inside of one; its names and those of what it holds without a
    namespace. Title and description are gone."""
    raw = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
        f' id="mermaid-1" class="flowchart" viewBox="{box}" aria-roledescription="{kind}">{inside}</svg>'
    )
    root = ET.fromstring(themed(raw, Parts("A title", "What it shows.", [])))
    for element in root.iter():
        element.tag = element.tag.removeprefix(SVG)
    assert [(child.tag, child.text) for child in root[:2]] == [
        ("title", "A title"),
        ("desc", "What it shows."),
    ]
    del root[:2]
    return root


def only(inside: str, kind: str = "flowchart-v2") -> ET.Element:
    """The one element that comes of one."""
    (element,) = made(inside, kind)
    return element


def shown(inside: str, kind: str = "flowchart-v2") -> str:
    """What comes of it, as text, with attributes by name."""
    root = made(inside, kind)
    for element in root.iter():
        element.attrib = dict(sorted(element.attrib.items()))
    return "".join(ET.tostring(child, encoding="unicode") for child in root)


# --- The frame --------------------------------------------------------------------------------------------------------


def test_the_frame_says_its_size_and_leads_to_its_name():
    root = made(BOX, box="-4.04 2.96 99.6 50.4")
    assert root.attrib == {
        "id": "diagram-id",
        "class": "diagram__svg flowchart",
        "role": "img",
        "viewBox": "-4 3 99.6 50.4",
        "width": "100",
        "height": "50",
        "aria-describedby": "diagram-id-desc",
        "aria-labelledby": "diagram-id-title",
    }


@pytest.mark.parametrize(
    ("width", "floor"), [(100, None), (466, None), (467, 320), (1000, 640), (2490, 1600), (9999, 1600)]
)
def test_text_shrinks_to_nine_pixels_of_fourteen_and_then_the_box_scrolls(width, floor):
    classes = made(BOX, box=f"0 0 {width} 50").get("class", "").split()
    wanted = [f"diagram__svg--min-{floor}"] if floor else []
    assert [name for name in classes if "--min-" in name] == wanted


@pytest.mark.parametrize(
    "inside",
    [
        '<image href="a.png"/>',
        f'<g>{BOX}<image x="1"/></g>',
        '<rect width="9" clip-path="url(//example.org/a)"/>',
    ],
)
def test_what_a_page_would_have_to_fetch_is_refused(inside):
    with pytest.raises(DiagramError, match="outside the page"):
        made(inside)


# --- Shapes -----------------------------------------------------------------------------------------------------------

SQUARE = "M0 0 L10 0 L10 10 L0 10 L0 0"


def outline(filled: str, stroked: str = "M1 1 L2 2") -> str:
    return (
        f'<g><path d="{filled}" stroke="none" stroke-width="0" fill="#eee"/>'
        f'<path d="{stroked}" stroke="#333" fill="none"/></g>'
    )


def test_a_shape_that_is_drawn_twice_is_one_path():
    assert shown(outline(SQUARE)) == '<g><path d="M0,0L10,0L10,10L0,10Z" /></g>'


@pytest.mark.parametrize(
    ("first", "second"), [('stroke="#333"', 'fill="none"'), ('stroke="none"', 'fill="#333"')]
)
def test_two_paths_that_are_no_such_pair_stay_two(first, second):
    group = only(f'<g><path d="{SQUARE}" {first}/><path d="M1 1 L2 2" {second}/></g>')
    assert [path.get("d") for path in group] == [SQUARE, "M1 1 L2 2"]


@pytest.mark.parametrize(
    "path",
    [
        "L0 0 L10 0 L10 10",  # begins nowhere
        "M0 0 L10 0 M10 10 L0 10",  # begins twice
        "M0 0 L10 0 A5 5 0 0 1 10 10",  # has an arc
        "M0 0 L10 0",  # is a line
        "M0 0 C1 1 L10 0 L10 10",  # a curve without its points
    ],
)
def test_a_path_of_another_make_stays_as_it_is(path):
    (made_of_it,) = only(outline(path))
    assert made_of_it.get("d") == path


def test_of_a_curve_the_points_that_it_leads_to_are_kept():
    curves = "M0 0 C3,9,7,9,10 0 C10,0,10,0,10 10 C9,3,1,3,0 10 L0 0"
    (path,) = only(outline(curves))
    assert path.get("d") == "M0,0L10,0L10,10L0,10Z"


@pytest.mark.parametrize(
    ("off", "kept"), [("0.07", "M0,0L20,0L20,20L0,20Z"), ("0.3", "M0,0L10,0.3L20,0L20,20L0,20Z")]
)
def test_an_outline_keeps_the_points_that_the_eye_could_miss(off, kept):
    (path,) = only(outline(f"M0 0 L10 {off} L20 0 L20 20 L0 20"))
    assert path.get("d") == kept


def test_an_outline_is_the_same_wherever_it_begins():
    corners = [(0, 0), (30, 0), (30, 15), (45, 15), (45, 30), (0, 30)]
    for turn in range(len(corners)):
        turned = corners[turn:] + corners[:turn]
        between = [
            ((x1 + x2) / 2, (y1 + y2) / 2)
            for (x1, y1), (x2, y2) in zip(turned, [*turned[1:], turned[0]], strict=True)
        ]
        points = [point for pair in zip(turned, between, strict=True) for point in pair]
        (path,) = only(outline("M" + "L".join(f"{x} {y} " for x, y in points)))
        left = {tuple(map(float, point.split(","))) for point in path.get("d", "")[1:-1].split("L")}
        # In halves, so that where they meet two points may stay that are not needed.
        assert set(corners) <= left
        assert len(left) <= len(corners) + 2


def test_a_divider_is_one_line():
    twice = "M0 5 C3 5.1, 7 4.9, 10 5 M0 5 C2 4.8, 8 5.2, 10 5"
    group = only(f'<g class="divider"><path d="{twice}"/></g>')
    assert group[0].get("d") == "M0,5L10,5"
    assert only(f'<g class="edge"><path d="{twice}"/></g>')[0].get("d") == twice


@pytest.mark.parametrize("path", ["M0 5 C3 5, 7 5, 10 5", "M0 5 C3 5, 7 5, 10 5 M0 5 C3 5, 7 5, 11 5"])
def test_a_divider_of_another_make_stays_as_it_is(path):
    assert only(f'<g class="divider"><path d="{path}"/></g>')[0].get("d") == path


def test_what_is_filled_with_the_color_of_lines_is_solid():
    assert (
        shown(f'<rect class="fork" width="9" fill="{LINE_COLOR}"/>')
        == '<rect class="fork solid" width="9" />'
    )


def test_what_a_build_would_draw_anew_each_day_and_grounds_of_labels_go():
    assert (
        shown(f'<g class="today">{BOX}</g><rect class="background" width="9"/><g>{BOX}</g>').count("rect")
        == 1
    )


def test_slices_and_rows_of_a_legend_are_numbered_by_themselves_and_begin_again_after_four():
    root = made(
        "".join(f'<path class="pieCircle" d="M{n} 0"/>' for n in range(5))
        + f'<g class="legend">{BOX}</g>' * 2,
        "pie",
    )
    classes = [element.get("class") for element in root]
    assert classes == [
        *(f"pieCircle series-{n}" for n in (1, 2, 3, 4, 1)),
        *("legend series-1", "legend series-2"),
    ]


def test_a_state_that_ends_all_and_a_note_are_told_apart():
    end = f'<g class="outer-path"><g>{BOX}</g></g>'
    assert only(end, "stateDiagram").get("class") == "state-end"
    assert only(end).get("class") == "outer-path"
    assert only(f'<g class="outer-path">{BOX}</g>', "stateDiagram").get("class") == "outer-path"
    assert only(f'<g class="node">{BOX}<g class="noteLabel">{BOX}</g></g>').get("class") == "node note"


# --- Text -------------------------------------------------------------------------------------------------------------


def row(words: str, y: str = "-0.1em", dy: str = "1.1em") -> str:
    return f'<tspan class="text-outer-tspan" x="0" y="{y}" dy="{dy}">{words}</tspan>'


def word(text: str, look: str = 'font-weight="normal" font-style="normal"') -> str:
    return f'<tspan class="text-inner-tspan" {look}>{text}</tspan>'


def test_a_label_of_one_row_is_one_run_of_text():
    text = f'<text y="-10.1">{row(word("Token") + word(" bucket"))}</text>'
    assert shown(text) == '<text y="1em">Token bucket</text>'


def test_a_label_of_two_rows_has_a_run_for_each():
    text = f'<text y="-10.1">{row(word("Token"))}{row(word("bucket"), "1em")}</text>'
    assert (
        shown(text) == '<text><tspan x="0" y="1em">Token</tspan><tspan x="0" y="2.1em">bucket</tspan></text>'
    )


def test_words_of_one_look_are_one_run():
    bold = 'font-weight="bold" font-style="normal"'
    words = word("One", bold) + word(" two", bold) + word(" three") + word(" four")
    assert shown(f"<text>{row(words)}</text>") == (
        '<text><tspan x="0" y="1em"><tspan font-weight="bold">One two</tspan><tspan> three four</tspan></tspan></text>'
    )


def test_a_word_without_letters_leaves_the_others_alone():
    text = f"<text>{row(word('Token') + word('') + word(' bucket'))}</text>"
    assert shown(text) == '<text y="1em">Token bucket</text>'


def test_a_text_without_rows_keeps_its_place():
    assert shown('<text y="12" x="3">Plain</text>') == '<text x="3" y="12">Plain</text>'


def label(group: str, inner: str = "label", at: str = "translate(-20.5, -8)") -> str:
    """A label inside a group of that class, placed by its left edge."""
    return (
        f'<g class="{group}"><g class="{inner}" transform="{at}">'
        '<text transform="translate(-3, 2)">Word</text></g></g>'
    )


@pytest.mark.parametrize("kind", ["stateDiagram", "er", "class"])
def test_a_label_placed_by_its_left_edge_is_moved_to_the_middle(kind):
    assert shown(label("node"), kind) == (
        '<g class="node"><g class="label" transform="translate(0,-8)">'
        '<text text-anchor="middle" transform="translate(0,2)">Word</text></g></g>'
    )


def test_a_label_of_a_flowchart_is_in_the_middle_already():
    (group,) = only(label("node"))
    assert group.get("transform") == "translate(-20.5, -8)"
    assert group[0].attrib == {"transform": "translate(0,2)", "text-anchor": "middle"}


@pytest.mark.parametrize(
    ("group", "inner"),
    [
        ("edge", "label"),
        ("node", "label attribute-name"),
        ("node", "outline"),
        ("node members-group", "label"),
    ],
)
def test_what_is_no_label_of_a_node_stays_where_it_is(group, inner):
    (inside,) = only(label(group, inner), "class")
    assert inside.get("transform") == "translate(-20.5, -8)"
    assert inside[0].get("text-anchor") is None


@pytest.mark.parametrize("name", ["cluster", "statediagram-cluster"])
def test_the_title_of_a_cluster_stands_in_the_middle_of_its_upper_edge(name):
    group = only(
        f'<g class="{name}"><rect x="10" y="20" width="60" height="40"/>'
        '<g class="cluster-label" transform="translate(12, 99)"><text>Zone</text></g></g>'
    )
    assert group[1].get("transform") == "translate(40,23)"
    assert group[1][0].get("text-anchor") == "middle"


def test_a_cluster_without_a_title_is_left_alone():
    assert shown(f'<g class="cluster">{BOX}</g>') == (
        '<g class="cluster"><rect class="basic" height="20" width="50" x="0" y="0" /></g>'
    )


def note(width: int, text: str) -> str:
    return f'<g><rect class="note" x="40" y="0" width="{width}" height="20"/><text>{text}</text></g>'


def test_a_note_is_as_wide_as_its_text_about_the_same_middle_and_the_picture_with_it():
    root = made(note(20, "A note that is much longer"), "sequence")
    box = root[0][0]
    x, width = float(box.get("x", "")), float(box.get("width", ""))
    assert width > 26 * FONT_SIZE / 3 + 2 * NOTE_PADDING
    assert x + width / 2 == pytest.approx(50, abs=0.1)
    left, top, across, down = map(float, root.get("viewBox", "").split())
    assert (top, down) == (0, 50)
    assert left == pytest.approx(x - 2, abs=0.1)
    assert left + across == pytest.approx(x + width + 2, abs=0.2)


def test_a_note_that_has_room_stays_as_it_is():
    root = made(note(60, "A note"), "sequence")
    assert (root[0][0].get("x"), root[0][0].get("width")) == ("40", "60")
    assert root.get("viewBox") == "0 0 100 50"
    # A box that is no note, and a note's text.
    root = made(note(20, "A note that is much longer").replace('class="note"', 'class="actor"'), "sequence")
    assert root[0][0].get("width") == "20"
    # Only a sequence's notes are laid between two lines.
    assert made(note(20, "A note that is much longer"))[0][0].get("width") == "20"


# --- Cleaning ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # What a style says and means is an attribute, colors and what else it says are gone.
        ('style="text-anchor: middle; font-size: 14px; fill: #333"', 'text-anchor="middle"'),
        ('style="fill: none; stroke: none"', 'fill="none" stroke="none"'),
        ('style="stroke-dasharray: 2 3; font-weight: bold; font-style: italic"', 'font-style="italic" font-weight="bold" stroke-dasharray="2 3"'),
        ('fill="#333" stroke="hsl(0,0%,20%)"', ""),
        ('fill="none" stroke="none"', 'fill="none" stroke="none"'),
        # An arrow's line is the sheet's, though Mermaid says that it has none.
        ('stroke="none" marker-end="url(#m)"', 'marker-end="url(#diagram-id-1)"'),
        ('stroke-width="2"', ""),
        ('d="M0 0" stroke-width="2"', 'd="M0 0" stroke-width="2"'),
        ('font-size="4ex"', ""),
        ('font-size="13"', 'font-size="13"'),
        ('font-weight="400"', ""),
        ('font-weight="normal"', ""),
        ('font-weight="bold"', 'font-weight="bold"'),
        ('stroke-dasharray="0"', ""),
        ('stroke-dasharray="1 0"', ""),
        ('stroke-dasharray="0,0"', ""),
        ('stroke-dasharray="none"', ""),
        ('stroke-dasharray="3"', 'stroke-dasharray="3"'),
        ('stroke-dasharray="10 2"', 'stroke-dasharray="10 2"'),
        ('class="width-120 undefined default edge edge"', 'class="edge"'),
        ('class="edge default-flow"', 'class="edge default-flow"'),
        ('class="default"', ""),
        ('data-id="a" name="b" font-family="Arial" alignment-baseline="central"', ""),
        ('xlink:href="#a" href="#a" transform-origin="1 1"', ""),
        ('transform="translate(0, 0)"', ""),
        ('transform=""', ""),
        ('transform="translate(0, 1)"', 'transform="translate(0, 1)"'),
        ('id="alone"', ""),
    ],
)  # fmt: skip
def test_an_element_says_what_it_means_and_no_look(before, after):
    marker = f'<defs><marker id="m">{BOX}</marker></defs>' if "url(#m)" in before else ""
    *_, line = made(f"{marker}<line {before}/>")
    wanted = ET.fromstring(f"<line {after}/>").attrib
    assert line.attrib == wanted


def test_circles_and_texts_have_no_width():
    assert shown('<circle width="3" height="3" r="5"/><text width="3" height="3">A</text>') == (
        '<circle r="5" /><text>A</text>'
    )


def test_scripts_and_style_sheets_go_however_deep_they_stand():
    assert (
        shown(f"<style>a {{}}</style><g><g><script>b()</script><style>c {{}}</style>{BOX}</g></g>").count("<")
        == 5
    )


@pytest.mark.parametrize(
    "nothing",
    [
        "<g/>",
        "<g><g><text>  </text></g></g>",
        "<text><tspan/></text>",
        "<defs/>",
        "<rect/>",
        '<rect width="0.9"/>',
    ],
)
def test_what_draws_nothing_goes(nothing):
    assert shown(f"{BOX}{nothing}") == shown(BOX)


@pytest.mark.parametrize(
    "something", ['<rect width="1"/>', "<text>A</text>", '<path d="M0 0"/>', "<circle/>"]
)
def test_what_draws_something_stays_with_what_holds_it(something):
    root = made(f"<g><g>{something}</g><g/></g>")
    assert len(root) == len(root[0]) == len(root[0][0]) == 1


def test_definitions_stay_while_something_that_is_drawn_leads_to_them():
    used = f'<marker id="a">{BOX}</marker>'
    unused = "".join(
        f'<{tag} id="b">{BOX}</{tag}>' for tag in ("marker", "symbol", "filter", "linearGradient")
    )
    root = made(f'<defs>{unused}{used}</defs><path id="c" d="M0 0" marker-end="url(#a)"/>')
    assert [(element.tag, element.get("id")) for element in root[0]] == [("marker", "diagram-id-1")]
    assert root[1].attrib == {"d": "M0 0", "marker-end": "url(#diagram-id-1)"}


def test_ids_are_numbered_in_the_order_of_their_names():
    inside = "".join(f'<marker id="{name}">{BOX}</marker>' for name in "ba")
    root = made(f'<defs>{inside}</defs><path d="M0 0" marker-start="url(#b)" marker-end="url(#a)"/>')
    assert [marker.get("id") for marker in root[0]] == ["diagram-id-2", "diagram-id-1"]
    assert (root[1].get("marker-start"), root[1].get("marker-end")) == (
        "url(#diagram-id-2)",
        "url(#diagram-id-1)",
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('x="1.25" y="1.26"', 'x="1.2" y="1.3"'),
        ('x1="3.04" x2="2.96" y1="1.0" y2="-0.04"', 'x1="3" x2="3" y1="1" y2="0"'),
        ('d="M1.234 5.678L9.05 10.949"', 'd="M1.2 5.7L9.1 10.9"'),
        ('d="m1.234 5.678 l-9.996 1.5e-3"', 'd="m1.23 5.68 l-10 0"'),
        ('points="1.11,2.22  3.33,4.44"', 'points="1.1,2.2 3.3,4.4"'),
        ('transform="rotate(45.678)" rx="2.34" ry="2.36"', 'transform="rotate(45.7)" rx="2.3" ry="2.4"'),
        ('cx="7.77" cy="8.88" r="1.11"', 'cx="7.8" cy="8.9" r="1.1"'),
        ('width="20.46" height="30.44"', 'width="20.5" height="30.4"'),
        ('dy="1.234" y="0.555em"', 'dy="1.234" y="0.555em"'),
    ],
)
def test_lengths_have_a_decimal_and_relative_paths_two(before, after):
    assert only(f"<path {before}/>").attrib == ET.fromstring(f"<path {after}/>").attrib
