"""The ledger of figures and the quarantine: that they hold now. That they will is asked by the schedule alone."""

import dataclasses
import re
from datetime import date
from functools import cache
from pathlib import Path

import pytest

from examples.reference_numbers import hardware, models, prices
from macros.faults import SourceError
from macros.front_matter import read
from macros.links import NONE, LinkState
from macros.references import Link, external_links, references_of
from references import ledger
from references.due import due
from tests.content.reading import DOCS, QUESTION_FILES, ROOT

SOURCES = [source for _, source in ledger.figures()]
FIGURES = [(source, figure) for source in SOURCES for figure in source.figures]
CODE = {figure.code for _, figure in FIGURES if figure.code}
CITED = {
    link.address for file in DOCS.rglob("*.md") for link in external_links(file.read_text(encoding="utf-8"))
}


@cache
def words_of(file: Path) -> str:
    return " ".join(file.read_text(encoding="utf-8").split())


def test_every_figure_is_what_stands_in_its_place():
    wrong = []
    for _, figure in FIGURES:
        if figure.code:
            value = ledger.value_at(figure.code)
            value = tuple(value) if isinstance(value, list) else value
            if value != figure.is_ or isinstance(value, bool):
                wrong.append(f"{figure.code} is {value}, not {figure.is_}")
        elif " ".join(figure.words.split()) not in words_of(ROOT / figure.file):
            wrong.append(f"{figure.file} does not say: {figure.words}")
    assert not wrong


def test_no_place_has_two_entries():
    places = [figure.place for _, figure in FIGURES]
    assert len(places) == len(set(places))


def test_every_source_is_among_the_pages_links():
    assert not {source.source for source in SOURCES} - CITED


def test_every_reference_of_a_question_has_its_figures_in_the_ledger_or_is_listed_as_having_none():
    referenced = {
        file.relative_to(ROOT): [
            link for reference in references_of(file.read_text(encoding="utf-8")) for link in reference.links
        ]
        for file in QUESTION_FILES
        # A page without an answer has no references yet.
        if read(file).meta.get("answer") != "pending"
    }
    assert referenced
    assert all(referenced.values())
    faults = ledger.unaccounted(referenced, ledger.figures(), ledger.without_figures())
    assert not faults, "\n".join(
        f"{fault.file}:{fault.line}: {fault.fault}: {fault.mend}" for fault in faults
    )


def test_no_source_claims_to_be_read_later_than_its_reference_says():
    days: dict[str, date] = {}
    for file in DOCS.rglob("*.md"):
        for reference in references_of(file.read_text(encoding="utf-8")):
            for link in reference.links:
                days[link.address] = max([days.get(link.address, date.min), *reference.read])
    late = [source.what for source in SOURCES if source.source in days and source.read > days[source.source]]
    assert not late


def numbers_in(table, name, *, key=lambda record: dataclasses.astuple(record)[0], but=()):
    """The places of all figures of a table of records."""
    places = set()
    for record in table:
        for field in dataclasses.fields(record):
            value = getattr(record, field.name)
            if (
                field.name not in but
                and value
                and not (isinstance(value, str) and not re.match(r"\d{4}-", value))
            ):
                places.add(f"reference_numbers.{name}[{key(record)}].{field.name}")
    return places


def test_every_price_gpu_and_model_of_the_numbers_has_an_entry():
    wanted = numbers_in(prices.TOKENS, "prices:TOKENS")
    wanted |= numbers_in(
        prices.HOURS, "prices:HOURS", key=lambda price: f"{price.gpu} / {price.seller}", but=("read",)
    )
    wanted |= numbers_in(hardware.GPUS, "hardware:GPUS")
    wanted |= numbers_in(models.MODELS, "models:MODELS")
    assert not wanted - CODE
    tables = ("reference_numbers.prices:", "reference_numbers.hardware:GPUS", "reference_numbers.models:")
    assert {place for place in CODE if place.startswith(tables)} == wanted


