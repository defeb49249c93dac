from bs4 import BeautifulSoup
from markdown import markdown

DRILL = """\
## Hints

/// details | Hint 1
    type: hint

### Where to look

///

//// details | Stage 1
    type: stage

### Stage 1

/// details | Reveal
    type: evidence

#### A table

///

////

//// details | Reveal the model answer
    type: answer

## Model answer

////
"""


def excluded(text: str) -> list[str]:
    html = markdown(text, extensions=["pymdownx.blocks.details", "toc", "macros.unsearched"])
    soup = BeautifulSoup(html, "html.parser")
    return [tag.get_text() for tag in soup.find_all(attrs={"data-search-exclude": True})]


def test_headings_behind_a_drills_reveals_are_excluded():
    assert excluded(DRILL) == ["Stage 1", "A table", "Model answer"]


def test_pages_that_are_no_drills_stay_searchable():
    assert excluded(DRILL.replace("type: stage", "type: example")) == []
