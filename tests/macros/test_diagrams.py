"""Diagrams: rendered, cached, named, themed, and refused with the file and the line."""

from __future__ import annotations

import math
import os
import pickle
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import mermaidx
import pytest
from markdown import Markdown
from pymdownx.superfences import SuperFencesException

from macros import diagrams, store
from macros.diagrams import DiagramError, check, render, svg
from macros.diagrams.source import parts

SVG = "{http://www.w3.org/2000/svg}"

NAMED = "    accTitle: A & B <drawn>\n    accDescr: A passes work to B.\n"
SOURCES = {
    "flowchart": f"""flowchart LR
{NAMED}    client[Client] -->|HTTPS| gate{{Within<br/>limit?}}
    gate -.->|no| reject([429 Too Many Requests])
    subgraph pool [Pool]
        worker[(Queue)]
    end
    gate ==> worker
""",
    "sequence": f"""sequenceDiagram
{NAMED}    autonumber
    actor U as User
    U->>+G: POST /v1/chat
    Note over U,G: A note that is a good deal wider than the two are apart
    alt allowed
        G-->>U: 200
    else refused
        G--xU: 429
    end
    deactivate G
""",
    "state": f"""stateDiagram-v2
{NAMED}    [*] --> Closed
    Closed --> Open: 5 failures
    note right of Open: Fails fast
    Open --> [*]
""",
    "er": f"""erDiagram
{NAMED}    TENANT ||--o{{ API_KEY : owns
    API_KEY {{
        uuid id PK
    }}
""",
}

# What Mermaid hands over, cut down to what the processing looks at: tests of the cache need no second each.
RAW = (
    f'<svg xmlns="{SVG[1:-1]}" id="my-svg" class="flowchart" viewBox="0 0 100 50" '
    'aria-roledescription="flowchart-v2"><style>#my-svg{fill:red}</style><g class="node">'
    '<rect width="90" height="40" style="fill:red"/></g></svg>'
)


def page(*sources: str) -> str:
    return "\n".join(f"Text.\n\n```mermaid\n{source}```\n" for source in sources)


def markdown() -> Markdown:
    fence = {"name": "mermaid", "class": "diagram", "format": diagrams.fence}
    return Markdown(
        extensions=["pymdownx.superfences"],
        extension_configs={"pymdownx.superfences": {"custom_fences": [fence]}},
    )


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that holds every source of SOURCES, rendered by `check` in worker processes."""
    folder = tmp_path_factory.mktemp("diagrams")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(diagrams, "CACHE_DIR", folder)
        assert check({Path("a.md"): page(*SOURCES.values())}) == []
    assert len(list(folder.iterdir())) == len(SOURCES)
    return folder


@pytest.fixture
def cached(warm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The warm cache, with Mermaid out of reach: whatever is rendered comes from a file."""

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("rendered again")

    monkeypatch.setattr(diagrams, "CACHE_DIR", warm)
    monkeypatch.setattr(mermaidx, "render", refuse)


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """An empty cache and a stand-in for Mermaid; returns what it was asked to render."""
    asked: list[str] = []

    def stand_in(source: str) -> str:
        asked.append(source)
        return RAW

    monkeypatch.setattr(diagrams, "CACHE_DIR", tmp_path / "cache")
    monkeypatch.setattr(diagrams, "_mermaid", stand_in)
    return asked