def test_every_source_of_the_page_of_numbers_is_one_of_the_ledger():
    text = (DOCS / "numbers.md").read_text(encoding="utf-8")
    links = {link.address for link in external_links(text[text.index("## Sources") :])}
    # What only agrees with another source.
    agree = {"https://ai.google.dev/gemini-api/docs/tokens", "https://developers.openai.com/api/docs/models"}
    assert links - {source.source for source in SOURCES} == agree


def test_every_legal_clock_with_a_number_has_an_entry():
    text = (DOCS / "numbers.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| .*$", text[text.index("## Legal clocks") : text.index("## Sources")], re.MULTILINE
    )[2:]
    said = [figure.words for _, figure in FIGURES if figure.file == "docs/numbers.md"]
    assert len(rows) > 5
    for row in rows:
        assert row.startswith("| Without undue delay |") or any(row.startswith(words) for words in said), row


def test_the_quarantine_holds_links_that_pages_have():
    assert {entry.link for _, entry in ledger.quarantine()} <= CITED


SOURCE = """\
sources:
- what: A price
  source: https://example.org/
  version: "1"
  read: 2026-11-26
  kind: documented
  good_until: {good_until}
  figures:
    - {figure}
without_figures:
- https://example.org/rules
"""
FIGURE = "{ is: 1, unit: dollars, code: a:B }"
PRICES, RULES = "https://example.org/", "https://example.org/rules"


def kept(tmp_path, text):
    file = tmp_path / "kept.yml"
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    ("good_until", "figure", "line", "said"),
    [
        ("2026-11-26", FIGURE, 2, "after `read`"),
        ("2030-01-01", FIGURE, 2, "two years at most"),
        ("2027-01-01", "{ is: 1, unit: dollars }", 9, "give `code`"),
        ("2027-01-01", "{ is: 1, unit: dollars, code: a:B, file: docs/a.md, words: a }", 9, "give `code`"),
        ("2027-01-01", "{ is: 1, unit: dollars, code: no place }", 9, "match pattern"),
        ("2027-01-01", "{ is: 1, unit: dollars, file: ../a.md, words: a }", 9, "match pattern"),
        ("2027-01-01", "{ is: 1, code: a:B, unti: dollars }", 9, "Field required"),
    ],
)
def test_an_entry_that_lacks_something_is_told_with_its_line(tmp_path, good_until, figure, line, said):
    file = kept(tmp_path, SOURCE.format(good_until=good_until, figure=figure))
    with pytest.raises(SourceError, match=re.escape(said)) as raised:
        ledger.figures(file)
    assert line in {fault.line for fault in raised.value.faults if said in fault.fault}


class TestUnaccounted:
    PAGE = Path("docs/questions/technical/a.md")

    def told(self, tmp_path, *cited, listed=(RULES,)):
        text = SOURCE.format(good_until="2027-01-31", figure=FIGURE).replace(
            f"- {RULES}\n", "".join(f"- {address}\n" for address in listed)
        )
        file = kept(tmp_path, text)
        links = [Link(address, "A", line) for line, address in enumerate(cited, 30)]
        without = ledger.without_figures(file)
        faults = ledger.unaccounted({self.PAGE: links}, ledger.figures(file), without, file)
        assert all("figures" in fault.mend for fault in faults)
        return [(fault.file.name, fault.line, fault.fault) for fault in faults]

    def test_a_source_with_a_figure_and_one_that_is_listed_are_in_order(self, tmp_path):
        assert self.told(tmp_path, PRICES, RULES) == []

    def test_a_reference_of_which_nothing_is_said_is_told_where_it_stands(self, tmp_path):
        said = "nothing says which figures are taken from https://example.org/new"
        assert self.told(tmp_path, PRICES, RULES, "https://example.org/new") == [("a.md", 32, said)]

    def test_another_part_of_the_same_page_is_another_reference(self, tmp_path):
        assert [line for _, line, _ in self.told(tmp_path, RULES, RULES + "#section-2")] == [31]

    @pytest.mark.parametrize(
        ("cited", "listed", "told"),
        [
            ([PRICES, RULES], [RULES, PRICES], [(12, f"{PRICES} is the source of a figure")]),
            ([PRICES], [RULES], [(11, f"no question refers to {RULES}")]),
            ([RULES], [RULES, RULES], [(line, f"{RULES} stands here 2 times") for line in (11, 12)]),
        ],
    )
    def test_what_is_listed_in_vain_is_told_with_its_line(self, tmp_path, cited, listed, told):
        assert self.told(tmp_path, *cited, listed=listed) == [("kept.yml", *one) for one in told]

    @pytest.mark.parametrize(
        ("spoiled", "line", "said"),
        [
            (lambda text: text.replace(RULES, "rules"), 11, "match pattern"),
            (lambda text: text.partition("without_figures")[0], 1, "`sources` and `without_figures`"),
        ],
    )
    def test_a_list_that_is_none_is_told(self, tmp_path, spoiled, line, said):
        file = kept(tmp_path, spoiled(SOURCE.format(good_until="2027-01-31", figure=FIGURE)))
        with pytest.raises(SourceError, match=said) as raised:
            ledger.without_figures(file)
        assert [fault.line for fault in raised.value.faults] == [line]


