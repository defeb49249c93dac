from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from macros.faults import SourceError
from macros.front_matter import faults_of, read, split

FILE = Path("page.md")


def test_splits_mapping_and_body_and_knows_every_line():
    page = split("---\ntitle: A\ntopics:\n  - one\n  - two\n---\n\n## Question\n", FILE)
    assert page.meta == {"title": "A", "topics": ["one", "two"]}
    assert page.body == "\n## Question\n"
    assert page.body_line == 7
    assert page.line_of(("title",)) == 2
    assert page.line_of(("topics", 1)) == 5
    assert page.line_of(("topics", 7)) == 3, "an item that is not there is told by its list"
    assert page.line_of(("absent",)) is None


def test_a_body_may_hold_rules_and_windows_line_ends():
    page = split("---\r\ntitle: A\r\n---\r\ntext\r\n\r\n---\r\nmore\r\n", FILE)
    assert page.meta == {"title": "A"}
    assert page.body == "text\r\n\r\n---\r\nmore\r\n"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", None, "empty"),
        (" \n\n", None, "empty"),
        ("# Title\n", 1, "no front matter"),
        ("\n---\ntitle: A\n---\n", 1, "no front matter"),
        ("---\ntitle: A\n", 1, "not closed"),
        ("---\ntitle: A\nbad: [1, 2\n---\n", 4, "not valid YAML"),
        ("---\ntitle: a: b\n---\n", 2, "not valid YAML"),
        ("---\nminutes: 3\n\ttabs: 1\n---\n", 3, "not valid YAML"),
        ("---\nwhen: 2026-13-45\n---\n", None, "not valid YAML"),
        ("---\n- a\n- b\n---\n", 2, "not a mapping"),
        ("---\n---\n", 2, "not a mapping"),
        ("---\ntitle: A\nminutes: 1\ntitle: B\n---\n", 4, "stands twice, first in line 2"),
        ("---\na: {b: 1, b: 2}\n---\n", 2, "stands twice"),
    ],
)
def test_a_fault_names_file_line_and_mend(text, line, words):
    with pytest.raises(SourceError, match=words) as caught:
        split(text, FILE)
    (fault,) = caught.value.faults
    assert fault.file == FILE
    assert line is None or fault.line == line
    assert fault.mend
    assert str(fault).startswith("page.md")


def test_a_file_that_is_not_utf8_names_the_line_and_the_byte(tmp_path):
    file = tmp_path / "latin.md"
    file.write_bytes("---\ntitle: A\nnote: café\n---\n".encode("latin-1"))
    with pytest.raises(SourceError, match="not UTF-8: byte 0xe9") as caught:
        read(file)
    assert caught.value.faults[0].line == 3


def test_faults_of_many_files_come_together(tmp_path):
    texts = {"a.md": "---\ntitle: A\n---\n", "b.md": "---\ntitle: [\n---\n", "c.md": ""}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    assert [fault.file.name for fault in faults_of(sorted(tmp_path.iterdir()))] == ["b.md", "c.md"]


def test_a_byte_order_mark_is_no_fault(tmp_path):
    file = tmp_path / "bom.md"
    file.write_bytes(b"\xef\xbb\xbf---\ntitle: A\n---\n")
    assert read(file).meta == {"title": "A"}


@given(st.dictionaries(st.text(min_size=1), st.text() | st.integers() | st.lists(st.text())), st.text())
def test_what_yaml_writes_is_read_back(meta, body):
    text = f"---\n{yaml.safe_dump(meta or {'k': 1}, allow_unicode=False)}---\n{body}"
    page = split(text, FILE)
    assert page.meta == (meta or {"k": 1})
    assert page.body == body


@given(st.text())
def test_any_text_is_split_or_refused_and_nothing_else(text):
    with suppress(SourceError):
        assert text.endswith(split(text, FILE).body)