# --- What comes out


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.usefixtures("cached")
def test_svg_brings_no_look_and_asks_no_host(kind: str) -> None:
    text = render(SOURCES[kind])
    assert text.count("http") == text.count(SVG[1:-1]) == 1
    for element in ET.fromstring(text).iter():
        assert element.tag.removeprefix(SVG) not in {"style", "script", "image", "foreignObject", "a"}
        assert not {"style", "onclick", "href", "font-family"} & set(element.attrib)
        assert element.get("fill", "none") == element.get("stroke", "none") == "none"
    assert len(text) < 8_000


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.usefixtures("cached")
def test_svg_is_named_and_scales(kind: str) -> None:
    root = ET.fromstring(render(SOURCES[kind]))
    assert root.get("role") == "img"
    title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None
    assert description is not None
    assert (title.text, title.get("id")) == ("A & B <drawn>", root.get("aria-labelledby"))
    assert (description.text, description.get("id")) == ("A passes work to B.", root.get("aria-describedby"))
    width, height = (float(n) for n in root.get("viewBox", "").split()[2:])
    assert float(root.get("width", "")) == pytest.approx(width, abs=0.6)
    assert float(root.get("height", "")) == pytest.approx(height, abs=0.6)
    floors = re.findall(r"diagram__svg--min-(\d+)", root.get("class", ""))
    legible = width * svg.MIN_FONT_SIZE / svg.FONT_SIZE
    if legible > svg.FLOOR_FREE + svg.FLOOR_STEP / 2:
        assert int(floors[0]) == pytest.approx(legible, abs=svg.FLOOR_STEP / 2 + 0.1)
    else:
        assert floors == []


@pytest.mark.usefixtures("cached")
def test_every_reference_on_a_page_leads_to_one_element() -> None:
    flow, sequence = SOURCES["flowchart"], SOURCES["sequence"]
    html = markdown().convert(page(flow, sequence, flow, flow))
    ids = re.findall(r'\bid="([^"]+)"', html)
    used = set(re.findall(r'url\(#([^)]+)\)|aria-(?:labelledby|describedby)="([^"]+)"', html))
    assert html.count("<svg") == 4
    assert len(ids) == len(set(ids))
    assert len(used) > 8
    assert {"".join(pair) for pair in used} < set(ids)


@pytest.mark.usefixtures("cached")
def test_a_diagram_is_the_same_on_every_page() -> None:
    source = SOURCES["state"]
    md = markdown()
    first = md.convert(page(source, source))
    md.reset()
    assert md.convert(page(source, source)) == first == markdown().convert(page(source, source))


@pytest.mark.usefixtures("cached")
def test_a_box_that_may_scroll_is_within_reach_of_the_keyboard() -> None:
    wide = markdown().convert(page(SOURCES["flowchart"]))
    narrow = markdown().convert(page(SOURCES["er"]))
    figure = '<figure class="diagram" data-search-exclude>'
    assert f'{figure}<div class="diagram__scroll" tabindex="0" role="group"' in wide
    assert 'aria-label="Diagram: A &amp; B &lt;drawn&gt;"' in wide
    assert '<div class="diagram__scroll"><svg' in narrow
    assert "--min-" not in narrow


@pytest.mark.usefixtures("cached")
def test_a_wide_note_is_not_cut_off() -> None:
    root = ET.fromstring(render(SOURCES["sequence"]))
    left, _, width, _ = (float(n) for n in root.get("viewBox", "").split())
    note = next(e for e in root.iter(f"{SVG}rect") if e.get("class") == "note")
    x, across = float(note.get("x", "")), float(note.get("width", ""))
    assert across > 300
    assert left <= x
    assert x + across <= left + width


@pytest.mark.usefixtures("cached")
def test_indentation_and_trailing_blanks_do_not_render_again() -> None:
    assert render(SOURCES["er"].replace("\n", "   \n") + "\n\n") == render(SOURCES["er"])


def test_rendering_again_gives_the_same_bytes(warm: Path) -> None:
    source = SOURCES["flowchart"]  # its stadium is drawn by a library that likes random numbers
    again = svg.themed(diagrams._mermaid(source), parts(source))
    assert again == diagrams._read(warm / diagrams._key(source))