@pytest.mark.parametrize(
    "code", ["reference_numbers.prices:TOKENS[Nobody].input", "slo_definition.budget:MISSING"]
)
def test_a_place_that_is_none_is_told(code):
    with pytest.raises((LookupError, AttributeError), match=r"Nobody|MISSING"):
        ledger.value_at(code)


QUARANTINED = (
    "links:\n- { link: 'https://example.org/a', since: 2026-12-01, until: 2026-12-31, reason: It moves. }\n"
)


def test_a_quarantine_ends(tmp_path):
    assert len(ledger.quarantine(kept(tmp_path, QUARANTINED))) == 1
    with pytest.raises(SourceError, match="90 days at most"):
        ledger.quarantine(kept(tmp_path, QUARANTINED.replace("2026-12-31", "2027-03-31")))


class TestDue:
    LINK = "https://example.org/a"
    PAGE = Path("docs/a.md")

    def due(self, tmp_path, today, verdict=None, checked=date(2026, 12, 7), quarantine="links: []\n"):
        file = kept(tmp_path, SOURCE.format(good_until="2027-01-31", figure=FIGURE))
        sources = ledger.figures(file)
        quarantined = ledger.quarantine(kept(tmp_path, quarantine))
        links = {}
        if verdict:
            alive = checked if verdict == "alive" else None
            links[self.LINK] = LinkState(verdict=verdict, checked=checked, since=checked, alive=alive)
        states = NONE.model_copy(update={"checked": checked, "links": links})
        cited = {self.PAGE: [Link(self.LINK, "A", 7)]}
        names = Path("figures.yml"), Path("quarantine.yml")
        return [(str(f.file), f.line) for f in due(today, cited, states, sources, quarantined, *names)]

    def test_a_figure_is_due_on_the_day_after_its_last(self, tmp_path):
        assert self.due(tmp_path, date(2027, 1, 31)) == []
        assert self.due(tmp_path, date(2027, 2, 1)) == [("figures.yml", 2)]

    @pytest.mark.parametrize(
        ("verdict", "told"), [("gone", [("docs/a.md", 7)]), ("unsure", []), ("alive", []), (None, [])]
    )
    def test_a_link_is_due_where_it_is_gone(self, tmp_path, verdict, told):
        assert self.due(tmp_path, date(2026, 12, 7), verdict) == told

    def test_a_quarantine_gives_a_gone_link_time_until_its_last_day(self, tmp_path):
        assert self.due(tmp_path, date(2026, 12, 31), "gone", quarantine=QUARANTINED) == []
        late = self.due(tmp_path, date(2027, 1, 1), "gone", quarantine=QUARANTINED)
        assert sorted(late) == [("docs/a.md", 7), ("quarantine.yml", 2)]

    def test_a_quarantine_of_what_is_alive_again_is_over(self, tmp_path):
        assert self.due(tmp_path, date(2026, 12, 8), "alive", quarantine=QUARANTINED) == [
            ("quarantine.yml", 2)
        ]
        # Seen alive before it was put there.
        before = self.due(tmp_path, date(2026, 12, 8), "alive", date(2026, 11, 30), QUARANTINED)
        assert before == []
