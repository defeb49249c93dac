from datetime import date

from macros.tally import Tally, tally

PAGE = """\
## Question

Read 2030-01-01 by nobody. A listing is cut by `--8<-- "examples/a/b.py:one"`.

```python title="examples/a/b.py"
--8<-- "examples/a/b.py:one"
```

{{ computed("share", of=2) }} and {{ question(3) }}, {{chart("growth")}}

## References

- [One](https://example.org): what it supports. Read 2026-11-22.
- [Two](https://example.org):
  on two lines, read 2026-11-25.

## After

- no reference
"""


def test_what_pages_hold_is_counted():
    assert tally([PAGE, PAGE]) == Tally(listings=2, figures=4, references=4, last_read=date(2026, 11, 25))


def test_a_page_without_any_counts_for_nothing():
    assert tally(["## Question\n\nWhy?\n"]) == Tally(0, 0, 0, None)