def test_a_diagram_that_a_busy_machine_does_not_finish_in_time_is_drawn_by_the_slow_engine(
    warm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = mermaidx.render

    def hurried(text: str, *, backend: str, **options: Any) -> Any:
        if backend == "v8":
            raise RuntimeError(
                "Mermaid rendering failed: Render exceeded 8000ms and was killed (this diagram's ..."
            )
        return draw(text, backend=backend, **options)

    monkeypatch.setattr(mermaidx, "render", hurried)
    source = SOURCES["state"]
    again = svg.themed(diagrams._mermaid(source), parts(source))
    assert again == diagrams._read(warm / diagrams._key(source))


def test_a_line_sketched_with_random_points_comes_out_straight() -> None:
    sketched = "M-98.3 -7 C-21.6 -7, 55 -7, 98.3 -7 M-98.3 -7 C-48 -7, 2.2 -7, 98.3 -7"
    assert svg._straight(sketched) == "M-98.3,-7L98.3,-7"
    triangle = "M0 0 C1 1, 2 2, 3 3 M3 3 C4 2, 5 1, 6 0"
    assert svg._straight(triangle) == triangle


def test_a_densely_sampled_outline_keeps_its_shape_and_loses_points() -> None:
    turns = [(50 * math.cos(i / 400 * math.tau), 50 * math.sin(i / 400 * math.tau)) for i in range(401)]
    path = "M50 0 " + " ".join(f"C{x:.6f} {y:.6f}, {x:.6f} {y:.6f}, {x:.6f} {y:.6f}" for x, y in turns[1:])
    outline = [tuple(map(float, point.split(","))) for point in svg._polygon(path)[1:-1].split("L")]
    assert 20 < len(outline) < 130
    assert all(math.hypot(x, y) == pytest.approx(50, abs=0.01) for x, y in outline)
    curve = "M0,8 a29,8 0,0,0 58,0"
    assert svg._polygon(curve) == curve


# --- The cache


def test_a_diagram_is_rendered_once(empty: list[str]) -> None:
    first = render("flowchart LR\n  A-->B")
    assert render("flowchart LR\n  A-->B") == first
    assert len(empty) == 1


@pytest.mark.parametrize("keep", [0, 60, -6])
def test_a_damaged_entry_is_rendered_again(empty: list[str], keep: int) -> None:
    whole = render("flowchart LR\n  A-->B")
    (entry,) = diagrams.CACHE_DIR.iterdir()
    intact = entry.read_bytes()
    entry.write_bytes(intact[:keep])
    assert render("flowchart LR\n  A-->B") == whole
    assert len(empty) == 2
    assert entry.read_bytes() == intact


def test_an_interrupted_write_leaves_nothing(empty: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        render("flowchart LR\n  A-->B")
    assert list(diagrams.CACHE_DIR.iterdir()) == []


def test_another_version_of_what_draws_is_another_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {diagrams._key("flowchart LR")}
    for newer in ("mermaidx", "novasvg"):
        monkeypatch.setattr(store, "versions", lambda *names, newer=newer: [name == newer for name in names])
        keys.add(diagrams._key("flowchart LR"))
    assert len(keys) == 3


def test_the_text_of_every_module_is_in_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in Path(diagrams.__file__).parent.glob("*.py"):
        (tmp_path / module.name).write_bytes(module.read_bytes())
    monkeypatch.setattr(diagrams, "__file__", str(tmp_path / "__init__.py"))

    def key() -> str:
        store.text_of.cache_clear()
        return diagrams._key("flowchart LR")

    keys = {key()}
    for module in tmp_path.glob("*.py"):
        module.write_text(f"{module.read_text(encoding='utf-8')}#", encoding="utf-8")
        keys.add(key())
    store.text_of.cache_clear()
    assert len(keys) == 5


# --- Faults


@pytest.mark.parametrize(
    ("source", "line", "excerpt"),
    [
        ("flowchart LR\n  accTitle: T\n  accDescr: D\n  A --> B\n  B -> -> C\n  C --> D", 5, "`B -> -> C`"),
        ("flowchart LR\n  %% why\n\n  A --> B\n  A[open\n  C --> D", 5, "`[` is never closed: `A[open`"),
        ("\n\nflowchart LR\n  accDescr {\n    two\n    lines\n  }\n  A[a (b)]\n  C --> D", 8, "`A[a (b)]`"),
        ("sequenceDiagram\n  A->>B: hi\n  B-->>\n  A->>B: x", 3, "`B-->>`"),
        ("sequenceDiagram\n  accTitle: T\n  alt x\n  A->>B: hi", 3, "`alt` is never closed"),
        ("sequenceDiagram\n  alt x\n  opt (y)\n  A->>B: hi\n  end\n  A->>B: z", 2, "`alt` is never closed"),
        ("sequenceDiagram\n  A->>B: hi\n  deactivate B", 3, "inactive participant"),
        ("stateDiagram-v2\n  [*] --> A\n  A --> : x\n  B --> C", 3, "`A --> : x`"),
        ("erDiagram\n  A ||--o{ B : x\n  A |--o B : y", 3, "`A |--o B : y`"),
        ('pie\n  %% why\n  accTitle: T\n  "a" : x', 4, "unexpected character"),
        ("flowchrt LR\n  A --> B", 1, "no diagram of this kind: `flowchrt LR`"),
        ("%% nothing but this", 1, "empty"),
    ],
)
def test_an_error_names_the_line_that_is_wrong(source: str, line: int, excerpt: str) -> None:
    with pytest.raises(DiagramError, match=re.escape(excerpt)) as caught:
        diagrams._mermaid(source)
    assert caught.value.line == line
    back = pickle.loads(pickle.dumps(caught.value))  # as it comes home from a worker process
    assert (back.message, back.line) == (caught.value.message, line)


def test_a_kind_that_the_sheet_does_not_theme_is_refused(empty: list[str]) -> None:
    raw = RAW.replace("flowchart-v2", "sankey")
    with pytest.raises(DiagramError, match="themes no sankey diagram, only flowchart"):
        svg.themed(raw, parts("sankey-beta"))


@pytest.mark.parametrize(
    "foreign", ['<image href="https://x.example/a.png"/>', '<path d="M0,0L9,9" filter="url(//x/a.svg#b)"/>']
)
def test_another_host_is_refused(foreign: str) -> None:
    raw = RAW.replace("<style>", f"{foreign}<style>")
    with pytest.raises(DiagramError, match="outside the page"):
        svg.themed(raw, parts("flowchart LR"))


def test_all_faults_come_with_file_and_line(empty: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(source: str) -> str:
        if "broken" in source:
            raise DiagramError("unexpected MINUS", 4)
        return RAW

    monkeypatch.setattr(diagrams, "_mermaid", broken)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)  # a worker process would not see the stand-in
    first, second = Path("b.md"), Path("a.md")
    named = "flowchart LR\naccTitle: T\naccDescr: D\n"
    faults = check(
        {
            first: f"# B\n\n```mermaid\n{named}broken\n```\n\n```mermaid\nflowchart LR\nA-->B\n```\n",
            second: f"```mermaid title='T'\n{named}```\n\n"
            f"```mermaid\n{named}classDef hot fill:red\nstyle A fill:red\nlinkStyle 0 stroke:red\n"
            f"%%{{init: {{}}}}%%\nA{{{{hex}}}}\nclick A href 'x'\n```\n\n```mermaid\n{named}",
        }
    )
    found = [(fault.file, fault.line, fault.fault) for fault in faults]
    expected = [
        (first, 7, "unexpected MINUS"),
        (first, 11, "no `accTitle`"),
        (first, 11, "no `accDescr`"),
        (second, 1, "takes no options"),
        (second, 11, "`classDef`"),
        (second, 12, "`style`"),
        (second, 13, "`linkStyle`"),
        (second, 14, "`%%{init`"),
        (second, 15, "macros"),
        (second, 16, "no links"),
        (second, 19, "never closed"),
    ]
    assert [(file, line) for file, line, _ in found] == [(file, line) for file, line, _ in expected]
    for (*_, text), (*_, part) in zip(found, expected, strict=True):
        assert part in text
    assert all(fault.mend.endswith(".") for fault in faults)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("flowchart LR\naccDescr: D\nA-->B\n", "no `accTitle`"),
        ("flowchart LR\naccTitle: T\naccDescr: D\nstyle A fill:red\n", "line 4 of the diagram: `style` sets"),
        ("flowchrt LR\naccTitle: T\naccDescr: D\n", r"diagram \(flowchrt LR\): line 1 of the diagram"),
    ],
)
def test_a_page_with_a_faulty_diagram_is_not_built(tmp_path: Path, source: str, message: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(diagrams, "CACHE_DIR", tmp_path)
        with pytest.raises(SuperFencesException, match=message):
            markdown().convert(page(source))
    assert list(tmp_path.iterdir()) == []
