"""Charts: the contract, the colors, and what every chart gives to those who do not see it."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup

from macros import charts
from tests.macros.colors import SHEET, palettes


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(charts, "CACHE_DIR", tmp_path / "charts")
    return tmp_path / "charts"


POINTS = [
    {"day": day, "left": 100 - 2.5 * day, "kind": kind} for day in range(5) for kind in ("fast", "slow")
]


def specification(**changes: Any) -> dict[str, Any]:
    return {
        "title": "The budget lasts & lasts",
        "description": "Budget left by day.",
        "data": {"values": POINTS},
        "usermeta": {"columns": {"day": "Day", "left": "Left, %"}},
        "mark": {"type": "line", "clip": True},
        "encoding": {
            "x": {"field": "day", "type": "quantitative", "title": "Day"},
            "y": {"field": "left", "type": "quantitative", "title": "Left, %"},
            "color": {"field": "kind", "type": "nominal", "title": None},
        },
    } | changes


def drawn(**changes: Any) -> BeautifulSoup:
    return BeautifulSoup(charts.figure("budget", specification(**changes)), "html.parser")


def test_a_chart_has_a_caption_a_text_alternative_and_its_data():
    page = drawn()
    assert page.figcaption.text == "The budget lasts & lasts"
    named_by = page.svg["aria-labelledby"].split()
    assert page.svg["role"] == "img"
    assert [page.find(id=name).text for name in named_by] == [
        "The budget lasts & lasts",
        "Budget left by day.",
    ]
    rows = [[cell.text for cell in row.find_all(["th", "td"])] for row in page.table.find_all("tr")]
    assert rows[0] == ["Day", "Left, %"]
    assert rows[1:] == [[f"{row['day']}", f"{row['left']:,.4g}"] for row in POINTS]
    assert page.details.get("open") is None


@pytest.mark.parametrize("days", [3, 5])
def test_each_series_is_drawn_through_all_of_its_points(days: int):
    points = [point for point in POINTS if point["day"] < days]
    paths = drawn(data={"values": points}).svg.find_all("path", attrs={"stroke": charts.SERIES})
    assert [(path["stroke"], path["d"].count("L")) for path in paths[:2]] == [
        (charts.SERIES[0], days - 1),
        (charts.SERIES[1], days - 1),
    ]


def test_the_html_is_one_line_so_that_markdown_leaves_it_alone():
    assert "\n" not in charts.figure("budget", specification(description="Two\nlines."))


def test_no_style_no_font_and_only_ids_of_its_own():
    html = charts.figure("budget", specification())
    assert " style=" not in html
    assert "font-family" not in html
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) > 2, "a clipped line has a clip path of its own"
    assert all(name.startswith("chart-budget-") for name in ids)
    assert len(set(ids)) == len(ids)
    assert set(re.findall(r"url\(#([^)]+)\)", html)) <= set(ids)


def test_a_value_cannot_break_out_of_the_table_or_the_drawing():
    hostile = [{"day": 1, "left": 2, "kind": "<script>alert(1)</script>"}]
    page = drawn(title='"><script>', data={"values": hostile}, usermeta={"columns": {"kind": "<b>Kind</b>"}})
    assert not page.find("script")
    assert not page.find("b")
    ET.fromstring(str(page.svg))


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"title": ""}, "title is missing"),
        ({"description": None}, "description is missing"),
        ({"data": {"values": []}}, "data.values is empty"),
        ({"usermeta": {}}, "usermeta.columns is missing"),
        ({"width": 900}, "the site sets width"),
        ({"mark": {"type": "line", "color": "#ff0000"}, "encoding": {"x": {"field": "day"}}}, "#ff0000"),
        ({"usermeta": {"columns": {"dya": "Day"}}}, "no row has the field dya"),
    ],
)
def test_a_specification_outside_the_contract_is_told_with_its_name(changes: dict[str, Any], fault: str):
    with pytest.raises(charts.ChartError, match=f"chart budget: .*{re.escape(fault)}"):
        charts.figure("budget", specification(**changes))


def test_the_sheet_maps_every_color_for_fill_and_stroke_in_every_palette():
    sheet = SHEET.read_text(encoding="utf-8")
    for paint in ("fill", "stroke"):
        mapped = dict(
            re.findall(rf'\[{paint}="(#\w{{6}})"\] \{{ {paint}: var\(--diagram-([\w-]+)\); \}}', sheet)
        )
        assert set(mapped) == charts.COLORS
        assert {color: palettes()["default"][name] for color, name in mapped.items()} == {
            c: c for c in mapped
        }


def test_the_table_says_moments_and_numbers_as_people_write_them():
    values = [
        {"at": "2026-11-20T10:00:00", "many": 12_345, "share": 0.123456, "gone": None},
        {"at": "2026-11-20T10:00:30", "many": 7, "share": 2_500.0, "gone": None},
    ]
    page = drawn(
        data={"values": values},
        usermeta={"columns": {"at": "At", "many": "Many", "share": "Share", "gone": "Gone"}},
        encoding={"x": {"field": "at", "type": "temporal"}, "y": {"field": "many", "type": "quantitative"}},
    )
    rows = [[cell.text for cell in row.find_all("td")] for row in page.tbody.find_all("tr")]
    assert rows == [
        ["2026-11-20 10:00", "12,345", "0.1235", "none"],
        ["2026-11-20T10:00:30", "7", "2,500", "none"],
    ]


def test_a_chart_is_drawn_once_for_all_builds(cache: Path, monkeypatch: pytest.MonkeyPatch):
    first = charts.figure("kept", specification())
    charts._figure.cache_clear()
    monkeypatch.setattr(charts, "_render", lambda drawing: pytest.fail("drawn again"))
    assert charts.figure("kept", specification()) == first
    charts._figure.cache_clear()
    (entry,) = cache.iterdir()
    entry.write_bytes(entry.read_bytes()[:-1])
    with pytest.raises(pytest.fail.Exception, match="drawn again"):
        charts.figure("kept", specification())
