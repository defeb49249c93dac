from pathlib import Path

from macros import icons
from tests.macros.pictures import decoded

DRAWING = Path(__file__).parents[2] / "docs" / icons.SOURCE
GROUND = (0x22, 0x30, 0x4A)


def test_every_icon_has_its_size_and_the_drawings_color_up_to_its_edges():
    """Home screens cut corners off themselves, and show black where an icon lets something through."""
    made = icons.pngs(DRAWING.read_text(encoding="utf-8"))
    assert set(made) == set(icons.SIZES)
    for name, data in made.items():
        picture = decoded(data)
        assert picture.width == picture.height == icons.SIZES[name], name
        first, *_, last = picture.rows
        edges = {*first, *last, *(row[0] for row in picture.rows), *(row[-1] for row in picture.rows)}
        assert edges == {GROUND}, name
        assert len({pixel for row in picture.rows for pixel in row}) > 1, name
