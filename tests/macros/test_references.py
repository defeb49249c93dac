from datetime import date
from pathlib import Path

from macros.references import Link, external_links, faults_of, references_of

TEXT = """\
---
title: A page
---

[Before](https://example.org/before), ![a picture](https://example.org/picture.svg) and [inside](../other.md).

```markdown
[in a listing](https://example.org/listing)
```

`![x](https://example.org/code)` is code, [`WAIT`](https://example.org/wait) a link.

## References

- [One, in
  two lines](https://example.org/2026-07-28/one): what it supports. Version of 2026-01-02. Read 2026-11-22,
  its table again 2026-11-25.
- [Wiki](https://example.org/a_(b)#part) with [brackets [in] it](http://example.org/c?d=1&e=2). read on 2026-11-24

## After

- [no reference](https://example.org/after)
"""


def test_links_are_read_with_their_lines_as_a_reader_would_click_them():
    assert external_links(TEXT) == [
        Link("https://example.org/before", "Before", 5),
        Link("https://example.org/picture.svg", "a picture", 5),
        Link("https://example.org/wait", "`WAIT`", 11),
        Link("https://example.org/2026-07-28/one", "One, in two lines", 15),
        Link("https://example.org/a_(b)#part", "Wiki", 18),
        Link("http://example.org/c?d=1&e=2", "brackets [in] it", 18),
        Link("https://example.org/after", "no reference", 22),
    ]


def test_a_reference_has_its_links_and_the_days_on_which_it_was_read():
    one, two = references_of(TEXT)
    assert (one.line, [link.line for link in one.links]) == (15, [15])
    assert one.read == (date(2026, 1, 2), date(2026, 11, 22), date(2026, 11, 25))
    assert [link.address for link in two.links] == [
        "https://example.org/a_(b)#part",
        "http://example.org/c?d=1&e=2",
    ]
    assert two.read == (date(2026, 11, 24),)


def test_references_stand_below_a_heading_of_that_name_and_level_alone():
    item = "\n\n- [No reference](https://example.org/no)\n\n"
    headings = ("### References", "Write `## References` above them:", "## Referenced tables")
    assert references_of("# A\n\n" + "".join(heading + item for heading in headings)) == ()


def told(item):
    file = Path("docs/questions/technical/a.md")
    return [(fault.line, fault.fault) for fault in faults_of({file: f"# A\n\n## References\n\n{item}\n"})]


def test_what_a_reference_lacks_is_told_with_its_line():
    assert told("- [A](https://example.org/): all. Read 2026-11-25.") == []
    assert told("- A, by heart. Read 2026-11-25.") == [(5, "a reference without a link")]
    assert told("- [A](other.md). Read 2026-11-25.") == [(5, "a reference without a link")]
    unread = [(5, "a reference does not say when it was read")]
    assert told("- [A](https://example.org/).") == unread
    assert told("- [A](https://example.org/read/2026-11-25/).") == unread
    assert told("- [A](https://example.org/), version of 2026-11-25.") == unread
    assert told("- [A](https://example.org/). Read 2026-11-31.") == [
        (5, "a reference was read on a day that is none: 2026-11-31 is no day")
    ]
