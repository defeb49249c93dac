from pathlib import Path

from macros import icons

DRAWING = Path(__file__).parents[2] / "docs" / icons.SOURCE


def test_every_icon_has_its_size_and_the_drawings_color_up_to_its_edges():
    """Home screens cut corners off themselves, and show black where an icon lets something through."""
    made = icons.pngs(DRAWING.read_text(encoding="utf-8"))
    assert set(made) == set(icons.SIZES)
    for name, data in made.items():
        width, height = (int.from_bytes(data[at : at + 4], "big") for at in (16, 20))
        assert data.startswith(b"\x89PNG"), name
        assert width == height == icons.SIZES[name], name
